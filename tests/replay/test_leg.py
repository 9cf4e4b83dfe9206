"""What a leg learns of its sandbox, in whatever order a busy machine lets it see it."""

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from bot.model import Result
from bot.ports import SandboxSpec
from bot.replay.derive import OUTPUTS_STEP
from bot.replay.joblog import JobLog
from bot.replay.layout import LegFolder
from bot.replay.leg import Leg
from bot.replay.record import Record

Row = dict[str, Any]
STEPS: list[Row] = [
    {"jobID": "a", "stage": "Main", "stepID": [OUTPUTS_STEP], "step": "outputs", "msg": "⭐ Run Main outputs"},
    {"jobID": "a", "stage": "Main", "stepID": [OUTPUTS_STEP], "stepResult": "success", "executionTime": 1},
    {"jobID": "a", "jobResult": "success"},
]


class Ended:
    """A sandbox in which everything has happened before its leg looks for the first time."""

    def __init__(self, folder: LegFolder, words: list[list[str]], rows: list[Row]) -> None:
        self.killed = ""
        line = socket.socket(socket.AF_UNIX)
        line.connect(os.path.relpath(folder.control / "socket"))
        for word in words:
            payload = "\0".join(word).encode()
            line.sendall(len(payload).to_bytes(4, "big") + payload)
        line.close()
        self.output, writer = os.pipe()
        os.write(writer, b"".join(json.dumps(step).encode() + b"\n" for step in rows))
        os.close(writer)
        self.exited, self._alive = os.pipe()

    def kill(self, reason: str) -> None:
        self.killed = self.killed or reason

    def wait(self) -> int:
        os.close(self.exited)
        os.close(self._alive)
        return 0


class Sandbox:
    """Starts `Ended`."""

    def __init__(self, folder: LegFolder, words: list[list[str]], rows: list[Row]) -> None:
        self._folder, self._words, self._rows = folder, words, rows
        self.inner_mounts: dict[str, Path] = {}

    def nested(self, *_: object, **__: object) -> list[str]:
        raise NotImplementedError

    def stacks(self, _: Path) -> bool:
        raise NotImplementedError

    def start(self, _: SandboxSpec) -> Ended:
        return Ended(self._folder, self._words, self._rows)


class Gate:
    """A way to an engine that has refused something."""

    def __init__(self, listener: socket.socket) -> None:
        listener.close()

    def denied(self) -> tuple[str, ...]:
        return ("asked for more",)

    def close(self) -> None:
        pass


def ran(tmp_path: Path, *words: list[str], rows: list[Row] = STEPS, contained: bool = False) -> Record:
    folder = LegFolder(tmp_path / "leg").make()
    leg = Leg(
        "a",
        SandboxSpec((), {}, "/"),
        folder,
        Sandbox(folder, list(words), rows),
        lambda url: url,
        Gate if contained else None,
        JobLog(tmp_path / "log", str),
        hold=True,
        hold_nested=False,
        deadline_seconds=60,
        step_seconds={},
        actions={},
        scripts={} if contained else None,
        watcher=lambda *_: None,
    )
    leg.start()
    return leg.settled.result()


def test_what_was_said_before_the_end_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket has at most 107 bytes
    found = ran(tmp_path, ["outputs", json.dumps({"version": "3"})])
    assert (found.job, found.outputs) == (Result.SUCCESS, {"version": "3"})
    assert ran(tmp_path / "b", ["unreplayable", "needs x"]).unreplayable == "needs x"


def test_nothing_is_held_that_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert ran(tmp_path, ["began", "0", "step"], ["held", "/", "0"]).job is Result.SUCCESS


def printed(text: str) -> list[Row]:
    """What act says of a job in a container whose outputs are printed so."""
    row = {"jobID": "a", "stage": "Main", "stepID": [OUTPUTS_STEP], "raw_output": True, "msg": text}
    return [STEPS[0], row, *STEPS[1:]]


def test_outputs_of_a_container_that_cannot_be_read_are_not_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = ran(tmp_path / "a", rows=printed('{"o": "1"}'), contained=True)
    assert (found.outputs, found.unreplayable) == ({"o": "1"}, "")
    for number, text in enumerate(('{"o": "', "[]", "")):
        found = ran(tmp_path / str(number), rows=printed(text), contained=True)
        assert found.unreplayable == "the outputs of the job could not be read"


def test_a_step_that_was_refused_the_engine_is_not_known_to_pass_whether_it_may_fail_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [{**row, **({"stepID": ["0"]} if "stepID" in row else {})} for row in STEPS]
    rows[0]["step"] = "Build"
    rows[1]["stepResult"] = "failure"
    rows.insert(1, {"jobID": "a", "stage": "Main", "stepID": ["0"], "msg": "Failed but continue next step"})
    assert ran(tmp_path, rows=rows, contained=True).unreplayable == "the step 'Build' asked for more"
