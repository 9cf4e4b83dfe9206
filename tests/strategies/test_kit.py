"""The kit by which strategies are tested, and every strategy of ours in it: a fix, and what is none of its business."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot.strategy_kit import try_strategy
from strategies import (
    ALL,
    Strategy,
    dependency_drift,
    fix_mode,
    left_behind,
    lock_files,
    switched_off,
    undeclared_dependency,
)
from tests.index import Index, Release
from tests.projects import CHECKOUT, SETUP_PYTHON, WORKFLOW, workflow

RELEASES = [Release("loose", f"1.{n}.0", f"2024-0{n + 1}-05T00:00:00Z", f"ANSWER = {42 + (n > 1)}") for n in range(4)]
SETUP_UV = "uses: astral-sh/setup-uv@v6"
UV_PROJECT = '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["loose"]\n'
UV_LOCK = 'version = 1\nrevision = 3\nrequires-python = ">=3.11"\n\n[[package]]\nname = "x"\nversion = "1"\nsource = { virtual = "." }\n'


@dataclass(frozen=True)
class Case:
    """A project that a strategy fixes: its files, and the files (with a text in each) that the fix changes."""

    strategy: Strategy
    steps: tuple[str, ...]
    files: Mapping[str, str]
    changed: Mapping[str, str]
    options: Mapping[str, Any] = field(default_factory=dict)


REGISTRIES = {"network": "registries"}
CASES = [
    Case(
        dependency_drift,
        (SETUP_PYTHON, "run: pip install -r requirements.txt", "run: python -c 'import loose; assert loose.ANSWER == 42'"),
        {"requirements.txt": "loose\n"},
        {"requirements.txt": "<1.2"},
        {**REGISTRIES, "green": "2024-02-10"},
    ),
    Case(
        switched_off,
        ("run: echo > made", "uses: actions/upload-artifact@v3\nwith: {path: made}"),
        {},
        {WORKFLOW: "actions/upload-artifact@v4\n"},
        {"settings": {"fix.workflow_files": "true"}},
    ),
    Case(
        left_behind,
        ("run: tr a-z A-Z < words > loud", "run: git diff --exit-code"),
        {"words": "a\n", "loud": ""},
        {"loud": "A\n"},
    ),
    Case(
        lock_files,
        (SETUP_UV, SETUP_PYTHON, "run: uv sync --locked"),
        {"pyproject.toml": UV_PROJECT, "uv.lock": UV_LOCK},
        {"uv.lock": 'name = "loose"'},
        REGISTRIES,
    ),
    Case(
        fix_mode,
        (SETUP_PYTHON, "run: pip install --quiet ruff", "run: ruff format --check ."),
        {"a.py": "x = {  'a':1 }\n"},
        {"a.py": 'x = {"a": 1}\n'},
    ),
    Case(
        undeclared_dependency,
        (SETUP_PYTHON, "run: pip install -r requirements.txt", "run: python a.py"),
        {"requirements.txt": "\n", "a.py": "from loose import ANSWER\n"},
        {"requirements.txt": "loose"},
        REGISTRIES,
    ),
]  # fmt: skip


FAILED = """
FAIL: test_a (test_a.T.test_a)
----------------------------------------------------------------------
Traceback (most recent call last):
  File "/home/runner/work/x/x/test_a.py", line 6, in test_a
    self.assertEqual(1, 2)
AssertionError: 1 != 2

----------------------------------------------------------------------
Ran 1 test in 0.000s

FAILED (failures=1)
"""
"""What no strategy is for."""


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with Index(RELEASES) as served:
        for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("PIP_INDEX_URL", f"{served.url}/simple")
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"{served.url}/simple")
        yield


def test_every_strategy_has_a_case() -> None:
    assert [c.strategy for c in CASES] == list(ALL)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.strategy.NAME)
def test_a_strategy_fixes_what_it_is_for(case: Case, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if case.options.get("network"):
        request.getfixturevalue("index")
    files = {WORKFLOW: workflow(CHECKOUT, *case.steps), **case.files}
    tried = try_strategy(case.strategy, files, tmp_path, **case.options)
    assert (tried.verdict, tried.grade, tried.report["strategy"]) == ("FIXED", "A", case.strategy.NAME), tried.told
    assert tried.changed.keys() == case.changed.keys()
    for path, text in case.changed.items():
        assert text in (tried.changed[path] or "")


@pytest.mark.parametrize("strategy", ALL, ids=lambda s: s.NAME)
def test_a_strategy_leaves_alone_what_it_cannot_fix(strategy: Strategy, tmp_path: Path) -> None:
    files = {WORKFLOW: workflow(CHECKOUT, "run: cat told; exit 1"), "told": FAILED, "a.py": "1\n"}
    tried = try_strategy(strategy, files, tmp_path)
    assert (tried.verdict, tried.candidates, tried.changed) == ("NOT_FIXED", (), {}), tried.told
    assert tried.report["diagnosis"]["category"] == "test_assertion"


class Early:
    """Notes what it is asked, and gives nothing."""

    NAME = "early"
    CATEGORIES = fix_mode.CATEGORIES

    def __init__(self) -> None:
        self.asked: list[tuple[bool, int]] = []

    def applies(self, diagnosis: Any, tree: frozenset[str]) -> bool:
        return WORKFLOW in tree and bool(diagnosis.error)

    def propose(self, incident: Any, tools: Any) -> Iterator[Any]:
        self.asked.append((incident.baseline is None, len(incident.parts)))
        assert tools.diagnosis.error
        yield from ()


def test_it_is_asked_while_the_baseline_still_runs(tmp_path: Path) -> None:
    early = Early()
    try_strategy(early, {WORKFLOW: workflow("run: exit 1")}, tmp_path)
    assert early.asked == [(True, 0)]


class Careless(Early):
    def applies(self, diagnosis: Any, tree: frozenset[str]) -> Any:
        return WORKFLOW in tree or diagnosis.failing_tests[0]


def test_what_a_strategy_raises_goes_through(tmp_path: Path) -> None:
    with pytest.raises(IndexError):
        try_strategy(Careless(), {WORKFLOW: workflow("run: exit 1")}, tmp_path)
