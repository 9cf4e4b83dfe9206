"""Applying edits: all or nothing, and what is told of what does not fit."""

import pytest

from bot.errors import Misfit
from bot.ports import Written
from bot.repair.edits import apply_edits, parse
from tests.repair.edit_cases import answer, block

LINES = "".join(f"line {n}\n" for n in range(1, 21))


def misfit(path: str, text: str, *blocks: str) -> str:
    with pytest.raises(Misfit) as told:
        apply_edits(parse(answer(path, *blocks)), {path: text.encode()}.get)
    return told.value.report


def test_the_result_is_what_candidates_are_made_of() -> None:
    told = apply_edits(
        parse(answer("a.txt", block("a\n", "b\n")) + "\nrun.sh\n<<<<<<< FILE\n#!/bin/sh\n>>>>>>> FILE\n"),
        {"a.txt": b"a\n"}.get,
    )
    assert [one.written for one in told] == [Written("a.txt", b"b\n"), Written("run.sh", b"#!/bin/sh\n", True)]
    assert [one.levels for one in told] == [("exact",), ("whole",)]


def test_each_block_has_its_level() -> None:
    told = apply_edits(
        parse(answer("a.txt", block("  a\n", "  x\n"), block("c\n", "y\n"), block("b \n", "z\n"))),
        {"a.txt": b"a\nb\nc\n"}.get,
    )
    assert told[0].levels == ("indentation", "exact", "endings")


def test_the_nearest_lines_have_their_numbers() -> None:
    told = misfit("a.txt", LINES, block("line 11\nline 12\nline 1x\n", "x\n"))
    assert told.split("\n")[0] == "block 1 (a.txt): SEARCH is not in the file; the nearest lines are:"
    assert told.split("\n")[1:] == [f"{n:5} | line {n}" for n in range(10, 15)]


def test_of_lines_equally_near_those_most_alike_are_shown() -> None:
    told = misfit("a.txt", "one\nsame\nfar away\nother\nsame\nneaq\n", block("same\nnear\n", "x\n"))
    assert "5 | same\n    6 | neaq" in told


def test_nothing_is_shown_where_nothing_is_alike() -> None:
    assert misfit("a.txt", LINES, block("%%%\n", "x\n")).endswith("SEARCH is not in the file, nor anything like it")


def test_only_so_much_of_a_file_is_shown() -> None:
    text = "".join(f"{n}\n" for n in range(500))
    assert len(misfit("a.txt", text, block(f"{text}x\n", "y\n")).split("\n")) < 50


def test_places_are_named_but_not_all_of_them() -> None:
    told = misfit("a.txt", "a\n" * 5000, block("a\n", "b\n"))
    assert told == "block 1 (a.txt): SEARCH matches at lines 1, 2, 3, 4, 5 and 6: give more context"


def test_all_blocks_that_do_not_fit_are_told_at_once() -> None:
    told = misfit("a.txt", "a\nb\nb\n", block("x\n", "y\n"), block("a\n", "c\n"), block("b\n", "d\n"))
    assert [line.partition(":")[0] for line in told.split("\n") if line.startswith("block")] == [
        "block 1 (a.txt)",
        "block 3 (a.txt)",
    ]


def test_a_syntax_error_is_told_with_its_lines_and_the_blocks_that_made_the_file() -> None:
    told = misfit("a.py", "a = 1\nb = 2\nc = 3\n", block("a = 1\n", "a = 4\n"), block("b = 2\n", "b = = 2\n"))
    assert told.split("\n") == [
        "block 1, 2 (a.py): what comes out has a syntax error in line 2: invalid syntax",
        "    1 | a = 4",
        "    2 | b = = 2",
        "    3 | c = 3",
    ]


def test_a_file_that_breaks_keeps_the_others_from_being_changed() -> None:
    text = answer("a.txt", block("a\n", "b\n")) + "\nb.py\n" + block("x = 1\n", "x = (\n")
    with pytest.raises(Misfit, match=r"b\.py"):
        apply_edits(parse(text), {"a.txt": b"a\n", "b.py": b"x = 1\n"}.get)


def test_an_answer_without_edits_changes_nothing() -> None:
    assert apply_edits(parse("CANNOT: no\n"), {"a.txt": b"a\n"}.get) == ()


def test_an_elision_between_lines_that_stand_everywhere_is_not_followed() -> None:
    told = misfit("a.txt", "a\nb\n" * 2000, block("a\n...\nc\n", "a\n...\nd\n"), block("b\n...\na\n", "c\n...\na\n"))
    assert told.count("at too many places: leave out less") == 2


@pytest.mark.parametrize(("count", "applied"), [(10, True), (200, False)])
def test_where_very_many_places_share_lines_none_is_chosen(count: int, applied: bool) -> None:
    shared = "a line that is in every one of these places, word for word\n"
    text = (
        "".join(f"{shared}{chr(97 + n % 26) * 50}\n{n}\n" for n in range(count))
        + f"{shared}{'0123456789' * 5}\nnext\nlast\n"
    )
    stale = f"{shared}{'0123456789' * 4}012345678x\nnext\nlast\n"
    one = block(stale, stale.replace("last", "changed"))
    if applied:
        told = apply_edits(parse(answer("a.txt", one)), {"a.txt": text.encode()}.get)
        assert told[0].written.content == text.replace("last", "changed").encode()
        assert told[0].levels == ("similar",)
    else:
        assert "the nearest lines are" in misfit("a.txt", text, one)
