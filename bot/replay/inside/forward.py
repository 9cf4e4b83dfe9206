"""Carries connections from the sandbox's own loopback to the proxy outside."""

import asyncio
import json
import socket
from contextlib import suppress
from functools import partial

from bot.replay.inside.control import CHUNK

SOCKET = "/regreen/network/socket"
CONNECTIONS = 128


class Forwarder:
    """Listens from the beginning, and carries once it runs.

    `ports` is a JSON object: port -> the `host:port` that the proxy connects it to, empty for the proxy itself.
    """

    def __init__(self, ports: str) -> None:
        self._listeners = {listen(int(port)): target for port, target in json.loads(ports).items()}

    def run(self) -> None:
        """Forward for as long as the sandbox lives."""
        asyncio.run(serve(self._listeners))


def listen(port: int) -> socket.socket:
    """Listen on a port of loopback."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(CONNECTIONS)
    return listener


async def serve(listeners: dict[socket.socket, str]) -> None:
    """Forward what comes, for good."""
    starting = (asyncio.start_server(partial(forward, target), sock=s) for s, target in listeners.items())
    servers = await asyncio.gather(*starting)
    await asyncio.gather(*(server.serve_forever() for server in servers))


async def forward(target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry one connection both ways until both ends have closed."""
    with suppress(OSError, EOFError):
        outside, outward = await asyncio.open_unix_connection(SOCKET)
        if target:
            outward.write(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
            await outside.readuntil(b"\r\n\r\n")
        await asyncio.gather(pump(reader, outward), pump(outside, writer))
        outward.close()
    writer.close()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry bytes one way, and the end of them."""
    with suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
