"""The Action as a caller's workflow runs it, by act: what `regreen init` writes, after a red run on the hub."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from bot.yaml12 import load
from tests.conftest import ROOT, WHEELS
from tests.hub import Hub
from tests.hub.world import Repository, Run
from tests.projects import CHECKOUT, WORKFLOW, Make, workflow
from tests.test_workflow_files import with_call

NAME, COMMIT = "octo/regreen", "0123456789abcdef0123456789abcdef01234567"
OWN, SETTINGS = ".github/workflows/regreen.yml", ".github/regreen.yml"
ELSEWHERE = "ci/regreen.yml"
PARTS = ("bot", "strategies", "config", "requirements")
STUB = "{name: Stub, runs: {using: composite, steps: [{run: 'true', shell: bash}]}}"
CI = "name: CI\n" + workflow(CHECKOUT, "run: cp source copy", "run: git diff --exit-code", on="push")
REUSABLE = ".github/workflows/repair.yml"
GIVEN = "mode: suggest, config: a.yml, command: sweep, dry-run: true, allowed-bots: 'a b', prefer: speed, max-cost-usd: '0.5'"
PASSED = {
    "ANTHROPIC_API_KEY": "sk-of-octo",
    "MODE": "suggest",
    "REGREEN_CONFIG": "a.yml",
    "REGREEN_COMMAND": "sweep",
    "REGREEN_DRY_RUN": "true",
    "REGREEN_STAGE": "all",
    "ALLOWED_BOTS": "a b",
    "PREFER": "speed",
    "MAX_COST_USD": "0.5",
}
TOLD_OUTSIDE = """
  after:
    needs: regreen
    runs-on: ubuntu-24.04
    permissions: {}
    steps: [{run: 'echo "$IT" > "$TOLD/verdict"', env: {IT: '${{ needs.regreen.outputs.verdict }}'}}]
"""
TELL = """
      - run: echo "$OUTPUTS" > "$TOLD/outputs"; cp "$REPORT" "$TOLD/report"
        env: {OUTPUTS: '${{ toJSON(steps.it.outputs) }}', REPORT: '${{ steps.it.outputs.report }}'}
"""


@pytest.fixture
def caller(hub: Hub, project: Make) -> Repository:
    """A repository with a check and with what `regreen init` writes; the workflow tells the outputs at the end."""
    made = project({WORKFLOW: CI, "source": "new\n", "copy": "new\n"})
    assert made.here("init", "--yes", "--action", f"{NAME}@{COMMIT}").code == 0
    files = {name: (made.root / name).read_text() for name in (WORKFLOW, OWN, SETTINGS, "source", "copy")}
    one = hub.repository("octo/app", files, bob="write")
    one.actions_may_open_pulls = True
    return one


@pytest.fixture
def stub(hub: Hub, tmp_path: Path) -> None:
    """An Action that does nothing."""
    hub.actions[NAME] = tmp_path / "stub"
    hub.actions[NAME].mkdir()
    (hub.actions[NAME] / "action.yml").write_text(STUB)


def begun(hub: Hub) -> list[str]:
    """The events for which Regreen's job has begun, of all runs that wait."""
    return [run.event for run in hub.settle() if run.workflow == OWN and run.jobs[1]]


def ci(hub: Hub, one: Repository, conclusion: str, branch: str = "main") -> Run:
    return hub.add_run(one, "", conclusion=conclusion, branch=branch)


@pytest.mark.usefixtures("stub")
@pytest.mark.parametrize(
    ("conclusion", "branch", "expected"),
    [
        ("failure", "main", ["workflow_run"]),
        ("cancelled", "main", []),
        ("success", "main", []),
        ("success", "regreen/0123456789ab-fix", ["workflow_run"]),
    ],
)
def test_of_runs_it_looks_at_red_ones_and_its_own(
    hub: Hub, caller: Repository, conclusion: str, branch: str, expected: list[str]
) -> None:
    if branch != "main":
        caller.git("branch", branch, "main")
    ci(hub, caller, conclusion, branch)
    assert begun(hub) == expected


@pytest.mark.usefixtures("stub")
def test_of_comments_it_looks_at_commands(hub: Hub, caller: Repository) -> None:
    bob = hub.client(hub.token("bob"))
    bob.post("/repos/octo/app/issues", json={"title": "It is red"})
    bob.post("/repos/octo/app/issues/1/comments", json={"body": "Who broke it?"})
    assert begun(hub) == []
    bob.post("/repos/octo/app/issues/1/comments", json={"body": "Let us see.\n\n/regreen fix"})
    assert begun(hub) == ["issue_comment"]


