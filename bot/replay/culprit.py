"""Which commit of a branch broke it: the commits between green and red are halved, with a replay as the test.

As with `git bisect`: what cannot be replayed is passed over, and a commit counts as red only when it fails alike.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bot.model import Culprit, Diagnosis, JobResult, Looked, ReplayResult, Result

SPARE = 2
"""How many replays more than log2(n) there may be; that of the red commit, which its incident has made, is a third."""
RAN = (Result.SUCCESS, Result.FAILURE)

Look = Callable[[str], Looked]
"""Replays a commit."""


@dataclass(frozen=True)
class Failure:
    """The failure whose culprit is looked for: a leg as it failed on the red commit, and its fingerprint."""

    leg: JobResult
    fingerprint: str


def judged(commit: str, failure: Failure, result: ReplayResult, why: Mapping[str, Diagnosis]) -> Looked:
    """What a replay says of the failure; `why` are the causes of the legs that failed in it, by their keys."""

    def told(mark: str, reason: str) -> Looked:
        return Looked(commit=commit, mark=mark, told=reason, seconds=result.seconds)  # type: ignore[arg-type]

    leg = result.job(failure.leg.key)
    if leg is None:
        return told("unknown", result.reason or "it has no such job")
    if leg.result is Result.SUCCESS:
        return told("clear", "it passes")
    if leg.result is not Result.FAILURE or leg.key not in why:
        return told("unknown", leg.reason or f"the job was {leg.result}")
    if why[leg.key].fingerprint == failure.fingerprint:
        return told("red", "it fails alike")
    if _reached(failure.leg, leg):
        return told("clear", f"it fails in another way: {why[leg.key].error.strip()}")
    return told("unknown", f"it fails before that step: {why[leg.key].error.strip()}")


def _reached(red: JobResult, leg: JobResult) -> bool:
    """Whether the step that fails on the red commit was run here: else nothing is known of it."""
    step = red.failing_step
    return step is not None and any(s.name == step.name and s.result in RAN for s in leg.steps)


def find_culprit(
    chain: Sequence[str],
    look: Look,
    *,
    sure: bool,
    seen: Sequence[Looked] = (),
    keep: Callable[[tuple[Looked, ...]], None] = lambda _: None,
) -> Culprit:
    """Find the first commit of `chain` (the oldest first, each the parent of the next) that fails as the last one does.

    The last one is known to be red. The first one is held to be green, `sure` when a run says so; else it is replayed
    before all others. Takes at most log2(n) + 2 replays for n commits after the first. `seen` are replays of an earlier
    search, which are not made again; `keep` is told all of them after each.
    """
    return _Search(chain, look, seen, keep).run(sure=sure)


class _Search:
    """A search; `good` and `bad` are the places in the chain between which the culprit is."""

    def __init__(
        self,
        chain: Sequence[str],
        look: Look,
        seen: Sequence[Looked],
        keep: Callable[[tuple[Looked, ...]], None],
    ) -> None:
        self._chain, self._look, self._keep = chain, look, keep
        self._looked = {one.commit: one for one in seen}
        self._most = (len(chain) - 1).bit_length() - 1 + SPARE
        self._good, self._bad = 0, len(chain) - 1

    def run(self, *, sure: bool) -> Culprit:
        if len(self._chain) < 2:
            return self._ended(f"no commit before {_short(self._chain[-1])} is known")
        if not sure and self._mark(0) == "red":
            return self._ended(f"{_short(self._chain[0])}, the oldest commit looked at, fails alike")
        while (middle := self._middle()) is not None and self._may_look(middle):
            mark = self._mark(middle)
            if mark == "red":
                self._bad = middle
            elif mark == "clear":
                self._good = middle
        if self._good == 0 and self._may_look(0) and self._mark(0) == "red":
            why = "so that no commit has broken it: what else has changed is the machine, or the date"
            return self._ended(f"{_short(self._chain[0])} was green on GitHub and fails here alike, {why}")
        return self._judgement(sure=sure)

    def _judgement(self, *, sure: bool) -> Culprit:
        before, culprit = self._chain[self._good], self._chain[self._bad]
        if self._bad - self._good > 1 or not (sure or self._is_clear(before)):
            among = self._chain[self._good + 1 : self._bad + 1]
            told = f"one of {len(among)} commits broke it, up to {_short(culprit)}: what lies between gave no answer"
            return self._ended(told).changed(suspects=tuple(among))
        seen = "passes" if self._is_clear(before) else "was green on GitHub"
        told = f"{_short(culprit)} broke it: it fails alike, and {_short(before)} before it {seen}"
        return self._ended(told).changed(commit=culprit)

    def _middle(self) -> int | None:
        """The place nearest to the middle of what is open, without those of which nothing can be known."""
        places = (i for i in range(self._good + 1, self._bad) if self._chain[i] not in self._unknown())
        return min(places, key=lambda i: abs(2 * i - self._good - self._bad), default=None)

    def _unknown(self) -> set[str]:
        return {commit for commit, one in self._looked.items() if one.mark == "unknown"}

    def _is_clear(self, commit: str) -> bool:
        return commit in self._looked and self._looked[commit].mark == "clear"

    def _may_look(self, place: int) -> bool:
        return self._chain[place] in self._looked or len(self._looked) < self._most

    def _mark(self, place: int) -> str:
        commit = self._chain[place]
        if commit not in self._looked:
            self._looked[commit] = self._look(commit)
            self._keep(tuple(self._looked.values()))
        return self._looked[commit].mark

    def _ended(self, told: str) -> Culprit:
        chain = self._chain
        return Culprit(
            told=told, red=chain[-1], green=chain[0], commits=len(chain) - 1, looked=tuple(self._looked.values())
        )


def _short(commit: str) -> str:
    return commit[:12]
