"""What people see of a raw line."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.clean import bare, clean, cut_for, stamp_of, strip_escapes

STAMP = b"2026-03-01T12:00:00.1234567Z"


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        (STAMP + b" text", "text"),
        (b"\xef\xbb\xbf" + STAMP + b" text", "text"),
        (b"\xef\xbb\xbftext", "text"),
        (STAMP, ""),
        (STAMP + b"  indented", " indented"),
        (b"2026-03-01T12:00:00Z text", "text"),
        (b"a continuation line", "a continuation line"),
        (b"2026 is a year", "2026 is a year"),
        (STAMP + b" \x1b[36;1mrun\x1b[0m it", "run it"),
        (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x07 and \x1b(Btext", "link and text"),
        (b"\x1b]0;a\x1b[31mtitle\x1b\\text", "text"),
        (b"a\x1b\x1b[31mb", "ab"),
        (b"2026-03-01T12:00:00.1234567X text", "2026-03-01T12:00:00.1234567X text"),
        (b"2026-03-01 12:00:00.1234567Z text", "2026-03-01 12:00:00.1234567Z text"),
        (b"2026-03-01T12:00:00,1234567Z text", "2026-03-01T12:00:00,1234567Z text"),
        (b"^[[31mred^[[0m, but ^[[:space:]] stays", "red, but ^[[:space:]] stays"),
        (b"bell\x07 null\0 back\x08", "bell null back"),
        (b"tab\tstays", "tab\tstays"),
        (b"bad \xff utf-8", "bad \N{REPLACEMENT CHARACTER} utf-8"),
        ("größe ●".encode(), "größe ●"),
    ],
)
def test_what_is_left_of_a_line(raw: bytes, seen: str) -> None:
    assert clean(raw).decode() == seen


@given(st.binary(max_size=200))
def test_every_line_becomes_utf8_without_escapes_or_controls(raw: bytes) -> None:
    text = clean(raw).decode("utf-8")
    assert not any(ord(c) < 32 and c != "\t" for c in text)


@pytest.mark.parametrize("raw", [b"a\x1b", b"a\x1b[", b"a\x1b[31", b"a\x1b]0;title"])
def test_an_unfinished_escape_takes_only_what_follows_it(raw: bytes) -> None:
    assert strip_escapes(raw) == b"a"


def test_the_time_of_a_line() -> None:
    assert stamp_of(b"\xef\xbb\xbf" + STAMP + b" x") == datetime(2026, 3, 1, 12, 0, 0, 123456, UTC)
    assert stamp_of(b"no time") is None
    assert stamp_of(b"2026-13-45T99:00:00.0000000Z x") is None


def test_lines_of_the_github_command_line_lose_job_and_step() -> None:
    head = b"".join(b"test\tRun pytest\t\xef\xbb\xbf" + STAMP + b" line\n" for _ in range(5))
    assert cut_for(head)(b"test\tRun pytest\t" + STAMP + b" FAILED x") == b"FAILED x"
    assert cut_for(head + b"\n" * 9)(b"test\tRun pytest\t" + STAMP + b" FAILED x") == b"FAILED x"
    for plain in (b"a\tb\tc\nno stamps\n", b"a\tb\tc\n", (STAMP + b" line\n") * 5):
        assert cut_for(plain)(b"a\tb\tc") == b"a\tb\tc"


def test_lines_of_act_lose_the_name_of_the_job() -> None:
    head = "[CI/test] ⭐ Run Main pytest\n[CI/test]   | FAILED x\n[CI/test]   ❌  Failure - Main pytest\n".encode()
    assert cut_for(head)(b"[CI/test]   | FAILED x") == b"FAILED x"
    assert cut_for(b"[info] hello\n[info] world\n")(b"[info] hello") == b"[info] hello"
    assert cut_for("[CI/test] ⭐ Run\nplain\nplain\n".encode())(b"[info] hello") == b"[info] hello"
    assert cut_for(b"") is bare
