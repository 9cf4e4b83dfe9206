"""Reading answers: what they say besides edits, and what is told of those that cannot be read."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import Misfit
from bot.repair.edits import Answer, apply_edits, parse
from tests.repair.edit_cases import answer, block

ONE = block("x = 1\n", "x = 2\n")


def test_the_cause_ends_at_an_empty_line() -> None:
    assert parse(f"**CAUSE:** the value\nis too small.\n\nMore.\n\na.py\n{ONE}").cause == "the value is too small."


def test_the_cause_ends_at_the_path() -> None:
    told = parse(f"CAUSE: too small\na.py\n{ONE}")
    assert (told.cause, told.edits[0].path) == ("too small", "a.py")


def test_a_cause_within_a_block_is_the_files() -> None:
    assert parse(answer("a.md", block("CANNOT: b\n", "CAUSE: c\n")).replace("CAUSE: it is", "It is")).cause == ""


def test_a_model_that_cannot_says_why() -> None:
    assert parse("CAUSE: the key is old\n\nCANNOT: only its owner\ncan renew it.\n") == Answer(
        "the key is old", "only its owner can renew it."
    )


def test_all_blocks_that_are_wrong_are_told_at_once() -> None:
    with pytest.raises(Misfit) as told:
        parse(f"{ONE}\na.py\n{ONE}\na.py\n<<<<<<< SEARCH\nx\n>>>>>>> REPLACE\n")
    assert [problem.partition(":")[0] for problem in told.value.problems] == ["block 1", "block 3 (a.py)"]
    assert told.value.report == "\n\n".join(told.value.problems)
    assert "and 1 more" in str(told.value)
    assert "\n" not in str(told.value)


def test_lone_surrogates_are_no_text() -> None:
    with pytest.raises(Misfit, match="no text"):
        parse(answer("a.txt", block("a\n", "\ud800\n")))


@pytest.mark.parametrize(
    "path",
    [
        "../a.py",
        "src/../../a.py",
        "/etc/passwd",
        "src//a.py",
        "~/a.py",
        "c:\\a.py",
        "`a\tb`",
        ".git/hooks/pre-commit",
        "a/.GIT/config",
    ],
)
def test_paths_that_lead_outside_are_never_read(path: str) -> None:
    asked: list[str] = []
    with pytest.raises(Misfit, match="path"):
        apply_edits(parse(f"path: {path}\n{ONE}"), asked.append)  # gives None: no file
    assert asked == []


PIECES = (
    "<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE", "<<<<<<< FILE", ">>>>>>> FILE", "<<<<<<< DELETE", ">>>>>>> DELETE",
    "<<<<<<<<< SEARCH", "=========", ">>>>>>>>> REPLACE", "<<<<<<< HEAD", ">>>>>>> topic", "```", "```python a.py",
    "a.py", "`b.txt`:", "../c", "x = 1", "    y = 2", "...", "", "  ", "CAUSE: x", "CANNOT: x", "\u201cx\u201d", "\tz\r",
)  # fmt: skip
FILES = {"a.py": b"x = 1\n    y = 2\n\nx = 1\n", "b.txt": b"x = 1\r\n\r\n    y = 2", "c": b"\xff\n"}


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=25).map("\n".join))
def test_whatever_a_model_says_is_applied_or_a_misfit_and_only_paths_inside_are_read(text: str) -> None:
    read: list[str] = []

    def reader(path: str) -> bytes | None:
        read.append(path)
        return FILES.get(path)

    with suppress(Misfit):
        told = apply_edits(parse(text), reader)
        assert all(one.written.content != FILES.get(one.written.path) for one in told)
    assert not [path for path in read if {"", ".", ".."} & set(path.split("/")) or "\\" in path]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 200), st.booleans())
def test_an_answer_that_is_cut_within_a_block_is_not_applied(at: int, fenced: bool) -> None:
    whole = f"a.py\n{'```python' if fenced else ''}\n{ONE}\n{block('y = 1', 'y = 2')}"
    cut = whole[: min(at, len(whole) - len("REPLACE\n"))]
    assert cut.count(">>>>>>> REPLACE") < 2
    if cut.count(">>>>>>> REPLACE") == 1 and "<" not in cut.partition("REPLACE")[2]:
        return  # cut between the blocks: only who hears the model knows
    with pytest.raises(Misfit):
        parse(cut)
