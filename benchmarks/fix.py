"""What a repair takes: `python -m benchmarks.fix`, a minute or two on two cores.

"Job" is what one run of the job takes by itself: its time in a replay of the tree that is fixed, all packages in the
cache. Medians of three, after one run that is not counted. Ends with 1 when a figure misses its target.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.replay import CHECKOUT, Table, project
from bot.findings import CANDIDATE

RUNS = 3
SLOW_SECONDS = 20
FORMAT = f"""{CHECKOUT}      - uses: actions/setup-python@v5
      - run: pip install --quiet ruff
      - run: ruff format --check .
"""
SLOW = f"""  slow:
    runs-on: ubuntu-latest
    steps:
      - run: sleep {SLOW_SECONDS}
"""
UGLY = "x = {  'a':1 }\n"


@dataclass(frozen=True)
class Repair:
    """One `regreen fix`: seconds until a candidate was there and to its end, and what the job of the fix took alone."""

    candidate: float
    total: float
    job: float


def fix(root: Path) -> Repair:
    started, candidate = time.perf_counter(), 0.0
    words = ["regreen", "fix", "--json"]
    with subprocess.Popen(words, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout
        assert child.stderr
        for line in child.stderr:
            if CANDIDATE in line:
                candidate = time.perf_counter() - started
        found = json.loads(child.stdout.read())
    total = time.perf_counter() - started
    assert found["verdict"] == "FIXED", found["reason"]
    shown = subprocess.run(
        ["regreen", "show", found["incident"], "--json"], cwd=root, capture_output=True, check=True, text=True
    )
    jobs = json.loads(shown.stdout)["final"]["jobs"]
    return Repair(candidate, total, max(job["seconds"] for job in jobs))


def median(root: Path) -> Repair:
    fix(root)
    runs = [fix(root) for _ in range(RUNS)]
    columns = zip(*((r.candidate, r.total, r.job) for r in runs), strict=True)
    return Repair(*(statistics.median(column) for column in columns))


def broken(folder: Path, more: str = "") -> Path:
    folder.mkdir()
    (folder / "a.py").write_text(UGLY)
    return project(folder, FORMAT + more)


def one_job(table: Table, folder: Path) -> None:
    took = median(broken(folder / "one"))
    most = 1.3 * 2 * took.job + 2
    figure = f"{took.total:.1f} s for a job of {took.job:.1f} s"
    table.add("a formatting failure, fixed and proven", figure, f"{most:.1f} s", good=took.total <= most)


def beside_a_slow_job(table: Table, folder: Path) -> None:
    took = median(broken(folder / "slow", SLOW))
    figure = f"after {took.candidate:.1f} s"
    table.add(
        f"its candidate beside a job of {SLOW_SECONDS} s",
        figure,
        "before that ends",
        good=took.candidate < SLOW_SECONDS,
    )
    most = 1.3 * 2 * took.job + 2
    table.add("the same, proven", f"{took.total:.1f} s", f"{most:.1f} s", good=took.total <= most)


def main() -> int:
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else each command compiles all of ours anew
    table = Table()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        os.environ["XDG_CACHE_HOME"] = str(root / "cache")
        for part in (one_job, beside_a_slow_job):
            part(table, root)
    return int(table.missed > 0)


if __name__ == "__main__":
    sys.exit(main())
