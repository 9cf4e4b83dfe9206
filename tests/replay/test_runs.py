"""The folders of commands' replays: what is kept of earlier ones, and what goes."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.replay import runs

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def left_behind(folder: Path, *, days: int = 0, killed: bool = True) -> Path:
    """What a command of some days ago has left: a log, and a workspace if it was killed."""
    old = folder / f"{NOW - timedelta(days=days):%Y%m%dT%H%M%S}-1-{days:04}"
    (old / "replay-1" / "log").mkdir(parents=True)
    if killed:
        (old / "replay-1" / "legs").mkdir()
    at = (NOW - timedelta(days=days)).timestamp()
    os.utime(old, (at, at))
    return old


def test_only_the_user_can_enter(tmp_path: Path) -> None:
    made = runs.new_folder(tmp_path / "runs", NOW)
    assert made.stat().st_mode & 0o777 == 0o700


def test_logs_stay_and_workspaces_of_the_killed_go(tmp_path: Path) -> None:
    old = left_behind(tmp_path)
    runs.tidy(tmp_path, NOW, lambda _: False)
    assert [p.name for p in (old / "replay-1").iterdir()] == ["log"]


def test_nothing_goes_that_runs(tmp_path: Path) -> None:
    old = left_behind(tmp_path)
    runs.tidy(tmp_path, NOW, lambda pid: pid == "1")
    assert (old / "replay-1" / "legs").is_dir()


def test_old_logs_go_but_for_the_newest(tmp_path: Path) -> None:
    folders = [left_behind(tmp_path, days=10 + number, killed=False) for number in range(runs.KEPT + 2)]
    runs.tidy(tmp_path, NOW, lambda _: False)
    assert [f.exists() for f in folders] == [True] * runs.KEPT + [False] * 2
