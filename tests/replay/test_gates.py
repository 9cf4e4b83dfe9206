"""A failure that may be, and that a later step judges, is the one to look into."""

import pytest

from bot.model import Result, StepResult
from bot.replay.gates import judged_by_gate
from tests.projects import CHECKOUT, WORKFLOW, Make, workflow

LINT = """
id: lint
continue-on-error: true
run: |
  if [ -e bad ]; then echo 'a.py:1:1: E501 too long'; exit 1; fi
"""
GATES = [
    "if: steps.lint.outcome == 'failure'\nrun: exit 1",
    "run: test '${{ steps.lint.outcome }}' = success",
    "if: always()\nenv: {LINT: \"${{ steps['lint'].outcome }}\"}\nrun: '[ $LINT != failure ]'",
    "if: contains(steps.*.outcome, 'failure')\nrun: exit 1",
    "if: steps.lint.outcome != 'success'\nrun: |\n  >&2 echo lint has failed\n  exit 1",
]
FALLBACKS = [
    "if: steps.prebuilt.outcome == 'failure'\nrun: python3 -c \"assert 1 == 2\"",
    "if: steps.prebuilt.outcome != 'skipped'\nrun: |\n  echo building\n  python3 -c \"assert 1 == 2\"",
    "if: steps.prebuilt.outcome == 'failure'\nshell: python\nrun: |\n  assert 1 == 2",
]


@pytest.mark.parametrize("gate", GATES)
def test_the_job_is_held_where_it_went_wrong(project: Make, gate: str) -> None:
    made = project({WORKFLOW: workflow(CHECKOUT, LINT, "run: echo between", gate), "bad": ""})
    found = made.here("fix", "--json").json
    assert (found["verdict"], found["diagnosis"]["category"]) == ("NOT_FIXED", "lint_error")
    assert found["diagnosis"]["error"] == "a.py:1:1: E501 too long"
    assert made.replay().steps == ["success", "failure", "success", "failure"], "a replay without a fix is as on GitHub"


@pytest.mark.parametrize("fallback", FALLBACKS)
def test_a_fallback_fails_by_itself(project: Make, fallback: str) -> None:
    prebuilt = "id: prebuilt\ncontinue-on-error: true\nrun: curl -sSf https://downloads.example.org/tool"
    made = project({WORKFLOW: workflow(CHECKOUT, prebuilt, fallback)})
    found = made.here("fix", "--json").json
    assert (found["verdict"], found["diagnosis"]["error"]) == ("NOT_FIXED", "AssertionError")


@pytest.mark.parametrize(
    ("step", "judges"),
    [
        ({"uses": "actions/github-script@v7", "with": {"script": "core.setFailed('${{ steps.lint.outcome }}')"}}, True),
        ({"uses": "actions/github-script@v7", "with": {"script": "build('${{ steps.lint.outcome }}')"}}, False),
        ({"uses": "acme/build@v1", "with": {"lint": "${{ steps.lint.outcome }}"}}, False),
        ({"if": "steps.lint.outcome == 'failure'", "run": "${{ matrix.command }}"}, False),
        ({"run": "for x in '${{ steps.lint.outcome }}'; do if [ $x = failure ]; then exit 1; fi; done"}, True),
        ({"run": "echo '${{ steps.lint.outcome }}'; x=$(make)"}, False),
    ],
)
def test_a_gate_only_judges(step: dict[str, str], *, judges: bool) -> None:
    job = {"steps": [{"id": "lint", "run": "x", "continue-on-error": True}, step]}
    failed = StepResult(name="lint", id="lint", result=Result.FAILURE, continue_on_error=True)
    gate = StepResult(name="gate", id="1", result=Result.FAILURE)
    assert bool(judged_by_gate(job, [failed, gate])) is judges


def test_a_failure_that_nobody_judges_does_not_matter(project: Make) -> None:
    made = project({WORKFLOW: workflow(CHECKOUT, LINT, "run: echo last"), "bad": ""})
    assert made.here("fix", "--json").json["verdict"] == "GREEN"


def test_a_gate_that_names_a_step_which_passed_is_a_failure_of_its_own() -> None:
    job = {"steps": [{"id": "lint", "run": "x", "continue-on-error": True}, {"run": "${{ steps.lint.outcome }}"}]}
    passed = StepResult(name="lint", id="lint", result=Result.SUCCESS)
    gate = StepResult(name="gate", id="1", result=Result.FAILURE)
    failed = passed.changed(result=Result.FAILURE, continue_on_error=True)
    assert judged_by_gate(job, [passed, gate]) == set()
    assert judged_by_gate(job, [failed, gate]) == {"lint"}
