"""Files that hold commands: which text belongs to which name, so that the same script is compared before and after."""

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

import re2

from bot.repair.guard.change import Change
from bot.repair.guard.commands import compare
from bot.repair.guard.config.readers import Setting, ini, jsonc, toml, yaml_tree
from bot.repair.guard.facts import TooComplex, Unparsable
from bot.repair.guard.findings import Finding
from bot.repair.guard.kinds import is_workflow, name_of
from bot.repair.guard.python.newer import parse
from bot.repair.guard.shell import checker, commands

SHELL = re2.compile(
    r"(?i)(\.(sh|bash|zsh|ksh|bats|bat|cmd|ps1)$|(^|/)(dockerfile[^/]*|containerfile|[^/]*\.dockerfile|procfile|\.envrc)$|(^|/)\.husky/[^/]+$)"
)
SHEBANG = re2.compile(r"^#!.*\b(ba|z|k|da)?sh\b")
MAKE = re2.compile(r"(?i)(^|/)(gnu)?makefile(\.[a-z]+)?$|\.mk$|(^|/)\.?justfile$")
TARGET = re2.compile(r"^([A-Za-z0-9_.%/$(){}-][^:=#]*?)\s*::?\s*([^=:].*|)$")
BRANCH = re2.compile(r"^(?:ifn?def|ifn?eq|if|else|endif)(?:[\s(]|$)")  # of a makefile: no end of the recipe around it
VARIABLE = re2.compile(r"^(?:export\s+|override\s+)?([\w.-]+)\s*(?:[:+?!]{0,3}=)\s*(.*)$")
TASK_FILES = re2.compile(
    r"(?i)(^|/)(taskfile[^/]*\.ya?ml|lefthook\.ya?ml|\.lefthook\.ya?ml|mise\.toml|\.mise\.toml|turbo\.json|nx\.json|deno\.jsonc?|composer\.json)$"
)
SESSIONS = frozenset({"noxfile.py", "tasks.py", "fabfile.py", "dodo.py", "duties.py", "setup.py", "manage_checks.py"})
PYPROJECT = re2.compile(
    r"^tool\.(hatch\.envs\..*scripts|poe\.tasks|taskipy\.tasks|pdm\.scripts|rye\.scripts|tox|cibuildwheel.*test-command|thx|invoke|pixi\..*tasks)\b"
)
STEPS = re2.compile(
    r"(^|\.)(run|script|(before_|after_|test_|build_)script|(before|after)_test|commands?|install|steps\.script|args|"
    r"entrypoint)$"
)
IMPORTANT = re2.compile(
    r"(?i)(^|[:_./ -])(tests?|lint|check|type|types|format|fmt|verify|ci|coverage|cov|qa|quality|audit|"
    r"all|build|style|static|unit|e2e|integration|spec)([:_./ -]|$)"
)
SOURCE = re2.compile(r"^\|$|\.(?:h|hh|hpp|c|cc|cpp|o|in|md|txt|go|rs|js|ts)$")  # a file, no target that checks
SET = re2.compile(r"(?m)^\s*(?:export\s+|override\s+)?([\w.-]+)\s*[:+?!]{0,3}=")
TOOL = re2.compile(r"(?m)^(?:export\s+)?([A-Z][A-Z0-9_]*)\s*[:?]?=\s*([a-z][\w.-]*)\s*$")
USED = re2.compile(r"\$[({]([A-Z][A-Z0-9_]*)[)}]")
CALLS = frozenset({"run", "system", "call", "check_call", "check_output", "Popen", "run_always", "sh"})
TOX = frozenset({"tox.ini", "setup.cfg"})
LARGEST = 300_000  # characters
DASH = re2.compile(r"(?m)^\s*-\s+")  # tox ignores failures of a command behind it
LABEL = re2.compile(r"\[[^\]]*\]")  # of a step that has a name
ROWS = 5000  # lines of recipes
MOST = 30  # scripts that are followed from one that calls them


Scripts = Mapping[str, str]


def judge(change: Change) -> Iterator[Finding]:
    """Yield what a changed file with commands lets pass. Files without commands yield nothing."""
    reader = _reader(change.path) or (_script if SHEBANG.search(change.old_text.partition("\n")[0]) else None)
    if reader is None or change.binary or change.old is None:
        return
    if max(len(change.old_text), len(change.new_text)) > LARGEST:
        yield Finding("unreadable", change.path, 1, f"more than {LARGEST} characters")
        return
    sides = [(change.old_text, change.new_text)]
    if SHELL.search(change.path) and change.new is not None:
        sides += change.parts(), change.differing()  # of a long script, what differs, with the lines around or without
    for number, (old, new) in enumerate(sides, 1):
        try:
            yield from list(_compare(change, reader(old), reader(new) if change.new is not None else {}))
            return
        except Unparsable:
            return  # said where the file is read as configuration
        except TooComplex as e:
            if number == len(sides):
                yield Finding("unreadable", change.path, 1, str(e))


