"""The signatures of `config/signatures/*.yaml`: what tools print, as data.

A file is `{ecosystem: name, commands: [...], signatures: [...]}`. A signature has

    id        unique, `tool.what`
    role      cause    names what is wrong
              test     names a failing test (captures `test`); `rank` 1 is the runner's own list of failures, 2 to 4
                       are places that name it less fully; where a better rank names the same test, it is one test
              tally    counts tests (captures `passed`, `failed`, `errors`, `skipped`, `total`); `mode` says how counts
                       of one runner combine: `add`, `part` (a later `add` contains it) or `last` (the latest counts);
                       `red` adds, but only red runs print it: how many tests ran is not held against a green one
              detail   is worth showing beside a cause: an assertion, a difference, a header that names a check
              frame    names a place (`file`, `line`) and nothing else
              result   only says that something failed before
              noise    looks like an error and is none: other signatures do not count on such a line
    category  one of the eleven, or absent where the command that ran decides
    weight    0 to 100: how well a line of this kind names what is wrong, compared with others in the same step
    near      literal texts of which one stands in each such line. The one pass over a log looks for them, so colours
              must not change inside; an exact pattern is tried only where one is. Without `near` (frames and details
              need none) a signature is tried only on the lines beside what was found
    trigger   optional: a short re2 pattern over the raw bytes that the pass looks for instead, where colours do change
              inside each `near` or it stands in many other lines; no `.*`
    pattern   an re2 pattern over the line without stamp and colours
    alone     true for a line of a list whose neighbours say nothing about it
    unless    optional: where this stands too, it is none
    match, differ   examples that must and must not match; they are the tests of the signature

The signatures of a file with `fallback: true` are asked only where nothing else was found.

Commands are `{pattern, category}`: what it means when such a command fails and nothing better is known.
"""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from bot.config_files import config_root
from bot.errors import UsageError
from bot.model import Category
from bot.text.patterns import Finder, Pattern, PatternSet, compile_pattern, escape, finder

ROLES = ("cause", "test", "tally", "detail", "frame", "result", "noise")
MODES = ("add", "part", "last", "red")
_FAILURE, _ESCAPE = rb"(?:rror|RROR|FAIL|ailed|ailure)", rb"(?:\x1b|\^\[)"
_COLOURED = rb"%b\[[\d;]*m\W?\w?%b|%b\w{0,3}\W?%b" % (_ESCAPE, _FAILURE, _FAILURE, _ESCAPE)
"""A word of failure at the edge of a colour: tools colour these by themselves, which tears a `near` apart."""

_PREFIXES = (  # of runners of many packages (turbo, pnpm, lerna, docker compose), and of comments of TAP
    r"^(?:@?[\w./-]+(?::| )[\w-]*(?:test|build|lint|check|type|compile|e2e|spec|ci|dev|start|cover)[\w:.-]*: ?"
    r"|[\w.-]+-\d+ +\| |# )"
)
_find_prefix = finder(compile_pattern(_PREFIXES))

_KEYS = {
    "id",
    "role",
    "category",
    "weight",
    "near",
    "trigger",
    "pattern",
    "unless",
    "mode",
    "rank",
    "alone",
    "match",
    "differ",
}


@dataclass(frozen=True)
class Signature:
    """One entry of a file. See the module for what each part means; `tool` is the id up to its first dot."""

    id: str
    role: str
    category: Category | None
    weight: int
    near: tuple[str, ...]
    pattern: str
    trigger: str = ""
    unless: str = ""
    mode: str = "add"
    rank: int = 1
    alone: bool = False
    fallback: bool = False
    match: tuple[str, ...] = ()
    differ: tuple[str, ...] = ()

    @property
    def tool(self) -> str:
        """What prints it."""
        return self.id.split(".", 1)[0]

    @cached_property
    def regex(self) -> Pattern:
        """The compiled pattern; compiled when it is first needed."""
        return compile_pattern(self.pattern)

    @cached_property
    def _find(self) -> Finder:
        return finder(self.regex)

    @cached_property
    def _names(self) -> list[tuple[str, int]]:
        return list(self.regex.groupindex.items())

    @cached_property
    def _veto(self) -> Finder | None:
        return finder(compile_pattern(self.unless)) if self.unless else None

    def fields(self, text: bytes) -> dict[str, str] | None:
        """Return what the pattern captures in a cleaned line, without what is empty; None when it does not match."""
        spans = self._find(text)
        if spans[0][0] < 0 or (self._veto and self._veto(text)[0][0] >= 0):
            return None
        captured = ((name, *spans[number]) for name, number in self._names)
        return {name: text[a:b].decode("utf-8", "replace").strip() for name, a, b in captured if a < b}


