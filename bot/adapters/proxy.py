"""The proxy through which sandboxes reach the hosts that the network setting `registries` allows, and no others.

Each leg has a unix socket of its own, so that what is refused is known of the step that asked for it. TLS ends here:
the host's certificate is checked by us, the sandbox sees one of an authority of this run, which it is told to trust.
So URLs stay as they are (lock files hold them), and yet an index is only read, credentials stay outside, and what one
replay has downloaded the next one has. What speaks HTTP is imported while the first sandbox is being prepared.
"""

import shutil
import socket
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bot.adapters import indexes
from bot.adapters.egress import Egress
from bot.adapters.indexes import Site
from bot.adapters.machine import certificates
from bot.ports import Release

if TYPE_CHECKING:
    from bot.adapters.exchange import Exchange


def addresses(host: str, port: int) -> list[str]:
    """The addresses of a host, as this machine resolves it. Raises `OSError`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(row[4][0]) for row in found))


class Proxy:
    """See `bot.ports.Proxy`.

    `folder` is its own as long as it lives, `cache` keeps what indexes have served, `roots` are certificates in PEM.
    With `as_of`, indexes are served as they were then, and so are the `folders` of packages, by the times that `index`
    (the URL of its pages) has for their files.
    `upstream` are this machine's own proxies by scheme, with `no` for the hosts that need none.
    """

    def __init__(
        self,
        sites: Iterable[Site],
        folder: Path,
        cache: Path,
        roots: bytes,
        resolve: Callable[[str, int], list[str]] = addresses,
        *,
        as_of: datetime | None = None,
        folders: Sequence[Path] = (),
        index: str = "",
        upstream: Mapping[str, str] | None = None,
    ) -> None:
        self._sites = {(s.host, s.port): s for s in sites}
        self._folder, self._cache, self._roots, self._resolve = folder, cache, roots, resolve
        self._as_of, self._local, self._upstream = as_of, (folders, index), upstream
        self._exchange: Future[Exchange] = Future()
        self._legs: list[Egress] = []
        threading.Thread(target=self._prepare, name="proxy").start()

    @classmethod
    def of(
        cls,
        environ: Mapping[str, str],
        defaults: Sequence[str],
        hosts: Iterable[str],
        folder: Path,
        cache: Path,
        as_of: datetime | None,
    ) -> "Proxy":
        """The proxy for this machine's settings, the tools' `defaults` (URLs, pip's first) and the user's `hosts`."""
        allowed, roots = indexes.sites(environ, defaults, hosts), certificates(environ)
        names = {scheme: f"{scheme}_proxy" for scheme in ("http", "https", "no")}
        upstream = {k: environ.get(v) or environ.get(v.upper(), "") for k, v in names.items()}
        local = indexes.folders(environ)
        given = indexes.settings(environ).get("PIP_INDEX_URL", "")
        index = given if given.startswith("http") else next(iter(defaults), "")
        return cls(allowed, folder, cache, roots, as_of=as_of, folders=local, index=index, upstream=upstream)

    @property
    def loopback(self) -> dict[int, str]:
        """See `bot.ports.Proxy.loopback`."""
        local = ((host, port) for (host, port), site in self._sites.items() if host in indexes.LOOPBACK and site.index)
        found = {port: f"{host}:{port}" for host, port in local}
        return found | ({indexes.FOLDERS_PORT: indexes.FOLDERS} if self._as_of else {})

    @property
    def hosts(self) -> list[tuple[str, int]]:
        """See `bot.ports.Proxy.hosts`."""
        return [place for place in self._sites if place[0] not in indexes.LOOPBACK]

    @property
    def certificates(self) -> Path:
        """See `bot.ports.Proxy.certificates`."""
        return self._exchange.result().certificates

    def serve(self, listener: socket.socket) -> Egress:
        """See `bot.ports.Proxy.serve`."""
        egress = Egress(listener, self._exchange.result)
        self._legs.append(egress)
        return egress

    def notes(self) -> tuple[str, ...]:
        """See `bot.ports.Proxy.notes`."""
        calendar = self._exchange.result().calendar
        return calendar.notes() if calendar else ()

    def releases(self) -> tuple[Release, ...]:
        """See `bot.ports.Proxy.releases`."""
        calendar = self._exchange.result().calendar
        return calendar.releases() if calendar else ()

    def close(self) -> None:
        """See `bot.ports.Proxy.close`."""
        for egress in self._legs:
            egress.close()
        with suppress(Exception):  # whoever needed it was told
            self._exchange.result().close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _prepare(self) -> None:
        try:
            from bot.adapters.calendar import Calendar
            from bot.adapters.exchange import Exchange

            calendar = Calendar(self._as_of) if self._as_of else None
            exchange = Exchange(
                self._sites,
                self._folder,
                self._cache,
                self._roots,
                self._resolve,
                calendar,
                self._upstream,
                *self._local,
            )
            self._exchange.set_result(exchange)
        except BaseException as e:  # noqa: BLE001 - a thread's edge: the one who waits gets it
            self._exchange.set_exception(e)
