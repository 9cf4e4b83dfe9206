"""Texts that are too long."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.text.cut import cut
from bot.text.inert import fenced


def test_short_texts_are_as_they_are() -> None:
    assert cut("x" * 65_536, 65_536) == "x" * 65_536


def test_a_long_text_is_cut_at_the_end_of_a_line_and_says_where_the_rest_is() -> None:
    shown = cut("a line with `code` in it\n" * 40, 500, "[the run](https://x.invalid/1)")
    assert shown.startswith("a line with `code` in it\n")
    assert shown.endswith("code` in it\n\n… cut here, 751 characters more: [the run](https://x.invalid/1)")
    assert len(shown) <= 500


@pytest.mark.parametrize("inside", ["y\n" * 400, "y" * 800, "```\n</details>\n" * 60])
def test_what_is_open_is_closed(inside: str) -> None:
    text = f"<details><summary>Log</summary>\n\n{fenced(inside)}\n\n</details>\n\nthe end\n"
    shown = cut(text, 500)
    kinds = [(t.type, t.content) for t in MarkdownIt().parse(shown) if t.type in ("fence", "html_block", "inline")]
    assert [kind for kind, _ in kinds] == ["html_block", "fence", "html_block", "inline"]
    assert kinds[2][1].strip() == "</details>"
    assert kinds[3][1].startswith("… cut here, ")


def test_a_marker_at_the_end_stays() -> None:
    assert cut("x\n" * 400 + "<!-- regreen:1 -->\n", 500).endswith("characters more\n\n<!-- regreen:1 -->")


@settings(deadline=None)
@given(st.text(alphabet="`~\n <details>x/", min_size=601, max_size=3000))
@example("```a`\n" + "x\n" * 400)
def test_it_fits_and_nothing_swallows_what_is_said(text: str) -> None:
    shown = cut(text, 600)
    assert len(shown) <= 600
    assert "… cut here" in [t.content for t in MarkdownIt().parse(shown) if t.type == "inline"][-1]
