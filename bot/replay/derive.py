"""The derived workflow: one leg of one job in a form that act runs as GitHub would.

act gets one literal `runs-on`, one literal matrix combination and no `if` of the job, because all three were decided
before; needed jobs stand in as stubs that end as the real ones did and carry their outputs; every `run:` step gets our
wrapper as its shell; what the wrapper must know of a step comes in variables that the wrapper takes out again.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import Any

import re2

from bot.errors import UsageError
from bot.model import Result
from bot.replay.expressions import Scope, split, to_string
from bot.replay.workflow import Workflow, needs, resolve

PLATFORM = "regreen"
STEP = "/regreen/bin/step"
NAMED_SHELLS = ("bash", "sh", "python", "pwsh")
OUTPUTS_STEP = "regreen_outputs"
STUB_SHELLS = {Result.SUCCESS: "true {0}", Result.FAILURE: "false {0}", Result.CANCELLED: "false {0}"}


@dataclass(frozen=True)
class SideEffects:
    """Which steps change something outside: patterns over `owner/name` of actions and over the text of `run:`."""

    actions: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()

    def find(self, step: Mapping[str, Any]) -> str:
        """What in the step is a side effect, or the empty string."""
        uses = str(step.get("uses") or "").split("@")[0].lower()
        if uses and any(fnmatch(uses, pattern.lower()) for pattern in self.actions):
            return uses
        text = str(step.get("run") or "")
        return next((found[0].strip() for p in self.commands if text and (found := re2.search(p, text))), "")


@dataclass(frozen=True)
class Derived:
    """A derived workflow, and which of its steps were replaced because they change something outside."""

    document: dict[str, Any]
    replaced: tuple[str, ...] = ()


@dataclass(frozen=True)
class Need:
    """How a needed job ended, and its outputs."""

    result: Result
    outputs: Mapping[str, str] = field(default_factory=dict)


def derive(
    workflow: Workflow,
    job_id: str,
    matrix: Mapping[str, Any],
    needed: Mapping[str, Need],
    event: str,
    side_effects: SideEffects,
    scope: Scope,
) -> Derived:
    """Derive the workflow of one leg. `scope` holds the contexts that a job may use before it starts."""
    job = dict(workflow.jobs[job_id])
    defaults = {**_run_defaults(workflow.document), **resolve(_run_defaults(job), scope)}
    steps, replaced = [], []
    for number, step in enumerate(job["steps"]):
        if effect := side_effects.find(step):
            replaced.append(effect)
            steps.append(_replacement(step, effect))
        else:
            steps.append(_step(step, number, defaults))
    if job.get("outputs"):
        steps.append(_outputs_step(job["outputs"]))
    derived: dict[str, Any] = {"name": job_id, "runs-on": PLATFORM, "steps": steps}
    derived |= {k: job[k] for k in ("env", "outputs") if k in job}
    if folder := defaults.get("working-directory"):
        derived["defaults"] = {"run": {"working-directory": folder}}
    if matrix:
        derived["strategy"] = {"matrix": {"include": [dict(matrix)]}}
    stubs = {need: _stub(needed[need]) for need in needs(job)}
    if stubs:
        derived |= {"needs": list(stubs), "if": "${{ always() }}"}
    document: dict[str, Any] = {"name": workflow.name, "on": {event: workflow.triggers.get(event)}}
    if "env" in workflow.document:
        document["env"] = workflow.document["env"]
    return Derived({**document, "jobs": {**stubs, job_id: derived}}, tuple(replaced))


def _run_defaults(owner: Mapping[str, Any]) -> dict[str, Any]:
    return dict((owner.get("defaults") or {}).get("run") or {})


def _step(step: Mapping[str, Any], number: int, defaults: Mapping[str, Any]) -> dict[str, Any]:
    derived = {k: v for k, v in step.items() if k not in ("timeout-minutes", "shell")}
    env = step.get("env") or {}
    if not isinstance(env, dict):
        raise UsageError(f"step {number + 1}: its env is not a mapping")
    # an empty ACT hides act's own from the expressions of the step
    derived["env"] = {**env, "ACT": env.get("ACT", "")}
    if (minutes := step.get("timeout-minutes")) is not None:
        derived["env"]["REGREEN_TIMEOUT_MINUTES"] = to_string(minutes)
    if (goes_on := step.get("continue-on-error")) is not None:
        derived["env"]["REGREEN_CONTINUE_ON_ERROR"] = to_string(goes_on)
    if "run" in step:
        derived["shell"] = shell_of(step.get("shell") or defaults.get("shell"))
    elif str(step["uses"]).startswith("docker://"):
        del derived["uses"]
        derived |= {"name": step.get("name") or f"Run {step['uses']}", "run": "unavailable"}
        derived["shell"] = f"{STEP} adapter unavailable {{0}}"
        derived["env"]["REASON"] = f"the step uses the container image {step['uses']}, which needs a container engine"
    return derived


def shell_of(shell: Any) -> str:
    """The `shell:` that gives a step to our wrapper, which starts the shell that was meant."""
    if not shell:
        return f"{STEP} default {{0}}"
    text = str(shell)
    return f"{STEP} {text} {{0}}" if text in NAMED_SHELLS or "${{" in text else f"{STEP} custom {text}"


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


def _stub(need: Need) -> dict[str, Any]:
    if need.result is Result.SKIPPED:
        return {"runs-on": PLATFORM, "if": "${{ false }}", "steps": [{"run": "exit 0"}]}
    outputs = {name: literal(value) for name, value in need.outputs.items()}
    return {"runs-on": PLATFORM, "outputs": outputs, "steps": [{"run": "stub", "shell": STUB_SHELLS[need.result]}]}


def literal(value: str) -> str:
    """A text as an expression that gives just that text, whatever braces or quotes it has."""
    encoded = json.dumps(value).replace("'", "\\u0027").replace("{", "\\u007b").replace("}", "\\u007d")
    return f"${{{{ fromJSON('{encoded}') }}}}"
