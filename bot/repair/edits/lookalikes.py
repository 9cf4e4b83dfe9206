"""Typographic characters that models write for plain ones, and the other way round: quotes, dashes, blanks."""

from collections.abc import Sequence
from difflib import SequenceMatcher

PLAIN = {
    "'": "\u2018\u2019\u201a\u201b\u2032\u00b4\u02bc",
    '"': "\u201c\u201d\u201e\u201f\u2033",
    "-": "\u2010\u2011\u2012\u2013\u2014\u2015\u2212",
    " ": "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
}
AROUND = 4  # characters that stay the same, for one of them to be known again
ALIKE = 0.6  # how much so a line and the one in its place must be
FOLD = {ord(odd): plain for plain, many in PLAIN.items() for odd in many}


def folded(line: str) -> str:
    """The line with plain characters: as many as before, each in its place."""
    return line.translate(FOLD)


def own_characters(
    search: Sequence[str], replace: Sequence[str], own: Sequence[str], kept: frozenset[str]
) -> list[str] | None:
    """`replace` with the file's characters in its lines; None where it is in doubt which they are.

    `own` are the file's lines, equal to `search` when folded. Lines that are `kept` are for others to render.
    """
    curls = any(
        o in PLAIN and m not in PLAIN
        for pair in zip(search, own, strict=True)
        for m, o in zip(*pair, strict=True)
        if m != o
    )
    lines = list(replace)
    for op, i1, i2, j1, j2 in SequenceMatcher(None, search, replace, autojunk=False).get_opcodes():
        if op == "equal":
            lines[j1:j2] = own[i1:i2]
            continue
        if i2 - i1 == j2 - j1:
            told = [_merged(search[i1 + n], own[i1 + n], replace[j1 + n]) for n in range(i2 - i1)]
        else:
            same = search[i1:i2] == own[i1:i2]
            told = [line if same else None for line in replace[j1:j2]]
        for j, line in zip(range(j1, j2), told, strict=True):
            if replace[j] in kept:
                continue
            if line is None or (curls and line != folded(line)):  # nobody knows which of these it means
                return None
            lines[j] = line
    return lines


def _merged(model: str, own: str, new: str) -> str | None:
    """A changed line, with the file's characters where what is around them has not changed; None where it has."""
    odd = [n for n, (m, o) in enumerate(zip(model, own, strict=True)) if m != o]
    if any(model.count(sign) != new.count(sign) for sign in {model[n] for n in odd}):
        return None
    matcher = SequenceMatcher(None, model, new, autojunk=False)
    if odd and matcher.ratio() < ALIKE:
        return None
    blocks = matcher.get_matching_blocks()
    moved = {a + n: b + n for a, b, size in blocks if size >= AROUND for n in range(size)}
    characters = list(new)
    for n in odd:
        if n not in moved:
            return None
        characters[moved[n]] = own[n]
    return "".join(characters)
