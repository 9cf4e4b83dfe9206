"""Saving, loading, listing, leases, retention: one worker at a time, one repository."""

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.errors import Conflict, CorruptCache, UsageError
from bot.model import Attempt, Call, Category, Incident, Stage, Sums, Tally, Tokens, Verdict, budget_of
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
    incident_number,
    opened,
    paths,
    repository,
)


def test_an_incident_never_saved_is_none(repo: Path) -> None:
    checkpoints = opened(repo)
    assert checkpoints.load(incident_number(1)) is None
    assert list(checkpoints.incidents()) == []
    assert checkpoints.sums() == Sums()


def test_what_is_saved_is_loaded(repo: Path) -> None:
    saved = opened(repo).save(incident(history=("it began",)))
    assert saved.revision == 1
    assert saved.history == ("it began",)
    assert opened(repo).load(saved.id) == saved


def test_a_save_is_one_commit_of_regreen_on_an_orphan_branch(repo: Path) -> None:
    (repo / "mine.txt").write_text("mine")
    git(repo, "add", ".")
    git(repo, "commit", "--quiet", "-m", "Mine")
    before = git(repo, "rev-parse", "HEAD"), sorted(p.name for p in git_dir(repo).iterdir())
    checkpoints = opened(repo)
    saved = checkpoints.save(incident())
    checkpoints.save(saved.changed(stage=Stage.REPRODUCED))

    assert history(repo) == [f"Incident {saved.id}: reproduced", f"Incident {saved.id}: opened"]
    assert git(repo, "log", "-1", "--format=%an %ae|%cn|%ct", REF) == (
        f"Regreen noreply@regreen.invalid|Regreen|{int(NOON.timestamp())}"
    )
    assert paths(repo) == [f"incidents/{saved.id[:2]}/{saved.id}.json", f"summaries/{saved.id[:2]}.json"]
    assert git(repo, "status", "--porcelain") == ""
    assert git(repo, "for-each-ref", "--format=%(refname)", "refs/").splitlines()[1:] == [REF]
    after = git(repo, "rev-parse", "HEAD"), sorted(p.name for p in git_dir(repo).iterdir() if p.name != "regreen")
    assert after == before


def test_the_json_is_versioned_and_readable(repo: Path) -> None:
    saved = opened(repo).save(incident())
    raw = git(repo, "show", f"{REF}:incidents/{saved.id[:2]}/{saved.id}.json")
    assert json.loads(raw)["schema_version"] == 1
    assert len(raw.splitlines()) > 10


def test_a_stale_record_is_a_conflict_and_changes_nothing(repo: Path) -> None:
    checkpoints = opened(repo)
    first = checkpoints.save(incident())
    second = checkpoints.save(first.changed(reason="second"))
    for stale in (first, incident(), second.changed(revision=3)):
        with pytest.raises(Conflict, match="changed by another worker"):
            checkpoints.save(stale)
    assert checkpoints.load(first.id) == second
    assert len(history(repo)) == 2


def test_update_changes_the_newest_record(repo: Path) -> None:
    checkpoints = opened(repo)
    saved = checkpoints.save(incident())
    changed = checkpoints.update(saved.id, lambda held: held.changed(reason=f"after {held.revision}"))
    assert (changed.revision, changed.reason) == (2, "after 1")
    assert checkpoints.load(saved.id) == changed


def test_an_update_that_changes_nothing_writes_nothing(repo: Path) -> None:
    checkpoints = opened(repo)
    saved = checkpoints.save(incident())
    assert checkpoints.update(saved.id, lambda held: held) == saved
    assert len(history(repo)) == 1


def test_an_update_that_raises_writes_nothing(repo: Path) -> None:
    def refuse(held: Incident) -> Incident:
        raise Conflict("no")

    checkpoints = opened(repo)
    saved = checkpoints.save(incident())
    with pytest.raises(Conflict, match="no"):
        checkpoints.update(saved.id, refuse)
    assert len(history(repo)) == 1


def test_an_unknown_incident_cannot_be_updated(repo: Path) -> None:
    with pytest.raises(UsageError, match="there is no incident"):
        opened(repo).update(incident_number(1), lambda held: held)


@pytest.mark.parametrize("bad", ["", "abc", "../../../etc/pw", "ABCDEF123456", "abcdef12345\n", "abcdef123456\n"])
def test_an_id_that_is_none_is_refused_everywhere(repo: Path, bad: str) -> None:
    checkpoints = opened(repo)
    with pytest.raises(UsageError, match="is no incident"):
        checkpoints.load(bad)
    with pytest.raises(UsageError, match="is no incident"):
        checkpoints.save(incident(id=bad))
    with pytest.raises(UsageError, match="is no incident"):
        checkpoints.claim(bad, "me", 60)


