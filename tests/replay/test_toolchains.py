"""The stand-ins of actions that set up tools: uv, pre-commit, Go, Rust, Java, Ruby, pnpm."""

import sys

import pytest

from bot.model import Result
from tests.projects import CHECKOUT, RUNNING, SETUP_PYTHON, WORKFLOW, Make, workflow
from tests.replay.conftest import Replay

OTHER = f"{RUNNING[:-1]}{int(RUNNING[-1]) - 1}"


def test_setup_uv(replay: Replay) -> None:
    setup = "uses: astral-sh/setup-uv@v6\nid: u\nwith: {enable-cache: true, tool-dir: tools}"
    told = "run: echo ${{ steps.u.outputs.uv-version }} ${{ steps.u.outputs.cache-hit }} ${UV_CACHE_DIR##*/} ${UV_TOOL_DIR##*/}; uv --version"
    paths = "run: test $(command -v uv) = ${{ steps.u.outputs.uv-path }}; uvx --version | head -c 4; echo; test ${{ steps.u.outputs.uvx-path }} -ef $(which uvx)"
    done = replay(
        SETUP_PYTHON,
        setup,
        told,
        paths,
        "run: test ${{ steps.u.outputs.python-version }} = $(python -c 'import platform as p; print(p.python_version())')",
    )
    assert done.result.result is Result.SUCCESS, done.log
    version, hit, cache, tools = next(line for line in done.printed() if "setup-uv-cache" in line).split()
    assert (hit, cache, tools) == ("false", "setup-uv-cache", "tools")
    assert any(line.startswith(f"uv {version}") for line in done.printed())
    assert f"uv {version} of this machine was taken for latest" in done.result.notes[0]


def test_uv_uses_the_python_that_was_set_up(replay: Replay) -> None:
    """It is no virtual environment for uv, as on GitHub: `--system` installs into it, `uv venv` is made of it."""
    show = f"import sys; print(sys.version_info[:2] == {sys.version_info[:2]}, sys.prefix == sys.base_prefix)"
    install = "run: uv pip install --system --offline --no-index --find-links $PIP_FIND_LINKS iniconfig; python -c 'import iniconfig'"
    done = replay(
        SETUP_PYTHON,
        "uses: astral-sh/setup-uv@v6",
        f'run: uv python find; python -c "{show}"; uv venv -q; .venv/bin/python -c "{show}"',
        install,
    )
    assert done.result.result is Result.SUCCESS, done.log
    found = [line for line in done.printed() if line.startswith(("/opt", "True", "False"))]
    assert found[0].startswith("/opt/hostedtoolcache/Python/")
    assert found[1:] == ["True True", "True False"]


def test_setup_uv_takes_pythons_of_this_machine(replay: Replay) -> None:
    setup = f"uses: astral-sh/setup-uv@v6\nid: u\nwith: {{python-version: '{RUNNING}', activate-environment: true, working-directory: sub}}"
    done = replay(
        CHECKOUT, setup,
        "run: python -c 'import sys; print(sys.version_info[:2])'; cd sub; echo $UV_PYTHON ${{ steps.u.outputs.python-version }}; test $VIRTUAL_ENV = ${{ steps.u.outputs.venv }}",
        f"run: uv python install {RUNNING}; uv run --no-project --python {RUNNING} python -c 'import sys; print(sys.version_info[:2])'",
        files={"sub/a": ""},
    )  # fmt: skip
    assert done.result.result is Result.SUCCESS, done.log
    mine = str(sys.version_info[:2])
    assert [x for x in done.printed() if x in (mine, f"{RUNNING} {RUNNING}")] == [mine, f"{RUNNING} {RUNNING}", mine]


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        (["uses: astral-sh/setup-uv@v6\nwith: {version: 0.0.1}"], "uv 0.0.1 is not installed here"),
        ([CHECKOUT, "uses: astral-sh/setup-uv@v6"], "uv >=90 is not installed here"),
        (["uses: astral-sh/setup-uv@v6\nwith: {python-version: pypy3.10, activate-environment: true}"], "No interpreter found for PyPy 3.10"),
        (["uses: astral-sh/setup-uv@v6", "run: uv python install pypy3.10 && echo"], "Python downloads are not allowed"),
    ],
)  # fmt: skip
def test_what_uv_cannot_have_is_named(replay: Replay, steps: list[str], reason: str) -> None:
    done = replay(*steps, files={"pyproject.toml": '[tool.uv]\nrequired-version = ">=90"\n'})
    assert done.result.result is Result.UNREPLAYABLE, done.log
    assert reason in (done.result.reason or "")


HOOKS = "repos: [{repo: local, hooks: [{id: own, name: own, entry: 'false', language: system}]}]\n"


def test_pre_commit_action(replay: Replay) -> None:
    action = "uses: pre-commit/action@v3.0.1"
    arguments = f"{action}\nwith: {{extra_args: own --files a.txt}}"
    good = HOOKS.replace("false", "true")
    files = {"a.txt": "", ".pre-commit-config.yaml": good}
    done = replay(CHECKOUT, SETUP_PYTHON, action, arguments, files=files)
    assert done.result.result is Result.SUCCESS, done.log
    assert sum("Passed" in line for line in done.printed()) == 2
    assert any(line.startswith("pre_commit==") for line in done.printed())


def test_pre_commit_is_seen_in_its_action(project: Make) -> None:
    """The failing command of the held action is pre-commit, whose own fix is taken and proven."""
    hooks = "repos: [{repo: local, hooks: [{id: f, name: f, entry: ruff format, language: system, types: [python]}]}]\n"
    text = workflow(CHECKOUT, SETUP_PYTHON, "run: pip install --quiet ruff", "uses: pre-commit/action@v3.0.1")
    made = project({WORKFLOW: text, "a.py": "a = [1,\n 2]\n", ".pre-commit-config.yaml": hooks})
    done = made.here("fix", "--json")
    assert (done.json["verdict"], done.json["grade"]) == ("FIXED", "A"), done.out
    assert "+a = [1, 2]" in done.json["diff"]
