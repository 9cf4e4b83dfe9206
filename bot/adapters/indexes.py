"""Where the package managers of this machine look for packages, as their own settings say."""

import base64
import configparser
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

PIP_KEYS = ("index-url", "extra-index-url", "find-links", "trusted-host", "no-index", "timeout")
UV_KEYS = ("UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX", "UV_FIND_LINKS")
GO_KEYS = ("GOPROXY", "GONOPROXY", "GOSUMDB", "GONOSUMDB", "GOPRIVATE")
LOOPBACK = ("localhost", "127.0.0.1")
PIP_INDEXES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS")
FOLDERS = "folders.regreen.invalid:80"  # for the folders of packages
FOLDERS_PORT = 61_129  # of loopback: above the ports that systems give out by themselves, and no service's own
FOLDER = ("file://", "/")
PORTS = {"http": 80, "https": 443}
CREDENTIALS = re.compile(r"(?<=://)[^/\s]*@")
NPM_VARIABLE = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True)
class Site:
    """A server that replayed code may reach.

    An `index` is only read, and what it says is kept for other replays. Only a `named` server, one that the user or the
    settings of a tool name, may lie at a private address. `authorization` is added to what is asked of it.
    """

    scheme: str
    host: str
    port: int
    index: bool = True
    named: bool = True
    authorization: str = ""

    @property
    def authority(self) -> str:
        """Host and port, the latter where it is not the scheme's own."""
        return self.host if self.port == PORTS[self.scheme] else f"{self.host}:{self.port}"


