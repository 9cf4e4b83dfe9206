"""Clones that share a remote: its branch is the truth, pushes are compare-and-swap, nothing of anybody gets lost."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.errors import Conflict, GitFailed, OutOfBudget, Transient
from bot.model import Incident, Stage
from bot.state.checkpoints import Checkpoints
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
    plant,
    repository,
)

DAY = "day/2026-11-20"
ONE = Decimal(1)


class Team:
    """A bare remote and clones of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.remote = repository(folder / "remote", "--bare")
        self.clocks: dict[str, FakeClock] = {}

    def clone(self, name: str) -> Path:
        folder = self.folder / name
        if not folder.exists():
            repository(folder)
            git(folder, "remote", "add", "origin", str(self.remote))
            self.clocks[name] = FakeClock()
        return folder

    def member(self, name: str) -> Checkpoints:
        return opened(self.clone(name), remote="origin", clock=self.clocks.setdefault(name, FakeClock()))

    def watched(self, name: str, **options: float) -> tuple[Checkpoints, WatchedGit]:
        git = WatchedGit(git_dir(self.clone(name)))
        return Checkpoints(git, clock=FakeClock(), redactor=str, remote="origin", **options), git

    def in_step(self, name: str) -> bool:
        """The clone's branch is the remote's."""
        return git(self.folder / name, "rev-parse", REF) == git(self.remote, "rev-parse", REF)


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


def test_an_empty_remote_has_nothing(team: Team) -> None:
    assert list(team.member("a").incidents()) == []


def test_what_one_saves_the_other_loads(team: Team) -> None:
    saved = team.member("a").save(incident())
    assert team.member("b").load(saved.id) == saved
    again = team.member("b").save(saved)
    assert team.member("a").load(saved.id) == again
    assert len(history(team.remote)) == 2
    assert team.in_step("a")
    assert team.in_step("b")
    kept = git(team.folder / "a", "for-each-ref", "--format=%(refname)").splitlines()
    assert [ref.rpartition("/")[0] for ref in kept if not ref.startswith("refs/remotes/")] == [
        "refs/heads/regreen",
        "refs/regreen/seen",
    ]
    assert not (git_dir(team.folder / "a") / "FETCH_HEAD").exists()


def test_a_shallow_clone_takes_part(team: Team) -> None:
    git(team.clone("a"), "commit", "--quiet", "--allow-empty", "-m", "1")
    git(team.folder / "a", "commit", "--quiet", "--allow-empty", "-m", "2")
    git(team.folder / "a", "push", "--quiet", "origin", "HEAD:refs/heads/main")
    saved = team.member("a").save(incident())
    options = ("--quiet", "--depth=1", "--single-branch", "--branch=main")
    git(team.folder, "clone", *options, team.remote.as_uri(), "shallow")
    boundary = (team.folder / "shallow" / ".git" / "shallow").read_text()
    again = team.member("shallow").save(saved)
    assert team.member("a").load(saved.id) == again
    assert (team.folder / "shallow" / ".git" / "shallow").read_text() == boundary


def test_a_stale_record_is_a_conflict_across_clones(team: Team) -> None:
    first = team.member("a").save(incident())
    team.member("b").update(first.id, lambda held: held.changed(reason="b"))
    with pytest.raises(Conflict):
        team.member("a").save(first)


def test_a_lost_push_is_decided_again_on_the_winners_head(team: Team) -> None:
    member, watched = team.watched("a")
    rivals = [team.member("b"), team.member("c")]

    def interfere(command: str) -> None:
        if command == "push" and rivals:
            rivals.pop().save(incident(10 + len(rivals)))

    watched.before = interfere
    member.save(incident())
    assert len(history(team.remote)) == 3
    assert len(list(team.member("b").incidents())) == 3
    assert watched.calls.count("push") == 3


def test_the_cap_holds_across_clones(team: Team) -> None:
    member, watched = team.watched("a")
    rivals = [team.member("b")]

    def interfere(command: str) -> None:
        if command == "push" and rivals:
            rivals.pop().reserve({DAY: ONE}, incident().id, ONE)

    watched.before = interfere
    with pytest.raises(OutOfBudget):
        member.reserve({DAY: ONE}, incident().id, ONE)
    assert len(team.member("b").reservations(DAY)) == 1


def test_two_clones_with_the_same_new_incident_at_the_same_time(team: Team) -> None:
    member, watched = team.watched("a")
    rivals = [team.member("b")]

    def interfere(command: str) -> None:
        if command == "push" and rivals:
            rivals.pop().save(incident())  # the same bytes on the same head in the same second

    watched.before = interfere
    with pytest.raises(Conflict):
        member.save(incident())
    assert len(history(team.remote)) == 1


def test_a_push_that_arrived_and_reported_failure_is_not_done_twice(team: Team) -> None:
    member, watched = team.watched("a")
    cuts = ["fatal: the remote end hung up unexpectedly"]

    def cut(command: str) -> None:
        if command == "push" and cuts:
            raise GitFailed("git push failed", code=128, stderr=cuts.pop())

    watched.after = cut
    assert member.save(incident()).revision == 1
    assert len(history(team.remote)) == 1
    assert cuts == []


def test_an_unreachable_remote_is_transient_and_a_read_does_not_wait(team: Team) -> None:
    clock = FakeClock()
    checkpoints = opened(team.clone("a"), remote="git://127.0.0.1:1/x", clock=clock, patience=0)
    with pytest.raises(Transient, match="cannot be reached"):
        checkpoints.save(incident())
    with pytest.raises(Transient, match="cannot be reached"):
        opened(team.clone("a"), remote="git://127.0.0.1:1/x", clock=clock).load(incident().id)
    assert clock.slept == []


