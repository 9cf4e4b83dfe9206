"""Nothing gets out of a sandbox: every way of `tests.replay.probes` is refused in a real replay, and open in its control."""

import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.bubblewrap import Bubblewrap
from bot.adapters.limits import ENTER, Group
from bot.errors import Transient
from bot.model import ReplayOptions
from bot.ports import Limits
from tests.index import Index, Release
from tests.projects import CHECKOUT, WORKFLOW, Make, workflow
from tests.replay import probes
from tests.replay.conftest import Replay

PROBES = Path(probes.__file__)
AT_LEAST = 60
# What not every machine has for its users: then there is no way, and no control.
MAY_LACK = {
    *("raise the limits", "find a key of the caller", "set up io_uring", "reach the virtual machine's host"),
    *("reach it by IPv6", "reach it by another address", "reach it by a 32-bit program"),
}
# As root a job has root's uid outside, and bubblewrap cannot mount devices read-only. It can do no more to them.
OPEN_TO_ROOT = {"change the mode of a device"}
ADD_KEY = {250: 248, 219: 217}.get(probes.KEYCTL, -1)
UNLINK, CREATE, REMOVE = 9, 0o1600, 0  # KEYCTL_UNLINK, IPC_CREAT with rights for its owner, IPC_RMID
CAPABLE = ("--unshare-user", "--uid", "0", "--gid", "0", "--unshare-net", "--unshare-uts", "--cap-add", "ALL")
FORGER = """
    import os, shutil, socket, struct, sys
    theirs, control = sys.argv[1], "/regreen/control"
    host = socket.socket(socket.AF_UNIX)
    host.connect(control + "/socket")
    def tell(*words):
        payload = "\\0".join(words).encode()
        host.sendall(struct.pack(">I", len(payload)) + payload)
    def hear():
        return host.recv(struct.unpack(">I", host.recv(4, socket.MSG_WAITALL))[0], socket.MSG_WAITALL).decode().split("\\0")
    tell("began", "0", "0")
    print("\\x1eregreen call " + hear()[1], flush=True)
    shutil.copy("/bin/true", "/home/runner/true")
    os.chmod("/home/runner/true", 0o4755)
    os.rename(control + "/calls", control + "/before")
    os.symlink(theirs, control + "/calls")
    os.symlink(theirs, control + "/sessions/s1")
    os.symlink(theirs + "/out", "/home/runner/out")
    tell("held", "/", "0", "1", "/home/runner/out/sub/a.txt", "GITHUB_WORKSPACE=/home/runner/out/sub")
    while hear()[0] == "run":
        shutil.rmtree(control + "/sessions/s2/home/upper")
        os.symlink(theirs, control + "/sessions/s2/home/upper")
        tell("answered", "0", "0", "0")
"""
World = dict[str, str]
Found = dict[tuple[str, bool], bool]


def answering(one: socket.socket) -> None:
    while True:
        try:
            data, address = one.recvfrom(100)
        except OSError:
            return
        if data == b"end":
            return
        one.sendto(data, address)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """What stands around a sandbox, and what controls have instead of what is in one."""
    lab = tmp_path_factory.mktemp("lab")
    name = f"regreen-probe-{os.getpid()}"
    folder = tmp_path_factory.mktemp("theirs")
    for file in (lab / "file", lab / "renamed", folder / "id_rsa"):
        file.write_text(f"secret {name}\n")
    shutil.copy(shutil.which("sh") or "/bin/sh", lab / "sh")
    shm = Path("/dev/shm", name)
    libc = probes.libc
    with ExitStack() as stack:
        port = stack.enter_context(socket.create_server(("", 0)))
        unix, abstract = (stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(2))
        udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        away = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        away.connect_ex(("192.0.2.1", 9))  # a route is looked for, nothing is sent
        unix.bind(str(lab / "socket"))
        abstract.bind(f"\0{name}")
        unix.listen()
        abstract.listen()
        udp.bind(("127.0.0.1", 0))
        threading.Thread(target=answering, args=(udp,), daemon=True).start()
        stack.callback(udp.sendto, b"end", udp.getsockname())
        shm.write_text(name)
        stack.callback(shm.unlink)
        memory = probes.checked(libc.shmget(os.getpid(), 4096, CREATE))
        stack.callback(libc.shmctl, memory, REMOVE, None)
        key = libc.syscall(ADD_KEY, b"user", name.encode(), b"hush", 4, probes.SESSION)
        if key > 0:
            stack.callback(libc.syscall, probes.KEYCTL, UNLINK, key, probes.SESSION)
        marked = stack.enter_context(subprocess.Popen([lab / "sh", "-s", name], stdin=subprocess.PIPE))
        stack.callback(marked.kill)
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("CANARY_OF_PROBES", f"canary-of-{name}")
        yield {
            "lab": str(lab),
            "folder": str(folder),
            "home": str(Path.home()),
            "shell": str(lab / "sh"),
            "socket": str(lab / "socket"),
            "abstract": f"@{name}",
            "shm": str(shm),
            "shmkey": str(os.getpid()),
            "key": name,
            "marker": name,
            "helper": f"helper-{name}",
            "canary": f"canary-of-{name}",
            "port": str(port.getsockname()[1]),
            "udp": str(udp.getsockname()[1]),
            "mine": away.getsockname()[0],
            "hostname": socket.gethostname(),
        }


