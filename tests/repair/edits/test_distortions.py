"""Random edits of random files, distorted as models distort them: what comes out is what the true edit gives, or a
refusal. Nothing else is ever raised.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from bot.errors import Misfit
from bot.repair.edits import apply_edits, parse
from bot.repair.edits.lookalikes import FOLD
from tests.repair.edit_cases import answer, block

WORDS = ("a = 1", "b = f(a)", "if a:", "return a", "}", '# it\'s "a" - b', "f(a, b)", "else:", "print('a')", "end")
CURLY = {"'": "\u2019", '"': "\u201d", "-": "\u2013", " ": "\u00a0"}
INDENTS = ("", "    ", "        ", "            ")

contents = st.sampled_from(WORDS) | st.integers(0, 30).map(lambda n: f"call_{n}(x, {n})")
line = st.tuples(st.sampled_from(INDENTS), contents).map("".join)
blank = st.just("")
file_lines = st.lists(st.one_of(line, line, line, line, blank), min_size=3, max_size=25)


class TrueEdit(NamedTuple):
    """A true edit: the file, the lines from `start` to `end`, and what takes their place."""

    lines: tuple[str, ...]
    start: int
    end: int
    new: tuple[str, ...]

    @property
    def old(self) -> tuple[str, ...]:
        return self.lines[self.start : self.end]


@st.composite
def edits(draw: st.DrawFn) -> TrueEdit:
    """An edit that changes, drops and adds single lines of a stretch, as edits do."""
    lines = draw(file_lines)
    start = draw(st.integers(0, len(lines) - 1))
    end = draw(st.integers(start + 1, min(len(lines), start + 10)))
    new: list[str] = []
    for one in lines[start:end]:
        what = draw(st.sampled_from(("keep", "keep", "keep", "keep", "change", "drop", "add")))
        new += [one] if what in {"keep", "add"} else []
        if what in {"change", "add"}:
            deeper = draw(st.sampled_from(("", "    ")))
            new.append(deeper + one[: len(one) - len(one.lstrip())] + draw(contents) + " new")
    assume(any(lines[n].strip() for n in range(start, end)))
    return TrueEdit(tuple(lines), start, end, tuple(new))


Lines = Sequence[str]
Distortion = Callable[[st.DataObject, TrueEdit], tuple[Lines, Lines, Lines]]
"""Gives the file, and both parts of the block, as distorted."""


def each(lines: Lines, change: Callable[[str], str]) -> list[str]:
    return [change(one) if one.strip() else one for one in lines]


def common(one: Lines, other: Lines) -> int:
    """With how many equal lines both begin."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def swapped(text: str, table: Mapping[str, str]) -> str:
    return "".join(table.get(character, character) for character in text)


def nothing(data: st.DataObject, e: TrueEdit) -> tuple[Lines, Lines, Lines]:
    return e.lines, e.old, e.new


def shifted_in(data: st.DataObject, e: TrueEdit) -> tuple[Lines, Lines, Lines]:
    more = " " * data.draw(st.integers(1, 8))
    return e.lines, each(e.old, lambda one: more + one), each(e.new, lambda one: more + one)


def shifted_out(data: st.DataObject, e: TrueEdit) -> tuple[Lines, Lines, Lines]:
    least = min(len(one) - len(one.lstrip()) for one in (*e.old, *e.new) if one.strip())
    assume(least)
    return e.lines, each(e.old, lambda one: one[least:]), each(e.new, lambda one: one[least:])


