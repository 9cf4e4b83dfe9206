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


def test_a_variable_of_the_repository_counts_too(project: Make) -> None:
    made = project(
        {WORKFLOW: workflow("run: test -n \"$R\" || { echo R is unset; exit 1; }\nenv: {R: '${{ vars.REGION }}'}")}
    )
    assert "needs the variable REGION, which was not given (--var REGION=…)" in (made.replay().result.reason or "")
    assert made.replay(variables={"REGION": "eu"}).steps == ["success"]
