"""Faults of Regreen's own parts: it recovers without a person, or ends in one clear line; the same fix once, or none."""

import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.projects import CHECKOUT, WORKFLOW, Done, Make, Project, workflow

FAULTY = Path(__file__).with_name("faulty.py")
FILES = {
    WORKFLOW: workflow(CHECKOUT, "run: cp source copy", "run: git diff --exit-code"), "source": "new\n", "copy": "old\n"
}  # fmt: skip
MOST_CALLS = {"git": 60, "sandbox": 4, "runs": 60, "record": 6, "branch": 60, "toolchains": 5, "no": 3}
FATAL = ("no space",)
FAULTS = (
    "git killed", "git locked out", "sandbox killed at once", "sandbox killed in a step",
    "runs dropped", "runs dropped before a sandbox", "record changed", "branch locked", "toolchains damaged",
)  # fmt: skip
COUNT, LEAST = 200, 0.95


def struck(made: Project, fault: str, number: int, cache: Path) -> Done:
    env = {**os.environ, "PYTHONPATH": str(Path.cwd()), "XDG_CACHE_HOME": str(cache)}
    command = [sys.executable, str(FAULTY), fault, str(number), "fix", "--json"]
    done = subprocess.run(command, cwd=made.root, env=env, capture_output=True, check=False)
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def recovered(made: Project, done: Done) -> bool:
    """Whether all went as without the fault; anything else must be one clear line, and must have lost nothing."""
    made.git("fsck", "--strict")
    branches = made.git("for-each-ref", "--format=%(refname)", "refs/heads/regreen/*-*").split()
    if done.code == 0:
        assert (done.json["verdict"], len(branches)) == ("FIXED", 1), done
        assert made.git("show", f"{branches[0]}:copy") == "new"
        return True
    told = [line for line in done.err.splitlines() if line.startswith("regreen: ")]
    assert len(told) == 1, done
    assert done.code in (1, 3), done
    assert "Traceback" not in done.err
    assert len(branches) <= 1
    return False


@pytest.mark.parametrize(
    ("fault", "number"),
    [("git killed", 12), ("sandbox killed in a step", 1), ("sandbox killed at once", 2), ("runs dropped", 40),
     ("record changed", 3), ("branch locked", 30), ("toolchains damaged", 1)],
)  # fmt: skip
def test_recovers(project: Make, tmp_path: Path, fault: str, number: int) -> None:
    made = project(FILES)
    assert recovered(made, struck(made, fault, number, tmp_path / "cache"))


def test_what_cannot_be_recovered_from_is_one_clear_line(project: Make, tmp_path: Path) -> None:
    made = project(FILES)
    done = struck(made, "no space", 1, tmp_path / "cache")
    assert not recovered(made, done)
    assert "No space left on device" in done.err


@pytest.mark.campaign
def test_campaign(tmp_path: Path) -> None:
    """200 faults, drawn anew with a seed that is told."""
    seed = int(os.environ.get("REGREEN_TEST_SEED", random.SystemRandom().randrange(10**6)))
    chosen, outcomes = random.Random(seed), Counter[tuple[str, bool]]()
    for count in range(COUNT):
        fault = chosen.choice(FAULTS) if count % 25 else FATAL[0]
        number = chosen.randint(1, MOST_CALLS[fault.split()[0]])
        made = Project(tmp_path / str(count), FILES)
        outcomes[fault, recovered(made, struck(made, fault, number, tmp_path / f"cache{count}"))] += 1
    well = sum(n for (_, good), n in outcomes.items() if good)
    print(f"seed {seed}: {well} of {COUNT} recovered")
    for (fault, good), times in sorted(outcomes.items()):
        print(f"  {fault}: {times} {'recovered' if good else 'ended in one clear line'}")
    assert well >= LEAST * COUNT
