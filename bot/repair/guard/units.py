"""Comparing the tests of a candidate before and after, over all its files, so that a moved test is known again."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.repair.guard.checks import CALLED, judge_pair, pair
from bot.repair.guard.directives import words_of
from bot.repair.guard.facts import Check, Facts, Mark, Unit
from bot.repair.guard.findings import Finding
from bot.repair.guard.follows import FOLLOWS, Program, Swap, follows, rows_follow, swap_of, tells
from bot.repair.guard.handed import Handed, heads_of, means_the_same, short
from bot.repair.guard.idioms import (
    is_error,
    is_rendered_anew,
    is_seen,
    said_by_setup,
    said_otherwise,
    spare_errors,
)
from bot.repair.guard.joined import Joined, in_case, provided
from bot.repair.guard.kinds import shelves
from bot.repair.guard.mirrored import Mirrored
from bot.repair.guard.operators import EQUAL
from bot.repair.guard.pairing import FUZZY, Pair, Side, pairs_of
from bot.repair.guard.tables import holds, in_order, lost_rows

NOT_IN_NEW = frozenset({"mocked-subject", "swallowed-failure", "early-exit", "conditional-assertion", "suppression"})
"""Rules whose marks say nothing in a test that did not exist before."""


NOTHING = frozenset[str]()


@dataclass(slots=True)
class _Loose:
    """Checks that have no partner yet: (path, unit, check), and what may take them in."""

    gone: list[tuple[str, Unit, Check]] = field(default_factory=list)
    extra: list[tuple[str, Unit, Check]] = field(default_factory=list)
    late: list[tuple[Finding, Swap]] = field(default_factory=list)
    """Expectations that changed, and in which literals: the program may say so to another check."""
    owners: dict[int, Unit] = field(default_factory=dict)
    """The tests in which checks that are gone stood, by the id of the check."""


DISABLED = "disabled-test"
ALWAYS, NEVER = "always ", "own "
"""How keys of marks begin that count in new units whatever their rule, or never count there."""
FAKES = frozenset({"Mock", "MagicMock", "AsyncMock", "NonCallableMock", "create_autospec", "SimpleNamespace"})
Helpers = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class _After:
    """What all of the new side says to the judgement of a test.

    `asked` are the checks of helpers, by the name that a call of them has as a check; `renamed` the new names of
    tests; `nested` the names of units that have tests in them; `overloads` the literals in helpers that call another
    one of their name.
    """

    helpers: Helpers
    handed: Handed
    asked: Mapping[str, Sequence[Check]]
    renamed: Mapping[str, str]
    nested: frozenset[str]
    overloads: Mapping[str, frozenset[str]]
    program: Program
    still_run: frozenset[str]
    """Tests (`test_crc ( )`) that the programs of tests in C list as often as before, one or another of them."""
    swaps: set[Swap] = field(default_factory=set)
    """Literals for others in checks whose expectation follows the program."""

    @classmethod
    def of(
        cls, old: Mapping[str, Facts], new: Mapping[str, Facts], pairs: Sequence[Pair], program: Program
    ) -> "_After":
        units = [u for facts in new.values() for u in facts.units]
        asked = {f"call:{short(u.name)}": u.checks for u in units if not u.collected and u.checks}
        renamed = {a.name: b.name for (_, a), (_, b) in pairs if a.collected and b.collected and a.name != b.name}
        nested = frozenset(u.name.rpartition(" > ")[0] for u in units if u.collected)
        counts = Counter(u.name for u in units)
        handing = [u for u in units if not u.collected and counts[u.name] > 1 and short(u.name) in map(short, u.calls)]
        overloads = {u.name: frozenset(text for text, _ in u.literals) for u in handing}
        return cls(
            _helpers(new),
            Handed.of(old, new),
            asked,
            renamed,
            nested,
            overloads,
            program,
            _still_run(_runs(old), _runs(new)),
        )

    def left(self, old: Check, new: Check, unit: Unit) -> Check:
        """What `old` asks beside what the helper that `new` calls, or an overload of its unit, expects by itself."""
        lost = Counter(old.expected_literals) - Counter((*new.expected_literals, *new.subject_literals))
        heads = heads_of(old.subject)
        own = [c for c in self.asked.get(new.op, ()) if c.op == old.op and not c.guards and heads & heads_of(c.subject)]
        handed = {x.strip("'\"").removesuffix(".0") for x in lost} <= self.overloads.get(unit.name, NOTHING)
        if not lost or not (handed or any(lost <= Counter(c.expected_literals) for c in own)):
            return old
        return replace(old, expected_literals=tuple((Counter(old.expected_literals) - lost).elements()))


def compare(
    old: Mapping[str, Facts],
    new: Mapping[str, Facts],
    program: Program,
) -> Iterator[Finding]:
    """Yield what the tests of a candidate lost. The mappings go from path to facts; a missing path is no file."""
    old, new = ({path: replace(f, units=provided(f.units)) for path, f in side.items()} for side in (old, new))
    helpers = (u for facts in new.values() for u in facts.units if not u.collected)
    program = replace(program, reworked=program.reworked.through(helpers))
    before, after = Side.of(old), Side.of(new)
    pairs = pairs_of(before, after, program.reworked.renamed)
    loose = _Loose()
    known = _After.of(old, new, pairs, program)
    for (_, old_unit), (path, unit) in pairs:
        yield from _judge(old_unit, path, unit, loose, known)
    yield from (one for one, swap in loose.late if not (swap in known.swaps and tells(swap)))
    usual = {(p, m.message) for p, f in old.items() for u in f.units for m in u.marks if m.rule == DISABLED}
    for (path, _, _), unit in after.units.items():
        held = any(m.conditional for m in unit.marks)  # it cannot stand in for a test that ran everywhere
        loose.extra += [(path, unit, c) for c in unit.checks if not (c.hollow or held)]
        told = (m for m in unit.marks if m.rule not in NOT_IN_NEW or m.key.startswith(ALWAYS))
        asks = any(not c.hollow for c in unit.checks)
        told = (m for m in told if not (m.rule == "hollow-assertion" and asks and not m.key.startswith(ALWAYS)))
        told = (m for m in told if not (m.key.startswith(NEVER) or m.conditional or (path, m.message) in usual))
        yield from (Finding(m.rule, path, m.line, m.message) for m in told)
    yield from _faked_by_hooks(old, new)
    held_back = {id(u) for u in after.units.values() if any(m.conditional for m in u.marks)}
    joined = Joined([unit for facts in new.values() for unit in facts.units if id(unit) not in held_back])
    for (path, _, _), unit in before.units.items():
        if unit.collected and (joined.takes(unit) or _merged(path, unit, loose)):
            continue
        if unit.checks and all(_is_about(c, program.gone.get(path, NOTHING)) for c in unit.checks):
            continue
        if unit.collected:
            yield Finding("deleted-test", path, unit.line, f"{unit.name} is gone", old=True)
        else:
            loose.gone += [(path, unit, c) for c in unit.checks if not c.hollow]
    called = {short(name) for facts in new.values() for unit in facts.units for name in unit.calls}
    yield from _homeless(loose, called, known)


def _faked_by_hooks(old: Mapping[str, Facts], new: Mapping[str, Facts]) -> Iterator[Finding]:
    """What hooks and fixtures replace by fakes now, although a test of the same file calls just that."""
    for path, facts in new.items():
        before = {p for u in (old[path].units if path in old else ()) for p in u.patches}
        for hook in (u for u in facts.units if not u.collected and path in old):
            for target in sorted(hook.patches - before):
                tested = next((u for u in facts.units if u.collected and _is_called(target, u.calls)), None)
                if tested is not None:
                    told = f"{target}, which {tested.name} tests, is replaced by a fake"
                    yield Finding("mocked-subject", path, hook.line, told)


def _is_about(check: Check, gone: frozenset[str]) -> bool:
    """Whether a check asks what code that is gone gives back."""
    return check.subject.partition("(")[0].strip() in gone and "(" in check.subject


def _merged(path: str, old: Unit, loose: _Loose) -> bool:
    """Whether tests have taken in all that a test asked, which makes it a part of them; takes those checks out."""
    asked = [c for c in old.checks if not c.hollow]
    homes = [row for row in loose.extra if row[1].collected and not shelves(path, row[0], collected=True)]
    pairs, gone, _ = pair(asked, [c for _, _, c in homes])
    if not asked or gone or any(True for before, after in pairs for _ in judge_pair(before, after)):
        return False
    units = {id(c): unit for _, unit, c in homes}
    if not all(means_the_same(before, old, units[id(after)]) for before, after in pairs):
        return False
    taken = {id(after) for _, after in pairs}
    loose.extra = [row for row in loose.extra if id(row[2]) not in taken]
    return True


def _tabled(old: Unit, new: Unit) -> bool:
    """Whether a test that asked several values became one that asks them case by case."""
    asked = [c for c in old.checks if not c.hollow]
    if old.cases or not new.cases or len(asked) < 2 or len(new.cases) < len(asked):
        return False
    heirs = [c for c in new.checks if not c.guards and not c.lossy and not c.hollow]
    left = list(new.cases[:FUZZY])
    for check in asked:
        case = next(
            (
                x
                for x in left
                if any(h.op == check.op and holds(check, h, x) and in_order(check, h, x, new) for h in heirs)
            ),
            None,
        )
        if case is None:
            return False
        left.remove(case)
    return True


def _judge(old: Unit, path: str, new: Unit, loose: _Loose, known: _After) -> Iterator[Finding]:
    came = surplus(old.marks, new.marks)
    told = (m for m in came if not (m.rule == "hollow-assertion" and _only_grown(old, new)))
    yield from (Finding(m.rule, path, m.line, m.message) for m in told)
    if old.collected and not new.collected:
        yield Finding(DISABLED, path, new.line, f"{old.name} is not found by the runner any more (now {new.name})")
    if _emptied(old, new) and not (old.checks and new.name in known.nested):
        yield Finding("emptied-test", path, new.line, f"{old.name} does nothing any more")
        return
    if not _tabled(old, new):
        yield from _paired(old, path, new, loose, known)
        yield from _cases(old, path, new, known)
    for target in sorted(p for p in new.patches - old.patches if _is_called(p, new.calls) or _is_asked(p, new)):
        yield Finding("mocked-subject", path, new.line, f"{target}, which {new.name} tests, is replaced by a fake")
    called = Counter(new.calls)
    called.subtract(old.calls)
    gone = (
        name for name, more in called.items() if more < 0 and short(name)[:1].isupper() and short(name) not in FAKES
    )
    lost = next(gone, "")
    if lost and any(short(name) in FAKES for name, more in called.items() if more > 0):
        yield Finding("mocked-subject", path, new.line, f"{lost} is replaced by a fake in {new.name}")
    if not new.collected and Counter(old.values) - Counter(new.values):
        lost = next(iter(Counter(old.values) - Counter(new.values)))
        yield Finding("changed-expectation", path, new.line, f"{new.name} does not give {lost} any more")


def _paired(old: Unit, path: str, new: Unit, loose: _Loose, known: _After) -> Iterator[Finding]:
    """Yield what the checks of a test lost; those that are gone or came are put aside."""
    pairs, gone, extra = pair(old.checks, new.checks)
    rendered = is_rendered_anew(old, new)
    spread = not old.cases and any(in_case(old, new, case) for case in new.cases)
    for before, after in pairs:

        def fed(literal: str, after: Check = after) -> bool:
            looked = replace(after, subject=f"{after.subject} {after.expected}")
            return known.handed.feeds(literal, old, new, looked) or said_by_setup(literal, old, new, after)

        found = judge_pair(known.left(before, after, new), after, known.helpers, fed)
        same = spread or _says_anew(before, after, known.program.mirrored)
        told = (f for f in found if not (same and f.rule == "changed-expectation"))
        left = [f for f in told if not (rendered and f.rule in FOLLOWS and is_seen(before, [after]))]
        if left and all(f.rule == "changed-expectation" for f in left) and _parted(before, after, extra, known):
            left = []
        if left and follows(before, after, new, known.program):
            known.swaps.add(swap_of(before, after))
            left = [f for f in left if f.rule not in FOLLOWS]
        lost = [Finding(f.rule, path, f.line, f.message) for f in left]
        loose.late += [(f, swap_of(before, after)) for f in lost if f.rule == "changed-expectation"]
        yield from (f for f in lost if f.rule != "changed-expectation")
    spare = spare_errors(old, new)
    for check in gone:
        heir = next((c for c in extra if rendered and is_seen(check, [c])), None)
        if heir is not None:
            extra.remove(heir)
            continue
        if spare and is_error(check):
            spare -= 1
        elif not (_is_twin(check, old.checks) or said_otherwise(check, old, new) or _is_kind(check, new, known)):
            loose.gone.append((path, new, check))
            loose.owners[id(check)] = old
    loose.extra += [(path, new, c) for c in extra]


def _parted(old: Check, after: Check, extra: Sequence[Check], known: _After) -> bool:
    """Whether an assertion became two: what one lost the other expects, or hands to what does something else now."""
    lost = Counter((*old.subject_literals, *old.expected_literals))
    lost -= Counter((*after.subject_literals, *after.expected_literals))
    reworked = words_of(old.subject) & known.program.reworked.names if known.program.by_people else NOTHING
    for check in (c for c in extra if c.op in EQUAL and not (c.hollow or set(c.guards) - set(old.guards))):
        if not lost or old.elements > after.elements + check.elements:
            continue
        if old.op in CALLED and lost <= Counter(check.expected_literals):  # the calls of a fake were recorded
            return True
        handed = not lost - Counter(check.subject_literals) and old.expected == after.expected
        if handed and reworked & words_of(check.subject) and check.line < after.line:
            return True
    return False


def _is_kind(check: Check, new: Unit, known: _After) -> bool:
    """Whether the text of an error of Go gave way to its kind, with the program: `errors.Is(err, ErrSyntax)`."""
    base, dot, rest = check.subject.rpartition(" . Error")
    kinds = (c for c in new.checks if c.op == "eq" and c.subject == base and c.expected and not c.expected_literals)
    told = bool(dot) and rest.strip() == "( )" and any(kinds)
    return told and known.program.by_people and known.program.reworked.answers(check, new)


def _only_grown(old: Unit, new: Unit) -> bool:
    """Whether a test asks more than before, and calls all that it called: then what cannot fail takes nothing away."""
    asked, asks = ([c for c in unit.checks if not c.hollow] for unit in (old, new))
    return len(asks) > len(asked) and not Counter(old.calls) - Counter(new.calls)


def _says_anew(old: Check, new: Check, mirrored: Mirrored) -> bool:
    """Whether a check asks the same in the words that the program has now."""
    told = [(*c.subject_literals, *c.expected_literals) for c in (old, new)]
    return old.op == new.op and new.elements >= old.elements and mirrored.shows(*told)


def _is_twin(check: Check, others: Sequence[Check]) -> bool:
    """Whether the same was asked on the line before, of something that no call could have changed in between."""
    return "(" not in check.subject and any(c.key == check.key and abs(c.line - check.line) == 1 for c in others)


def surplus(old: Sequence[Mark], new: Sequence[Mark]) -> list[Mark]:
    """The marks of which there are more after than before."""
    left = Counter((m.rule, m.key) for m in old)
    found = []
    for mark in new:
        if left[mark.rule, mark.key] > 0:
            left[mark.rule, mark.key] -= 1
        else:
            found.append(mark)
    return found


def _emptied(old: Unit, new: Unit) -> bool:
    """A test that did something does nothing, or one without assertions makes less than half of its calls."""
    if not old.collected or not old.weight:
        return False
    return new.weight == 0 or (not old.checks and 2 * len(new.calls) < len(old.calls))


def _is_called(target: str, calls: Sequence[str]) -> bool:
    """Whether a faked `pkg.module.name` is what the test calls: the last two parts agree, or the method of a class."""
    owner, _, name = target.replace(".prototype.", ".").rpartition(".")
    owner = owner.rpartition(".")[2]
    for call in calls:
        where = ""
        for called in call.split("."):
            if called == name and (owner[:1].isupper() or where == owner):
                return True
            where = called
    return False


def _is_asked(target: str, unit: Unit) -> bool:
    """Whether a faked `pkg.module.Class.name` is what the test asks for, of a class of a module that it calls."""
    owner, _, name = target.rpartition(".")
    module, _, kind = owner.rpartition(".")
    called = {call.rpartition(".")[0] for call in unit.calls}
    return kind[:1].isupper() and module in called and any(name in c.words for c in unit.checks)


def _cases(old: Unit, path: str, new: Unit, known: _After) -> Iterator[Finding]:
    lost = lost_rows(old.cases, new.cases, known.renamed)
    lost = Counter({row: count for row, count in lost.items() if row not in known.still_run})
    came = lost_rows(new.cases, old.cases, known.renamed)
    if not lost or (lost.total() == came.total() and known.program.mirrored.shows(lost.elements(), came.elements())):
        return
    if rows_follow(lost, came, new, known.program):
        return
    shown = next(iter(lost))[:60]
    if len(new.cases) < len(old.cases):
        yield Finding("removed-case", path, new.line, f"{new.name} does not run with {shown} any more")
    else:
        yield Finding("changed-expectation", path, new.line, f"{new.name} runs with other values than {shown}")


def _still_run(old: Counter[str], new: Counter[str]) -> frozenset[str]:
    return frozenset(row for row, count in new.items() if count >= old[row])


def _runs(files: Mapping[str, Facts]) -> Counter[str]:
    units = [u for facts in files.values() for u in facts.units]
    return Counter(row for u in units for row in u.cases if row.endswith(" ( )"))


def _helpers(files: Mapping[str, Facts]) -> Helpers:
    """The functions of the candidate that tests call and that assert: `call:NAME` to the operators of their checks."""
    found: dict[str, frozenset[str]] = {}
    for unit in (u for facts in files.values() for u in facts.units if not u.collected):
        ops = frozenset(c.op for c in unit.checks if not c.hollow and not c.guards)
        found[f"call:{short(unit.name)}"] = found.get(f"call:{short(unit.name)}", frozenset()) | ops
    return found


def _homeless(loose: _Loose, called: set[str], known: _After) -> Iterator[Finding]:
    """Checks that left their unit: accepted when they are now in another test, or in a function that is called."""
    homes = [c for _, u, c in loose.extra if u.collected or short(u.name) in called or u.name == "<module>"]
    itself = {id(c) for _, u, c in loose.extra if c.op == f"call:{short(u.name)}"}  # that asks nothing
    homes = [c for c in homes if id(c) not in itself]
    pairs, _, _ = pair([c for _, _, c in loose.gone], homes)
    kept = {id(before): list(judge_pair(before, after, known.helpers)) for before, after in pairs}
    homed = {id(c): u for _, u, c in loose.extra}
    for before, after in pairs:
        if follows(before, after, homed[id(after)], known.program):
            kept[id(before)] = [f for f in kept[id(before)] if f.rule not in FOLLOWS]
    lent = {c: u for _, u, c in loose.extra if not u.collected and not c.guards and u.name != "<module>"}
    helper = {id(c): u for c, u in lent.items()}
    heirs = {id(before): after for before, after in pairs}
    for path, unit, check in loose.gone:
        found = kept.get(id(check))
        owner = loose.owners.get(id(check), unit)
        mine = [(c, u) for c, u in lent.items() if short(u.name) in unit.calls and _is_asked_there(check, c, owner, u)]
        if found != [] and any(_takes_over(check, c, unit) for c, _ in mine):
            continue
        heir = heirs.get(id(check))
        handed_over = found and {f.rule for f in found} == {"changed-expectation"} and _hands_over(unit, check)
        if handed_over and heir is not None and id(heir) in helper:
            handed_over = _is_asked_there(check, heir, owner, helper[id(heir)])
        if found is None or (found and not handed_over):
            told = f"`{check.op} {check.subject[:60]}` of {unit.name} is gone"
            yield Finding("removed-assertion", path, unit.line, told)


def _is_asked_there(old: Check, new: Check, owner: Unit, helper: Unit) -> bool:
    """Whether the check of a helper is about what the test asked, by names that mean the same there."""
    asked = heads_of(old.subject)
    return bool(asked) and asked <= heads_of(new.subject) and means_the_same(old, owner, helper)


def _takes_over(old: Check, new: Check, unit: Unit) -> bool:
    """Whether a helper that a test calls asks what the test asked, of values that the test hands over."""
    handed = replace(old, subject_literals=new.subject_literals) if old.subject == new.subject else old
    rules = {f.rule for f in judge_pair(handed, new)}
    return old.op == new.op and (not rules or (rules == {"changed-expectation"} and _hands_over(unit, old)))


def _hands_over(unit: Unit, check: Check) -> bool:
    """Whether the expected values are still in the test: as arguments of the helper that now asserts."""
    return words_of(" ".join(x.removesuffix(".0") for x in check.expected_literals)) <= unit.words
