"""How complex a failure is, from 0 to 1, by features that people can check; what each weighs is config/tiers.yaml."""

import math

from bot.model import Diagnosis
from bot.planning.tiers import table

FILES, TESTS, CHARACTERS = 5, 32, 8000
"""From how many on there are as many as can count: files that the log names, failing tests, characters of excerpt."""


def features(diagnosis: Diagnosis) -> dict[str, float]:
    """The features of a failure, each from 0 to 1, by the names in config/tiers.yaml."""
    files = len({place.file for place in diagnosis.locations})
    characters = sum(len(line.text) for line in diagnosis.excerpt.lines)
    return {
        "no place in the repository": float(not files),
        "several files": min(1.0, max(0, files - 1) / (FILES - 1)),
        "many failing tests": min(1.0, math.log(1 + len(diagnosis.failing_tests), 1 + TESTS)),
        "unsure category": 1 - diagnosis.confidence,
        "long excerpt": min(1.0, characters / CHARACTERS),
    }


def complexity(diagnosis: Diagnosis) -> float:
    """The score of a failure: its features, weighed."""
    weights = table().complexity
    return sum(weights[name] * value for name, value in features(diagnosis).items())
