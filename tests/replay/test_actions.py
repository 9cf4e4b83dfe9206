"""The stand-ins of actions, each with the inputs and outputs of the original, and actions of the tree itself."""

import os
import platform
import py_compile
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

from bot.model import Result
from bot.replay.inside.setup_python import take_compiled
from tests.projects import CHECKOUT, WORKFLOW, Make, workflow
from tests.replay.conftest import Replay

MINE = f"{sys.version_info.major}.{sys.version_info.minor}"


def test_checkout_gives_one_commit_on_a_branch_with_the_remote(project: Make) -> None:
    show = "run: git status --short --branch; git log --format=%s; git remote get-url origin; git tag; cat a"
    made = project(
        {
            WORKFLOW: f"on: push\njobs:\n  job:\n    runs-on: ubuntu-latest\n    steps:\n      - {CHECKOUT}\n      - {show}\n",
            "a": "b\n",
        }
    )
    made.git("tag", "v1")
    made.commit("Second")
    assert made.replay(repository="acme/shop").printed()[1:] == [
        "## main",
        "Second",
        "https://github.com/acme/shop",
        "b",
    ]


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ("{fetch-depth: 0}", ["Second", "First", "v1", "main"]),
        ("{fetch-tags: true}", ["Second", "v1", "main"]),
        ("{ref: v1, path: sub}", ["First"]),
    ],
)
def test_checkout_inputs(project: Make, inputs: str, expected: list[str]) -> None:
    show = "cd sub 2>/dev/null || true; git log --format=%s; git tag; git for-each-ref --format='%(refname:lstrip=3)' refs/remotes"
    steps = f"    steps:\n      - uses: actions/checkout@v4\n        with: {inputs}\n      - run: {show}\n"
    made = project({WORKFLOW: f"on: push\njobs:\n  job:\n    runs-on: ubuntu-latest\n{steps}"})
    made.git("tag", "v1")
    made.commit("Second")
    lines = made.replay().printed()
    assert lines[1:] == expected


def test_checkout_includes_what_is_not_committed_unless_told_otherwise(project: Make) -> None:
    text = f"on: push\njobs:\n  job:\n    runs-on: ubuntu-latest\n    steps:\n      - {CHECKOUT}\n      - run: cat a b 2>/dev/null; git status --short\n"
    made = project({WORKFLOW: text, "a": "old\n", ".gitignore": "*.log\n", "gone": ""})
    made.write({"a": "new\n", "b": "fresh\n", "c.log": "ignored\n"})
    (made.root / "gone").unlink()
    assert made.replay().printed()[1:] == ["new", "fresh"]
    assert made.replay(committed=True).printed()[1:] == ["old"]
    assert made.git("status", "--short").split() == ["M", "a", "D", "gone", "??", "b"]


def test_checkout_of_what_is_not_here_is_named(replay: Replay) -> None:
    other = replay("uses: actions/checkout@v4\nwith: {repository: acme/other}")
    assert other.result.result is Result.UNREPLAYABLE
    assert "acme/other" in (other.result.reason or "")
    lfs = replay("uses: actions/checkout@v4\nwith: {lfs: true}", files={".gitattributes": "*.bin filter=lfs\n"})
    assert "LFS" in (lfs.result.reason or "")


def test_setup_python_gives_each_job_a_fresh_environment(replay: Replay) -> None:
    setup = f"uses: actions/setup-python@v5\nid: py\nwith: {{python-version: '{MINE}'}}"
    report = "run: python -c 'import sys; print(sys.version_info[:2], sys.prefix)'; which pip; echo ${{ steps.py.outputs.python-version }} $pythonLocation"
    dirty = "run: python -c 'import left' 2>/dev/null && exit 1; python -m pip --version | head -c 3; echo; echo > $(python -c 'import site; print(site.getsitepackages()[0])')/left.py"
    done = replay(setup, report, dirty, job="strategy: {matrix: {a: [1, 2]}}")
    assert done.result.result is Result.SUCCESS, done.log
    full = done.printed()[3].split()[0]
    assert full.startswith(f"{MINE}.")
    prefix = f"/opt/hostedtoolcache/Python/{full}/x64"
    assert done.printed()[1:5] == [f"{sys.version_info[:2]} {prefix}", f"{prefix}/bin/pip", f"{full} {prefix}", "pip"]


