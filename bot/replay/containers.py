"""The backend `docker`: what of a job is given to a container engine, and in which form act reads it.

act runs in the sandbox as ever, its containers outside; no program of ours is in them. So the steps have the shells
that they name, and what the wrapper tells elsewhere is read from act's own lines.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import re2

from bot.errors import Unavailable, UsageError
from bot.ports import Contained, Limits
from bot.replay.actions import steps_of
from bot.replay.backends import NEEDS_ENGINE, Backends
from bot.replay.context import Run
from bot.replay.derive import OUTPUTS_STEP, PLATFORM, STEP
from bot.replay.expressions import Scope, to_string
from bot.replay.layout import BIN, INTERPRETER, NETWORK, TMP, WORK
from bot.replay.legs import labels_of
from bot.replay.record import TELL_PLAINLY
from bot.replay.workflow import resolve

NOT_HELD = "it ran in containers, where no fix can be tried: the docker backend has no workbench"
IMAGE = "docker://"
ENVIRONMENT = {"DOCKER_HOST": f"unix://{NETWORK}/socket"}
"""What tells act where its engine is."""
CHECKOUT = "actions/checkout"
NO_SERVICE = ("actions/upload-artifact", "actions/download-artifact", "actions/upload-pages-artifact")
OWN_PORT = re2.compile(r"(?:(\d+):)?(\d+)(?:/(?:tcp|udp))?")
ASKED_AT_RUN_TIME: dict[str, Any] = {"needs": {}, "inputs": {}}
TOLD = re2.compile(r"(?i)\b(?:needs|inputs)\b")  # in a matrix: then it is asked at run time as well
OF_ACT = ("CI", "GITHUB_ACTIONS")  # a container has them of act, and there nobody could undo an empty value
KEPT = ("image", "options", "volumes")
ITS_PORT = re2.compile(r"\bjob\.services\.[\w-]+\.ports\[\s*'?(\d+)'?\s*\]")
CONSTANTS = {"runner.temp": TMP}
"""What expressions of a job in containers may name, and is known by now."""
NOT_OF_ACT = ("repository", "ref", "sparse-checkout", "filter")
CHECKOUT_INPUTS = {"fetch-depth": "1", "fetch-tags": "false", "submodules": "false", "lfs": "false"}


def need(job: Mapping[str, Any], scope: Scope) -> str:
    """Why no step of a job could run without a container engine, or the empty string."""
    container, services = _container(job, scope), _services(job, scope)
    if container:
        return f"the job runs in the container {container['image']}{NEEDS_ENGINE}"
    return f"the job needs the service {', '.join(services)}{NEEDS_ENGINE}" if services else ""


def wish(job: Mapping[str, Any], definitions: Iterable[Any]) -> str:
    """Why a job comes to a step that needs a container engine, or the empty string. `definitions`: of its actions."""
    images = [str(s.get("uses")) for s in job["steps"] if str(s.get("uses", "")).startswith(IMAGE)]
    if images:
        return f"a step uses the container image {images[0]}{NEEDS_ENGINE}"
    return f"an action of a step is a container{NEEDS_ENGINE}" if any(map(_is_docker, definitions)) else ""


def _is_docker(definition: Any) -> bool:
    nested = (str(s.get("uses", "")) for s in steps_of(definition))
    return _image(definition) is not None or any(uses.startswith(IMAGE) for uses in nested)


def _image(definition: Any) -> str | None:
    """The image of a container action: a name, or the file that it is built of."""
    runs = definition.get("runs") if isinstance(definition, dict) else None
    if not isinstance(runs, dict) or str(runs.get("using", "")).lower() != "docker":
        return None
    return str(runs.get("image") or "Dockerfile")


def contained(
    job: Mapping[str, Any],
    scope: Scope,
    definitions: Iterable[Any],
    backends: Backends,
    network: str,
    limits: Limits,
    check: Callable[[], None],
) -> Contained:
    """What a job is given of the engine. Raises `Unavailable` with the reason where an image cannot be had.

    `check` is called while an image is pulled, and raises to end that.
    """
    container, services = _container(job, scope), _services(job, scope)
    if not container and (problem := _port_problem(services)):
        raise Unavailable(problem)
    image = str(container["image"]) if container else _runner(job, scope, backends.images)
    told = TOLD.search(json.dumps(job.get("strategy")))
    static = scope.having(**ASKED_AT_RUN_TIME, **({"matrix": {}, "strategy": {}} if told else {}))
    named = {str(image): not container or _same(lambda s: _container(job, s)["image"], static, image)}
    for name, service in services.items():
        named[service["image"]] = _same(lambda s, n=name: _services(job, s)[n]["image"], static, service["image"])
    found = [str(s.get("uses", "")) for s in job["steps"]]
    for definition in definitions:
        found += [_image(definition) or "", *(str(s.get("uses", "")) for s in steps_of(definition))]
    named |= dict.fromkeys((x.removeprefix(IMAGE) for x in found if x.startswith(IMAGE)), True)
    for one, may_pull in named.items():
        if problem := backends.engine.lacks(one, pull=may_pull, check=check):
            raise Unavailable(f"the container image {one} cannot be had: {problem}")
    return Contained(image, network, limits, shares_loopback=bool(services) and not container)


def _same(look: Any, static: Scope, image: str) -> bool:
    """Whether a name is the tree's own, not told by a job: what jobs say at run time must reach no registry."""
    try:
        return bool(look(static) == image)
    except (UsageError, KeyError, TypeError):
        return False


