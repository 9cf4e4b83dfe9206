"""Proposals that change nothing: what speaks for running a job again. A re-run repairs nothing, and says so."""

from collections.abc import Iterator, Mapping, Sequence

from bot.flakiness import Reruns, rate
from bot.model import Advice, Category, Diagnosis, Part, Verdict

MOST_TESTS = 20


def rerun_advice(parts: Sequence[Part], reruns: Mapping[str, Reruns]) -> tuple[Advice, ...]:
    """To run again what is flaky, each cause once. `reruns` is what further runs of the failing steps have shown."""
    causes: dict[str, list[Part]] = {}
    for part in parts:
        if part.verdict is Verdict.FLAKY:
            causes.setdefault(part.diagnosis.fingerprint, []).append(part)
    return tuple(_advice(flaky, reruns.get(flaky[0].key)) for flaky in causes.values())


def _advice(parts: Sequence[Part], ran: Reruns | None) -> Advice:
    jobs = tuple(dict.fromkeys(p.job for p in parts))
    first = parts[0]
    names = [t.name for t in first.flaky_tests]
    what = f"repair {', '.join(names[:3])}{' and others' if len(names) > 3 else ''}" if names else "look for the cause"
    if not names and first.diagnosis.category is Category.NETWORK_OR_FLAKY:
        what = "look at the service that it needs"
    told = f"run {', '.join(jobs)} again; that it may pass repairs nothing: {what}"
    return Advice(kind="re-run", jobs=jobs, told=told, evidence=tuple(_evidence(first, ran)))


def _evidence(part: Part, ran: Reruns | None) -> Iterator[str]:
    yield _log_says(part.diagnosis)
    yield part.reason
    if ran and ran.passed + ran.failed:
        yield f"run again here, the step failed in {rate(ran.failed, ran.passed + ran.failed)}"
    for test in part.flaky_tests[:MOST_TESTS]:
        yield f"{test.name} failed in {rate(test.failed, test.runs)}"


def reported_advice(reported: Diagnosis | None, seen: str) -> tuple[Advice, ...]:
    """To run a reported failure again that reads like the network and was not met here; `seen` says what was."""
    if reported is None or reported.category is not Category.NETWORK_OR_FLAKY:
        return ()
    told = "run it again: its log reads like a failure of the network or of a service"
    return (Advice(kind="re-run", jobs=(), told=told, evidence=(_log_says(reported), seen)),)


def rerun_after(reason: str) -> tuple[Advice, ...]:
    """To run again what failed in one replay and passed in the next of the same tree, as `reason` says."""
    told = "run it again; that it may pass repairs nothing: look for the cause"
    return (Advice(kind="re-run", jobs=(), told=told, evidence=(reason,)),)


def _log_says(found: Diagnosis) -> str:
    where = f"line {found.error_line} of its log" if found.error_line else "its log"
    return f"{where} says: {found.error.strip()}"
