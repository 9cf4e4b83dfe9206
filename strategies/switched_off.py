"""Switched off: a workflow asks for an action, runner image, Python or command that GitHub has no more, or never had.

What to write instead is a table (`switched_off.yaml`). Workflow files are people's: the candidate is a suggestion
unless they have set `fix.workflow_files`, and stays one where the newer version works in another way than the older.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import re2

from bot.model import Candidate, Category, Diagnosis, Incident
from bot.ports import Tools, Written
from bot.retired import is_over, version_that_is_off
from strategies.workflow_text import WORKFLOW, Edit, Value, edited, removed, replaced, values

NAME = "switched off"
CATEGORIES = frozenset({Category.GITHUB_ACTIONS_CONFIG, Category.COMPILE_ERROR})
RULE = "workflow"
SAID = re2.compile(
    r"(?i)retired|deprecated version|environment is deprecated|brownout|was not found|not installed here"
    r"|command is disabled|no runner|requested labels"
)
VERSION = re2.compile(r"^\d+\.\d+(\.\d+)?$")
PYTHON = re2.compile(r"(?i)(?:python|version) '?(\d+\.\d+(?:\.\d+)?)\b")
COMMIT = re2.compile(r"[0-9a-f]{40}")
PINNED = "{0} stays pinned: {1} is a release of {2}; a comment behind it still names the older one"
OTHER_TOOLS = "Another image has other versions of its tools; what a job needs, it should set up itself"
NO_PYTHON = (
    "setup-python finds no Python {0} for this image, {1} is the oldest; who needs {0} can run the job in the "
    "container python:{0}"
)
FROM_MATRIX = re2.compile(r"^\$\{\{\s*matrix\.([\w-]+)\s*\}\}$")


def applies(diagnosis: Diagnosis, tree: frozenset[str]) -> bool:
    """Whether the log speaks of something that is not there any more."""
    return any(WORKFLOW.search(path) for path in tree) and bool(SAID.search(said(diagnosis)))


def propose(incident: Incident, tools: Tools) -> Iterator[Candidate]:
    """Newer versions in every workflow that asks for what the log names; at most one candidate."""
    moment = incident.options.as_of or incident.updated
    changes, found = [], Found()
    for path in sorted(p for p in tools.paths if WORKFLOW.search(p)):
        text = tools.read(path)
        edits = Workflow(text, path, tools.table("switched_off.yaml"), moment, said(tools.diagnosis)).edits(found)
        if (new := edited(text, edits)) != text:
            changes.append(Written(path, new.encode()))
    summary = f"Replace what GitHub has switched off: {', '.join(found.what)}"
    rules, safe = () if found.blind or found.scripts else (RULE,), not found.blind
    candidate = tools.candidate(changes, summary, safe=safe, rules=rules, notes=tuple(found.notes)) if changes else None
    if candidate:
        yield candidate


def said(diagnosis: Diagnosis) -> str:
    """What the log says of the failure."""
    return "\n".join([diagnosis.error, *(line.text for line in diagnosis.excerpt.lines)])


@dataclass
class Found:
    """What was replaced, in words, and what to know of it.

    `blind`: a replay alone does not show that it is right; `scripts`: the text of a script is changed, not a version.
    """

    what: dict[str, None] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)
    blind: bool = False
    scripts: bool = False


@dataclass(frozen=True)
class Workflow:
    """One workflow file, and what is known of what it asks for, at a moment and by a log."""

    text: str
    path: str
    table: Mapping[str, Any]
    moment: datetime
    log: str

    def edits(self, found: Found) -> list[Edit]:
        """All edits of the file; what they are and mean goes into `found`."""
        there = values(self.text, self.path)
        kinds = (self._actions, self._images, self._pythons, self._commands)
        return [edit for kind in kinds for edit in kind(there, found)]

    def _actions(self, there: list[Value], found: Found) -> Iterator[Edit]:
        """All actions that are off, where the log names one of them: those of one family have to move together."""
        off = [(v, row) for v in there if v.path[-1:] == ("uses",) and (row := self._action(v.text))]
        if not any(self._names_action(value.text) for value, _ in off):
            return
        for value, row in off:
            name, _, ref = value.text.partition("@")
            is_pinned = COMMIT.fullmatch(ref) is not None
            new = row["pinned"] if is_pinned else row["instead"]
            found.what[f"{value.text} by {new}"] = None
            if is_pinned:
                found.notes[PINNED.format(name, new[:12], row["instead"])] = None
            if row.get("note"):
                found.notes[row["note"]] = None
            yield replaced(value, f"{name}@{new}")
        for told in shared_names([v for v, row in off if row.get("unique")], there):
            found.notes[told] = None
            found.blind = True

    def _action(self, uses: str) -> Any:
        name, _, ref = uses.partition("@")
        row = self.table["actions"].get("/".join(name.lower().split("/")[:2]), {"off": {}})
        return row if version_that_is_off(row, ref, self.moment) else None

    def _names_action(self, uses: str) -> bool:
        """`owner/name: ref`, as GitHub says it."""
        name, _, ref = uses.partition("@")
        owner = "/".join(name.split("/")[:2])
        pattern = rf"(?i){re2.escape(owner)}[\w/-]*\s*:\s*{re2.escape(ref)}(?:[^\w.-]|\.?$|\.\s)"
        return bool(re2.search(rf"(?m){pattern}", self.log))

    def _images(self, there: list[Value], found: Found) -> Iterator[Edit]:
        for value in there:
            row = self.table["images"].get(value.text.lower())
            if not row or not is_over(row["off"], self.moment) or not names(self.log, value.text):
                continue
            if not is_runner(value, there):
                continue
            new = next((x for x in row["instead"] if x not in siblings(value)), "")
            found.notes[OTHER_TOOLS] = None
            for python in pythons(value.job, there):
                oldest = self.table["pythons"].get(new, "")
                if oldest and number(python.text) < number(oldest):
                    found.notes[NO_PYTHON.format(python.text, oldest)] = None
                    found.blind = True  # this machine may have it
            yield self._swap(value, new, found)

    def _swap(self, value: Value, new: str, found: Found) -> Edit:
        """Another value; or none, where its list has all that could be in its place."""
        found.what[f"{value.text} by {new}" if new else f"{value.text}, whose successors are there"] = None
        return replaced(value, new) if new else removed(value, self.text)

    def _pythons(self, there: list[Value], found: Found) -> Iterator[Edit]:
        asked = {m[1] for m in PYTHON.finditer(self.log)}
        jobs = {v.job for v in there if v.path[-2:] == ("with", "python-version")}
        for job in sorted(jobs if asked else ()):
            oldest = self._oldest(job, there)
            for value in pythons(job, there) if oldest else ():
                if not value.node.style and value.text.endswith("0") and value.text[:-1] in asked:
                    found.what[f"{value.text}, a number that is read as {value.text[:-1]}, by '{value.text}'"] = None
                    yield replaced(value, f"'{value.text}'")
                elif value.text in asked and number(value.text) < number(oldest):
                    found.notes[NO_PYTHON.format(value.text, oldest)] = None
                    yield self._swap(value, "" if oldest in siblings(value) else oldest, found)

    def _oldest(self, job: str, there: list[Value]) -> str:
        """The oldest Python that all images of a job have; empty where one of them is not known."""
        labels = runners(job, there)
        known = [self.table["pythons"].get(label.lower(), "") for label in labels]
        return max(known, key=number) if known and all(known) and len(set(known)) == 1 else ""

    def _commands(self, there: list[Value], found: Found) -> Iterator[Edit]:
        for value in (v for v in there if v.path[-1:] == ("run",)):
            start, end = value.node.start_mark.index, value.node.end_mark.index
            for row in self.table["commands"]:
                if not is_over(row["off"], self.moment) or f"`{row['name']}`" not in self.log:
                    continue
                pattern = rf"""echo +(["']?)::{row["name"]}(?: name=([\w-]+))?::([^"'\n]*)(["']?)"""
                for match in re2.finditer(pattern, self.text[start:end]):
                    line = f"{match[2]}={match[3]}" if match[2] else match[3]
                    quote = '"' if match[1] != "'" else "'"
                    found.what[f"::{row['name']}:: by ${row['file']}"] = None
                    found.scripts = True
                    new = f'echo {quote}{line}{quote} >> "${row["file"]}"'
                    yield Edit(start + match.start(), start + match.end(), new)


def names(log: str, word: str) -> bool:
    """Whether a log names a label."""
    return bool(re2.search(rf"(?i)(?:^|[^\w.-]){re2.escape(word)}(?:[^\w.-]|$|\.\s)", log))


def siblings(value: Value) -> set[str]:
    """What stands in the same list."""
    return {str(node.value) for node in value.siblings}


def number(version: str) -> tuple[int, ...]:
    """A version's first two numbers; none of what is no plain version."""
    return tuple(map(int, version.split(".")[:2])) if VERSION.search(version) else (99,)


