"""What GitHub accepts as a workflow, as far as a mistake would otherwise pass here: keys, and the types of values.

Keys: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
"""

from collections.abc import Iterable, Mapping
from typing import Any

from bot.errors import UsageError
from bot.replay.actions import LOCAL, is_action
from bot.replay.own import OWN

WORKFLOW = {"name", "run-name", "on", "permissions", "env", "defaults", "concurrency", "jobs"}
STEP = {"id", "if", "name", "uses", "run", "working-directory", "shell", "with", "env", "continue-on-error"} | {
    "timeout-minutes"
}
JOB = {"name", "permissions", "needs", "if", "runs-on", "snapshot", "environment", "concurrency", "outputs", "env"} | {
    *("defaults", "steps", "timeout-minutes", "strategy", "continue-on-error", "container", "services"),
    *("uses", "with", "secrets"),
}
CALL = {"name", "permissions", "needs", "if", "concurrency", "strategy", "uses", "with", "secrets"}
"""What a job may have that calls a reusable workflow."""
STRATEGY = {"matrix", "fail-fast", "max-parallel"}
TEXTS = ("name", "id", "run", "uses", "shell", "working-directory", "if")
MAPPINGS = ("env", "outputs", "defaults", "strategy", "services", "with")
NUMBERS = ("timeout-minutes",)


def check(document: Mapping[str, Any], path: str) -> None:
    """Raise `UsageError`, naming the place, for what GitHub would call an invalid workflow file."""
    _keys(document, WORKFLOW, path)
    _types(document, path)
    _run_defaults(document, path)
    for job_id, job in document["jobs"].items():
        where = f"{path}: the job '{job_id}'"
        if not isinstance(job, dict):
            raise UsageError(f"{where} is not a mapping")
        _keys(job, JOB, where)
        _types(job, where)
        _run_defaults(job, where)
        needed = job.get("needs") or []
        if not isinstance(needed, str) and not (isinstance(needed, list) and all(isinstance(x, str) for x in needed)):
            raise UsageError(f"{where}: needs is neither a job id nor a list of them")
        if isinstance(job.get("strategy"), dict):
            _keys(job["strategy"], STRATEGY, f"{where}: strategy")
        _steps(job, where)


def _steps(job: Mapping[str, Any], where: str) -> None:
    if "uses" in job:
        _keys(job, CALL, f"{where}, which calls a workflow,")
        return
    steps = job.get("steps")
    if not isinstance(steps, list) or not steps:
        raise UsageError(f"{where} has no steps")
    if "runs-on" not in job:
        raise UsageError(f"{where} has no runs-on")
    seen = set()
    for number, step in enumerate(steps, 1):
        place = f"{where}: step {number}"
        if not isinstance(step, dict) or ("run" in step) == ("uses" in step):
            raise UsageError(f"{place} needs either 'run' or 'uses'")
        _keys(step, STEP, place)
        _types(step, place)
        uses = str(step.get("uses", LOCAL[0]))
        if not (uses.startswith(LOCAL) or OWN.match(uses) or is_action(uses)):
            raise UsageError(f"{place} uses '{uses}', which is not the name of an action (owner/name[/path]@ref)")
        if (name := step.get("id")) is not None and str(name).lower() in seen:
            raise UsageError(f"{place} has the id '{name}', which another step has")
        seen.add(str(name).lower())


def _keys(value: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    if unknown := [str(k) for k in value if k not in known]:
        raise UsageError(f"{where} has the key '{unknown[0]}', which GitHub does not know")


def _types(value: Mapping[str, Any], where: str) -> None:
    for key, found in value.items():
        expression = isinstance(found, str) and "${{" in found
        if key in TEXTS and isinstance(found, dict | list):
            raise UsageError(f"{where}: {key} is not a text")
        if key in MAPPINGS and not (found is None or isinstance(found, dict) or expression):
            raise UsageError(f"{where}: {key} is not a mapping")
        if key in NUMBERS and not (expression or (isinstance(found, int | float) and not isinstance(found, bool))):
            raise UsageError(f"{where}: {key} is not a number")


def _run_defaults(owner: Mapping[str, Any], where: str) -> None:
    defaults = owner.get("defaults") or {}
    if not isinstance(defaults, dict) or not isinstance(defaults.get("run") or {}, dict):
        raise UsageError(f"{where}: defaults.run is not a mapping")
