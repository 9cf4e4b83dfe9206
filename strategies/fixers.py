"""Reading the table `fixers.yaml`: which checker a command is, and the command that makes it the fix."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.ports import Executed
from strategies.commands import Command, unwrap

SHORT = len("-f")
SHORT_OPTIONS = re.compile(r"-[A-Za-z]{2,}")
QUIET = frozenset({"--exit-zero", "--exit-code=0", "--soft-fail", "--no-fail", "--warn-only"})
DRY = frozenset({"--diff", "--dry-run", "--fix-dry-run", "--no-fix", "--check"})
APPLY = 'GIT_CEILING_DIRECTORIES="$(dirname "$PWD")"; export GIT_CEILING_DIRECTORIES; "$@" | git apply'

Fixer = Mapping[str, Any]


@dataclass(frozen=True)
class Fix:
    """What to do about a checker: its entry of the table, the program that was watched, and the command that fixes.

    `command` is None where the check itself has fixed already. `quiet`: it may complain, its exit code does not say.
    `unsafe`: the fix is one that its tool calls unsafe. `caller` is the fix by way of the program, if there is one,
    that passed the check's arguments on.
    """

    fixer: Fixer
    program: Executed
    command: tuple[str, ...] | None
    unsafe: bool = False
    caller: Executed | None = None

    @property
    def name(self) -> str:
        """The name of the checker."""
        return str(self.fixer["name"])

    @property
    def quiet(self) -> bool:
        """Whether only the step can tell that it complained."""
        return self.program.code == 0

    @property
    def may_be_quiet(self) -> bool:
        """Whether it does not fail for what it complains of; something else in the step may."""
        return bool(self.fixer.get("zero_exit")) or not QUIET.isdisjoint(self.program.argv)

    @property
    def key(self) -> tuple[str, ...]:
        """What tells it from others: the same arguments in the same folder are the same fix, whoever passes them on."""
        return (self.name, str(self.unsafe), self.program.cwd, *unwrap(self.program.argv).arguments)


def complaints(programs: Sequence[Executed], fixers: Sequence[Fixer], *, unsafe: bool) -> tuple[Fix, ...]:
    """The checkers that complain, or may do so without their exit code saying it, in the order of their ends."""
    found: dict[tuple[str, ...], Fix] = {}
    for program in programs:
        if program.code is None:
            continue
        fix = recognise(program, fixers, unsafe=unsafe)
        if fix and (program.code != 0 or fix.may_be_quiet):
            found.setdefault(fix.key, replace(fix, caller=by_its_caller(fix, programs)))
    return tuple(found.values())


def by_its_caller(fix: Fix, programs: Sequence[Executed]) -> Executed | None:
    """The fix as the caller of the check would start it: `uv run --with black black .`.

    Some callers make an environment for one run, and the check's own program is gone with it.
    """
    check = unwrap(fix.program.argv)
    if fix.command is None or fix.command[: len(check.start)] != check.start:
        return None
    passed_on = (check.name, *check.arguments)
    for program in programs:
        words = program.argv
        if program != fix.program and program.code is not None and words[-len(passed_on) :] == passed_on:
            argv = (*words[: len(words) - len(check.arguments)], *fix.command[len(check.start) :])
            return Executed(argv=argv, cwd=program.cwd, code=None, env=program.env)
    return None


def recognise(program: Executed, fixers: Sequence[Fixer], *, unsafe: bool = False) -> Fix | None:
    """The fix of a program; None when it is no check of the table, or one of which only an unsafe fix is known."""
    command = unwrap(program.argv)
    for fixer in fixers:
        if command.name not in words(fixer["program"]):
            continue
        read = replace(command, arguments=tuple(single_options(command.arguments, fixer)))
        if is_check(read.arguments, fixer):
            risky = bool(fixer.get("unsafe")) or (unsafe and "unsafe_add" in fixer)
            if risky and not unsafe:
                return None
            if fixer.get("writes") or (not risky and fixes_already(read.arguments, fixer)):
                return Fix(fixer, program, None, risky)
            return Fix(fixer, program, fixing(read, fixer, unsafe=risky), risky)
    return None


def fixes_already(arguments: Sequence[str], fixer: Fixer) -> bool:
    """Whether the check was started as the fix: it has fixed, and fails for that or for what is left."""
    added = set(fixer.get("add", ()))
    return bool(added) and added.issubset(arguments) and DRY.isdisjoint(arguments)


def words(entry: str | Sequence[str]) -> tuple[str, ...]:
    """One word or several, as the table has them."""
    return (entry,) if isinstance(entry, str) else tuple(entry)


def single_options(arguments: Sequence[str], fixer: Fixer) -> Iterator[str]:
    """The arguments, with `-dr` written as `-d -r` where `flags` says that these letters are options without values."""
    flags = set(fixer.get("flags", ""))
    for word in arguments:
        if SHORT_OPTIONS.fullmatch(word) and flags.issuperset(word[1:]):
            yield from (f"-{letter}" for letter in word[1:])
        else:
            yield word


def is_check(arguments: Sequence[str], fixer: Fixer) -> bool:
    """Whether the arguments make the program the check that the table means."""
    options = {word.split("=")[0] for word in arguments} | set(arguments)
    if options.intersection(fixer.get("unless", ())):
        return False
    if "check" in fixer and not options.intersection(fixer["check"]):
        return False
    if "replace" in fixer and not any(re.fullmatch(p, w) for p in fixer["replace"] for w in arguments):
        return False
    return "subcommand" not in fixer or subcommand(arguments, fixer) is not None


def subcommand(arguments: Sequence[str], fixer: Fixer) -> int | None:
    """Where the subcommand of the table stands, which is the first word that is no option and no option's value."""
    wanted = words(fixer["subcommand"])
    skip = False
    for place, word in enumerate(arguments):
        if skip:
            skip = False
        elif word in fixer.get("valued", ()):
            skip = True
        elif not word.startswith(("-", "+")):
            return place if word in wanted else None
    return None


