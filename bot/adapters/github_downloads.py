"""Downloads from where GitHub redirects to: logs and zips, in pieces, without the token, never more than a bound."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx

from bot.adapters.github_wire import Rest, Wire
from bot.adapters.patience import while_transient
from bot.errors import Gone, Refused, Transient
from bot.github import MOST_BYTES

PIECE = 65_536


class Downloads:
    """What lies behind a path of the API."""

    def __init__(self, rest: Rest, wire: Wire) -> None:
        self._rest = rest
        self._client = wire.client
        self._clock = wire.clock

    def pieces(self, path: str) -> Iterator[bytes]:
        """It in pieces. Raises `Gone` now; `Transient` when it breaks off, `Refused` when it is too big, on the way."""
        return self._read(path, while_transient(self._clock)(self._open, path), MOST_BYTES)

    def save(self, path: str, file: Path, most: int = MOST_BYTES) -> None:
        """Write it to a file, whole or not at all. Raises the same."""
        file.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            handle = stack.enter_context(tempfile.NamedTemporaryFile(dir=file.parent, prefix=".", delete=False))
            part = Path(handle.name)
            stack.callback(part.unlink, missing_ok=True)

            def whole() -> None:
                handle.seek(0)
                handle.truncate()
                handle.writelines(self._read(path, self._open(path), most))

            while_transient(self._clock)(whole)
            handle.close()
            part.replace(file)

    def _open(self, path: str) -> httpx.Response:
        place = self._rest.place(path)  # asked for each time: it is good for a minute
        request = self._client.build_request("GET", place)
        try:
            response = self._client.send(request, stream=True)
        except httpx.TransportError as error:
            raise Transient(f"the download of {path} does not begin: {type(error).__name__}") from None
        if response.is_success:
            return response
        response.close()
        if response.status_code in (404, 410):
            raise Gone(f"what {path} names has expired")
        raise Transient(f"the download of {path} does not begin: status {response.status_code}")

    def _read(self, path: str, response: httpx.Response, most: int) -> Iterator[bytes]:
        size = 0
        with contextlib.closing(response):
            try:
                for piece in response.iter_bytes(PIECE):
                    size += len(piece)
                    if size > most:
                        raise Refused(f"the download of {path} is bigger than {most:,} bytes")
                    yield piece
            except (httpx.TransportError, httpx.DecodingError) as error:
                raise Transient(f"the download of {path} broke off: {type(error).__name__}") from None
