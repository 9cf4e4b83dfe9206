"""The proxy: what it lets through, and what it refuses. Every refusal stands beside a request that passes."""

import select
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import pytest

from bot.adapters.authority import Authority
from bot.adapters.egress import Egress
from bot.adapters.exchange import is_private
from bot.adapters.indexes import Site, sites
from bot.adapters.proxy import Proxy
from tests.index import Index, Release

HOST = "index.example"
FILE = "/files/one-1.0-py3-none-any.whl"


@dataclass
class Rig:
    """A proxy in front of a TLS index that calls itself index.example, as the name server `answers` would have it."""

    folder: Path
    index: Index
    site: Site
    roots: bytes
    answers: list[str]
    resolved: list[str]
    opened: list[Proxy]
    upstream: dict[str, str] = field(default_factory=dict)

    def listen(self, *more: Site, **changes: object) -> tuple[Callable[..., bytes], Egress]:
        """What asks a proxy for something, and what it has refused."""
        number = len(self.opened)

        def resolve(host: str, port: int) -> list[str]:
            self.resolved.append(host)
            return list(self.answers)

        site = replace(self.site, **changes)  # type: ignore[arg-type]
        folders = (self.folder / f"p{number}", self.folder / "cache")
        proxy = Proxy([site, *more], *folders, self.roots, resolve, upstream=self.upstream)
        self.opened.append(proxy)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.folder / f"s{number}"))
        listener.listen()
        egress = proxy.serve(listener)

        def ask(path: str, authority: str = f"{HOST}:{self.site.port}", method: str = "GET", *lines: str) -> bytes:
            with socket.socket(socket.AF_UNIX) as plain:
                plain.connect(str(self.folder / f"s{number}"))
                plain.sendall(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode("latin-1"))
                begun = plain.recv(65536)
                if b" 200 " not in begun:
                    return begun
                context = ssl.create_default_context(cafile=str(proxy.certificates))
                with context.wrap_socket(plain, server_hostname=authority.rpartition(":")[0]) as secured:
                    told = "".join(f"{line}\r\n" for line in ("Host: fronted.example", "Connection: close", *lines))
                    secured.sendall(f"{method} {path} HTTP/1.1\r\n{told}\r\n".encode())
                    return read(secured)

        return ask, egress


def read(connection: socket.socket) -> bytes:
    found = b""
    while data := connection.recv(65536):
        found += data
    return found


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    (tmp_path / "theirs").mkdir()
    theirs = Authority(tmp_path / "theirs")
    with Index([Release("one", "1.0")], tls=theirs.context(HOST)) as index:
        site = Site("https", HOST, index.port)
        made = Rig(tmp_path, index, site, theirs.pem, ["127.0.0.1"], [], [])
        yield made
        for proxy in made.opened:
            proxy.close()


def test_an_index_is_read_at_the_address_that_was_looked_at(rig: Rig) -> None:
    ask, egress = rig.listen()
    assert ask(FILE).endswith(rig.index.releases[0].wheel)
    assert rig.resolved == [HOST]  # a second answer could lead elsewhere
    assert egress.denied() == ()


