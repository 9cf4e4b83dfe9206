"""Where the files of a commit write down what a log names without a place: a requirement, or the action of a step."""

from collections.abc import Collection, Iterable, Iterator, Mapping

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
        wanted = list(_wanted([diagnosis.error, *lines]))
        manifests = (f for f in files if is_manifest(f) or f.rpartition("/")[2] in MANIFESTS)
        texts = _texts(git, commit, manifests) if wanted else {}
        found = next((rows for what in wanted if (rows := _required(what, texts))), ())
    elif diagnosis.category is Category.GITHUB_ACTIONS_CONFIG:
        used = next((line.removeprefix(ACTION).strip() for line in lines if line.startswith(ACTION)), "")
        found = _used(used, _texts(git, commit, filter(WORKFLOW.match, files))) if used else ()
    else:
        return diagnosis
    places = tuple(Location(file=file, line=line) for file, line in found)
    return diagnosis.changed(locations=places) if len(places) == 1 else diagnosis


def _wanted(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        if told := WANTED.search(line):
            yield (told["what"] or told["lost"] or told["gone"]).rstrip(".:")


def _required(what: str, manifests: Mapping[str, str]) -> tuple[tuple[str, int], ...]:
    """The lines that name a package, those alone that have its version as well where there are some."""
    named = NAME.match(what)
    if not named:
        return ()
    name, version = named[0], re2.search(r"\d[\w.]*", what[named.end() :])
    is_name = re2.compile(r"(?i)(?:^|[^\w./-])" + re2.escape(name) + r"(?:[^\w.-]|\.\W|$)")
    rows = [
        (file, number, line)
        for file, text in manifests.items()
        for number, line in enumerate(text.splitlines(), 1)
        if is_name.search(line) and not line.lstrip().startswith("#")
    ]
    exact = [row for row in rows if version and version[0] in row[2]]
    return tuple((file, number) for file, number, _ in exact or rows)


def _used(action: str, workflows: Mapping[str, str]) -> tuple[tuple[str, int], ...]:
    """The lines by which workflows use an action."""
    return tuple(
        (file, value.node.start_mark.line + 1)
        for file, text in workflows.items()
        for value in values(text, file)
        if value.path[-1:] == ("uses",) and value.text == action
    )


def _texts(git: Git, commit: str, files: Iterable[str]) -> dict[str, str]:
    """The texts of files by their path, all read at once."""
    from bot.repair.context.tree import texts_of  # what stands beside it takes a while to import

    names = {f"{commit}:{file}": file for file in sorted(files) if "\n" not in file}
    return {names[name]: text for name, text in texts_of(git, names).items()}
