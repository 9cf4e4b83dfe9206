"""Finding lines in raw bytes: numbers and extents are those of `str.splitlines()`, whatever the bytes."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.text import scan
from bot.text.scan import RawLine, Scanner, count_breaks, spans

PIECES = [
    b"\n", b"\r", b"\r\n", b"\x0b", b"\x0c", b"\x1c", b"\x1d", b"\x1e", b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xa9",
    b"\xe2\x80", b"\xe2", b"\xc2", b"\xff", b"\x85", b"\xf0\x9f\x98\x80", b"\xf0\x9f", b"text", b"HIT", b" ",
]  # fmt: skip
RAW = st.lists(st.sampled_from(PIECES), max_size=60).map(b"".join)


def found(data: bytes) -> list[RawLine]:
    return list(Scanner([b"HIT"]).lines(io.BytesIO(data)))


def text_lines(data: bytes) -> list[str]:
    return data.decode("utf-8", "replace").splitlines()


@settings(max_examples=400, deadline=None)
@given(RAW)
def test_lines_are_numbered_as_splitlines_does(data: bytes) -> None:
    lines = text_lines(data)
    hits = found(data)
    assert [hit.number for hit in hits] == [n for n, line in enumerate(lines, 1) if "HIT" in line]
    assert [hit.data.decode("utf-8", "replace") for hit in hits] == [line for line in lines if "HIT" in line]


@settings(max_examples=400, deadline=None)
@given(RAW)
def test_spans_and_their_count_are_those_of_splitlines(data: bytes) -> None:
    assert [data[a:b].decode("utf-8", "replace") for a, b in spans(data)] == text_lines(data)
    assert count_breaks(data + b"\n") == len(text_lines(data + b"\n"))


@settings(max_examples=300, deadline=None)
@given(st.lists(RAW, min_size=1, max_size=4).map(b"".join))
def test_numbers_hold_where_lines_are_longer_than_what_is_read_at_a_time(data: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "BLOCK", 16)
        patch.setattr(scan, "LONGEST", 24)
        numbers = {hit.number for hit in found(data)}
    lines = text_lines(data)
    # a line that is read in pieces may hide what stands across two of them; it never moves what comes after it
    assert numbers <= {n for n, line in enumerate(lines, 1) if "HIT" in line}
    short = {n for n, line in enumerate(lines, 1) if "HIT" in line and len(line.encode()) < 6}
    assert short <= numbers or len(data) > 16


def test_each_line_comes_once_and_offsets_lead_to_it() -> None:
    data = b"a HIT HIT\nb\r\nHIT\rc HIT\n"
    hits = found(data)
    assert [(hit.number, hit.data) for hit in hits] == [(1, b"a HIT HIT"), (3, b"HIT"), (4, b"c HIT")]
    assert all(data[hit.offset :].startswith(hit.data) for hit in hits)


def test_a_character_that_begins_as_a_break_does_is_no_break() -> None:
    assert [
        hit.number for hit in Scanner(["●".encode(), "✕".encode()]).lines(io.BytesIO("x\n● a\n✕ b\n".encode()))
    ] == [2, 3]


def test_a_long_line_comes_clipped_and_never_looks_like_its_start() -> None:
    data = b"x\n" + b"y" * 300_000 + b"HIT" + b"z" * 300_000 + b"\nHIT\n"
    first, second = found(data)
    assert len(first.data) < 10_000
    assert b"HIT" in first.data
    assert first.data.decode().startswith("\N{HORIZONTAL ELLIPSIS} ")
    assert second == RawLine(3, len(data) - 4, b"HIT")
