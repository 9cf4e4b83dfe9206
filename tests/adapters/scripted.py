"""A server that answers what a test says, in that order, and keeps what it was asked."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bot.adapters.github_api import GitHubApi, with_token
from tests.servers import serving
from tests.state.helpers import FakeClock

TOKEN = "ghp_" + "S3cret" * 6
NAME = "acme/thing"
REPO = f"/repos/{NAME}"
AT = "2026-03-01T12:00:00Z"
COMMIT = "a" * 40


@dataclass
class Reply:
    """`cut`: the connection ends in the middle of the body; a `status` of 0 ends it before any answer."""

    status: int = 200
    said: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    cut: bool = False


DROPPED = Reply(0)


@dataclass
class Asked:
    verb: str
    url: str
    headers: dict[str, str]
    body: Any

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def query(self) -> dict[str, str]:
        return {k: v[0] for k, v in parse_qs(urlsplit(self.url).query).items()}


class Scripted:
    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.asked: list[Asked] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"script": self}))
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.clock = FakeClock()

    def gateway(self, **more: Any) -> GitHubApi:
        return with_token(NAME, TOKEN, self.clock, api_url=self.url, **more)

    def answers(self, *replies: Reply) -> None:
        self.replies += replies

    def verbs(self) -> list[str]:
        return [f"{one.verb} {one.path.removeprefix(REPO)}" for one in self.asked]


class _Handler(BaseHTTPRequestHandler):
    script: Scripted

    def do_GET(self) -> None:
        length = int(self.headers.get("content-length", 0))
        body = json.loads(self.rfile.read(length)) if length else None
        headers = {k.lower(): ", ".join(self.headers.get_all(k, [])) for k in self.headers}
        self.script.asked.append(Asked(self.command, self.path, headers, body))
        reply = self.script.replies.pop(0) if self.script.replies else Reply(418, {"message": "asked too often"})
        if not reply.status:
            return
        raw = (
            reply.raw
            if reply.raw is not None
            else b""
            if reply.status in (204, 304)
            else json.dumps(reply.said).encode()
        )
        self.send_response(reply.status)
        for name, value in ({"Content-Type": "application/json"} | reply.headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw[: len(raw) // 2] if reply.cut else raw)

    do_POST = do_PATCH = do_PUT = do_DELETE = do_GET  # noqa: N815

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def scripted() -> Iterator[Scripted]:
    script = Scripted()
    with serving(script.server):
        yield script


def a_user(login: str = "me") -> dict[str, Any]:
    return {"login": login, "type": "User"}


def a_run(**more: Any) -> dict[str, Any]:
    told = {"id": 7, "run_number": 1, "path": ".github/workflows/ci.yml@main", "event": "push", "status": "completed"}
    told |= {"conclusion": "failure", "head_sha": COMMIT, "head_branch": "main", "head_repository": None, "actor": None}
    return told | {"html_url": "https://x/7", "created_at": AT, "updated_at": AT} | more


def a_pull(url: str = "", **more: Any) -> dict[str, Any]:
    told = {"number": 5, "title": "Fix", "body": None, "state": "open", "user": a_user(), "labels": [], "node_id": "P5"}
    told |= {"head": {"sha": COMMIT, "ref": "fix", "repo": None}, "base": {"sha": COMMIT, "ref": "main"}}
    told |= {"url": f"{url}{REPO}/pulls/5", "issue_url": f"{url}{REPO}/issues/5"}
    return told | {"html_url": "https://x/pull/5", "merge_commit_sha": COMMIT, "merged_at": None} | more


def a_comment(body: str, login: str = "me") -> dict[str, Any]:
    told = {"id": 3, "body": body, "user": a_user(login), "html_url": "https://x/c3", "issue_url": "https://x/issues/5"}
    return told | {"created_at": AT, "updated_at": AT}
