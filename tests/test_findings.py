"""What is found out of a leg that has failed while others still run, in a real repair."""

import os
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from bot import findings
from bot.app import App, Voices
from bot.errors import Transient
from bot.model import Delivery, Incident, ReplayOptions
from bot.repair.patch import Applied, apply
from tests.projects import WORKFLOW, Make

PATIENCE_SECONDS = 300.0  # a bound, for where nothing is found
JOBS = """
    on: push
    jobs:
      gen:
        runs-on: ubuntu-latest
        steps: [{uses: actions/checkout@v4}, {run: cp source copy && git diff --exit-code}]
      slow:
        runs-on: ubuntu-latest
        steps: [{run: 'true'}]
"""
FILES = {WORKFLOW: JOBS, "source": "new\n", "copy": "old\n"}


class Told(list[str]):
    """All that people are told, in its order. With `slow`, that job ends only when there is a candidate."""

    def __init__(self, *, slow: bool = False) -> None:
        super().__init__()
        self._slow, self._has_candidate = slow, Event()

    def say(self, text: str) -> None:
        self.append(text)
        if findings.CANDIDATE in text:
            self._has_candidate.set()

    def progress(self, what: str, leg: str, _: object) -> None:
        if self._slow and (what, leg) == ("ended", "slow"):
            assert self._has_candidate.wait(PATIENCE_SECONDS)
        self.append(f"{what} {leg}")


def fixed(root: Path, told: Told) -> Incident:
    app = App(root, os.environ, Voices(told.say, told.progress))
    return app.fix(app.open_incident(ReplayOptions(network="none"), Delivery(), 5))


def test_a_slow_leg_keeps_nobody_waiting_for_a_candidate(project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The slow leg ends only when the candidate of the other is there; what was found is not looked for again."""
    monkeypatch.setenv("REGREEN_REPLAY_WORKERS", "2")
    told = Told(slow=True)
    done = fixed(project(FILES).root, told)
    assert (done.verdict, [(a.strategy, a.verdict) for a in done.attempts]) == ("FIXED", [("left behind", "FIXED")])
    assert sum(line.startswith("trying left behind") for line in told) == 1
    assert any(line.startswith("gen: snapshot_diff: ") for line in told[: told.index("ended slow")])
    assert not any("to see whether it is flaky" in line for line in told), "a generator is not run again and again"


def test_what_is_found_out_takes_the_place_of_the_leg(project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGREEN_REPLAY_WORKERS", "1")
    told = Told()
    assert fixed(project(FILES).root, told).verdict == "FIXED"
    found = next(number for number, line in enumerate(told) if findings.CANDIDATE in line)
    assert found < told.index("started slow")


def test_what_goes_wrong_meanwhile_is_left_to_the_rounds(project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    faults = [Transient("git was killed")]

    def apply_or_fail(*args: Any, **kwargs: Any) -> Applied:
        if faults:
            raise faults.pop()
        return apply(*args, **kwargs)

    monkeypatch.setattr(findings, "apply", apply_or_fail)
    told = Told()
    assert fixed(project(FILES).root, told).verdict == "FIXED"
    assert not faults
    assert not [line for line in told if "trying again" in line]
