"""The gate between act and a container engine: what a leg makes there is its own, and can reach nothing else.

act is given a unix socket of ours. It asks the engine for containers by what workflow files say, and, at run time, by
what the steps have made of the actions of the tree; so what is asked for is looked at here, not only in those files.
"""

import json
import re
import select
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from bot.ports import Contained

WORKER, LEG = "regreen.worker", "regreen.leg"
"""The labels of everything that a leg makes: the process that it belongs to, and its own name."""
CHUNK = 1 << 16
MAX_HEAD, MAX_BODY = 1 << 16, 1 << 22
VERSION = re.compile(r"^/v[\d.]+(?=/)")
PASSED = re.compile(
    r"(?:GET|HEAD) (?:/_ping|/version|/info|/images/.+/json|/containers/json|/containers/[^/]+/(?:json|archive)"
    r"|/volumes|/networks(?:/[^/]+)?|/exec/[^/]+/json)"
    r"|POST /(?:containers/[^/]+/(?:start|attach|wait|exec)|exec/[^/]+/start)"
    r"|PUT /containers/[^/]+/archive|DELETE /containers/[^/]+"
)
DONE = re.compile(r"POST /networks/create|DELETE /(?:networks|volumes)/[^/]+")
"""What is ours to make and to remove: act is told that it is done."""
# A log driver, say, would send what a container prints from the engine's own network, wherever it is told to.
KEPT = frozenset(
    {"AutoRemove", "CapDrop", "ExtraHosts", "Init", "Memory", "NanoCpus", "PidsLimit", "ShmSize", "Tmpfs"}
    | {"Ulimits", "CpuShares", "CpuQuota", "CpuPeriod", "CpusetCpus", "MemoryReservation"}
)
REFUSED = (
    *("Privileged", "Devices", "DeviceRequests", "DeviceCgroupRules", "CapAdd", "SecurityOpt", "VolumesFrom"),
    *("CgroupParent", "Runtime", "Sysctls"),
)
NAMESPACES = ("PidMode", "IpcMode", "UTSMode", "UsernsMode", "CgroupnsMode")
BUILT = "-dockeraction:latest"  # how act names an image that it has built of an action, whatever project it is of
NOWHERE = "127.0.0.1"


class Refusal(Exception):
    """What act asks for is not given; the message follows "the step"."""


