"""Small real repositories for tests, and Regreen run on them as its command line would."""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import git
import pytest

from bot.app import App, Voices
from bot.cli import main
from bot.model import ReplayOptions, ReplayResult

WORKFLOW = ".github/workflows/ci.yml"
CHECKOUT = "uses: actions/checkout@v4"
RUNNING = f"{sys.version_info[0]}.{sys.version_info[1]}"  # what the wheels fit
SETUP_PYTHON = f"uses: actions/setup-python@v5\nwith: {{python-version: '{RUNNING}'}}"
RUFF = (
    "run: cd && PATH=/usr/bin:$PATH python3 -m zipfile -e $PIP_FIND_LINKS/ruff-*.whl ruff"
    " && chmod +x ruff/*/scripts/ruff && echo ~/ruff/*/scripts >> $GITHUB_PATH"
)
"""A checker that can mend, had in a third of the time that pip takes."""


@dataclass(frozen=True)
class Done:
    """What the command line did: exit code, standard output and error, and the JSON object where it printed one."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Replayed:
    """A replay and its log."""

    result: ReplayResult
    log: str

    @property
    def jobs(self) -> dict[str, str]:
        """What became of each leg, by its name."""
        return {j.name: str(j.result) for j in self.result.jobs}

    @property
    def steps(self) -> list[str]:
        """What became of the steps of the first leg."""
        return [str(s.result) for s in self.result.jobs[0].steps]

    def printed(self) -> list[str]:
        """The lines of the log without their times, without what the runner itself says."""
        lines = (line.partition("Z ")[2] for line in self.log.splitlines())
        return [x for x in lines if not x.startswith(("##[", "\x1b[36;1m", "shell: "))]


class Project:
    """A git repository in a folder of a test, with a workflow."""

    def __init__(self, root: Path, files: Mapping[str, str | bytes] | None = None) -> None:
        """Make a repository of these files; without any, take the one that is there."""
        self.root = root
        if files is None:
            return
        with git.Repo.init(root, initial_branch="main") as repo, repo.config_writer() as config:
            config.set_value("user", "name", "Someone").set_value("user", "email", "someone@example.invalid")
        self.write(files)
        self.commit("First")

    def write(self, files: Mapping[str, str | bytes]) -> None:
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                path.write_text(textwrap.dedent(content).lstrip("\n"))
            if name.endswith(".sh"):
                path.chmod(0o755)

    def git(self, *args: str) -> str:
        with git.Repo(self.root) as repo:
            return str(repo.git.execute(["git", *args]))

    def commit(self, message: str) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def app(self, **more: Any) -> App:
        """Regreen on the project, in this process."""
        return App(self.root, os.environ, Voices(lambda _: None, lambda *_: None), **more)

    def replay(self, *, app: Mapping[str, Any] | None = None, **options: Any) -> "Replayed":
        """Replay it through the real act, without a network."""
        options = {"network": "none", **options}
        result = self.app(**(app or {})).replay(ReplayOptions(**options))
        return Replayed(result, Path(result.log).read_text("utf-8", "replace"))

    def regreen(self, *args: str, env: Mapping[str, str] | None = None) -> Done:
        """Run the installed command in the project."""
        return regreen(*args, cwd=self.root, env=env)

    def here(self, *args: str, env: Mapping[str, str] | None = None) -> Done:
        """See the function of that name."""
        return here(*args, cwd=self.root, env=env)


def here(*args: str, cwd: Path, env: Mapping[str, str] | None = None) -> Done:
    """Run the command line in this process: what starts quicker, where a process is not the point."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with ExitStack() as stack:
        stack.enter_context(contextlib.chdir(cwd))
        stack.enter_context(redirect_stdout(out))
        stack.enter_context(redirect_stderr(err))
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(sys, "argv", ["regreen", *args])
        for name, value in {"COLUMNS": "200", **(env or {})}.items():
            patch.setenv(name, value)
        try:
            main()
        except SystemExit as e:
            code = int(e.code or 0)
    return Done(code, out.getvalue(), err.getvalue())


def regreen(
    *args: str,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    command: Sequence[str] = ("regreen",),
) -> Done:
    """Run the installed command."""
    settings = {**os.environ, "COLUMNS": "200", **(env or {})}
    done = subprocess.run([*command, *args], cwd=cwd, env=settings, input=stdin, capture_output=True, check=False)
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def knowing(cache: Path, other: Path) -> None:
    """Begin a cache (`XDG_CACHE_HOME`) with what another one knows of this machine's tools."""

    def same(file: str, place: str) -> None:
        (os.link if os.access(file, os.X_OK) else shutil.copy)(file, place)  # programs of there cannot be read

    shutil.copytree(other / "regreen" / "tools", cache / "regreen" / "tools", copy_function=same)
    for file in (other / "regreen").glob("*.json"):
        shutil.copy(file, cache / "regreen")


def workflow(*steps: str, on: str = "[push, pull_request]", job: str = "", head: str = "") -> str:
    """A workflow of one job named `job`: its steps as YAML texts, more of the job and of the file if needed."""
    items = "".join(
        textwrap.indent("- " + textwrap.indent(textwrap.dedent(s).strip(), "  ")[2:], "      ") + "\n" for s in steps
    )
    more = textwrap.indent(textwrap.dedent(job).strip() + "\n", "    ") if job else ""
    runs_on = "" if "runs-on" in job else "    runs-on: ubuntu-latest\n"
    return f"on: {on}\n{textwrap.dedent(head)}jobs:\n  job:\n{runs_on}{more}    steps:\n{items}"


Make = Callable[[Mapping[str, str | bytes]], Project]
"""Makes a git repository with these files, committed."""