def _compare(change: Change, old: Scripts, new: Scripts) -> Iterator[Finding]:
    recipe = bool(MAKE.search(change.path)) or name_of(change.path) in TOX
    for name, text in old.items():
        more = _under_new_names(name, old, new)
        if name in new or more:
            yield from _one(change, name, text, {**new, name: "\n".join((new.get(name, ""), *more))}, recipe=recipe)
        elif (
            IMPORTANT.search(name)
            and not name.startswith("//")
            and _checks(_expanded(name, old))
            and not _moved(text, old, new)
        ):
            yield Finding("weakened-command", change.path, 1, f"{name} is gone")
    for name, text in new.items():
        if name not in old:
            found = (f for f in compare("", text, recipe=recipe) if f.rule == "ignored-failure")
            yield from (Finding(f.rule, change.path, _line(change, text, f.line), f.message) for f in found)


def _moved(text: str, old: Scripts, new: Scripts) -> bool:
    """Whether all that a script checks is checked by scripts that were not there before, just as much."""
    came = "\n".join(t for name, t in new.items() if name not in old)
    return bool(came) and not any(compare(text, came))


def _under_new_names(name: str, old: Scripts, new: Scripts) -> list[str]:
    """What steps do that were not there, in the same place but for their name: a step that got one does the same."""
    bare = LABEL.sub("", name)
    return [text for key, text in new.items() if key not in old and LABEL.sub("", key) == bare] if "." in name else []


def _one(change: Change, name: str, old: str, new: Scripts, *, recipe: bool) -> Iterator[Finding]:
    if old == new[name]:
        return
    for found in compare(old, _expanded(name, new), recipe=recipe):
        told = f"{name}: {found.message}" if name else found.message
        yield Finding(found.rule, change.path, _line(change, new[name], found.line), told)


def _line(change: Change, text: str, line: int) -> int:
    """The line in the file of a line of one of its scripts."""
    rows = text.split("\n")
    return change.find(rows[line - 1].strip() if 0 < line <= len(rows) else text[:40])


def _checks(text: str) -> bool:
    return any(checker(c.words) for c in commands(text))


def _expanded(name: str, scripts: Scripts) -> str:
    """A script followed by the scripts of the same file that it calls, so that a command may move between them."""
    texts: list[str] = []
    todo, seen = [name], {name}
    while todo and len(texts) < MOST:
        texts.append(scripts[todo.pop(0)])
        for command in commands(texts[-1]):
            told = checker(command.words)
            task = told[0].partition(" ")[2] if told else ""
            if task in scripts and task not in seen:
                seen.add(task)
                todo.append(task)
    return "\n".join(texts)


def holds_commands(path: str) -> bool:
    """Whether a file of that name holds commands."""
    return _reader(path) is not None


def _reader(path: str) -> Callable[[str], Scripts] | None:
    name = name_of(path)
    if is_workflow(path) or TASK_FILES.search(path):
        return _json_steps if name.endswith(".json") else _toml_tasks if name.endswith(".toml") else _yaml_steps
    if name == "package.json":
        return _package
    if name == "pyproject.toml":
        return _pyproject
    if name in TOX:
        return _tox
    if MAKE.search(path):
        return makefile
    if name in SESSIONS:
        return _sessions
    return _script if SHELL.search(path) else None


def _script(text: str) -> Scripts:
    return {"": text}


def _grouped(settings: list[Setting], wanted: Callable[[str], bool]) -> Scripts:
    found: dict[str, list[str]] = {}
    for setting in settings:
        if wanted(setting.key):
            found.setdefault(setting.key, []).append(setting.value)
    return {key: "\n".join(values) for key, values in found.items()}


def _package(text: str) -> Scripts:
    told = _grouped(jsonc(text), lambda key: key.startswith("scripts."))
    return {key.removeprefix("scripts."): value for key, value in told.items()}


def _pyproject(text: str) -> Scripts:
    told = _grouped(toml(text), lambda key: bool(PYPROJECT.search(key)))
    return {key.removesuffix(".cmd").rpartition(".")[2]: value for key, value in told.items()}


def _tox(text: str) -> Scripts:
    wanted = (".commands", ".commands_pre", ".commands_post", ".setenv", ".set_env")
    told = _grouped(ini(text), lambda key: key.endswith(wanted))
    return {key: DASH.sub("-", value) for key, value in told.items()}


