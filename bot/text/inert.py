"""Text of others made harmless for where it is shown: a terminal, Markdown on GitHub, the log of a workflow."""

import html

from bot.text.patterns import compile_pattern

_ZWSP = "\N{ZERO WIDTH SPACE}"
_ESCAPES = compile_pattern(r"\x1b(?:\[[0-?]*[ -/]*[@-~]?|[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[ -/]*[0-~]?)")
_CONTROLS = compile_pattern(  # C0 but tab and newline, DEL, C1, and what turns the direction of writing
    r"[\x00-\x08\x0b-\x1f\x7f\x{80}-\x{9f}\x{61c}\x{200e}\x{200f}\x{202a}-\x{202e}\x{2066}-\x{2069}]"
)
_TICKS = compile_pattern(r"`+|~+")
_MARKS = compile_pattern(r"([\\`*_\[\]|~!$])")
_REACHES = compile_pattern(r"(@|#|\b[Gg][Hh]-)(\w)")
_LINKS = compile_pattern(r"(?i)(:)(//)|\b(www)(\.)")
_LINE_START = compile_pattern(r"(?m)^([ \t]*\d*)([-+>#=.)/:])")  # `/` and `:` begin commands
_COMMAND = compile_pattern(r"(?m)^(\s*):(:)")


def plain(text: str) -> str:
    """Return text for a terminal: no escape sequences, no control characters but tab and newline, no turned writing."""
    data = text.replace("\r\n", "\n").encode("utf-8", "replace")
    return _CONTROLS.sub(b"", _ESCAPES.sub(b"", data)).decode()


def fence_for(text: str) -> str:
    """Return a fence for a Markdown code block that is longer than any inside of it."""
    longest = max(
        (match.end() - match.start() for match in _TICKS.finditer(text.encode("utf-8", "replace"))), default=0
    )
    return "`" * max(3, longest + 1)


def fenced(text: str, *, language: str = "") -> str:
    """Return text as a Markdown code block whose fence is longer than any inside, so that it cannot end it."""
    body = plain(text)
    fence = fence_for(body)
    return f"{fence}{''.join(filter(str.isalnum, language))}\n{body.rstrip()}\n{fence}"


def code(text: str) -> str:
    """Return one line of text as inline code, with ticks enough."""
    body = " ".join(plain(text).split("\n")) or " "  # two ticks are no code
    longest = max((match.end() - match.start() for match in _TICKS.finditer(body.encode())), default=0)
    ticks = "`" * (longest + 1)
    return f"{ticks} {body} {ticks}" if longest else f"`{body}`"


def markdown(text: str) -> str:
    """Return text for the running text of a comment: shown as it is, with no formatting, HTML, mention or link."""
    data = html.escape(plain(text), quote=False).encode()
    data = _MARKS.sub(rb"\\\1", data)
    data = _LINE_START.sub(rb"\1\\\2", data)
    return _unreached(data).decode()


def message(text: str) -> str:
    """Return text for a commit message, in one line that mentions nobody, refers to nothing and is no command."""
    return _unreached(log_line(" ".join(text.split())).encode()).decode()


def _unreached(data: bytes) -> bytes:
    space = _ZWSP.encode()
    data = _LINKS.sub(rb"\1\3" + space + rb"\2\4", data)
    return _REACHES.sub(rb"\1" + space + rb"\2", data)


def log_line(text: str) -> str:
    """Return text that a workflow may print: no line of it is a command (`::set-env::`, `##[group]`) to the runner."""
    data = _COMMAND.sub(rb"\1:" + _ZWSP.encode() + rb"\2", plain(text).encode())
    return data.decode().replace("##[", f"##{_ZWSP}[")
