"""Records that somebody else has written: whoever goes on with them does no more than the settings allow."""

from collections.abc import Callable
from datetime import UTC, datetime

from bot.adapters.git_plumbing import GitPlumbing
from bot.model import Incident, Wish
from bot.repair.trees import remade
from bot.replay.source import read_commit
from bot.state.checkpoints import Checkpoints
from tests.e2e.desk import Desk
from tests.hub import faults
from tests.state.helpers import FakeClock

EMPTIED = (
    "diff --git a/tests/test_it.py b/tests/test_it.py\n--- a/tests/test_it.py\n+++ b/tests/test_it.py\n"
    "@@ -1,2 +1,2 @@\n def test_it():\n-    assert 1\n+    pass\n"
)


def tamper(desk: Desk, change: Callable[[GitPlumbing, Incident], Incident]) -> Incident:
    """Change all records, as somebody with the right to push can; the last of them."""
    git, clock = GitPlumbing(desk.one.git.path), FakeClock()
    clock.time = datetime.now(UTC)
    checkpoints = Checkpoints(git, clock=clock, redactor=str)
    return [checkpoints.update(known.id, lambda record: change(git, record)) for known in checkpoints.incidents()][-1]


def forged(git: GitPlumbing, record: Incident) -> Incident:
    """A fix that was never proven, and empties a test."""
    assert record.proposal
    when = read_commit(git, record.snapshot).created
    made = remade(git, record.snapshot, EMPTIED, record.proposal.message, when=when)
    return record.changed(proposal=record.proposal.changed(commit=made, diff=EMPTIED))


def test_what_was_not_proposed_yet_is_held_against_the_guard_again(desk: Desk) -> None:
    desk.hub.push(desk.one, {"tests/test_it.py": "def test_it():\n    assert 1\n"}, by="bob")
    desk.hub.settle()
    run = desk.red()
    broken = desk.hub.fault(faults.unavailable(500), "GET */pulls", times=99)
    assert desk.regreen("fix", "--run", desk.url(run)).code != 0
    broken.times = 0
    kept: list[Incident] = []

    def change(git: GitPlumbing, record: Incident) -> Incident:
        kept.append(record)
        return forged(git, record)

    incident = tamper(desk, change)
    assert incident.proposal
    desk.one.git("update-ref", "-d", f"refs/heads/{incident.proposal.target}")
    done = desk.regreen("fix", "--run", desk.url(run))
    assert "the guard refused it" in done.err
    assert desk.one.git.resolve(incident.proposal.target) == ""
    whole = {"proposal": kept[0].proposal, "effects": ()}
    tamper(desk, lambda _git, record: record.changed(**whole, wish=Wish(why="because"), asked_by="eve"))
    assert "goes no further" in desk.regreen("fix", "--run", desk.url(run)).err
    boundless = kept[0].options.changed(network="all", backend="docker")
    tamper(desk, lambda _git, record: record.changed(wish=None, options=boundless, max_minutes=10_000))
    assert desk.regreen("fix", "--run", desk.url(run), "--json").json["verdict"] == "FIXED"
    ended = tamper(desk, lambda _git, record: record)
    assert (ended.options.network, ended.options.backend, ended.max_minutes) == ("none", "", 30)
