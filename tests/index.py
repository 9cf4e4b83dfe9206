"""A package index on this machine's loopback: a real HTTP server with the pages of PyPI's and npm's protocols.

https://packaging.python.org/en/latest/specifications/simple-repository-api/,
https://github.com/npm/registry/blob/main/docs/responses/package-metadata.md
"""

import base64
import hashlib
import io
import json
import ssl
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Self

JSON = "application/vnd.pypi.simple.v1+json"


@dataclass(frozen=True)
class Release:
    """One version of a package of both kinds: what its only module says, and when it was uploaded (ISO 8601).

    With a `folder`, its files are those of the package for npm. `module` is the module's name where that is not the
    package's. `programs` are scripts of the wheel, by their paths.
    """

    name: str
    version: str
    uploaded: str = "2020-01-01T00:00:00Z"
    code: str = ""
    folder: Path | None = None
    module: str = ""
    programs: Mapping[str, str] = field(default_factory=dict, hash=False)

    @cached_property
    def manifest(self) -> dict[str, object]:
        named: dict[str, object] = {"name": self.name, "version": self.version}
        return json.loads((self.folder / "package.json").read_text()) | named if self.folder else named

    @property
    def wheel_name(self) -> str:
        return f"{self.stem}-py3-none-any.whl"

    @property
    def stem(self) -> str:
        return f"{self.name.replace('-', '_')}-{self.version}"

    @cached_property
    def wheel(self) -> bytes:
        info = f"{self.stem}.dist-info"
        files = {
            f"{self.module or self.name}.py": self.code,
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {self.name}\nVersion: {self.version}\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        record = "".join(f"{name},,\n" for name in (*files, *self.programs, f"{info}/RECORD"))
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as archive:
            for name, text in {**files, f"{info}/RECORD": record}.items():
                archive.writestr(zipfile.ZipInfo(name), text)
            for name, text in self.programs.items():
                program = zipfile.ZipInfo(name)
                program.external_attr = 0o100755 << 16
                archive.writestr(program, text)
        return made.getvalue()

    @cached_property
    def tarball(self) -> bytes:
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w:gz", compresslevel=1) as archive:
            if self.folder:
                archive.add(self.folder, "package")
            own = {"package.json": json.dumps(self.manifest), "index.js": self.code}
            for name, text in ({} if self.folder else own).items():
                entry = tarfile.TarInfo(f"package/{name}")
                entry.size = len(text)
                archive.addfile(entry, io.BytesIO(text.encode()))
        return made.getvalue()


@dataclass
class Index:
    """Serves releases from when it is entered. `times` are where they stand: "json", "html", "project" or nowhere ("").

    With `login` (user:password, or a token), nobody else is served. `asked` and `headers` are the requests.
    """

    releases: list[Release]
    times: str = "json"
    login: str = ""
    tls: ssl.SSLContext | None = None
    immutable: bool = False
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"index": self}))
        self._server.daemon_threads = True
        if self.tls:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, path: str, accept: str) -> tuple[str, bytes] | None:
        """Content type and body for a path."""
        kind, _, rest = path.strip("/").partition("/")
        if kind == "files":
            return next((("application/octet-stream", b) for n, b in self._files() if n == rest), None)
        found = [r for r in self.releases if r.name == rest.split("/")[0]]
        if not found:
            return None
        if kind == "simple":
            return self._page(found, accept)
        if kind == "pypi" and self.times == "project":
            rows = {r.version: [{"filename": r.wheel_name, "upload_time_iso_8601": r.uploaded}] for r in found}
            return "application/json", json.dumps({"releases": rows}).encode()
        return ("application/json", json.dumps(self._packument(found)).encode()) if kind == "npm" else None

    def _files(self) -> list[tuple[str, bytes]]:
        wheels = [(r.wheel_name, r.wheel) for r in self.releases]
        return wheels + [(f"{r.name}-{r.version}.tgz", r.tarball) for r in self.releases]

    def _page(self, found: list[Release], accept: str) -> tuple[str, bytes]:
        if self.times in ("json", "") and JSON in accept:
            files = [
                {"filename": r.wheel_name, "url": f"../../files/{r.wheel_name}", "yanked": False,
                 "hashes": {"sha256": hashlib.sha256(r.wheel).hexdigest()}}
                | ({"upload-time": r.uploaded} if self.times else {})
                for r in found
            ]  # fmt: skip
            return JSON, json.dumps({"meta": {"api-version": "1.1"}, "name": found[0].name, "files": files}).encode()
        links = "".join(
            f'<a href="../../files/{r.wheel_name}#sha256={hashlib.sha256(r.wheel).hexdigest()}"'
            + (f' data-upload-time="{r.uploaded}"' if self.times == "html" else "")
            + f">{r.wheel_name}</a><br>\n"
            for r in found
        )
        return "text/html", f"<!DOCTYPE html><html><body>\n{links}</body></html>".encode()

    def _packument(self, found: list[Release]) -> dict[str, object]:
        versions = {
            r.version: {**r.manifest, "dist": {
                "tarball": f"{self.url}/files/{r.name}-{r.version}.tgz",
                "integrity": "sha512-" + base64.b64encode(hashlib.sha512(r.tarball).digest()).decode(),
            }} for r in found
        }  # fmt: skip
        times = {r.version: r.uploaded for r in found} | {"created": found[0].uploaded, "modified": found[-1].uploaded}
        return {
            "name": found[0].name, "versions": versions, "dist-tags": {"latest": found[-1].version}, "time": times,
        }  # fmt: skip


class _Handler(BaseHTTPRequestHandler):
    index: Index
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.index.asked.append(f"{self.command} {self.path}")
        self.index.headers.append({k.lower(): v for k, v in self.headers.items()})
        pair = base64.b64encode(self.index.login.encode()).decode()
        wanted = (f"Basic {pair}", f"Bearer {self.index.login}")
        allowed = not self.index.login or self.headers.get("Authorization") in wanted
        found = self.index.answer(self.path.partition("?")[0], self.headers.get("Accept", "")) if allowed else None
        kind, body = found or ("text/plain", b"no")
        self.send_response(200 if found else 404 if allowed else 401)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if self.index.immutable:
            self.send_header("Cache-Control", "max-age=31536000, immutable")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_PUT = do_POST = do_GET  # noqa: N815 - the names that the library calls

    def log_message(self, *args: object) -> None:
        pass
