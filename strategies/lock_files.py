"""Lock files: a command says that one is stale, so its own tool brings it up to date, by what changes least.

The held step is watched, what looks at a lock file is recognised by the table `lock_files.yaml` whatever wrapper
started it, and the tool's own repairs are run in its folder. Releases are those of the run's time, as everywhere on
the bench.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import re2

from bot.model import Candidate, Category, Diagnosis, Incident
from bot.ports import Executed, Session, Tools, Written
from strategies.commands import Command, interpreted, parsed

NAME = "lock files"
CATEGORIES = frozenset(
    {
        Category.DEPENDENCY_INSTALL,
        Category.LINT_ERROR,
        Category.COMPILE_ERROR,
        Category.GITHUB_ACTIONS_CONFIG,
        Category.SNAPSHOT_DIFF,
        Category.TEST_ASSERTION,
    }
)
RULES = ("lock-file",)
ENDINGS = (".lock", ".lockb", ".sum", "-lock.json", "-lock.yaml", ".locked", "npm-shrinkwrap.json", "go.mod")
SECONDS = 600

Tool = Mapping[str, Any]


def applies(diagnosis: Diagnosis, tree: frozenset[str]) -> bool:
    """Whether there is a lock file; which command has looked at it shows when the step is watched."""
    return diagnosis.category in CATEGORIES and any(path.endswith(ENDINGS) for path in tree)


def propose(incident: Incident, tools: Tools) -> Iterator[Candidate]:
    """Bring up to date what the step complains of, one tool and folder after the other; at most one candidate."""
    table = tools.table("lock_files.yaml")
    watching, session = tools.session(), tools.session(fresh_step=True)
    watched = watching.watch()
    programs = watched.programs or tuple(Executed(argv, cwd="", code=1) for argv in parsed(watching.script))
    used: dict[str, None] = {}
    for tool, command, program in stale(programs, table, watched.output):
        before = session.written()
        repair(session, tool, command, program)
        if locks(session.written(), tool) != locks(before, tool):
            used[f"{tool['name']} ({', '.join(tool['files'][:1])})"] = None
    files = {name for tool in table for name in tool["files"]}
    changes = [w for w in session.written() if PurePosixPath(w.path).name in files and w.content is not None]
    candidate = tools.candidate(changes, f"Update the lock file of {' and '.join(used)}", rules=RULES) if used else None
    if candidate:
        yield candidate


def stale(programs: Sequence[Executed], table: Sequence[Tool], output: str) -> Iterator[tuple[Tool, Command, Executed]]:
    """What looks at a lock file and failed: its entry, the command, the program; each tool once in a folder."""
    seen = set()
    for program in programs:
        command = started(program.argv)
        tool = recognise(command, table, output) if program.code else None
        if tool and (tool["name"], program.cwd) not in seen:
            seen.add((tool["name"], program.cwd))
            yield tool, command, program


def started(argv: Sequence[str]) -> Command:
    """The command of a program; bun and uv are package managers here, not what runs another program."""
    bun = bool(argv) and PurePosixPath(argv[0]).name == "bun"
    return Command("bun", (argv[0],), tuple(argv[1:])) if bun else interpreted(argv)


def recognise(command: Command, table: Sequence[Tool], output: str) -> Tool | None:
    """The entry of a command that looks at a lock file; None when none does. `output` is that of the whole step."""
    words = [w for w in command.arguments if not w.startswith(("-", "+"))]
    for tool in table:
        asked = "subcommands" not in tool or (words[0] if words else "") in tool["subcommands"]
        looks = "options" not in tool or set(tool["options"]).intersection(command.arguments)
        told = "said" not in tool or any(re2.search(pattern, output) for pattern in tool["said"])
        if command.name == tool["program"] and asked and looks and told:
            return tool
    return None


def repair(session: Session, tool: Tool, command: Command, program: Executed) -> None:
    """Run the repairs, until one changes the lock file and the program has nothing to say of it any more."""
    env = {**program.env, **tool.get("env", {})}
    for number, arguments in enumerate(tool["repairs"], 1):
        before = locks(session.written(), tool)
        ran = session.run([*command.start, *arguments], cwd=program.cwd, env=env, timeout=SECONDS)
        changed = ran.code == 0 and locks(session.written(), tool) != before
        if number == len(tool["repairs"]):
            return
        if changed and session.run(program.argv, cwd=program.cwd, env=program.env, timeout=SECONDS).code == 0:
            return


def locks(written: Sequence[Written], tool: Tool) -> dict[str, bytes | None]:
    """The lock files of a tool among what was written."""
    return {w.path: w.content for w in written if PurePosixPath(w.path).name in tool["files"]}


def is_lock(path: str, tools: Tools) -> bool:
    """Whether it is a lock file of the table."""
    return any(PurePosixPath(path).name in tool["files"] for tool in tools.table("lock_files.yaml"))


def relock(session: Session, folder: str, tools: Tools) -> None:
    """Bring the lock files of a folder up to date, after its manifest was edited in the session."""
    seen = set()
    for tool in tools.table("lock_files.yaml"):
        there = [name for name in tool["files"] if str(PurePosixPath(folder, name)) in tools.paths]
        if there and tool["program"] not in seen:
            seen.add(tool["program"])
            place = f"{session.workspace}/{folder}".rstrip("/")
            for arguments in tool["repairs"]:
                if (
                    session.run([tool["program"], *arguments], cwd=place, env=tool.get("env"), timeout=SECONDS).code
                    == 0
                ):
                    break
