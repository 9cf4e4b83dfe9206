"""Which backend a job may run on, and why not on the others."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import re2

from bot.replay.expressions import Scope
from bot.replay.workflow import resolve

HOST = "host"
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


def refusals(order: Iterable[str], problems: Mapping[str, Problem]) -> str:
    """Why none of the backends but `host` takes a job, in the order of preference."""
    return "; ".join(f"{name}: {problems[name]()}" for name in order if name != HOST)