def test_the_list_is_newest_first_and_complete(repo: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.state.checkpoints.BATCH", 5)
    checkpoints = opened(repo, clock=clock)
    saved = []
    for number in range(12):
        clock.time += timedelta(seconds=1)
        saved.append(checkpoints.save(incident(number)))
    clock.time += timedelta(seconds=1)
    again = checkpoints.save(saved[5])
    assert list(checkpoints.incidents()) == [again, *(s for s in reversed(saved) if s.id != again.id)]


def test_a_save_among_many_takes_the_same_work(repo: Path) -> None:
    watched = WatchedGit(git_dir(repo))
    checkpoints = Checkpoints(watched, clock=FakeClock(), redactor=str)

    def effort(number: int) -> tuple[list[str], int]:
        watched.calls.clear()
        before = int(git(repo, "count-objects").split()[0])
        checkpoints.save(incident(number))
        return list(watched.calls), int(git(repo, "count-objects").split()[0]) - before

    checkpoints.save(incident(-1))
    first = effort(0)
    for number in range(1, 30):
        checkpoints.save(incident(number))
    assert effort(1000) == first
    assert first[1] <= 7  # record, summary, four trees, commit
    assert git(repo, "count-objects", "-v").splitlines()[3] == "packs: 0"


def test_a_lease_keeps_others_out_until_it_expires(repo: Path, clock: FakeClock) -> None:
    checkpoints = opened(repo, clock=clock)
    saved = checkpoints.save(incident())
    held = checkpoints.claim(saved.id, "first", 60)
    assert held.lease
    assert (held.lease.owner, held.lease.expires) == ("first", NOON + timedelta(seconds=60))
    clock.time += timedelta(seconds=59)
    with pytest.raises(Conflict, match=r"being worked on by 'first' .*12:01:00 UTC"):
        checkpoints.claim(saved.id, "second", 60)
    clock.time += timedelta(seconds=1)
    taken = checkpoints.claim(saved.id, "second", 60)
    assert taken.lease
    assert taken.lease.owner == "second"
    with pytest.raises(Conflict):  # the first one comes too late, with whatever it did
        checkpoints.save(held)


def test_a_lease_is_prolonged_by_its_owner(repo: Path, clock: FakeClock) -> None:
    checkpoints = opened(repo, clock=clock)
    saved = checkpoints.save(incident())
    checkpoints.claim(saved.id, "me", 60)
    clock.time += timedelta(seconds=30)
    held = checkpoints.claim(saved.id, "me", 60)
    assert held.lease
    assert held.lease.expires == NOON + timedelta(seconds=90)


def test_a_released_lease_is_free(repo: Path) -> None:
    checkpoints = opened(repo)
    saved = checkpoints.save(incident())
    checkpoints.claim(saved.id, "me", 60)
    with pytest.raises(Conflict):
        checkpoints.release(saved.id, "other")
    assert checkpoints.release(saved.id, "me").lease is None
    assert checkpoints.release(saved.id, "me").lease is None
    assert checkpoints.claim(saved.id, "other", 60).lease


def test_pruning_drops_old_closed_incidents_and_keeps_their_sums(repo: Path, clock: FakeClock) -> None:
    checkpoints = opened(repo, clock=clock)
    fields = {"verdict": Verdict.FIXED, "cost_usd": Decimal("0.1"), "seconds": 2}
    old = [checkpoints.save(incident(n, stage=Stage.CLOSED, **fields)) for n in range(3)]
    still_open = checkpoints.save(incident(3, **fields))
    clock.time += timedelta(days=1)
    young = checkpoints.save(incident(4, stage=Stage.CLOSED, verdict=Verdict.NOT_FIXED))
    before = checkpoints.sums()

    assert checkpoints.prune(clock.time - timedelta(hours=1)) == 3
    assert {i.id for i in checkpoints.incidents()} == {still_open.id, young.id}
    assert checkpoints.load(old[0].id) is None
    assert checkpoints.sums() == before
    assert before.incidents == 5
    assert before.verdicts == {Verdict.FIXED: 4, Verdict.NOT_FIXED: 1}
    assert str(before.cost_usd) == "0.4"
    assert before.seconds == 8
    assert history(repo)[0] == "Drop 3 closed incidents"
    assert checkpoints.prune(clock.time - timedelta(hours=1)) == 0
    assert len(history(repo)) == 6


def test_sums_tell_of_each_tier_what_became_of_the_attempts_that_it_answered(repo: Path) -> None:
    def attempt(number: int, *calls: Call, verdict: Verdict | None = None) -> Attempt:
        one = Attempt(number=number, causes=("f",), category=Category.LINT_ERROR, strategy="llm_edit", tier=1)
        cost = sum((call.cost_usd for call in calls), Decimal(0))
        return one.changed(calls=calls, cost_usd=cost, verdict=verdict)

    said = Call(model="m", prompt="p", prices="", stop="end_turn", tokens=Tokens(output=9), seconds=2)
    said = said.changed(cost_usd=Decimal("0.1"))
    busy, lost = (
        said.changed(stop="busy", tokens=Tokens(), cost_usd=Decimal(0)),
        said.changed(stop="lost", tokens=Tokens()),
    )
    attempts = (
        attempt(1, said, said, verdict=Verdict.FIXED),
        attempt(2, said, busy),
        attempt(3, busy),
        attempt(4, lost),
        attempt(5),
        attempt(6, said).changed(tier=0),
    )
    checkpoints = opened(repo)
    checkpoints.save(incident(attempts=attempts))
    key = Tally.key(Category.LINT_ERROR, 1)
    assert checkpoints.sums().tallies == {key: Tally(tried=2, fixed=1, cost_usd=Decimal("0.3"), seconds=8)}


def test_what_was_pruned_can_happen_again(repo: Path, clock: FakeClock) -> None:
    checkpoints = opened(repo, clock=clock)
    own = budget_of(checkpoints.save(incident(stage=Stage.CLOSED)).id)
    one, day = Decimal(1), "day/2026-11-21"
    checkpoints.settle(checkpoints.reserve({own: one, day: one}, incident().id, one), one)
    checkpoints.prune(NOON + timedelta(days=1))
    assert checkpoints.spent(own) == Decimal(0)
    assert checkpoints.spent(day) == one
    assert checkpoints.save(incident()).revision == 1
    assert checkpoints.sums().incidents == 2


def test_compaction_leaves_the_history_and_keeps_the_content(repo: Path, clock: FakeClock) -> None:
    checkpoints = opened(repo, clock=clock)
    assert checkpoints.compact(30) is False
    saved = [checkpoints.save(incident(n)) for n in range(3)]
    clock.time += timedelta(days=10)
    tree = git(repo, "rev-parse", f"{REF}^{{tree}}")
    assert checkpoints.compact(30) is False
    assert len(history(repo)) == 3
    assert checkpoints.compact(9) is True
    assert history(repo) == ["Leave the history behind"]
    assert git(repo, "rev-parse", f"{REF}^{{tree}}") == tree
    assert checkpoints.load(saved[0].id) == saved[0]
    assert checkpoints.save(saved[0]).revision == 2


def test_a_bare_repository_and_a_linked_worktree_share_the_branch(tmp_path: Path) -> None:
    bare = repository(tmp_path / "bare", "--bare")
    saved = opened(bare).save(incident())
    empty = git(bare, "mktree")
    git(bare, "update-ref", "refs/heads/main", git(bare, "commit-tree", empty, "-m", "x"))
    git(bare, "worktree", "add", "--quiet", str(tmp_path / "linked"), "main")
    linked = Path(git(tmp_path / "linked", "rev-parse", "--absolute-git-dir"))
    assert linked != bare
    clock = FakeClock()
    checkpoints = Checkpoints(WatchedGit(linked), clock=clock, redactor=str)
    (bare / f"{REF}.lock").touch()
    assert checkpoints.save(saved).revision == 2
    assert not (bare / f"{REF}.lock").exists()  # the stale lock was looked for where it belongs
    assert not (linked / "regreen").exists()


def test_a_branch_that_is_in_the_way_is_named(repo: Path) -> None:
    git(repo, "commit", "--quiet", "--allow-empty", "-m", "x")
    git(repo, "branch", "regreen")
    with pytest.raises(UsageError, match="a branch named regreen is in the way"):
        opened(repo).save(incident())


def test_a_head_that_does_not_read_is_not_an_empty_branch(repo: Path) -> None:
    saved = opened(repo).save(incident())
    head = git(repo, "rev-parse", REF)
    (git_dir(repo) / "objects" / head[:2] / head[2:]).unlink()
    with pytest.raises(CorruptCache, match="does not read"):
        opened(repo).load(saved.id)


def test_those_that_wait_are_listed_alone(repo: Path) -> None:
    checkpoints = opened(repo)
    waits, _ = checkpoints.save(incident()), checkpoints.save(incident(2, stage=Stage.CLOSED))
    assert list(checkpoints.incidents(waiting=True)) == [waits]
    assert len(list(checkpoints.incidents())) == 2
