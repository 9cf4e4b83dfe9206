"""Strategies of other packages: real ones, built and installed into a folder of their own."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from strategies import ALL
from tests.projects import CHECKOUT, WORKFLOW, Done, Make, regreen, workflow

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs" / "writing-a-strategy.md"
BLOCK = re.compile(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLE = dict(BLOCK.findall(DOCS.read_text()))
PROJECT = {WORKFLOW: workflow(CHECKOUT, "run: sort --check words.txt"), "words.txt": "b\na\n"}


def install(into: Path, source: Path, files: Mapping[str, str], name: str = "sort-words") -> None:
    """Build the package of the docs, with these files in place of its own, and install it."""
    source.mkdir()
    renamed = {"pyproject.toml": EXAMPLE["pyproject.toml"].replace("sort-words", name)}
    for path, text in {**EXAMPLE, **renamed, **files}.items():
        (source / path).write_text(text)
    words = ("install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--target", str(into))
    subprocess.run([sys.executable, "-m", "pip", *words, "--upgrade", str(source)], check=True)


def fix(root: Path, packages: Path, *args: str, **env: str) -> Done:
    path = f"{packages}{os.pathsep}{ROOT}"
    return regreen("fix", *args, cwd=root, env={"PYTHONPATH": path, **env})


def test_the_example_of_the_docs_works_as_it_stands_there(project: Make, tmp_path: Path) -> None:
    assert EXAMPLE.keys() == {"pyproject.toml", "sort_words.py", "test_sort_words.py"}
    install(tmp_path / "packages", tmp_path / "source", {})
    done = fix(project(PROJECT).root, tmp_path / "packages", "--json")
    assert (done.code, done.json["verdict"], done.json["strategy"]) == (0, "FIXED", "sort words"), done.err
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_sort_words.py"]
    env = {**os.environ, "PYTHONPATH": f"{tmp_path / 'packages'}{os.pathsep}{ROOT}"}
    tested = subprocess.run(words, cwd=tmp_path / "source", env=env, capture_output=True, text=True, check=False)
    assert "1 passed" in tested.stdout, tested.stdout


def test_ours_are_asked_first_and_theirs_by_name(project: Make, tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    for name in ("b-words", "a-words"):
        module = EXAMPLE["sort_words.py"].replace("sort words", name).replace("yield candidate", "pass")
        toml = EXAMPLE["pyproject.toml"].replace("sort-words", name).replace("sort_words", name.replace("-", "_"))
        install(packages, tmp_path / name, {"pyproject.toml": toml, f"{name.replace('-', '_')}.py": module})
    done = fix(project(PROJECT).root, packages)
    asked = re.findall(r"^trying (.+) on job$", done.err, re.MULTILINE)
    assert asked[-2:] == ["a-words", "b-words"], done.err
    assert set(asked[:-2]) <= {s.NAME for s in ALL}
    done = fix(project(PROJECT).root, packages, REGREEN_FIX_DISABLED_STRATEGIES="[a-words, left behind]")
    assert "trying a-words" not in done.err
    assert "trying left behind" not in done.err


@pytest.mark.parametrize(
    ("module", "told"),
    [
        pytest.param("import nowhere", "is left out: ModuleNotFoundError: No module named 'nowhere'", id="import"),
        pytest.param("raise SystemExit(3)", "is left out: SystemExit: 3", id="exit"),
        pytest.param("def f(:", "is left out: SyntaxError: invalid syntax", id="syntax"),
        pytest.param("NAME = 'x'", "is left out: its CATEGORIES are no set of bot.model.Category", id="no categories"),
        pytest.param("CATEGORIES = frozenset()", "is left out: it has no NAME", id="no name"),
        pytest.param("NAME = 'x'\nCATEGORIES = frozenset()\ndef applies(d, t): return True", "is left out: it has no function propose", id="no propose"),
        pytest.param(EXAMPLE["sort_words.py"].replace("sort words", "fix mode"), "is left out: there is a strategy called 'fix mode' already", id="name of ours"),
        pytest.param(EXAMPLE["sort_words.py"].replace("tools.session()", "tools.session(1 / 0)"), "'sort words' of the package sort-words has failed: ZeroDivisionError: division by zero (sort_words.py:", id="raises"),
        pytest.param(EXAMPLE["sort_words.py"].replace("return", "return tree.nothing or"), "has failed: AttributeError: 'frozenset' object has no attribute 'nothing' (sort_words.py:", id="applies raises"),
        pytest.param(EXAMPLE["sort_words.py"].replace("tools.session()", "exit(0)"), "has failed: SystemExit: 0 (", id="ends it all"),
        pytest.param(EXAMPLE["sort_words.py"].replace("yield candidate", "yield 'a diff'"), "has failed: TypeError: a str is no candidate", id="no candidate"),
    ],
)  # fmt: skip
def test_a_broken_one_is_one_line_and_the_others_go_on(project: Make, tmp_path: Path, module: str, told: str) -> None:
    install(tmp_path / "packages", tmp_path / "source", {"sort_words.py": module})
    files = {WORKFLOW: workflow(CHECKOUT, "run: sort words.txt > sorted && git diff --exit-code && sort --check words.txt"), "sorted": "", "words.txt": "b\na\n"}  # fmt: skip
    done = fix(project(files).root, tmp_path / "packages", "--json")
    assert "Traceback" not in done.err
    assert done.code == 1, done.err
    lines = [line for line in done.err.splitlines() if told in line]
    assert lines, done.err
    assert "left behind" in [a["strategy"] for a in done.json["attempts"]]


def test_what_is_switched_off_is_not_even_imported(project: Make, tmp_path: Path) -> None:
    install(tmp_path / "packages", tmp_path / "source", {"sort_words.py": "import nowhere"})
    done = fix(project(PROJECT).root, tmp_path / "packages", REGREEN_FIX_DISABLED_STRATEGIES="[sort-words]")
    assert "sort-words" not in done.err
