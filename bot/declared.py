"""Where the files of a commit write down what a log names without a place: a requirement, or the action of a step."""

from collections.abc import Collection, Iterable, Iterator

import re2

from bot.model import Category, Diagnosis, Location
from bot.ports import Git
from strategies.manifests import is_manifest
from strategies.workflow_text import WORKFLOW, values

MANIFESTS = frozenset({"package.json", "Cargo.toml", "Gemfile", "composer.json", "environment.yml"})
WANTED = re2.compile(
    r"(?:satisfies the requirement|distribution found for|version found for|no version of|package named) "
    r"['\"`]?(?P<what>@?\w[^\s'\"`,;(]*)"
    r"|Because (?P<lost>[\w.-]+) was not found in the package registry"
    r"|404 +['\"](?P<gone>@?\w[^\s'\"]*)['\"] is not in this registry"
)
NAME = re2.compile(r"^@?[\w.-]+(?:/[\w.-]+)?")
ACTION = "##[group]Run "


def declared(diagnosis: Diagnosis, git: Git, commit: str, files: Collection[str]) -> Diagnosis:
    """The diagnosis with the place that its log lacks, where the files of the commit have it in one line alone."""
    if diagnosis.locations:
        return diagnosis
    lines = [line.text for line in diagnosis.excerpt.lines]
    if diagnosis.category is Category.DEPENDENCY_INSTALL:
        found = next(
            (p for what in _wanted([diagnosis.error, *lines]) if (p := _required(what, git, commit, files))), ()
        )
    elif diagnosis.category is Category.GITHUB_ACTIONS_CONFIG:
        used = next((line.removeprefix(ACTION).strip() for line in lines if line.startswith(ACTION)), "")
        found = _used(used, git, commit, files)
    else:
        return diagnosis
    places = tuple(Location(file=file, line=line) for file, line in found)
    return diagnosis.changed(locations=places) if len(places) == 1 else diagnosis


def _wanted(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        if told := WANTED.search(line):
            yield (told["what"] or told["lost"] or told["gone"]).rstrip(".:")


def _required(what: str, git: Git, commit: str, files: Collection[str]) -> tuple[tuple[str, int], ...]:
    """The lines that name a package, those alone that have its version as well where there are some."""
    named = NAME.match(what)
    if not named:
        return ()
    name, version = named[0], re2.search(r"\d[\w.]*", what[named.end() :])
    is_name = re2.compile(r"(?i)(?:^|[^\w./-])" + re2.escape(name) + r"(?:[^\w.-]|\.\W|$)")
    manifests = sorted(f for f in files if is_manifest(f) or f.rpartition("/")[2] in MANIFESTS)
    rows = [
        (file, number, line)
        for file in manifests
        for number, line in enumerate(_text(git, commit, file).splitlines(), 1)
        if is_name.search(line) and not line.lstrip().startswith("#")
    ]
    exact = [row for row in rows if version and version[0] in row[2]]
    return tuple((file, number) for file, number, _ in exact or rows)


def _used(action: str, git: Git, commit: str, files: Collection[str]) -> tuple[tuple[str, int], ...]:
    """The lines by which workflows use an action."""
    return tuple(
        (file, value.node.start_mark.line + 1)
        for file in sorted(files)
        if action and WORKFLOW.match(file)
        for value in values(_text(git, commit, file), file)
        if value.path[-1:] == ("uses",) and value.text == action
    )


def _text(git: Git, commit: str, path: str) -> str:
    return (git.try_run("cat-file", "blob", f"{commit}:{path}") or b"").decode("utf-8", "replace")
