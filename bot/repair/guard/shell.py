"""Commands in shell text: a reader that is good enough for scripts, recipes, `run:` blocks and package.json.

It splits at operators and keeps quotes together; it expands nothing. POSIX.1-2017, Shell Command Language, 2.2 to 2.10.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import re2

from bot.repair.guard.facts import TooComplex
from bot.repair.guard.rules import listed

TOKEN = re2.compile(
    r"(?s)(?P<join>\\\r?\n)|(?P<blank>[ \t\r]+)|(?P<line>\n)|(?P<comment>#[^\n]*)|(?P<operator>&&|\|\||\|&|;;|[;|&()])"
    r"|(?P<word>(?:\$\{\{.*?\}\}|\$\([A-Za-z_][\w.-]*\)|\$\{[^}]*\}|[0-9]?[<>]{1,2}&[0-9-]|&>{1,2}|[^\s;|&()\\'\"]|\\.|'[^']*'|\"(?:[^\"\\]|\\.)*\")+)|(?P<odd>.)"
)
KEYWORDS = frozenset(
    {"if", "elif", "while", "until", "then", "else", "do", "{", "}", "!", "fi", "done", "esac", "time"}
)
ASSIGNMENT = re2.compile(r"^([A-Za-z_]\w*)\+?=(.*)")
WRAPPERS = frozenset(
    listed(
        "sudo exec command nice nohup env npx bunx uvx xvfb-run cross-env cross-env-shell dotenv time "
        "stdbuf unbuffer wireit retry timeout ionice dotenvx"
    )
)
RUNNERS = {  # first word -> words that may follow it before the real command
    **dict.fromkeys(listed("poetry uv pipenv pdm rye hatch pipx conda micromamba pixi"), frozenset({"run"})),
    **dict.fromkeys(listed("bundle npm mise"), frozenset({"exec"})),
    **dict.fromkeys(("pnpm", "yarn"), frozenset({"exec", "dlx"})),
    "bun": frozenset({"x"}),
    "docker-compose": frozenset({"run", "exec"}),
}
VALUED = frozenset(
    listed("--with --python -p --extra --group -n --package -c --only-group --project --directory -u -r --rcfile")
)
TASKS = frozenset(
    {
        "npm",
        "yarn",
        "pnpm",
        "bun",
        "make",
        "just",
        "task",
        "poe",
        "inv",
        "invoke",
        "rake",
        "gradle",
        "mvn",
        "composer",
        "deno",
    }
)
CHECKERS = (
    frozenset(
        listed(
            "pytest py.test unittest nosetests nose2 trial tox nox ruff black isort flake8 pyflakes "
            "pycodestyle pydocstyle pylint mypy pyright basedpyright pytype pyre ty pyrefly bandit codespell "
            "coverage doctest doc8 interrogate vulture deptry twine check-manifest import-linter lint-imports "
            "djlint sqlfluff autopep8 yapf docformatter autoflake pyupgrade pip-audit safety semgrep eslint "
            "prettier tsc vue-tsc jest vitest mocha ava tap c8 nyc karma jasmine cypress playwright standard "
            "xo biome stylelint oxlint tslint jshint markdownlint markdownlint-cli2 depcheck knip publint "
            "attw lerna nx turbo web-test-runner tsd go gofmt goimports golangci-lint staticcheck cargo "
            "rustfmt clippy-driver clang-format clang-tidy cppcheck ctest rspec rubocop minitest phpunit "
            "phpcs phpstan psalm pest shellcheck shfmt bats hadolint yamllint actionlint zizmor taplo typos "
            "ansible-lint terraform tflint tofu buf helm kubeval pre-commit prek gradlew mvnw dotnet swift "
            "swiftlint ktlint detekt scalafmt sbt mix credo dart flutter commitlint gitlint reuse vale lychee "
            "linkinator hurl newman sphinx-build mkdocs npm-run-all npm-run-all2 run-s run-p concurrently"
        )
    )
    | TASKS
)
PYTHON = re2.compile(r"^(?:python[0-9.]*|pypy[0-9.]*|py|\$[({]?\w*PY(?:THON)?\w*[)}]?|\{envpython\})$")
OPENING = {"if": 1, "fi": -1, "case": 1, "esac": -1}
STICKY = frozenset({"if", "!", "while", "elif", "until"})
CONDITIONS = frozenset({"[", "[[", "test", "false"})
DOCUMENT = re2.compile(r"<<-?\s*[\\'\"]?(\w+)")
MOST = 15_000  # words and operators of one text
SUBCOMMANDS = frozenset(listed("ruff go cargo biome playwright cypress dotnet terraform tofu mix deno"))
INTERPRETERS = frozenset({"bash", "sh", "zsh", "node", "source", "."})
OWN_SCRIPT = re2.compile(r"(?i)(^|[-_./])(tests?|check|lint|verify|ci)([-_.]|$)")
RELEASES = frozenset({"version", "publish", "pack", "login", "whoami", "dist-tag"})
"""What package managers do for a release, and checks nothing."""
SERVES = re2.compile(r"(?i)server|daemon")
RUN_SCRIPT = re2.compile(r"(?i)(test|check|lint|verify)\w*\.(sh|py|js|mjs)$")


PREFIX = re2.compile(r"^\$\{\w+\}\b")  # a folder that may be empty, as in `${BIN}pytest`
QUOTES = frozenset({"'", '"'})
SHELLS = frozenset(listed("sh bash dash zsh ash /bin/sh /bin/bash"))
SHELL_OPTION = re2.compile(r"^-[a-z]*c$")
PLAIN = frozenset({"(", ")", "{", ";", "\n"})  # what stands before a command that runs whatever holds
SHIFTS = frozenset("123456789")  # by how much a function shifts its arguments


@dataclass(frozen=True, slots=True)
class Command:
    """A simple command: its words without quotes, its line, and the operators and keywords around it."""

    words: tuple[str, ...]
    line: int
    before: frozenset[str]
    after: str
    depth: int = 0
    """How many conditions it stands under: open `if` and `case` blocks, and tests in front of `&&`."""


def commands(text: str) -> list[Command]:
    """Split shell text into simple commands in order. Raises `TooComplex` on a flood of words."""
    reader = _Reader()
    line = 1
    for count, token in enumerate(TOKEN.finditer(_without_documents(text))):
        if count > MOST:
            raise TooComplex(f"more than {MOST} words")
        kind = next(k for k, v in token.groupdict().items() if v is not None)
        whole = token.group(0)
        if kind == "word":
            reader.word(whole, line)
        elif kind in {"line", "operator"}:
            reader.end(whole if kind == "operator" else "\n")
        line += whole.count("\n")
    reader.end("")
    return reader.found


class _Reader:
    """Takes words and operators and keeps the commands they make up."""

    def __init__(self) -> None:
        self.found: list[Command] = []
        self.words: list[str] = []
        self.inner = ""
        self.before: set[str] = set()
        self.line = self.depth = self.tests = 0

    def word(self, text: str, line: int) -> None:
        """Take in one word."""
        if self.words or text not in KEYWORDS:
            self.line = self.line if self.words else line
            if text[0] in QUOTES and self.words and SHELL_OPTION.search(self.words[-1]) and SHELLS & {*self.words}:
                self.inner = text[1:-1].replace('\\"', '"')
            self.words.append(unquoted(text))
            return
        self.before.add(text)
        self.depth = max(0, self.depth + OPENING.get(text, 0))

    def end(self, operator: str) -> None:
        """Take in an operator or the end of a line."""
        if self.words:
            told = frozenset(self.before)
            inner = commands(self.inner) if self.inner else []
            self.tests = self.tests if "&&" in told else 0
            if inner:
                self.found += self._inner(inner, told, operator)
            else:
                self.found.append(Command(tuple(self.words), self.line, told, operator, self.depth + self.tests))
            self.tests += operator == "&&" and self.words[0] in CONDITIONS
            self.words, self.before, self.inner = [], set(), ""
        elif operator == "\n" and self.before:
            return
        if operator != "\n":
            self.before = self.before & STICKY or {operator}

    def _inner(self, inner: Sequence[Command], before: frozenset[str], operator: str) -> Iterator[Command]:
        """The commands of `sh -c "..."`, in the place of it."""
        for i, command in enumerate(inner):
            yield replace(
                command,
                line=self.line + command.line - 1,
                before=command.before | before if i == 0 else command.before,
                after=operator if i == len(inner) - 1 else command.after,
                depth=command.depth + self.depth + self.tests,
            )


def _without_documents(text: str) -> str:
    """Blank out here-documents: they are data."""
    if "<<" not in text:
        return text
    out, end = [], ""
    for line in text.split("\n"):
        match = DOCUMENT.search(line) if not end else None
        out.append("" if end else line)
        if end and line.strip() == end:
            end = ""
        elif match:
            end = match.group(1)
    return "\n".join(out)


def unquoted(word: str) -> str:
    """A word without its quotes."""
    return word.replace("'", "").replace('"', "").replace("\\", "")


def checker(words: Sequence[str]) -> tuple[str, tuple[str, ...]] | None:
    """The checker or test runner that a command starts, seen through wrappers, and its arguments; None for others."""
    rest = list(words)
    for _ in range(8):
        rest = _without_assignments(rest)
        if not rest:
            return None
        name = base_name(rest[0])
        if name in WRAPPERS:
            rest = _after_options(rest[1:], numbers=name in {"timeout", "nice", "retry"})
        elif name in RUNNERS and len(rest) > 1 and rest[1] in RUNNERS[name]:
            rest = _after_options(rest[2:])
        elif (PYTHON.search(name) and len(rest) > 2 and "-m" in rest[1:4]) or (name == "coverage" and "-m" in rest[1:]):
            rest = rest[rest.index("-m") + 1 :]
        else:
            return _named(name, rest)
    return None


def _named(name: str, rest: list[str]) -> tuple[str, tuple[str, ...]] | None:
    """The checker that `name` is, with what of `rest` says which of its jobs it does."""
    words = rest[1:]
    if PYTHON.search(name) and words and base_name(words[0]) == "setup.py":
        return ("setup.py test", tuple(words[2:])) if words[1:2] == ["test"] else None
    if name == "git":
        return (
            ("git diff", tuple(words[1:]))
            if words[:1] == ["diff"] and {"--exit-code", "--quiet"} & set(words)
            else None
        )
    if name in TASKS:  # `make TESTS=one check` is the task check
        task = next((w for w in words if w != "run" and not w.startswith("-") and "=" not in w), "")
        checks = task and task not in RELEASES
        return (f"{name} {task}", tuple(w for w in words if w not in {"run", task})) if checks else None
    if name == "node":
        inside = next((i for i, w in enumerate(words) if base_name(w) in CHECKERS), -1)
        if "--test" in words:
            return "node --test", tuple(words)
        return _named(base_name(words[inside]), words[inside:]) if inside >= 0 else _own(rest)
    if name in SUBCOMMANDS and words:
        return f"{name} {words[0]}", tuple(words[1:])
    if name in CHECKERS:
        return name, tuple(words)
    return _own(rest)


def _own(rest: list[str]) -> tuple[str, tuple[str, ...]] | None:
    """A script of the project whose name says that it checks something, started directly or by an interpreter."""
    name = base_name(rest[0])
    if (
        OWN_SCRIPT.search(rest[0])
        and not SERVES.search(rest[0])
        and ("/" in rest[0] or rest[0].endswith((".sh", ".py")))
    ):
        return name, tuple(rest[1:])
    inner = next((w for w in rest[1:] if RUN_SCRIPT.search(w)), "")
    return (base_name(inner), ()) if inner and (name in INTERPRETERS or PYTHON.search(name)) else None


def base_name(word: str) -> str:
    """A program's name without folder, make prefixes (`@-+`) and version."""
    name: str = PREFIX.sub("", word.lstrip("@-+").rpartition("/")[2])
    return name.partition("@")[0] or name


