"""What replaying costs: `python benchmarks/replay.py [--write] [PART...]`, ten minutes on two cores.

Prints ratios of medians; what is compared runs in turns, so that other work on the machine meets both alike. Ends with 1
when a figure misses its target; `--write` puts the table into benchmarks/replay.md, too.
"""

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bot.adapters.limits import cores
from bot.app import App, Voices
from bot.model import ReplayOptions
from bot.replay.replays import Replays
from bot.replay.runs import spread

RUNS = 5
CHECKOUT = "      - uses: actions/checkout@v4\n"
HELD_STEP = "sleep 0.5; exit 1"
BUSY = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"
LEGS = 8
SLACK = 1.1  # what may lie between two ratios of one thing on a machine that others use, too
SETUP = "      - {uses: actions/setup-python@v5, with: {python-version: '3.11'}}\n"
UV = f"{SETUP}      - uses: astral-sh/setup-uv@v6\n      - run: uv venv --quiet .v\n"
WHEELS = "black mypy ruff"
SDISTS = ("coverage", "pyyaml", "markupsafe")  # with extensions in C that a compiler builds in some seconds
PACKAGES = "typescript eslint webpack jest"
INSTALLS = {
    "pip, wheels": f"{SETUP}      - run: pip install --quiet {WHEELS}\n",
    "pip, sdists": f"{SETUP}      - run: pip install --quiet --no-binary {','.join(SDISTS)} {' '.join(SDISTS)}\n",
    "uv, wheels": f"{UV}      - run: uv pip install --quiet --python .v {WHEELS} numpy scipy pandas\n",
    "uv, sdists": f"{UV}      - run: uv pip install --quiet --python .v {' '.join(f'--no-binary {x} {x}' for x in SDISTS)}\n",
    "npm ci": "      - uses: actions/setup-node@v4\n      - run: npm ci --no-audit --no-fund --silent\n",
}
"""Jobs that install and do nothing else."""
ALONE = {
    "pip, wheels": f"python -m pip install --quiet --quiet --target v {WHEELS}",
    "uv, wheels": f"uv venv --quiet v; uv pip install --quiet --link-mode copy --python v {WHEELS} numpy scipy pandas",
    "npm ci": "npm ci --no-audit --no-fund --silent",
}
"""The same without us, for those that spend their time on unpacking, which no cache makes faster; uv cannot link out of a read-only one."""


def seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def in_turns(*calls: Callable[[], object], runs: int = RUNS) -> list[float]:
    """The median seconds of each, after one run that is not counted."""
    for call in calls:
        call()
    rows = [[seconds(call) for call in calls] for _ in range(runs)]
    return [statistics.median(column) for column in zip(*rows, strict=True)]


def project(folder: Path, steps: str, files: int = 0, job: str = "") -> Path:
    (folder / ".github" / "workflows").mkdir(parents=True)
    head = f"on: push\njobs:\n  job:\n    runs-on: ubuntu-latest\n{job}    steps:\n"
    (folder / ".github" / "workflows" / "ci.yml").write_text(head + steps)
    for number in range(files):
        path = folder / f"d{number % 500}" / f"f{number}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{number}\n" * 100)
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.invalid")
    committed = (["init", "-q", "-b", "main"], ["add", "-A"], [*identity, "commit", "-qm", "first"])
    for command in (*committed, ["repack", "-adq"]):  # objects lie in a pack, as in every clone
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


@contextmanager
def replays(folder: Path) -> Iterator[Replays]:
    app = App(folder, os.environ, Voices(lambda _: None, lambda *_: None))
    opened = app.replays(ReplayOptions(network="none"))
    try:
        yield opened
    finally:
        opened.close()


def command(root: Path, *more: str, **variables: str) -> Callable[[], object]:
    """`regreen replay`, from the start of its process to the end."""
    words = ["regreen", "replay", "--network", "none", *more]
    return lambda: subprocess.run(words, cwd=root, env={**os.environ, **variables}, capture_output=True, check=True)


