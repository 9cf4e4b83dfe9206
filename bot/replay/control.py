"""The host's end of the line to the wrappers inside (`bot.replay.inside.control` is the other one)."""

import os
import socket
from pathlib import Path

Message = list[str]
CHUNK = 1 << 16
MAX_MESSAGE = 4_000_000
LENGTH = 4


class Client:
    """One connection from inside; whoever is there may send anything, so all is bounded and checked."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.call = 0
        self._rest = b""

    def receive(self) -> list[Message] | None:
        """The whole messages that have come, or None when the other side is gone or talks nonsense."""
        try:
            data = self.socket.recv(CHUNK)
        except OSError:
            return None
        self._rest += data
        found = []
        while len(self._rest) >= LENGTH:
            end = LENGTH + int.from_bytes(self._rest[:LENGTH], "big")
            if end > MAX_MESSAGE:
                return None
            if len(self._rest) < end:
                break
            found.append(self._rest[LENGTH:end].decode("utf-8", "surrogateescape").split("\0"))
            self._rest = self._rest[end:]
        return found if data else None

    def send(self, *message: object) -> None:
        """Send one message; a client that is gone does not get it."""
        payload = "\0".join(map(str, message)).encode("utf-8", "surrogateescape")
        try:
            self.socket.sendall(len(payload).to_bytes(LENGTH, "big") + payload)
        except OSError:
            return


def listen(folder: Path) -> socket.socket:
    """A unix socket in a folder, however long the folder's path is: the name goes through a descriptor."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f"/proc/self/fd/{descriptor}/socket")
        listener.listen()
    finally:
        os.close(descriptor)
    return listener
