"""Faults of Regreen's own parts: it recovers without a person, or ends in one clear line; the same fix once, or none."""

import os
import random
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.projects import CHECKOUT, WORKFLOW, Done, Make, Project, workflow

FAULTY = Path(__file__).with_name("faulty.py")
FILES = {
    WORKFLOW: workflow(CHECKOUT, "run: cp source copy", "run: git diff --exit-code"), "source": "new\n", "copy": "old\n"
}  # fmt: skip
MOST_CALLS = {
    "git killed": 140, "git locked out": 30, "sandbox killed at once": 4, "sandbox killed in a step": 4,
    "runs dropped": 140, "runs dropped before a sandbox": 4, "record changed": 10, "branch locked": 140,
    "toolchains damaged": 5, "no space": 3,
}  # fmt: skip
"""Each fault, and how many calls that it may strike one run makes."""
FATAL = "no space"
FAULTS = tuple(fault for fault in MOST_CALLS if fault != FATAL)
RECOVERED, ENDED = "recovered", "ended in one clear line"
COUNT, LEAST = int(os.environ.get("REGREEN_TEST_COUNT", "200")), 0.95


def struck(made: Project, fault: str, number: int, cache: Path) -> Done:
    env = {**os.environ, "PYTHONPATH": str(Path.cwd()), "XDG_CACHE_HOME": str(cache)}
    command = [sys.executable, str(FAULTY), fault, str(number), "fix", "--json"]
    done = subprocess.run(command, cwd=made.root, env=env, capture_output=True, check=False)
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def outcome(made: Project, done: Done) -> str:
    """RECOVERED: all went as without the fault. ENDED: one clear line, and nothing was lost. Anything else is wrong."""
    made.git("fsck", "--strict")
    branches = made.git("for-each-ref", "--format=%(refname)", "refs/heads/regreen/*-*").split()
    told = [line for line in done.err.splitlines() if line.startswith("regreen: ")]
    if done.code == 0 and "Traceback" not in done.err:
        fixed = (
            done.json["verdict"] == "FIXED" and len(branches) == 1 and made.git("show", f"{branches[0]}:copy") == "new"
        )
        return RECOVERED if fixed else f"WRONG: {done}"
    clear = done.code in (1, 3) and len(told) == 1 and "Traceback" not in done.err and len(branches) <= 1
    return ENDED if clear else f"WRONG: {done}"


@pytest.mark.parametrize(
    ("fault", "number"),
    [("git killed", 12), ("sandbox killed in a step", 1), ("sandbox killed at once", 2), ("runs dropped", 40),
     ("record changed", 3), ("branch locked", 30), ("toolchains damaged", 1)],
)  # fmt: skip
def test_recovers(project: Make, own_cache: Path, fault: str, number: int) -> None:
    made = project(FILES)
    done = struck(made, fault, number, own_cache)
    assert outcome(made, done) == RECOVERED
    assert "the fault strikes" in done.err


def test_what_cannot_be_recovered_from_is_one_clear_line(project: Make, own_cache: Path) -> None:
    made = project(FILES)
    done = struck(made, FATAL, 1, own_cache)
    assert outcome(made, done) == ENDED
    assert "No space left on device" in done.err


@pytest.mark.campaign
def test_campaign(tmp_path: Path) -> None:
    """200 faults, drawn anew with a seed that is told."""
    seed = int(os.environ.get("REGREEN_TEST_SEED", random.SystemRandom().randrange(10**6)))
    chosen = random.Random(seed)
    faults = [chosen.choice(FAULTS) if count % 25 else FATAL for count in range(COUNT)]
    plan = [(fault, chosen.randint(1, MOST_CALLS[fault])) for fault in faults]

    def one(count: int) -> tuple[str, str]:
        fault, number = plan[count]
        made = Project(tmp_path / str(count), FILES)
        return f"{fault} at {number}", outcome(made, struck(made, fault, number, tmp_path / f"cache{count}"))

    with ThreadPoolExecutor() as pool:
        outcomes = Counter(pool.map(one, range(COUNT)))
    counts = Counter(result.split(":")[0] for (_, result), n in outcomes.items() for _ in range(n))
    print(f"seed {seed}: {dict(counts)}")
    for (fault, result), times in sorted(outcomes.items()):
        if result != RECOVERED:
            print(f"  {times} x {fault}: {result}")
    assert set(counts) <= {RECOVERED, ENDED}
    assert counts[RECOVERED] >= LEAST * COUNT
