"""Git without surprises: what it runs, what it hears of the environment, and how its failures are told apart."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from bot.adapters.git_plumbing import GitPlumbing
from bot.errors import GitFailed, MachineError, Transient
from tests.projects import Make


@pytest.fixture
def plumbing(project: Make) -> GitPlumbing:
    return GitPlumbing(project({"a": "a\n"}).root / ".git")


def instead(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put another git first on PATH."""
    folder.mkdir()
    (folder / "git").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


@pytest.mark.parametrize("command", ["status", "commit", "checkout", "diff", "log", "gc", "submodule", "-c"])
def test_only_plumbing(plumbing: GitPlumbing, command: str) -> None:
    with pytest.raises(ValueError, match="not a plumbing command"):
        plumbing.run(command)


def test_variables_of_git_do_not_reach_it(
    plumbing: GitPlumbing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(tmp_path / "objects"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.bare")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "nonsense")
    assert plumbing.run("ls-tree", "--name-only", "HEAD") == b"a\n"


def test_a_no(plumbing: GitPlumbing) -> None:
    assert plumbing.try_run("rev-parse", "--verify", "--quiet", "refs/heads/nope") is None
    with pytest.raises(GitFailed, match="git cat-file failed: fatal: Not a valid object name nope") as caught:
        plumbing.run("cat-file", "blob", "nope")
    assert caught.value.code == 128


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("kill -9 $$", "killed by signal 9"),
        ("echo \"fatal: Unable to create 'x/index.lock': File exists.\" >&2; exit 128", "index.lock"),
        ("exec tail -f /dev/null", "needed more than 0 s"),
    ],
)
def test_no_answer_may_pass(
    plumbing: GitPlumbing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, told: str
) -> None:
    instead(tmp_path / "bin", monkeypatch, script)
    with pytest.raises(Transient, match=told):
        plumbing.run("rev-parse", "HEAD", timeout=0.3)


def test_no_git(plumbing: GitPlumbing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MachineError, match="git is not installed"):
        plumbing.version()
    with pytest.raises(MachineError, match="git is not installed"):
        plumbing.run("rev-parse", "HEAD")


def test_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    GitPlumbing(tmp_path / "not" / "yet").run("init", "--bare", "--quiet", str(tmp_path / "not" / "yet"))
    assert (tmp_path / "not" / "yet" / "HEAD").is_file()


@pytest.mark.parametrize(
    ("plant", "command"),
    [
        ("hooks/reference-transaction", ("update-ref", "refs/heads/new", "HEAD")),
        ("core.fsmonitor", ("update-index", "--refresh")),
    ],
)
def test_what_is_planted_in_a_repository_does_not_run(
    project: Make, tmp_path: Path, plant: str, command: tuple[str, ...]
) -> None:
    made = project({"a": "a\n"})
    script, ran = tmp_path / "planted", tmp_path / "ran"
    script.write_text(f"#!/bin/sh\ntouch {ran}\n")
    script.chmod(0o755)
    if plant.startswith("hooks/"):
        (made.root / ".git" / "hooks").mkdir(exist_ok=True)
        (made.root / ".git" / plant).write_bytes(script.read_bytes())
        (made.root / ".git" / plant).chmod(0o755)
    else:
        made.git("config", plant, str(script))
    ran.unlink(missing_ok=True)
    GitPlumbing(made.root / ".git", work_tree=made.root).run(*command)
    assert not ran.exists()
    made.git(*command)
    assert ran.exists(), "the positive control: git itself runs it"


def test_what_it_started_ends_with_it(plumbing: GitPlumbing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    instead(tmp_path / "bin", monkeypatch, f"tail -f /dev/null & echo $! > {tmp_path / 'started'}; wait")
    with pytest.raises(Transient, match="needed more than"):
        plumbing.run("rev-parse", "HEAD", timeout=0.3)
    with suppress(psutil.NoSuchProcess):
        psutil.Process(int((tmp_path / "started").read_text())).wait(timeout=30)


def test_an_interrupt_of_both_is_one(tmp_path: Path) -> None:
    """Ctrl-C reaches git, too, which may have ended before we look for what it has started."""
    script = """
import os, signal, sys
from pathlib import Path
from bot.adapters.git_plumbing import answer
try:
    answer(["sh", "-c", "kill -INT 0; exec tail -f /dev/null"], Path("/"), os.environ, b"", 60)
except KeyboardInterrupt:
    print("interrupted")
"""
    env = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    done = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, timeout=60, check=False, start_new_session=True
    )
    assert done.stdout == b"interrupted\n", done.stderr
