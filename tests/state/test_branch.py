"""One repository, many writers: lost races, stale locks, and what git says when it fails."""

import os
import subprocess
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.errors import Conflict, GitFailed, OutOfBudget, Transient
from bot.model import Incident
from bot.state.branch import PATIENCE_SECONDS
from bot.state.checkpoints import Checkpoints
from bot.state.locks import GRACE_SECONDS
from tests.state.helpers import (
    NOON,
    REF,
    FakeClock,
    WatchedGit,
    git,
    git_dir,
    history,
    incident,
    opened,
    paths,
    repository,
)

LOCK = f"{REF}.lock"
DAY = "day/2026-11-20"


@pytest.mark.usefixtures("no_turns")
def test_a_lost_race_is_decided_again_on_the_winners_record(repo: Path) -> None:
    checkpoints = opened(repo)
    saved = checkpoints.save(incident())
    seen = []

    def change(held: Incident) -> Incident:
        seen.append(held.history)
        if len(seen) == 1:
            opened(repo).update(saved.id, lambda other: other.changed(history=("theirs",)))
        return held.changed(history=(*held.history, "ours"))

    assert checkpoints.update(saved.id, change).history == ("theirs", "ours")
    assert seen == [(), ("theirs",)]
    assert len(history(repo)) == 3


@pytest.mark.usefixtures("no_turns")
def test_a_lost_race_keeps_what_the_winner_saved(repo: Path) -> None:
    watched = WatchedGit(git_dir(repo))
    checkpoints = Checkpoints(watched, clock=FakeClock(), redactor=str)
    rivals = [opened(repo).save, opened(repo).save]

    def interfere(command: str) -> None:
        if command == "fast-import" and rivals:
            rivals.pop()(incident(10 + len(rivals), id=f"{incident().id[:2]}{len(rivals)}000000000"))

    watched.before = interfere
    checkpoints.save(incident())
    assert len(list(checkpoints.incidents())) == 3  # in one shard, so the summary was contested too
    assert watched.calls.count("fast-import") == 3


@pytest.mark.usefixtures("no_turns")
def test_two_workers_with_the_same_new_incident_at_the_same_time(repo: Path) -> None:
    watched = WatchedGit(git_dir(repo))
    rivals = [opened(repo)]

    def interfere(command: str) -> None:
        if command == "update-ref" and rivals:
            rivals.pop().save(incident())  # the same bytes, in the same second

    watched.before = interfere
    with pytest.raises(Conflict):
        Checkpoints(watched, clock=FakeClock(), redactor=str).save(incident())
    assert len(history(repo)) == 1


@pytest.mark.usefixtures("no_turns")
def test_the_cap_is_decided_again_after_a_lost_race(repo: Path) -> None:
    watched = WatchedGit(git_dir(repo))
    rivals = [opened(repo)]

    def interfere(command: str) -> None:
        if command == "update-ref" and rivals:
            rivals.pop().reserve({DAY: Decimal(1)}, incident().id, Decimal(1))

    watched.before = interfere
    with pytest.raises(OutOfBudget):
        Checkpoints(watched, clock=FakeClock(), redactor=str).reserve({DAY: Decimal(1)}, incident().id, Decimal(1))
    assert len(opened(repo).reservations(DAY)) == 1


def test_a_branch_that_appears_while_it_is_looked_for_is_not_broken(repo: Path) -> None:
    watched = WatchedGit(git_dir(repo))
    rivals = [opened(repo)]

    def interfere(command: str) -> None:
        if command == "rev-parse" and rivals:
            rivals.pop().save(incident())

    watched.after = interfere
    found = Checkpoints(watched, clock=FakeClock(), redactor=str).load(incident().id)
    assert found
    assert found.revision == 1