@pytest.mark.parametrize(
    "authority",
    [
        "other.example:443", f"{HOST}:444", f"{HOST}.:{{port}}", f"{HOST}\0.other.example:{{port}}", "127.0.0.1:{port}",
        "169.254.169.254:80", "[::1]:{port}", "2130706433:{port}", "xn--ndex-q4a.example:{port}", f"me@{HOST}:{{port}}",
        f"{HOST}:{{port}}:443", HOST, ":{port}",
    ],
)  # fmt: skip
def test_everything_else_is_refused_and_reported(rig: Rig, authority: str) -> None:
    ask, egress = rig.listen()
    asked = authority.format(port=rig.site.port)
    assert ask(FILE, asked).split()[1] in (b"403", b"400")
    if "\0" not in asked:  # which is no HTTP at all
        (told,) = egress.denied()
        assert told.startswith("asked for ")
        assert told.endswith(", which the network setting 'registries' does not allow")
    assert rig.index.asked == []
    assert ask(FILE).split()[1] == b"200"


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "10.1.2.3", "::ffff:127.0.0.1", "fd00::1"])
def test_a_default_index_that_resolves_to_a_private_address_is_refused(rig: Rig, address: str) -> None:
    rig.answers[:] = [address]
    ask, egress = rig.listen(named=False)
    assert ask(FILE).split()[1] == b"403"
    assert egress.denied() == (f"asked for {HOST}:{rig.site.port}, which is at a private address",)
    assert rig.index.asked == []
    rig.answers[:] = ["127.0.0.1"]
    named, _ = rig.listen(named=True)
    assert named(FILE).split()[1] == b"200"


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("93.184.216.34", False), ("2606:2800:220:1::1", False), ("64:ff9b::5db8:d822", False), ("172.32.0.1", False),
        ("0.0.0.0", True), ("172.31.255.255", True), ("192.168.1.1", True), ("100.64.0.1", True), ("224.0.0.1", True),
        ("255.255.255.255", True), ("::1", True), ("::", True), ("fe80::1%eth0", True), ("2002:7f00:1::", True),
        ("64:ff9b::a9fe:a9fe", True), ("ff02::1", True), ("no address", True),
    ],
)  # fmt: skip
def test_private_addresses(address: str, private: bool) -> None:
    assert is_private(address) is private


def test_a_host_with_another_certificate_is_not_spoken_to(rig: Rig) -> None:
    other = Site("https", "other.example", rig.site.port)
    ask, egress = rig.listen(other)
    assert ask(FILE, f"other.example:{rig.site.port}").split()[1] == b"504"
    assert "cannot be reached" in egress.denied()[0]
    assert rig.index.asked == []
    assert ask(FILE).split()[1] == b"200"


def test_an_index_is_only_read(rig: Rig) -> None:
    ask, egress = rig.listen()
    assert ask(FILE, method="PUT").split()[1] == b"405"
    assert egress.denied() == (f"wanted to write (PUT) to {HOST}:{rig.site.port}, which replays only read",)
    assert rig.index.asked == []
    hosts, _ = rig.listen(index=False)
    hosts(FILE, f"{HOST}:{rig.site.port}", "PUT", "Content-Length: 0")
    assert rig.index.asked == [f"PUT {FILE}"]


def test_the_host_asked_is_the_host_connected_to(rig: Rig) -> None:
    ask, _ = rig.listen()
    ask(FILE)
    assert rig.index.headers[0]["host"] == f"{HOST}:{rig.site.port}"


def test_credentials_are_added_outside(rig: Rig) -> None:
    rig.index.login, rig.index.immutable = "hush", True
    ask, _ = rig.listen(authorization="Bearer hush")
    assert ask(FILE).split()[1] == b"200"
    stranger, _ = rig.listen()
    assert stranger(FILE).split()[1] == b"401"  # nor is what another was given kept for it


def test_packages_are_kept_as_long_as_their_server_says(rig: Rig) -> None:
    rig.index.immutable = True
    for _ in range(2):
        ask, _ = rig.listen()
        assert ask(FILE).endswith(rig.index.releases[0].wheel)
    assert rig.index.asked == [f"GET {FILE}"]
    for file in (rig.folder / "cache").iterdir():
        if not file.suffix:
            file.write_bytes(b"damaged")
    assert ask(FILE).endswith(rig.index.releases[0].wheel)
    assert rig.index.asked == [f"GET {FILE}"] * 2


def test_what_may_change_is_asked_for_again(rig: Rig) -> None:
    for _ in range(2):
        ask, _ = rig.listen()
        ask(FILE)
        rig.index.releases[:] = [Release("one", "1.0", code="changed = True")]
    assert rig.index.asked == [f"GET {FILE}"] * 2
    assert ask(FILE).endswith(rig.index.releases[0].wheel)


