"""Events with their payloads: pull requests and their merges, dispatches and their inputs; and what a job can fetch."""

from typing import Any

import pytest

from bot.errors import UsageError
from bot.model import Delivery, ReplayOptions, Result
from tests.projects import CHECKOUT, WORKFLOW, Make, Project, workflow
from tests.replay.conftest import Replay

SHOW = "run: echo $GITHUB_REF $(cat base.txt head.txt) $(git rev-parse HEAD) $GITHUB_SHA $(git rev-list --count HEAD)"


def request(made: Project) -> dict[str, Any]:
    """The payload of a pull request from `feature` to `main`."""
    head, base = made.git("rev-parse", "feature"), made.git("rev-parse", "main")
    return {
        "number": 7,
        "pull_request": {"head": {"ref": "feature", "sha": head}, "base": {"ref": "main", "sha": base}},
    }


def diverged(project: Make, text: str, **files: str) -> Project:
    """A project with `feature` checked out, which has `files` changed, and a `main` that has moved on."""
    made = project({WORKFLOW: text, "base.txt": "old\n", "head.txt": "old\n"})
    made.git("switch", "--quiet", "-c", "feature")
    made.write(files or {"head.txt": "new-head\n"})
    made.commit("Feature")
    made.git("switch", "--quiet", "main")
    made.write({"base.txt": "new-base\n"})
    made.commit("Main")
    made.git("switch", "--quiet", "feature")
    return made


def test_a_pull_request_is_replayed_merged(project: Make) -> None:
    depth = f"{CHECKOUT}\nwith: {{fetch-depth: 0}}"
    head = f"{CHECKOUT}\nwith: {{ref: '${{{{ github.head_ref }}}}'}}"
    made = diverged(project, workflow(depth, SHOW, head, "run: cat base.txt; git rev-parse HEAD", on="pull_request"))
    payload = request(made)
    done = made.replay(event="pull_request", event_payload=payload)
    assert done.result.result is Result.SUCCESS, done.log
    ref, base, changed, commit, sha, count = done.printed()[1].split()
    assert (ref, base, changed, count) == ("refs/pull/7/merge", "new-base", "new-head", "4")
    assert commit == sha != payload["pull_request"]["head"]["sha"]
    assert done.printed()[-2:] == ["old", payload["pull_request"]["head"]["sha"]]
    made.git("switch", "--quiet", "main")  # the event says what is merged, whatever is checked out
    assert sha in made.replay(event="pull_request", event_payload=payload).printed()[1]
    with pytest.raises(UsageError, match="is checked out"):
        made.app().open_incident(ReplayOptions(event="pull_request", event_payload=payload), Delivery(), 5)


def test_a_pull_request_that_conflicts_is_unreplayable(project: Make) -> None:
    made = diverged(project, workflow("run: 'true'", on="pull_request"), **{"base.txt": "other\n"})
    done = made.replay(event="pull_request", event_payload=request(made))
    assert done.result.result is Result.UNREPLAYABLE
    assert "cannot be merged" in (done.result.reason or "")
    assert made.replay(event="pull_request").result.result is Result.SUCCESS  # without base and head: what is there


def test_a_job_fetches_what_the_checkout_has(project: Make) -> None:
    made = diverged(
        project,
        workflow(
            CHECKOUT,
            "run: git fetch --quiet origin main && git show FETCH_HEAD:base.txt && git remote get-url origin",
            "run: git fetch --quiet --unshallow --tags && git rev-list --count HEAD && git tag && git branch --remotes",
            "run: git fetch origin nowhere",
        ),
    )
    made.git("tag", "v1")
    done = made.replay(repository="acme/shop")
    assert done.steps == ["success", "success", "success", "failure"], done.log
    printed = done.printed()
    assert printed[1:5] == ["new-base", "https://github.com/acme/shop", "2", "v1"]
    assert [x.strip() for x in printed[5:7]] == ["origin/feature", "origin/main"]


def test_dispatch_inputs(replay: Replay) -> None:
    declared = "who: {required: true}, loud: {type: boolean, default: true}, size: {type: choice, options: [s, l]}, n: {type: number}"
    on = f"{{workflow_dispatch: {{inputs: {{{declared}}}}}}}"
    step = "run: echo '${{ inputs.who }} ${{ inputs.loud && 'loud' || 'quiet' }} ${{ inputs.size }} ${{ github.event.inputs.loud }}'"
    options: dict[str, Any] = {"event": "workflow_dispatch", "workflows": ("ci.yml",)}
    payload = {"inputs": {"who": "you", "loud": "false", "size": "l"}}
    assert replay(step, on=on, options={**options, "inputs": {"who": "me"}}).printed() == ["me loud  true"]
    done = replay(step, on=on, options={**options, "event_payload": payload, "inputs": {"who": "me"}})
    assert done.printed() == ["me quiet l false"]
    for given, told in (
        ({}, "the input 'who' is required"),
        ({"who": "x", "size": "m"}, "the input 'size' is one of s, l, not 'm'"),
        ({"who": "x", "loud": "yes"}, "the input 'loud' is 'true' or 'false', not 'yes'"),
        ({"who": "x", "n": "many"}, "the input 'n' is a number, not 'many'"),
        ({"who": "x", "other": "y"}, "there is no input 'other'"),
    ):
        with pytest.raises(UsageError, match=told):
            replay(step, on=on, options={**options, "inputs": given})
