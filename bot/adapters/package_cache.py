"""What indexes have served, for later replays: written by the proxy alone, never by a sandbox.

The freshness of a file is what its server says (https://www.rfc-editor.org/rfc/rfc9111#section-4.2, -4.3). Everything
else, the pages of an index above all, is asked for once in a run, so that all replays of a run see the same index.
"""

import hashlib
import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

Headers = Sequence[tuple[bytes, bytes]]
CHUNK = 1 << 18
MAX_BYTES = 4 * 1024**3
PACKAGE = re.compile(r"\.(?:whl|whl\.metadata|tar\.gz|tar\.bz2|tar\.xz|zip|tgz|crate|gem|mod|info)$")
MAX_AGE = re.compile(r"max-age=(\d{1,9})")
NOT_KEPT = (b"set-cookie", b"age", b"date", b"connection", b"transfer-encoding", b"content-length")


class PackageCache:
    """`shared` outlives the run and holds packages; `own` is the run's and holds everything else."""

    def __init__(self, shared: Path, own: Path) -> None:
        self._shared, self._own = shared, own
        for folder in (shared, own):
            folder.mkdir(parents=True, exist_ok=True)

    def find(self, url: bytes, varying: Sequence[bytes]) -> "Kept":
        """What is kept for a URL; `varying` are the values of the headers by which answers differ."""
        package = PACKAGE.search(url.decode("ascii", "replace").partition("?")[0])
        name = hashlib.sha256(b"\0".join([url, *varying])).hexdigest()
        return Kept((self._shared if package else self._own) / name, is_page=not package)

    def prune(self) -> None:
        """Drop what was used longest ago, until the rest is small enough."""
        files = sorted(((f.stat().st_mtime, f.stat().st_size, f) for f in self._shared.iterdir()), reverse=True)
        total = 0
        for _, size, file in files:
            total += size
            if total > MAX_BYTES:
                file.unlink(missing_ok=True)


class Kept:
    """What is kept for one URL, if anything: a body, and beside it what belongs to it. A page does not age."""

    def __init__(self, path: Path, *, is_page: bool) -> None:
        self._path, self.is_page, self._about = path, is_page, path.with_suffix(".json")
        self._known = self._read_about()

    def _read_about(self) -> dict[str, Any]:
        """What belongs to the body; nothing where either is missing or not whole."""
        try:
            known = json.loads(self._about.read_bytes())
            with self._path.open("rb") as file:
                whole = hashlib.file_digest(file, "sha256").hexdigest() == known["sha256"]
        except (OSError, ValueError, KeyError, TypeError):
            return {}
        if whole:
            os.utime(self._path)
        return dict(known) if whole else {}

    @property
    def fresh(self) -> bool:
        """Whether it can be served without asking."""
        return bool(self._known) and (self.is_page or time.time() < self._known["until"])

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The headers it came with."""
        rows = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in self._known["headers"]]
        return [*rows, (b"content-length", str(self._path.stat().st_size).encode())]

    @property
    def conditions(self) -> list[tuple[bytes, bytes]]:
        """The headers that ask for it only if it has changed."""
        told = {k.lower(): v for k, v in self._known.get("headers", ())}
        pairs = (("if-none-match", "etag"), ("if-modified-since", "last-modified"))
        return [(k.encode(), told[v].encode("latin-1")) for k, v in pairs if v in told]

    def read(self) -> Iterator[bytes]:
        """The body."""
        with self._path.open("rb") as file:
            while data := file.read(CHUNK):
                yield data

    def filled(self, headers: Headers, body: Iterable[bytes]) -> Iterator[bytes]:
        """Pass the body on, and keep it when it has come to its end."""
        fresh = self._path.with_suffix(f".{os.urandom(4).hex()}")
        digest = hashlib.sha256()
        try:
            with fresh.open("wb") as file:
                for data in body:
                    file.write(data)
                    digest.update(data)
                    yield data
            told = {k.lower(): v.decode("latin-1") for k, v in headers}
            about = {
                "sha256": digest.hexdigest(),
                "until": _until(told.get(b"cache-control", "")),
                "headers": [
                    (k.decode("latin-1"), v.decode("latin-1")) for k, v in headers if k.lower() not in NOT_KEPT
                ],
            }
            fresh.replace(self._path)
            fresh.write_text(json.dumps(about))
            fresh.replace(self._about)
        finally:
            fresh.unlink(missing_ok=True)


def _until(control: str) -> float:
    """The time to which an answer is fresh, by its Cache-Control."""
    if "no-store" in control or "no-cache" in control:
        return 0.0
    found = MAX_AGE.search(control)
    return time.time() + int(found[1]) if found else 0.0
