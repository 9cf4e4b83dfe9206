"""What a push of code that a model wrote could reach in CI, by the workflow files; in doubt there is something."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from bot.adapters.git_plumbing import GitPlumbing
from bot.model import Verdict
from bot.proposal.exposure import exposed
from bot.proposal.hosted import deliver
from tests.hub import Hub
from tests.projects import Project
from tests.proposal.scene import DIFF, TARGET, Scene

READ = "permissions: {contents: read}"
JOB = "jobs: {a: {runs-on: ubuntu-latest, steps: [{run: make}]}}"


def found(tmp_path: Path, *workflows: str) -> list[str]:
    files = {f".github/workflows/{n}.yml": text for n, text in enumerate(workflows)}
    project = Project(tmp_path / "one", {"a": "b\n", **files})
    return list(exposed(GitPlumbing(project.root / ".git"), project.git("rev-parse", "HEAD")))


@pytest.mark.parametrize(
    "workflow",
    [
        f"on: [push, pull_request]\n{READ}\n{JOB}",
        f"on: pull_request\npermissions: {{}}\n{JOB}",
        f"on: push\npermissions: read-all\n{JOB}",
        "on: push\njobs: {a: {runs-on: x, permissions: {contents: read}, steps: [{run: make}]}}",
        f"on: push\n{READ}\n{JOB}\nenv: {{A: '${{{{ secrets.GITHUB_TOKEN }}}}'}}",
        f"on: {{schedule: [{{cron: '0 0 * * *'}}]}}\n{JOB}\nenv: {{A: '${{{{ secrets.DEPLOY }}}}'}}",
        f"on: workflow_dispatch\n{JOB}",
        f"on: release\npermissions: write-all\n{JOB}",
    ],
)
def test_where_ci_has_nothing_to_lose_code_of_models_may_run(tmp_path: Path, workflow: str) -> None:
    assert found(tmp_path, workflow) == []


@pytest.mark.parametrize(
    ("workflow", "told"),
    [
        (f"on: push\n{READ}\n{JOB}\nenv: {{A: '${{{{ secrets.DEPLOY }}}}'}}", "it uses secrets"),
        (f"on: push\n{READ}\n{JOB}\nenv: {{A: '${{{{ secrets[matrix.name] }}}}'}}", "it uses secrets"),
        (f"on: push\n{READ}\n{JOB}\nenv: {{A: '${{{{ toJSON(secrets) }}}}'}}", "it uses secrets"),
        (f"on: push\n{READ}\njobs: {{a: {{uses: ./b.yml, secrets: inherit}}}}", "it uses secrets"),
        (f"on: {{push: {{branches: [main]}}}}\n{READ}\n{JOB}\n# secrets.DEPLOY", "it uses secrets"),
        (f"on: pull_request_target\n{JOB}", "its token may write, or nothing says that it may not (permissions)"),
        (
            f"on: [push]\npermissions: write-all\n{JOB}",
            "its token may write, or nothing says that it may not (permissions)",
        ),
        ("on: push\njobs: {a: {runs-on: x, permissions: {id-token: write}}}", "its token may write, or nothing says"),
        (f"on: push\n{READ}\njobs: {{a: {{runs-on: x, environment: live}}}}", "it uses an environment"),
        ("on: push\njobs: [", "it cannot be read"),
    ],
)
def test_what_there_is_to_lose_is_named_with_its_file(tmp_path: Path, workflow: str, told: str) -> None:
    assert any(line.startswith(f".github/workflows/0.yml: {told}") for line in found(tmp_path, workflow))


def test_every_workflow_is_looked_at(tmp_path: Path) -> None:
    assert found(tmp_path, f"on: push\n{READ}\n{JOB}", f"on: push\n{JOB}") == [
        ".github/workflows/1.yml: its token may write, or nothing says that it may not (permissions)"
    ]
    assert found(tmp_path / "none") == []


@pytest.fixture
def scene(hub: Hub, tmp_path: Path) -> Scene:
    return Scene(hub, tmp_path)


def delivered(
    scene: Scene, tier: int, workflow: str, about: Mapping[str, Any] = MappingProxyType({}), **settings: bool
) -> tuple[str, list[str]]:
    """What became of the fix that a tier wrote (0: no model did), and the branches that were pushed for it."""
    scene.hub.push(scene.one, {".github/workflows/ci.yml": workflow}, by="bob")
    hosting = scene.hosting(**settings)
    incident = scene.incident(hosting, scene.red())
    assert incident.proposal
    written = tuple(a.changed(**{"tier": tier, "diff": incident.proposal.diff, **about}) for a in incident.attempts)
    done = deliver(incident.changed(attempts=written), hosting)
    assert done.proposal
    return done.proposal.kind, [name for name in scene.one.git.refs() if name.endswith(TARGET)]


SECRET_CI = f"on: push\n{READ}\n{JOB}\nenv: {{A: '${{{{ secrets.DEPLOY }}}}'}}"


@pytest.mark.parametrize("verdict", [Verdict.FIXED, Verdict.STILL_FAILING, Verdict.UNREPLAYABLE, None])
def test_what_a_model_wrote_is_not_pushed_where_ci_has_secrets(scene: Scene, verdict: Verdict | None) -> None:
    assert delivered(scene, 1, SECRET_CI, {"verdict": verdict}) == ("suggestion", [])
    [told] = scene.said
    assert told.startswith("a language model wrote this fix, so it is not pushed for CI to run: look at it")
    assert told.endswith("(.github/workflows/ci.yml: it uses secrets)")


ELSEWHERE = DIFF.replace("copy", "other")


@pytest.mark.parametrize(
    ("tier", "workflow", "about", "settings"),
    [
        (0, SECRET_CI, {}, {}),
        (1, f"on: push\n{READ}\n{JOB}", {}, {}),
        (1, SECRET_CI, {"diff": ELSEWHERE}, {}),
        (1, SECRET_CI, {}, {"trust_ci": True}),
    ],
    ids=["no model", "no secrets", "no file of a model", "trusted"],
)
def test_all_else_is_pushed(
    scene: Scene, tier: int, workflow: str, about: dict[str, Any], settings: dict[str, bool]
) -> None:
    kind, pushed = delivered(scene, tier, workflow, about, **settings)
    assert (kind, len(pushed)) == ("pull-request", 1)
