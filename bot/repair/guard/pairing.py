"""Which test or helper before is which one after, over all files of a candidate: by place, by name, by what it says."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.repair.guard.facts import Facts, Unit
from bot.repair.guard.handed import short
from bot.repair.guard.kinds import shelves

FUZZY = 120  # units that are compared each with each to find a renamed one
SAME = 0.6  # share of common words from which two units count as one under another name
SIMILAR = 0.35  # the same for units that keep all their checks

Renamed = tuple[frozenset[str], frozenset[str]]
NOTHING: Renamed = (frozenset(), frozenset())
ANY_NAME = "(renamed)"

Key = tuple[str, str, int]
"""File, name, and which of that name in the file."""


@dataclass(slots=True)
class Side:
    """All units of one side, by place; those that have found their partner are taken out."""

    units: dict[Key, Unit] = field(default_factory=dict)

    @classmethod
    def of(cls, files: Mapping[str, Facts]) -> "Side":
        """Read them from the files of one side."""
        side = cls()
        for path, facts in files.items():
            seen: Counter[str] = Counter()
            for unit in facts.units:
                side.units[path, unit.name, seen[unit.name]] = unit
                seen[unit.name] += 1
        return side


Pair = tuple[tuple[str, Unit], tuple[str, Unit]]


def pairs_of(before: Side, after: Side, renamed: Renamed = NOTHING) -> list[Pair]:
    """Take out of both sides the units that are the same one, and return them: ((path, before), (path, after)).

    `renamed` are the names that the program defines no more, and those that it defines now.
    """
    found = [*_same_place(before, after), *_same_name(before, after), *_same_body(before, after)]
    return [*found, *_same_body(before, after, renamed)] if all(renamed) else found


def _same_place(before: Side, after: Side) -> list[Pair]:
    """Units of the same name in the same file; of several (overloads, sections) those that are most alike."""
    places: dict[tuple[str, str], tuple[list[Key], list[Key]]] = {}
    for number, side in enumerate((before, after)):
        for key in side.units:
            places.setdefault(key[:2], ([], []))[number].append(key)
    found = []
    for was, now in places.values():
        for a, b in _likest(was, now, before, after):
            found.append(((a[0], before.units.pop(a)), (b[0], after.units.pop(b))))
    return found


def _likest(was: Sequence[Key], now: Sequence[Key], before: Side, after: Side) -> list[tuple[Key, Key]]:
    if len(was) == len(now) == 1 or not 0 < len(was) * len(now) < FUZZY:
        return list(zip(was, now, strict=False))
    scored = [
        (alike(before.units[a], after.units[b]), -abs(i - j), a, b)
        for i, a in enumerate(was)
        for j, b in enumerate(now)
    ]
    found: dict[Key, Key] = {}
    for _, _, a, b in sorted(scored, reverse=True):
        if a not in found and b not in found.values():
            found[a] = b
    return [(a, found[a]) for a in was if a in found]


def _same_name(before: Side, after: Side) -> list[Pair]:
    """Units of the same name in another file: moved. A test moves only to where it is collected."""
    found = []
    by_name: dict[str, list[tuple[str, str, int]]] = {}
    for key in after.units:
        by_name.setdefault(short(key[1]), []).append(key)
    for key in list(before.units):
        unit = before.units[key]
        options = [k for k in by_name.get(short(key[1]), ()) if k in after.units]
        options = [k for k in options if after.units[k].collected or not unit.collected]
        options = [k for k in options if not shelves(key[0], k[0], collected=unit.collected)]
        if options:
            best = max(options, key=lambda k: (alike(unit, after.units[k]), k[0] == key[0]))
            found.append(((key[0], before.units.pop(key)), (best[0], after.units.pop(best))))
    return found


def _same_body(before: Side, after: Side, renamed: Renamed = NOTHING) -> list[Pair]:
    """Units that were renamed: most of their words are the same, when what they call was renamed, too."""
    old, new = list(before.units)[:FUZZY], list(after.units)[:FUZZY]
    told = [
        _called_alike([side.units[k] for k in keys], names)
        for side, keys, names in ((before, old, renamed[0]), (after, new, renamed[1]))
    ]
    scored = sorted(
        ((alike(told[0][i], told[1][j]), a[0] == b[0], i, j) for i, a in enumerate(old) for j, b in enumerate(new)),
        reverse=True,
    )
    found = []
    for score, _, i, j in scored:
        if score < SAME or old[i] not in before.units or new[j] not in after.units:
            continue
        if not shelves(old[i][0], new[j][0], collected=before.units[old[i]].collected):
            found.append(((old[i][0], before.units.pop(old[i])), (new[j][0], after.units.pop(new[j]))))
    return found


def _called_alike(units: Sequence[Unit], names: frozenset[str]) -> list[Unit]:
    """The units, with one word for all these names."""
    if not names:
        return list(units)
    return [replace(u, words=u.words - names | ({ANY_NAME} if u.words & names else frozenset())) for u in units]


def alike(a: Unit, b: Unit) -> float:
    """How alike two units are: common words; units whose checks are all kept count as alike with fewer of them."""
    common = len(a.words & b.words) / (len(a.words | b.words) or 1)
    kept = len(a.checks) > 1 and not Counter(c.key for c in a.checks) - Counter(c.key for c in b.checks)
    return max(common, SAME) if kept and common >= SIMILAR else common
