"""A container engine on this machine: whether one answers, what it has, and what a replay leaves in it."""

import json
import os
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.adapters.egress import Egress
from bot.adapters.engine_gate import LEG, WORKER, Gate
from bot.adapters.workers import is_gone, this_worker
from bot.errors import Unavailable
from bot.ports import Contained

if TYPE_CHECKING:
    import httpx

SOCKET = "unix:///var/run/docker.sock"
TIMEOUT_SECONDS = 2.0
ANSWER_SECONDS = 120.0  # an engine that removes a container waits for its programs
PULL_SECONDS = 600.0  # without a word of progress
UNREACHED = {"com.docker.network.bridge.inhibit_ipv4": "true"}
"""Internal networks keep containers from other machines; without this they reach what listens on this one."""
# https://github.com/distribution/reference, a little wider
REFERENCE = re.compile(r"[a-zA-Z0-9][\w.-]*(?::\d+)?(?:/[a-zA-Z0-9][\w.-]*)*(?::[\w.-]+)?(?:@[\w.+-]+:\w+)?", re.ASCII)
LEFT = {  # what a leg can leave: how it is listed, what names it, how it is removed
    "/containers/json?all=1": ("Id", "/containers/{}?force=1&v=1"),
    "/volumes": ("Name", "/volumes/{}?force=1"),
    "/images/json": ("Id", "/images/{}?force=1"),
    "/networks": ("Id", "/networks/{}"),
}


def engine_problem(environ: Mapping[str, str]) -> str:
    """Why no engine can be used, or the empty string. Asked as Docker's own clients do (`GET /_ping`)."""
    address = environ.get("DOCKER_HOST") or SOCKET
    if not address.startswith("unix://"):
        return f"the engine at {address} is on another machine"
    try:
        with _talk(Path(address.removeprefix("unix://")), TIMEOUT_SECONDS) as client:
            _asked(client, "GET", "/_ping")
    except Unavailable:
        return f"no engine answers at {address}"
    return ""


class ContainerEngine:
    """See `bot.ports.Engine`. What workers of this machine that have ended left behind goes before the first leg."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._path = Path((environ.get("DOCKER_HOST") or SOCKET).removeprefix("unix://"))

    @cached_property
    def problem(self) -> str:
        """See `bot.ports.Engine.problem`."""
        if problem := engine_problem(self._environ):
            return problem
        with suppress(Unavailable), _talk(self._path) as client:
            for network in _asked(client, "GET", "/networks").json():
                if is_gone((network.get("Labels") or {}).get(WORKER, "")):
                    _remove(client, network["Name"])
        return ""

    def lacks(self, image: str, *, pull: bool, check: Callable[[], None]) -> str:
        """See `bot.ports.Engine.lacks`."""
        if not REFERENCE.fullmatch(image):  # it becomes part of a path
            return "this is no name of an image"
        try:
            with _talk(self._path, PULL_SECONDS) as client:
                if client.get(f"/images/{image}/json").is_success:
                    return ""
                return _pulled(client, image, check) if pull else "the engine does not have it"
        except Unavailable as e:
            return e.message

    def serve(self, listener: socket.socket, leg: Contained) -> Egress:
        """See `bot.ports.Engine.serve`."""
        name = f"regreen-{os.urandom(6).hex()}"
        labels = {WORKER: this_worker(), LEG: name}
        rules = {"Name": name, "CheckDuplicate": True, "Driver": "bridge", "Internal": leg.network != "all"}
        if rules["Internal"]:
            rules["Options"] = UNREACHED
        try:
            with _talk(self._path) as client:
                _asked(client, "POST", "/networks/create", {**rules, "Labels": labels})
                is_podman = "podman" in _asked(client, "GET", "/version").text.lower()
                gate = Gate(self._path, name, labels, leg, forwards_names=not is_podman and leg.network != "all")
                if leg.shares_loopback:
                    holder = gate.created({"Image": leg.image, "Entrypoint": ["tail", "-f", "/dev/null"]})
                    made = _asked(client, "POST", "/containers/create", holder).json()["Id"]
                    _asked(client, "POST", f"/containers/{made}/start")
                    gate.loopback = made
        except Unavailable:
            self._forget(name)
            listener.close()
            raise
        return _Containers(listener, gate, lambda: self._forget(name))

    def _forget(self, leg: str) -> None:
        with suppress(Unavailable), _talk(self._path) as client:
            _remove(client, leg)


class _Containers(Egress):
    """The way of one leg to the engine; what it made there goes with it."""

    def __init__(self, listener: socket.socket, gate: Gate, forget: Any) -> None:
        super().__init__(listener, lambda: gate)
        self._forget = forget

    def close(self) -> None:
        """See `bot.ports.Egress.close`."""
        super().close()
        self._forget()


@contextmanager
def _talk(path: Path, seconds: float = ANSWER_SECONDS) -> Iterator["httpx.Client"]:
    """A client of the engine; what goes wrong with it becomes `Unavailable`."""
    import httpx  # only a job that needs containers has to wait for it

    if not path.is_socket():
        raise Unavailable(f"no engine answers at unix://{path}")
    transport = httpx.HTTPTransport(uds=str(path))
    try:
        with httpx.Client(transport=transport, base_url="http://engine", timeout=seconds) as client:
            yield client
    except (httpx.HTTPError, OSError, ValueError, KeyError) as e:
        raise Unavailable(f"the container engine gives no answer: {e}") from e


def _asked(client: "httpx.Client", method: str, path: str, body: object = None) -> "httpx.Response":
    answer = client.request(method, path, json=body)
    if not answer.is_success:
        with suppress(ValueError, TypeError, KeyError):
            raise Unavailable(f"the container engine refuses: {answer.json()['message']}")
        raise Unavailable(f"the container engine answers {answer.status_code}")
    return answer


def _pulled(client: "httpx.Client", image: str, check: Callable[[], None]) -> str:
    """Pull an image without credentials; why that cannot be done, or the empty string."""
    name, _, tag = image.rpartition(":") if ":" in image.rpartition("/")[2] else (image, "", "latest")
    given = {"fromImage": image} if "@" in image else {"fromImage": name, "tag": tag}
    with client.stream("POST", "/images/create", params=given) as answer:
        for line in answer.iter_lines():
            check()
            told = json.loads(line) if line.startswith("{") else {}
            if problem := told.get("error") or told.get("message"):
                return f"the engine does not have it and cannot pull it: {problem}"
    return "" if answer.is_success else f"the engine cannot pull it ({answer.status_code})"


def _remove(client: "httpx.Client", leg: str) -> None:
    """Remove everything of a leg, its network at last: by that what was left behind is found."""
    for listing, (key, removal) in LEFT.items():
        found = _asked(client, "GET", listing).json()
        rows = (found.get("Volumes") if isinstance(found, dict) else found) or ()  # Go writes an empty list as null
        for row in (*rows, *rows):  # Podman keeps a container as long as another one is on its loopback
            named = str(row.get("Name", "")) == leg or str(row.get("Name", "")).startswith(f"{leg}-")
            if named or (row.get("Labels") or {}).get(LEG) == leg:  # Podman gives volumes no labels
                client.delete(removal.format(row[key]))
