"""The way of a leg outside: what it does when this machine has no room for another connection."""

import errno
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.adapters.egress import Egress
from bot.replay.control import listen


class Full(socket.socket):
    """A listener for whose first connection there is no descriptor left."""

    tried = False

    def accept(self) -> tuple[socket.socket, object]:
        if not self.tried:
            self.tried = True
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


class Greeter:
    def serve(self, connection: socket.socket, _: Callable[[str], None]) -> None:
        connection.sendall(b"here")


def test_a_leg_stays_connected_when_descriptors_run_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    listener = listen(tmp_path)
    egress = Egress(Full(fileno=listener.detach()), Greeter)
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(20)
        line.connect("socket")
        assert line.recv(4) == b"here"
    egress.close()
