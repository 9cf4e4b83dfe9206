"""Comparing assertions: which one became which, and whether it still asks as much."""

import operator
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType

import re2

from bot.repair.guard.directives import words_of
from bot.repair.guard.facts import Check
from bot.repair.guard.operators import EQUAL, FLIPPED, SPECIFIC, STRONGER

OLD_STYLE = frozenset({"call:should", "call:must"})
"""Of RSpec's old style: what they ask stands in the words behind them."""
OLD_NOT = frozenset({"call:should_not", "call:must_not"})
SPOKEN = {"true": "true", "false": "false", "nil": "none"}
"""What stands there as a value, and which operator a newer style makes of it: `x.should be false`."""
NEGATIVE = re2.compile(r"^(?:not[-:].*|ne|is-not|falsy|false|none)$")
MESSAGE = re2.compile(r"\.\s*(?:getMessage|message|what)\b")
STATUS = "call:have_http_status"
SUPERTEST = "call:expect"
"""`request(app).get("/").expect(200, "tj")`: what is expected of an answer, by its arguments."""
SHOWN = frozenset({"call:toBeInTheDocument", "call:toBeVisible", "call:toBeInTheDOM"})
VAGUE = frozenset({"truthy", "not-none", "defined"})
LITERAL_OK = frozenset({("is", "eq")})  # with a literal on the other side both ask the same
NONE: Mapping[str, frozenset[str]] = MappingProxyType({})
NUMBER = re2.compile(r"^-?[0-9]{1,15}(?:\.[0-9]{1,15})?$")
INDEX = re2.compile(r"\[\s*-?[0-9]+\s*\]")
PLACE = re2.compile(r"(?:[.:](?:get|at|nth|elementAt)\(|\[)(-?[0-9]+)(?:\.0)?[)\]]")
"""A place that is asked for, by an index or a call."""
STRING = re2.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`")
MEMBER = re2.compile(STRING.pattern + r"|\w+(?:\.\w+)*")
UNORDERED = re2.compile(r"(?i)map|set|dict|hash|any|unordered|[:{]|=>|\b\w+ ?= ?|->|\bto\b")
"""What tells in an expectation that its members have names, or no order."""
WITHIN = {"gt": operator.gt, "ge": operator.ge, "lt": operator.lt, "le": operator.le}
CALLED = frozenset({"called-with", "called-once-with", "any-call", "nth-with", "last-with"})
LOOKED = re2.compile(
    r"\b(locator|textContent|innerText|inputValue|isVisible|\$|\$\$|get|find|contains|querySelector|querySelectorAll|find_element\w*|find_css|getElement\w*|"
    r"getBy\w+|findBy\w+|queryBy\w+|getAllBy\w+|get_by_\w+|by|css|xpath)\s*\(\s*('[^'\n]*'|\"[^\"\n]*\")"
)
"""Calls that look for an element of a page, and what for."""
CHANGES = frozenset({"call:change", "call:assert_difference", "call:assertDifference"})
SWALLOW = frozenset({"try", "raises"})
FEW = 12  # checks that read the same, up to which what their names stand for is compared
SEVERAL = 200  # checks that are compared each with each; above, only their order counts
ALIKE = 0.2  # share of common words below which two checks have nothing to do with each other


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a check breaks, where, and in which words."""

    rule: str
    line: int
    message: str


def pair(old: Sequence[Check], new: Sequence[Check]) -> tuple[list[tuple[Check, Check]], list[Check], list[Check]]:
    """Match checks before and after: (pairs, old ones that are gone, new ones that are left over).

    Those that read the same are matched first, then the most alike; a check that cannot fail matches nothing.
    """
    left = [c for c in new if not c.hollow]
    by_key: dict[tuple[str, str, str], tuple[list[Check], list[Check]]] = {}
    for check in (c for c in old if not c.hollow):
        by_key.setdefault(check.key, ([], []))[0].append(check)
    for check in left:
        by_key.setdefault(check.key, ([], []))[1].append(check)
    pairs = [found for was, now in by_key.values() for found in _of_one_key(was, now)]
    known = {id(o) for o, _ in pairs}
    open_old = [c for c in old if not c.hollow and id(c) not in known]
    used = {id(n) for _, n in pairs}
    open_new = [c for c in left if id(c) not in used]
    return _alike(pairs, open_old, open_new)


def _of_one_key(old: list[Check], new: list[Check]) -> list[tuple[Check, Check]]:
    """Match checks that read the same; what their names stand for tells `err` from `err`."""
    if min(len(old), len(new)) == 0 or max(len(old), len(new)) == 1 or max(len(old), len(new)) > FEW:
        return list(zip(old, new, strict=False))
    told = [[Counter((*c.subject_literals, *c.expected_literals)) for c in side] for side in (old, new)]
    scored = [((a & b).total(), -abs(i - j), i, j) for i, a in enumerate(told[0]) for j, b in enumerate(told[1])]
    found: dict[int, int] = {}
    for _, _, i, j in sorted(scored, reverse=True):
        if i not in found and j not in found.values():
            found[i] = j
    return [(old[i], new[j]) for i, j in sorted(found.items())]


def _alike(
    pairs: list[tuple[Check, Check]], old: list[Check], new: list[Check]
) -> tuple[list[tuple[Check, Check]], list[Check], list[Check]]:
    if len(old) > SEVERAL or len(new) > SEVERAL:
        count = min(len(old), len(new))
        return [*pairs, *zip(old, new, strict=False)], old[count:], new[count:]
    scored = [(_likeness(a, b), -abs(i - j), i, j) for i, a in enumerate(old) for j, b in enumerate(new)]
    taken_old: set[int] = set()
    taken_new: set[int] = set()
    for score, _, i, j in sorted(scored, reverse=True):
        if score > 0 and i not in taken_old and j not in taken_new:
            pairs.append((old[i], new[j]))
            taken_old.add(i)
            taken_new.add(j)
    gone = [c for i, c in enumerate(old) if i not in taken_old]
    return pairs, gone, [c for j, c in enumerate(new) if j not in taken_new]


def _likeness(old: Check, new: Check) -> float:
    """How much two checks look like one that was changed; 0 when they have nothing in common."""
    common = len(old.words & new.words) / (len(old.words | new.words) or 1)
    same_subject = old.subject == new.subject
    same_expected = old.expected == new.expected and bool(old.expected)
    same_expected |= bool(old.expected_literals) and old.expected_literals in {new.expected_literals, _shown(new)}
    if common < ALIKE and not same_subject and not (same_expected and old.op == new.op):
        return 0
    return 3.0 * same_subject + 2.0 * same_expected + (old.op == new.op) + 2 * common


def _shown(check: Check) -> tuple[str, ...]:
    """What must be seen on a page: `getByText("3")` that is in the document expects 3."""
    return check.subject_literals if check.op in SHOWN else ()


def judge_pair(
    old: Check,
    new: Check,
    helpers: Mapping[str, frozenset[str]] = NONE,
    fed: Callable[[str], bool] = lambda _: False,
) -> Iterator[Finding]:
    """Yield what a check lost on its way; nothing when it asks at least as much as before.

    `helpers` are functions of the candidate that assert, with the operators of their checks: a check may move into one.
    `fed` says of a literal that it is still there, although not in this check: in a fixture, behind a name.
    """
    verdict = "" if old.op in helpers.get(new.op, ()) else _operator(old, new)
    if verdict:
        yield Finding(verdict, new.line, f"asked `{_told(old)}`, asks `{_told(new)}`")
        return
    if old.op in EQUAL and (new.op == STATUS or _asked_itself(old, new)):
        return  # the number by its name, or a part by the check that is made for it
    more = new.lossy - old.lossy - ({"first"} if "[0]" in _places(old.subject) else set())
    more = frozenset(x for x in more if old.op != "raises" or " " in x or x == "choice")  # a call there is no part
    longer = new.expected.startswith(f"{old.expected},") and old.op in CALLED  # one more argument is looked at
    if more and not longer and (old.op == new.op or old.op in {"eq", "is", "eq-strict", "eq-deep", "eq-loose"}):
        yield Finding(
            "weakened-assertion", new.line, f"`{_told(new)}` ignores a part of the value ({', '.join(sorted(more))})"
        )
        return
    if _reaches_less(old, new):
        yield Finding("weakened-assertion", new.line, f"asked `{_told(old)}`, asks `{_told(new)}`")
        return
    yield from _tolerance(old, new)
    yield from _guards(old, new)
    if old.awaited and not (new.awaited or "await" in new.words):
        yield Finding("conditional-assertion", new.line, f"`{_told(new)}` is not awaited any more")
    lost = _lost_values(old, new, fed)
    if lost:
        yield Finding("changed-expectation", new.line, f"`{_told(new)}`: {lost}")


def _operator(old: Check, new: Check) -> str:
    if old.op == new.op:
        return ""
    if new.op in SHOWN and set(old.expected_literals) & set(new.subject_literals):
        return ""
    if old.op in EQUAL and new.op.startswith("call:assert") and _asked_itself(old, new):
        return ""
    if (old.op in OLD_STYLE and new.op not in VAGUE) or (old.op in OLD_NOT and NEGATIVE.search(new.op)):
        return ""
    if old.op in EQUAL | {"length"} and counts_change(old, new):
        return ""
    if old.op in EQUAL and _equal_in_other_words(old, new):
        return ""
    if old.op.startswith("call:") and (new.op.startswith("call:") or new.op in SPECIFIC):
        return ""
    if old.op in EQUAL and new.op == "match" and new.expected.startswith("matches !"):
        told = {*new.expected_literals, *new.subject_literals}
        return "" if old.expected_literals and told >= {*old.expected_literals} else "weakened-assertion"
    if (old.op, old.expected, new.op) == ("length", "0.0", "empty"):
        return ""
    if frozenset((old.op, new.op)) in FLIPPED:
        return "changed-expectation"
    if (old.op, new.op) in LITERAL_OK and not new.expected_literals:
        return "weakened-assertion"
    return "" if new.op in STRONGER.get(old.op, ()) else "weakened-assertion"


def _asked_itself(old: Check, new: Check) -> bool:
    """Whether what was asked of a part of an answer is a check of the answer itself: `$response->assertStatus(302)`."""
    head = old.subject.partition(" -> ")[0]
    told = {*new.expected_literals, *new.subject_literals}
    return head.startswith("$") and new.subject.startswith(f"{head} -> assert") and set(old.expected_literals) <= told


def counts_change(old: Check, new: Check) -> bool:
    """Whether `count == before + 1` became `change { count }.by(1)`."""
    numbers = {x for x in old.expected_literals if NUMBER.match(x)}
    told = {*new.expected_literals, *new.subject_literals}
    asked = {w for w in words_of(old.subject) if not w.isdigit()}
    return (
        new.op in CHANGES and bool(numbers) and numbers <= told and bool(asked & (new.words | words_of(new.expected)))
    )


def _equal_in_other_words(old: Check, new: Check) -> bool:
    """Whether what was compared is compared by a check of another kind."""
    if new.op == "subset":  # `error.code` is asked of the whole error
        return bool(words_of(old.subject.rpartition(".")[2]) & words_of(new.expected))
    if new.op == STATUS and "status" in old.subject:
        return _status(new.expected) == old.expected.removesuffix(".0")
    if new.op == "raises" and old.expected_literals and MESSAGE.search(old.subject):
        return True  # what was asked of a failure that was caught is asked of the one that is expected
    if new.op == "raises":  # the error that was compared is the one that is expected
        return old.expected == new.expected != ""
    told = {*new.expected_literals, *new.subject_literals}
    return new.op == SUPERTEST and bool(old.expected_literals) and told >= {*old.expected_literals}


def _status(symbol: str) -> str:
    """The number of a status by its name, as Rails writes it."""
    named = HTTPStatus.__members__.get(symbol.strip(": '").upper())
    return str(named.value) if named else symbol.removesuffix(".0")


def _reaches_less(old: Check, new: Check) -> bool:
    """`assert user.is_admin` became `assert user`: the rest of the expression was cut off."""
    rest = old.subject.removeprefix(new.subject)
    return (
        old.op == new.op
        and new.subject != ""
        and rest != old.subject
        and rest[:1] in {".", "(", "["}
        and not new.expected
    )


def _tolerance(old: Check, new: Check) -> Iterator[Finding]:
    before, after = dict(old.tolerances), dict(new.tolerances)
    distance, now = _distance(before), _distance(after)
    if before.keys() != after.keys() and distance is not None and now is not None and now <= distance:
        return  # the same in other words
    for name, value in after.items():
        if value > before.get(name, _default(name)):
            yield Finding("loosened-tolerance", new.line, f"`{_told(new)}` accepts a larger difference ({name})")
    for name, value in before.items():
        if name not in after and _default(name) > value:
            yield Finding("loosened-tolerance", new.line, f"`{_told(new)}` lost its {name}")


def _distance(tolerances: Mapping[str, float]) -> float | None:
    """How far a value may be off, told in digits or as a distance; None when it is told otherwise, or twice."""
    if len(tolerances) != 1:
        return None
    ((name, value),) = tolerances.items()
    if name in DIGITS and abs(value) < MOST_DIGITS:
        return float(0.5 * 10**value)
    return value if name in DISTANCES else None


def _default(name: str) -> float:
    return DEFAULT_TOLERANCES.get(name, 0.0)


DIGITS = frozenset({"places", "digits", "decimal"})
DISTANCES = frozenset({"abs", "delta", "distance", "atol", "abs_tol", "bound"})
MOST_DIGITS = 100
# What a comparison accepts when nothing is said, in the same sense as Check.tolerances (larger is looser).
DEFAULT_TOLERANCES = {
    "rel": 1e-6,
    "abs": 1e-12,
    "rtol": 1e-7,
    "rel_tol": 1e-9,
    "places": -7.0,
    "decimal": -6.0,
    "significant": -7.0,
    "digits": -2.0,
}


def _guards(old: Check, new: Check) -> Iterator[Finding]:
    more = Counter(new.guards) - Counter(old.guards)
    if more.keys() & SWALLOW:
        yield Finding("swallowed-failure", new.line, f"the failure of `{_told(new)}` is caught")
    elif more:
        yield Finding("conditional-assertion", new.line, f"`{_told(new)}` does not run always any more")


def _lost_values(old: Check, new: Check, fed: Callable[[str], bool]) -> str:
    """Say which value is fed or expected no longer; a value that changed sides (`6 == f()`) is not lost."""
    lost = Counter((*old.expected_literals, *old.subject_literals))
    lost -= Counter((*new.expected_literals, *new.subject_literals))
    if (old.op, new.op) == ("length", "empty"):
        lost -= Counter(("0.0",))
    if old.op in OLD_STYLE:
        lost -= Counter(value for value, op in SPOKEN.items() if op == new.op)
    unexpected = (Counter(old.expected_literals) - Counter(new.expected_literals)) & lost
    unexpected = Counter(x for x in unexpected if not _as_keyword(x, Counter(new.expected_literals)))
    texts = {_plain(y) for y in new.expected_literals}
    named = old.expected == new.expected
    unexpected = Counter(x for x in unexpected if _plain(x) not in texts and not (named and fed(x)))
    if old.op != new.op:
        unexpected = Counter(x for x in unexpected if not any(x.strip("'\"") in y for y in new.expected_literals))
    elif new.op == "in":
        unexpected = Counter(x for x in unexpected if not any(_is_part(x, y) for y in new.expected_literals))
    counted = old.op == "length" and new.op in EQUAL | {"same-items"} and new.expected_literals
    if unexpected and not counted and not _bounds_more(old, new) and "bound" not in dict(new.tolerances):
        return f"{next(iter(unexpected))} is not expected any more"
    if new.elements < old.elements and new.op == old.op:
        return "fewer members are expected"
    if _is_reordered(old, new):
        return "another order is expected"
    came = Counter(new.subject_literals) - Counter(old.subject_literals)
    keywords = {name for name, is_keyword in map(_keyword, came) if is_keyword}
    found_anew = _is_found_anew(old, new)
    keys = [[x for x in side if x.startswith("key ")] for side in (lost, came)]
    renamed = keys[0] if len(keys[0]) == len(keys[1]) == lost.total() == came.total() == 1 else []
    bare = {y.strip("'\"`") for y in new.expected_literals if not NUMBER.match(y)}
    for literal in (Counter(old.subject_literals) - Counter(new.subject_literals)) & lost:
        if not came and (_is_index(literal, old, new) or literal.strip("'\"`") in bare):
            continue
        name, is_keyword = _keyword(literal)
        if literal in found_anew or (literal in renamed and literal not in new.words):
            continue
        if ((name in keywords) if is_keyword else not _as_keyword(literal, came)) and not fed(literal):
            return f"{literal} is not what is tested any more"
    return ""