def test_of_the_bundled_pip_what_the_interpreter_has_compiled_is_taken_along(tmp_path: Path) -> None:
    known, packages = tmp_path / "known", tmp_path / "lib" / f"python{MINE}" / "site-packages"
    for folder in (known, packages):
        (folder / "pip").mkdir(parents=True)
    for name in ("same", "changed"):
        (known / "pip" / f"{name}.py").write_text("ANSWER = 42\n")
        os.utime(known / "pip" / f"{name}.py", (1_000_000_000, 1_000_000_000))
        py_compile.compile(str(known / "pip" / f"{name}.py"))
    with zipfile.ZipFile(tmp_path / "pip.whl", "w") as wheel:
        for name, text in {"same": "ANSWER = 42\n", "changed": "ANSWER = 43\n", "new": "ANSWER = 44\n"}.items():
            wheel.writestr(f"pip/{name}.py", text)
        wheel.extractall(packages)
        take_compiled(wheel, known, packages)
    assert [p.name.split(".")[0] for p in packages.rglob("*.pyc")] == ["same"]
    told = "from pip import same, changed, new; print(same.ANSWER, changed.ANSWER, new.ANSWER)"
    words = [sys.executable, "-S", "-B", "-v", "-c", told]
    done = subprocess.run(words, env={"PYTHONPATH": str(packages)}, capture_output=True, text=True, check=True)
    assert done.stdout == "42 43 44\n"
    assert f"matches {packages}/pip/same.py" in done.stderr


@pytest.mark.parametrize(
    "files",
    [
        {".python-version": f"{MINE}\n"},
        {"pyproject.toml": f'[project]\nname = "a"\nrequires-python = "=={MINE}.*"\n'},
        {".tool-versions": f"python {MINE}\n"},
        {"Pipfile": f'[requires]\npython_version = "{MINE}"\n'},
    ],
)
def test_setup_python_reads_version_files(replay: Replay, files: dict[str, str]) -> None:
    setup = f"uses: actions/setup-python@v5\nwith: {{python-version-file: {next(iter(files))}}}"
    done = replay(CHECKOUT, setup, "run: python -c 'import sys; print(sys.version_info[:2])'", files=files)
    assert done.printed()[-1] == str(tuple(sys.version_info[:2]))


def test_a_python_that_is_not_installed_is_named(replay: Replay) -> None:
    done = replay("uses: actions/setup-python@v5\nwith: {python-version: '2.5'}", "run: python -V")
    assert done.result.result is Result.UNREPLAYABLE
    assert "Python 2.5 is not installed here" in (done.result.reason or "")


def test_another_patch_release_is_taken_and_said(replay: Replay) -> None:
    exact, other = platform.python_version(), f"{MINE}.99"
    setup = "uses: actions/setup-python@v5\nwith: {{python-version: '{}'}}"
    done = replay(setup.format(other), setup.format(exact), setup.format(MINE), "run: python -V")
    assert done.result.result is Result.SUCCESS, done.log
    assert len(done.result.notes) == 1, done.result.notes
    assert done.result.notes[0].startswith(f"job: Python {MINE}.")
    assert done.result.notes[0].endswith(f" of this machine was taken for {other}")
    newest = replay("uses: actions/setup-node@v4\nwith: {node-version: latest}").result.notes
    assert newest[0].endswith(" of this machine was taken for latest")


def test_steps_cannot_flood_the_notes(replay: Replay) -> None:
    """Any step can talk to the host; what it says is cut."""
    talk = "import sys; sys.path.insert(0, '/regreen/py'); from bot.replay.inside.control import note; [note(f'{i} ' * 999) for i in range(99)]"
    notes = replay(f'run: python -c "{talk}"').result.notes
    assert len(notes) == 20
    assert max(map(len, notes)) == len("job: ") + 200


def test_python_without_setup_is_isolated_too(replay: Replay) -> None:
    done = replay(
        "run: python -c 'import sys; print(sys.prefix)'; pip --version | head -c 3; echo; python3 -c 'import pytest' || echo none"
    )
    assert done.printed()[0] == "/opt/hostedtoolcache/default"
    assert done.printed()[1] == "pip"
    assert done.printed()[-1] == "none"


