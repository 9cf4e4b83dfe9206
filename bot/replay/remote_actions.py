"""The actions of other repositories that a job can come to: fetched at their exact refs, with those that they use."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import re2

from bot.errors import Unavailable, UsageError
from bot.model import Result, StepResult
from bot.ports import Sources
from bot.replay.actions import LOCAL, StandIns, is_action, split, used
from bot.replay.backends import NEEDS_ENGINE
from bot.replay.context import SERVER
from bot.replay.own import REPOSITORY
from bot.replay.side_effects import Share, SideEffects
from bot.yaml12 import load

MAX_ACTIONS = 100  # of one job, nested ones included: a chain of repositories must not go on for ever
# GitHub runs actions of all older versions with Node.js 20 or newer
NODES = {"node12": 20, "node16": 20, "node20": 20, "node24": 24}
# as Node.js, curl, git, Python, apt, apk, busybox, wget, Go and Rust say it
NO_NETWORK = re2.compile(
    r"getaddrinfo|EAI_AGAIN|ENETUNREACH|Could not resolve host|name resolution|Network is unreachable|dns error"
    r"|Temporary failure resolving|Name or service not known|Name does not resolve|bad address|unable to resolve host"
    r"|no such host"
)
GITHUB = re2.compile(r"\b(?:github\.com|githubusercontent\.com|ghcr\.io)\b")


@dataclass
class Found:
    """What was found.

    `uses` are all actions, nested ones included; `folders` has the repositories (`owner/name@ref`) that are had;
    `refused` says why other actions cannot be run; `definitions` are those of the actions that can.
    """

    uses: set[str]
    folders: dict[str, Path] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    side_effects: set[str] = field(default_factory=set)
    definitions: list[dict[str, Any]] = field(default_factory=list)


class RemoteActions:
    """Finds actions. `mapped` are folders that the user gave; `node` is the version of Node.js in jobs, if any.

    `is_named` says whether the tree of the checkout names a repository (see `bot.replay.repositories`), `own` gives
    the folder of its own actions (see `bot.replay.own`).
    In `containers` a job has its image's own Node.js, and container actions run.
    """

    def __init__(
        self,
        sources: Sources,
        stand_ins: StandIns,
        side_effects: SideEffects,
        mapped: Mapping[str, Path],
        node: str,
        is_named: Callable[[str], bool],
        own: Callable[[], Path],
        *,
        containers: bool = False,
    ) -> None:
        self._sources, self._stand_ins, self._side_effects, self._mapped = sources, stand_ins, side_effects, mapped
        self._is_named, self._own, self._containers = is_named, own, containers
        self._node = int(node.partition(".")[0] or 0)

    def find(self, uses: Iterable[str], *, of_tree: bool) -> Found:
        """Find every action that is used, also by composite actions. What can be no action is left out.

        `of_tree`: the names are those of the replayed tree, not of a workflow that was fetched itself.
        """
        found = Found({one for one in uses if is_action(one)})
        todo, first = sorted(found.uses, reverse=True), frozenset(found.uses if of_tree else ())
        while todo:
            one = todo.pop()
            if self._side_effects.find({"uses": one})[1] is Share.ALL:
                found.side_effects.add(one)
            elif not self._stand_ins.covers(split(one)[0]):
                fresh = self._look(one, found, is_first=one in first) - found.uses
                todo += sorted(fresh, reverse=True)
                found.uses |= fresh
        return found

    def want_of_network(
        self, job: Mapping[str, Any], steps: Sequence[StepResult], printed: Callable[[str], Iterable[str]]
    ) -> str:
        """Why a job's failure tells nothing of the project: a fetched action reached no server, or another step did not
        reach GitHub's, from which tools fetch archives of repositories instead of cloning them. Else empty.
        """
        for raw, step in zip(job["steps"], steps, strict=True):
            if step.result is not Result.FAILURE or step.continue_on_error:
                continue
            uses = str(raw.get("uses", ""))
            is_fetched = is_action(uses) and not self._stand_ins.covers(split(uses)[0])
            told = is_fetched or self._containers  # whom a container asked for nobody has seen
            lines = (x for x in printed(step.id) if NO_NETWORK.search(x) and (told or GITHUB.search(x)))
            if line := next(lines, ""):
                who = f"the action {uses}" if is_fetched else f"the step '{step.name}'"
                return f"{who} has failed, and needs a network: {line.partition('Z ')[2].strip()}"
            return ""
        return ""

    def _look(self, one: str, found: Found, *, is_first: bool) -> set[str]:
        """Get one action; what it uses in turn."""
        repository, path = split(one)
        try:
            folder = self._own() if repository == REPOSITORY else self._mapped.get(repository)
            folder = folder or found.folders.get(repository)
            if folder is None and is_first and not self._is_named(repository.partition("@")[0]):
                raise Unavailable("the tree of the checkout does not name it")
            folder = folder or self._fetch(repository, found)
        except Unavailable as e:
            hint = f"map it with --local-action {repository}=DIR"
            found.refused[one] = f"the action {one} cannot be had here: {e.message}; {hint}"
            return set()
        found.folders[repository] = folder
        try:
            definition = _definition(folder, path)
            problem = "" if repository in self._mapped else self._problem(definition)
        except UsageError as e:
            definition, problem = {}, e.message
        if problem:
            found.refused[one] = f"the action {one} cannot be run here: {problem}"
            return set()
        found.definitions.append(definition)
        return used([definition])

    def _fetch(self, repository: str, found: Found) -> Path:
        if len(found.folders) >= MAX_ACTIONS:
            raise Unavailable(f"the job uses more than {MAX_ACTIONS} actions")
        name, _, ref = repository.partition("@")
        return self._sources.files(f"{SERVER}/{name}", ref)

    def _problem(self, definition: Mapping[str, Any]) -> str:
        """Why an action cannot be run in a replay, or the empty string."""
        runs = definition.get("runs")
        runs = runs if isinstance(runs, dict) else {}
        using = str(runs.get("using", "")).lower()
        if using == "composite":
            return self._problem_of_steps(runs.get("steps"))
        if self._containers and using in ("docker", *NODES):
            return ""
        if using == "docker":
            return f"it is a container{NEEDS_ENGINE}"
        if using not in NODES:
            return f"it runs by '{using}', which is not known here"
        if self._node < NODES[using]:
            has = f"version {self._node}" if self._node else "none"
            return f"it needs Node.js {NODES[using]} or newer, and this machine has {has}"
        return ""

    def _problem_of_steps(self, steps: Any) -> str:
        for step in steps if isinstance(steps, list) else ():
            if not isinstance(step, dict):
                continue
            uses = str(step.get("uses", ""))
            if uses.startswith("docker://") and not self._containers:
                return f"it uses the container image {uses}{NEEDS_ENGINE}"
            if uses and not uses.startswith(LOCAL) and not is_action(uses):
                return f"it uses '{uses}', which is not the name of an action"
            effect, share = self._side_effects.find(step)
            if "run" in step and share is not Share.NONE:
                return f"it runs '{effect}', which is never run in a replay"
        return ""


def _definition(folder: Path, path: str) -> dict[str, Any]:
    """The definition of an action in a folder of a repository. Raises `UsageError` when it is not one."""
    place = (folder / path).resolve()
    if place.is_relative_to(folder.resolve()):
        for name in ("action.yml", "action.yaml"):
            file = place / name
            if file.is_file() and not file.is_symlink():
                found = load(file.read_bytes(), name)
                return found if isinstance(found, dict) else {}
        if (place / "Dockerfile").is_file():
            return {"runs": {"using": "docker"}}
    raise UsageError(f"there is no action.yml in {path or 'the repository'}")
