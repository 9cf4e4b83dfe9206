"""Which backend a job may run on, and why not on the others."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import re2

from bot.ports import Engine
from bot.replay.expressions import Scope
from bot.replay.workflow import resolve

HOST, DOCKER = "host", "docker"
NEEDS_ENGINE = ", which needs a container engine"
"""How the reasons end for which a job cannot run on `host`."""
Problem = Callable[[], str]
"""Says why a backend cannot be used, or nothing."""
UNSAFE_OPTIONS = re2.compile(
    r"(?:^|\s)(--privileged\b|--(?:device|cap-add|security-opt|gpus|volumes-from|mount|volume|cgroup-parent|device-cgroup-rule)"
    r"\b|-v\b|--(?:network|net|pid|ipc|uts|userns|cgroupns)[ =](?:host|container:)\S*)"
)


def unsafe(job: Mapping[str, Any], scope: Scope) -> str:
    """What a job asks of a container engine that would give a step the machine, or the empty string.

    Privileges, devices, the host's network or namespaces, and folders of the host. Named volumes are fine.
    """
    container, services = resolve(job.get("container"), scope), resolve(job.get("services") or {}, scope)
    named = {"container": container, **(services if isinstance(services, dict) else {})}
    found = ((name, problem) for name, given in named.items() if isinstance(given, dict) for problem in _unsafe(given))
    return next((f"the job asks for {problem} ({name}), which no replay gives" for name, problem in found), "")


def _unsafe(given: Mapping[str, Any]) -> Iterator[str]:
    if option := UNSAFE_OPTIONS.search(str(given.get("options") or "")):
        yield f"the container option {option[1]}"
    for volume in given.get("volumes") or ():
        if str(volume).startswith(("/", ".", "~", "$")) and ":" in str(volume):
            yield f"the folder {str(volume).split(':')[0]} of the host"


@dataclass(frozen=True)
class Backends:
    """The backends in their order of preference, and what keeps each but `host` from being used.

    `images` are those that stand for GitHub's runners in the `engine`, by labels.
    """

    order: tuple[str, ...]
    problems: Mapping[str, Problem]
    engine: Engine
    images: Mapping[str, str] = field(default_factory=dict)

    def choose(self, need: str) -> str:
        """The backend of a leg, or the empty string; `need` says why it cannot run on `host`, if so."""
        return next((name for name in self.order if not (need if name == HOST else self.problems[name]())), "")

    def refusals(self) -> str:
        """Why none of the backends but `host` takes a job, in the order of preference."""
        told = ((name, self.problems[name]()) for name in self.order if name != HOST)
        return "; ".join(f"{name}: {problem}" for name, problem in told if problem)