def test_setup_node(replay: Replay) -> None:
    done = replay(
        "uses: actions/setup-node@v4\nid: n\nwith: {node-version: '>=18'}",
        "run: node -p '6*7'; npm --version | grep -c .; echo ${{ steps.n.outputs.node-version }}",
    )
    assert done.result.result is Result.SUCCESS
    assert done.printed()[1:3] == ["42", "1"]
    assert done.printed()[3].startswith("v")
    assert "Node.js 4 is not installed here" in (
        replay("uses: actions/setup-node@v4\nwith: {node-version: 4}").result.reason or ""
    )


def test_cache_is_a_miss(replay: Replay) -> None:
    step = "uses: actions/cache@v4\nid: c\nwith: {path: x, key: k-1}"
    half = "uses: actions/cache/restore@v4\nid: r\nwith: {path: x, key: k-2}"
    save = "uses: actions/cache/save@v4\nwith: {path: x, key: k-2}"
    show = 'run: echo "[${{ steps.c.outputs.cache-hit }}] ${{ steps.r.outputs.cache-primary-key }}"'
    done = replay(step, half, save, show)
    assert done.result.result is Result.SUCCESS
    assert done.printed()[-1] == "[] k-2"
    must_hit = replay("uses: actions/cache@v4\nwith: {path: x, key: k, fail-on-cache-miss: true}").result
    assert (must_hit.result, must_hit.reason) == (
        Result.UNREPLAYABLE, "job: a step must find the cache 'k', and replays have none",
    )  # fmt: skip
    assert replay("uses: actions/cache@v4\nwith: {path: x}").result.result is Result.FAILURE


def test_artifacts_go_from_job_to_job(project: Make) -> None:
    text = """
        on: push
        jobs:
          up:
            runs-on: ubuntu-latest
            steps:
              - run: mkdir -p out/deep; echo 1 > out/a.txt; echo 2 > out/deep/b.txt; echo 3 > out/.hidden
              - uses: actions/upload-artifact@v4
                with: {name: built, path: out}
              - uses: actions/upload-artifact@v4
                with: {name: one, path: "out/*.txt"}
              - uses: actions/upload-artifact@v4
                with: {name: none, path: nothing, if-no-files-found: ignore}
          down:
            needs: up
            runs-on: ubuntu-latest
            steps:
              - uses: actions/download-artifact@v4
                with: {name: built, path: in}
              - uses: actions/download-artifact@v4
                with: {path: all}
              - run: find in all -type f | sort
              - uses: actions/download-artifact@v4
                with: {name: missing}
    """
    done = project({WORKFLOW: text}).replay()
    assert done.jobs == {"up": "success", "down": "failure"}
    listed = ["all/built/a.txt", "all/built/deep/b.txt", "all/one/a.txt", "in/a.txt", "in/deep/b.txt"]
    assert [x for x in done.printed() if x.startswith(("all/", "in/"))] == listed


def test_uploading_the_same_name_twice_fails(replay: Replay) -> None:
    up = "uses: actions/upload-artifact@v4\nwith: {name: a, path: x}"
    assert replay("run: echo > x", up, up).steps == ["success", "success", "failure"]


LOCAL = """
    name: mine
    inputs: {who: {default: nobody}}
    outputs: {said: {value: "${{ steps.s.outputs.said }}"}}
    runs:
      using: composite
      steps:
        - run: echo "hello ${{ inputs.who }}"; echo "${ACT-unset}"
          shell: bash
        - id: s
          run: echo "said=yes" >> $GITHUB_OUTPUT
          shell: sh
        - uses: actions/cache@v3
          with: {path: x, key: y}
"""


def test_actions_of_the_tree_run_as_they_are(replay: Replay) -> None:
    use = "uses: ./.github/actions/mine\nid: m\nwith: {who: you}"
    done = replay(
        CHECKOUT, use, "run: echo ${{ steps.m.outputs.said }}", files={".github/actions/mine/action.yml": LOCAL}
    )
    assert done.result.result is Result.SUCCESS, done.log
    assert done.printed()[1:3] == ["hello you", "unset"]
    assert done.printed()[-1] == "yes"


OUTER = "runs: {using: composite, steps: [{uses: $/.github/actions/mine, with: {who: all}}]}"


