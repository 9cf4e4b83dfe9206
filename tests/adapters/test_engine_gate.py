"""The gate to a container engine: what it lets a leg have, and what it makes of it."""

import json
import os
import resource
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from bot.adapters import container_engine
from bot.adapters.container_engine import ContainerEngine
from bot.errors import Transient, Unavailable
from bot.ports import Contained, Egress, Limits
from bot.replay.control import listen

NONE = Contained("img:1", "none", Limits(processes=50, memory=1000))


def go_on() -> None:
    pass


@dataclass
class Engine:
    """An engine that has the image `img:1`, remembers what it is asked for, and lists what it is told to list."""

    address: str
    asked: list[tuple[str, Any]] = field(default_factory=list)
    lists: dict[str, Any] = field(default_factory=dict)
    podman: bool = False

    def bodies(self, request: str) -> list[Any]:
        return [body for asked, body in self.asked if asked.split("?")[0] == request]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    found = Engine(f"unix://{tmp_path}/engine.sock")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = self.path.split("?")[0]
            found.asked.append((f"{self.command} {self.path}", json.loads(body) if body else None))
            status, told = 200, found.lists.get(path, {"Id": "made"})
            if path == "/version":
                told = {"Components": [{"Name": "Podman Engine" if found.podman else "Engine"}]}
            elif (
                path.startswith("/images/") and path.endswith("/json") and "/img:1/" not in path and path.count("/") > 2
            ):
                status, told = 404, {"message": "no such image"}
            elif path == "/images/create":
                told = {"error": "no such registry"}
            elif self.command == "GET" and path in ("/containers/json", "/networks", "/images/json"):
                told = found.lists.get(path, [])
            data = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = do_PUT = answer  # noqa: N815

        def address_string(self) -> str:
            return ""

        def log_message(self, *_: object) -> None:
            pass

    class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True

    with Server(str(tmp_path / "engine.sock"), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield found
        server.shutdown()
        thread.join()


class Leg:
    """A leg's end of the gate."""

    def __init__(self, engine: Engine, folder: Path, leg: Contained = NONE) -> None:
        folder.mkdir()
        self._folder = folder
        self.egress: Egress = ContainerEngine({"DOCKER_HOST": engine.address}).serve(listen(folder), leg)
        self.name = engine.bodies("POST /networks/create")[-1]["Name"]

    def ask(self, request: str, body: object = None, *, header: str = "", more: bytes = b"") -> tuple[int, Any]:
        data = json.dumps(body).encode() if body is not None else b""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(10)
            line.connect(str(self._folder / "socket"))
            head = f"{request} HTTP/1.1\r\nHost: e\r\n{header}Content-Length: {len(data)}\r\n\r\n"
            line.sendall(head.encode() + data + more)
            answer = b"".join(iter(lambda: line.recv(65536), b""))
        head, _, told = answer.decode().partition("\r\n\r\n")
        return int(head.split(" ")[1]), json.loads(told)

    def create(self, **given: object) -> tuple[int, Any]:
        return self.ask("POST /v1.41/containers/create?name=act-x", {"Image": "img:1", **given})


@pytest.fixture
def leg(engine: Engine, tmp_path: Path) -> Iterator[Leg]:
    made = Leg(engine, tmp_path / "leg")
    yield made
    made.egress.close()


def made(engine: Engine) -> dict[str, Any]:
    """The last container that the engine was asked for."""
    found: dict[str, Any] = engine.bodies("POST /v1.41/containers/create")[-1]
    return found


def test_a_container_is_put_into_the_legs_own_network_and_limits(engine: Engine, leg: Leg) -> None:
    endpoints = {"EndpointsConfig": {"act-network": {"Aliases": ["db"]}}}
    host = {"NetworkMode": "host", "PortBindings": {"1/tcp": [{"HostPort": "1"}]}, "ShmSize": 5, "Memory": 100}
    host |= {"MemorySwap": -1, "OomScoreAdj": -1000}
    host["LogConfig"] = {"Type": "syslog", "Config": {"syslog-address": "tcp://192.0.2.1:514"}}
    assert leg.create(HostConfig=host, NetworkingConfig=endpoints)[0] == 200
    found = made(engine)
    assert found["HostConfig"]["NetworkMode"] == leg.name
    assert found["NetworkingConfig"] == {"EndpointsConfig": {leg.name: {"Aliases": ["db"]}}}
    assert "PortBindings" not in found["HostConfig"], "ports are not published on the machine"
    assert "LogConfig" not in found["HostConfig"], "the engine sends no output elsewhere"
    assert found["HostConfig"]["Dns"] == ["127.0.0.1"]
    assert (found["HostConfig"]["ShmSize"], found["HostConfig"]["Memory"]) == (5, 100)
    assert found["HostConfig"]["MemorySwap"] == 100, "swap has no limit else"
    assert "OomScoreAdj" not in found["HostConfig"], "the machine's own programs would be killed before it"
    assert found["HostConfig"]["PidsLimit"] == 50
    assert found["Labels"]["regreen.leg"] == leg.name


def test_a_bounded_network_is_internal_and_the_machine_is_not_in_it(engine: Engine, leg: Leg, tmp_path: Path) -> None:
    [network] = engine.bodies("POST /networks/create")
    assert network["Internal"] is True
    assert network["Options"] == {"com.docker.network.bridge.inhibit_ipv4": "true"}
    whole = Leg(engine, tmp_path / "all", Contained("img:1", "all", Limits()))
    assert engine.bodies("POST /networks/create")[-1]["Internal"] is False
    whole.create()
    assert "Dns" not in made(engine)["HostConfig"]
    whole.egress.close()


def test_podman_answers_for_its_own_names_only_by_its_own_server(engine: Engine, tmp_path: Path) -> None:
    engine.podman = True
    leg = Leg(engine, tmp_path / "leg")
    leg.create()
    assert "Dns" not in made(engine)["HostConfig"]
    leg.egress.close()


@pytest.mark.parametrize(
    "host",
    [
        {"Privileged": True},
        {"Devices": [{"PathOnHost": "/dev/kvm"}]},
        {"CapAdd": ["SYS_ADMIN"]},
        {"SecurityOpt": ["seccomp=unconfined"]},
        {"VolumesFrom": ["other"]},
        {"PidMode": "host"},
        {"IpcMode": "container:other"},
        {"UsernsMode": "host"},
        {"Binds": ["/:/host"]},
        {"Binds": ["volume:/v"]},
        {"Mounts": [{"Type": "bind", "Source": "/", "Target": "/host"}]},
        {"NetworkMode": "container:other"},
    ],
)
def test_what_would_give_a_step_the_machine_never_reaches_the_engine(
    engine: Engine, leg: Leg, host: dict[str, Any]
) -> None:
    assert leg.create(HostConfig={"PidMode": "", "Binds": ["/anonymous"]})[0] == 200, "the control"
    before = len(engine.asked)
    status, told = leg.create(HostConfig=host)
    assert (status, len(engine.asked)) == (403, before)
    assert "which no replay gives" in told["message"]
    assert "no replay gives" in leg.egress.denied()[0]


def test_volumes_are_the_legs_own_whatever_their_names(engine: Engine, leg: Leg) -> None:
    mounts = [{"Type": "volume", "Source": name, "Target": "/v"} for name in ("act-toolcache", "database")]
    leg.create(HostConfig={"Mounts": mounts})
    found = made(engine)["HostConfig"]["Mounts"]
    assert [m["Source"] for m in found] == [f"{leg.name}-act-toolcache", f"{leg.name}-database"]


def test_a_step_shares_the_network_of_its_job(engine: Engine, leg: Leg) -> None:
    leg.create()
    assert leg.create(HostConfig={"NetworkMode": "container:act-x"}, ExposedPorts={"1/tcp": {}})[0] == 200
    assert made(engine)["HostConfig"]["NetworkMode"] == "container:act-x"
    assert "ExposedPorts" not in made(engine), "engines refuse both together"


def test_services_of_a_job_on_the_runner_share_its_loopback(engine: Engine, tmp_path: Path) -> None:
    leg = Leg(engine, tmp_path / "leg", Contained("img:1", "none", Limits(), shares_loopback=True))
    [holder] = engine.bodies("POST /containers/create")
    assert (holder["Image"], holder["HostConfig"]["NetworkMode"]) == ("img:1", leg.name)
    leg.create(HostConfig={"NetworkMode": "host"}, ExposedPorts={"5432/tcp": {}})
    assert made(engine)["HostConfig"]["NetworkMode"] == "container:made"
    assert "NetworkingConfig" not in made(engine)
    leg.egress.close()


@pytest.mark.parametrize(
    ("request_line", "passes"),
    [
        ("GET /_ping", True),
        ("GET /v1.41/containers/json?all=1", True),
        ("POST /v1.41/containers/a/start", True),
        ("PUT /v1.41/containers/a/archive?path=/", True),
        ("POST /v1.41/exec/a/start", True),
        ("POST /v1.41/images/create?fromImage=x", False),
        ("POST /v1.41/build?t=x", False),
        ("POST /v1.41/containers/a/update", False),
        ("POST /v1.41/containers/prune", False),
        ("DELETE /v1.41/images/x", False),
        ("POST /v1.41/swarm/init", False),
        ("POST /v1.41/plugins/pull", False),
    ],
)
def test_only_what_act_needs_is_passed_on(engine: Engine, leg: Leg, request_line: str, passes: bool) -> None:
    before = len(engine.asked)
    status, _ = leg.ask(request_line)
    assert (status, len(engine.asked) - before) == ((200, 1) if passes else (403, 0))


@pytest.mark.parametrize("header", ["", "Connection: keep-alive\r\n", "Upgrade: tcp\r\nConnection: Upgrade\r\n"])
def test_a_second_request_on_one_connection_is_not_served(engine: Engine, leg: Leg, header: str) -> None:
    leg.ask("GET /_ping", header=header, more=b"POST /images/create HTTP/1.1\r\nHost: e\r\nContent-Length: 0\r\n\r\n")
    assert not engine.bodies("POST /images/create")


def test_act_is_told_that_networks_and_volumes_are_done(engine: Engine, leg: Leg) -> None:
    before = len(engine.asked)
    assert leg.ask("POST /v1.41/networks/create", {"Name": "act-network"})[0] == 201
    assert leg.ask("DELETE /v1.41/networks/other")[0] == 201
    assert leg.ask("DELETE /v1.41/volumes/other")[0] == 201
    assert len(engine.asked) == before


def test_images_of_actions_are_built_in_the_legs_network_under_a_name_of_its_own(
    engine: Engine, tmp_path: Path
) -> None:
    leg = Leg(engine, tmp_path / "leg", Contained("img:1", "all", Limits()))
    assert leg.ask("POST /v1.41/build?t=act-b-dockeraction:latest&remote=")[0] == 200
    built = engine.asked[-1][0]
    assert f"t=act-b-{leg.name}-dockeraction:latest" in built
    assert f"networkmode={leg.name}" in built
    leg.create(Image="act-b-dockeraction:latest")
    assert made(engine)["Image"] == f"act-b-{leg.name}-dockeraction:latest"
    leg.egress.close()


def test_what_a_leg_made_goes_with_it_and_nothing_else(engine: Engine, leg: Leg) -> None:
    engine.lists = {
        "/containers/json": [{"Id": "ours", "Labels": {"regreen.leg": leg.name}}, {"Id": "theirs", "Labels": None}],
        "/volumes": {"Volumes": [{"Name": f"{leg.name}-data"}, {"Name": "data"}]},
        "/images/json": [{"Id": "built", "Labels": {"regreen.leg": leg.name}}, {"Id": "img", "Labels": {}}],
        "/networks": [{"Id": "n1", "Name": leg.name}, {"Id": "n2", "Name": "bridge"}],
    }
    leg.egress.close()
    gone = [asked.split("?")[0] for asked, _ in engine.asked if asked.startswith("DELETE")]
    named = ("/containers/ours", f"/volumes/{leg.name}-data", "/images/built", "/networks/n1")
    assert list(dict.fromkeys(gone)) == [f"DELETE {name}" for name in named]


def test_what_a_killed_process_left_goes_before_the_next_leg(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    workers = {"regreen-dead": "dead", "regreen-alive": "alive", "bridge": ""}
    engine.lists = {
        "/networks": [{"Id": n, "Name": n, "Labels": {"regreen.worker": w}} for n, w in workers.items()],
        "/containers/json": [{"Id": n, "Labels": {"regreen.leg": n}} for n in workers],
    }
    monkeypatch.setattr(container_engine, "is_gone", lambda worker: worker == "dead")
    assert ContainerEngine({"DOCKER_HOST": engine.address}).problem == ""
    gone = {asked.split("?")[0] for asked, _ in engine.asked if asked.startswith("DELETE")}
    assert gone == {"DELETE /containers/regreen-dead", "DELETE /networks/regreen-dead"}


def test_an_image_is_pulled_where_that_is_allowed(engine: Engine) -> None:
    found = ContainerEngine({"DOCKER_HOST": engine.address})
    assert found.lacks("img:1", pull=False, check=go_on) == ""
    assert found.lacks("host:5000/a/b", pull=False, check=go_on) == "the engine does not have it"
    assert not engine.bodies("POST /images/create")
    assert found.lacks("host:5000/a/b", pull=True, check=go_on).endswith("cannot pull it: no such registry")
    assert "fromImage=host%3A5000%2Fa%2Fb&tag=latest" in engine.asked[-1][0]
    found.lacks("a/b:2", pull=True, check=go_on)
    assert "fromImage=a%2Fb&tag=2" in engine.asked[-1][0]


def test_an_engine_that_is_gone_is_named(tmp_path: Path) -> None:
    engine = ContainerEngine({"DOCKER_HOST": f"unix://{tmp_path}/none"})
    (tmp_path / "leg").mkdir()
    with pytest.raises(Unavailable, match="no engine answers"):
        engine.serve(listen(tmp_path / "leg"), NONE)
    assert "no engine answers" in engine.lacks("img:1", pull=True, check=go_on)


def test_a_pull_ends_when_nobody_waits_for_it(engine: Engine) -> None:
    def end() -> None:
        raise Transient("ended")

    with pytest.raises(Transient):
        ContainerEngine({"DOCKER_HOST": engine.address}).lacks("a", pull=True, check=end)


@pytest.mark.parametrize("image", ["a\tb", "a/../../info?b=", "a#b", "-a", "a b", "a:\n"])
def test_what_is_no_image_is_not_asked_for(engine: Engine, image: str) -> None:
    found = ContainerEngine({"DOCKER_HOST": engine.address})
    assert found.lacks(image, pull=True, check=go_on) == "this is no name of an image"
    assert engine.asked == []
    digest = f"host.example:5000/a_b/c-d.e:1.0@sha256:{'a' * 64}"
    assert "cannot pull it" in found.lacks(digest, pull=True, check=go_on)


def test_an_engine_may_list_nothing_as_null(engine: Engine, leg: Leg) -> None:
    engine.lists = dict.fromkeys(("/containers/json", "/images/json"), None) | {"/volumes": {"Volumes": None}}
    engine.lists["/networks"] = [{"Id": "n1", "Name": leg.name}]
    leg.egress.close()
    assert engine.bodies("DELETE /networks/n1")


def test_many_open_files_are_no_matter(engine: Engine, leg: Leg) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    with ExitStack() as files:
        files.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(1100):
            files.enter_context(Path(os.devnull).open())
        assert leg.ask("GET /_ping")[0] == 200
