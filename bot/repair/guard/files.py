"""Rules about whole files: lock, generated, snapshot and CI files, data of tests, names that shadow a runner."""

import json
from collections.abc import Iterator, Sequence

import re2

from bot.model import Refusal
from bot.repair.guard import kinds
from bot.repair.guard.change import Change
from bot.repair.guard.config.files import configures
from bot.repair.guard.languages import language_of

PROSE = frozenset({"md", "rst", "adoc"})
NOT_DATA = frozenset(
    {"requirements", "readme", "changelog", "license", "dockerfile", "makefile", "cmakelists", "py", "__init__"}
)

WANTED = re2.compile(r"(?i)(expect|golden|output|result|want|answer|baseline|reference|approved)|(^|[/._-])out[/._-]")
STEERS = re2.compile(r"(?i)skip|only|todo|xfail|ignor|error|disable|toleran|delta|flaky|known|expect|allow|enable")
"""Names in test data that tell what is expected, or how a test goes about it."""

BLANK = re2.compile(r"\n(?:[ \t]*\n)+")
ENTRY = re2.compile(r"(?ms)^exports\[`((?:[^`\\]|\\.)*)`\] = (`(?:[^`\\]|\\.)*`);")
WORD = re2.compile(r"[A-Za-z_]\w{2,}")
TAIL = re2.compile(r" \d+$")
RECORDS = 3  # from which a text counts as a list of them


def judge(change: Change, named: frozenset[str] = frozenset()) -> Iterator[Refusal]:
    """Yield what the name and the bare presence of a change are refused for.

    Test data may get fields that the program has `named` for the first time.
    """
    path = change.path
    if kinds.is_workflow(path):
        yield _refusal("workflow", path, "steers CI")
    if kinds.is_lock(path) or (
        path.endswith(".txt") and kinds.is_compiled_requirements(change.old_text, change.new_text)
    ):
        yield _refusal("lock-file", path, "is written by a package manager")
    elif kinds.is_snapshot(path) and (language_of(path) is None or "__snapshots__" in path):
        if change.old is not None and not _more_entries(change):
            yield _refusal("snapshot", path, "records what tests expect")
    elif kinds.is_generated(path, change.old_text, change.new_text):
        yield _refusal("generated-file", path, "is written by a generator")
    elif change.old is not None and _is_test_data(path) and not _same_data(change, named):
        yield _refusal("changed-expectation", path, "test data is changed or gone")
    if change.old is None and (name := kinds.shadows(path)):
        yield _refusal("patched-runner", path, f"would be loaded in place of {name}")


def skips_reading(change: Change) -> bool:
    """Whether a tool writes the file, so that its lines are not for people.

    A header alone does not say so of tests and of what steers checks, nor where it is new: anybody can write one.
    """
    path = change.path
    if kinds.is_lock(path) or kinds.is_generated(path, "", ""):
        return True
    if _steers(path) or not kinds.is_generated(path, change.old_text, change.new_text):
        return False
    return change.old is None or kinds.is_generated(path, change.old_text, "")


def _steers(path: str) -> bool:
    language = language_of(path)
    return bool((language and language.is_test(path)) or configures(path) or kinds.is_workflow(path))


def _is_test_data(path: str) -> bool:
    name = kinds.name_of(path).lower()
    stem = name.partition(".")[0]
    known = language_of(path) is not None and not name.endswith(
        (".yml", ".yaml", ".toml", ".css", ".html", ".xml", ".sql")
    )
    prose = name.rpartition(".")[2] in PROSE or any(stem.startswith(word) for word in NOT_DATA)
    script = name.endswith((".sh", ".bash", ".mk", ".cfg", ".ini")) or name.startswith(".")
    return kinds.in_test_folder(path) and not (known or prose or script or configures(path))


def _same_data(change: Change, named: frozenset[str]) -> bool:
    """Whether only layout changed: white space, or the layout of JSON."""
    if change.new is None or change.binary:
        return False
    old, new = ("".join(text.split()) for text in (change.old_text, change.new_text))
    if old == new:
        return True
    if WANTED.search(change.path):
        return False
    if not STEERS.search(change.path) and _more_records(change.old_text, change.new_text):
        return True
    return change.path.endswith(".json") and _grew(change.old_text, change.new_text, named)


def words_that_came(changes: Sequence[Change]) -> frozenset[str]:
    """The words that the code of the program among `changes` holds for the first time."""
    told = [c for c in changes if not c.binary and (language := language_of(c.path)) and not language.is_test(c.path)]
    was = {word for c in told for word in WORD.findall(c.old_text)}
    return frozenset(word for c in told for word in WORD.findall(c.new_text)) - was


def has_grown(change: Change) -> bool:
    """Whether a file of data got more, and all that stood there stands there still."""
    return change.new is not None and change.path.endswith(".json") and _grew(change.old_text, change.new_text)


def _more_entries(change: Change) -> bool:
    """Whether a file of snapshots by the names of their tests got more of them, each of a test of another name.

    A test that gets another name, or one snapshot more in front, records anew what it was to be compared with.
    """
    old, new = (dict(ENTRY.findall(text)) for text in (change.old_text, change.new_text))
    more = {TAIL.sub("", name) for name in new.keys() - old.keys()}
    kept = all(new.get(name) == body for name, body in old.items())
    return bool(old) and kept and not more & {TAIL.sub("", name) for name in old}


def _more_records(old: str, new: str) -> bool:
    """Whether a text of records, which blank lines part, got more of them, and all the others still stand there."""
    before, after = ([p.strip("\n") for p in BLANK.split(text.strip("\n"))] for text in (old, new))
    left = iter(after)
    return len(before) >= RECORDS and all(any(told == one for told in left) for one in before)


def _grew(old: str, new: str, named: frozenset[str] = frozenset()) -> bool:
    """Whether all that stood in JSON still stands there, in the same places of its objects and order of its lists."""
    try:
        told = [json.loads(text, parse_int=str, parse_float=str) for text in (old, new)]
        return _holds(told[0], told[1], named=named)
    except (ValueError, RecursionError):
        return False


def _holds(old: object, new: object, common: frozenset[str] = frozenset(), named: frozenset[str] = frozenset()) -> bool:
    """Whether `new` has all of `old`, and nothing more but whole items, and what is `common` to these or `named`."""
    if isinstance(old, dict) and isinstance(new, dict):
        more = [name for name in new if name not in old]
        fields = named | {name for name in common if isinstance(new.get(name), str)}
        told = all(name in fields and not STEERS.search(name) for name in more)
        return told and all(name in new and _holds(value, new[name], named=named) for name, value in old.items())
    if isinstance(old, list) and isinstance(new, list):
        items = [frozenset(item) if isinstance(item, dict) else frozenset[str]() for item in new[len(old) :]]
        shared = frozenset.intersection(*items) if items else frozenset[str]()
        return len(old) <= len(new) and all(_holds(a, b, shared, named) for a, b in zip(old, new, strict=False))
    return old == new


def _refusal(rule: str, path: str, message: str, line: int = 1) -> Refusal:
    return Refusal(rule=rule, file=path, line=line, message=message)