def _is_reordered(old: Check, new: Check) -> bool:
    """Whether the same members are expected in another order, of a value that keeps them in order."""
    was, now = (MEMBER.findall(c.expected) for c in (old, new))
    same = old.op == new.op and old.op in EQUAL and old.subject == new.subject and not new.lossy
    return same and was != now and Counter(was) == Counter(now) and not UNORDERED.search(STRING.sub("", old.expected))


def _bounds_more(old: Check, new: Check) -> bool:
    """Whether the same side of a value is bounded, at least as tightly as before; or the value is told, within."""
    was, now = (c.expected.replace("- ", "-") for c in (old, new))
    if not (NUMBER.match(was) and NUMBER.match(now)):
        return False
    if new.op in EQUAL and old.op in WITHIN and old.subject == new.subject:
        return bool(WITHIN[old.op](float(now), float(was)))
    if old.op != new.op:
        return False
    return float(now) >= float(was) if new.op in {"gt", "ge"} else new.op in {"lt", "le"} and float(now) <= float(was)


def _plain(literal: str) -> str:
    """A literal as one of bytes or text, of a whole number or one with a point."""
    return literal.removeprefix("b").removesuffix(".0")


def _is_part(old: str, new: str) -> bool:
    """Whether a text that is looked for is part of a longer one of several words: that is not the member of a list."""
    return old[:1] in {"'", '"'} and " " in new and old.strip("'\"") in new


