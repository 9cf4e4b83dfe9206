"""Text of others, shown where it could do something."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.text.inert import code, fenced, log_line, markdown, plain

ZWSP = "\N{ZERO WIDTH SPACE}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;title\x07a\x1b[2Jb\x1b[31mc", "abc"),
        ("\x1bPq\x1b\\a\x1b", "a"),
        ("\x1bca\x1b(Bb", "ab"),
        ("rewritten\rline\b\b", "rewrittenline"),
        ("a\u202eb\u2066c", "abc"),
        ("a\x9b31mb", "a31mb"),
        ("tab\tand\r\nnewline", "tab\tand\nnewline"),
    ],
)
def test_a_terminal_gets_nothing_but_text(text: str, shown: str) -> None:
    assert plain(text) == shown


@given(st.text(max_size=200))
@example("a\n````\nb")
def test_a_fence_is_longer_than_any_inside(text: str) -> None:
    first, *_, last = fenced(text).split("\n")
    assert first == last == "`" * len(first)
    assert first not in plain(text)
    assert len(first) >= 3


def test_a_fence_names_its_language_and_nothing_else() -> None:
    assert fenced("x", language="py`\n@all").split("\n")[0] == "```pyall"


def test_inline_code_cannot_be_left() -> None:
    assert code("a") == "`a`"
    assert code("") == "` `"
    assert code("a ``b` c\nd") == "``` a ``b` c d ```"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("ping @acme/all and @me", f"ping @{ZWSP}acme/all and @{ZWSP}me"),
        ("fixes #12 and GH-3", f"fixes #{ZWSP}12 and GH-{ZWSP}3"),
        ("<!-- regreen:state --><script>", "&lt;\\!-- regreen:state --&gt;&lt;script&gt;"),
        ("**b** _i_ `c` [l](u) ![i](u)", "\\*\\*b\\*\\* \\_i\\_ \\`c\\` \\[l\\](u) \\!\\[i\\](u)"),
        ("# head\n- item\n1. one", "\\# head\n\\- item\n1\\. one"),
    ],
)
def test_markdown_shows_text_as_it_is(text: str, written: str) -> None:
    assert markdown(text) == written


@pytest.mark.parametrize(
    "text", ["::set-env name=A::b", "  ::error::x", "a\n::stop-commands::t", "x ##[group]y", "\r::error::x"]
)
def test_a_workflow_reads_no_command(text: str) -> None:
    shown = log_line(text)
    assert not any(line.strip().startswith("::") for line in shown.splitlines())
    assert "##[" not in shown
    assert shown.replace(ZWSP, "") == plain(text)
