"""The effects ledger: an effect happens once, whoever dies where."""

from datetime import timedelta
from pathlib import Path

import pytest

from bot.errors import Conflict
from bot.ledger import done, find, intend, once
from bot.model import Effect
from tests.state.helpers import FakeClock, history, incident, opened


class Died(BaseException):
    """The process was killed here."""


class World:
    """Where effects happen; `dies` is raised when something was made, before anybody knows."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.dies = False

    def look(self) -> str | None:
        return self.made[-1] if self.made else None

    def act(self) -> str:
        self.made.append(f"commit {len(self.made) + 1}")
        if self.dies:
            raise Died
        return self.made[-1]


def test_the_ledger_is_the_record() -> None:
    fresh = incident()
    intended = intend(fresh, "branch", "regreen/x")
    assert intended.effects == (Effect(kind="branch", name="regreen/x"),)
    assert intend(intended, "branch", "regreen/x") == intended
    both = intend(intended, "comment", "regreen/x")
    finished = done(both, "branch", "regreen/x", "abc")
    assert find(finished, "branch", "regreen/x") == Effect(kind="branch", name="regreen/x", done=True, value="abc")
    assert find(finished, "comment", "regreen/x") == Effect(kind="comment", name="regreen/x")
    assert intend(finished, "branch", "regreen/x") == finished
    assert find(fresh, "branch", "regreen/x") is None
    with pytest.raises(ValueError, match="not intended"):
        done(fresh, "branch", "regreen/x")


def test_an_effect_happens_once(repo: Path) -> None:
    checkpoints, world = opened(repo), World()
    saved = checkpoints.claim(checkpoints.save(incident()).id, "me", 60)
    after = once(checkpoints, saved, "branch", "b", look=world.look, act=world.act)
    assert find(after, "branch", "b") == Effect(kind="branch", name="b", done=True, value="commit 1")
    assert once(checkpoints, after, "branch", "b", look=world.look, act=world.act) == after
    assert world.made == ["commit 1"]
    assert checkpoints.load(saved.id) == after
    assert len(history(repo)) == 4


def test_who_dies_after_the_effect_finds_it_again(repo: Path) -> None:
    checkpoints, world = opened(repo), World()
    saved = checkpoints.claim(checkpoints.save(incident()).id, "me", 60)
    world.dies = True
    with pytest.raises(Died):
        once(checkpoints, saved, "branch", "b", look=world.look, act=world.act)
    resumed = checkpoints.claim(saved.id, "me", 60)
    assert resumed.effects == (Effect(kind="branch", name="b"),)  # the intent was there before the effect
    world.dies = False
    after = once(checkpoints, resumed, "branch", "b", look=world.look, act=world.act)
    assert after.effects == (Effect(kind="branch", name="b", done=True, value="commit 1"),)
    assert world.made == ["commit 1"]


def test_a_second_worker_is_stopped_before_the_effect(repo: Path, clock: FakeClock) -> None:
    checkpoints, world = opened(repo, clock=clock), World()
    id_ = checkpoints.save(incident()).id
    first = checkpoints.claim(id_, "first", 60)
    with pytest.raises(Conflict):
        checkpoints.claim(id_, "second", 60)
    clock.time += timedelta(seconds=60)
    second = checkpoints.claim(id_, "second", 60)
    with pytest.raises(Conflict):  # whose lease is over and taken comes too late
        once(checkpoints, first, "branch", "b", look=lambda: None, act=world.act)
    assert world.made == []
    once(checkpoints, second, "branch", "b", look=lambda: None, act=world.act)
    assert world.made == ["commit 1"]


def test_an_effect_needs_the_lease(repo: Path) -> None:
    checkpoints, world = opened(repo), World()
    saved = checkpoints.save(incident())
    with pytest.raises(ValueError, match="claim incident"):
        once(checkpoints, saved, "branch", "b", look=world.look, act=world.act)
    assert world.made == []
