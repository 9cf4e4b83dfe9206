"""Where the files of a commit write down what a log names without a place."""

from pathlib import Path

import pytest

from bot.declared import declared
from bot.model import Category, Diagnosis, Excerpt, ExcerptLine, Location
from tests.repair.helpers import make_repository

STEPS = b"      - uses: actions/checkout@v4\n      - uses: actions/upload-artifact@v3\n"
FILES = {
    "requirements/dev.txt": b"# six==99.0.0 is coming\nidna==3.7\nsix==99.0.0\nsix-more\n",
    "setup.cfg": b"[options]\ninstall_requires =\n    attrs\n    six>=1\n",
    "web/package.json": b'{\n  "dependencies": {\n    "@acme/left-pad": "99.0.0"\n  }\n}\n',
    "Cargo.toml": b'[dependencies]\nfoo = "1"\n',
    "docs/a.md": b"six==99.0.0\n",
    ".github/workflows/ci.yml": b"on: push\njobs:\n  a:\n    steps:\n" + STEPS,
}
INSTALL, CONFIG = Category.DEPENDENCY_INSTALL, Category.GITHUB_ACTIONS_CONFIG


def places(folder: Path, category: Category, *lines: str, known: tuple[Location, ...] = ()) -> list[str]:
    git, commit = make_repository(folder, FILES)
    excerpt = Excerpt(lines=tuple(ExcerptLine(line=n, text=text) for n, text in enumerate(lines, 1)))
    told = Diagnosis(
        category=category,
        error=lines[0],
        error_line=1,
        fingerprint="x",
        confidence=1,
        excerpt=excerpt,
        locations=known,
    )
    return [f"{p.file}:{p.line}" for p in declared(told, git, commit, frozenset(FILES)).locations]


@pytest.mark.parametrize(
    ("category", "line", "place"),
    [
        (INSTALL, "ERROR: Could not find a version that satisfies the requirement six==99.0.0 (from versions: 1.0)",
         "requirements/dev.txt:3"),
        (INSTALL, "ERROR: No matching distribution found for attrs", "setup.cfg:3"),
        (INSTALL, "npm error notarget No matching version found for @acme/left-pad@99.0.0.", "web/package.json:3"),
        (INSTALL, "npm error 404  '@acme/left-pad@99.0.0' is not in this registry.", "web/package.json:3"),
        (INSTALL, "Because idna was not found in the package registry and your project", "requirements/dev.txt:2"),
        (INSTALL, "error: no matching package named `foo` found", "Cargo.toml:2"),
        (CONFIG, "##[group]Run actions/upload-artifact@v3", ".github/workflows/ci.yml:6"),
    ],
)  # fmt: skip
def test_the_line_that_writes_it_down(tmp_path: Path, category: Category, line: str, place: str) -> None:
    assert places(tmp_path, category, "it failed", line) == [place]


@pytest.mark.parametrize(
    ("category", "line"),
    [
        pytest.param(INSTALL, "ERROR: No matching distribution found for six", id="in two files"),
        pytest.param(INSTALL, "ERROR: No matching distribution found for more", id="a part of a name"),
        pytest.param(INSTALL, "ERROR: could not open requirements file", id="no name"),
        pytest.param(CONFIG, "##[group]Run make lint", id="no action"),
        pytest.param(Category.LINT_ERROR, "No matching distribution found for attrs", id="another kind of failure"),
    ],
)
def test_none_where_it_is_not_sure(tmp_path: Path, category: Category, line: str) -> None:
    assert places(tmp_path, category, line) == []


def test_what_the_log_names_stays(tmp_path: Path) -> None:
    known = (Location(file="a.txt", line=9),)
    assert places(tmp_path, INSTALL, "No matching distribution found for attrs", known=known) == ["a.txt:9"]
