"""What a program is, behind the interpreter that runs it: `python -m black .` and `node …/bin/prettier.cjs .` alike."""

import posixpath
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

INTERPRETERS = re.compile(r"^(python|pypy|node|nodejs|bun|deno|ruby|php|perl|java|bash|sh|dash)[\d.]*m?$")
SHELLS = frozenset({"bash", "sh", "dash"})
SEPARATORS = re.compile(r"\n|&&|\|\||;|\|")
ASSIGNMENT = re.compile(r"^\w+=")
VALUED = {
    "python": ("-W", "-X", "-c"),
    "pypy": ("-W", "-X", "-c"),
    "node": ("-r", "--require", "--import", "--loader", "-e"),
    "ruby": ("-I", "-r", "-e", "-C"),
    "php": ("-d", "-c", "-r"),
    "perl": ("-I", "-e"),
    "java": (
        "-cp",
        "-classpath",
        "--class-path",
        "-p",
        "--module-path",
        "--add-opens",
        "--add-exports",
        "--add-modules",
    ),
}
PROGRAM_OF = {"python": "-m", "pypy": "-m", "java": "-jar"}
PACKAGE_FOLDERS = ("bin", "dist", "lib", "cli", "src", "build", "out")
SUFFIX = re.compile(r"\.(c|m)?js$|\.(py|pyz|pex|rb|php|phar|jar)$")
VERSION = re.compile(r"([-_]v?\d+(\.\d+)*|\d+\.\d+)(-all-deps|-all|-standalone)?$")
RUNNERS = frozenset(
    {
        *(
            ("npx",),
            ("bunx",),
            ("uvx",),
            ("env",),
            ("sudo",),
            ("exec",),
            ("command",),
            ("time",),
            ("!",),
            ("yarn",),
            ("pnpm",),
        ),
        *(("npm", "exec"), ("pnpm", "exec"), ("pnpm", "dlx"), ("yarn", "run"), ("yarn", "exec"), ("bun", "x")),
        *(("uv", "run"), ("poetry", "run"), ("pdm", "run"), ("pipenv", "run"), ("hatch", "run"), ("pipx", "run")),
        *(("bundle", "exec"), ("bundler", "exec")),
    }
)
RUNNERS_VALUED = frozenset(
    {
        *("--with", "--with-requirements", "--with-editable", "--from", "--spec", "--package", "--python"),
        *("--group", "--only-group", "--extra", "--project", "--directory", "--env-file", "--index", "--index-url"),
    }
)


@dataclass(frozen=True)
class Command:
    """A program: its name, what must stand before its arguments to start it again, and the arguments."""

    name: str
    start: tuple[str, ...]
    arguments: tuple[str, ...]


def unwrap(argv: Sequence[str]) -> Command:
    """Take off a command line what only runs another program: interpreters, and runners such as `bundle exec`.

    Most runners start a process that is seen by itself. Bundler does not, and a script that is only read shows none.
    """
    command = interpreted(argv)
    for length in (2, 1):
        if (command.name, *command.arguments[: length - 1]) in RUNNERS:
            skipped = [*command.arguments[: length - 1]]
            rest = iter(command.arguments[length - 1 :])
            for word in rest:
                skipped.append(word)
                if word in RUNNERS_VALUED:
                    skipped.append(next(rest, ""))
                elif not word.startswith("-") and not ASSIGNMENT.match(word):
                    return Command(script_name(word.split("@")[0] or word), (*command.start, *skipped), tuple(rest))
    return command


def interpreted(argv: Sequence[str]) -> Command:
    """Take the interpreter off a command line."""
    if not argv:
        return Command("", (), ())
    first = PurePosixPath(argv[0]).name
    plain = Command(VERSION.sub("", SUFFIX.sub("", first)), (argv[0],), tuple(argv[1:]))
    found = INTERPRETERS.match(first)
    if not found or found[1] in SHELLS:
        return plain
    kind, at = found[1].removesuffix("js"), 1
    while at < len(argv) and argv[at].startswith("-"):
        if argv[at] == PROGRAM_OF.get(kind) and at + 1 < len(argv):
            name = module_name(argv[at + 1]) if kind != "java" else script_name(argv[at + 1])
            return Command(name, tuple(argv[: at + 2]), tuple(argv[at + 2 :]))
        at += 2 if argv[at] in VALUED.get(kind, ()) else 1
    if at >= len(argv) or (kind == "deno" and argv[at] in {"fmt", "lint"}):
        return plain
    name = argv[at] if kind == "java" else script_name(argv[at])
    return Command(name, tuple(argv[: at + 1]), tuple(argv[at + 1 :]))


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
    parts = PurePosixPath(posixpath.normpath(path)).parts  # pnpm: node_modules/.bin/../prettier/bin/prettier.cjs
    if "node_modules" in parts and parts[-2:-1] != (".bin",):
        package = parts[len(parts) - parts[::-1].index("node_modules") :]
        inner = [p for p in package if p not in PACKAGE_FOLDERS]
        name = inner[1] if inner[0].startswith("@") and len(inner) > 1 else inner[0]
        return inner[0].removeprefix("@") if SUFFIX.sub("", name) in PACKAGE_FOLDERS else SUFFIX.sub("", name)
    return VERSION.sub("", SUFFIX.sub("", parts[-1])) if parts else path
