"""What the processes of test_processes.py do; apart from it, so that they start fast."""

import os
from collections.abc import Callable
from decimal import Decimal
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from bot.errors import Conflict, OutOfBudget
from bot.ledger import once
from bot.state import branch
from tests.state.helpers import RealClock, incident, incident_number, opened

DAY = "day/2026-11-20"


def worker(start: Barrier, answer: Connection, work: Callable[..., Any], args: tuple[Any, ...]) -> None:
    start.wait()
    answer.send(work(*args))
    answer.close()


def save_some(folder: Path, numbers: range, turns: bool, remote: str | None = None) -> None:
    if not turns:
        branch.TURN_SECONDS = 0
    checkpoints = opened(folder, clock=RealClock(), remote=remote)
    for number in numbers:
        checkpoints.save(incident(number))


def reserve_one(folder: Path, number: int, cap: Decimal) -> bool:
    branch.TURN_SECONDS = 0
    try:
        opened(folder, clock=RealClock()).reserve({DAY: cap}, incident_number(number), Decimal("0.1"))
    except OutOfBudget:
        return False
    return True


def work_on_one(folder: Path, traces: Path, owner: str) -> bool:
    branch.TURN_SECONDS = 0
    checkpoints = opened(folder, clock=RealClock())

    def act() -> str:
        with traces.open("a") as file:
            file.write("an effect\n")
        return "done"

    try:
        held = checkpoints.claim(incident_number(1), owner, 600)
        once(checkpoints, held, "branch", "b", look=lambda: None, act=act)
    except Conflict:
        return False
    return True


def save_for_ever(folder: Path, told: Connection) -> None:
    os.setsid()
    checkpoints = opened(folder, clock=RealClock())
    held = checkpoints.load(incident_number(0)) or incident(0)
    while True:
        held = checkpoints.save(held)
        told.send(held.revision)