def _is_index(literal: str, old: Check, new: Check) -> bool:
    """Whether a number only told the place of a value that is reached in another way now, not what was asked."""
    return INDEX.search(new.subject) is None and f"[{literal.removesuffix('.0')}]" in _places(old.subject)


def _is_found_anew(old: Check, new: Check) -> frozenset[str]:
    """What an element of a page was looked for by, where it is looked for in another way and asked the same."""
    was, now = (dict(LOOKED.findall(c.subject)) for c in (old, new))
    same = (old.op == new.op or {old.op, new.op} <= EQUAL) and old.expected == new.expected != ""
    return frozenset(was.values()) if same and was and now and not was.keys() & now.keys() else frozenset()


def _places(subject: str) -> str:
    """What is looked at, without blanks, and places in brackets however they are asked for."""
    told: str = PLACE.sub(r"[\1]", "".join(subject.split()))
    return told


def _keyword(literal: str) -> tuple[str, bool]:
    """Split `name=value`; (literal, False) when it is no keyword argument."""
    name, sign, _ = literal.partition("=")
    return (name, True) if sign and name.isidentifier() else (literal, False)


def _as_keyword(literal: str, came: Counter[str]) -> bool:
    """Whether a positional argument came back as a keyword argument."""
    return any(c.partition("=")[2] == literal for c in came)


def _told(check: Check) -> str:
    text = f"{check.op} {check.subject} {check.expected}".strip()
    return text if len(text) <= 80 else f"{text[:77]}..."