def _container(job: Mapping[str, Any], scope: Scope) -> dict[str, Any]:
    given = resolve(job.get("container"), scope.having(env={}, secrets={}))
    found = given if isinstance(given, dict) else {"image": given}
    return {k: v for k, v in found.items() if k in KEPT} if found.get("image") else {}


def _services(job: Mapping[str, Any], scope: Scope) -> dict[str, dict[str, Any]]:
    given = resolve(job.get("services") or {}, scope.having(env={}, secrets={}))
    return {str(k): v for k, v in given.items() if isinstance(v, dict) and v.get("image")}


def _runner(job: Mapping[str, Any], scope: Scope, images: Mapping[str, str]) -> str:
    labels = labels_of(job, scope)
    image = next((images[label] for label in labels if label in images), "")
    if not image:
        raise Unavailable(f"the setting replay.images names no container image for {', '.join(labels)}")
    return image


def _port_problem(services: Mapping[str, Mapping[str, Any]]) -> str:
    """Why a job cannot reach its services on its own loopback, which is where they listen."""
    taken: dict[str, str] = {}
    for name, service in services.items():
        for port in service.get("ports") or ():
            found = OWN_PORT.fullmatch(to_string(port))
            if not found or found[1] not in (None, found[2]):
                return f"the service {name} is wanted at the port {port}, and the docker backend gives none but its own"
            if taken.setdefault(found[2], name) != name:
                return f"the services {taken[found[2]]} and {name} have the same port {found[2]}"
    return ""


def in_containers(document: dict[str, Any], job_id: str, name: str, job: Mapping[str, Any], scope: Scope) -> None:
    """Put a derived workflow into the form for containers. `name` is the job's, which no other leg has."""
    derived = document["jobs"][job_id] = _with_ports({**document["jobs"][job_id], "name": name})
    container, services = _container(job, scope), _services(job, scope)
    if container:
        derived["container"] = {**container, **_env(derived["container"])}
    else:
        derived.pop("container", None)
    listed = () if container else ("ports",)  # from a container they are reached by their names
    own = {n: {k: v for k, v in s.items() if k in (*KEPT, *listed)} for n, s in services.items()}
    derived["services"] = {n: {**s, **_env(derived["services"][n])} for n, s in own.items()}
    derived["steps"] = [_unwrapped(step) for step in derived["steps"]]
    run = (derived.get("defaults") or {}).get("run") or {}
    if run.get("shell"):
        run["shell"] = _shell(run["shell"])


