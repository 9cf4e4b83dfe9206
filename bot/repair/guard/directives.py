"""Comments and attributes that switch a checker off: finding them, and telling new ones from moved ones.

Each pattern follows the tool's own documentation on how it recognises its comment. `codes` is what is switched off;
without it, everything is.
"""

import string
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import re2

from bot.repair.guard.facts import Directive, Facts, TooComplex
from bot.repair.guard.lexer import code_only, comments

Anchor = Callable[[int], frozenset[str]]

COMMENTS = {  # name -> pattern in a comment with its marker
    # Python
    "noqa": r"(?i)#\s*noqa\b(?:\s*:\s*(?P<codes>[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*))?",
    "noqa file": r"(?i)#\s*(?:flake8|ruff)\s*[:=]\s*noqa\b(?:\s*:\s*(?P<codes>[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*))?",
    "ruff": r"(?i)#\s*ruff\s*:\s*(?:ignore|disable)\b(?:\s*\[(?P<codes>[^\]]*)\])?",
    "type: ignore": r"#\s*type:\s*ignore\b(?:\[(?P<codes>[^\]]*)\])?",
    "mypy": r"#\s*mypy:\s*(?P<codes>ignore-errors|allow-[a-z-]+|disable-error-code\S*|no-[a-z-]+|"
    r"ignore-missing-imports|follow-imports\S*)",
    "pyright: ignore": r"#\s*(?:based)?pyright:\s*ignore\b(?:\[(?P<codes>[^\]]*)\])?",
    "pyright": r"#\s*(?:based)?pyright:\s*(?P<codes>basic|off|standard|report\w+\s*=\s*(?:false|none|"
    r"warning|information))",
    "type checker": r"#\s*(?:pyre-(?:ignore|fixme)(?:-all-errors)?|pyrefly:\s*ignore|ty:\s*ignore|"
    r"pytype:\s*(?:disable|skip-file))\b(?:\s*[=\[]\s*(?P<codes>[\w, -]+))?",
    "pylint": r"(?i)#.*\bpylint:\s*(?:disable|disable-next|disable-msg|skip-file)\b(?:\s*=\s*(?P<codes>[\w, -]+))?",
    "no cover": r"(?i)#\s*pragma[:\s]?\s*no\s*(?:cover|branch)\b",
    "fmt: off": r"(?:^|[^`])#\s*(?:fmt:\s*(?:off|skip)|yapf:\s*disable|autopep8:\s*off)\b",
    "isort": r"#\s*isort:\s*(?:skip|skip_file|off|split)\b",
    "nosec": r"(?i)#\s*nosec\b(?:\s*:?\s*(?P<codes>B[0-9]+(?:[,\s]+B[0-9]+)*))?",
    "doctest": r"(?i)#\s*doctest:\s*\+SKIP\b",
    # JavaScript and TypeScript
    "eslint-disable-line": r"(?://|/\*)\s*(?:eslint|oxlint)-disable-(?:next-)?line\b(?P<codes>[^*]*)",
    "eslint-disable": r"/\*\s*(?:eslint|oxlint)-disable(?:\s+(?P<codes>[^*]*)|\s*\*)",
    "eslint off": r"/\*\s*eslint\s+(?P<codes>[^*]*(?:\boff\b|:\s*[\[]?\s*[\"']?(?:0|warn|1)\b)[^*]*)",
    "ts-ignore": r"(?://|/\*)\**\s*@ts-ignore\b",
    "ts-expect-error": r"(?://|/\*)\**\s*@ts-expect-error\b",
    "ts-nocheck": r"(?://|/\*)\**\s*@ts-nocheck\b",
    "prettier-ignore": r"(?://|/\*|#|<!--)\s*prettier-ignore(?:-start|-end)?\b",
    "coverage ignore": r"(?://|/\*)\s*(?:istanbul|c8|v8|node:coverage)\s+(?:ignore\b(?:\s+\w+)?|disable\b)",
    "biome-ignore": r"(?://|/\*|#|<!--)\s*(?:biome|rome)-ignore(?:-all|-start)?\b(?:\s+(?P<codes>[\w/]+))?",
    "tslint": r"(?://|/\*)\s*tslint:disable(?:-next-line|-line)?\b(?::?\s*(?P<codes>[\w -]+))?",
    "deno": r"(?://|/\*)\s*deno-(?:lint-ignore(?:-file)?|fmt-ignore(?:-file)?)\b(?P<codes>[^*]*)",
    "flow": r"(?://|/\*)\s*(?:\$Flow(?:FixMe|Ignore|Issue|ExpectedError)|@noflow\b)(?:\[(?P<codes>[^\]]*)\])?",
    "jshint": r"(?://|/\*)\s*(?:jshint\s+ignore|jslint\s+ignore|jscs:disable|standard-disable)",
    # other languages
    "nolint": r"//\s?nolint\b(?::(?P<codes>[\w, -]+))?",
    "NOLINT": r"\bNOLINT(?:NEXTLINE|BEGIN)?\b(?:\((?P<codes>[^)]*)\))?",
    "rubocop": r"#\s*(?:rubocop|standard):(?:disable|todo)\b\s*(?P<codes>[\w/, ]*)",
    "nocov": r"#\s*:nocov:|(?://|/\*+|#|\*)\s*@codeCoverageIgnore|//\s*(?:LCOV|GCOV|GCOVR)_EXCL",
    "php": r"(?://|/\*+|#|\*)\s*(?:phpcs:(?:ignore|disable)|@phpstan-ignore(?:-next-line|-line)?|@psalm-suppress|@phan-suppress)\S*\s*(?P<codes>[\w.,-]*)",
    "checkstyle": r"(?i)(?://|/\*)\s*(?:CHECKSTYLE[:.]\s*OFF|spotless:off|@formatter:off|ktlint-disable|scalastyle:off|scalafmt:\s*off|noinspection)\b",
    "NOPMD": r"\b(?:NOPMD|NOSONAR|NOCHECKSTYLE)\b",
    "clang-format": r"(?://|/\*)\s*clang-format\s+off|//\s*cppcheck-suppress\b|//\s*IWYU\s+pragma:",
    "swiftlint": r"//\s*(?:swiftlint:disable|swiftformat:disable|sourcery:skip)\S*\s*(?P<codes>[\w ]*)",
    "shellcheck": r"#\s*shellcheck\s+disable=(?P<codes>[\w,]+)",
    "yamllint": r"#\s*yamllint\s+disable(?:-line|-file)?\b\s*(?P<codes>.*)",
    "infrastructure": r"(?i)#\s*(?:hadolint\s+ignore|tflint-ignore|tfsec:ignore|checkov:skip|"
    r"kics-scan\s+ignore|zizmor:\s*ignore|actionlint\s+ignore|"
    r"ansible-lint:?\s*disable)\S*\s*(?P<codes>[\w,. =-]*)",
    "markdownlint": r"<!--\s*markdownlint-(?:disable|configure)\S*\s*(?P<codes>[\w ]*)",
    "stylelint": r"(?://|/\*)\s*stylelint-disable\S*\s*(?P<codes>[^*]*)",
    "spelling": r"(?i)(?:#|//|/\*|<!--)\s*(?:c?spell-?checker:|cspell:|codespell:|"
    r"spell-checker:)\s*(?:ignore|disable|off)\S*\s*(?P<codes>[\w, ]*)",
    "sqlfluff": r"(?i)--\s*noqa\b(?::\s*(?P<codes>[\w,. ]*))?",
    "scanner": r"(?i)(?:#|//|/\*|<!--|--)\s*(?:nosemgrep|lgtm\b|codeql\[|gitleaks:allow|"
    r"pragma:\s*(?:allow|white)list\s+secret|skipcq|deepcode\s+ignore|snyk:ignore|luacheck:\s*ignore|"
    r"sqlfluff:)\S*\s*(?P<codes>[\w,. -]*)",
}
CODE = {  # name -> pattern in code without strings, of languages that switch checkers off by attribute
    "#[allow]": r"#!?\[\s*(?:allow|expect)\s*\((?P<codes>[^)]*)\)|#!?\[\s*rustfmt::skip|#!?\[\s*coverage\(off\)",
    "annotation": r"@(?:file:)?(?:SuppressWarnings|SuppressLint|SuppressFBWarnings|Suppress|Generated|"
    r"ExcludeFromCodeCoverage)\b(?:\((?P<codes>[^)]*)\))?",
    "#pragma": r"(?i)#\s*pragma\s+(?:warning\s*\(?\s*disable|(?:GCC|clang)\s+diagnostic\s+ignored|"
    r"clang\s+diagnostic\s+push)\b(?P<codes>.*)",
    "attribute": r"\[(?:assembly:\s*)?(?:SuppressMessage|ExcludeFromCodeCoverage)\b|\[\[(?:maybe_unused|"
    r"gnu::unused)\]\]|@unchecked\b",
}
CLOSERS = {  # name of the opening directive -> what ends its reach
    "fmt: off": r"(?:^|[^`])#\s*(?:fmt:\s*on|yapf:\s*enable|autopep8:\s*on)\b",
    "isort": r"#\s*isort:\s*on\b",
    "pylint": r"(?i)#.*\bpylint:\s*enable\b",
    "eslint-disable": r"/\*\s*(?:eslint|oxlint)-enable\b",
    "tslint": r"(?://|/\*)\s*tslint:enable\b",
    "clang-format": r"(?://|/\*)\s*clang-format\s+on\b",
    "NOLINT": r"\bNOLINTEND\b",
    "prettier-ignore": r"prettier-ignore-end\b",
    "coverage ignore": r"(?://|/\*)\s*(?:c8|v8)\s+ignore\s+(?:stop|end)\b|node:coverage\s+enable",
    "rubocop": r"#\s*rubocop:enable\b",
    "checkstyle": r"(?i)CHECKSTYLE[:.]\s*ON\b|spotless:on|@formatter:on|scalastyle:on|scalafmt:\s*on",
    "swiftlint": r"//\s*swiftlint:enable\b",
    "shellcheck": r"#\s*shellcheck\s+enable=",
    "yamllint": r"#\s*yamllint\s+enable\b",
    "markdownlint": r"<!--\s*markdownlint-enable\b",
    "stylelint": r"(?://|/\*)\s*stylelint-enable\b",
    "#pragma": r"(?i)#\s*pragma\s+(?:warning\s*\(?\s*(?:restore|default)|(?:GCC|clang)\s+diagnostic\s+pop)",
}
NARROWER = {"ts-expect-error": "ts-ignore"}  # the first is stricter, and lint rules ask for it
_COMMENTS = {name: re2.compile(pattern) for name, pattern in COMMENTS.items()}
_CODE = {name: re2.compile(pattern) for name, pattern in CODE.items()}
_CLOSERS = {name: re2.compile(pattern) for name, pattern in CLOSERS.items()}
_NAMES = [*COMMENTS, *CLOSERS]
_ANY = re2.Set.SearchSet()  # all of them at once: a text may hold very many comments
for _pattern in (*COMMENTS.values(), *CLOSERS.values()):
    _ANY.Add(_pattern)
