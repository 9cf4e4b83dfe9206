"""What carries connections out of a sandbox, against a proxy of the tests."""

import asyncio
import socket
import struct
from functools import partial
from pathlib import Path

import pytest

from bot.replay.inside import forward

RESET = struct.pack("ii", 1, 0)
YES, NO = b"HTTP/1.1 200 Connection established\r\n\r\n", b"HTTP/1.1 403 \r\nContent-Length: 4\r\n\r\nno!\n"


async def carried(folder: Path, monkeypatch: pytest.MonkeyPatch, said: bytes) -> tuple[bytes, bytes]:
    """What a client gets that is reset after that, and what the proxy hears of it until it is let go."""
    monkeypatch.setattr(forward, "SOCKET", str(folder / "socket"))
    heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        if said == YES:
            writer.write(b"hello")
        heard.set_result(await reader.read())
        writer.close()

    async with (
        await asyncio.start_unix_server(proxy, folder / "socket"),
        await asyncio.start_server(partial(forward.forward, "a.example:443"), "127.0.0.1") as server,
    ):
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"asked")
        told = await reader.read(5)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        writer.close()
        found = await asyncio.wait_for(heard, 20)
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
        return told, found


def test_the_proxy_is_let_go_when_a_client_breaks_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert asyncio.run(carried(tmp_path, monkeypatch, YES)) == (b"hello", b"asked")


def test_what_the_proxy_refuses_is_no_answer_of_the_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert asyncio.run(carried(tmp_path, monkeypatch, NO))[0] == b""
