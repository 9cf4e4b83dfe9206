"""Actions of other repositories, fetched from local mirrors into a cache of the test's own."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from bot.errors import UsageError
from bot.model import Result
from bot.replay import remote_actions
from tests.projects import CHECKOUT, WORKFLOW, Make, Project, workflow
from tests.replay.conftest import Replay

pytestmark = pytest.mark.usefixtures("own_cache")
Mirror = Callable[[str, Mapping[str, str | bytes]], Project]


def composite(*steps: str) -> str:
    return f"name: x\nruns:\n  using: composite\n  steps: [{', '.join(steps)}]\n"


def say(text: str) -> str:
    return f"{{run: echo {text}, shell: bash}}"


NODE = """
name: node
inputs: {who: {default: nobody}}
outputs: {said: {description: what was said}}
runs: {using: node20, pre: lib/pre.js, main: lib/main.js, post: lib/post.js}
"""
MAIN = """
const fs = require('fs');
console.log('main for ' + process.env.INPUT_WHO + ' in ' + (process.cwd() === process.env.GITHUB_WORKSPACE));
fs.appendFileSync(process.env.GITHUB_OUTPUT, 'said=hello\\n');
fs.writeFileSync(__dirname + '/written', 'x');
"""


def test_actions_are_fetched_at_their_exact_refs_with_those_that_they_use(mirror: Mirror, replay: Replay) -> None:
    inner = mirror("acme/inner", {"deep/action.yml": composite(say("inner old"))})
    old = inner.git("rev-parse", "HEAD")
    inner.write({"deep/action.yml": composite(say("inner new"))})
    inner.commit("Second")
    outer = mirror("acme/outer", {"action.yaml": composite(say("outer tagged"), f"{{uses: acme/inner/deep@{old}}}")})
    outer.git("checkout", "--quiet", "-b", "next/branch")
    outer.write({"action.yaml": composite(say("outer branch"), "{uses: acme/inner/deep@main}")})
    outer.commit("Second")
    mirror("acme/node", {"action.yml": NODE, "lib/main.js": MAIN, **{f"lib/{x}.js": f"console.log('{x}')" for x in ("pre", "post")}})  # fmt: skip
    done = replay(
        "uses: acme/outer@v1",
        "uses: acme/outer@next/branch",
        "uses: acme/node@v1\nid: n\nwith: {who: you}",
        "run: echo '${{ steps.n.outputs.said }}'",
    )
    assert done.result.result is Result.SUCCESS, done.log
    said = ["outer tagged", "inner old", "outer branch", "inner new", "main for you in true", "hello"]
    assert [x for x in done.printed() if x in said] == said


def test_a_commit_needs_no_server_and_a_tag_that_cannot_be_asked_for_is_noted(mirror: Mirror, project: Make) -> None:
    made = mirror("acme/thing", {"action.yml": composite(say("had"))})
    commit = made.git("rev-parse", "HEAD")
    by_commit = project({WORKFLOW: workflow(f"uses: acme/thing@{commit}")})
    by_commit.replay()
    made.root.rename(made.root.with_name("gone"))
    again = by_commit.replay()
    assert (again.printed(), again.result.notes) == (["had"], ())
    by_tag = Project(by_commit.root.with_name("other"), {WORKFLOW: workflow("uses: acme/thing@v1")})
    assert "acme/thing@v1 cannot be had here: " in (by_tag.replay().result.reason or ""), "it was never asked for"
    made.root.with_name("gone").rename(made.root)
    by_tag.replay()
    made.root.rename(made.root.with_name("gone"))
    again = by_tag.replay()
    assert again.printed() == ["had"]
    assert "acme/thing at v1 was taken from the cache" in again.result.notes[0]


def test_reusable_workflows_of_other_repositories(mirror: Mirror, project: Make) -> None:
    mirror("acme/thing", {"action.yml": composite(say("an action of the workflow"))})
    called = workflow("uses: acme/thing@v1", on="workflow_call")
    mirror("acme/flows", {".github/workflows/check.yml": called})
    calls = "on: push\njobs:\n  call: {{uses: acme/flows/.github/workflows/check.yml@{}}}\n"
    made = project({WORKFLOW: calls.format("v1")})
    assert made.replay().printed() == ["an action of the workflow"]
    made.write({WORKFLOW: calls.format("v2")})
    none = made.replay().result
    assert none.result is Result.UNREPLAYABLE
    assert "acme/flows/.github/workflows/check.yml@v2, which cannot be had here: it has no branch or tag 'v2'" in (none.reason or "")  # fmt: skip


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"action.yml": "runs: {using: docker, image: Dockerfile}\n"}, "it is a container"),
        ({"Dockerfile": "FROM scratch\n"}, "it is a container"),
        ({"action.yml": composite("{uses: 'docker://alpine'}")}, "docker://alpine"),
        ({"action.yml": composite("{run: git push, shell: bash}")}, "'git push', which is never run"),
        ({"action.yml": "runs: {using: node99, main: x.js}\n"}, "node99"),
        ({"README": ""}, "there is no action.yml"),
        ({"action.yml": "runs: ["}, "not valid YAML"),
        ({"action.yml": composite("{uses: acme/a/../../../../../escaped@v1}")}, "not the name of an action"),
        ({"action.yml": composite("{uses: acme/none@v1}")}, "acme/none@v1 cannot be had here"),
    ],
)
def test_what_cannot_be_run_is_named_when_a_job_reaches_it(
    mirror: Mirror, project: Make, files: dict[str, str], told: str
) -> None:
    mirror("acme/thing", files)
    made = project({WORKFLOW: workflow("run: echo before", "uses: acme/thing@v1")})
    done = made.replay()
    assert done.result.result is Result.UNREPLAYABLE
    assert "acme/thing@v1" in (done.result.reason or "") or "acme/none@v1" in (done.result.reason or "")
    assert told in (done.result.reason or "")
    assert done.steps == ["success", "failure"]
    not_reached = Project(made.root.with_name("other"), {WORKFLOW: workflow("run: 'true'", "uses: acme/thing@v1\nif: ${{ false }}")})  # fmt: skip
    assert not_reached.replay().result.result is Result.SUCCESS


ASK = "require('https').get('https://example.org', () => {}).on('error', (e) => { console.log(e.message); process.exit(1) });"


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"action.yml": "runs: {using: node20, main: x.js}\n", "x.js": ASK}, "getaddrinfo EAI_AGAIN example.org"),
        ({"action.yml": composite("{run: git ls-remote git://example.org/a, shell: bash}")}, "name resolution"),
    ],
)
def test_an_action_that_fails_for_want_of_a_network_tells_nothing(
    mirror: Mirror, replay: Replay, files: dict[str, str], told: str
) -> None:
    mirror("acme/thing", files)
    done = replay("uses: acme/thing@v1")
    assert done.result.result is Result.UNREPLAYABLE, done.log
    assert "the action acme/thing@v1 has failed, and needs a network: " in (done.result.reason or "")
    assert told in (done.result.reason or "")


def test_an_action_that_fails_for_another_reason_is_red(mirror: Mirror, replay: Replay) -> None:
    mirror("acme/thing", {"action.yml": composite("{run: exit 3, shell: bash}")})
    assert replay("uses: acme/thing@v1").result.result is Result.FAILURE


def test_a_chain_of_actions_ends(mirror: Mirror, replay: Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror("acme/one", {"action.yml": composite("{uses: acme/two@v1}")})
    mirror("acme/two", {"action.yml": composite(say("two"))})
    monkeypatch.setattr(remote_actions, "MAX_ACTIONS", 1)
    assert "the job uses more than 1 actions" in (replay("uses: acme/one@v1").result.reason or "")


def test_side_effects_inside_of_actions_are_not_run(mirror: Mirror, replay: Replay) -> None:
    mirror("codecov/codecov-action", {"action.yml": composite(say("uploaded"))})
    mirror("acme/thing", {"action.yml": composite("{uses: codecov/codecov-action@v1}", say("after"))})
    local = {".github/actions/mine/action.yml": composite("{uses: codecov/codecov-action@v1}")}
    done = replay(CHECKOUT, "uses: acme/thing@v1", "uses: ./.github/actions/mine", files=local)
    assert done.result.result is Result.SUCCESS, done.log
    assert "uploaded" not in done.printed()
    assert "after" in done.printed()
    assert done.result.notes == ("job: the side effect 'codecov/codecov-action' was not run",)


def test_a_name_that_leads_out_of_the_repository_is_refused(mirror: Mirror, replay: Replay, tmp_path: Path) -> None:
    out = "acme/thing/../../../../../../../../escaped@v1"
    with pytest.raises(UsageError, match="step 1 uses '.*', which is not the name of an action"):
        replay(f"uses: {out}")
    local = {".github/actions/mine/action.yml": composite(f"{{uses: {out}}}")}
    assert replay(CHECKOUT, "uses: ./.github/actions/mine", files=local).result.result is Result.FAILURE
    assert not list(tmp_path.glob("**/escaped"))


def test_actions_can_be_mapped_in_the_environment_only(
    mirror: Mirror, project: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror("acme/thing", {"action.yml": composite(say("mapped"))})
    mapping = {"acme/other@v2": str(tmp_path / "mirror" / "acme" / "thing")}
    made = project({WORKFLOW: workflow("uses: acme/other@v2")})
    with monkeypatch.context() as patch:
        patch.setenv("REGREEN_REPLAY_LOCAL_ACTIONS", json.dumps(mapping))
        assert made.replay().printed() == ["mapped"]
    for setting in (
        f"local_actions: {json.dumps(mapping)}",
        f'sources: {{"https://github.com/": "file://{tmp_path}"}}',
    ):
        monkeypatch.delenv("REGREEN_REPLAY_SOURCES", raising=False)
        made.write({".github/regreen.yml": f"replay:\n  {setting}\n"})
        made.commit("Ask for a folder")
        with pytest.raises(UsageError, match="taken from the environment only"):
            made.replay()
