"""Reports of what commands came to, in words on a console."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.app import Check
from bot.flakiness import rate
from bot.model import (
    Advice,
    Attempt,
    Culprit,
    Diagnosis,
    DriftReport,
    Estimate,
    ExcerptLine,
    Incident,
    Investigation,
    JobResult,
    Location,
    Part,
    ReplayResult,
    Result,
    Verdict,
)
from bot.proposal.facts import compared, counted, diff_stat, repeat_command, tests_of, where_it_is
from bot.replay.compare import Change
from bot.settings import LlmSettings, Settings
from bot.text.inert import plain

if TYPE_CHECKING:
    from bot.prospects import Forecast

SIGNS = {
    Result.SUCCESS: "[green]✓[/]",
    Result.FAILURE: "[red]✗[/]",
    Result.SKIPPED: "[dim]-[/]",
    Result.CANCELLED: "[yellow]■[/]",
    Result.UNREPLAYABLE: "[yellow]?[/]",
}
COLOURS = {
    Verdict.FIXED: "green",
    Verdict.GREEN: "green",
    Verdict.STILL_FAILING: "red",
    Verdict.NOT_FIXED: "red",
    Verdict.REGRESSED: "red",
    Verdict.FLAKY: "yellow",
    Verdict.NOT_REPRODUCED: "yellow",
    Verdict.UNREPLAYABLE: "yellow",
}
MOST_FLAKY = 20
MOST_CHANGES = 20
LINES_BEFORE, LINES_AFTER = 2, 14
"""How much of the excerpt a report shows around the line that names a failure which was not fixed."""


class Report:
    """Prints reports on a console; everything that comes from logs or repositories is made inert first."""

    def __init__(self) -> None:
        self._print = Console(highlight=False, soft_wrap=True).print

    def heading(self, text: str) -> None:
        """A line that stands out."""
        self._print(f"\n[bold]{escape(text)}[/]")

    def replay(self, result: ReplayResult, log: str, why: Mapping[str, Diagnosis]) -> None:
        """Every job and step of a replay, why steps failed, a table of the jobs, and what was not as on GitHub."""
        for job in result.jobs:
            self._job(job)
            if found := why.get(job.key):
                self._excerpt(_around(found))
        self._jobs(result.jobs)
        for note in result.notes:
            self._print(f"note: {shown(note)}")
        self._print(f"{SIGNS[result.result]} {result.result} in {result.seconds:.1f} s" + _tail(result.reason))
        self._print(f"[dim]log: {shown(log)}[/]")

    def plans(self, found: Sequence["Forecast"], settings: LlmSettings) -> None:
        """What would be tried at the failures of some legs, with every number that decides it."""
        for one in found:
            self._plan(one)
        causes = {one.why.fingerprint: one.plan for one in found if one.plan.steps}
        if causes:
            whole = sum((plan.expected for plan in causes.values()), Estimate())
            told = f"about ${whole.usd:.4f} for language models, and {whole.seconds:.0f} s with replays, on average"
            self._print(f"\n[bold]{told}[/]; causes that do not depend on each other are asked about side by side")
            most = ((settings.max_usd_attempt, "attempt"), (settings.max_usd_incident, "incident"))
            told = ", ".join(f"${cap:.2f} for one {name}" for cap, name in (*most, (settings.max_usd_day, "day")))
            self._print(f"It ends with the first attempt that is proven. It costs at most {told}.")

    def _plan(self, found: "Forecast") -> None:
        why, plan = found.why, found.plan
        self._print(f"\n[bold]{shown(found.job)}[/]: {why.category}: {shown(why.error.strip())}")
        if found.waiting:
            self._print(f"  waiting for it: {shown(', '.join(found.waiting))}")
        self._print(f"  free of charge: {', '.join(found.free) or 'nothing applies'}")
        features = ", ".join(f"{name} {value:.2f}" for name, value in plan.features.items())
        self._print(f"  complexity {plan.score:.2f}  [dim]({features})[/]")
        if not plan.steps:
            self._print("  no language model would be asked")
            return
        table = _table("", "tier", "model", "mode", "chance", "about", "shown", "replay", "chance for $1")
        for number, step in enumerate(plan.steps, 1):
            price, tokens = f"${step.usd:.3f}, {step.seconds:.0f} s", f"{step.tokens} tokens"
            replay = f"${step.replay_usd:.4f}, {step.replay_seconds:.1f} s"
            about = (step.tier.name, shown(step.tier.model), step.tier.mode, f"{step.chance:.0%}")
            table.add_row(f"  {number}", *about, price, tokens, replay, f"{step.worth:.1f}")
        self._print(table)
        whole = plan.expected
        self._print(f"  all of it: {plan.chance:.0%}, ${whole.usd:.4f} and {whole.seconds:.0f} s on average")

    def drift(self, found: DriftReport) -> None:
        """Whether only the date has broken a commit, and which release."""
        if found.diagnosis:
            self.diagnosis(found.diagnosis)
        for note in found.notes:
            self._print(f"note: {shown(note)}")
        sign = SIGNS[found.result_now or found.result_then]
        self._print(f"{sign} {shown(found.told)}  [dim]({found.replays} replays)[/]")

    def _job(self, job: JobResult) -> None:
        self._print(f"{SIGNS[job.result]} [bold]{shown(job.name)}[/]  {job.seconds:.1f} s" + _tail(job.reason))
        for step in job.steps:
            goes_on = "  (its job goes on)" if step.continue_on_error else ""
            self._print(f"    {SIGNS[step.result]} {shown(step.name)}  [dim]{step.seconds:.1f} s{goes_on}[/]")

    def _jobs(self, jobs: Sequence[JobResult]) -> None:
        table = _table("", "job", "result", "steps", "tests", "time")
        for job in jobs:
            steps, tests = counted(s.result for s in job.steps), tests_of((job,))
            time = f"{job.seconds:.1f} s"
            table.add_row(SIGNS[job.result], shown(job.name), str(job.result), steps, tests, time)
        self._print(table)

    def changes(self, changes: Sequence[Change]) -> None:
        """What differs between two replays, the worse marked."""
        table = _table("", "job", "", "first", "second")
        for c in changes:
            what = c.what if c.what == "job" else f"{c.what} {c.name}"
            table.add_row("[red]worse[/]" if c.worse else "", shown(c.job), shown(what), c.before, c.after)
        self._print(table if changes else "both results are the same")

    def incident(self, incident: Incident, *, history: bool, trajectory: bool = False) -> None:
        """What failed and why, what was tried, the verdict with its evidence, and where the fix is."""
        for part in incident.parts:
            self._part(part)
        if incident.drift:
            self._print(f"\n{shown(incident.drift.told)}  [dim]({incident.drift.replays} replays)[/]")
        if incident.culprit:
            self._culprit(incident.culprit)
        self._attempts(incident, trajectory=trajectory)
        verdict = incident.verdict
        if verdict is None:
            self._print(f"not finished (stage: {incident.stage}); go on with: regreen resume {incident.id}")
            return
        from bot.proposal.message import MEANING  # and with it what writes messages

        grade = f"  grade {incident.grade}: {MEANING[incident.grade]}" if incident.grade else ""
        self._print(f"\n[bold {COLOURS[verdict]}]{verdict}[/]{grade}" + _tail(incident.reason))
        self._evidence(incident)
        self._proposal(incident)
        for advice in incident.advice:
            self._advice(advice)
        if expected := compared(incident):
            self._print(f"[dim]language models: {expected}[/]")
        self._print(f"[dim]incident {incident.id}; {incident.seconds:.1f} s; ${incident.cost_usd}[/]")
        for line in incident.history if history else ():
            self._print(f"[dim]{escape(line)}[/]")

    def _part(self, part: Part) -> None:
        verdict = part.verdict or Verdict.NOT_FIXED
        leg = f"{part.job} ({', '.join(map(str, part.matrix.values()))})" if part.matrix else part.job
        self._print(f"\n[bold]{shown(leg)}[/]: [{COLOURS[verdict]}]{verdict}[/]" + _tail(part.reason))
        found = part.diagnosis
        where = f" in '{found.step or found.command}'" if found.step or found.command else ""
        self._print(f"  {found.category}{shown(where)}: {shown(found.error.strip())}")
        for location in found.locations[:5]:
            self._print(f"  at {_place(location)}")
        if found.failing_tests:
            more = f" and {len(found.failing_tests) - 5} more" if len(found.failing_tests) > 5 else ""
            self._print(f"  failing tests: {shown(', '.join(found.failing_tests[:5]))}{more}")
        for test in part.flaky_tests[:MOST_FLAKY]:
            self._print(f"  flaky test: {shown(test.name)} failed in {rate(test.failed, test.runs)} further runs")
        if verdict is not Verdict.FIXED:
            self._excerpt(_around(found))

    def _excerpt(self, lines: Sequence[ExcerptLine]) -> None:
        last = 0
        for line in lines:
            if last and line.line > last + 1:
                self._print(f"[dim]        … {line.line - last - 1} lines[/]")
            self._print(f"[dim]{line.line:>7}[/] {shown(line.text)}")
            last = line.line

    def _culprit(self, found: Culprit) -> None:
        self._print(f"\n{shown(found.told)}")
        if found.commit:
            self._print(
                f"  [yellow]culprit[/] {found.commit[:12]} {shown(found.subject)} [dim]({shown(found.author)})[/]"
            )
        for one in found.looked:
            self._print(f"  [dim]{one.commit[:12]}: {shown(one.told)} ({one.seconds:.1f} s)[/]")

    def _attempts(self, incident: Incident, *, trajectory: bool) -> None:
        if incident.attempts:
            self._print("\n[bold]tried[/]")
        for attempt in incident.attempts:
            outcome = attempt.verdict or "not replayed"
            by = f"{attempt.strategy}{_paid(attempt)}"
            self._print(
                f"  {attempt.number}. {shown(attempt.summary or 'no edit')}  [dim]({by})[/]: {outcome}"
                + _tail(attempt.reason)
            )
            for note in attempt.notes:
                self._print(f"     {shown(note)}")
            for step in attempt.steps if trajectory else ():
                self._print(f"     [bold]{shown(step.tool)}[/] {shown(step.told)}")
                self._print(f"[dim]{shown(step.came)}[/]")

    def _evidence(self, incident: Incident) -> None:
        before, after = incident.baseline, incident.final
        if not before or not after:
            return
        table = _table("", "before", "after")
        table.add_row("jobs", *(counted(j.result for j in r.jobs) for r in (before, after)))
        table.add_row("tests", *(tests_of(r.jobs) for r in (before, after)))
        table.add_row("time", *(f"{r.seconds:.1f} s" for r in (before, after)))
        self._print(table)
        for note in after.notes:
            self._print(f"note: {shown(note)}")

    def _proposal(self, incident: Incident) -> None:
        proposal = incident.proposal
        if proposal is None:
            return
        for name, added, removed in diff_stat(proposal.diff):
            self._print(f" {shown(name)} | [green]+{added}[/] [red]-{removed}[/]")
        said = {
            "branch": "the fix is on the branch",
            "apply": "the fix is applied to",
            "patch": "the fix is in the file",
        }
        if proposal.kind in said:
            self._print(f"{said[proposal.kind]} [bold]{escape(proposal.target)}[/]")
        else:
            self._print(shown(where_it_is(incident)))
        if proposal.kind == "branch":
            again = f"git switch {proposal.target} && {repeat_command(incident)}"
            self._print(
                f"[dim]see it: git diff {incident.head[:12]}..{proposal.target}\nrepeat the proof: {escape(again)}[/]"
            )

    def _advice(self, advice: Advice) -> None:
        proof = "" if advice.kind == "re-run" else f" [dim]({advice.verdict or 'unproven'}; nothing was changed)[/]"
        self._print(f"\n[bold]{advice.kind}[/]: {shown(advice.told)}{proof}")
        for line in advice.evidence:
            self._print(f"  {shown(line)}")
        for line in advice.diff.splitlines():
            colour = {"+": "green", "-": "red"}.get(line[:1], "dim")
            self._print(f"  [{colour}]{shown(line)}[/]")

    def diagnoses(self, found: Sequence[tuple[str, Diagnosis]], where: Sequence[Investigation] = ()) -> None:
        """The first of those with one fingerprint, with the names of their logs where there are several logs.

        `where` has what was found out about each, if that was asked for.
        """
        causes: dict[str, list[tuple[str, Diagnosis]]] = {}
        for name, one in found:
            causes.setdefault(one.fingerprint, []).append((name, one))
        known = {one.fingerprint: found_out for (_, one), found_out in zip(found, where, strict=False)}
        for number, alike in enumerate(causes.values()):
            if len(found) > 1:
                logs = ", ".join(name for name, _ in alike)
                self._print(f"{chr(10) if number else ''}[bold]{len(alike)} of {len(found)} logs[/]: {shown(logs)}")
            self.diagnosis(alike[0][1])
            if told := known.get(alike[0][1].fingerprint):
                self._investigation(told)

    def diagnosis(self, found: Diagnosis) -> None:
        """The cause first, then where, the tests, and the excerpt with line numbers."""
        self._print(f"[bold red]{shown(found.error.strip() or 'nothing that looks like a failure')}[/]")
        self._print(f"{found.category} (confidence {found.confidence:.0%}), line {found.error_line}")
        for name, value in (("step", found.step), ("command", found.command)):
            if value:
                self._print(f"{name}: {shown(value)}")
        for location in found.locations:
            self._print(f"at {_place(location)} {shown(location.message)}")
        if found.tests.run:
            counts = found.tests
            self._print(f"tests: {counts.run} run, {counts.failed} failed, {counts.skipped} skipped")
        for test in found.failing_tests:
            self._print(f"failed: {shown(test)}")
        self._excerpt(found.excerpt.lines)

    def _investigation(self, found: Investigation) -> None:
        """Who is suspect and why, what speaks for it, what is ruled out, and what to do."""
        if found.green:
            span = f"{found.green[:12]}..{found.red[:12]}"
            self._print(f"\n[bold]since it was green[/]: {span} ({found.commits} commits)")
        for suspect in found.suspects:
            self._print(" ".join(filter(None, ("[yellow]suspect[/]", suspect.commit[:12], shown(suspect.subject)))))
            for reason in suspect.reasons:
                self._print(f"    {shown(reason)}")
        for change in found.dependencies[:MOST_CHANGES]:
            told = f"{change.package} {change.versions}"
            self._print(f"dependency: {shown(told)} [dim]({shown(change.file)})[/]")
        if (more := len(found.dependencies) - MOST_CHANGES) > 0:
            self._print(f"[dim]and {more} dependencies more[/]")
        for line in found.evidence:
            self._print(f"evidence: {shown(line)}")
        for line in found.ruled_out:
            self._print(f"[dim]ruled out: {shown(line)}[/]")
        self._print(f"[bold]{found.recommendation}[/]: {shown(found.why)}")

    def incidents(self, found: Iterable[Incident]) -> None:
        """One line each."""
        table = _table("incident", "updated", "stage", "verdict", "reason")
        for one in found:
            reason = one.reason or ", ".join(dict.fromkeys(p.job for p in one.parts))
            table.add_row(one.id, f"{one.updated:%Y-%m-%d %H:%M}", one.stage, one.verdict or "", shown(reason[:80]))
        self._print(table if table.row_count else "no incidents")

    def checks(self, found: Iterable[Check]) -> None:
        """The doctor's findings."""
        for check in found:
            sign = "[green]✓[/]" if check.ok else "[red]✗[/]" if check.needed else "[yellow]?[/]"
            self._print(f"{sign} {check.name}: {escape(check.told)}")

    def settings(self, settings: Settings) -> None:
        """Every setting, its value, and where it came from."""
        table = _table("setting", "value", "from")
        for name, value, source in settings.rows():
            table.add_row(name, escape(json.dumps(value)), source)
        self._print(table)


def _paid(attempt: Attempt) -> str:
    """What an attempt by a language model has cost, and was expected to."""
    if not attempt.tier:
        return ""
    tokens = sum(call.tokens.prompt for call in attempt.calls), sum(call.tokens.output for call in attempt.calls)
    model = attempt.calls[-1].model if attempt.calls else "not asked"
    cost = f"${attempt.cost_usd:.4f} of about ${attempt.estimate_usd:.4f}"
    return f", {shown(model)}: {cost}, {tokens[0]} tokens in, {tokens[1]} out"


def shown(text: str) -> str:
    """Text of strangers as console markup that shows it and does nothing else."""
    return escape(plain(text))


def _place(location: Location) -> str:
    return shown(location.file) + (f":{location.line}" if location.line else "")


def _around(found: Diagnosis) -> Sequence[ExcerptLine]:
    lines = found.excerpt.lines
    at = next((i for i, line in enumerate(lines) if line.line >= found.error_line), 0)
    return lines[max(0, at - LINES_BEFORE) : at + LINES_AFTER]


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column)
    return table


def _tail(reason: str | None) -> str:
    return f"  [dim]{shown(reason)}[/]" if reason else ""
