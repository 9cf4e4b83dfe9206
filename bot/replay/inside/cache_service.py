"""GitHub's cache for a JavaScript action: nothing is ever found in it, and what is saved is taken and forgotten.

The toolkit that actions are built with (https://github.com/actions/toolkit/tree/main/packages/cache) fails without it.
It asks by `GET cache`; a save is `POST caches`, `PATCH caches/ID` for each part, and `POST caches/ID`.
"""

import os
from _socket import AF_INET, socket  # the module `socket` takes half as long to import as Python needs to start
from io import BufferedIOBase

ADDRESS = "127.0.0.1"
RESERVED = b'{"cacheId": 1}'
MAX_LINE = 100  # of the length of a chunk


def start(used: socket) -> tuple[int, str]:
    """Serve in a process of its own until it is killed; its id, and the URL for the action. `used` is not inherited."""
    listener = socket(AF_INET)
    listener.bind((ADDRESS, 0))
    listener.listen()
    url = f"http://{ADDRESS}:{listener.getsockname()[1]}/"
    served = os.fork()
    if served == 0:
        used.close()
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        serve(listener.detach())
    listener.close()
    return served, url


def serve(listener: int) -> None:
    """Answer on a socket that listens, for good. What is imported here is slow, and the action begins meanwhile."""
    import socket as sockets
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class Answers(BaseHTTPRequestHandler):
        """HTTP/1.0: a connection that stays open keeps the action from ending."""

        def answer(self) -> None:
            drain(self.rfile, self.headers.get("Content-Length"), self.headers.get("Transfer-Encoding"))
            is_reserved = self.command == "POST" and self.path.endswith("/caches")
            self.send_response(201 if is_reserved else 204)
            self.end_headers()
            self.wfile.write(RESERVED if is_reserved else b"")

        do_GET = do_POST = do_PATCH = answer  # noqa: N815 - the names that http.server calls

    with ThreadingHTTPServer((ADDRESS, 0), Answers, bind_and_activate=False) as server:
        server.socket.close()
        server.socket = sockets.socket(fileno=listener)
        server.serve_forever()


def drain(body: BufferedIOBase, length: str | None, encoding: str | None) -> None:
    """Read all that comes with a request (RFC 9112, section 7.1): else it is broken off."""
    if encoding is None:
        body.read(int(length or 0))
        return
    while size := int(body.readline(MAX_LINE).split(b";")[0] or b"0", 16):
        body.read(size + len(b"\r\n"))
