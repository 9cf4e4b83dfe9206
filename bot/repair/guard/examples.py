"""Doctest examples in any text: docstrings, Markdown, reStructuredText."""

from collections.abc import Iterator


def examples_in(text: str) -> Iterator[tuple[str, str]]:
    """Yield (source, expected output) of each `>>>` example, layout evened out."""
    if ">>>" not in text:
        return
    source: list[str] = []
    output: list[str] = []
    for line in [*text.split("\n"), ""]:
        bare = line.strip()
        if bare.startswith((">>> ", "... ")) and (bare.startswith(">>> ") or (source and not output)):
            if bare.startswith(">>> ") and source:
                yield _even(source), _even(output)
                source, output = [], []
            source.append(bare[4:])
        elif source and bare and not bare.startswith(('"""', "'''", "```")):
            output.append(bare)
        elif source:
            yield _even(source), _even(output)
            source, output = [], []


def _even(lines: list[str]) -> str:
    return " ".join("".join(lines).replace("'", '"').split())