@dataclass(frozen=True)
class Command:
    """A command and the category of its failure."""

    pattern: str
    category: Category

    @cached_property
    def regex(self) -> Pattern:
        """The compiled pattern."""
        return compile_pattern(self.pattern)


Found = tuple[Signature, dict[str, str]]
"""A signature that matched, with what it captured."""


class _Group:
    """Signatures that are asked together."""

    def __init__(self, entries: Iterable[Signature]) -> None:
        self._entries = tuple(entries)

    @cached_property
    def _patterns(self) -> PatternSet:
        return PatternSet(entry.pattern for entry in self._entries)

    def calling(self, text: bytes) -> list[Signature]:
        """Return those whose pattern a cleaned line has, in their order."""
        return [self._entries[index] for index in sorted(self._patterns.matching(text))]


class Signatures:
    """All signatures, ready to be asked about a line."""

    def __init__(self, entries: Iterable[Signature], commands: Iterable[Command] = ()) -> None:
        self.entries = tuple(entries)
        self.commands = tuple(commands)
        self._main = [e for e in self.entries if e.near and not e.fallback and e.role not in {"frame", "noise"}]
        self._sides = _Group(
            e for e in self.entries if not e.fallback and (e.role in {"detail", "frame"} or not e.near)
        )
        self._fallbacks = _Group(e for e in self.entries if e.role == "cause" and (e.fallback or not e.near))

    def with_more(self, entries: Iterable[Signature]) -> "Signatures":
        """Return these with others, which come first; these themselves when there are no others."""
        more = tuple(entries)
        own = {entry.id for entry in more}
        return Signatures([*more, *(e for e in self.entries if e.id not in own)], self.commands) if more else self

    @cached_property
    def triggers(self) -> list[bytes]:
        """What the raw pass looks for, as re2 patterns: what it takes to meet each `near`, and no more.

        How many there are costs little; a line that is met in vain costs as much as passing over some kilobytes.
        """
        exact = (escape(text.encode()) for entry in self._main if not entry.trigger for text in entry.near)
        triggers = (entry.trigger.encode() for entry in self._main if entry.trigger)
        return list(dict.fromkeys([_COLOURED, *triggers, *exact]))

    @cached_property
    def _nears(self) -> tuple[PatternSet, list[list[Signature]]]:
        """All literals, and for each the signatures that it calls for; behind them what a prefix looks like."""
        nears: dict[bytes, list[Signature]] = {}
        for entry in self._main:
            for text in entry.near:
                nears.setdefault(escape(text.encode()), []).append(entry)
        return PatternSet([*nears, _PREFIXES]), list(nears.values())

    @cached_property
    def _noise(self) -> Finder:
        """All of noise in one pattern; one that matches nothing when there is none."""
        noise = [f"(?:{entry.pattern})" for entry in self.entries if entry.role == "noise"]
        return finder(compile_pattern("|".join(noise) or r"\z."))

    def matching(self, text: bytes) -> list[Found]:
        """Return the signatures that a cleaned line matches; none on a line of noise.

        When there is none, those of what stands behind the prefix of a runner of many packages.
        """
        return self.matching_but(text, ())[0]

    def matching_but(self, text: bytes, full: Container[str]) -> tuple[list[Found], bool]:
        """Return what `matching` does without the ids of `full`, and whether all was tried that the line calls for."""
        found, prefixed, whole = self._matching(text, full)
        return self._matching(text[_find_prefix(text)[0][1] :], full)[0] if prefixed and not found else found, whole

    def _matching(self, text: bytes, full: Container[str]) -> tuple[list[Found], bool, bool]:
        nears, entries = self._nears
        near = nears.matching(text)
        called = {e.id: e for index in near if index < len(entries) for e in entries[index]}
        tried = [entry for name, entry in called.items() if name not in full]
        found = self._among(tried, text) if tried else []
        return found, len(entries) in near, len(tried) == len(called)

    def beside(self, text: bytes) -> list[Found]:
        """Return details, frames and what has no `near` of a cleaned line: for lines beside what was found."""
        found = self._among(self._sides.calling(text), text)
        end = _find_prefix(text)[0][1]
        if found or end < 0:
            return found
        bare = text[end:]
        return self._among(self._sides.calling(bare), bare)

    def falling_back(self, text: bytes) -> list[Found]:
        """Return the causes that the pass does not look for: for the lines of a step that nothing else explains."""
        return self._among(self._fallbacks.calling(text), text)

    def _among(self, entries: Iterable[Signature], text: bytes) -> list[Found]:
        found = [(entry, fields) for entry in entries if (fields := entry.fields(text)) is not None]
        return [] if found and self._noise(text)[0][0] >= 0 else found