def test_one_run_sees_one_state_of_an_index(rig: Rig) -> None:
    ask, _ = rig.listen()
    before = ask("/simple/one/")
    rig.index.releases.append(Release("one", "2.0"))
    again = ask("/simple/one/")
    assert again.partition(b"\r\n\r\n")[2] == before.partition(b"\r\n\r\n")[2]
    assert b"one-1.0" in again
    assert b"one-2.0" in rig.listen()[0]("/simple/one/")


def test_plain_requests_name_their_host(rig: Rig) -> None:
    with Index([Release("one", "1.0")]) as plain:
        _, egress = rig.listen(Site("http", "127.0.0.1", plain.port))
        answers = []
        for url in (f"{plain.url}{FILE}", "http://169.254.169.254/latest/meta-data/", FILE, f"https://{HOST}{FILE}"):
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(rig.folder / "s0"))
                connection.sendall(f"GET {url} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
                answers.append(read(connection).split()[1])
        assert answers == [b"200", b"403", b"403", b"403"]
        assert any("169.254.169.254" in told for told in egress.denied())


class Upstream(socketserver.BaseRequestHandler):
    """A proxy that this machine is set to: it takes every name for the index."""

    asked: ClassVar[list[str]] = []
    port: ClassVar[int] = 0

    def handle(self) -> None:
        self.asked.append(self.request.recv(65536).decode())
        with socket.create_connection(("127.0.0.1", self.port)) as index:
            self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            while True:
                for ready in select.select([self.request, index], [], [])[0]:
                    data = ready.recv(65536)
                    if not data:
                        return
                    (index if ready is self.request else self.request).sendall(data)


def test_the_proxy_of_this_machine_is_used_unless_a_host_needs_none(rig: Rig) -> None:
    rig.answers[:] = []  # which only that proxy can resolve
    Upstream.asked, Upstream.port = [], rig.index.port
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Upstream) as upstream:
        upstream.daemon_threads, upstream.block_on_close = True, False
        threading.Thread(target=upstream.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        rig.upstream = {"https": f"http://me:hush@127.0.0.1:{upstream.server_address[1]}"}
        assert rig.listen()[0](FILE).split()[1] == b"200"
        assert Upstream.asked[0].startswith(f"CONNECT {HOST}:{rig.index.port} ")
        assert "Basic bWU6aHVzaA==" in Upstream.asked[0]
        rig.upstream["no"] = "other.example,.example"
        assert rig.listen()[0]("/simple/one/").split()[1] == b"504"
        upstream.shutdown()
    assert len(Upstream.asked) == 1


def test_sites_come_from_the_settings_of_the_tools_their_defaults_and_the_user(tmp_path: Path) -> None:
    (tmp_path / ".npmrc").write_text(
        "registry=https://npm.example/a/\n//npm.example/a/:_authToken=${TOKEN}\n@we:registry=https://we.example/\n"
    )
    (tmp_path / "uv").mkdir()
    (tmp_path / "uv" / "uv.toml").write_text('[[index]]\nname = "x"\nurl = "https://u:p@uv.example/simple"\n')
    environ = {
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path),
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_INDEX_URL": "http://pip.example:8080/simple",
        "GOPROXY": "https://go.example|direct",
        "TOKEN": "hush",
    }
    found = {s.authority: s for s in sites(environ, ["https://usual.example/simple"], ["mine.example:99"])}
    assert set(found) == {
        *(
            "npm.example",
            "we.example",
            "uv.example",
            "pip.example:8080",
            "go.example",
            "usual.example",
            "mine.example:99",
        ),
    }
    assert found["npm.example"].authorization == "Bearer hush"
    assert found["uv.example"].authorization == "Basic dTpw"
    assert [s.host for s in found.values() if not s.named] == ["usual.example"]
    assert [s.host for s in found.values() if not s.index] == ["mine.example"]
