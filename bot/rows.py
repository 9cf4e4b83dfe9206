"""What commands came to as JSON objects: the contracts of `--json`."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bot.model import Diagnosis, Estimate, Incident, JobResult, ReplayResult
from bot.proposal.facts import where_it_is
from bot.replay.compare import Change

if TYPE_CHECKING:
    from bot.prospects import Forecast

OF_PARTS = {"job", "matrix", "workflow", "verdict", "grade", "strategy", "reason", "diagnosis", "flaky_tests"}


def replay_row(result: ReplayResult, log: str, why: Mapping[str, Diagnosis]) -> dict[str, Any]:
    """The contract of `regreen replay --json`."""
    return {
        "result": result.result,
        "reason": result.reason,
        "seconds": round(result.seconds, 3),
        "notes": result.notes,
        "jobs": [_job_row(j, why.get(j.key)) for j in result.jobs],
        "log": log,
    }


def _job_row(job: JobResult, why: Diagnosis | None) -> dict[str, Any]:
    steps = [s.as_json() for s in job.steps]
    return {
        "id": job.id,
        "name": job.name,
        "matrix": job.matrix,
        "result": job.result,
        "reason": job.reason,
        "workflow": job.workflow,
        "continue_on_error": job.continue_on_error,
        "seconds": round(job.seconds, 3),
        "steps": steps,
        "tests": job.tests.as_json(),
        "diagnosis": why.as_json() if why else None,
    }


def changes_row(changes: Sequence[Change]) -> dict[str, Any]:
    """The contract of `regreen replay --compare --json`."""
    return {"worse": any(c.worse for c in changes), "changes": [c.as_json() for c in changes]}


def incident_row(incident: Incident) -> dict[str, Any]:
    """The contract of `regreen fix --json`."""
    parts = [{k: v for k, v in p.as_json().items() if k in OF_PARTS} for p in incident.parts]
    strategies = dict.fromkeys(p.strategy for p in incident.parts if p.strategy)
    tries = [
        {
            "strategy": a.strategy,
            "tier": a.tier,
            "verdict": a.verdict,
            "reason": a.reason,
            "notes": a.notes,
            "estimate_usd": float(a.estimate_usd),
            "cost_usd": float(a.cost_usd),
            "seconds": a.seconds,
        }
        for a in incident.attempts
    ]
    proposal = incident.proposal
    return {
        "incident": incident.id,
        "verdict": incident.verdict,
        "grade": incident.grade,
        "reason": incident.reason,
        "strategy": ", ".join(strategies) or None,
        "branch": proposal.target if proposal and proposal.kind in ("branch", "pull-request") else None,
        "proposed": where_it_is(incident) if proposal else None,
        "outcome": incident.outcome.kind if incident.outcome else None,
        "diff": proposal.diff if proposal else None,
        "culprit": incident.culprit.as_json() if incident.culprit else None,
        "diagnosis": parts[0]["diagnosis"] if parts else None,
        "parts": parts,
        "attempts": tries,
        "advice": [a.as_json() for a in incident.advice],
        "notes": _notes(incident),
        "cost_usd": float(incident.cost_usd),
        "models": {name: _estimate_row(getattr(incident, name)) for name in ("expected", "estimated", "took")},
        "seconds": round(incident.seconds, 3),
    }


def _estimate_row(one: Estimate) -> dict[str, float]:
    return {"usd": float(one.usd), "seconds": round(one.seconds, 1)}


def plan_row(found: "Forecast") -> dict[str, Any]:
    """The contract of `regreen fix --dry-run --json`: one row for each failing leg, in the order of work."""
    why, plan = found.why, found.plan
    steps = [
        {
            "tier": step.tier.name,
            "model": step.tier.model,
            "mode": step.tier.mode,
            "chance": round(step.chance, 3),
            "tokens": step.tokens,
            "usd": float(step.usd),
            "replay_usd": float(step.replay_usd),
            "worth": round(step.worth, 3),
            "seconds": round(step.seconds, 1),
            "replay_seconds": round(step.replay_seconds, 1),
        }
        for step in plan.steps
    ]
    score = {"score": round(plan.score, 3), "features": {k: round(v, 3) for k, v in plan.features.items()}}
    about = {"job": found.job, "category": why.category, "error": why.error, "fingerprint": why.fingerprint}
    expected = {"chance": round(plan.chance, 3), "expected": _estimate_row(plan.expected)}
    return {**about, "waiting": list(found.waiting), "free": list(found.free), **score, **expected, "steps": steps}


def _notes(incident: Incident) -> tuple[str, ...]:
    last = incident.final or incident.baseline
    return (*(last.notes if last else ()), *([f"drift: {incident.drift.told}"] if incident.drift else ()))
