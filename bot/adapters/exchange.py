"""What the proxy says on one connection: HTTP on both sides, with the checks between them."""

import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import h11
import httpcore

from bot.adapters.authority import Authority
from bot.adapters.calendar import JSON, Calendar, as_html, as_json
from bot.adapters.folders import as_files, listed
from bot.adapters.indexes import FOLDERS, LOOPBACK, PORTS, Site, without_credentials
from bot.adapters.package_cache import Kept, PackageCache

CHUNK = 1 << 16
MAX_BODY = 16_000_000  # of a request
MAX_SHOWN = 100  # of a host's name; RFC 1035 allows 253 characters
CLIENT_SECONDS = 600.0  # that a client may be silent: it builds what it has downloaded
TIMEOUTS = {"connect": 5.0, "read": 60.0, "write": 60.0, "pool": 60.0}
UNREACHABLE_SECONDS = 30.0  # that a host which could not be reached is not tried again
# What is nobody's business but this machine's and its network's: https://www.iana.org/assignments/iana-ipv4-special-registry
PRIVATE = tuple(
    ip_network(n)
    for n in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/3"),
        *("::/127", "64:ff9b:1::/48", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
    )
)
NAT64 = ip_network("64:ff9b::/96")
SIMPLE = re.compile(r"(?P<base>.*)/simple/(?P<name>[A-Za-z0-9._-]+)/?$")  # PyPI and those that are like it
LOCAL = re.compile(r"/(?P<folder>\d{1,4})/(?:simple/(?P<page>[\w.-]+)/?|files/(?P<of>[\w.-]+)/(?P<file>[^/]+))$")
READING = ("GET", "HEAD")
QUESTIONS = "/-/npm/v1/security/"  # npm asks about what it has installed with a POST
HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"proxy-authorization", b"proxy-authenticate", b"te"}
    | {b"trailer", b"transfer-encoding", b"upgrade", b"host", b"expect"}
)  # https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1
DISTRUST = ("UNKNOWN_CA", "BAD_CERTIFICATE", "CERTIFICATE_UNKNOWN")
Deny = Callable[[str], None]
Headers = list[tuple[bytes, bytes]]


class _Private(httpcore.ConnectError):
    """A host has only addresses that may not be reached."""