def settings(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables by which pip, uv, npm and go take the indexes that this machine is set to; credentials included."""
    go = {**_lines(_home(environ, ".config", "go", "env")), **environ}
    return _pip(environ) | _uv(environ) | _npm(environ) | {k: go[k] for k in GO_KEYS if go.get(k)}


def without_credentials(text: str) -> str:
    """A text without the users and passwords that stand in its URLs."""
    return CREDENTIALS.sub("", text)


def folders(environ: Mapping[str, str]) -> list[Path]:
    """The folders of packages that pip's settings name: indexes in files, and those to find links in."""
    found = settings(environ)
    words = (word for key in PIP_INDEXES for word in found.get(key, "").split())
    return [Path(word.removeprefix("file://")) for word in words if word.startswith(FOLDER)]


def without_folders(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables with an index of the proxy instead of each of the `folders`."""
    words = [word for key in PIP_INDEXES for word in variables.get(key, "").split()]
    local = [word for word in words if word.startswith(FOLDER)]
    if not local:
        return dict(variables)
    instead = [f"http://127.0.0.1:{FOLDERS_PORT}/{n}/simple" for n in range(len(local))]
    rest = {k: v for k, v in variables.items() if k not in (*PIP_INDEXES, "PIP_NO_INDEX")}
    links = [word for word in variables.get("PIP_FIND_LINKS", "").split() if word not in local]
    index = variables.get("PIP_INDEX_URL", "")
    extra = [word for word in variables.get("PIP_EXTRA_INDEX_URL", "").split() if word not in local] + instead
    if "PIP_NO_INDEX" in variables:
        index, extra = instead[0], instead[1:]
    elif index.startswith(FOLDER):
        index = instead[0]
    chosen = {"PIP_INDEX_URL": index, "PIP_EXTRA_INDEX_URL": " ".join(extra), "PIP_FIND_LINKS": " ".join(links)}
    return rest | {k: v for k, v in chosen.items() if v}


def sites(environ: Mapping[str, str], defaults: Iterable[str], hosts: Iterable[str]) -> tuple[Site, ...]:
    """What the network setting `registries` allows.

    `defaults` are the URLs that the tools take without settings, `hosts` the user's own (`host` or `host:port`). What
    the settings of a tool name goes before its default.
    """
    found: dict[tuple[str, int], Site] = {}
    for host in hosts:
        name, _, port = host.partition(":")
        for scheme, usual in PORTS.items():
            site = Site(scheme, name.lower(), int(port or usual), index=False)
            found.setdefault((site.host, site.port), site)
    tokens = _npm_tokens(environ)
    for url in (w for v in settings(environ).values() for w in re.split(r"[\s,|]+", v)):
        if index := _site(url, tokens):
            known = found.setdefault((index.host, index.port), index)
            if index.authorization and not known.authorization:
                found[index.host, index.port] = index
    for url in defaults:
        if index := _site(url, tokens, named=False):
            found.setdefault((index.host, index.port), index)
    return tuple(found.values())


def _site(url: str, tokens: Mapping[str, str], *, named: bool = True) -> Site | None:
    url = url.rpartition("=")[2] if url.partition("=")[2].startswith("http") else url  # uv: name=URL
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        return None
    if parts.scheme not in PORTS or not parts.hostname:
        return None
    authorization = tokens.get(parts.netloc.rpartition("@")[2], "")
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return Site(parts.scheme, parts.hostname, port, named=named, authorization=authorization)


def _home(environ: Mapping[str, str], *parts: str) -> Path:
    if parts[0] == ".config" and environ.get("XDG_CONFIG_HOME"):
        return Path(environ["XDG_CONFIG_HOME"], *parts[1:])
    return Path(environ.get("HOME", "/nonexistent"), *parts)


def _lines(path: Path) -> dict[str, str]:
    """A file of `key=value` lines; empty when there is none."""
    try:
        rows = (line.partition("=") for line in path.read_text("utf-8", "replace").splitlines())
    except OSError:
        return {}
    return {
        k.strip(): v.strip().strip("\"'") for k, there, v in rows if there and not k.lstrip().startswith(("#", ";"))
    }


def _pip(environ: Mapping[str, str]) -> dict[str, str]:
    files: list[str | Path] = [
        "/etc/pip.conf",
        _home(environ, ".pip", "pip.conf"),
        _home(environ, ".config", "pip", "pip.conf"),
        environ.get("PIP_CONFIG_FILE", ""),
    ]
    none = environ.get("PIP_CONFIG_FILE") == os.devnull  # https://pip.pypa.io/en/stable/topics/configuration/
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read([f for f in files if f and not none], encoding="utf-8")
    except configparser.Error:
        parser = configparser.RawConfigParser()
    variables = {k: f"PIP_{k.replace('-', '_').upper()}" for k in PIP_KEYS}
    found = {v: environ.get(v, parser.get("global", k, fallback="")) for k, v in variables.items()}
    return {v: " ".join(text.split()) for v, text in found.items() if text}


def _uv(environ: Mapping[str, str]) -> dict[str, str]:
    """uv's variables, else what its files say; https://docs.astral.sh/uv/concepts/configuration-files/."""
    given = {k: environ[k] for k in UV_KEYS if environ.get(k)}
    for path in (_home(environ, ".config", "uv", "uv.toml"), Path("/etc/uv/uv.toml")):
        try:
            document = tomllib.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            continue
        return dict(_uv_file(document)) | given
    return given


def _uv_file(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    rows = [row for row in document.get("index", ()) if isinstance(row, dict) and isinstance(row.get("url"), str)]
    named = [f"{row['name']}={row['url']}" if "name" in row else row["url"] for row in rows if not row.get("default")]
    if named:
        yield "UV_INDEX", " ".join(named)
    default = next((row["url"] for row in rows if row.get("default")), document.get("index-url"))
    if isinstance(default, str):
        yield "UV_DEFAULT_INDEX", default
    extra = document.get("extra-index-url")
    if isinstance(extra, list):
        yield "UV_EXTRA_INDEX_URL", " ".join(map(str, extra))


def _npm(environ: Mapping[str, str]) -> dict[str, str]:
    rows = _lines(_home(environ, ".npmrc"))
    scopes = {f"npm_config_{k}": v for k, v in rows.items() if k.startswith("@") and k.endswith(":registry")}
    given = environ.get("npm_config_registry") or rows.get("registry", "")
    return scopes | ({"npm_config_registry": given} if given else {})


def _npm_tokens(environ: Mapping[str, str]) -> dict[str, str]:
    """The credentials that .npmrc has, by host and port."""
    found: dict[str, str] = {}
    for key, value in _lines(_home(environ, ".npmrc")).items():
        place, _, kind = key.rpartition(":")
        host = place.removeprefix("//").partition("/")[0]
        value = NPM_VARIABLE.sub(lambda name: environ.get(name[1], ""), value)
        if place.startswith("//") and kind in ("_authToken", "_auth") and value:
            found.setdefault(host, f"{'Bearer' if kind == '_authToken' else 'Basic'} {value}")
    return found