def test_a_remote_that_is_none_is_an_error_at_once(team: Team) -> None:
    clock = FakeClock()
    for remote in ("nowhere", "--upload-pack=touch planted"):
        with pytest.raises(GitFailed, match="git ls-remote failed"):
            opened(team.clone("a"), remote=remote, clock=clock).save(incident())
    assert clock.slept == []
    assert not list(team.folder.rglob("planted"))


def test_a_remote_that_declines_is_not_asked_again(team: Team) -> None:
    hook = team.remote / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    member, watched = team.watched("a")
    with pytest.raises(GitFailed, match="git push failed"):
        member.save(incident())
    assert watched.calls.count("push") == 1
    assert git(team.folder / "a", "for-each-ref") == ""


def test_a_stale_lock_of_the_clone_is_cleared_and_loses_nothing(team: Team) -> None:
    saved = team.member("a").save(incident())
    locks = [git_dir(team.folder / "a") / f"{ref}.lock" for ref in (REF, "refs/remotes/origin/regreen/state")]
    for lock in locks:
        lock.touch()
    assert team.member("a").save(saved).revision == 2
    assert not any(lock.exists() for lock in locks)
    assert team.member("a").load(saved.id)
    assert team.in_step("a")


def test_others_follow_when_the_history_is_left_behind(team: Team) -> None:
    closed = team.member("a").save(incident(1, stage=Stage.CLOSED))
    kept = team.member("b").save(incident(2))
    assert team.member("b").prune(NOON + timedelta(days=1)) == 1
    assert team.member("b").compact(-1)
    saved = team.member("a").save(incident(3))
    assert team.member("a").load(closed.id) is None  # what was dropped does not come back
    assert {i.id for i in team.member("b").incidents()} == {kept.id, saved.id}
    assert history(team.remote) == [f"Incident {saved.id}: opened", "Leave the history behind"]
    assert team.member("b").sums().incidents == 3


def test_what_was_saved_before_there_was_a_remote_is_pushed(team: Team) -> None:
    alone = opened(team.clone("a"))
    saved = alone.save(incident(1))
    assert team.member("a").load(saved.id) == saved
    team.member("a").save(incident(2))
    assert len(history(team.remote)) == 2


def test_a_local_branch_ahead_of_the_remote_is_pushed_with_the_next_save(team: Team) -> None:
    team.member("a").save(incident(1))
    local = opened(team.folder / "a").save(incident(2))
    assert team.member("b").load(local.id) is None
    team.member("a").save(incident(3))
    assert team.member("b").load(local.id) == local
    assert not any("Join" in subject for subject in history(team.remote))


def both_sides(team: Team) -> tuple[Incident, Incident]:
    """One incident on both sides, then the local side goes its own way."""
    first, second = (team.member("a").save(incident(n)) for n in (1, 2))
    opened(team.folder / "a").save(first.changed(reason="local"))
    opened(team.folder / "a").save(second.changed(reason="local"))
    opened(team.folder / "a").save(incident(3))
    team.member("b").save(second.changed(reason="theirs"))
    team.member("b").save(incident(4))
    return first, second


def test_two_histories_are_joined(team: Team) -> None:
    first, second = both_sides(team)
    plant(team.folder / "a", "elsewhere.txt", b"not ours")
    reasons = {i.id: i.reason for i in team.member("a").incidents()}
    assert len(reasons) == 4
    assert reasons[first.id] == "local"  # only we had changed it
    assert reasons[second.id] == "theirs"  # both had, and they were first
    team.member("a").save(incident(5))
    assert len(list(team.member("b").incidents())) == 5
    assert team.member("b").sums().incidents == 5
    assert "elsewhere.txt" not in paths(team.remote)
    assert "Join what was saved without the remote" in history(team.remote)


def test_a_join_waits_for_a_busy_remote(team: Team) -> None:
    both_sides(team)
    member, watched = team.watched("a")
    rivals = [team.member("b")]

    def interfere(command: str) -> None:
        if command == "push" and rivals:
            rivals.pop().save(incident(6))

    watched.before = interfere
    member.save(incident(5))
    assert len(list(team.member("b").incidents())) == 6


def test_joined_budgets_count_what_both_sides_spent(team: Team) -> None:
    cap, id_ = Decimal(10), incident().id
    common = team.member("a").reserve({DAY: cap}, id_, ONE)
    kept = team.member("a").reserve({DAY: cap}, id_, ONE)
    local = opened(team.folder / "a")
    local.settle(common, Decimal("0.5"))
    ours = local.reserve({DAY: cap}, id_, Decimal(2))
    local.settle(local.reserve({"day/local": cap}, id_, ONE), ONE)
    local.reserve({"day/broken": cap}, id_, ONE)
    theirs = team.member("b").reserve({DAY: cap}, id_, Decimal(3))
    team.member("b").settle(team.member("b").reserve({DAY: cap}, id_, ONE), Decimal("0.25"))
    team.member("b").reserve({"day/broken": cap}, id_, Decimal(4))
    plant(team.folder / "a", "budgets/day/broken.json", b"{")
    member = team.member("a")
    assert member.spent(DAY) == Decimal("0.75")
    assert {r.id for r in member.reservations(DAY)} == {kept.id, ours.id, theirs.id}
    assert member.spent("day/local") == 1
    assert [r.amount for r in member.reservations("day/broken")] == [Decimal(4)]


def test_a_remote_replaced_while_it_is_fetched_is_asked_again(team: Team) -> None:
    saved = team.member("b").save(incident())
    member, watched = team.watched("a")
    rivals = [team.member("b")]

    def interfere(command: str) -> None:
        if command == "fetch" and rivals:
            rivals.pop().compact(-1)

    watched.before = interfere
    assert member.load(saved.id) == saved
    assert history(team.folder / "a") == ["Leave the history behind"]
