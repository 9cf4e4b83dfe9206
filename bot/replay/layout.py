"""Where things stand inside the sandbox, and in the folder of one replay outside of it."""

import errno
import os
import shutil
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = "/regreen"
ACT = f"{ROOT}/act"
BIN = f"{ROOT}/bin"
INTERPRETER = f"{ROOT}/interpreter/python"
CONTROL = f"{ROOT}/control"
PLAN = f"{ROOT}/plan"
PYTHON = f"{ROOT}/py"
SHIMS = f"{ROOT}/shims"
TOOLS = f"{ROOT}/tools"
ORIGIN = f"{ROOT}/origin.git"
OBJECTS = f"{ROOT}/objects"
SOURCES = f"{ROOT}/sources"
TRANSPORT = f"{ROOT}/git-remote-https"
ARTIFACTS = f"{ROOT}/artifacts"
NETWORK = f"{ROOT}/network"
CERTIFICATES = f"{ROOT}/certificates.pem"
HOME = "/home/runner"
WORK = f"{HOME}/work"
RUNNER_TEMP = f"{WORK}/_temp"
TMP = "/tmp"  # noqa: S108 - of the sandbox
TOOL_CACHE = "/opt/hostedtoolcache"
OVERLAID = {"home": HOME, "tmp": TMP, "tools": TOOL_CACHE}
"""What a request to the workbench writes to without leaving a trace: the folder's name outside, its path inside."""


def remove(folder: Path) -> None:
    """Remove a folder that sandboxed programs have written, whatever modes they gave to its folders."""

    def made_writable(_: object, path: str, __: object) -> None:
        with suppress(OSError):
            Path(path).parent.chmod(stat.S_IRWXU)
            if not Path(path).is_symlink() and Path(path).is_dir():
                Path(path).chmod(stat.S_IRWXU)
                shutil.rmtree(path, ignore_errors=True)
            else:
                Path(path).unlink()

    shutil.rmtree(folder, onerror=made_writable)
    if folder.exists():  # what was in the way has its rights now
        shutil.rmtree(folder, ignore_errors=True)


def open_below(root: Path, path: str, *, folder: bool = False, make: bool = False) -> int:
    """Open a file that sandboxed programs may have written below `root`, without following a link on the way.

    It is a regular one, or with `folder` a folder, which is made with all above it with `make`. Raises `OSError`.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    found = os.open(root, flags | os.O_DIRECTORY)
    for part in path.split("/"):
        try:
            if part in ("", ".", ".."):
                raise OSError(errno.EINVAL, "no plain path", path)
            if make:
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=found)
            below = os.open(part, flags, dir_fd=found)
        finally:
            os.close(found)
        found = below
    if (stat.S_ISDIR if folder else stat.S_ISREG)(os.fstat(found).st_mode):
        return found
    os.close(found)
    raise OSError(errno.EINVAL, "not what was to be there", path)


@dataclass(frozen=True)
class LegFolder:
    """The folder of one leg; `layers` are what it is given of the caches of package managers."""

    root: Path
    layers: tuple[Path, ...] = ()

    def make(self) -> "LegFolder":
        """Make it."""
        for folder in (*(self.root / name for name in OVERLAID), self.calls, self.sessions, self.plan, self.network):
            folder.mkdir(parents=True)
        return self

    @property
    def home(self) -> Path:
        """What the job has written to its HOME."""
        return self.root / "home"

    @property
    def control(self) -> Path:
        """The socket, the copies of what steps print, and the sessions of the workbench."""
        return self.root / "control"

    @property
    def calls(self) -> Path:
        """One file of output per call of the wrapper."""
        return self.control / "calls"

    @property
    def sessions(self) -> Path:
        """What sessions of the workbench have written."""
        return self.control / "sessions"

    @property
    def plan(self) -> Path:
        """What act reads: derived workflow, event, toolchains, stand-ins of actions."""
        return self.root / "plan"

    @property
    def network(self) -> Path:
        """The socket of the proxy."""
        return self.root / "network"

    @property
    def secrets(self) -> Path:
        """What act reads the secrets from; it is gone before the first step runs."""
        return self.plan / "secrets.yml"  # act reads YAML by the name; its other format expands variables
