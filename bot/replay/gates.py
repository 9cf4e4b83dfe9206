"""Steps that fail a job for what an earlier one came to: `if: steps.lint.outcome == 'failure'` and then `exit 1`.

The earlier step may fail (`continue-on-error`) so that others run first. The failure is its own, so it is where the job
has to be held. A later step that does work of its own for it, such as a fallback, is no gate: it failed by itself.
"""

import json
import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from bot.model import Result, StepResult
from bot.replay.side_effects import UNKNOWN, commands_of, is_foreign
from bot.replay.workflow import Workflow

OUTCOME = re.compile(r"\bsteps(?:\.([\w-]+|\*)|\[\s*\\?['\"]([\w-]+)\\?['\"]\s*\])\.outcome\b")
JUDGING = frozenset(("echo", "printf", "exit", "false", "true", ":", "set", "test", "["))
SCRIPTED = "actions/github-script@"


def judged_by_gate(job: Mapping[str, Any], steps: Sequence[StepResult]) -> frozenset[str]:
    """The steps (by id) that failed and might, and whose outcome the step names that failed the job and only judges."""
    gate = next((n for n, s in enumerate(steps) if s.result is Result.FAILURE and not s.continue_on_error), None)
    if gate is None or not _only_judges(job["steps"][gate]):
        return frozenset()
    named = {first or second for first, second in OUTCOME.findall(json.dumps(job["steps"][gate]))}
    return frozenset(s.id for s in steps[:gate] if s.result is Result.FAILURE and named & {s.id, "*"})


def _only_judges(step: Mapping[str, Any]) -> bool:
    """Whether a step does nothing but look, tell and fail."""
    if uses := str(step.get("uses") or ""):
        return uses.lower().startswith(SCRIPTED) and "setFailed" in json.dumps(step.get("with"))
    script = str(step.get("run") or "")
    known = JUDGING | {UNKNOWN} if OUTCOME.search(script) else JUDGING
    return not is_foreign(step) and all(words[0] in known for words in commands_of(script))


def counting(workflow: Workflow, job_id: str, ids: AbstractSet[str]) -> Workflow:
    """The workflow in which the failures of these steps of a job count at once."""
    job = workflow.jobs[job_id]
    steps = [
        {k: v for k, v in step.items() if k != "continue-on-error"} if step.get("id") in ids else step
        for step in job["steps"]
    ]
    return workflow.changed(jobs={**workflow.jobs, job_id: {**job, "steps": steps}})
