"""What a program is, behind the interpreter that runs it: `python -m black .` and `node …/bin/prettier.cjs .` alike."""

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

INTERPRETERS = re.compile(r"^(python|pypy|node|bun|ruby|php|perl|bash|sh|dash)[\d.]*m?$")
SEPARATORS = re.compile(r"\n|&&|\|\||;|\|")
ASSIGNMENT = re.compile(r"^\w+=")
VALUED = {"python": ("-W", "-X", "-c", "-m"), "node": ("-r", "--require", "--import", "-e")}
PACKAGE_FOLDERS = ("bin", "dist", "lib", "cli", "src", "build", "out")


@dataclass(frozen=True)
class Command:
    """A program: its name, what must stand before its arguments to start it again, and the arguments."""

    name: str
    start: tuple[str, ...]
    arguments: tuple[str, ...]


def unwrap(argv: Sequence[str]) -> Command:
    """Take the interpreter off a command line."""
    if not argv:
        return Command("", (), ())
    first = PurePosixPath(argv[0]).name
    found = INTERPRETERS.match(first)
    if not found:
        return Command(first, (argv[0],), tuple(argv[1:]))
    kind, at = found[1], 1
    while at < len(argv) and argv[at].startswith("-"):
        if argv[at] == "-m" and kind in ("python", "pypy") and at + 1 < len(argv):
            return Command(module_name(argv[at + 1]), tuple(argv[: at + 2]), tuple(argv[at + 2 :]))
        at += 2 if argv[at] in VALUED.get(kind, ()) else 1
    if at >= len(argv) or kind in ("bash", "sh", "dash"):
        return Command(first, (argv[0],), tuple(argv[1:]))
    return Command(script_name(argv[at]), tuple(argv[: at + 1]), tuple(argv[at + 1 :]))


def parsed(script: str) -> Iterator[tuple[str, ...]]:
    """The simple commands of a shell script, as far as their words are plain; for where it cannot be watched."""
    for line in SEPARATORS.split(script.replace("\\\n", " ")):
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            continue
        while words and ASSIGNMENT.match(words[0]):
            words.pop(0)
        if words and not any("$" in word or "`" in word for word in words):
            yield tuple(words)


def module_name(module: str) -> str:
    """The command that a Python module is known by: `pre_commit` is `pre-commit`."""
    return module.removesuffix(".__main__").split(".")[0].replace("_", "-")


def script_name(path: str) -> str:
    """The command that a script is known by: `node_modules/prettier/bin/prettier.cjs` is prettier."""
    parts = PurePosixPath(path).parts
    stem = re.sub(r"\.(c|m)?js$|\.py$|\.rb$|\.php$|\.phar$", "", parts[-1]) if parts else path
    if "node_modules" in parts and parts[-2:-1] != (".bin",):
        package = parts[len(parts) - parts[::-1].index("node_modules") :]
        inner = [p for p in package if p not in PACKAGE_FOLDERS]
        return inner[1] if inner[0].startswith("@") and len(inner) > 1 else inner[0]
    return stem
