"""Attempts that are paid for: which are worth making, and making one, within the budgets.

What a model proposes meets the patch policy and the guard as all candidates do, and then the failing step alone, held
as it failed: what leaves that step as red as it was is not worth a whole replay.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from bot.errors import MachineError, Misfit, NoFix, OutOfBudget, OutOfMoney, UsageError
from bot.findings import Checked, Means, check, checked_candidates
from bot.llm import Unanswered
from bot.model import Attempt, Candidate, Diagnosis, Estimate, Incident, Step, Verdict
from bot.planning.plan import AttemptPlan, Planned
from bot.planning.purse import Metered
from bot.planning.tiers import Tier
from bot.ports import Git, Ran, Written
from bot.prospects import Models
from bot.repair.consultation import TierConsultation, version_of_prompts
from bot.repair.context import SINCE, gather
from bot.repair.patch import diff_of
from bot.repair.tools import file_of
from bot.repair.trees import tree_with, written_by
from bot.replay.workbench import Workbench
from bot.unasked import unasked
from strategies import Strategy, llm_agent, llm_edit

STRATEGIES: Mapping[str, Strategy] = {"edit": llm_edit, "agent": llm_agent}
MOST_OBSERVED = 4000
MOST_NAME = 100
COMMON = "common"
"""The layers of the context that all attempts at a failure have."""
SHORT = 6000
"""How much of an output, in characters, is shown as it is."""


def earlier(incident: Incident, complaint: Diagnosis) -> tuple[Attempt, ...]:
    """The attempts by models at a failure that were made already; since somebody objected, if somebody has."""
    since = incident.objection.after if incident.objection else 0
    tries = (a for a in incident.attempts if a.tier and complaint.fingerprint in a.causes)
    return tuple(a for a in tries if a.number > since)


class Bought(NamedTuple):
    """What an attempt by a model came to: a candidate as it met policy and guard, and the number of the attempt."""

    checked: Checked
    number: int


@dataclass
class Market:
    """What models have to offer for one failure, in a leg that is held with `commit` checked out, if one is.

    `workflow` is the path of its file; `record` saves an attempt, which it gives a number if it has none, and gives
    the attempt and the incident with it. `base` is what candidates are differences to, where that is another commit.
    """

    models: Models
    means: Means
    bench: Workbench | None
    commit: str
    complaint: Diagnosis
    workflow: str
    record: Callable[[Attempt], tuple[Attempt, Incident]]
    base: str = ""

    def offers(self, incident: Incident, had: set[int]) -> Iterator[Bought]:
        """Candidates, one attempt after the other. `had` are the attempts whose candidates this process has had.

        What was paid for by a process that has ended is not paid for again, and an attempt that it was at goes on.
        Raises what `Paid.make` does.
        """
        for attempt in earlier(incident, self.complaint):
            if attempt.number not in had and attempt.diff and (attempt.kept or not attempt.verdict):
                had.add(attempt.number)
                yield Bought(self.held(check(self._again(attempt), self.means)), attempt.number)
        while planned := self._next(incident, had):
            tier, planned_attempt = planned
            attempt, incident = self.record(planned_attempt)
            had.add(attempt.number)
            cost = "" if self.models.label else f" ({self._cost(incident, attempt)})"
            self.means.tell(f"asking {tier.model}{cost}: {self.complaint.error.strip()}")
            paid = Paid(self, incident, tier, attempt)
            try:
                checked = paid.make()
            except (OutOfBudget, UsageError, MachineError) as e:
                paid.end(str(e))
                raise
            finally:
                _, incident = self.record(paid.attempt)
            if paid.attempt.reason:
                self.means.tell(f"{attempt.strategy}: {paid.attempt.reason}")
            if checked:
                yield Bought(checked, attempt.number)

    def strategy(self, tier: Tier) -> Strategy:
        """How a tier is asked: an agent works on the bench."""
        return STRATEGIES[tier.mode] if self.bench else llm_edit

    def held(self, checked: Checked) -> Checked:
        """Hold a candidate that policy and guard let through against what no model may ask for unasked, too."""
        if checked.applied is None:
            return checked
        return replace(checked, refused=unasked(checked.applied.changes, self.complaint.category))

    def _next(self, incident: Incident, had: set[int]) -> tuple[Tier, Attempt] | None:
        """The attempt to be made now: one that was interrupted, else what is planned; None when there is no more.

        Who rests is passed over, and that is told.
        """
        made = earlier(incident, self.complaint)
        for attempt in made:
            if attempt.interrupted and attempt.number not in had:
                # others write records, too: it goes on only where it would be made were it not there
                steps = self._plan(incident, [a for a in made if a is not attempt]).steps
                if step := next((s for s in steps if s.tier.number == attempt.tier), None):
                    return step.tier, attempt
        plan, resting = self._plan(incident, made), self.models.breaker.resting()
        best = found = next(iter(plan.steps), None)
        if best and best.tier.number in resting:
            why = f"{best.tier.model} {resting[best.tier.number]}"
            self.means.tell(why)
            found = next(iter(self._plan(incident, made, resting).steps), None)
            if found is None:  # of no tier, for none was asked: another process may ask it
                strategy, causes = self.strategy(best.tier), (self.complaint.fingerprint,)
                self.record(Attempt(number=0, causes=causes, strategy=strategy.NAME, reason=why))
        return (found.tier, self._intended(found, None if made else plan.expected)) if found else None

    def _cost(self, incident: Incident, attempt: Attempt) -> str:
        """What an attempt is expected to cost, and the most that the budgets let it cost."""
        caps = self.models.purse(incident, self.means.clock.now()).caps
        most = min(self.models.settings.max_usd_attempt, *caps.values())
        return f"about ${attempt.estimate_usd:.4f}, at most ${most:.4f}"

    def _plan(self, incident: Incident, made: Sequence[Attempt], resting: Collection[int] = ()) -> AttemptPlan:
        seconds = incident.baseline.seconds if incident.baseline else 0
        return self.models.prospects.plan(self.complaint, seconds, incident.constraints, made, resting)

    def _intended(self, step: Planned, expected: Estimate | None) -> Attempt:
        """The attempt as it is written down before anything is spent on it."""
        return Attempt(
            number=0,
            causes=(self.complaint.fingerprint,),
            category=self.complaint.category,
            strategy=self.strategy(step.tier).NAME,
            tier=step.tier.number,
            estimate_usd=step.usd,
            estimate_seconds=step.seconds + step.replay_seconds,
            expected=expected,
        )

    def _again(self, attempt: Attempt) -> Candidate:
        return Candidate(
            diff=attempt.diff,
            base=self.base or self.commit,
            strategy=attempt.strategy,
            summary=attempt.summary,
            notes=attempt.notes,
        )


@dataclass
class Paid:
    """One attempt while it is made; `attempt` is as it stands, what it has cost so far included."""

    market: Market
    incident: Incident
    tier: Tier
    attempt: Attempt

    def make(self) -> Checked | None:
        """Ask for a candidate; None when there is none that deserves a replay: then the attempt says why.

        Raises `OutOfBudget`, `UsageError`, `MachineError`: then, too, the attempt has what was spent.
        """
        models, means = self.market.models, self.market.means
        metered = Metered(
            models.llm,
            models.prices,
            self.tier,
            replace(models.purse(self.incident, means.clock.now()), attempt=self.attempt.number),
            models.settings.max_usd_attempt,
            means.check_time,
            means.seconds_left,
            models.breaker,
            self._tell_other,
            version_of_prompts(),
            [*self.attempt.calls],
        )
        consultation = self._consultation(metered)
        try:
            checked = self._candidate(consultation)
        except (NoFix, Misfit, Unanswered, OutOfMoney) as e:  # a cheaper tier may still be paid for
            if isinstance(e, Unanswered) and e.kind == "spend-limit":  # of any tier
                raise OutOfMoney(e.message, hint=e.hint) from e
            self.end(e.message)
            return None
        finally:
            calls, steps = tuple(metered.calls), tuple(consultation.steps)
            self.attempt = self.attempt.changed(calls=calls, steps=steps, cost_usd=metered.cost_usd)
        found = checked.candidate
        notes = (models.label, *found.notes) if models.label else found.notes
        self.attempt = self.attempt.changed(summary=found.summary, diff=found.diff, notes=notes, draft="")
        if checked.refused:
            self.end(f"refused: {checked.refused}")
            return checked
        return self._alone(checked)

    def _tell_other(self, asked: str, answered: str) -> None:
        """Say once that a gateway has another model answer than the one that was asked."""
        others = self.market.models.others
        if (asked, answered) not in others:
            others.add((asked, answered))
            self.market.means.tell(
                f"{asked} was asked, and {answered[:MOST_NAME]} has answered: its price counts, if known"
            )

    def end(self, reason: str, verdict: Verdict | None = None) -> None:
        """Say what the attempt came to."""
        self.attempt = self.attempt.changed(reason=reason, verdict=verdict, draft="")

    def _candidate(self, consultation: TierConsultation) -> Checked:
        market = self.market
        strategy = market.strategy(self.tier)
        given = (strategy, self.incident, market.commit, market.bench, market.complaint, market.means)
        found = next(iter(checked_candidates(*given, consultation=consultation, since=market.base)), None)
        if found is None:
            raise NoFix("the model has proposed nothing")
        return market.held(found)

    def _consultation(self, metered: Metered) -> TierConsultation:
        market, redact = self.market, self.market.models.redact
        git, commit = market.means.replays.origin.git, market.commit
        before = tuple(a for a in earlier(self.incident, market.complaint) if a.number != self.attempt.number)

        def context() -> Sequence[str]:
            layers = gather(
                git,
                commit,
                market.complaint,
                budget=self.tier.prompt,
                redact=redact,
                before=market.base or _before(git, self.incident),
                workflow=market.workflow,
                attempt=len(before) + 1,
            )
            parts = {"conventions": "", COMMON: "", "more": ""}
            for layer in layers:
                name = layer.name if layer.name in parts else "more" if layer.name in SINCE else COMMON
                parts[name] += f"{layer.text}\n\n"
            return tuple(parts.values())

        def keep(steps: Sequence[Step], edited: Sequence[Written]) -> None:
            draft = diff_of(git, commit, tree_with(git, commit, edited, new_files=True))
            told = {"calls": tuple(metered.calls), "cost_usd": metered.cost_usd, "steps": tuple(steps)}
            self.attempt = self.attempt.changed(**told, draft=draft)
            self.market.record(self.attempt)

        return TierConsultation(
            metered,
            self.tier.turns - sum(call.stop != "lost" for call in self.attempt.calls),
            before,
            context,
            lambda path: file_of(git, commit, path),
            self._cut,
            redact,
            self.attempt.steps,
            lambda: written_by(git, commit, self.attempt.draft),
            keep,
            self.incident.objection.text if self.incident.objection else "",
        )

    def _alone(self, checked: Checked) -> Checked | None:
        """The candidate, if with it on the bench the failing step passes, fails in another way, or cannot tell."""
        market = self.market
        if market.bench is None:
            return checked
        assert checked.applied  # it was not refused
        ran = self._rerun({change.path: change.new for change in checked.applied.changes})
        if ran.code == 0:
            return replace(checked, candidate=checked.candidate.changed(step_green=True))
        now = market.means.diagnose_output(ran.output)
        told = "\n".join(line.text for line in now.excerpt.lines)[:MOST_OBSERVED]
        self.attempt = self.attempt.changed(observed=told)
        alone = self._error({})
        if now.error != alone:
            return checked  # a step that cannot be run twice, or one that comes further: the replay tells
        if self._error({change.path: None for change in checked.applied.changes}) == alone:
            return checked  # it does not even miss these files: an earlier step makes something of them
        self.end(f"with it, the failing step still fails: {now.error.strip()}", Verdict.STILL_FAILING)
        return None

    def _error(self, files: Mapping[str, bytes | None]) -> str:
        """What the failing step complains of when it is run again with some files otherwise, or (None) without them."""
        return self.market.means.diagnose_output(self._rerun(files).output).error

    def _rerun(self, files: Mapping[str, bytes | None]) -> Ran:
        assert self.market.bench
        session = self.market.bench.session()
        for path, content in files.items():
            session.put(path, content)
        return session.rerun()

    def _cut(self, output: str) -> str:
        if len(output) <= SHORT:
            return self.market.models.redact(output)
        lines = self.market.means.diagnose_output(output).excerpt.lines
        return "".join(f"{line.line}: {line.text}\n" for line in lines)


def _before(git: Git, incident: Incident) -> str:
    """The commit that the failing one is compared with: without what was not committed, or without its last commit."""
    if incident.snapshot != incident.head:
        return incident.head
    parent = git.try_run("rev-parse", "--verify", "--quiet", f"{incident.head}^")
    return parent.decode().strip() if parent else ""
