"""Real processes, all at once, and killed: nothing lost, nothing twice, the last checkpoint always reads."""

import multiprocessing
import os
import random
import signal
from collections.abc import Callable, Iterator
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.state.helpers import (
    RealClock,
    git,
    git_dir,
    history,
    incident,
    incident_number,
    opened,
    repository,
)
from tests.state.workers import DAY, reserve_one, save_for_ever, save_some, work_on_one, worker

# Real processes, forked from a server that has imported what they need: a spawned one would take a second to start.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.state.workers"])


def together(work: Callable[..., Any], arguments: list[tuple[Any, ...]]) -> list[Any]:
    """Run `work` in one process per arguments, all let go at the same moment; return what they return, in order."""
    start = PROCESSES.Barrier(len(arguments))
    pairs = [PROCESSES.Pipe() for _ in arguments]
    team = [
        PROCESSES.Process(target=worker, args=(start, there, work, args))
        for (_, there), args in zip(pairs, arguments, strict=True)
    ]
    for member in team:
        member.start()
    answers = []
    for (here, there), member in zip(pairs, team, strict=True):
        there.close()
        answers.append(here.recv())
        here.close()
        member.join()
        assert member.exitcode == 0
    return answers


@pytest.mark.parametrize("turns", [True, False])
def test_nothing_is_lost_among_processes_in_one_repository(repo: Path, turns: bool) -> None:
    together(save_some, [(repo, range(n * 3, n * 3 + 3), turns) for n in range(6)])
    assert {i.id for i in opened(repo).incidents()} == {incident_number(n) for n in range(18)}
    assert len(history(repo)) == 18
    assert git(repo, "fsck", "--no-dangling", "--no-progress") == ""
    assert not list(git_dir(repo).glob("fast_import_crash*"))


def test_nothing_is_lost_among_clones_with_one_remote(tmp_path: Path) -> None:
    remote = repository(tmp_path / "remote", "--bare")
    clones = [repository(tmp_path / f"clone{n}") for n in range(5)]
    together(save_some, [(c, range(n * 2, n * 2 + 2), True, str(remote)) for n, c in enumerate(clones)])
    assert {i.id for i in opened(remote).incidents()} == {incident_number(n) for n in range(10)}
    assert len(history(remote)) == 10
    assert git(remote, "fsck", "--no-dangling", "--no-progress") == ""


def test_a_budget_for_three_is_given_to_three(repo: Path) -> None:
    got = together(reserve_one, [(repo, n, Decimal("0.3")) for n in range(8)])
    held = {r.incident for r in opened(repo).reservations(DAY)}
    assert held == {incident_number(n) for n, mine in enumerate(got) if mine}
    assert len(held) == 3


def test_two_workers_on_one_incident_have_one_effect(repo: Path, tmp_path: Path) -> None:
    opened(repo).save(incident(1))
    got = together(work_on_one, [(repo, tmp_path / "traces", f"worker {n}") for n in range(4)])
    assert got.count(True) == 1
    assert (tmp_path / "traces").read_text() == "an effect\n"


def killed(folder: Path, moment: random.Random, group: bool) -> tuple[int, list[psutil.Process]]:
    """Let a worker save until a random moment and kill -9 it, with its git or without.

    Return the last revision that it knew to be saved, and the git processes that it had.
    """
    here, there = PROCESSES.Pipe()
    saver = PROCESSES.Process(target=save_for_ever, args=(folder, there))
    saver.start()
    there.close()
    acknowledged: list[int] = [here.recv()]
    here.poll(moment.uniform(0, 0.04))
    assert saver.pid
    family = psutil.Process(saver.pid).children(recursive=True)
    os.kill(-saver.pid if group else saver.pid, signal.SIGKILL)
    saver.join()
    acknowledged.extend(_rest(here))
    return acknowledged[-1], family


def _rest(here: Connection) -> Iterator[int]:
    while True:
        try:
            yield here.recv()
        except EOFError:
            return


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("group", [True, False])
def test_the_last_checkpoint_reads_after_kill_9_at_any_moment(repo: Path, group: bool) -> None:
    moment = random.Random(20261120)
    for _ in range(5):
        acknowledged, family = killed(repo, moment, group)
        held = opened(repo).load(incident_number(0))
        assert held
        assert held.revision in {acknowledged, acknowledged + 1}
        while any(_lives(process) for process in family):
            os.sched_yield()
        assert git(repo, "fsck", "--no-dangling", "--no-progress") == ""
    resumed = opened(repo, clock=RealClock()).update(incident_number(0), lambda held: held.changed(reason="resumed"))
    assert resumed.revision > acknowledged
    assert not list(git_dir(repo).glob("fast_import_crash*"))