_ANY.Compile()
SPACED = str.maketrans(dict.fromkeys(string.punctuation.replace("_", ""), " "))
LITERAL = re2.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`[^`\n]*`|\b\d[\w.]*")
ASSIGNED = re2.compile(
    r"((?:self\.|this\.|[@$]+)?\b[A-Za-z_]\w*(?:\s*,\s*[A-Za-z_]\w*)*)[)\]}]?"
    r"(?:[ \t]*:[ \t]*[\w<>\[\]., |]+?)?\s*(:?=)(?:[^=~>]|$)"
)
PARAMETERS = re2.compile(
    r"\b(?:def|fn|func|fun|function)\b[ \t]*\w*\(([^()]*)\)|\(([^()]*)\)\s*=>|\blambda ([^:\n]*):"
    r"|\bparametrize\(\s*[(\[]?([^()\[\]]*)"
)
NAME = re2.compile(r"\b([A-Za-z_]\w*)\b(?:[^.]|$)")
LONGEST = 300  # characters of what is assigned
CODE_WORD = re2.compile(r"[\w@/-][\w@/.-]*")
STUB = frozenset({"raise", "NotImplementedError", "if", "TYPE_CHECKING", "typing", "t"})
"""The words of statements that no test can reach, so that coverage loses nothing without them."""
FULL = 3000  # directives in one file above which nobody wrote it
MOST = 300  # directives that are compared word by word
SIMILAR = 0.5  # share of common words from which two statements count as one


def words_of(text: str) -> frozenset[str]:
    """The words of a text, for comparing statements whose layout may differ."""
    return frozenset(text.translate(SPACED).split())


def literals_of(text: str) -> tuple[tuple[str, int], ...]:
    """How often each number and string stands in code, without quotes and as `2` for `2.0`."""
    found = Counter(m.strip("\"'`").removesuffix(".0") for m in LITERAL.findall(text))
    return tuple(sorted(found.items()))


