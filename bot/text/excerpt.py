"""Chooses the lines that say most within a budget."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bot.model import Excerpt, ExcerptLine
from bot.text.log import Line

PER_TOKEN = 4  # characters
WIDEST = 600  # characters of a line that are shown; a longer one is cut to what fits, at its end


class Candidate(NamedTuple):
    """A line that may be shown, and how much it says."""

    score: float
    line: Line


def choose(candidates: Iterable[Candidate], max_tokens: int) -> Excerpt:
    """Return the best candidates that fit into `max_tokens` (characters / 4, a newline each included), in their order.

    A line that is offered twice counts with its better score. When not even the best line fits, it is cut.
    """
    best: dict[int, Candidate] = {}
    for candidate in candidates:
        number = candidate.line.number
        if number not in best or candidate.score > best[number].score:
            best[number] = candidate
    room = max_tokens * PER_TOKEN
    chosen: list[ExcerptLine] = []
    for candidate in sorted(best.values(), key=lambda c: (-c.score, c.line.number)):
        text = candidate.line.text.rstrip()[:WIDEST]
        if not chosen:
            text = text[: max(0, room - 1)]
        if len(text) + 1 > room:
            continue
        room -= len(text) + 1
        chosen.append(ExcerptLine(line=candidate.line.number, text=text))
        if room < 2:
            break
    return Excerpt(lines=tuple(sorted(chosen, key=lambda line: line.line)))


def spread(lines: Sequence[Line], center: int, score: float, *, before: float, after: float) -> Iterable[Candidate]:
    """Offer the lines around number `center`: each line further away is worth so much less; empty lines little."""
    for line in lines:
        distance = line.number - center
        worth = score - (after * distance if distance >= 0 else -before * distance)
        yield Candidate(worth if line.text.strip() else worth - 15, line)