def load(folder: Path | None = None, *, check: bool = False) -> Signatures:
    """Read every file of `folder` (default: `config/signatures`).

    `check` compiles every pattern at once; else each is compiled when it is first needed, for a quick start. Raises
    `UsageError` that names the file and the entry when one is wrong.
    """
    folder = folder or config_root() / "signatures"
    entries: dict[str, Signature] = {}
    commands: list[Command] = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            data = yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
        except (OSError, yaml.YAMLError) as error:
            raise UsageError(f"{path.name}: {error}") from None
        if not isinstance(data, dict) or not isinstance(data.get("signatures"), list):
            raise UsageError(f"{path.name}: a mapping with a list `signatures` is expected")
        for row in data["signatures"]:
            entry = _entry(row, path.name, fallback=bool(data.get("fallback")))
            if entry.id in entries:
                raise UsageError(f"{path.name}: the id {entry.id!r} stands twice")
            entries[entry.id] = entry
            if check:
                _compile(entry, path.name)
        commands += [_command(row, path.name) for row in data.get("commands") or ()]
    # To install is to install whatever its arguments are called: pip install -r requirements-lint.txt. What a script of
    # the project is called says least.
    commands.sort(key=lambda c: (c.pattern.startswith("/"), c.category is not Category.DEPENDENCY_INSTALL))
    return Signatures(entries.values(), commands)


def read_entries(rows: Iterable[Any], where: str) -> list[Signature]:
    """Read signatures of a repository's own, in the form of the files here.

    Raises `UsageError` when one is wrong, or one of its examples shows that it does not do what it should.
    """
    entries = [_entry(row, where, fallback=False) for row in rows]
    for entry in entries:
        _compile(entry, where)
        for text, wanted in [*((t, True) for t in entry.match), *((t, False) for t in entry.differ)]:
            if (entry.fields(text.encode()) is not None) is not wanted:
                raise UsageError(f"{where}: {entry.id}: it should {'' if wanted else 'not '}match {text!r}")
    return entries


def _entry(row: Any, where: str, *, fallback: bool) -> Signature:
    if not isinstance(row, dict) or not {"id", "role", "pattern"} <= row.keys():
        raise UsageError(f"{where}: a signature needs id, role and pattern", hint=str(row)[:100])
    name = row["id"]
    if unknown := row.keys() - _KEYS:
        raise UsageError(f"{where}: {name}: unknown key {min(unknown)!r}")
    role, mode, weight = row["role"], row.get("mode", "add"), row.get("weight", 0)
    if role not in ROLES or mode not in MODES or not isinstance(weight, int) or not 0 <= weight <= 100:
        raise UsageError(f"{where}: {name}: role, mode or weight is none that there is")
    for key in ("id", "pattern", "trigger", "unless"):
        if not isinstance(row.get(key, ""), str):
            raise UsageError(f"{where}: {name}: `{key}` is a text", hint=f"not {row[key]!r}"[:100])
    for key in ("near", "match", "differ"):
        texts = row.get(key, [])
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise UsageError(f"{where}: {name}: `{key}` is a list of texts")
    return Signature(
        id=name,
        role=role,
        category=_category(row.get("category"), where, name),
        weight=weight,
        near=tuple(row.get("near", ())),
        pattern=row["pattern"],
        trigger=row.get("trigger", ""),
        unless=row.get("unless", ""),
        mode=mode,
        rank=row.get("rank", 1),
        alone=row.get("alone", False),
        fallback=fallback,
        match=tuple(row.get("match", ())),
        differ=tuple(row.get("differ", ())),
    )


def _compile(entry: Signature, where: str) -> None:
    try:
        compile_pattern(entry.pattern)
        compile_pattern(entry.unless)
        compile_pattern(entry.trigger.encode(), raw=True)
    except ValueError as error:
        raise UsageError(f"{where}: {entry.id}: {error}") from None


def _command(row: Any, where: str) -> Command:
    if not isinstance(row, dict) or row.keys() != {"pattern", "category"}:
        raise UsageError(f"{where}: a command needs pattern and category", hint=str(row)[:100])
    category = _category(row["category"], where, row["pattern"])
    if category is None:
        raise UsageError(f"{where}: the command {row['pattern']!r} needs a category")
    return Command(row["pattern"], category)


def _category(value: Any, where: str, name: str) -> Category | None:
    if value is None:
        return None
    try:
        return Category(value)
    except ValueError:
        raise UsageError(f"{where}: {name}: there is no category {value!r}") from None