def _with_ports(value: Any) -> Any:
    """A YAML value with the ports of services in place of the expressions that name them: act has no `job.services`."""
    if isinstance(value, str):
        return ITS_PORT.sub(r"'\1'", value)
    if isinstance(value, dict):
        return {k: _with_ports(v) for k, v in value.items()}
    return [_with_ports(x) for x in value] if isinstance(value, list) else value


def _unwrapped(step: dict[str, Any]) -> dict[str, Any]:
    """A derived step without our wrapper, which no container has."""
    found = dict(step)
    env = found.get("env") or {}
    found["env"] = {k: v for k, v in env.items() if not k.startswith("REGREEN_") and (v or k not in OF_ACT)}
    shell = str(found.pop("shell", ""))
    if shell.startswith(f"{STEP} adapter unavailable"):
        return {**found, **TELL_PLAINLY}
    if found.get("id") == OUTPUTS_STEP:
        return {**found, "run": "printf '%s\\n' \"$OUTPUTS\"", "shell": "sh"}  # echo reads backslashes
    return {**found, "shell": shell} if (shell := _shell(shell)) else found


def _shell(wrapped: str) -> str:
    """The shell that was meant; empty for the usual one."""
    words = wrapped.removeprefix(f"{STEP} ")
    kind, _, rest = words.partition(" ")
    if kind in ("custom", "shell"):
        return rest.removesuffix(" -- {0}")
    return "" if kind == "default" else kind


def _env(given: Any) -> dict[str, Any]:
    env = given.get("env") if isinstance(given, dict) else None
    return {"env": env} if env else {}


def refused(job: Mapping[str, Any], uses: Iterable[str]) -> dict[str, str]:
    """Which of the actions that a job uses cannot be had in containers, and why."""
    names = {one: one.partition("@")[0].lower() for one in uses}
    needs_service = "needs GitHub's artifacts, which the docker backend has not"
    found = {one: f"the action {one} {needs_service}" for one, name in names.items() if name in NO_SERVICE}
    for step in job["steps"]:
        one, given = str(step.get("uses", "")), step.get("with") or {}
        if is_checkout(one) and (other := next((k for k in NOT_OF_ACT if given.get(k)), "")):
            found[one] = f"{CHECKOUT} has the input '{other}', which the docker backend cannot give"
    return found


def is_checkout(uses: str) -> bool:
    """Whether this is the action that act does itself, in containers."""
    return uses.lower().startswith(f"{CHECKOUT}@")


def act(argv: Iterable[str], job: Mapping[str, Any], run: Run, image: str) -> list[str]:
    """The command line of act in containers, from that on the host: it begins with a checkout that act copies.

    The network that it names is none: the gate puts each container into the leg's own. act's default is the host's.
    """
    words = list(argv)
    words[words.index("--platform") + 1] = f"{PLATFORM}={image}"
    words.remove("--no-skip-checkout")
    name = run.repository.rsplit("/", 1)[-1]
    folder = f"{WORK}/{name}/{name}"
    words += ["--directory", folder, "--network", "regreen", "--pull=false", "--use-gitignore=false"]
    given = next((s.get("with") or {} for s in job["steps"] if is_checkout(str(s.get("uses", "")))), {})
    inputs = {k: to_string(given.get(k, default)) for k, default in CHECKOUT_INPUTS.items()}
    env = {**run.act_variables(), "GITHUB_WORKSPACE": folder, "INPUTS": json.dumps(inputs)}
    return [INTERPRETER, "-IS", f"{BIN}/run", "workspace", json.dumps(env), *words]


def scripts(job: Mapping[str, Any]) -> dict[str, str]:
    """The script of each step that has one, by its id or number."""
    return {str(s.get("id") or n): str(s["run"]) for n, s in enumerate(job["steps"]) if "run" in s}