def fixing(command: Command, fixer: Fixer, *, unsafe: bool) -> tuple[str, ...]:
    """The command that fixes what this check complains of."""
    place = subcommand(command.arguments, fixer) if "subcommand" in fixer else None
    head = command.arguments[: 0 if place is None else place + 1]
    tail = without(command.arguments[len(head) :], fixer)
    if "keep" in fixer:
        tail = [*kept(tail, fixer)] or list(fixer.get("default", ()))
    added = fixer["unsafe_add"] if unsafe and "unsafe_add" in fixer else fixer.get("add", ())
    start = command.start
    if "instead" in fixer:
        start = (*start[:-1], renamed(start[-1], command.name, fixer["instead"]))
    fix = (*start, *(replaced(w, fixer) for w in head), *added, *(replaced(w, fixer) for w in tail))
    return ("sh", "-c", APPLY, "sh", *fix) if fixer.get("patch") else fix


def renamed(path: str, name: str, other: str) -> str:
    """The program beside this one: another name in the same folder, or another module of the same interpreter."""
    folder, slash, _ = path.rpartition("/")
    return f"{folder}{slash}{other.replace('-', '_') if path == name.replace('-', '_') and not slash else other}"


def replaced(word: str, fixer: Fixer) -> str:
    """The word that stands in the fix where this one stands in the check."""
    for pattern, other in fixer.get("replace", {}).items():
        if found := re.fullmatch(pattern, word):
            return found.expand(other)
    return word


def without(arguments: Sequence[str], fixer: Fixer) -> list[str]:
    """The arguments without the options that the fix must not have, nor those that are added, or would be if unsafe."""
    gone = {*fixer.get("remove", ()), *fixer.get("add", ()), *fixer.get("unsafe_add", ())}
    valued = tuple(fixer.get("remove_valued", ()))
    joined = tuple(v if len(v) == SHORT else f"{v}=" for v in valued)
    left: list[str] = []
    skip = False
    for word in arguments:
        if skip:
            skip = False
        elif word in valued:
            skip = True
        elif gone.isdisjoint((word, word.split("=")[0])) and not word.startswith(joined):
            left.append(word)
    return left


def kept(arguments: Sequence[str], fixer: Fixer) -> Iterator[str]:
    """Only the options that the fixing program shares with the check, with their values, and what is no option."""
    rest = iter(arguments)
    for word in rest:
        option = word.split("=")[0]
        if option in fixer["keep"]:
            yield word
            if option == word:
                yield next(rest, "")
        elif not word.startswith("-"):
            yield word
