"""The line to the host over a unix socket, and the workbench, which serves the host's requests.

A message is a four-byte length and that many bytes: a word that says what it is, then its fields, all separated by NUL
(arguments and variables hold none). Every step pays for what is imported here, so that is little.
"""

import os
import select
import time
from _socket import AF_UNIX, socket  # the module `socket` takes half as long to import as Python needs to start

TYPE_CHECKING = False  # `typing` is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable


ROOT = "/regreen"
FOLDER = f"{ROOT}/control"
MARKER = "\x1eregreen call "
CHUNK = 65536
NO_NEWS = "ACT_DISABLE_VERSION_CHECK"  # else act asks a server of its own for news, and waits for them at the end


class Host:
    """A connection to the host."""

    def __init__(self) -> None:
        self.socket = socket(AF_UNIX)
        self.socket.connect(f"{FOLDER}/socket")

    def tell(self, *message: object) -> None:
        """Send one message."""
        payload = "\0".join(str(x).replace("\0", "") for x in message).encode("utf-8", "surrogateescape")
        self.socket.sendall(len(payload).to_bytes(4, "big") + payload)

    def hear(self) -> list[str]:
        """Wait for one message; an order to go on when the host has closed the line."""
        payload = self._read(int.from_bytes(self._read(4), "big"))
        return payload.decode("utf-8", "surrogateescape").split("\0") if payload else ["release"]

    def _read(self, length: int) -> bytes:
        data = b""
        while len(data) < length and (more := self.socket.recv(length - len(data))):
            data += more
        return data


def unreplayable(reason: str) -> None:
    """Tell the host that this job cannot be replayed here."""
    Host().tell("unreplayable", reason)


def note(text: str) -> None:
    """Tell the host what is not as on GitHub, for the evidence."""
    Host().tell("note", text)


def pump(reader: int, exited: int, write: "Callable[[bytes], None]", deadline: float | None, drain: float) -> bool:
    """Pass on what comes until all writers are gone, or the process has exited and `drain` seconds are over.

    `exited` is a descriptor that becomes readable at the exit. Returns whether the deadline (monotonic) came first.
    """
    poll = select.poll()
    for descriptor in (reader, exited):
        poll.register(descriptor, select.POLLIN)
    open_ends = {reader, exited}
    while open_ends:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            return exited in open_ends
        for descriptor, _ in poll.poll(None if left is None else left * 1000):
            data = os.read(reader, CHUNK) if descriptor == reader else b""
            if data:
                write(data)
                continue
            poll.unregister(descriptor)
            open_ends.discard(descriptor)
            if descriptor == exited:
                deadline = time.monotonic() + drain
    return False


def serve(host: Host, env: dict[str, str], command: list[str], seconds: float) -> None:
    """The workbench: hold the failed step, run what the host asks for in its environment, go on when told to.

    `seconds` is the time limit of the step, 0 where it has none.
    """
    from bot.replay.inside.requests import answer

    host.tell("held", os.getcwd(), seconds, len(command), *command, *(f"{k}={v}" for k, v in env.items()))
    while (request := host.hear())[0] == "run":
        host.tell("answered", *answer(request[1:], env))
