"""Regreen on a repository of a hub, in a clone of its own."""

from pathlib import Path

import pytest

from bot.app import Voices
from bot.errors import Refused
from bot.hosted import OnGitHub
from bot.repair.trees import remade
from bot.replay.source import read_commit
from tests.hub import Hub
from tests.proposal import samples
from tests.proposal.scene import DIFF, TARGET, Scene

EMPTIED = (
    "diff --git a/tests/test_it.py b/tests/test_it.py\n--- a/tests/test_it.py\n+++ b/tests/test_it.py\n"
    "@@ -1,2 +1,2 @@\n def test_it():\n-    assert 1\n+    pass\n"
)


@pytest.mark.parametrize(("diff", "is_good"), [(DIFF, True), (EMPTIED, False)])
def test_what_is_applied_is_held_against_the_guard_again(hub: Hub, tmp_path: Path, diff: str, *, is_good: bool) -> None:
    scene = Scene(hub, tmp_path)
    hub.push(scene.one, {"tests/test_it.py": "def test_it():\n    assert 1\n"}, by="bob")
    pull = scene.pull()
    run = scene.red(pull)
    on = OnGitHub(scene.github, {}, Voices(print, lambda *_: None), tmp_path)
    app = on.app(run.head_sha)
    made = remade(app.theirs, run.head_sha, diff, "Fix\n", when=read_commit(app.theirs, run.head_sha).created)
    known = samples.fixed("suggestion", run)
    assert known.proposal
    proposal = known.proposal.changed(target=TARGET, commit=made, diff=diff, message="Fix\n")
    told = known.changed(head=run.head_sha, snapshot=run.head_sha, proposal=proposal)
    incident = app.checkpoints.save(told)
    if is_good:
        on.apply(incident, scene.github.pull(pull.number))
        assert scene.one.git.read("feature", "copy") == "new"
    else:
        with pytest.raises(Refused, match="the guard refused it"):
            on.apply(incident, scene.github.pull(pull.number))
        assert scene.one.git.resolve("feature") == run.head_sha
