"""The lines that somebody wrote in their own words: the paragraphs of a comment, as Markdown on GitHub shows them.

What stands in quotes, lists, headings, tables, code of any kind, HTML comments or inside of HTML tags is left out.
"""

from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.text.patterns import compile_pattern

# Emphasis and the like stay as they were typed: they are words of a command.
_MARKDOWN = MarkdownIt("commonmark").enable("table").disable(["text_join", "emphasis", "autolink"])
_COMMENTS = compile_pattern(r"(?s)<!--.*?(?:-->|$)")
_TAGS = compile_pattern(r"<(/?)([A-Za-z][A-Za-z0-9-]*)[^<>]*>")
_ALONE = frozenset({b"br", b"hr", b"img", b"input", b"wbr"})  # tags that hold nothing
_BREAKS = ("softbreak", "hardbreak")
_END = Token("softbreak", "", 0)


def own_lines(text: str) -> Iterator[str]:
    """Each own line of a comment, without the spaces around it."""
    inside = 0  # of how many HTML tags
    before = ""
    for block in _MARKDOWN.parse(text):
        if block.type == "html_block":
            inside = _inside(inside, _without_comments(block.content))
        line, is_own = "", not inside
        for piece in [*(block.children or ()), _END] if block.type == "inline" else ():
            if piece.type in _BREAKS:
                if is_own and before == "paragraph_open" and block.level == 1:
                    yield line.strip()
                line, is_own = "", not inside and not piece.level  # inside of a link the level is 1
                continue
            typed = _typed(piece)
            line += typed
            if piece.type == "html_inline":
                inside = _inside(inside, typed)
        before = block.type


def _typed(piece: Token) -> str:
    """A piece of a line as it was typed, so that none that begins with formatting looks like one without."""
    match piece.type:
        case "text_special":  # an escape or an entity, whose content is what it stands for
            return piece.markup
        case "code_inline":
            return piece.markup + piece.content + piece.markup
        case "link_open" | "link_close":
            return "[" if piece.nesting > 0 else "]"
        case "html_inline":
            return _without_comments(piece.content)
    return piece.content


def _without_comments(html: str) -> str:
    return _COMMENTS.sub(b"", html.encode("utf-8", "replace")).decode()


def _inside(inside: int, html: str) -> int:
    """Inside of how many tags one is behind a piece of HTML."""
    for tag in _TAGS.finditer(html.encode()):
        if tag.group(1):
            inside = max(0, inside - 1)
        elif (tag.group(2) or b"").lower() not in _ALONE:
            inside += 1
    return inside