class Exchange:
    """Serves connections.

    `sites` are what is allowed, `resolve` gives the addresses of a host, `upstream` are the proxies to the outside by
    scheme, with `no` for the hosts that need none. `folders` of packages travel by the times that `index` has for their
    files; see `Proxy`.
    """

    def __init__(
        self,
        sites: Mapping[tuple[str, int], Site],
        folder: Path,
        cache: Path,
        roots: bytes,
        resolve: Callable[[str, int], list[str]],
        calendar: Calendar | None = None,
        upstream: Mapping[str, str] | None = None,
        folders: Sequence[Path] = (),
        index: str = "",
    ) -> None:
        self.calendar, self._upstream, self._folders, self._index = calendar, upstream or {}, folders, index
        folder.mkdir(mode=0o700, parents=True)
        self._sites = sites
        self._authority = Authority(folder)
        self.certificates = folder / "certificates.pem"
        self.certificates.write_bytes(roots + b"\n" + self._authority.pem)
        self._cache = PackageCache(cache, folder / "pages")
        context = ssl.create_default_context()
        if roots.strip():
            context.load_verify_locations(cadata=roots.decode("utf-8", "replace"))
        self._context = context
        self._direct = httpcore.ConnectionPool(
            ssl_context=context, max_connections=None, network_backend=_Pinned(sites, resolve)
        )
        self._proxied: dict[str, httpcore.HTTPProxy] = {}
        self._lock = threading.Lock()
        self._unreachable: dict[tuple[str, int], float] = {}

    def close(self) -> None:
        """End what is open to the outside, and forget what is too much."""
        for pool in (self._direct, *self._proxied.values()):
            pool.close()
        self._cache.prune()

    def serve(self, connection: socket.socket, deny: Deny) -> None:
        """Serve one connection to its end; `deny` is told of everything that is refused, in words for people."""
        connection.settimeout(CLIENT_SECONDS)
        with suppress(h11.ProtocolError, OSError, ValueError):  # whoever is there may say anything, and go at any time
            client = _Client(connection)
            while request := client.request():
                if request.method == b"CONNECT":
                    self._tunnel(client, connection, request, deny)
                    return
                self._plain(client, request, deny)

    def _tunnel(self, client: "_Client", connection: socket.socket, request: h11.Request, deny: Deny) -> None:
        if request.target.decode("ascii") == FOLDERS:
            client.connected()
            self._local(_Client(connection))
            return
        site = self._allowed(request.target.decode("ascii"), 0, client, deny)
        if site is None:
            return
        client.connected()
        if connection.recv(1, socket.MSG_PEEK) != b"\x16":  # no TLS handshake begins
            self._inside(_Client(connection), "http", site, deny)
            return
        try:
            with self._authority.context(site.host).wrap_socket(connection.dup(), server_side=True) as secured:
                self._inside(_Client(secured), "https", site, deny)
        except ssl.SSLError as e:
            if any(word in str(e).upper() for word in DISTRUST):
                deny(f"asked for {site.authority} and did not trust the certificate of the proxy")

    def _local(self, client: "_Client") -> None:
        """Serve the folders of packages."""
        while request := client.request():
            client.body()
            found = LOCAL.match(request.target.decode("ascii"))
            if not found or not self.calendar or int(found["folder"]) >= len(self._folders):
                client.respond(404, _about("text/html", b""), [])
                continue
            number, name = int(found["folder"]), found["page"] or found["of"]
            files = listed(self._folders[number], name)
            if found["file"]:
                path = files.get(unquote(found["file"]))
                body = path.read_bytes() if path else b""
            else:
                body = as_html(self._known(as_files(number, name, files), name, self.calendar))
            client.respond(200 if body else 404, _about("text/html", body), [body])

    def _known(self, files: list[dict[str, Any]], name: str, calendar: Calendar) -> list[dict[str, Any]]:
        """The files of a folder that were there, as the index of the machine's settings, or pip's own, knows them."""
        if not files:
            return files
        page = httpcore.URL(f"{without_credentials(self._index).rstrip('/')}/{name}/")
        site = self._sites[page.host.decode(), page.port or PORTS[page.scheme.decode()]]
        headers = [(b"host", site.authority.encode()), (b"accept", f"{JSON}, text/html;q=0.1".encode())]
        headers += [(b"authorization", site.authorization.encode())] if site.authorization else []
        path = f"{page.target.decode().partition('/simple/')[0]}/pypi/{name}/json"
        try:
            response = self._get(page, headers)
            found = response.content if response.status == 200 else b""
            return calendar.local(files, _kind(response), found, partial(self._project, page, path, headers))
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError):
            return calendar.local(files, "", b"", lambda: None)

    def _inside(self, client: "_Client", scheme: str, site: Site, deny: Deny) -> None:
        while request := client.request():
            self._answer(client, request, request.target, scheme, site, deny)

    def _plain(self, client: "_Client", request: h11.Request, deny: Deny) -> None:
        """A request to a proxy without TLS: it names the host in its target."""
        parts = urlsplit(request.target.decode("ascii"))
        site = self._allowed(parts.netloc, PORTS["http"], client, deny)
        if site:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            self._answer(client, request, path.encode(), "http", site, deny)

    def _allowed(self, authority: str, usual: int, client: "_Client", deny: Deny) -> Site | None:
        """The site of `host:port`, or None after saying no."""
        name, _, digits = authority.rpartition(":") if ":" in authority else (authority, "", "")
        port = int(digits) if digits.isdecimal() and len(digits) < 6 else 0 if digits else usual
        site = self._sites.get((name.lower(), port))  # to the letter: nothing is made of any other spelling
        if site is None:
            shown = name if port in PORTS.values() else authority
            client.refuse(
                403, f"asked for {shown[:MAX_SHOWN]}, which the network setting 'registries' does not allow", deny
            )
        return site

    def _answer(
        self, client: "_Client", request: h11.Request, target: bytes, scheme: str, site: Site, deny: Deny
    ) -> None:
        method, body = request.method.decode("ascii"), client.body()
        if not target.startswith(b"/"):  # `@other.example/` behind our host and port would be a URL of other.example
            client.refuse(400, f"asked {site.authority} for what is no path", deny)
            return
        if site.index and method not in READING and not (method == "POST" and QUESTIONS.encode() in target):
            client.refuse(405, f"wanted to write ({method}) to {site.authority}, which replays only read", deny)
            return
        url = httpcore.URL(scheme=scheme.encode(), host=site.host.encode(), port=site.port, target=target)
        headers = [(k, v) for k, v in request.headers if k not in HOP_BY_HOP]
        headers.insert(0, (b"host", site.authority.encode()))
        if site.authorization and scheme == site.scheme and b"authorization" not in dict(headers):
            headers.append((b"authorization", site.authorization.encode()))
        nowhere = f"asked for {site.authority}, which cannot be reached from here"
        if self._unreachable.get((site.host, site.port), 0) > time.monotonic():
            client.refuse(504, nowhere, deny)
            return
        try:
            if site.index and method == "GET" and b"range" not in dict(headers):
                self._from_index(client, url, headers)
            else:
                with self._pool(url).stream(
                    method, url, headers=headers, content=body, extensions={"timeout": TIMEOUTS}
                ) as r:
                    client.respond(r.status, r.headers, r.iter_stream())
        except _Private:
            client.refuse(403, f"asked for {site.authority}, which is at a private address", deny)
        except (httpcore.ConnectError, httpcore.ConnectTimeout):
            self._unreachable[site.host, site.port] = time.monotonic() + UNREACHABLE_SECONDS
            client.refuse(504, nowhere, deny)
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as e:
            client.refuse(502, f"asked for {site.authority}, which broke off: {type(e).__name__}", deny)

    def _from_index(self, client: "_Client", url: httpcore.URL, headers: Headers) -> None:
        """Answer what an index is asked for, from what is kept where that is as good."""
        told = dict(headers)
        conditions = (b"if-none-match", b"if-modified-since")
        headers = [(k, v) for k, v in headers if k not in conditions]
        varying = (b"accept", b"accept-encoding", b"authorization")
        kept = self._cache.find(bytes(url), [told.get(name, b"") for name in varying])
        if self.calendar and kept.is_page:
            self._from_the_past(client, url, headers, kept, self.calendar)
            return
        if kept.fresh:
            client.respond(200, kept.headers, kept.read())
            return
        with self._pool(url).stream(
            "GET", url, headers=[*headers, *kept.conditions], extensions={"timeout": TIMEOUTS}
        ) as response:
            if response.status == 304 and kept.conditions:
                client.respond(200, kept.headers, kept.read())
            elif response.status == 200:
                client.respond(200, response.headers, kept.filled(response.headers, response.iter_stream()))
            else:
                client.respond(response.status, response.headers, response.iter_stream())

    def _pool(self, url: httpcore.URL) -> httpcore.ConnectionPool:
        """What connects to a host: directly, or through the proxy that this machine is set to, which then resolves."""
        place = self._upstream.get(url.scheme.decode())
        if not place or _needs_none(url.host.decode(), self._upstream.get("no", "")):
            return self._direct
        with self._lock:
            if place not in self._proxied:
                parts = urlsplit(place if "://" in place else f"http://{place}")
                login = (unquote(parts.username or ""), unquote(parts.password or "")) if parts.username else None
                self._proxied[place] = httpcore.HTTPProxy(
                    f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}",
                    proxy_auth=login,
                    ssl_context=self._context,
                    max_connections=None,
                )
            return self._proxied[place]

    def _from_the_past(
        self, client: "_Client", url: httpcore.URL, headers: Headers, kept: Kept, calendar: Calendar
    ) -> None:
        """Answer with a page as it was."""
        if kept.fresh:
            client.respond(200, kept.headers, kept.read())
            return
        accept = dict(headers).get(b"accept", b"").decode("ascii", "replace")
        simple = SIMPLE.match(url.target.decode("ascii", "replace"))
        wanted = f"{JSON}, text/html;q=0.1" if simple else "application/json" if "json" in accept else accept
        headers = [(k, v) for k, v in headers if k not in (b"accept", b"accept-encoding")]
        headers += [(b"accept", wanted.encode()), (b"accept-encoding", b"identity")]
        response = self._get(url, headers)
        if response.status != 200:
            client.respond(response.status, response.headers, [response.content])
            return
        kind = _kind(response)
        files = None
        if simple:
            project = partial(self._project, url, f"{simple['base']}/pypi/{simple['name']}/json", headers)
            files = calendar.python(simple["name"], kind, response.content, project)
        if simple and files is not None:
            kind = JSON if JSON in accept else "text/html"
            body = as_json(simple["name"], files) if kind == JSON else as_html(files)
        elif (body := calendar.npm(response.content) or b"") == b"":
            calendar.untold(url.host.decode())
            body = response.content
        told = _about(kind, body)
        client.respond(200, told, kept.filled(told, [body]))

    def _get(self, url: httpcore.URL, headers: Headers) -> httpcore.Response:
        return self._pool(url).request("GET", url, headers=headers, extensions={"timeout": TIMEOUTS})

    def _project(self, url: httpcore.URL, path: str, headers: Headers) -> bytes | None:
        """The project's JSON page, where the index has one."""
        page = httpcore.URL(scheme=url.scheme, host=url.host, port=url.port, target=path.encode())
        response = self._get(page, headers)
        return response.content if response.status == 200 else None