def bare(root: Path, script: str, times: int = 1) -> Callable[[], object]:
    return lambda: [subprocess.run(["bash", "-e", "-c", script], cwd=root, check=True) for _ in range(times)]


def plain_act(root: Path) -> Callable[[], object]:
    words = [
        "act",
        "push",
        "-P",
        "ubuntu-latest=-self-hosted",
        "--no-cache-server",
        "--artifact-server-addr",
        "127.0.0.1",
    ]
    return lambda: subprocess.run(words, cwd=root, capture_output=True, check=True)


@dataclass
class Table:
    """The figures, printed as they come."""

    rows: list[str] = field(default_factory=list)
    missed: int = 0

    def add(self, name: str, figure: str, target: str, *, good: bool) -> None:
        self.missed += not good
        self.rows.append(f"| {name} | {figure} | {target} | {'yes' if good else '**no**'} |")
        print(f"{'ok    ' if good else 'MISSED'} {name}: {figure} (target {target})", flush=True)

    def write(self, path: Path) -> None:
        model = next(
            (x.split(":")[1].strip() for x in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in x), ""
        )
        load_average = os.getloadavg()[1]
        head = f"{cores()} cores ({model}), Linux {platform.release()}, Python {platform.python_version()}; load {load_average:.1f}"
        lines = [
            "# What replaying costs",
            "",
            f"`python benchmarks/replay.py --write` on {head}.",
            'Medians; what is compared ran in turns. "replay" is the whole command, from the start of its process to its end.',
            "",
            "| | measured | target | reached |",
            "|---|---|---|---|",
            *self.rows,
        ]
        path.write_text("\n".join(lines) + "\n")


def start(table: Table, _: Path) -> None:
    (took,) = in_turns(lambda: subprocess.run(["regreen", "--help"], capture_output=True, check=True))
    table.add("regreen --help", f"{took * 1000:.0f} ms", "300 ms", good=took < 0.3)


def short_jobs(table: Table, folder: Path) -> None:
    for name, steps, files in (("one step", 1, 0), ("10 steps", 10, 0), ("one step, 2,000 files", 1, 2000)):
        root = project(folder / name.replace(" ", "-"), CHECKOUT + "      - run: 'true'\n" * steps, files)
        replayed, alone = in_turns(command(root), bare(root, "true", steps))
        extra = replayed - alone
        table.add(f"replay of {name}", f"{extra:.2f} s more than a bare shell", "0.5 s more", good=extra <= 0.5)


def long_jobs(table: Table, folder: Path) -> None:
    root = project(folder / "long", f"{CHECKOUT}      - run: sleep 5.2\n      - run: sleep 5.2\n")
    replayed, alone, act = in_turns(command(root), bare(root, "sleep 5.2", 2), plain_act(root), runs=3)
    table.add(
        "replay of a job of 10 s", f"{replayed / alone:.3f} of a bare shell", "1.10", good=replayed / alone <= 1.1
    )
    table.add("the same", f"{replayed / act:.3f} of plain act", "1.05", good=replayed / act <= 1.05)


def quick_check(table: Table, folder: Path) -> None:
    root = project(folder / "held", f"      - run: {HELD_STEP}\n")
    with replays(root) as opened:
        result, benches = opened.run(opened.snapshot.commit, hold=True)
        bench = benches(result.jobs[0].key)
        assert bench
        step = ["bash", "-e", "-c", HELD_STEP]
        checked, alone = in_turns(lambda: bench.session().rerun(), lambda: subprocess.run(step, check=False), runs=9)
    most = 1.1 * alone + 0.05
    figure = f"{checked:.3f} s for a step of {alone:.3f} s"
    table.add("quick check on the workbench", figure, f"{most:.3f} s", good=checked <= most)


