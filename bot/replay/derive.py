"""The derived workflow: one leg of one job in a form that act runs as GitHub would.

act gets one literal `runs-on`, one literal matrix combination, no `if` of the job and no job that it needs, because all
that was decided before; contexts that are known by now stand in the expressions as literals; every `run:` step gets our
wrapper as its shell; what the wrapper must know of a step comes in variables that the wrapper takes out again.
"""

import json
import posixpath
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from bot.errors import UsageError
from bot.model import Model
from bot.replay.backends import NEEDS_ENGINE
from bot.replay.constants import filled
from bot.replay.context import Run
from bot.replay.expressions import Scope, split, to_string
from bot.replay.layout import BIN, RUNNER_TEMP, TOOL_CACHE, WORK
from bot.replay.legs import Planned
from bot.replay.own import nested, place_of
from bot.replay.side_effects import Share, SideEffects
from bot.replay.workflow import Workflow, resolve

PLATFORM = "regreen"
STEP = f"{BIN}/step"
NAMED_SHELLS = ("bash", "sh", "python", "pwsh")
ACTS_OWN = ("ACT", "CI", "GITHUB_ACTIONS")
"""What act has in the `env` context of a step, and GitHub has not: hidden by an empty value; the wrapper undoes it."""
OF_THE_RUNNER = ("HOME", "USER", "PATH", "PWD", "SHELL", "RUNNER_OS", "RUNNER_ARCH", "RUNNER_TEMP", "RUNNER_TOOL_CACHE")
OUTPUTS_STEP = "regreen_outputs"


class Derived(Model):
    """A derived workflow, and what is to be said of its steps that change something outside."""

    document: dict[str, Any]
    notes: tuple[str, ...] = ()


def derive(
    workflow: Workflow, planned: Planned, run: Run, side_effects: SideEffects, more: Mapping[str, Any] | None = None
) -> Derived:
    """Derive the workflow of one leg. `more` is what expressions may name where it runs in containers, else None."""
    constants = _constants(workflow, planned.job_id, planned.scope, run) | dict(more or {})
    document = {"name": run.workflow, "on": {run.event: None}}
    document |= filled({k: v for k, v in workflow.document.items() if k == "env"}, constants)
    job: dict[str, Any] = filled({k: v for k, v in workflow.jobs[planned.job_id].items() if k != "if"}, constants)
    defaults = filled({**_run_defaults(workflow.document), **_run_defaults(job)}, constants)
    steps, notes, names = [], [], action_names(job["steps"])
    declared = {k: v for owner in (document, job) for k, v in _env_of(owner).items()}
    masked = {name: to_string(declared.get(name, "")) for name in ACTS_OWN}
    for number, step in enumerate(job["steps"]):
        effect, share = side_effects.find(step)
        if share and side_effects.allows(step):
            notes.append(f"the side effect '{effect}' was allowed to run")
            steps.append(_step(step, number, names[number], defaults, masked))
        elif share is Share.ALL:
            notes.append(f"the side effect '{effect}' was not run")
            steps.append(_replacement(step, effect))
        elif share is Share.SOME:
            reason = f"a step runs '{effect}', which is never run in a replay, among other things"
            steps.append(_unavailable(step, reason))
        elif more is None and str(step.get("uses")).startswith("docker://"):
            reason = f"the step uses the container image {step['uses']}{NEEDS_ENGINE}"
            steps.append(_unavailable(step, reason))
        elif nested(side_effects.tree.get(posixpath.normpath(str(step.get("uses"))))):
            steps.append(_unavailable(step, f"the action {step['uses']} uses others as $/PATH: name it so itself"))
        else:
            steps.append(_step(step, number, names[number], defaults, masked))
    if job.get("outputs"):
        steps.append(_outputs_step(job["outputs"]))
    derived: dict[str, Any] = {"name": planned.job_id, "runs-on": PLATFORM, "steps": steps}
    kept = ("env", "outputs") if more is None else ("env", "outputs", "container", "services")
    derived |= {k: job[k] for k in kept if k in job}
    own = {"working-directory": defaults.get("working-directory"), "shell": _unresolved(defaults.get("shell"))}
    if own := {k: v for k, v in own.items() if v}:
        derived["defaults"] = {"run": own}
    if planned.matrix:
        derived["strategy"] = {"matrix": {"include": [dict(planned.matrix)]}}
    return Derived(_whole_numbers({**document, "jobs": {planned.job_id: derived}}), tuple(notes))