@pytest.mark.usefixtures("stub")
@pytest.mark.parametrize(
    ("branch", "forked", "expected"),
    [
        ("regreen/0123456789ab-fix", False, ["pull_request_review", "pull_request_review_comment", "pull_request"]),
        ("regreen/0123456789ab-fix", True, []),
        ("feature", False, ["pull_request_review_comment"]),
    ],
)
def test_of_pull_requests_it_looks_at_its_own_and_at_commands(
    hub: Hub, caller: Repository, branch: str, forked: bool, expected: list[str]
) -> None:
    source = hub.fork(caller, "bob") if forked else caller
    hub.push(source, {"source": "a\n", "copy": "a\n"}, branch=branch)
    asked = {"title": "A", "head": f"bob:{branch}" if forked else branch, "base": "main"}
    at = hub.client(hub.token("bob")).post("/repos/octo/app/pulls", json=asked).json()["url"]
    octo = hub.client(hub.token("octo"))
    comments = [{"path": "copy", "line": 1, "body": body} for body in ("Why?", "/regreen fix")]
    octo.post(f"{at}/reviews", json={"event": "REQUEST_CHANGES", "body": "No", "comments": comments})
    octo.patch(at, json={"state": "closed"})
    assert [event for event in begun(hub) if event.startswith("pull_request")] == expected


@pytest.mark.usefixtures("stub")
def test_it_goes_on_by_the_clock_and_by_hand(hub: Hub, caller: Repository) -> None:
    hub.schedule(caller)
    at = f"/repos/octo/app/actions/workflows/{Path(OWN).name}/dispatches"
    hub.client(hub.token("bob")).post(at, json={"ref": "main", "inputs": {"run": "1"}})
    assert begun(hub) == ["schedule", "workflow_dispatch"]


@pytest.mark.parametrize(
    ("following", "expected"),
    [
        ("replay", ["analyse with a token", "replay", "publish with a token"]),
        ("publish", ["analyse with a token", "publish with a token"]),
        ("", ["analyse with a token"]),
    ],
)
def test_the_jobs_of_the_hardened_workflow(
    hub: Hub, project: Make, tmp_path: Path, following: str, expected: list[str]
) -> None:
    made = project({WORKFLOW: CI})
    assert made.here("init", "--yes", "--hardened", "--action", f"{NAME}@{COMMIT}").code == 0
    one = hub.repository("octo/app", {name: (made.root / name).read_text() for name in (WORKFLOW, OWN)})
    hub.actions[NAME] = skeleton(tmp_path / "skeleton", following)
    hub.runner_environment = {"TOLD": str(tmp_path)}
    ci(hub, one, "failure")
    (run,) = hub.settle()
    assert run.conclusion == "success", [job.log for job in run.jobs[1]]
    assert (tmp_path / "stages").read_text().splitlines() == expected
    assert [a.name for a in one.artifacts.values()] == (
        ["regreen-orders", "regreen-replies"] if following == "replay" else []
    )


def skeleton(folder: Path, following: str) -> Path:
    """The Action, of which only files are handed over: each stage tells whether it has a token."""
    script = f"""
        echo "$REGREEN_STAGE${{GITHUB_TOKEN:+ with a token}}" >> "$TOLD/stages"
        [ "$REGREEN_STAGE" != analyse ] || echo "next={following}" >> "$GITHUB_OUTPUT"
        cd "$RUNNER_TEMP" && mkdir -p regreen && cd regreen
        case "$REGREEN_STAGE" in
          analyse) echo orders > orders.json ;;
          replay) cp orders.json replies.json ;;
        esac
    """
    return scripted(folder, script)


def scripted(folder: Path, script: str) -> Path:
    """The Action with another script, and with the reusable workflow; act does not know the name that it has there."""
    action = load((ROOT / "action.yml").read_bytes(), "action.yml")
    kept = [s for s in action["runs"]["steps"] if s.get("id") == "regreen" or "artifact" in s.get("uses", "")]
    action["runs"]["steps"] = [step | {"run": script} if step.get("id") == "regreen" else step for step in kept]
    (folder / REUSABLE).parent.mkdir(parents=True)
    (folder / "action.yml").write_text(yaml.safe_dump(action))
    (folder / REUSABLE).write_text((ROOT / REUSABLE).read_text().replace("uses: $/.", f"uses: {NAME}@{COMMIT}"))
    return folder


