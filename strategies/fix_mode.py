"""Fix mode: the failing command is a checker that can fix what it complains of, so it is run in its fix mode.

The held step is watched, every checker in it is recognised by the table `fixers.yaml` whatever wrapper started it, and
is run again as the fix, in its own folder and environment. Then the step is watched anew: the next may complain now.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.model import Candidate, Category, Diagnosis, Incident
from bot.ports import Executed, Tools
from strategies.commands import Command, parsed, unwrap

NAME = "fix mode"
CATEGORIES = frozenset(
    {Category.LINT_ERROR, Category.TYPE_ERROR, Category.COMPILE_ERROR, Category.SNAPSHOT_DIFF, Category.TEST_ASSERTION}
    | {Category.GITHUB_ACTIONS_CONFIG}  # what an action or a script that wraps a checker looks like
)
SECONDS = 600

Fixer = Mapping[str, Any]


def applies(diagnosis: Diagnosis, tree: frozenset[str]) -> bool:
    """Whether a checker may be behind the failure: all but the categories that no checker causes."""
    return diagnosis.category in CATEGORIES and bool(tree)


def propose(incident: Incident, tools: Tools) -> Iterator[Candidate]:
    """Fix until the step is green or nothing changes any more; at most one candidate."""
    fixers = tools.table("fixers.yaml")
    session = tools.session(fresh_step=True)
    used: dict[str, None] = {}
    watched = session.watch()
    for _ in range(tools.max_rounds):
        programs = watched.programs or written_down(session.script)
        todo = list(complaints(programs, fixers, unsafe=tools.unsafe_fixes))
        if watched.code == 0 or not todo:
            break
        before = session.written()
        used |= dict.fromkeys(name for name, *_ in todo)
        for _, program, command in todo:
            if command is not None:
                session.run(command, cwd=program.cwd, env=program.env, timeout=SECONDS)
        watched = session.watch()
        if session.written() == before and watched.code:
            break
    changes = session.written()
    if used and changes:
        summary = f"Run {' and '.join(used)} in fix mode"
        safe = not tools.unsafe_fixes
        candidate = tools.candidate(changes, summary, safe=safe, step_green=watched.code == 0)
        if candidate:
            yield candidate


def written_down(script: str) -> tuple[Executed, ...]:
    """What a script starts by its own words: the fallback where it cannot be watched."""
    return tuple(Executed(argv, cwd="", code=1) for argv in parsed(script))


def complaints(
    programs: Sequence[Executed], fixers: Sequence[Fixer], *, unsafe: bool
) -> Iterator[tuple[str, Executed, list[str] | None]]:
    """The checkers that complain: their name, the program, and the command that fixes (None: it has fixed already)."""
    seen = set()
    for program in programs:
        found = recognise(unwrap(program.argv), fixers, unsafe=unsafe) if program.code is not None else None
        if found is None or (program.code == 0 and not found[0].get("zero_exit")):
            continue
        fixer, command = found
        key = (program.cwd, tuple(command or program.argv))
        if key not in seen:
            seen.add(key)
            yield fixer["name"], program, command


def recognise(
    command: Command, fixers: Sequence[Fixer], *, unsafe: bool = False
) -> tuple[Fixer, list[str] | None] | None:
    """The fixer of a command, and the command that fixes; None when it is no check of the table."""
    for fixer in fixers:
        arguments = list(command.arguments)
        if command.name != fixer["program"] or not is_check(arguments, fixer):
            continue
        place = next((i + 1 for i, w in enumerate(arguments) if w == fixer.get("subcommand")), 0)
        if fixer.get("writes"):
            return fixer, None
        added = [*fixer.get("add", ()), *(fixer.get("unsafe_add", ()) if unsafe else ())]
        return fixer, [*command.start, *arguments[:place], *added, *without(arguments[place:], fixer)]
    return None


def is_check(arguments: Sequence[str], fixer: Fixer) -> bool:
    """Whether the arguments make the program the check that the table means."""
    if "check" in fixer and not set(fixer["check"]).intersection(arguments):
        return False
    first = next((w for w in arguments if not w.startswith("-")), "")
    return bool(first == fixer.get("subcommand", first))


def without(arguments: Sequence[str], fixer: Fixer) -> list[str]:
    """The arguments without the options that the fix must not have (nor what the fix adds, twice)."""
    gone = {*fixer.get("remove", ()), *fixer.get("add", ())}
    valued = tuple(fixer.get("remove_valued", ()))
    kept: list[str] = []
    skip = False
    for word in arguments:
        if skip:
            skip = False
        elif word in valued:
            skip = True
        elif word not in gone and not word.startswith(tuple(f"{v}=" for v in valued)):
            kept.append(word)
    return kept