@pytest.mark.usefixtures("no_turns")
def test_a_save_into_a_history_that_was_left_behind(repo: Path) -> None:
    watched, clock = WatchedGit(git_dir(repo)), FakeClock()
    checkpoints = Checkpoints(watched, clock=clock, redactor=str)
    first = checkpoints.save(incident(1))
    rivals = [opened(repo)]

    def interfere(command: str) -> None:
        if command == "update-ref" and rivals:
            rivals.pop().compact(-1)

    watched.before = interfere
    second = checkpoints.save(incident(2))
    assert history(repo) == [f"Incident {second.id}: opened", "Leave the history behind"]
    assert {i.id for i in checkpoints.incidents()} == {first.id, second.id}


@pytest.mark.usefixtures("no_turns")
def test_a_branch_that_stays_busy_is_transient(repo: Path) -> None:
    watched = WatchedGit(git_dir(repo))
    numbers = iter(range(100, 200))

    def interfere(command: str) -> None:
        if command == "update-ref":
            opened(repo).save(incident(next(numbers)))

    watched.before = interfere
    with pytest.raises(Transient, match="busy"):
        Checkpoints(watched, clock=FakeClock(), redactor=str, patience=0).save(incident())
    assert not any(incident().id in path for path in paths(repo))
    assert PATIENCE_SECONDS >= 30


def kill_git_in_the_middle(repo: Path) -> None:
    """Kill -9 a git that holds the lock of the state branch and is about to move it."""
    words = ["git", "-C", str(repo), "update-ref", "--stdin"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(f"start\nupdate {REF} {git(repo, 'rev-parse', REF)}\nprepare\n".encode())
        process.stdin.flush()
        assert [process.stdout.readline() for _ in range(2)] == [b"start: ok\n", b"prepare: ok\n"]
        process.kill()
    assert (git_dir(repo) / LOCK).exists()


def test_a_stale_lock_is_cleared(repo: Path, clock: FakeClock) -> None:
    checkpoints = opened(repo, clock=clock)
    saved = checkpoints.save(incident())
    foreign = git_dir(repo) / "refs/heads/other.lock"
    foreign.touch()
    kill_git_in_the_middle(repo)
    assert checkpoints.load(saved.id) == saved
    assert checkpoints.save(saved).revision == 2
    assert clock.time - NOON >= timedelta(seconds=GRACE_SECONDS)
    assert not (git_dir(repo) / LOCK).exists()
    assert foreign.exists()


def test_a_lock_in_use_is_left_alone(repo: Path, clock: FakeClock) -> None:
    lock = git_dir(repo) / LOCK
    saved = opened(repo).save(incident())
    checkpoints = opened(repo, clock=clock, patience=0)
    lock.touch()

    def used() -> None:  # somebody finishes and somebody else begins
        (lock.parent / "new").touch()
        os.replace(lock.parent / "new", lock)  # noqa: PTH105 - the name stays taken all the time

    clock.on_sleep = used
    with pytest.raises(Transient, match="busy"):
        checkpoints.save(saved)
    assert lock.exists()


def test_a_lock_that_goes_by_itself_is_no_matter(repo: Path, clock: FakeClock) -> None:
    lock = git_dir(repo) / LOCK
    saved = opened(repo).save(incident())
    lock.touch()
    clock.on_sleep = lambda: lock.unlink(missing_ok=True)
    assert opened(repo, clock=clock).save(saved).revision == 2


def test_whoever_cannot_take_turns_goes_on(repo: Path) -> None:
    (git_dir(repo) / "regreen").write_text("in the way")
    assert opened(repo).save(incident()).revision == 1


def test_a_git_that_refuses_is_not_asked_again(repo: Path) -> None:
    watched = WatchedGit(git_dir(repo))

    def refuse(command: str) -> None:
        if command == "fast-import":
            raise GitFailed("git fast-import failed: no space", code=128, stderr="fatal: No space left on device")

    watched.before = refuse
    with pytest.raises(GitFailed, match="no space"):
        Checkpoints(watched, clock=FakeClock(), redactor=str).save(incident())
    assert watched.calls.count("fast-import") == 1


def test_no_repository_is_an_error(tmp_path: Path) -> None:
    repository(tmp_path / "r")
    git_dir(tmp_path / "r").rename(tmp_path / "gone")
    with pytest.raises(GitFailed):
        opened(tmp_path / "r").save(incident())