@pytest.mark.parametrize(("conclusion", "expected"), [("failure", True), ("cancelled", False)])
def test_the_reusable_workflow_gives_the_action_what_it_is_given(
    hub: Hub, caller: Repository, tmp_path: Path, conclusion: str, expected: bool
) -> None:
    hub.actions[NAME] = scripted(
        tmp_path / "action",
        """
        env -0 > "$TOLD/env"
        echo verdict=FIXED >> "$GITHUB_OUTPUT"
        """,
    )
    hub.runner_environment = {"TOLD": str(tmp_path)}
    caller.secrets["ANTHROPIC_API_KEY"] = "sk-of-octo"
    text = with_call(caller.git.read("main", OWN), f"{NAME}@{COMMIT}").replace("mode: pull-request", GIVEN)
    hub.push(caller, {OWN: text + TOLD_OUTSIDE}, message="Call it [skip ci]")
    ci(hub, caller, conclusion)
    (run,) = hub.settle()
    assert (tmp_path / "env").exists() is expected, [job.log for job in run.jobs[1]]
    if not expected:
        return
    told = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().split("\0") if line)
    assert {name: told[name] for name in PASSED} == PASSED
    assert told["GITHUB_TOKEN"].startswith("ghs_")
    assert (tmp_path / "verdict").read_text() == "FIXED\n"


@pytest.fixture
def action(hub: Hub, tmp_path: Path, own_cache: Path) -> None:
    """The Action as GitHub would bring it, on a runner whose package index is the folder of wheels."""
    hub.actions[NAME] = tmp_path / "action"
    for part in PARTS:
        shutil.copytree(ROOT / part, hub.actions[NAME] / part)
    shutil.copy(ROOT / "action.yml", hub.actions[NAME])
    settings = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(WHEELS), "REGREEN_REPLAY_NETWORK": "none"}
    hub.runner_environment = {
        **settings,
        "RUNNER_ARCH": "X64",
        "XDG_CACHE_HOME": str(own_cache),
        "TOLD": str(tmp_path),
    }


@pytest.mark.usefixtures("action")
def test_a_red_run_becomes_a_pull_request(hub: Hub, caller: Repository, tmp_path: Path) -> None:
    telling = caller.git.read("main", OWN).replace("- uses:", "- id: it\n        uses:")
    telling += f"\n        with: {{config: {ELSEWHERE}}}\n{TELL}"
    hub.push(caller, {OWN: telling, ELSEWHERE: "proposal: {labels: [robot]}\n", "copy": "old\n"}, by="bob")
    red, ours = hub.settle()
    (job,) = ours.jobs[1]
    assert (red.conclusion, ours.event, ours.conclusion) == ("failure", "workflow_run", "success"), job.log
    (pull,) = caller.pulls
    assert pull.labels == ["robot"]
    assert (pull.title, pull.author.login) == ("Fix CI: Commit what the job generates: copy", "github-actions[bot]")
    assert caller.git.read(pull.head_sha, "copy") == "new"
    told = json.loads((tmp_path / "outputs").read_text())
    assert Path(told.pop("report")).name == "regreen.json"
    (incident,) = json.loads((tmp_path / "report").read_text())["incidents"]
    assert told == {
        "conclusion": "success",
        "incident-id": incident["id"],
        "verdict": "FIXED",
        "pull-request-url": f"{hub.url}/octo/app/pull/{pull.number}",
        "branch": pull.head_ref,
        "cost-usd": "0",
        "input-tokens": "0",
        "output-tokens": "0",
        "next": "",
    }


@pytest.mark.campaign  # installs itself three times
@pytest.mark.usefixtures("action")
def test_a_red_run_becomes_a_pull_request_in_three_jobs(hub: Hub, caller: Repository, project: Make) -> None:
    made = project({WORKFLOW: CI})
    (made.root / OWN).unlink()  # the plain one, which the caller has
    assert made.here("init", "--yes", "--hardened", "--action", f"{NAME}@{COMMIT}").code == 0
    hub.push(caller, {OWN: (made.root / OWN).read_text(), "copy": "old\n"}, by="bob")
    red, ours = hub.settle()
    jobs = ours.jobs[1]
    assert (red.conclusion, ours.conclusion) == ("failure", "success"), [job.log for job in jobs]
    assert [job.name for job in jobs] == ["Analyse", "Replay", "Publish"]
    (pull,) = caller.pulls
    assert caller.git.read(pull.head_sha, "copy") == "new"
    assert "could have forged the verdict" in pull.body