def read(lines: Iterable[str]) -> Found:
    """What probes have told: whether a way is open, by its name and whether it was a control."""
    rows = [json.loads(line) for line in lines if line.startswith('{"way"')]
    return {(row["way"], row["control"]): row["open"] for row in rows}


def controls(table: str, world: World) -> Found:
    """Try what shows of each probe that it can succeed."""
    lab = Path(world["lab"])
    (lab / "world.json").write_text(json.dumps(world))
    found: Found = {}

    def run(place: str, *before: str, **more: Any) -> None:
        command = [*before, sys.executable, str(PROBES), str(lab / "world.json"), table, place]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True, **more)
        found.update(read(done.stdout.splitlines()))

    run(probes.OUTSIDE)
    if table == "egress":  # all others are in the step itself
        return found
    run(probes.CAPABLE, str(Bubblewrap().program), *CAPABLE, "--dev-bind", "/", "/", "--")
    run(probes.TERMINAL, sys.executable, "-c", "import pty, sys; pty.spawn(sys.argv[1:])")
    with (lab / "file").open() as left:
        run(probes.DESCRIPTOR, pass_fds=[left.fileno()])
    if group := Group.make(Limits()):
        run(probes.GROUP, "/bin/sh", "-c", ENTER, "sh", " ".join(map(str, group.folders)))
        group.remove()
    return found


def check(table: str, found: Found) -> int:
    """See that every way is refused, and open in its control; how many there are."""
    closed = {way for way in probes.TABLES[table] if not found.get((way, True))}
    assert closed <= MAY_LACK
    open_ones = {way for way in probes.TABLES[table] if found.get((way, False)) is not False} - closed
    assert open_ones == (OPEN_TO_ROOT & set(probes.TABLES[table]) if os.getuid() == 0 else set())
    return len(probes.TABLES[table]) - len(closed)


def test_no_way_leads_out_and_none_to_a_green_result(replay: Replay, world: World) -> None:
    files = {"probes.py": PROBES.read_text(), "world.json": json.dumps(world)}
    done = replay(CHECKOUT, "run: python3 probes.py world.json sandbox sandbox", "run: exit 1", files=files)
    assert done.steps == ["success", "success", "failure"], done.log
    assert check("sandbox", read(done.printed()) | controls("sandbox", world)) >= AT_LEAST
    assert done.jobs == {"job": "failure"}  # though some have written to whatever may be act's output


def test_no_way_leads_past_the_proxy(replay: Replay, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    with Index([Release("one", "1.0")]) as index, socket.create_server(("127.0.0.1", 0)) as other:
        monkeypatch.setenv("PIP_INDEX_URL", f"http://localhost:{index.port}/simple")
        around = world | {"index": str(index.port), "other": str(other.getsockname()[1])}
        files = {"probes.py": PROBES.read_text(), "world.json": json.dumps(around)}
        ran = "run: python3 probes.py world.json egress sandbox"
        done = replay(CHECKOUT, ran, files=files, options={"network": "registries"})
        found = read(done.printed()) | controls("egress", around)
        check("egress", found)
        assert {line for line in index.asked if "/one/" not in line} == set()
        other.setblocking(False)
        with pytest.raises(BlockingIOError):
            other.accept()


def test_nothing_that_a_step_leaves_leads_us_elsewhere(project: Make, tmp_path: Path) -> None:
    """A step that claims to be the wrapper of a held one, with links where we look for what steps have written."""
    theirs, secret = tmp_path / "theirs", "a secret of the user"
    (theirs / "out" / "sub").mkdir(parents=True)
    for name in ("out/sub/a.txt", *(f"{n}.log" for n in range(1, 5))):
        (theirs / name).write_text(secret)
    before = sorted(theirs.rglob("*"))
    steps = workflow(CHECKOUT, f"run: python3 forger.py {theirs}")
    made = project({WORKFLOW: steps, "a.txt": "mine\n", "forger.py": FORGER})
    replays = made.app().replays(ReplayOptions(network="none"))
    try:
        result, benches = replays.run(replays.snapshot.commit, hold=True)
        bench = benches(result.jobs[0].key)
        assert bench
        with pytest.raises(Transient, match="in the way"):
            bench.session()
        session = bench.session()
        session.run(["true"])
        seen = [Path(result.log).read_text(), str(bench.changed({"a.txt": ""})), session.script, str(session.written())]
        assert not [text for text in seen if secret in text]
        leg = bench.folder  # the controls: what links lead to for whoever follows them
        outside = [leg.calls / "2.log", leg.root / "home/out/sub/a.txt", leg.sessions / "s2/home/upper/out/sub/a.txt"]
        assert [path.read_text() for path in outside] == [secret] * 3
        assert (leg.sessions / "s1" / "1.log").exists()
        assert sorted(theirs.rglob("*")) == before
        assert (leg.root / "home" / "true").stat().st_mode & stat.S_ISUID
        assert Path(result.log).parents[2].stat().st_mode & 0o077 == 0  # so nobody else can run it
    finally:
        replays.close()
