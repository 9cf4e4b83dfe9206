"""What a leg learns of its sandbox, in whatever order a busy machine lets it see it."""

import json
import os
import socket
from pathlib import Path

import pytest

from bot.model import Result
from bot.ports import SandboxSpec
from bot.replay.derive import OUTPUTS_STEP
from bot.replay.joblog import JobLog
from bot.replay.layout import LegFolder
from bot.replay.leg import Leg
from bot.replay.record import Record

STEPS = [
    {"jobID": "a", "stage": "Main", "stepID": [OUTPUTS_STEP], "step": "outputs", "msg": "⭐ Run Main outputs"},
    {"jobID": "a", "stage": "Main", "stepID": [OUTPUTS_STEP], "stepResult": "success", "executionTime": 1},
    {"jobID": "a", "jobResult": "success"},
]


class Ended:
    """A sandbox in which everything has happened before its leg looks for the first time."""

    def __init__(self, folder: LegFolder, words: list[list[str]]) -> None:
        self.killed = ""
        line = socket.socket(socket.AF_UNIX)
        line.connect(os.path.relpath(folder.control / "socket"))
        for word in words:
            payload = "\0".join(word).encode()
            line.sendall(len(payload).to_bytes(4, "big") + payload)
        line.close()
        self.output, writer = os.pipe()
        os.write(writer, b"".join(json.dumps(step).encode() + b"\n" for step in STEPS))
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

    def __init__(self, folder: LegFolder, words: list[list[str]]) -> None:
        self._folder, self._words = folder, words
        self.inner_mounts: dict[str, Path] = {}

    def nested(self, *_: object, **__: object) -> list[str]:
        raise NotImplementedError

    def start(self, _: SandboxSpec) -> Ended:
        return Ended(self._folder, self._words)


def ran(tmp_path: Path, *words: list[str]) -> Record:
    folder = LegFolder(tmp_path / "leg").make()
    leg = Leg(
        "a",
        SandboxSpec((), {}, "/"),
        folder,
        Sandbox(folder, list(words)),
        lambda url: url,
        None,
        JobLog(tmp_path / "log", str),
        hold=True,
        hold_nested=False,
        deadline_seconds=60,
        step_seconds={},
        actions={},
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
    assert ran(tmp_path, ["began", "0", "0"], ["held", "/", "0"]).job is Result.SUCCESS
