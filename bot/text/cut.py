"""Texts that are too long for where they go, cut so that what is left stays what it was."""

from bot.text.patterns import compile_pattern

ROOM = 200
"""Characters for what is said of the cut, and for what has to be closed."""
_FENCE = compile_pattern(r"^ {0,3}(`{3,}|~{3,})(.*)$")


def cut(text: str, most: int, more: str = "") -> str:
    """Markdown of at most so many characters, cut visibly; a marker in its last line stays.

    Lines are cut within code blocks only. A block or a fold that is open there is closed. `more` says, in Markdown,
    where to find the rest.
    """
    if len(text) <= most:
        return text
    last = text.rstrip().rpartition("\n")[2]
    marker = f"\n\n{last}" if last.startswith("<!--") and len(last) < ROOM else ""
    kept = text[: most - len(marker) - len(more) - ROOM]
    if not _open(kept)[0]:
        kept = kept.rpartition("\n")[0] or kept
    fence, folds = _open(kept)
    closing = (f"\n{fence}" if fence else "") + "\n\n</details>" * folds
    told = f"… cut here, {len(text) - len(kept):,} characters more{f': {more}' if more else ''}"
    return f"{kept}{closing}\n\n{told}{marker}"


def _open(text: str) -> tuple[str, int]:
    """The fence of the code block that is open at the end of a Markdown text, or nothing; and how many folds are."""
    fence, folds = "", 0
    for line in text.split("\n"):
        found = _FENCE.match(line.encode("utf-8", "replace"))
        mark, rest = ((found.group(1) or b"").decode(), found.group(2) or b"") if found else ("", b"")
        if not fence:
            fence = "" if b"`" in rest and mark[:1] == "`" else mark  # such is inline code
            folds += line.startswith("<details") - line.startswith("</details>")
        elif mark.startswith(fence) and not rest.strip():
            fence = ""
    return fence, folds
