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
]


@pytest.mark.parametrize("gate", GATES)
def test_the_job_is_held_where_it_went_wrong(project: Make, gate: str) -> None:
    made = project({WORKFLOW: workflow(CHECKOUT, LINT, "run: echo between", gate), "bad": ""})
    found = made.here("fix", "--json").json
    assert (found["verdict"], found["diagnosis"]["category"]) == ("NOT_FIXED", "lint_error")
    assert found["diagnosis"]["error"] == "a.py:1:1: E501 too long"
    assert made.replay().steps == ["success", "failure", "success", "failure"], "a replay without a fix is as on GitHub"


def test_a_failure_that_nobody_judges_does_not_matter(project: Make) -> None:
    made = project({WORKFLOW: workflow(CHECKOUT, LINT, "run: echo last"), "bad": ""})
    assert made.here("fix", "--json").json["verdict"] == "GREEN"


def test_a_gate_that_names_a_step_which_passed_is_a_failure_of_its_own() -> None:
    job = {"steps": [{"id": "lint", "run": "x", "continue-on-error": True}, {"run": "${{ steps.lint.outcome }}"}]}
    passed = StepResult(name="lint", id="lint", result=Result.SUCCESS)
    gate = StepResult(name="gate", id="1", result=Result.FAILURE)
    failed = passed.model_copy(update={"result": Result.FAILURE, "continue_on_error": True})
    assert judged_by_gate(job, [passed, gate]) == set()
    assert judged_by_gate(job, [failed, gate]) == {"lint"}