class _Pinned(httpcore.SyncBackend):
    """Connects to an address that was looked at, so that no second answer of a name server can lead elsewhere."""

    def __init__(self, sites: Mapping[tuple[str, int], Site], resolve: Callable[[str, int], list[str]]) -> None:
        self._sites, self._resolve = sites, resolve

    def connect_tcp(self, host: str, port: int, *args: Any, **options: Any) -> httpcore.NetworkStream:
        """Resolve once, and connect to the first address that answers."""
        try:
            found = self._resolve(host, port)
        except OSError as e:
            raise httpcore.ConnectError(str(e)) from e
        if not self._sites[host, port].named:
            found = [address for address in found if not is_private(address)]
            if not found:
                raise _Private
        if not found:
            raise httpcore.ConnectError(f"{host} has no address")
        for address in found[:-1]:
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return super().connect_tcp(address, port, *args, **options)
        return super().connect_tcp(found[-1], port, *args, **options)


def _about(kind: str, body: bytes) -> Headers:
    return [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]


def _kind(response: httpcore.Response) -> str:
    return {k.lower(): v for k, v in response.headers}.get(b"content-type", b"").decode("ascii", "replace")


def _needs_none(host: str, exceptions: str) -> bool:
    """Whether a host is reached without a proxy: loopback, and what NO_PROXY lists (hosts, domains, or `*`)."""
    names = [name.strip().removeprefix("*.").strip(".").lower() for name in exceptions.split(",")]
    return host in LOOPBACK or any(name and (name == "*" or f".{host}".endswith(f".{name}")) for name in names)