def _constants(workflow: Workflow, job_id: str, scope: Scope, run: Run) -> dict[str, Any]:
    """What expressions of a job may name and act would not know, or not as GitHub does."""
    whole = {name: scope.contexts[name] for name in ("inputs", "needs", "strategy") if name in scope.contexts}
    told = {f"github.{k}": v for k, v in run.github().items() if k not in ("event", "token")}
    place = f"{WORK}/{run.repository.rsplit('/', 1)[-1]}"
    runner = {"environment": "github-hosted", "name": "GitHub Actions 1", "tool_cache": TOOL_CACHE, "temp": RUNNER_TEMP}
    runner |= {"workspace": place}
    own = {f"runner.{k}": v for k, v in runner.items()}
    return {
        **whole,
        **told,
        **own,
        **_no_env(workflow, job_id, run),
        "github.workspace": f"{place}/{place.rsplit('/', 1)[-1]}",
    }


def _no_env(workflow: Workflow, job_id: str, run: Run) -> dict[str, str]:
    """The variables of the runner, which act has in the `env` context and GitHub has not; what the job sets stays."""
    job = workflow.jobs[job_id]
    owners = (workflow.document, job, *job["steps"])
    declared = {name for owner in owners for name in _env_of(owner)}
    text = json.dumps(job)  # what sets a variable for later steps names it so
    names = {*run.act_variables(), *OF_THE_RUNNER} - declared
    return {f"env.{name.lower()}": "" for name in names if f"{name}=" not in text}


