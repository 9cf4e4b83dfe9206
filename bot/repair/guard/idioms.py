"""Ways of saying the same in a test that a comparison of single assertions does not know."""

from bot.repair.guard.facts import Check, Unit

SETUP = frozenset({"os.MkdirTemp", "ioutil.TempDir", "os.Setenv", "os.Chdir", "ioutil.TempFile", "os.CreateTemp"})
MODERN = frozenset({"t.TempDir", "t.Setenv", "t.Chdir", "b.TempDir", "b.Setenv", "tb.TempDir"})
GIVEN_BACK = frozenset({"Err", "is_err", "unwrap_err", "expect_err"})


def said_otherwise(check: Check, old: Unit, new: Unit) -> bool:
    """Whether an assertion that is gone is made by other means now."""
    return (
        _awaited_now(check, old, new)
        or _matched_now(check, new)
        or (_is_error(check) and is_modern(old, new))
        or _given_back(check, new)
    )


def is_modern(old: Unit, new: Unit) -> bool:
    """Whether a test of Go sets itself up by the means of `testing`, which fail by themselves, instead of by `os`."""
    return any(name in MODERN for name in {*new.calls} - {*old.calls}) and bool(SETUP & ({*old.calls} - {*new.calls}))


def _is_error(check: Check) -> bool:
    return check.op == "none" and check.subject in {"err", "error"}


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