def _yaml_steps(text: str) -> Scripts:
    settings = yaml_tree(text)
    told = _with_before(dict(_grouped(settings, lambda key: bool(STEPS.search(key)))))
    extra = _grouped(settings, lambda key: key.endswith((".shell", ".env")) or ".env." in key)
    for key, value in extra.items():
        last = key.rpartition(".")[2]
        told[key] = f"shell {value}" if last == "shell" else f"{last}={value.split()[0] if value.split() else ''} :"
    return told


def _with_before(told: dict[str, str]) -> dict[str, str]:
    """The scripts of GitLab's jobs, with what runs before each: its own, or that of all jobs."""
    for key in [k for k in told if k.endswith(".script") and k.count(".") == 1]:
        own = f"{key.removesuffix('script')}before_script"
        before = told.get(own) or told.get("default.before_script") or told.get("before_script")
        told[key] = f"{before}\n{told[key]}" if before else told[key]
    return told


def _json_steps(text: str) -> Scripts:
    return _grouped(jsonc(text), lambda key: key.startswith(("tasks.", "scripts.", "targets.", "pipeline.")))


def _toml_tasks(text: str) -> Scripts:
    return _grouped(toml(text), lambda key: key.startswith("tasks."))


def makefile(text: str) -> Scripts:
    """Targets of a makefile with their recipes; what a target needs stands before its recipe as `make NAME`.

    Variables count as scripts, too: `PYTEST = true` and `ARGS = -k 'not slow'` weaken what uses them.
    """
    found: dict[str, list[str]] = {}
    targets: list[str] = []
    budget = ROWS
    joined = _spelled_out(text.replace("\\\n", " "))
    for line in joined.split("\n"):
        if line[:1] in {"\t", " "} and targets and line.strip():
            budget -= len(targets)
            if budget < 0:
                raise TooComplex("too many recipes")
            for target in targets:
                found[target].append(line.strip())
            continue
        if BRANCH.search(line):
            continue
        variable = VARIABLE.search(line)
        rule = None if variable or line.startswith(("#", "\t")) else TARGET.search(line)
        if variable:
            name, value = variable.groups()
            found.setdefault(f"${name}", []).append(_variable(name, value))
            targets = []
        elif rule:
            targets = rule.group(1).split()
            needs, _, inline = rule.group(2).partition(";")
            for target in targets:
                rows = [f"make {need}" for need in needs.split("#")[0].split() if not SOURCE.search(need)]
                found.setdefault(target, []).extend([*rows, *([inline.strip()] if inline.strip() else [])])
                if target == ".IGNORE":
                    found[target].append("exit 0")
        elif line.strip() and not line.startswith("#"):
            targets = []
    return {name: "\n".join(rows) for name, rows in found.items()}


def _spelled_out(text: str) -> str:
    """A makefile with the names of tools in place of the variables that stand for nothing else."""
    times = Counter(SET.findall(text))
    tools = {name: value for name, value in TOOL.findall(text) if times[name] == 1}
    return USED.sub(lambda m: tools.get(m.group(1), m.group()), text) if tools else text


def _variable(name: str, value: str) -> str:
    """A variable as a command: tool names stand for themselves, flags go with a checker that takes them."""
    if name in {"MAKEFLAGS", "SHELL", ".SHELLFLAGS", "SHELLFLAGS"}:
        dropped = (name == "SHELL" and "true" in value) or ("FLAGS" in name and "MAKE" not in name and "e" not in value)
        ignoring = name == "MAKEFLAGS" and any(w in {"-i", "i", "--ignore-errors", "-k"} for w in value.split())
        return "set +e" if dropped or ignoring else ":"
    return f"pytest {value}" if value.startswith("-") else value


def _sessions(text: str) -> Scripts:
    """The commands that nox, invoke and the like start, by the function that starts them."""
    found = {}
    for node in ast.walk(parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            rows = [row for n in ast.walk(node) if isinstance(n, ast.Call) for row in _started(n)]
            found[node.name] = "\n".join(rows)
    return found


def _started(node: ast.Call) -> Iterator[str]:
    name = (
        node.func.attr
        if isinstance(node.func, ast.Attribute)
        else node.func.id
        if isinstance(node.func, ast.Name)
        else ""
    )
    if name not in CALLS:
        return
    parts = node.args[0].elts if node.args and isinstance(node.args[0], (ast.List, ast.Tuple)) else node.args
    words = [str(p.value) for p in parts if isinstance(p, ast.Constant) and isinstance(p.value, str)]
    options = {k.arg: k.value for k in node.keywords}
    ignored = any(
        (key == "warn" and getattr(options[key], "value", False) is True)
        or (key == "check" and getattr(options[key], "value", True) is False)
        or (key == "success_codes" and len(getattr(options[key], "elts", ())) > 1)
        for key in options
    )
    if words:
        yield " ".join(words if len(words) == 1 else [f"'{w}'" if " " in w else w for w in words]) + (
            " || true" if ignored else ""
        )