def _whole_numbers(value: Any) -> Any:
    """GitHub prints 1.0 as 1, act does not."""
    if isinstance(value, dict):
        return {k: _whole_numbers(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_whole_numbers(x) for x in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _env_of(owner: Mapping[str, Any]) -> dict[str, Any]:
    env = owner.get("env")
    return env if isinstance(env, dict) else {}


def _run_defaults(owner: Mapping[str, Any]) -> dict[str, Any]:
    return dict((owner.get("defaults") or {}).get("run") or {})


def _step(
    step: Mapping[str, Any], number: int, action: str, defaults: Mapping[str, Any], masked: Mapping[str, str]
) -> dict[str, Any]:
    derived = {k: v for k, v in step.items() if k not in ("timeout-minutes", "shell")}
    env = step.get("env") or {}
    if not isinstance(env, dict):
        raise UsageError(f"step {number + 1}: its env is an expression, which this version cannot replay")
    derived["env"] = {**masked, "REGREEN_ACTION": action, **env}
    if (minutes := step.get("timeout-minutes")) is not None:
        derived["env"]["REGREEN_TIMEOUT_MINUTES"] = to_string(minutes)
    if (goes_on := step.get("continue-on-error")) is not None:
        derived["env"]["REGREEN_CONTINUE_ON_ERROR"] = to_string(goes_on)
    if "run" in step and (step.get("shell") or not _unresolved(defaults.get("shell"))):
        derived["shell"] = shell_of(step.get("shell") or defaults.get("shell"))
    return derived


def action_names(steps: Iterable[Mapping[str, Any]]) -> list[str]:
    """What GITHUB_ACTION is in each step: its id, else a name made of what it runs, numbered from the second on."""
    found: list[str] = []
    for step in steps:
        whole = str(step.get("uses") or "")
        uses = whole.split("@")[0]
        made = "__self" if place_of(whole) else f"__{uses.replace('/', '_')}" if uses else "__run"
        again = sum(name == made or name.startswith(f"{made}_") for name in found)
        found.append(str(step.get("id") or (f"{made}_{again + 1}" if again else made)))
    return found


def actions_of(job: Mapping[str, Any]) -> dict[str, str]:
    """What the steps that are actions use, by id or number."""
    return {str(s.get("id") or n): str(s["uses"]) for n, s in enumerate(job["steps"]) if "uses" in s}


def limits_of_actions(job: Mapping[str, Any], scope: Scope, *, wrapped: bool = True) -> dict[str, float]:
    """The time limits (seconds) of the steps that are actions, by id or number; the wrapper keeps the others if any."""
    found = {}
    for number, step in enumerate(job["steps"]):
        if "uses" in step or not wrapped:
            with suppress(UsageError, TypeError, ValueError):  # it names what is known at run time alone, or nothing
                found[str(step.get("id") or number)] = float(resolve(step.get("timeout-minutes"), scope)) * 60
    return found


def _unavailable(step: Mapping[str, Any], reason: str) -> dict[str, Any]:
    """A step that tells why it cannot be replayed, if the job comes to it."""
    kept = {k: v for k, v in step.items() if k in ("id", "if", "continue-on-error")}
    name = step.get("name") or f"Run {step.get('uses') or str(step.get('run')).splitlines()[0]}"
    more = {"env": {"REASON": reason}, "run": "unavailable", "shell": f"{STEP} adapter unavailable {{0}}"}
    return {**kept, "name": name, **more}


def shell_of(shell: Any) -> str:
    """The `shell:` that gives a step to our wrapper, which starts the shell that was meant."""
    if not shell:
        return f"{STEP} default {{0}}"
    text = str(shell)
    return f"{STEP} {text} {{0}}" if text in NAMED_SHELLS else f"{STEP} custom {text}"


def _unresolved(shell: Any) -> str:
    """The job's default shell where only act can tell it: an expression, whose value our wrapper is given."""
    return f"{STEP} shell {shell} -- {{0}}" if "${{" in str(shell or "") else ""


def _replacement(step: Mapping[str, Any], effect: str) -> dict[str, Any]:
    kept = {k: v for k, v in step.items() if k in ("id", "if", "name", "continue-on-error")}
    kept.setdefault("name", f"Run {step.get('uses') or str(step.get('run')).splitlines()[0]}")
    return {**kept, "run": f"# not run in a replay: {effect}", "shell": f"{STEP} sh {{0}}"}


def _outputs_step(outputs: Mapping[str, Any]) -> dict[str, Any]:
    values = ", ".join(f'"{_plain(name)}": {_as_json(str(value))}' for name, value in outputs.items())
    return {
        "id": OUTPUTS_STEP,
        "name": OUTPUTS_STEP,
        "if": "${{ always() }}",
        "env": {"OUTPUTS": f"{{{values}}}"},
        "working-directory": "/",
        "run": "outputs",
        "shell": f"{STEP} adapter outputs {{0}}",
    }


def _as_json(text: str) -> str:
    """A text whose expressions, once replaced, leave a JSON string."""
    pieces = [
        f"{{{i}}}" if is_code else part.replace("{", "{{").replace("}", "}}") for i, (is_code, part) in _numbered(text)
    ]
    codes = [f", ({part.strip()})" for is_code, part in split(text) if is_code]
    pattern = "".join(pieces).replace("'", "''")
    return f"${{{{ toJSON(format('{pattern}'{''.join(codes)})) }}}}"


def _numbered(text: str) -> list[tuple[int, tuple[bool, str]]]:
    found, count = [], 0
    for piece in split(text):
        found.append((count, piece))
        count += piece[0]
    return found


def _plain(name: str) -> str:
    return json.dumps(name)[1:-1]