def from_matrix(job: str, key: str, there: list[Value]) -> list[Value]:
    """The values that stand behind a key of a job's matrix, in `include` and `exclude` too."""
    matrix, places = ("jobs", job, "strategy", "matrix"), ((key, "[]"), ("include", "[]", key), ("exclude", "[]", key))
    return [v for v in there if v.path[:4] == matrix and v.path[4:] in places]


def meant(values_of: list[Value], there: list[Value]) -> list[Value]:
    """The values themselves, or those of the matrix that they name."""
    found = []
    for value in values_of:
        match = FROM_MATRIX.search(value.text)
        found += from_matrix(value.job, match[1], there) if match else [value]
    return found


def runners(job: str, there: list[Value]) -> list[str]:
    """The labels that a job may run on."""
    return [v.text for v in meant([v for v in there if v.path[:3] == ("jobs", job, "runs-on")], there)]


def is_runner(value: Value, there: list[Value]) -> bool:
    """Whether a value is what its job runs on."""
    own = [v for v in there if v.path[:3] == ("jobs", value.job, "runs-on")]
    return any(v.node is value.node for v in meant(own, there))


def pythons(job: str, there: list[Value]) -> list[Value]:
    """The versions of Python that a job sets up."""
    steps = [v for v in there if v.job == job and v.path[-2:] == ("with", "python-version")]
    return [v for v in meant(steps, there) if VERSION.search(v.text)]


def shared_names(uploads: list[Value], there: list[Value]) -> Iterator[str]:
    """Artifacts that would be uploaded twice under one name, which version 4 refuses: in words for people."""
    cure = "give each its own name, and download them with `pattern` and `merge-multiple`"
    seen: dict[str, str] = {}
    for upload in uploads:
        given = (v.text for v in there if v.item == upload.item and v.path[-2:] == ("with", "name"))
        name = next(given, "artifact")
        has_matrix = any(v.path[:4] == ("jobs", upload.job, "strategy", "matrix") for v in there)
        if has_matrix and "matrix." not in name and "strategy." not in name:
            yield f"upload-artifact@v4 refuses a second '{name}': each leg of the job {upload.job} uploads it; {cure}"
        elif name in seen:
            yield f"upload-artifact@v4 refuses a second '{name}': {seen[name]} and {upload.job} upload it; {cure}"
        seen[name] = upload.job