def _without_assignments(words: list[str]) -> list[str]:
    at = next(
        (i for i, w in enumerate(words) if not ASSIGNMENT.search(w) and w not in {"@", "-", "+", "--"}), len(words)
    )
    return words[at:]


def _after_options(words: list[str], *, numbers: bool = False) -> list[str]:
    at = 0
    while at < len(words) and (words[at].startswith("-") or (numbers and words[at][:1].isdigit())):
        at += 2 if words[at] in VALUED and "=" not in words[at] else 1
    return words[at:]


def assignments(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The `NAME=value` words of a command."""
    for word in words:
        match = ASSIGNMENT.search(word)
        if match:
            yield match.group(1), match.group(2)


def wrappers_in(found: Sequence[Command]) -> dict[str, int]:
    """Functions that end by running their arguments whatever holds: how many words stand before what they run."""
    wrappers: dict[str, int] = {}
    defined = Counter(c.words[0] for c in found if c.after == "(")
    name, at = "", 1
    for command, following in pairwise(found):
        name = "" if "}" in command.before else name
        if command.after == "(":
            name, at = command.words[0], 1
        elif command.words[0] in {"return", "exit"}:
            name = ""
        elif name and command.words[0] == "shift":
            count = command.words[1] if len(command.words) > 1 else "1"
            name, at = (name, at + int(count)) if count in SHIFTS and not command.depth else ("", 1)
        elif (
            name
            and command.words == ("$@",)
            and not command.depth
            and command.before <= PLAIN
            and command.after in {";", "\n"}
            and "}" in following.before
        ):
            wrappers[name] = at
    return {name: at for name, at in wrappers.items() if defined[name] == 1}


def settings_in(words: Sequence[str]) -> Iterator[str]:
    """What of `-e` and `pipefail` the words behind `set` switch on."""
    for word in words:
        if word.startswith("-"):
            yield from (f"-{letter}" for letter in word[1:] if letter == "e")
        elif word in {"pipefail", "errexit"}:
            yield "-e" if word == "errexit" else word


def lies_in(path: str, folder: str) -> bool:
    """Whether `path` lies in `folder`."""
    base = folder.removeprefix("./")
    return (
        base in {".", "", "./..."} or path.removeprefix("./").startswith(base + "/") or path.startswith(f"{folder}::")
    )