def test_actions_of_the_own_repository_need_no_checkout(replay: Replay) -> None:
    files = {".github/actions/mine/action.yml": LOCAL, "outer/action.yml": OUTER}
    done = replay(
        "uses: $/.github/actions/mine\nid: m", "uses: $/outer", "run: ls; echo ${{ steps.m.outputs.said }}", files=files
    )
    assert done.result.result is Result.SUCCESS, done.log
    assert [line for line in done.printed() if line.startswith("hello") or line == "yes"] == [
        "hello nobody",
        "hello all",
        "yes",
    ]
    assert done.result.jobs[0].steps[0].name == "Run $/.github/actions/mine"


def test_what_act_cannot_do_with_them_is_named(replay: Replay) -> None:
    files = {".github/actions/mine/action.yml": LOCAL, "outer/action.yml": OUTER}
    done = replay(CHECKOUT, "uses: ./outer", files=files)
    assert done.result.result is Result.UNREPLAYABLE
    assert "the action ./outer uses others as $/PATH" in (done.result.reason or "")


def test_an_action_of_the_own_repository_that_publishes_is_not_run(replay: Replay) -> None:
    pushes = "runs: {using: composite, steps: [{run: git push, shell: bash}]}"
    done = replay("uses: $/pushes", files={"pushes/action.yml": pushes})
    assert (done.result.result, done.steps) == (Result.SUCCESS, ["success"])
    assert "the side effect 'git push' was not run" in " ".join(done.result.notes)


def test_an_action_of_the_tree_that_is_not_there_fails(replay: Replay) -> None:
    done = replay("uses: ./.github/actions/mine", files={".github/actions/mine/action.yml": LOCAL})
    assert done.result.result is Result.FAILURE, "without a checkout the workspace is empty"
    assert "action.yml" in done.log


def test_an_action_that_cannot_be_had_is_named_when_it_is_reached(replay: Replay) -> None:
    done = replay("uses: acme/thing/sub@v3\nif: ${{ false }}", "run: echo before", "uses: acme/thing@v2")
    assert done.result.result is Result.UNREPLAYABLE
    assert "acme/thing@v2" in (done.result.reason or "")
    assert done.steps == ["skipped", "success", "failure"]
    assert replay("uses: acme/thing@v2\nif: ${{ false }}", "run: echo").result.result is Result.SUCCESS


def test_an_action_can_be_mapped_to_a_folder(project: Make, tmp_path: Path) -> None:
    (tmp_path / "thing").mkdir()
    (tmp_path / "thing" / "action.yml").write_text(
        "runs:\n  using: composite\n  steps: [{run: echo mapped, shell: bash}]\n"
    )
    text = "on: push\njobs:\n  job:\n    runs-on: ubuntu-latest\n    steps: [{uses: acme/thing@v2}]\n"
    done = project({WORKFLOW: text}).replay(app={"local_actions": {"acme/thing@v2": tmp_path / "thing"}})
    assert done.printed() == ["mapped"]


def test_secrets_reach_steps_and_nothing_else(project: Make) -> None:
    text = """
        on: push
        jobs:
          job:
            runs-on: ubuntu-latest
            steps:
              - run: echo "got $S ${#S}"
                env: {S: "${{ secrets.TOKEN }}"}
              - run: printf 'w0''rd' > /tmp/pattern; env | grep -c -f /tmp/pattern || true
              - run: grep -rqs -f /tmp/pattern /regreen/plan /proc/*/cmdline && echo leaked || echo clean
    """
    done = project({WORKFLOW: text}).replay(app={"secrets": {"TOKEN": "p4ss'w0rd with $dollar"}})
    assert done.result.result is Result.SUCCESS, done.log
    assert "w0rd" not in done.log
    assert done.printed()[0] == "got *** 22"
    assert done.printed()[-2:] == ["0", "clean"]


def test_an_index_below_a_folder_that_each_job_has_of_its_own(
    project: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`/tmp` of a job is its own; what the user's pip settings name below it is there all the same."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        (Path(folder) / "a-1-py3-none-any.whl").touch()
        monkeypatch.setenv("PIP_FIND_LINKS", folder)
        made = project({WORKFLOW: workflow("run: ls $PIP_FIND_LINKS; ls -A /tmp")})
        assert made.replay().printed() == ["a-1-py3-none-any.whl"]
