"""Steps that fail a job for what an earlier one came to: `if: steps.lint.outcome == 'failure'` and then `exit 1`.

The earlier step may fail (`continue-on-error`) so that others run first. The failure is its own, so it is where the job
has to be held.
"""

import json
import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any

from bot.model import Result, StepResult
from bot.replay.workflow import Workflow

OUTCOME = re.compile(r"\bsteps(?:\.([\w-]+)|\[\s*\\?['\"]([\w-]+)\\?['\"]\s*\])\.outcome\b")


def judged_by_gate(job: Mapping[str, Any], steps: Sequence[StepResult]) -> frozenset[str]:
    """The steps (by id) that failed and might, and whose outcome the step names that failed the job."""
    gate = next((n for n, s in enumerate(steps) if s.result is Result.FAILURE and not s.continue_on_error), None)
    if gate is None:
        return frozenset()
    named = {first or second for first, second in OUTCOME.findall(json.dumps(job["steps"][gate]))}
    return frozenset(s.id for s in steps[:gate] if s.result is Result.FAILURE and s.id in named)


def counting(workflow: Workflow, job_id: str, ids: AbstractSet[str]) -> Workflow:
    """The workflow in which the failures of these steps of a job count at once."""
    job = workflow.jobs[job_id]
    steps = [
        {k: v for k, v in step.items() if k != "continue-on-error"} if step.get("id") in ids else step
        for step in job["steps"]
    ]
    return replace(workflow, jobs={**workflow.jobs, job_id: {**job, "steps": steps}})
