"""Which workflows are replayed, and what is told of what is wrong with a checkout."""

from typing import Any

import pytest

from bot.errors import UsageError
from tests.projects import WORKFLOW, Make, workflow

STEP = "run: 'true'"


def test_all_workflows_of_push_and_pull_request(project: Make) -> None:
    files = {WORKFLOW: workflow(STEP), ".github/workflows/pr.yaml": workflow(STEP, on="pull_request"),
             ".github/workflows/release.yml": workflow("run: exit 1", on="{push: {tags: ['*']}}"),
             ".github/workflows/nightly.yml": workflow("run: exit 1", on="{schedule: [{cron: '0 0 * * *'}]}")}  # fmt: skip
    made = project(files)
    assert [j.workflow for j in made.replay().result.jobs] == [WORKFLOW, ".github/workflows/pr.yaml"]
    assert [j.workflow for j in made.replay(workflows=("release.yml",)).result.jobs] == [
        ".github/workflows/release.yml"
    ]


@pytest.mark.parametrize(
    ("files", "options", "told"),
    [
        ({"a": ""}, {}, "there is no workflow in .github/workflows"),
        ({WORKFLOW: workflow(STEP, on="workflow_dispatch")}, {}, r"no workflow runs on push or pull_request"),
        ({WORKFLOW: workflow(STEP)}, {"workflows": ("x.yml",)}, "there is no workflow x.yml"),
        ({WORKFLOW: workflow(STEP)}, {"jobs": ("x",)}, r"there is no job 'x' in .*jobs: job"),
        ({WORKFLOW: "on: push\njobs:\n  a: ["}, {}, r"ci.yml:4:1: not valid YAML"),
        ({WORKFLOW: workflow(STEP, job="if: nope.x")}, {}, "the job 'job': the expression names 'nope'"),
        (
            {WORKFLOW: workflow(STEP, job="strategy: {matrix: {a: 1}}")},
            {},
            "the job 'job': the matrix axis 'a' is not a list",
        ),
    ],
)
def test_mistakes(project: Make, files: dict[str, str], options: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        project(files).replay(**options)


def test_filters(project: Make) -> None:
    text = """
        on: push
        jobs:
          a: {runs-on: ubuntu-latest, steps: [{run: 'true'}]}
          b: {runs-on: ubuntu-latest, needs: a, strategy: {matrix: {v: [1, 2.5], w: [x, y]}}, steps: [{run: 'true'}]}
          c: {runs-on: ubuntu-latest, steps: [{run: exit 1}]}
    """
    made = project({WORKFLOW: text})
    assert made.replay(jobs=("a",)).jobs == {"a": "success"}
    assert made.replay(jobs=("b",), matrix=(("v", "2.5"), ("w", "y"))).jobs == {"a": "success", "b (2.5, y)": "success"}


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://github.com/acme/shop.git", "acme/shop"),
        ("git@github.com:acme/shop", "acme/shop"),
        ("https://user:token@github.com/acme/shop/", "acme/shop"),
        ("../somewhere/shop", "local/project"),
    ],
)
def test_the_name_of_the_repository(project: Make, url: str, name: str) -> None:
    made = project({WORKFLOW: workflow("run: echo $GITHUB_REPOSITORY")})
    made.git("remote", "add", "origin", url)
    assert made.replay().printed() == [name]
