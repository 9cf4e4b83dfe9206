"""git's own smart HTTP backend, with the hub's tokens in front of it."""

import os
import subprocess
from typing import TYPE_CHECKING
from urllib.parse import unquote

from tests.hub.routing import Answer, Request, permits, sees
from tests.hub.world import Repository, Token

if TYPE_CHECKING:
    from tests.hub.hub import Hub


def serve(hub: "Hub", request: Request, query: str, data: bytes, token: Token | None) -> Answer:
    """Answer a request of git."""
    name, _, rest = unquote(request.path).lstrip("/").partition(".git/")
    repository = hub.repositories.get(hub.moved.get(name, name))
    if not repository or not sees(token, repository):
        return _asks_who() if not token else _says(404, "Repository not found.")
    pushing = "git-receive-pack" in (rest + query)
    if not pushing and not repository.private:
        return _run(hub, request, repository, rest, query, data, token)
    if not token:
        return _asks_who()
    if not permits(token, repository, "contents:write" if pushing else "contents:read"):
        return _says(403, f"Permission to {name}.git denied to {token.account.login}.")
    if pushing and repository.archived:
        return _says(403, "This repository was archived so it is read-only.")
    return _run(hub, request, repository, rest, query, data, token)


def _asks_who() -> Answer:
    answer = _says(401, "No anonymous write access.")
    answer.headers["www-authenticate"] = 'Basic realm="GitHub"'
    return answer


def _says(status: int, text: str) -> Answer:
    return Answer(status, raw=f"remote: {text}\n".encode(), headers={"content-type": "text/plain; charset=utf-8"})


def _run(
    hub: "Hub", request: Request, repository: Repository, rest: str, query: str, data: bytes, token: Token | None
) -> Answer:
    held_back = token and token.permissions is not None and token.permissions.get("workflows") != "write"
    env = {
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "http.receivepack",
        "GIT_CONFIG_VALUE_0": "true",
        "GIT_PROJECT_ROOT": str(repository.git.path),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{rest}",
        "QUERY_STRING": query,
        "REQUEST_METHOD": request.method,
        "CONTENT_TYPE": request.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(data)),
        "HTTP_CONTENT_ENCODING": request.headers.get("content-encoding", ""),
        "GIT_PROTOCOL": request.headers.get("git-protocol", ""),
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_USER": token.account.login if token else "",
        "HUB_MAY_CHANGE_WORKFLOWS": "no" if held_back else "yes",
    }
    before = repository.git.refs() if rest == "git-receive-pack" else None
    done = subprocess.run(["git", "http-backend"], input=data, env=env, capture_output=True, check=True)
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
    status = int(headers.pop("Status", "200").split()[0])
    if before is not None and token:
        with hub.lock:
            hub.refs_changed(repository, before, token)
    return Answer(status, raw=body, headers={name.lower(): value for name, value in headers.items()})
