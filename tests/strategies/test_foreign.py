"""Strategies of other packages: real ones, built and installed into a folder of their own."""

import os
import re
import subprocess
import sys
from pathlib import Path

from strategies import ALL
from tests.projects import CHECKOUT, WORKFLOW, Done, Make, regreen, workflow

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs" / "writing-a-strategy.md"
BLOCK = re.compile(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLE: dict[str, str] = dict(BLOCK.findall(DOCS.read_text()))
PROJECT = {WORKFLOW: workflow(CHECKOUT, "run: sort --check words.txt"), "words.txt": "b\na\n"}


def package(source: Path, name: str = "sort-words", module: str = "") -> Path:
    """The package of the docs in a folder; under another name and with another module, if they are given."""
    source.mkdir()
    own = name.replace("-", "_")
    renamed = EXAMPLE["pyproject.toml"].replace("sort-words", name).replace("sort_words", own)
    files = {**EXAMPLE, "pyproject.toml": renamed, **({f"{own}.py": module} if module else {})}
    for path, text in files.items():
        (source / path).write_text(text)
    return source


def install(into: Path, *sources: Path) -> None:
    """Build packages and install them."""
    words = ("install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--target", str(into))
    subprocess.run([sys.executable, "-m", "pip", *words, *map(str, sources)], check=True)


def fix(root: Path, packages: Path, *args: str, **env: str) -> Done:
    path = f"{packages}{os.pathsep}{ROOT}"
    return regreen("fix", *args, cwd=root, env={"PYTHONPATH": path, **env})


def test_the_example_of_the_docs_works_as_it_stands_there(project: Make, tmp_path: Path) -> None:
    assert EXAMPLE.keys() == {"pyproject.toml", "sort_words.py", "test_sort_words.py"}
    install(tmp_path / "packages", package(tmp_path / "source"))
    done = fix(project(PROJECT).root, tmp_path / "packages", "--json")
    assert (done.code, done.json["verdict"], done.json["strategy"]) == (0, "FIXED", "sort words"), done.err
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_sort_words.py"]
    env = {**os.environ, "PYTHONPATH": f"{tmp_path / 'packages'}{os.pathsep}{ROOT}"}
    tested = subprocess.run(words, cwd=tmp_path / "source", env=env, capture_output=True, text=True, check=False)
    assert "1 passed" in tested.stdout, tested.stdout


def test_ours_are_asked_first_and_theirs_by_name(project: Make, tmp_path: Path) -> None:
    packages, names = tmp_path / "packages", ("b-words", "a-words")
    install(packages, *(package(tmp_path / n, n, words(n, old="yield candidate", new="pass")) for n in names))
    done = fix(project(PROJECT).root, packages)
    asked = re.findall(r"^trying (.+) on job$", done.err, re.MULTILINE)
    assert asked[-2:] == ["a-words", "b-words"], done.err
    assert set(asked[:-2]) <= {s.NAME for s in ALL}
    done = fix(project(PROJECT).root, packages, REGREEN_FIX_DISABLED_STRATEGIES="[a-words, left behind]")
    assert "trying a-words" not in done.err
    assert "trying left behind" not in done.err


def words(name: str, *, old: str = "", new: str = "") -> str:
    """The module of the docs under a name of its own, with one thing otherwise."""
    assert old in EXAMPLE["sort_words.py"]
    return EXAMPLE["sort_words.py"].replace(old, new).replace("sort words", name)


BROKEN = {
    "importing": ("import nowhere", "is left out: ModuleNotFoundError: No module named 'nowhere'"),
    "leaving": ("raise SystemExit(3)", "is left out: SystemExit: 3"),
    "unreadable": ("def f(:", "is left out: SyntaxError: invalid syntax"),
    "careless": ("NAME = 'x'", "is left out: its CATEGORIES are no set of bot.model.Category"),
    "nameless": ("CATEGORIES = frozenset()", "is left out: it has no NAME"),
    "idle": ("NAME = 'x'\nCATEGORIES = frozenset()\ndef applies(d, t): return True", "is left out: it has no function propose"),
    "borrowing": (words("fix mode"), "is left out: there is a strategy called 'fix mode' already"),
    "failing": (words("failing", old="tools.session()", new="tools.session(1 / 0)"), "'failing' of the package failing has failed: ZeroDivisionError: division by zero (failing.py:"),
    "choosy": (words("choosy", old="return", new="return tree.nothing or"), "has failed: AttributeError: 'frozenset' object has no attribute 'nothing' (choosy.py:"),
    "ending": (words("ending", old="tools.session()", new="exit(0)"), "has failed: SystemExit: 0 ("),
    "fruitless": (words("fruitless", old="yield candidate", new="yield 'a diff'"), "has failed: TypeError: a str is no candidate"),
}  # fmt: skip
"""Modules of packages, by their names, and what is said of them."""


def test_a_broken_one_is_one_line_and_the_others_go_on(project: Make, tmp_path: Path) -> None:
    install(tmp_path / "packages", *(package(tmp_path / name, name, module) for name, (module, _) in BROKEN.items()))
    files = {WORKFLOW: workflow(CHECKOUT, "run: sort words.txt > sorted && git diff --exit-code && sort --check words.txt"), "sorted": "", "words.txt": "b\na\n"}  # fmt: skip
    done = fix(project(files).root, tmp_path / "packages", "--json")
    assert "Traceback" not in done.err
    assert done.code == 1, done.err
    lines = done.err.splitlines()
    for name, (_, told) in BROKEN.items():
        assert any(name in line and told in line for line in lines), (name, done.err)
    assert "left behind" in [a["strategy"] for a in done.json["attempts"]]


def test_what_is_switched_off_is_not_even_imported(project: Make, tmp_path: Path) -> None:
    install(tmp_path / "packages", package(tmp_path / "source", module="import nowhere"))
    done = fix(project(PROJECT).root, tmp_path / "packages", REGREEN_FIX_DISABLED_STRATEGIES="[sort-words]")
    assert "sort-words" not in done.err
