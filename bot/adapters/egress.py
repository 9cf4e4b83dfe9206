"""What one leg reaches outside: its unix socket, served connection by connection, and what was refused there."""

import errno
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

FULL = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
FULL_SECONDS = 0.05
CONNECTIONS = 128  # of one leg at the same time; uv opens 50


class Server(Protocol):
    """Serves a connection to its end; the function is told of what it refuses, in words that follow "the step"."""

    def serve(self, connection: socket.socket, deny: Callable[[str], None]) -> None:
        """Serve it."""
        ...


class Egress:
    """See `bot.ports.Egress`.

    One thread accepts, one serves each connection, as soon as `server` gives what does; none outlives the program.
    """

    def __init__(self, listener: socket.socket, server: Callable[[], Server]) -> None:
        self._listener, self._server = listener, server
        self._slots = threading.BoundedSemaphore(CONNECTIONS)
        self._open: set[socket.socket] = set()
        self._denied: dict[str, None] = {}
        self._closed = False
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, name="egress-accept", daemon=True).start()

    def denied(self) -> tuple[str, ...]:
        """See `bot.ports.Egress.denied`."""
        with self._lock:
            found, self._denied = tuple(self._denied), {}
        return found

    def close(self) -> None:
        """See `bot.ports.Egress.close`."""
        with self._lock:
            self._closed = True
            for connection in (self._listener, *self._open):
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with self._listener:
            while not self._closed:
                self._slots.acquire()
                try:
                    connection = self._listener.accept()[0]
                except OSError as e:
                    if e.errno not in FULL:  # closed
                        return
                    self._slots.release()
                    time.sleep(FULL_SECONDS)  # until some of the other legs' connections have ended
                    continue
                threading.Thread(target=self._serve, args=(connection,), name="egress-serve", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with self._lock:
                if self._closed:
                    return
                self._open.add(connection)
            self._server().serve(connection, self._deny)
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()
            self._slots.release()

    def _deny(self, what: str) -> None:
        with self._lock:
            self._denied[what] = None