def assigned_in(text: str) -> tuple[tuple[str, str], ...]:
    """(name, rest of the statement) of each assignment in code, the names without `self.` and the like.

    The parameters of functions are assigned `(`.
    """
    found = [(name, "(") for told in PARAMETERS.findall(text) for part in told for name in NAME.findall(part)]
    for match in ASSIGNED.finditer(text):
        value = text[match.end(2) : match.end(2) + LONGEST].partition("\n")[0].partition(";")[0]
        found += [(name, value.strip()) for name in NAME.findall(match.group(1))]
    return tuple(found[:MOST])


def found_in(
    text: str, family: str, anchor: Anchor | None = None
) -> tuple[tuple[Directive, ...], tuple[tuple[str, int], ...]]:
    """Find the directives in the comments of `text`, and how many closers of each kind there are.

    `anchor` tells the words of the statement at a line; without it the line itself is taken. Raises `TooComplex` when
    the text is full of them.
    """
    return from_comments(list(comments(text, family)), text, anchor)


def from_comments(
    told: Sequence[tuple[int, str]], text: str, anchor: Anchor | None = None
) -> tuple[tuple[Directive, ...], tuple[tuple[str, int], ...]]:
    """Like `found_in`, for comments that a parser found: (line, comment with its marker)."""
    hits: list[Directive] = []
    closers = Counter[str]()
    lines = text.split("\n")
    place = anchor or (lambda line: line_words(lines, line))
    for line, comment in told:
        found = _ANY.Match(comment)
        if found:
            hits += _directives([_NAMES[i] for i in found if i < len(_COMMENTS)], _COMMENTS, line, comment, place)
            closers.update(_NAMES[i] for i in found if i >= len(_COMMENTS))
        if len(hits) > FULL:
            raise TooComplex(f"more than {FULL} directives")
    return tuple(hits), tuple(sorted(closers.items()))


