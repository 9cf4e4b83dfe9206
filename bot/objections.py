"""What somebody who has reviewed a proposal wants changed of it: asked of models, on top of the fix, and proven anew.

Their words are data. What a model makes of them is held against policy and guard as one difference to the failing
commit, and the whole workflow is replayed with it: nothing that the proposal fixes may be red again.
"""

from dataclasses import dataclass, field

from bot.consulting import MOST_OBSERVED, Bought, Market
from bot.errors import MachineError, OutOfBudget, OutOfMoney, UsageError
from bot.findings import Ahead, Means, failing
from bot.model import Attempt, Incident, Part, Verdict, with_attempt
from bot.parts import judged_parts
from bot.repair.lost_names import lost_names
from bot.repair.patch import commit
from bot.replay.verdict import regressions
from bot.rounds import State


@dataclass
class Revision:
    """The work on an objection. `fixed` is the proposal's commit, as the clone has it; `why` says what is in the way.

    `state` and `parts` are there once something is proven.
    """

    incident: Incident
    means: Means
    fixed: str
    why: str = ""
    state: State | None = None
    parts: tuple[Part, ...] = field(default=())

    def run(self) -> None:
        """Ask, the cheapest tier first, until a change is proven or nobody is left to be asked."""
        if self.means.models is None:
            self.why = "no language model may be asked"
            return
        part = self.incident.parts[0]
        market = Market(
            self.means.models,
            self.means,
            None,
            self.fixed,
            part.diagnosis,
            part.key.split(":")[0],
            self._record,
            base=self.incident.snapshot,
        )
        try:
            for bought in market.offers(self.incident, set()):
                if not bought.checked.refused and self._proves(bought):
                    return
        except (OutOfBudget, OutOfMoney, UsageError, MachineError) as e:
            self.why = e.message
            return
        since = self.incident.objection.after if self.incident.objection else 0
        tried = [a.reason for a in self.incident.attempts if a.number > since and a.reason]
        self.why = tried[-1] if tried else "no language model is worth asking"

    def _record(self, attempt: Attempt) -> tuple[Attempt, Incident]:
        attempt, changed = with_attempt(self.incident, attempt)
        self.incident = self.means.save(changed)
        return attempt, self.incident

    def _proves(self, bought: Bought) -> bool:
        incident, means = self.incident, self.means
        applied = bought.checked.applied
        assert applied
        assert incident.baseline
        means.check_time()
        means.tell(f"proving: {bought.checked.candidate.summary}")
        began = means.clock.now()
        git = means.replays.origin.git
        made = commit(git, applied, bought.checked.candidate.summary, [incident.snapshot], when=began)
        result, _ = means.replays.run(made)
        complaints = {j.key: means.complaint(result, j, None, made) for j in failing(result)}
        worse = [*regressions(incident.baseline, result).values(), *lost_names(git, incident.snapshot, made)]
        state = State(made, result, lambda _: None, complaints, Ahead(incident, means))
        asked = next(a for a in incident.attempts if a.number == bought.number)
        seconds = (means.clock.now() - began).total_seconds()
        attempt = asked.changed(verdict=Verdict.STILL_FAILING, seconds=seconds)  # which a part as red as before gets
        parts = judged_parts(with_attempt(incident, attempt)[1], state)
        was = {p.key for p in incident.parts if p.grade}
        red = [p for p in parts if p.key in was and p.verdict is not Verdict.FIXED]
        if not (worse or red):
            self._record(attempt.changed(verdict=Verdict.FIXED, kept=True))
            self.state, self.parts = state, parts
            return True
        told = "\n".join(line.text for one in complaints.values() for line in one.excerpt.lines)
        verdict = Verdict.REGRESSED if worse else attempt.verdict
        again = [f"{p.job}: {complaints[p.key].error.strip() if p.key in complaints else p.reason}" for p in red]
        self._record(attempt.changed(verdict=verdict, reason="; ".join(worse or again), observed=told[:MOST_OBSERVED]))
        return False
