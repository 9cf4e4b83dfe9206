"""Nothing stays behind: not after many replays, and not after one that was ended at any moment."""

import gc
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from bot.adapters.limits import CGROUPS, INSIDE, Group, _sweep
from bot.errors import Transient
from bot.model import ReplayOptions
from bot.ports import Limits
from bot.replay.replayer import Replay
from tests.projects import CHECKOUT, WORKFLOW, Make, Project, workflow

STEPS = (CHECKOUT, "run: (sleep 60 &) ; mkdir -p ~/ro/d && chmod 0 ~/ro; mktemp; exit ${{ matrix.v }}")
LEGS = "strategy: {matrix: {v: [0, 1]}}"
GROWTH_BYTES = 30_000_000
REAPER = Path(__file__).with_name("reaper.py")


@dataclass(frozen=True)
class Left:
    """What a replay could leave behind on this machine."""

    processes: frozenset[int]
    mounts: str
    groups: frozenset[Path]
    descriptors: int
    threads: int
    temporary: frozenset[str]
    working: frozenset[Path]

    @classmethod
    def now(cls, cache: Path) -> "Left":
        gc.collect()
        me = psutil.Process()
        return cls(
            frozenset(p.pid for p in me.children(recursive=True)),
            Path("/proc/self/mountinfo").read_text(),
            frozenset(groups(os.getpid())),
            me.num_fds(),
            threading.active_count(),
            frozenset(
                p.name for p in Path(tempfile.gettempdir()).glob("[tr]*") if p.name.startswith(("tmp", "regreen"))
            ),
            frozenset(p for p in cache.glob("regreen/runs/*/*") if not p.name.startswith("replay-"))
            | frozenset(p for p in cache.glob("regreen/runs/*/*/*") if p.name != "log"),
        )


def groups(pid: int) -> Iterator[Path]:
    for parent in (CGROUPS, CGROUPS / "pids", CGROUPS / "memory"):
        yield from parent.glob(f"regreen-{pid}-*")


def replay_often(project: Project, cache: Path, times: int) -> list[int]:
    """Replay that many times, see each time that nothing is left, and return the memory used after each (bytes)."""
    project.replay()
    before, memory = Left.now(cache), []
    for _ in range(times):
        assert sorted(project.replay().jobs.values()) == ["failure", "success"]
        assert Left.now(cache) == before
        memory.append(psutil.Process().memory_info().rss)
    return memory


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path / "cache"


def test_some_replays_leave_nothing_behind(project: Make, cache: Path) -> None:
    replay_often(project({WORKFLOW: workflow(*STEPS, job=LEGS)}), cache, 3)


@pytest.mark.campaign
def test_200_replays_leave_nothing_behind(project: Make, cache: Path) -> None:
    memory = replay_often(project({WORKFLOW: workflow(*STEPS, job=LEGS)}), cache, 200)
    print(f"memory after 20 and 200 replays: {memory[19]:,} and {memory[-1]:,} bytes")
    assert memory[-1] - memory[19] < GROWTH_BYTES
    assert len(list(cache.glob("regreen/runs/*"))) <= 100


def end_at_random_moments(project: Project, cache: Path, times: int) -> None:
    """Start `regreen replay`, end it by Ctrl-C or kill -9 after a random while, and see that nothing is left."""
    project.replay()
    started = time.monotonic()
    project.replay()
    longest = 1.0 + 2 * (time.monotonic() - started)  # a process of its own has to start first
    seed = random.randrange(10**9)
    chance = random.Random(seed)
    for number in range(times):
        sent, seconds = chance.choice((signal.SIGINT, signal.SIGKILL)), chance.uniform(0, longest)
        command = [sys.executable, str(REAPER), str(int(sent)), str(seconds), "regreen", "replay"]
        done = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=False)
        told = f"seed {seed}, number {number}: {sent.name} after {seconds:.3f} s"
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), told
    print(f"{times} replays were ended within {longest:.1f} s each (seed {seed})")
    project.replay()
    assert Left.now(cache).working == frozenset()


def test_what_is_ended_at_some_moments_leaves_nothing_behind(project: Make, cache: Path) -> None:
    end_at_random_moments(project({WORKFLOW: workflow(*STEPS, job=LEGS)}), cache, 3)


@pytest.mark.campaign
def test_what_is_ended_at_50_moments_leaves_nothing_behind(project: Make, cache: Path) -> None:
    end_at_random_moments(project({WORKFLOW: workflow(*STEPS, job=LEGS)}), cache, 50)


def test_what_a_killed_command_left_goes_when_the_next_begins(project: Make, cache: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    runs = cache / "regreen" / "runs"
    left, mine = (runs / f"20200101T00000{n}-{pid}-abcd" for n, pid in enumerate((gone.pid, os.getpid())))
    for run in (left, mine):
        for name in ("source/origin.git", "replay-1/legs/1/home", "replay-1/log", "replay-2/shared"):
            (run / name).mkdir(parents=True)
    project({WORKFLOW: workflow("run: 'true'")}).replay()
    assert [str(p.relative_to(left)) for p in left.rglob("*")] == ["replay-1", "replay-1/log"]
    assert (mine / "source").is_dir()
    for number in range(100):
        (runs / f"20200102T000000-{os.getpid()}-{number:04x}" / "replay-1" / "log").mkdir(parents=True)
    project({WORKFLOW: workflow("run: 'true'")}).replay()
    assert len(list(runs.iterdir())) == 101  # the newest hundred, and what is in use
    assert (mine / "source").is_dir()


def test_groups_of_killed_processes_are_swept(tmp_path: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    stale, young, mine = (
        tmp_path / f"regreen-{pid}-{n}" for pid, n in ((gone.pid, 1), (gone.pid, 2), (os.getpid(), 3))
    )
    for folder in (stale, young, mine):
        folder.mkdir()
    for folder in (stale, mine):
        os.utime(folder, (0, 0))
    _sweep(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([young, mine])


def test_a_group_is_removed_with_what_is_still_in_it() -> None:
    group = Group.make(Limits())
    if group is None:
        pytest.skip("no control groups here")
    with subprocess.Popen(group.entering(["bash", "-c", "for i in $(seq 300); do sleep 600 & done; wait"])) as child:
        while not all(len((f / INSIDE / "cgroup.procs").read_text().split()) > 300 for f in group.folders):
            assert child.poll() is None
        group.remove()
        assert child.wait() == -signal.SIGKILL
    assert not any(f.exists() for f in group.folders)


def test_no_job_begins_once_its_replay_has_ended(project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare = Replay._leg

    def interrupted(self: Replay, *args: Any, **named: Any) -> Any:
        self.close()
        return prepare(self, *args, **named)

    monkeypatch.setattr(Replay, "_leg", interrupted)
    replays = project({WORKFLOW: workflow("run: 'true'")}).app().replays(ReplayOptions(network="none"))
    try:
        with pytest.raises(Transient):
            replays.run(replays.snapshot.commit)
        left = [f.path for f in psutil.Process().open_files() if f.path.startswith(str(replays.folder))]
    finally:
        replays.close()
    assert left == []