def attributes_in(text: str, family: str) -> tuple[tuple[Directive, ...], tuple[tuple[str, int], ...]]:
    """Find the attributes and pragmas that switch checkers off in code, and how many pragmas switch them on again."""
    hits: list[Directive] = []
    lines = code_only(text, family).split("\n")
    for number, line in enumerate(lines, 1):
        if "#" in line or "@" in line or "[" in line:
            hits += _directives(_CODE, _CODE, number, line, lambda n: line_words(lines, n + 1))
    restored = sum(bool(_CLOSERS["#pragma"].search(line)) for line in lines if "#" in line)
    return tuple(hits), (("#pragma", restored),) if restored else ()


def line_words(lines: Sequence[str], line: int) -> frozenset[str]:
    """The words of the code on a line (from 1), or of the next one when it holds only a comment."""
    here = lines[line - 1] if line <= len(lines) else ""
    code = here
    for marker in ("#", "//", "/*", "<!--", "--"):
        code = code.partition(marker)[0]
    return words_of(code) or words_of(lines[line] if line < len(lines) else "")


def _directives(
    names: Iterable[str], patterns: Mapping[str, Any], line: int, text: str, place: Anchor
) -> Iterator[Directive]:
    for name in names:
        match = patterns[name].search(text)
        if match:
            codes = match.groupdict().get("codes") or ""
            told = codes.split(" -- ")[0].replace("'", " ").replace('"', " ")
            yield Directive(name, frozenset(CODE_WORD.findall(told)), place(line), line, match.group(0).strip()[:80])