def matrix(table: Table, folder: Path) -> None:
    root = project(
        folder / "legs", f"      - run: {BUSY}\n", job=f"    strategy: {{matrix: {{v: {list(range(LEGS))}}}}}\n"
    )
    together, alone = in_turns(command(root), command(root, REGREEN_REPLAY_WORKERS="1"), runs=3)
    name = f"{LEGS} CPU-bound legs on {cores()} cores"
    table.add(name, f"{alone / together:.2f} times faster than one after another", "1.7", good=alone / together >= 1.7)


def copy(table: Table, folder: Path) -> None:
    """What a repository of 50,000 files adds to a replay, held against a plain copy of its folder."""
    large = project(folder / "large", CHECKOUT, 50_000)
    small = project(folder / "small", CHECKOUT)

    def plain() -> None:
        shutil.copytree(large, folder / "copied", symlinks=True)
        shutil.rmtree(folder / "copied")

    many, few, by_hand = in_turns(command(large), command(small), plain, runs=3)
    ratio = (many - few) / by_hand
    table.add("50,000 files", f"{ratio:.2f} of a plain copy, its removal included", "1.10", good=ratio <= 1.1)


def caches(table: Table, folder: Path) -> None:
    """The first replay of jobs that install, and the next one, which has packages and caches of the first."""
    for name, steps in INSTALLS.items():
        root = folder / name.replace(", ", "-").replace(" ", "-")
        root.mkdir()
        if name == "npm ci":
            (root / "package.json").write_text('{"name": "a", "version": "1.0.0", "private": true}')
            lock = ["npm", "install", "--package-lock-only", "--silent", *PACKAGES.split()]
            subprocess.run(lock, cwd=root, check=True)
        project(root, CHECKOUT + steps)
        pairs = [twice(root, folder / f"{root.name}-{number}") for number in range(3)]
        first, warm = (statistics.median(column) for column in zip(*pairs, strict=True))
        figure = f"{warm / first:.2f} of the first ({warm:.1f} s of {first:.1f} s)"
        least = alone(root, folder, ALONE[name]) if name in ALONE else 0
        told = f"0.50, or what {name.split(',')[0]} alone needs: {least:.2f}" if least > 0.5 else "0.50"
        table.add(f"final replay with warm caches, {name}", figure, told, good=warm / first <= max(0.5, least * SLACK))


def alone(root: Path, folder: Path, script: str) -> float:
    """The seconds of a tool that finds its cache warm, of those in which it has to fill it."""

    def once(cache: Path) -> float:
        with tempfile.TemporaryDirectory(dir=folder) as place:
            for file in root.glob("package*.json"):
                shutil.copy(file, place)
            env = {**os.environ, **dict.fromkeys(("PIP_CACHE_DIR", "UV_CACHE_DIR", "npm_config_cache"), str(cache))}
            return seconds(lambda: subprocess.run(["bash", "-ec", script], cwd=place, env=env, check=True))

    caches = [folder / f"alone-{number}" for number in range(3)]
    pairs = [(once(cache), once(cache)) for cache in caches]
    return statistics.median(warm for _, warm in pairs) / statistics.median(first for first, _ in pairs)


def twice(root: Path, cache: Path) -> tuple[float, float]:
    """The seconds of a replay that finds nothing, and of the next one."""
    words, env = ["regreen", "replay", "--network", "registries"], {**os.environ, "XDG_CACHE_HOME": str(cache)}

    def once() -> float:
        return seconds(lambda: subprocess.run(words, cwd=root, env=env, capture_output=True, check=True))

    return once(), once()


PARTS = {part.__name__: part for part in (start, short_jobs, long_jobs, quick_check, matrix, copy, caches)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--write", action="store_true", help="write the table into benchmarks/replay.md, too")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"there is no part {min(unknown)}")
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else each command compiles all of ours anew
    table = Table()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        spread(root)  # as the folder of replays is: else what is compared pays for files that others have deleted
        os.environ["XDG_CACHE_HOME"] = str(root / "cache")
        for name in given.parts or PARTS:
            PARTS[name](table, root)
    if given.write:
        table.write(Path(__file__).with_suffix(".md"))
    return int(table.missed > 0)


if __name__ == "__main__":
    sys.exit(main())