def is_private(address: str) -> bool:
    """Whether an address, or the one that is wrapped in it, belongs to this machine or its own network."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return True
    if isinstance(found, IPv6Address):
        wrapped = found.ipv4_mapped or found.sixtofour
        if found in NAT64:
            wrapped = IPv4Address(int(found) & 0xFFFFFFFF)
        if wrapped:
            return is_private(str(wrapped))
    return any(found in network for network in PRIVATE if network.version == found.version)


class _Client:
    """The end of the sandbox, on which we are the server."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket, self._http = connection, h11.Connection(h11.SERVER)

    def request(self) -> h11.Request | None:
        """The next request, or None when there is none."""
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        if self._http.our_state is not h11.IDLE:
            return None
        try:
            event = self._event()
        except h11.RemoteProtocolError:
            self.respond(400, [], [b"this is no HTTP"])
            return None
        return event if isinstance(event, h11.Request) else None

    def body(self) -> bytes:
        """What comes with the request."""
        found = b""
        if self._http.they_are_waiting_for_100_continue:
            self._send(h11.InformationalResponse(status_code=100, headers=[]))
        while isinstance(event := self._event(), h11.Data):
            found += event.data
            if len(found) > MAX_BODY:
                raise h11.RemoteProtocolError("a request is too large", 413)
        return found

    def connected(self) -> None:
        """Say yes to CONNECT; from here on the connection carries another one."""
        self._event()
        self._send(h11.Response(status_code=200, reason=b"Connection established", headers=[]))

    def respond(self, status: int, headers: Iterable[tuple[bytes, bytes]], body: Iterable[bytes]) -> None:
        """Send a whole response. What goes wrong after its beginning ends the connection."""
        kept = [(k, v) for k, v in headers if k.lower() not in HOP_BY_HOP]
        self._send(h11.Response(status_code=status, headers=kept))
        try:
            for chunk in body:
                self._send(h11.Data(data=chunk))
        except httpcore.NetworkError as e:
            raise OSError from e
        self._send(h11.EndOfMessage())

    def refuse(self, status: int, why: str, deny: Deny) -> None:
        """Say no, to the client and to whoever reads the log."""
        deny(why)
        text = f"regreen: a step {why}\n".encode()
        with suppress(h11.LocalProtocolError):  # it had already begun
            self.respond(status, [*_about("text/plain", text), (b"connection", b"close")], [text])

    def _event(self) -> Any:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(self._socket.recv(CHUNK))
        return event

    def _send(self, event: Any) -> None:
        data = self._http.send(event)
        if data:
            self._socket.sendall(data)
