"""Strategies of other packages."""

from pathlib import Path

import pytest

from strategies import ALL, installed

MODULE = """
NAME = "other"
CATEGORIES = frozenset()
def applies(diagnosis, tree): return False
def propose(incident, tools): return iter(())
"""


def test_other_packages_register_strategies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other_strategy.py").write_text(MODULE)
    info = tmp_path / "other-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[regreen.strategies]\nother = other_strategy\n")
    assert installed() == ALL
    monkeypatch.syspath_prepend(tmp_path)
    assert [s.NAME for s in installed()] == [
        "dependency drift",
        "left behind",
        "lock files",
        "fix mode",
        "undeclared dependency",
        "other",
    ]
