"""Programs whose failures are dropped: an exit with failure became one with success, a set-up throws no longer."""

from collections.abc import Iterator, Sequence

import re2

from bot.repair.guard.change import Change
from bot.repair.guard.facts import TooComplex
from bot.repair.guard.findings import Finding
from bot.repair.guard.kinds import is_script_setup, name_of
from bot.repair.guard.lexer import code_only

EXITS = {  # ending -> family of comments, and how a program ends with a code (group 1)
    ".py": ("python", re2.compile(r"\b(?:sys\.exit|os\._exit|SystemExit|quit|exit)\(([^\n]*)\)")),
    **dict.fromkeys(
        (".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"),
        ("script", re2.compile(r"\bprocess\.(?:exit\(|exitCode\s*=\s*)([^)\n;]*)")),
    ),
    ".go": ("slash", re2.compile(r"\bos\.Exit\(([^)\n]*)\)")),
    ".rs": ("slash", re2.compile(r"\bprocess::exit\(([^)\n]*)\)")),
    ".rb": ("hash", re2.compile(r"(?m)\bexit[( ]([^)\n]*)\)?$")),
}
CHECKS = re2.compile(  # programs of a project that check it, by folder or name
    r"(?i)(^|/)(scripts?|tools?|ci|bin|cmd|hack|dev|build|tests?|spec|e2e|\.github)/|(check|lint|verify|test|audit|validat)[^/]*$"
)
GIVEN = re2.compile(r"^(\w+)\(.*\)?$")
FUNCTION = re2.compile(r"(?m)^(?:async )?def (\w+)\(")
RETURNS = re2.compile(r"(?m)^\s+return\b([^\n]*)$")
UNINDENTED = re2.compile(r"\n[^\s)#]")
SUCCESS = frozenset({"", "0", "None", "False", "undefined"})
THROWS = re2.compile(r"\bthrow\b|\bfail\(")
LARGEST = 300_000  # characters


def judge(change: Change) -> Iterator[Finding]:
    """Yield what a changed program lets pass."""
    ending = "." + name_of(change.path).rpartition(".")[2]
    if (
        ending not in EXITS
        or not (CHECKS.search(change.path) or is_script_setup(change.path))
        or None in {change.old, change.new}
        or change.binary
    ):
        return
    if max(len(change.old_text), len(change.new_text)) > LARGEST:
        return  # said where it is read with care
    family, pattern = EXITS[ending]
    try:
        old, new = (code_only(text, family) for text in (change.old_text, change.new_text))
    except TooComplex:
        return
    line = _passes(_codes(pattern, old), _codes(pattern, new)) or _passes(_plain(pattern, old), _plain(pattern, new))
    if line:
        yield Finding("ignored-failure", change.path, line, "ends with success where it ended with failure")
    if is_script_setup(change.path) and len(THROWS.findall(new)) < len(THROWS.findall(old)):
        yield Finding("patched-runner", change.path, 1, "the set-up of tests fails them in fewer cases")


def _passes(before: Sequence[tuple[str, int]], after: Sequence[tuple[str, int]]) -> int:
    """The line of an exit with success where there was one with failure; 0 without one."""
    failing, failing_now = (sum(code not in SUCCESS for code, _ in side) for side in (before, after))
    passing = [line for code, line in after if code in SUCCESS]
    return passing[-1] if failing_now < failing and len(passing) > len(before) - failing else 0


def _plain(pattern: object, text: str) -> Sequence[tuple[str, int]]:
    """(code, line) of each exit as it stands there: what a function gives back may come to nothing on the way."""
    found = pattern.finditer(text)  # type: ignore[attr-defined]  # re2 has no types
    return [(m.group(1).strip(), text.count("\n", 0, m.start()) + 1) for m in found]


def _codes(pattern: object, text: str) -> Sequence[tuple[str, int]]:
    """(code, line) of each exit; where the code is what a function gives back, of each `return` of it."""
    codes = []
    for match in pattern.finditer(text):  # type: ignore[attr-defined]  # re2 has no types
        named = GIVEN.search(match.group(1).strip())
        starts = [d.end() for d in FUNCTION.finditer(text) if named and d.group(1) == named.group(1)]
        if starts:
            codes += [(m.group(1).strip(), starts[0] + m.start()) for m in RETURNS.finditer(_body(text[starts[0] :]))]
        else:
            codes.append((match.group(1).strip(), match.start()))
    return [(code, text.count("\n", 0, at) + 1) for code, at in codes]


def _body(text: str) -> str:
    """A function of the first level: up to the next line that is not indented."""
    end = UNINDENTED.search(text)
    return text[: end.start()] if end else text
