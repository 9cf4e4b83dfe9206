"""What a push of code that a model wrote could reach in CI, by the workflow files; in doubt there is something."""

from pathlib import Path

import pytest

from bot.adapters.git_plumbing import GitPlumbing
from bot.proposal.exposure import exposed
from tests.projects import Project

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