def tabs(data: st.DataObject, e: TrueEdit) -> tuple[Lines, Lines, Lines]:
    def tabbed(one: str) -> str:
        return "\t" * ((len(one) - len(one.lstrip())) // 4) + one.lstrip()

    assume(any(one.startswith(" ") for one in e.old))  # else nothing shows that the new lines are odd
    if data.draw(st.booleans()):
        return e.lines, each(e.old, tabbed), each(e.new, tabbed)
    return each(e.lines, tabbed), e.old, e.new


def blank_added(data: st.DataObject, e: TrueEdit) -> tuple[Lines, Lines, Lines]:
    """At one place that both parts have: the top, the end, or within the lines that they begin or end with alike."""
    same = common(e.old, e.new)
    at = data.draw(st.integers(0, same))
    count = data.draw(st.integers(1, 2))
    if data.draw(st.booleans()):
        return e.lines, [*e.old[:at], *[""] * count, *e.old[at:]], [*e.new[:at], *[""] * count, *e.new[at:]]
    return e.lines, [*e.old, *[""] * count], [*e.new, *[""] * count]


def blank_in_search(data: st.DataObject, e: TrueEdit) -> tuple[Lines, Lines, Lines]:
    at = data.draw(st.sampled_from((0, len(e.old))))
    assume((["x", *e.new, "x"][-2 if at else 1]) != "")  # else that blank line seems to be the same
    return e.lines, [*e.old[:at], "", *e.old[at:]], e.new


def blanks_gone(data: st.DataObject, e: TrueEdit) -> tuple[Lines, Lines, Lines]:
    """Blank lines that both parts begin or end with, or have next to such lines, are forgotten in both."""
    head = common(e.old, e.new)
    tail = common(e.old[head:][::-1], e.new[head:][::-1])
    inner = [*e.old[head : len(e.old) - tail], *e.new[head : len(e.new) - tail]]
    assume("" in e.old and "" not in inner)
    assume(head < len(e.old) or e.old[-1])  # else what is added may stand before the forgotten line as well
    return e.lines, [one for one in e.old if one], [one for one in e.new if one]


def plain_for_curly(data: st.DataObject, e: TrueEdit) -> tuple[Lines, Lines, Lines]:
    """The file has typographic characters in some lines, kept or not; new lines have none of their own."""
    odd = data.draw(st.sets(st.sampled_from(sorted({*e.old} - {""}))))
    table = data.draw(st.sampled_from(({"'": "\u2019"}, {"-": "\u2014", '"': "\u201c"}, CURLY)))

    def curly(one: str) -> str:
        pad = one[: len(one) - len(one.lstrip())]
        return pad + swapped(one.lstrip(), table) if one in odd else one

    return [curly(one) for one in e.lines], e.old, e.new


def curly_for_plain(data: st.DataObject, e: TrueEdit) -> tuple[Lines, Lines, Lines]:
    table = {"'": "\u2019", '"': "\u201d"}
    old, new = ([swapped(one, table) for one in part] for part in (e.old, e.new))
    assume(old != list(e.old))  # else nothing shows that the new lines are odd
    return e.lines, old, new


def elided(data: st.DataObject, e: TrueEdit) -> tuple[Lines, Lines, Lines]:
    """Some of the first lines, which both parts have, are left out."""
    same = common(e.old, e.new)
    assume(same >= 3)
    start = data.draw(st.integers(1, same - 2))
    end = data.draw(st.integers(start + 1, same - 1))
    mark = data.draw(st.sampled_from(("...", "    ...", "# ... existing code ...")))
    return e.lines, [*e.old[:start], mark, *e.old[end:]], [*e.new[:start], mark, *e.new[end:]]


def stale(data: st.DataObject, e: TrueEdit) -> tuple[Lines, Lines, Lines]:
    """The model knows some line that it keeps, or would change, otherwise than it is."""
    told = data.draw(st.sampled_from(sorted({*e.old} - {""})))
    other = data.draw(st.sampled_from((f"{told}x", told[:-1], told.replace("a", "c"))))
    assume(other.strip())
    swap = [[other if one == told else one for one in part] for part in (e.old, e.new)]
    return e.lines, swap[0], swap[1]


DISTORTIONS: tuple[Distortion, ...] = (
    nothing, shifted_in, shifted_out, tabs, blank_added, blank_in_search, blanks_gone, plain_for_curly,
    curly_for_plain, elided, stale,
)  # fmt: skip


def bare(lines: Lines) -> list[str]:
    return [key for one in lines if (key := one.translate(FOLD).strip())]


def times(lines: Lines, part: Lines) -> int:
    return sum(list(lines[n : n + len(part)]) == list(part) for n in range(len(lines) - len(part) + 1))


def text(lines: Lines) -> str:
    return "".join(f"{one}\n" for one in lines)


EVERYTHING = (st.data(), edits(), st.sampled_from(DISTORTIONS), st.booleans())


@settings(max_examples=250, deadline=None)
@given(*EVERYTHING)
def test_a_distorted_edit_gives_what_the_true_one_gives_or_is_refused(
    data: st.DataObject, edit: TrueEdit, distort: Distortion, crlf: bool
) -> None:
    check(data, edit, distort, crlf=crlf)


@pytest.mark.campaign
@settings(max_examples=20_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(*EVERYTHING)
def test_many_distorted_edits(data: st.DataObject, edit: TrueEdit, distort: Distortion, crlf: bool) -> None:
    check(data, edit, distort, crlf=crlf)


def check(data: st.DataObject, edit: TrueEdit, distort: Distortion, *, crlf: bool) -> None:
    lines, search, replace = distort(data, edit)
    assume(times(bare(lines), bare(edit.old)) == 1)  # else it may stand elsewhere just as the distorted one says
    assume(list(search) == list(edit.old) or not times(lines, search))  # else it says something else, and is right
    wanted = text([*lines[: edit.start], *_own(lines, edit), *lines[edit.end :]])
    content = text(lines)
    if crlf:
        content, wanted = content.replace("\n", "\r\n"), wanted.replace("\n", "\r\n")
    try:
        changed = apply_edits(
            parse(answer("a.txt", block(text(search), text(replace)))), {"a.txt": content.encode()}.get
        )
    except Misfit:
        assert distort is not nothing
        event(f"{distort.__name__}: refused")
        return
    event(f"{distort.__name__}: applied")
    given_back = (changed[0].written.content or b"").decode() if changed else content
    assert given_back == wanted


def _own(lines: Lines, edit: TrueEdit) -> list[str]:
    """What the true edit writes: lines of the file as the (distorted) file has them, new ones indented as it is."""
    own = dict(zip(edit.old, lines[edit.start : edit.end], strict=True))
    with_tabs = any(one.startswith("\t") for one in lines)
    pads = [len(one) - len(one.lstrip()) for one in edit.new]
    fresh = ["\t" * (pad // 4) + one[pad:] if with_tabs else one for pad, one in zip(pads, edit.new, strict=True)]
    return [own.get(one, new) for one, new in zip(edit.new, fresh, strict=True)]
