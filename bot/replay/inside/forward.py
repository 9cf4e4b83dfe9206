"""Carries connections from the sandbox's own loopback to the proxy outside, as if the network were there.

Names of hosts that are allowed have addresses of this loopback, on which their ports are open; of all others the proxy
is told, so that it reports them, and they have none. So nothing in a job's environment tells of a proxy: programs would
use it where their tests expect none.
"""

import asyncio
import json
import socket
import struct
from contextlib import suppress
from functools import partial

from bot.replay.inside.control import CHUNK

SOCKET = "/regreen/network/socket"
CONNECTIONS = 128
A, IN, NO_SUCH_NAME = 1, 1, 3  # https://www.rfc-editor.org/rfc/rfc1035#section-3.2.2, and 4.1.1
HEADER = struct.Struct(">6H")
RESPONSE, RECURSION = 0x8000, 0x0180  # that it is one, and that recursion was desired and is available
TTL_SECONDS = 60
# Names that mean nothing to the world: https://www.rfc-editor.org/rfc/rfc6761 and 6762; of single labels none is asked
PRIVATE = (".invalid", ".test", ".local", ".arpa")
OWN = "127.0.0.1"
USUAL_PORTS = (80, 443)


class Forwarder:
    """Listens from the beginning, and carries once it runs.

    `told` is a JSON object: `hosts` lists host and port of all that is allowed; `addresses` are the hosts that this
    loopback has as they are; `loopback` maps ports of it to the `host:port` that they lead to.
    """

    def __init__(self, told: str) -> None:
        given = json.loads(told)
        names = sorted({host for host, _ in given["hosts"]})
        numbered = {name: f"127.88.{n >> 8}.{n & 255}" for n, name in enumerate(names, 1)}
        self._addresses = numbered | {address: address for address in given["addresses"]}
        self._listeners = {listen(OWN, int(port)): target for port, target in given["loopback"].items()}
        usual = [[name, port] for name in names for port in USUAL_PORTS]  # else nobody would hear that one was refused
        for host, port in [*given["hosts"], *(place for place in usual if place not in given["hosts"])]:
            self._listeners[listen(self._addresses[host], port)] = f"{host}:{port}"
        self._names = socket.socket(type=socket.SOCK_DGRAM)
        self._names.bind((OWN, 53))
        self._names.setblocking(False)

    def run(self) -> None:
        """Forward for as long as the sandbox lives."""
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        starting = (asyncio.start_server(partial(forward, target), sock=s) for s, target in self._listeners.items())
        servers = await asyncio.gather(*starting)
        await asyncio.gather(self._tell_names(), *(server.serve_forever() for server in servers))

    async def _tell_names(self) -> None:
        """Answer what a name server (RFC 1035) is asked, for good."""
        async with asyncio.TaskGroup() as answers:
            while True:
                data, sender = await asyncio.get_running_loop().sock_recvfrom(self._names, CHUNK)
                answers.create_task(self._tell_name(data, sender))

    async def _tell_name(self, data: bytes, sender: tuple[str, int]) -> None:
        with suppress(ValueError, IndexError, struct.error, OSError):  # anybody may send anything
            name, kind, question = asked(data)
            address = OWN if f".{name}".endswith(".localhost") else self._addresses.get(name, "")
            if not address and "." in name and not name.endswith(PRIVATE):
                await refused(name)
            self._names.sendto(answer(data, question, kind, address), sender)


def asked(data: bytes) -> tuple[str, int, bytes]:
    """The name that a message asks for, the kind of record, and the question as it stands there."""
    labels, at = [], HEADER.size
    while length := data[at]:
        labels.append(data[at + 1 : at + 1 + length].decode("ascii"))
        at += 1 + length
    kind = int.from_bytes(data[at + 1 : at + 3], "big")
    return ".".join(labels).lower(), kind, data[HEADER.size : at + 5]


def answer(data: bytes, question: bytes, kind: int, address: str) -> bytes:
    """The message that answers: the address, none of that kind, or that there is no such name."""
    records = b""
    if address and kind == A:
        records = struct.pack(">HHHIH", 0xC000 | HEADER.size, A, IN, TTL_SECONDS, 4) + socket.inet_aton(address)
    flags = RESPONSE | RECURSION | (0 if address else NO_SUCH_NAME)
    return HEADER.pack(HEADER.unpack_from(data)[0], flags, 1, bool(records), 0, 0) + question + records


def listen(address: str, port: int) -> socket.socket:
    """Listen on a port of loopback."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(CONNECTIONS)
    return listener


async def connected(target: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, bytes]:
    """A connection to the proxy that asks for a target, and what the proxy says to that."""
    outside, outward = await asyncio.open_unix_connection(SOCKET)
    outward.write(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
    return outside, outward, await outside.readuntil(b"\r\n\r\n")


async def refused(name: str) -> None:
    """Let the proxy hear of a host that it does not allow."""
    with suppress(OSError, EOFError):
        _, outward, _ = await connected(f"{name}:443")
        outward.close()


async def forward(target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry one connection both ways until both ends have closed."""
    with suppress(OSError, EOFError):
        outside, outward, said = await connected(target)
        if said.startswith(b"HTTP/1.1 200 "):
            await asyncio.gather(pump(reader, outward), pump(outside, writer))
        outward.close()
    writer.close()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry bytes one way, and the end of them, however it came: else the other way would wait for minutes."""
    with suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    with suppress(OSError):
        writer.write_eof()
