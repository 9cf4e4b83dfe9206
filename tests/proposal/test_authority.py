"""Whoever can write records can have no more done than the settings allow, and only for what has really happened."""

from pathlib import Path

import pytest

from bot.adapters.git_plumbing import GitPlumbing
from bot.aftermath import Aftermath
from bot.errors import Refused
from bot.findings import hold_again
from bot.model import Effect
from bot.proposal.hosted import deliver, tell
from bot.settings import read_settings
from tests.hub import Hub
from tests.proposal.scene import DIFF, TARGET, Scene
from tests.state.helpers import FakeClock


@pytest.fixture
def scene(hub: Hub, tmp_path: Path) -> Scene:
    return Scene(hub, tmp_path)


def test_a_true_record_is_delivered(scene: Scene) -> None:
    hosting = scene.hosting()
    done = deliver(scene.incident(hosting, scene.red()), hosting)
    assert scene.one.git.read(TARGET, "copy") == "new"
    assert [pull.head_ref for pull in scene.one.pulls] == [TARGET]
    assert done.proposal
    assert done.proposal.kind == "pull-request"


@pytest.mark.parametrize(("kind", "mode"), [("push", "pull-request"), ("push", "suggest"), ("pull-request", "suggest")])
def test_no_record_goes_further_than_the_settings(scene: Scene, kind: str, mode: str) -> None:
    hosting, tip = scene.hosting(mode=mode), scene.one.git.refs()
    done = deliver(scene.incident(hosting, scene.red(), kind=kind), hosting)
    assert done.proposal
    assert (done.proposal.kind, scene.one.git.refs(), scene.one.pulls) == ("suggestion", tip, [])
    assert scene.said == [f"the settings do not allow {kind} here: the fix is suggested"]


@pytest.mark.parametrize("target", ["release", "regreen/ffffffffffff-run-ruff", "regreen/state", f"{TARGET}:main"])
def test_no_record_names_a_branch_that_is_not_its_own(scene: Scene, target: str) -> None:
    hosting, before = scene.hosting(), scene.one.git.refs()
    with pytest.raises(Refused, match="names a branch that is not its own"):
        deliver(scene.incident(hosting, scene.red(), target=target), hosting)
    assert scene.one.git.refs() == before


@pytest.mark.parametrize(
    "lie",
    [{"head_branch": "prod", "base_branch": "prod"}, {"base_branch": "prod"}, {"event": "release"}, {"pull": 1}],
    ids=str,
)
def test_what_a_record_says_of_its_run_must_be_so(scene: Scene, lie: dict[str, str | int]) -> None:
    hosting = scene.hosting(mode="push")
    scene.pull()
    scene.hub.push(scene.one, {"other": "\n"}, branch="prod", by="bob")
    before = scene.one.git.refs()
    incident = scene.incident(hosting, scene.red(), kind="push")
    assert incident.failed_run
    incident = incident.changed(failed_run=incident.failed_run.changed(**lie))
    with pytest.raises(Refused, match="than GitHub"):
        deliver(incident, hosting)
    tell(incident, hosting)
    assert (scene.one.git.refs(), scene.one.comments) == (before, {})
    assert not any(check.name == "Regreen" for check in scene.one.checks.values())


def test_no_record_sets_a_branch_back(scene: Scene) -> None:
    old = scene.one.git.resolve("main")
    scene.hub.push(scene.one, {"other": "x\n"}, by="bob")
    hosting = scene.hosting(mode="push")
    incident = scene.incident(hosting, scene.red(), kind="push", head=old, snapshot=old)
    with pytest.raises(Refused, match="another commit than its run"):
        deliver(incident, hosting)
    assert scene.one.git.read("main", "other") == "x"


@pytest.mark.parametrize("value", ["1", "many"])
def test_no_record_makes_a_pull_request_its_own(scene: Scene, value: str) -> None:
    hosting, theirs = scene.hosting(), scene.pull()
    effect = Effect(kind="pull-request", name=TARGET, done=True, value=value)
    incident = scene.incident(hosting, scene.red(), effects=(effect,))
    with pytest.raises(Refused, match="has opened no pull request"):
        deliver(incident, hosting)
    scene.hub.push(scene.one, {"copy": "else\n"}, by="bob")
    scene.hub.add_run(scene.one, "", conclusion="success")
    Aftermath(scene.hosting(), FakeClock()).revisit(incident)
    assert (theirs.labels, theirs.state, theirs.body, scene.one.comments) == ([], "open", "Why", {})


def test_no_record_gives_git_an_option(scene: Scene, tmp_path: Path) -> None:
    scene.pull(TARGET)
    scene.one.pulls[0].state = "closed"
    scene.one.pulls[0].merged = scene.one.pulls[0].created
    hosting = scene.hosting(check=False)
    effects = (
        Effect(kind="push", name=TARGET, done=True, value=f"--output={tmp_path}/written"),
        Effect(kind="pull-request", name=TARGET, done=True, value="1"),
    )
    ended = Aftermath(hosting, FakeClock()).revisit(scene.incident(hosting, scene.red(), effects=effects))
    assert ended.outcome
    assert not (tmp_path / "written").exists()


HOSTILE = DIFF.replace("copy", ".github/workflows/ci.yml").replace("--- a/.github/workflows/ci.yml", "--- /dev/null")
NEW_WORKFLOW = HOSTILE.replace("@@ -1 +1 @@\n-old", "@@ -0,0 +1 @@").replace("--- ", "new file mode 100644\n--- ")


def test_no_record_proposes_what_the_policy_forbids(scene: Scene) -> None:
    incident = scene.incident(scene.hosting(), scene.red())
    git, settings = GitPlumbing(scene.one.git.path), read_settings("{}", "here", {})
    hold_again(git, incident, settings, lambda *_: ())
    assert incident.proposal
    forged = incident.changed(proposal=incident.proposal.changed(diff=NEW_WORKFLOW))
    with pytest.raises(Refused) as refused:
        hold_again(git, forged, settings, lambda *_: ())
    assert [line.split(":")[0] for line in refused.value.refusals] == ["workflow"]
