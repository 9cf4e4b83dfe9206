"""Ways of saying the same in a test that a comparison of single assertions does not know."""

from collections import Counter
from collections.abc import Sequence

import re2

from bot.repair.guard.checks import counts_change
from bot.repair.guard.directives import literals_of
from bot.repair.guard.facts import Check, Unit
from bot.repair.guard.operators import EQUAL

ENZYME = frozenset({"mount", "shallow"})
SETUP = frozenset(
    {
        "http.Get",
        "http.Post",
        "http.NewRequest",
        "http.Head",
        "os.MkdirTemp",
        "ioutil.TempDir",
        "os.Setenv",
        "os.Chdir",
        "ioutil.TempFile",
        "os.CreateTemp",
    }
)
MODERN = frozenset(
    {
        "httptest.NewRecorder",
        "httptest.NewRequest",
        "t.TempDir",
        "t.Setenv",
        "t.Chdir",
        "b.TempDir",
        "b.Setenv",
        "tb.TempDir",
    }
)
TEMPORARY = frozenset({"tempdir", "TempDir", "tmp_path", "mkdtemp", "createTempDirectory", "mktmpdir"})
"""Makers of folders that a fixed one gives way to."""
ADDRESS = re2.compile(r"^https?://[^/]+/")
FIXED = "/tmp/"  # noqa: S108  # read in a test, nothing is written there
GIVEN_BACK = frozenset({"Err", "is_err", "unwrap_err", "expect_err"})


def said_otherwise(check: Check, old: Unit, new: Unit) -> bool:
    """Whether an assertion that is gone is made by other means now."""
    told = _awaited_now(check, old, new) or _matched_now(check, new) or _given_back(check, new)
    told = told or _implied(check, new) or _in_one(check, old, new) or _raised_whole(check, old, new)
    told = told or any(counts_change(check, c) for c in new.checks if check.op in EQUAL | {"length"})
    return told or (check.op == "fail" and ("matches" in new.words - old.words or _raised_now(old, new)))


def is_rendered_anew(old: Unit, new: Unit) -> bool:
    """Whether a component that Enzyme mounted is rendered by Testing Library, which asks for what people see."""
    was, now = ({part for call in unit.calls for part in call.split(".")} for unit in (old, new))
    return bool(was & ENZYME) and not now & ENZYME and "render" in now - was


def is_seen(check: Check, others: Sequence[Check]) -> bool:
    """Whether what was expected is what one of these checks expects, a number perhaps as its text."""
    wanted = {_text(x) for x in check.expected_literals}
    return (
        any(wanted <= {_text(x) for x in (*c.expected_literals, *c.subject_literals)} for c in others)
        if wanted
        else False
    )


def _text(literal: str) -> str:
    return literal.strip("'\"`").removesuffix(".0")


def _in_one(check: Check, old: Unit, new: Unit) -> bool:
    """Whether values that were asked one after another are the members of one list now, of what the same calls give."""
    asked = [c for c in old.checks if (c.op, c.subject) == (check.op, check.subject)]
    wanted = Counter(x for c in asked for x in c.expected_literals)
    lists = [c for c in new.checks if c.op in EQUAL and c.elements == len(asked) > 1 and not c.lossy - check.lossy]
    same = _last_names(old) - {"next"} <= _last_names(new)
    return same and check.op in EQUAL and any(Counter(c.expected_literals) == wanted for c in lists)


def _implied(check: Check, new: Unit) -> bool:
    """Whether it only asked that there is something, of which another assertion asks what it is: an error its kind."""
    exists = check.op == "not-none" or (check.op, check.expected) == ("ne", "nil")
    told = (c for c in new.checks if c.subject == check.subject and c.op in EQUAL | {"raises"} and c.expected)
    return exists and any(not (set(c.guards) - set(check.guards) or c.hollow) for c in told)


