"""What checkpoints hold under load: `python benchmarks/checkpoints.py`, a few minutes on two cores.

Works in a temporary folder and writes nothing else, unless `--out FILE` asks for the figures as JSON. Ends with 1 when
something was lost, happened twice or grew too slow.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from bot.adapters.git_plumbing import GitPlumbing
from bot.errors import Conflict, OutOfBudget
from bot.ledger import once
from bot.model import Incident, ReplayOptions
from bot.state import branch
from bot.state.checkpoints import Checkpoints

SPAWN = multiprocessing.get_context("spawn")
DAY = "day/2026-11-20"
Figures = dict[str, Any]


class RealClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def git(folder: Path, *args: str) -> str:
    return subprocess.run(["git", *args], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def repository(folder: Path, *options: str) -> Path:
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", *options)
    return folder


def opened(folder: Path, remote: Path | None = None) -> Checkpoints:
    git_dir = folder / ".git" if (folder / ".git").is_dir() else folder
    return Checkpoints(GitPlumbing(git_dir), clock=RealClock(), redactor=str, remote=str(remote) if remote else None)


def number(n: int) -> str:
    return hashlib.sha256(str(n).encode()).hexdigest()[:12]


def incident(n: int) -> Incident:
    now = datetime.now(UTC)
    return Incident(
        id=number(n),
        repository="owner/name",
        head="a" * 40,
        snapshot="b" * 40,
        ref="refs/heads/main",
        options=ReplayOptions(),
        created=now,
        updated=now,
        # about what a record weighs: 6 kB that do not compress to nothing
        history=tuple(hashlib.sha256(f"{n} {line}".encode()).hexdigest() for line in range(100)),
    )


def together(work: Callable[..., Any], arguments: list[tuple[Any, ...]]) -> tuple[list[Any], float]:
    """Run `work` in as many processes as there are arguments, all at once; return the answers and the seconds."""
    start = SPAWN.Barrier(len(arguments) + 1)
    pairs = [SPAWN.Pipe() for _ in arguments]
    for (_, there), args in zip(pairs, arguments, strict=True):
        SPAWN.Process(target=worker, args=(start, there, work, args)).start()
        there.close()
    start.wait()
    began = time.perf_counter()
    answers = [here.recv() for here, _ in pairs]
    return answers, round(time.perf_counter() - began, 2)


def worker(start: Barrier, answer: Connection, work: Callable[..., Any], args: tuple[Any, ...]) -> None:
    start.wait()
    answer.send(work(*args))


def save_some(folder: Path, numbers: range, turns: bool, remote: Path | None) -> list[float]:
    if not turns:
        branch.TURN_SECONDS = 0
    checkpoints = opened(folder, remote)
    return [timed(checkpoints, incident(n)) for n in numbers]


def timed(checkpoints: Checkpoints, record: Incident) -> float:
    began = time.perf_counter()
    checkpoints.save(record)
    return time.perf_counter() - began


def race(clones: list[Path], truth: Path, each: int, *, turns: bool, remote: Path | None) -> Figures:
    work = [(c, range(i * each, i * each + each), turns, remote) for i, c in enumerate(clones)]
    answers, seconds = together(save_some, work)
    found = {i.id for i in opened(truth).incidents()}
    saves = len(clones) * each
    return {
        "processes": len(clones),
        "saves": saves,
        "lost": len({number(n) for n in range(saves)} - found),
        "commits": int(git(truth, "rev-list", "--count", branch.REF)),
        "seconds": seconds,
        "slowest_save_seconds": round(max(t for times in answers for t in times), 2),
        "ok": len(found) == saves and git(truth, "fsck", "--no-dangling", "--no-progress") == "",
    }


def one_repository(folder: Path, _: argparse.Namespace) -> Figures:
    repo = repository(folder / "r")
    return race([repo] * 32, repo, 5, turns=True, remote=None)


def one_repository_without_turns(folder: Path, _: argparse.Namespace) -> Figures:
    repo = repository(folder / "r")
    return race([repo] * 32, repo, 2, turns=False, remote=None)


def one_remote(folder: Path, _: argparse.Namespace) -> Figures:
    remote = repository(folder / "remote", "--bare")
    clones = [repository(folder / f"clone{n}") for n in range(32)]
    return race(clones, remote, 2, turns=True, remote=remote)


def reserve_one(folder: Path, n: int, remote: Path | None) -> bool:
    try:
        opened(folder, remote).reserve({DAY: Decimal("0.5")}, number(n), Decimal("0.1"))
    except OutOfBudget:
        return False
    return True


def budget(folder: Path, _: argparse.Namespace) -> Figures:
    repo = repository(folder / "r")
    got, seconds = together(reserve_one, [(repo, n, None) for n in range(16)])
    remote = repository(folder / "remote", "--bare")
    pushed = together(reserve_one, [(repository(folder / f"c{n}"), n, remote) for n in range(16)])[0]
    granted = got.count(True), pushed.count(True)
    return {"processes": 16, "holds": 5, "granted": granted, "seconds": seconds, "ok": granted == (5, 5)}


def work_on_one(folder: Path, traces: Path, rounds: int, owner: str) -> int:
    branch.TURN_SECONDS = 0
    checkpoints, won = opened(folder), 0
    for n in range(rounds):

        def act(n: int = n) -> str:
            with traces.open("a") as file:
                file.write(f"{n}\n")
            return "made"

        try:
            held = checkpoints.claim(number(n), owner, 600)
            once(checkpoints, held, "branch", "b", look=lambda: None, act=act)
            won += 1
        except Conflict:
            continue
    return won


def two_workers(folder: Path, _: argparse.Namespace) -> Figures:
    repo, rounds = repository(folder / "r"), 50
    save_some(repo, range(rounds), turns=True, remote=None)
    won = together(work_on_one, [(repo, folder / "traces", rounds, owner) for owner in ("first", "second")])[0]
    made = (folder / "traces").read_text().split()
    twice = len(made) - len(set(made))
    return {
        "incidents": rounds,
        "effects": len(made),
        "twice": twice,
        "won_by_each": won,
        "ok": len(made) == rounds and not twice,
    }


def save_for_ever(folder: Path, told: Connection) -> None:
    os.setsid()
    checkpoints = opened(folder)
    held = checkpoints.load(number(0)) or incident(0)
    while True:
        held = checkpoints.save(held)
        told.send(held.revision)


def received(here: Connection) -> Iterator[int]:
    while True:
        try:
            yield here.recv()
        except EOFError:
            return


def kills(folder: Path, options: argparse.Namespace) -> Figures:
    repo, moment = repository(folder / "r"), random.Random(1)
    unread = dirty = locks = acknowledged = 0
    for n in range(options.kills):
        here, there = SPAWN.Pipe()
        saver = SPAWN.Process(target=save_for_ever, args=(repo, there))
        saver.start()
        there.close()
        acknowledged = here.recv()
        here.poll(moment.uniform(0, 0.06))
        assert saver.pid
        os.kill(saver.pid if n % 2 else -saver.pid, signal.SIGKILL)  # in turn: alone, or with its git
        saver.join()
        acknowledged = [acknowledged, *received(here)][-1]
        held = opened(repo).load(number(0))
        unread += held is None or held.revision not in {acknowledged, acknowledged + 1}
        locks += (repo / ".git" / f"{branch.REF}.lock").exists()
        dirty += git(repo, "fsck", "--no-dangling", "--no-progress") != ""
    crashes = len(list((repo / ".git").glob("fast_import_crash*")))
    return {
        "kills": options.kills,
        "revisions": acknowledged,
        "not_read": unread,
        "fsck_not_clean": dirty,
        "locks_left": locks,
        "crash_reports": crashes,
        "ok": not unread and not dirty and not crashes,
    }


def growth(folder: Path, options: argparse.Namespace) -> Figures:
    big, small = repository(folder / "big"), repository(folder / "small")
    checkpoints = opened(big)
    times = [timed(checkpoints, incident(n)) for n in range(options.incidents)]
    # The machine is not equally fast all the time: at the end both sizes are measured again, in turn.
    fresh = opened(small)
    pairs = [(timed(checkpoints, incident(-1 - n)), timed(fresh, incident(n))) for n in range(100)]
    began = time.perf_counter()
    listed = sum(1 for _ in checkpoints.incidents())
    listing = time.perf_counter() - began
    newest = next(opened(big).incidents())
    first, last = statistics.median(times[:100]), statistics.median(times[-100:])
    large, little = (statistics.median(side) for side in zip(*pairs, strict=True))
    return {
        "incidents": options.incidents,
        "first_hundred_ms": round(first * 1000, 1),
        "last_hundred_ms": round(last * 1000, 1),
        "ratio": round(last / first, 2),
        "ratio_measured_in_turn": round(large / little, 2),
        "list_all_seconds": round(listing, 1),
        "objects": git(big, "count-objects"),
        "ok": listed == options.incidents + 100 and bool(newest) and large / little <= 1.5 and last / first <= 1.5,
    }


PARTS = (one_repository, one_repository_without_turns, one_remote, budget, two_workers, kills, growth)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=[part.__name__ for part in PARTS])
    parser.add_argument("--incidents", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--out", type=Path, help="write the figures there, as JSON")
    options = parser.parse_args()
    figures: dict[str, Figures] = {}
    with tempfile.TemporaryDirectory(prefix="regreen-bench-") as folder:
        for part in PARTS:
            name = part.__name__
            if options.only in {None, name}:
                figures[name] = part(Path(folder) / name, options)
                print(f"{name:30}", *(f"{k}={v}" for k, v in figures[name].items()), flush=True)
    if options.out:
        options.out.write_text(json.dumps(figures, indent=2) + "\n")
    return 0 if all(f["ok"] for f in figures.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
