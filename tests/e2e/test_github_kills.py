"""Killed at any boundary of effects and started again, what Regreen does on GitHub ends as if nothing had happened."""

import signal
from pathlib import Path

import pytest

from tests.e2e.desk import Desk
from tests.e2e.stories import STORIES, Story
from tests.e2e.test_github_faults import told
from tests.hub import Hub

SMOKE = [("event", 27), ("apply", 6), ("merged", 3), ("revert", 14)]


def survives(story: Story, boundary: int) -> bool:
    """Whether there was such a boundary at all. A sweep goes on from there, or who has asked asks again."""
    first = story.start("killed_on_github.py", str(boundary))
    if first.returncode != -signal.SIGKILL:
        told(first, f"{boundary} was not reached")
        return False
    whole = f"{type(story).__name__}, killed at {boundary}\n{first.stderr}"
    if not story.whole:
        whole += told(story.sweep() if story.swept else story.start(), "again")
    assert story.whole, whole
    assert not story.refused, whole
    whole += told(story.start(), "once more")
    try:
        story.check()
    except AssertionError as e:
        raise AssertionError(whole) from e
    return True


@pytest.mark.parametrize(("name", "boundary"), SMOKE)
def test_killed_and_started_again(desk: Desk, name: str, boundary: int) -> None:
    assert survives(STORIES[name](desk), boundary)


@pytest.mark.campaign
@pytest.mark.parametrize("name", STORIES)
def test_killed_at_every_boundary(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong, boundary, more = [], 0, True
    while more:
        boundary += 1
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / f"cache{boundary}"))
        with Hub(tmp_path / f"hub{boundary}").serving() as hub:
            try:
                more = survives(STORIES[name](Desk(hub, tmp_path)), boundary)
            except AssertionError as e:
                wrong.append(str(e))
    print(f"{name}: killed at {boundary - 1} boundaries, {len(wrong)} not survived")
    assert not wrong, "\n\n".join(wrong)