def _raised_whole(check: Check, old: Unit, new: Unit) -> bool:
    """Whether kind and text of a failure, which were expected one by one, are those of the one that is expected now."""
    parts = [c for c in old.checks if c.op == "raises"]
    kept = [c for c in new.checks if c.op == "raises" and not c.lossy and not c.guards]
    words = {w for c in parts for w in c.words} - {"class"}
    wanted = {x for c in parts for x in c.expected_literals}
    whole = any(words <= c.words and wanted <= {*c.expected_literals, *c.subject_literals} for c in kept)
    return check.op == "raises" and len(parts) > len(kept) == 1 and whole


def _raised_now(old: Unit, new: Unit) -> bool:
    """Whether a test that failed by itself where nothing was raised asks for one kind of failure now."""
    was, now = ([c for c in unit.checks if c.op == "raises" and not c.lossy] for unit in (old, new))
    return len(now) > len(was)


def said_by_setup(literal: str, old: Unit, new: Unit, check: Check) -> bool:
    """Whether a literal is of a set-up that is made by other means: a call by that name, the path of an address."""
    text = literal.strip("'\"`")
    made = {told for told, _ in old.literals} & (_last_names(new) - _last_names(old))
    named = text in made or (bool(made) and literal.startswith("key "))  # an object that a call makes now
    address = ADDRESS.match(text)
    path = bool(address) and any(told.startswith("/") and text.endswith(told) for told, _ in new.literals)
    return named or path or is_of_setup(literal, old, new, check)


def _last_names(unit: Unit) -> set[str]:
    return {call.rpartition(".")[2] for call in unit.calls}


def _set_up(unit: Unit) -> list[tuple[str, str]]:
    """(name, call) of what a test of Go keeps of its set-up by `os`."""
    return [(name, value) for name, value in unit.assigned if value.partition("(")[0] in SETUP]


def _is_modern(old: Unit, new: Unit) -> bool:
    """Whether a test of Go sets itself up by the means of `testing`, which fail by themselves, instead of by `os`."""
    return any(name in MODERN for name in {*new.calls} - {*old.calls}) and bool(SETUP & ({*old.calls} - {*new.calls}))


def spare_errors(old: Unit, new: Unit) -> int:
    """How many errors of a set-up need not be looked at any more, since its calls by `os` are gone."""
    if not _is_modern(old, new):
        return 0
    was, now = (sum(is_error_name(name) for name, _ in _set_up(unit)) for unit in (old, new))
    return max(0, was - now)


def is_of_setup(literal: str, old: Unit, new: Unit, check: Check) -> bool:
    """Whether a literal stood in a call of the set-up that is gone, or is a part of a path without its slash now."""
    text = literal.strip("'\"").removeprefix("{}")  # what a path was put together with
    if text.startswith(FIXED) and TEMPORARY & new.words - old.words:
        return True
    if not _is_modern(old, new):
        return False
    kept = {x.strip("'\"") for x in check.subject_literals}
    given = {x for _, call in _set_up(old) for x, _ in literals_of(call)}
    return text in given or (text.startswith("/") and text.strip("/") in kept)


def is_error(check: Check) -> bool:
    """Whether it asks that a call of Go gave back no error."""
    return check.op == "none" and is_error_name(check.subject)


def is_error_name(name: str) -> bool:
    """Whether Go programs give that name to errors."""
    return name in {"err", "error"}


def _given_back(check: Check, new: Unit) -> bool:
    """Whether a failure that was thrown is one that is given back now, and asked for."""
    return (
        check.op == "raises"
        and not check.expected_literals
        and bool(GIVEN_BACK & {w for c in new.checks for w in c.words})
    )


def _awaited_now(check: Check, old: Unit, new: Unit) -> bool:
    """Whether a callback's error was asked to be none, and is thrown now: what may fail is awaited instead."""
    return (
        check.op in {"none", "undefined", "falsy", "not-truthy"}
        and check.subject in {"err", "error", "e"}
        and "await" in new.words
        and "await" not in old.words
    )


def _matched_now(check: Check, new: Unit) -> bool:
    """Whether what was asked of a caught exception is what `raises` has to match now."""
    matched = {x for c in new.checks if c.op == "raises" for x in c.expected_literals}
    return ".value" in check.subject and set() < set(check.expected_literals) <= matched
