"""A step that lacks a secret says nothing of the project, and one that has failed for another reason does."""

import pytest

from tests.projects import WORKFLOW, Make, workflow

ENV = "env: {TOKEN: '${{ secrets.API_TOKEN }}', GH: '${{ secrets.GITHUB_TOKEN }}'}"


@pytest.mark.parametrize(
    ("step", "secret"),
    [
        ("run: test -n \"$TOKEN\" || { echo 'TOKEN is not set'; exit 1; }\n" + ENV, "API_TOKEN"),
        ("run: |\n  python3 -c \"raise KeyError(chr(84) + 'OKEN')\"\n" + ENV, "API_TOKEN"),
        ("run: 'test -n \"${{ secrets.DEPLOY_KEY }}\" || { echo secret DEPLOY_KEY missing; exit 1; }'", "DEPLOY_KEY"),
        ("run: echo 'TOKEN is set, and 1 is not 2'; exit 1\n" + ENV, ""),
        ("run: echo 'a.py:1 undefined name'; exit 1\n" + ENV, ""),
        ("run: echo 'GH is not set'; exit 1\n" + ENV, ""),
        ("run: 'echo deploy: authentication failed; exit 1'\n" + ENV, "API_TOKEN"),
        ("run: 'echo deploy: authentication failed; echo 3 passed, 1 failed; exit 1'\n" + ENV, ""),
    ],
)
def test_a_step_without_its_secret(project: Make, step: str, secret: str) -> None:
    made = project({WORKFLOW: workflow(step)})
    job = made.replay().result.jobs[0]
    told = f"needs the secret {secret}, which was not given (--secret {secret})"
    assert (str(job.result), told in (job.reason or "")) == (("unreplayable", True) if secret else ("failure", False))
    given = made.replay(app={"secrets": {"API_TOKEN": "of-tests", "DEPLOY_KEY": "of-tests"}}).result.jobs[0]
    assert str(given.result) != "unreplayable"


def test_a_secret_of_the_job_counts_too(project: Make) -> None:
    made = project(
        {WORKFLOW: workflow("run: echo 'missing PASSWORD'; exit 1", job="env: {PASSWORD: '${{ secrets.DB }}'}")}
    )
    assert "needs the secret DB" in (made.replay().result.reason or "")


WORKFLOW_ENV = "{CODECOV_TOKEN: '${{ secrets.CODECOV_TOKEN }}'}"
NOT_UPLOADED = "echo CODECOV_TOKEN is not set, coverage is not uploaded"
GO = ["--- FAIL: TestLogin (0.00s)", "    login_test.go:9: want status 200, got status 401", "FAIL", "exit status 1"]
RSPEC = ["  1) Login is refused", "     Missing password", "Finished in 0.01 seconds", "5 examples, 1 failure"]
MAVEN = ["[ERROR] Tests run: 3, Failures: 1, Errors: 0, Skipped: 0", "[ERROR] CODECOV_TOKEN is not set"]


def printing(*lines: str) -> str:
    return "run: |\n  cat <<'E'\n" + "".join(f"  {line}\n" for line in lines) + "  E\n  exit 1"


@pytest.mark.parametrize("env", [WORKFLOW_ENV, ""])
@pytest.mark.parametrize(
    "step",
    [
        *(printing(*lines) for lines in (GO, RSPEC, MAVEN)),
        printing("a.xml:3: not well-formed (invalid token)"),
        printing("expected 'a', got 'missing token'"),
        f"run: |\n  {NOT_UPLOADED}\n  python3 -c 'assert 1 == 2'",
        f"run: |\n  {NOT_UPLOADED}\n  echo a.py is badly formatted\n  exit 1",
    ],
)
def test_a_step_that_has_failed_for_another_reason(project: Make, step: str, env: str) -> None:
    text = f"env: {env}\n{workflow(step)}" if env else workflow(f"{step}\nenv: {WORKFLOW_ENV}")
    job = project({WORKFLOW: text}).replay().result.jobs[0]
    assert (str(job.result), job.reason) == ("failure", None)


@pytest.mark.parametrize(
    ("line", "named"),
    [("want status 200, got status 401", False), ("authentication failed: no password given", True)],
)
def test_a_secret_of_all_steps_is_what_a_step_was_not_let_in_without_where_it_is_named(
    project: Make, line: str, *, named: bool
) -> None:
    job = "env: {CODECOV_TOKEN: '${{ secrets.CODECOV_TOKEN }}', DB_PASSWORD: '${{ secrets.DB_PASSWORD }}'}"
    result = project({WORKFLOW: workflow(printing(line), job=job)}).replay().result
    assert ("needs the secret DB_PASSWORD" in (result.reason or "")) is named


@pytest.mark.parametrize(
    "after",
    [
        ["    at deploy.js:3", "", "Node.js v20.1.0"],
        ["make: *** [Makefile:2: deploy] Error 1"],
        ["npm ERR! code ELIFECYCLE", "npm ERR! errno 1"],
    ],
)
def test_what_says_only_that_it_failed_is_no_last_word(project: Make, after: list[str]) -> None:
    step = printing("Error: TOKEN is not set", *after) + "\n" + ENV
    assert "needs the secret API_TOKEN" in (project({WORKFLOW: workflow(step)}).replay().result.reason or "")


def test_a_variable_of_the_repository_counts_too(project: Make) -> None:
    made = project(
        {WORKFLOW: workflow("run: test -n \"$R\" || { echo R is unset; exit 1; }\nenv: {R: '${{ vars.REGION }}'}")}
    )
    assert "needs the variable REGION, which was not given (--var REGION=…)" in (made.replay().result.reason or "")
    assert made.replay(variables={"REGION": "eu"}).steps == ["success"]
