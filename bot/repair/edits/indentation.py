"""How the lines of a model's block are indented in the file: all further in or out alike, or by other characters."""

import math
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from itertools import pairwise

Shift = Callable[[str], str | None]
"""From an indentation of the model to the file's; None where it has none there."""


def indent_of(line: str) -> str:
    """The blanks and tabs that a line begins with."""
    return line[: len(line) - len(line.lstrip(" \t"))]


def shift_of(pairs: Sequence[tuple[str, str]], others: Iterable[str], file: Iterable[str]) -> Shift | None:
    """The one shift that takes every first of `pairs` to its second, or None.

    `others` are all indentations that the model writes, `file` all that the file has: they tell how much a step is
    where the pairs do not.
    """
    model, own = pairs[0]
    all_others = sorted(others)
    if own.endswith(model):
        added = own[: len(own) - len(model)]
        mixed = added and len(set("".join([added, *all_others]))) > 1
        if all(f == added + m for m, f in pairs) and not mixed:
            return lambda indent: added + indent
    if model.endswith(own):
        removed = model[: len(model) - len(own)]
        if all(m == removed + f for m, f in pairs):
            return lambda indent: indent.removeprefix(removed) if indent.startswith(removed) else None
    return _scaled(pairs, all_others, list(file))


def _scaled(pairs: Sequence[tuple[str, str]], others: Sequence[str], file: Sequence[str]) -> Shift | None:
    """A shift between steps of different characters, or of different widths where more than one depth shows that."""
    model_sign, own_sign = (_only_sign(texts) for texts in (others, [f for _, f in pairs]))
    depths = {len(m): len(f) for m, f in pairs}
    if not model_sign or not own_sign or any(depths[len(m)] != len(f) for m, f in pairs):
        return None
    (base, start), *more = sorted(depths.items())
    if more:
        rates = {Fraction(f - start, m - base) for m, f in more}
    else:  # by what a step seems to be, and by what it is if the model has indented nothing too far
        steps = _step(map(len, others), model_sign), _step(map(len, file), own_sign)
        rates = ({Fraction(steps[1], steps[0])} if all(steps) else set()) | ({Fraction(start, base)} if base else set())
    shifts = [{len(one): start + (len(one) - base) * rate for one in others} for rate in rates if rate > 0]
    whole = [s for s in shifts if all(depth.denominator == 1 and depth >= 0 for depth in s.values())]
    if not whole or any(s != whole[0] for s in whole) or (more and len(rates) > 1):
        return None
    known = {model_sign * width: own_sign * int(depth) for width, depth in whole[0].items()}
    return known.get


def _only_sign(texts: Iterable[str]) -> str:
    signs = set("".join(texts))
    return signs.pop() if len(signs) == 1 else ""


def _step(widths: Iterable[int], sign: str) -> int:
    """How many signs one level is; 0 where that cannot be told."""
    if sign == "\t":
        return 1
    told = sorted(set(widths))
    step = math.gcd(*(b - a for a, b in pairwise(told)))
    return step if step > 1 else 0
