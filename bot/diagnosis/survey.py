"""The one pass over a log: its steps, and the lines that signatures know."""

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from bot.diagnosis.signatures import Found, Signature, Signatures
from bot.text.clean import readable
from bot.text.fingerprint import mask
from bot.text.log import Line, Log
from bot.text.patterns import escape
from bot.text.scan import Scanner
from bot.text.steps import NEAR, Step, StepReader, is_mark

KEPT = {"test": 3000, "tally": 3000}
"""How many hits of one signature are kept for a step, by role."""
_KEPT_ELSE = 60
_MOST = 50_000  # hits in all
_WIDEST = 1000  # characters of a line that are kept
_KEPT_OF_PASSED = 5  # of a step that ends without an error, of what does not belong to tests
_REMEMBERED = 10_000  # lines of which is remembered what they match
_KEY = b"PRIVATE KEY-----"
_KEY_LINES = 120  # the most that a private key takes


class Hit(NamedTuple):
    """A signature found on a line, with what it captured; `step` is the index of the step that the line belongs to."""

    signature: Signature
    fields: dict[str, str]
    line: Line
    step: int

    @property
    def test(self) -> str:
        """The name of a test that the line captures, or nothing."""
        return self.fields.get("test") or self.fields.get("name", "")


@dataclass(frozen=True)
class Survey:
    """What one pass found. `hits` are in the order of the log; of very frequent ones only the first are kept."""

    hits: list[Hit]
    steps: list[Step]
    failing: Step | None
    job: str
    job_line: Line | None
    keys: list[tuple[int, int]]
    """First and last lines of private keys, which no single line gives away."""

    def is_key(self, number: int) -> bool:
        """Tell whether a line is part of a private key."""
        return any(first <= number <= last for first, last in self.keys)


def pass_over(log: Log, signatures: Signatures) -> Survey:
    """Pass over a log once. Memory stays bounded: hits are capped per signature and step."""
    reader = StepReader(log.parts)
    hits: list[Hit] = []
    keys: list[tuple[int, int]] = []
    seen: Counter[str] = Counter()
    begun = 0
    ask = _Memory(signatures)
    parts = bool(log.parts)
    for raw in log.scan(Scanner([*NEAR, escape(_KEY), *signatures.triggers])):
        bare = log.bare(raw.data)
        text, shown, mark, key, found = ask(bare)
        if mark or (parts and reader.next_part <= raw.offset):
            steps = len(reader.steps)
            reader.feed(raw, text)
            if len(reader.steps) > steps:
                hits[begun:] = _settled(hits[begun:], reader.steps[steps - 1])
                if len(hits) > _MOST:
                    hits = _thinned(hits, reader.steps)
                begun = len(hits)
                seen.clear()
                ask.anew()
                found = ask(bare).found
        if key:
            _note_key(keys, raw.number, text)
        for signature, fields in found:
            if signature.id in ask.full:
                continue
            hits.append(Hit(signature, fields, Line(raw.number, raw.offset, shown), len(reader.steps) - 1))
            seen[signature.id] += 1
            if seen[signature.id] >= KEPT.get(signature.role, _KEPT_ELSE):
                ask.full.add(signature.id)
    job_line = Line(*reader.job_line[:2], log.text(reader.job_line.data)) if reader.job_line else None
    return Survey(hits, reader.steps, reader.failing(), reader.job or log.job, job_line, keys)


def usual_lines(log: Log, signatures: Signatures) -> frozenset[str]:
    """Return the lines, masked, of a log of a run that passed that signatures know: there they meant nothing."""
    ask = _Memory(signatures)
    usual: set[str] = set()
    for raw in log.scan(Scanner(signatures.triggers)):
        told = ask(log.bare(raw.data))
        if told.found:
            usual.add(mask(told.shown))
            if len(usual) >= _MOST:
                break
    return frozenset(usual)


class _Told(NamedTuple):
    """What a line says: its readable text, what of it is shown, whether it may say something of steps or of a private
    key, and what it matches.
    """

    text: bytes
    shown: str
    mark: bool
    key: bool
    found: list[Found]


class _Memory:
    """Tells what a line without its stamp says, once for lines that come again: many do.

    `full` are the signatures not to ask for.
    """

    def __init__(self, signatures: Signatures) -> None:
        self._signatures = signatures
        self._whole: dict[bytes, _Told] = {}
        self._partly: dict[bytes, _Told] = {}  # where some that they call for were full
        self.full: set[str] = set()

    def __call__(self, bare: bytes) -> _Told:
        known = self._whole.get(bare) or self._partly.get(bare)
        return known or self._asked(bare)

    def _asked(self, bare: bytes) -> _Told:
        text = readable(bare)
        found, whole = self._signatures.matching_but(text, self.full)
        shown = text[: 4 * _WIDEST].decode("utf-8", "replace")[:_WIDEST] if found else ""
        told = _Told(text, shown, is_mark(text), _KEY in text, found)
        known = self._whole if whole else self._partly
        if len(known) >= _REMEMBERED:
            known.clear()
        if len(bare) <= _WIDEST:
            known[bare] = told
        return told

    def anew(self) -> None:
        """Begin a step: nothing is full any more."""
        self._partly.clear()
        self.full.clear()


def _note_key(keys: list[tuple[int, int]], number: int, text: bytes) -> None:
    if b"END " in text and keys and number - keys[-1][0] <= _KEY_LINES:
        keys[-1] = (keys[-1][0], number)
    elif b"BEGIN " in text and len(keys) < _MOST:
        keys.append((number, number + _KEY_LINES))


def _settled(hits: list[Hit], step: Step) -> list[Hit]:
    """Keep little of a step that passed: only its tests may matter."""
    if step.errors:
        return hits
    seen: Counter[str] = Counter()
    kept = []
    for hit in hits:
        seen[hit.signature.id] += 1
        if hit.signature.role in KEPT or seen[hit.signature.id] <= _KEPT_OF_PASSED:
            kept.append(hit)
    return kept


def _thinned(hits: list[Hit], steps: list[Step]) -> list[Hit]:
    """Let go of what steps that passed said, but for their counts; of more than the most the first are kept."""
    return [hit for hit in hits if steps[hit.step].errors or hit.signature.role == "tally"][:_MOST]