def added(
    old: Mapping[str, Facts], new: Mapping[str, Facts], reworded: Callable[[str, int, int], bool]
) -> Iterator[tuple[str, int, str]]:
    """Yield (path, line, what) for each directive that was not there before, or reaches further now.

    `reworded` says of a line of a file before and one after whether the latter is the former in other words.
    """
    known = Counter((d.name, d.codes, d.anchor) for facts in old.values() for d in facts.directives)
    fresh = []
    for path, directive in ((path, d) for path, facts in new.items() for d in facts.directives):
        key = (directive.name, directive.codes, directive.anchor)
        if known[key]:
            known[key] -= 1
        else:
            fresh.append((path, directive))
    gone = [(path, d) for path, facts in old.items() for d in facts.directives if _take(known, d)][:MOST]
    fresh = [row for row in fresh if not (row[1].name == "no cover" and row[1].anchor and row[1].anchor <= STUB)]
    for i, (path, directive) in enumerate(fresh):
        options = [row for row in gone if _covers(row[1], directive)] if i < MOST else []
        hit = next((row for row in options if _near(row[1].anchor, directive.anchor)), None) or next(
            (row for row in options if row[0] == path and reworded(path, row[1].line, directive.line)), None
        )
        if hit:
            gone.remove(hit)
        else:
            yield path, directive.line, f"switches a checker off: {directive.text}"
    yield from _lost_closers(old, new)


def _take(known: Counter[tuple[str, frozenset[str], frozenset[str]]], directive: Directive) -> bool:
    key = (directive.name, directive.codes, directive.anchor)
    known[key] -= 1
    return known[key] >= 0


def _covers(old: Directive, new: Directive) -> bool:
    """Whether `old` switched off all that `new` does."""
    same = old.name == new.name or NARROWER.get(new.name) == old.name
    return same and (not old.codes or (bool(new.codes) and new.codes <= old.codes))


def _near(a: frozenset[str], b: frozenset[str]) -> bool:
    return len(a & b) >= SIMILAR * len(a | b)


def _lost_closers(old: Mapping[str, Facts], new: Mapping[str, Facts]) -> Iterator[tuple[str, int, str]]:
    for path, facts in new.items():
        before = old.get(path, Facts())
        now = dict(facts.closers)
        for name, count in before.closers:
            fewer_open = _opened(before, name) - _opened(facts, name)
            if count - now.get(name, 0) > max(0, fewer_open):
                line = next((d.line for d in facts.directives if d.name == name), 1)
                yield path, line, f"what ended the reach of a directive is gone ({name})"


def _opened(facts: Facts, name: str) -> int:
    """How many directives of that name there are, without those that only end the reach of another."""
    return sum(d.name == name and not _CLOSERS[name].search(d.text) for d in facts.directives)
