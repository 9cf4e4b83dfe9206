"""What of a log is worth showing: every line that may help gets a score, the excerpt takes the best that fit."""

from collections.abc import Iterator, Sequence

from bot.diagnosis.cause import Cause
from bot.diagnosis.reports import Report
from bot.diagnosis.scope import Scope
from bot.diagnosis.signatures import Signatures
from bot.diagnosis.survey import Hit, Survey
from bot.text.excerpt import Candidate, spread
from bot.text.fingerprint import mask
from bot.text.log import Line, Log
from bot.text.paths import inside

PRIMARY = 100.0
_END, _HEAD, _JOB, _TALLY, _SCRIPT = 90.0, 82.0, 80.0, 88.0, 76.0
_TESTS = 90.0
_REPEATED = 30.0  # what a line is worth less that says the same as one before it
_USUAL = 40.0  # and what a run that passed prints too
_BEFORE = 12  # lines before a place that are looked at
_AFTER = (250, 120, 40)  # and behind it: the first place, the second, all others
_LAST, _LAST_WORTH = 60, 46.0  # lines before the end of the step that are offered where there is room
_TELLING = {"cause": 70, "detail": 58}  # weight of other hits that are looked at too
_LOOKED_AT = 6  # failing tests and other causes that are looked at from near
_SCRIPT_LINES = 12


class Composer:
    """Collects candidates for the excerpt of one diagnosis, and the hits beside what was found."""

    def __init__(self, log: Log, survey: Survey, scope: Scope, report: Report, signatures: Signatures) -> None:
        self._log, self._survey, self._scope, self._report, self._signatures = log, survey, scope, report, signatures
        self._beside_hits: list[tuple[int, int, Hit]] = []
        self._seen: set[int] = set()

    @property
    def beside(self) -> list[Hit]:
        """What details and frames say: of the cause first, of each place what weighs most first."""
        return [hit for _, _, hit in sorted(self._beside_hits, key=lambda found: found[:2])]

    def candidates(self, cause: Cause) -> list[Candidate]:
        """Return every line worth showing with its score."""
        found = [*self._frame(cause), *self._tests(), *self._hits(cause)]
        for rank, (line, alone) in enumerate(self._looked_at(cause)):
            window = self._window(line, 4 if alone else _BEFORE, 4 if alone else _AFTER[min(rank, 2)])
            if not alone:
                found += spread(window, line.number, (PRIMARY - 8 if rank == 0 else 72 - 6 * rank), before=8, after=3)
            found += self._beside(window, line.number, rank)
        return _less_for_repeats(found)

    def _frame(self, cause: Cause) -> Iterator[Candidate]:
        """Yield what frames the failure: the job, the step, its script, the cause, and how the step ended."""
        scope = self._scope
        yield Candidate(PRIMARY, cause.line)
        if self._survey.job_line:
            yield Candidate(_JOB, self._survey.job_line)
        if scope.head:
            yield Candidate(_HEAD, scope.head)
        for index, line in enumerate(scope.script[:_SCRIPT_LINES]):
            yield Candidate(_SCRIPT - 2 * index, line)
        if scope.end:
            yield Candidate(_END, scope.end)
            last = self._log.around(scope.end.number, scope.end.offset, _LAST, 0)
            yield from spread(
                [line for line in last if scope.step is None or scope.step.holds(line.number)],
                scope.end.number,
                _LAST_WORTH,
                before=_LAST_WORTH / _LAST / 2,
                after=1,
            )
        errors = scope.step.errors if scope.step else []
        for index, raw in enumerate(errors[:3] + errors[-1:]):
            yield Candidate(_END - 6 - 3 * index, Line(raw.number, raw.offset, self._log.text(raw.data)))

    def _tests(self) -> Iterator[Candidate]:
        for index, test in enumerate(self._report.failed):
            yield Candidate(_TESTS - min(45, 9 * index if index < 3 else 21 + 2 * index), test.line)
        for hit in self._report.tallies:
            yield Candidate(_TALLY, hit.line)

    def _hits(self, cause: Cause) -> Iterator[Candidate]:
        """Yield the other hits of the failing step: the first of each kind say most."""
        seen: dict[str, int] = {}
        for hit in self._scope.hits:
            signature = hit.signature
            count = seen[signature.id] = seen.get(signature.id, 0) + 1
            if signature.role in {"tally", "noise"}:
                continue
            late = self._scope.end is not None and hit.line.number > self._scope.end.number
            worth = 44 + signature.weight * 0.45 - min(36, 6 * (count - 1)) - (40 if late else 0)
            worth -= _USUAL if self._scope.is_usual(hit.line) else 0
            yield Candidate(worth + (6 if cause.hit and signature.id == cause.hit.signature.id else 0), hit.line)

    def _looked_at(self, cause: Cause) -> Iterator[tuple[Line, bool]]:
        """Yield the places to look at from near, the cause first, and whether their neighbours say nothing of them.

        Of a test that is only listed the section is looked at that shows its failure.
        """
        tests = self._report.failed[:_LOOKED_AT]
        hits = [cause.hit] if cause.hit else []
        hits += [test.hit for test in tests]
        hits += [hit for hit in self._scope.hits if hit.signature.weight >= _TELLING.get(hit.signature.role, 101)]
        headers = [hit for hit in self._scope.hits if hit.signature.id == "pytest.header"]
        done: set[int] = set()
        if not cause.hit:
            yield cause.line, False
        for hit in hits[: 2 * _LOOKED_AT]:
            section = next(
                (h for h in headers if hit.test and hit.test.split("::")[-1].endswith(h.test.split(".")[-1])), hit
            )
            for place in (section, hit):
                if place.line.number not in done:
                    done.add(place.line.number)
                    yield place.line, place.signature.alone

    def _window(self, line: Line, before: int, after: int) -> list[Line]:
        """Return the lines around one that belong to the failing step, none of them given before."""
        step = self._scope.step
        lines = []
        for near in self._log.around(line.number, line.offset, before, after):
            if near.number not in self._seen and (step is None or step.holds(near.number)):
                self._seen.add(near.number)
                lines.append(near)
        return lines

    def _beside(self, window: Sequence[Line], at: int, rank: int) -> Iterator[Candidate]:
        """Yield what details and frames say of the lines that were looked at; the first of each kind say most."""
        count: dict[str, int] = {}
        for line in sorted(window, key=lambda near: (near.number < at, near.number)):  # what follows belongs to it
            for signature, fields in self._signatures.beside(line.text.encode("utf-8", "replace")):
                count[signature.id] = count.get(signature.id, 0) + 1
                hit = Hit(signature, fields, line, 0)
                self._beside_hits.append((rank, -signature.weight, hit))
                foreign = 12 if signature.role == "frame" and not inside(fields.get("file", "")) else 0
                worth = 50 + signature.weight * 0.5 - 8 * min(rank, 4) - 5 * (count[signature.id] - 1) - foreign
                yield Candidate(worth, line)


def _less_for_repeats(candidates: list[Candidate]) -> list[Candidate]:
    """Let of the lines that say the same (but for numbers, times and the like) only the first keep its score."""
    best: dict[int, Candidate] = {}
    for candidate in candidates:
        number = candidate.line.number
        if number not in best or candidate.score > best[number].score:
            best[number] = candidate
    said: set[str] = set()
    result = []
    for candidate in sorted(best.values(), key=lambda c: (-c.score, c.line.number)):
        text = mask(candidate.line.text)
        result.append(candidate._replace(score=candidate.score - _REPEATED) if text in said else candidate)
        said.add(text)
    return result