class Gate:
    """Serves connections to the engine at `engine` for one leg, which has a network of its name, and `labels`.

    `loopback` is the container whose loopback all of its containers share, if they do. `forwards_names`: the engine
    asks this machine's name servers for what its containers look up, also where their network is bounded.
    """

    def __init__(
        self, engine: Path, name: str, labels: Mapping[str, str], leg: Contained, *, forwards_names: bool
    ) -> None:
        self._engine, self._name, self._labels, self._leg = engine, name, dict(labels), leg
        self._forwards_names = forwards_names
        self._made: set[str] = set()
        self.loopback = ""

    def serve(self, connection: socket.socket, deny: Callable[[str], None]) -> None:
        """Serve one request: what is passed on is the engine's own answer."""
        with suppress(OSError, ValueError), socket.socket(socket.AF_UNIX) as engine:
            head, rest = _until(connection, b"\r\n\r\n")
            request, *headers = head.decode("latin-1").split("\r\n")
            method, target, _ = request.split(" ")
            path = VERSION.sub("", urlsplit(target).path)
            try:
                if DONE.fullmatch(f"{method} {path}"):
                    _answer(connection, 201, {"Id": self._name, "Warning": ""})
                    return
                body = b""
                if (method, path) == ("POST", "/containers/create"):
                    given = json.loads(_body(connection, headers, rest))
                    body = json.dumps(self.created(given, target)).encode()
                    headers = [h for h in headers if not h.lower().startswith("content-length:")]
                    headers.append(f"Content-Length: {len(body)}")
                elif (method, path) == ("POST", "/build"):
                    target, body = self._building(target), rest
                elif PASSED.fullmatch(f"{method} {path}"):
                    target, body = self._own_image(target), rest
                else:
                    raise Refusal(f"asked the container engine for {method} {path}, which no replay gives")
            except Refusal as e:
                deny(str(e))
                _answer(connection, 403, {"message": f"it {e}"})
                return
            becomes_a_stream = path.endswith(("/attach", "/start")) and any(
                h.lower().startswith("upgrade:") for h in headers
            )
            if not becomes_a_stream:  # else a second request could follow
                headers = [h for h in headers if not h.lower().startswith("connection:")] + ["Connection: close"]
            engine.connect(str(self._engine))
            engine.sendall("\r\n".join([f"{method} {target} HTTP/1.1", *headers, "", ""]).encode("latin-1") + body)
            _splice(connection, engine)

    def created(self, given: Mapping[str, Any], target: str = "") -> dict[str, Any]:
        """A container as it may be created. Raises `Refusal`."""
        host = {k: v for k, v in (given.get("HostConfig") or {}).items() if v}
        if wrong := next((k for k in REFUSED if host.get(k)), ""):
            raise Refusal(f"asked for a container with {wrong}, which no replay gives")
        if wrong := next((k for k in NAMESPACES if re.match("host|container:|ns:", str(host.get(k, "")))), ""):
            raise Refusal(f"asked for a container with {wrong} {host[wrong]}, which no replay gives")
        volumes = [self._volume(mount) for mount in host.get("Mounts") or ()]
        anonymous = [bind for bind in host.get("Binds") or () if ":" not in bind]
        if len(anonymous) < len(host.get("Binds") or ()):
            raise Refusal("asked for a container with a folder of the host, which no replay gives")
        limits = {"PidsLimit": self._leg.limits.processes, "Memory": self._leg.limits.memory}
        kept = {k: v for k, v in host.items() if k in KEPT} | {"Mounts": volumes, "Binds": anonymous}
        kept |= {k: min(v, host.get(k) or v) if host.get(k, 0) >= 0 else v for k, v in limits.items()}
        kept["MemorySwap"] = kept["Memory"]  # no swap, as in sandboxes
        made = {**given, "Labels": {**(given.get("Labels") or {}), **self._labels}}
        made["Image"] = self._own_image(str(given.get("Image")))
        found = self._networked({**made, "HostConfig": kept}, str(host.get("NetworkMode", "")))
        self._made.update(parse_qs(urlsplit(target).query).get("name", ()))
        return found

    def _networked(self, made: dict[str, Any], mode: str) -> dict[str, Any]:
        """A container in the network of the leg, on the loopback that is shared, or on that of another container."""
        host = made["HostConfig"]
        asked = made.pop("NetworkingConfig", None) or {}
        other = mode.removeprefix("container:") if mode.startswith("container:") else ""
        if other and other not in self._made:
            raise Refusal("asked for the network of a container that is not its own, which no replay gives")
        if self.loopback or other:
            for key in ("ExposedPorts", "Hostname", "Domainname", "MacAddress"):
                made.pop(key, None)
            host.pop("ExtraHosts", None)
            host["NetworkMode"] = f"container:{self.loopback or other}"
            return made
        aliases = [a for end in (asked.get("EndpointsConfig") or {}).values() for a in (end or {}).get("Aliases") or ()]
        host["NetworkMode"] = self._name
        if self._forwards_names:  # what a name server is asked for is told to it
            host["Dns"] = [NOWHERE]
        return {**made, "NetworkingConfig": {"EndpointsConfig": {self._name: {"Aliases": aliases}}}}

    def _volume(self, mount: Mapping[str, Any]) -> dict[str, Any]:
        """A named volume of the leg's own, whatever its name: others on the machine must not be read or changed."""
        if mount.get("Type") != "volume":
            raise Refusal("asked for a container with a folder of the host, which no replay gives")
        name = f"{self._name}-{mount.get('Source', '')}"
        kept = {k: mount[k] for k in ("Target", "ReadOnly") if k in mount}
        return {"Type": "volume", "Source": name, **kept, "VolumeOptions": {"Labels": self._labels}}

    def _building(self, target: str) -> str:
        """The request to build an image, in the leg's network. Raises `Refusal` where the network is bounded."""
        if self._leg.network != "all":  # a step may have written the Dockerfile: what it names is asked for outside
            raise Refusal("asked the container engine to build an image, which needs the network 'all'")
        path, _, query = target.partition("?")
        given = {k: v[-1] for k, v in parse_qs(query).items()}
        given |= {"networkmode": self._name, "labels": json.dumps(self._labels)}
        return self._own_image(f"{path}?{urlencode(given, safe='/:')}")

    def _own_image(self, text: str) -> str:
        """A text that may name an image that act has built, with a name that no other leg gives to one of its own."""
        return text.replace(BUILT, f"-{self._name}{BUILT}")


def _until(connection: socket.socket, mark: bytes) -> tuple[bytes, bytes]:
    data = b""
    while mark not in data:
        more = connection.recv(CHUNK)
        if not more or len(data) > MAX_HEAD:
            raise ValueError("this is no request")
        data += more
    head, _, rest = data.partition(mark)
    return head, rest


def _body(connection: socket.socket, headers: list[str], rest: bytes) -> bytes:
    pairs = (h.lower().partition(":") for h in headers)
    length = next((int(value) for name, _, value in pairs if name == "content-length"), -1)
    if not 0 <= length <= MAX_BODY:
        raise ValueError("this is no request that has a body")
    while len(rest) < length:
        more = connection.recv(CHUNK)
        if not more:
            raise ValueError("the body ends early")
        rest += more
    return rest[:length]


def _answer(connection: socket.socket, status: int, body: object) -> None:
    data = json.dumps(body).encode()
    head = f"HTTP/1.1 {status} .\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n"
    connection.sendall(f"{head}Connection: close\r\n\r\n".encode() + data)


def _splice(client: socket.socket, engine: socket.socket) -> None:
    """Carry bytes both ways until the engine has ended."""
    ways = {client.fileno(): (client, engine), engine.fileno(): (engine, client)}
    poll = select.poll()  # select(2) takes no descriptor above 1023
    for end in ways:
        poll.register(end, select.POLLIN)
    while engine.fileno() in ways:
        for end, _ in poll.poll():
            source, target = ways[end]
            data = source.recv(CHUNK)
            if data:
                target.sendall(data)
                continue
            del ways[end]
            poll.unregister(end)
            with suppress(OSError):
                target.shutdown(socket.SHUT_WR)
