"""The guard's tables, row by row: each example in `corpus/tables.yaml` is noticed."""

from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from bot.repair.guard import Change, judge
from tests.repair.cases import CORPUS

TABLES: Mapping[str, Any] = yaml.safe_load((CORPUS / "tables.yaml").read_text())


def rules(path: str, old: str | None, new: str | None, *allow: str) -> set[str]:
    sides = (None if text is None else text.encode() for text in (old, new))
    return {r.rule for r in judge([Change(path, *sides)], allow=frozenset(allow))}


def rows(table: str) -> list[tuple[str, str]]:
    """(key, example) of a table that maps a key to a list of examples, or to words."""
    told = TABLES[table].items()
    return [(key, one) for key, many in told for one in (many.split() if isinstance(many, str) else many)]


@pytest.mark.parametrize(("path", "directive"), rows("suppressions"))
def test_a_new_directive_is_a_suppression(path: str, directive: str) -> None:
    assert rules(path, "x\n", f"{directive}\nx\n") == {"suppression"}


@pytest.mark.parametrize(("path", "off", "on"), TABLES["closers"])
def test_what_a_directive_switches_off_must_be_switched_on_again(path: str, off: str, on: str) -> None:
    assert rules(path, f"{off}\nx\n{on}\ny\n", f"{off}\nx\ny\n") == {"suppression"}
    assert rules(path, f"{off}\nx\n{on}\ny\n", "x\ny\n") == set()


@pytest.mark.parametrize(("rule", "path"), rows("files"))
def test_files_that_are_not_for_candidates_are_known_by_name(rule: str, path: str) -> None:
    assert rule in rules(path, "a\n", "b\n")


@pytest.mark.parametrize("header", TABLES["headers"])
def test_generated_files_are_known_by_their_header(header: str) -> None:
    assert rules("shop/a.c", f"/* {header} */\na\n", f"/* {header} */\nb\n") == {"generated-file"}


@pytest.mark.parametrize("path", TABLES["shadows"].split())
def test_nothing_may_be_loaded_in_place_of_a_runner(path: str) -> None:
    assert rules(path, None, "x\n", "generated-file") == {"patched-runner"}


@pytest.mark.parametrize("folder", TABLES["dead folders"].split())
def test_a_test_that_moves_out_of_use_is_gone(folder: str) -> None:
    text = b"def test_a():\n    assert total() == 6\n"
    moved = [Change("tests/test_a.py", text, None), Change(f"{folder}/test_a.py", None, text)]
    assert {r.rule for r in judge(moved)} == {"deleted-test"}


@pytest.mark.parametrize("name", TABLES["variables"].split())
def test_environment_that_makes_checks_tolerant_is_refused(name: str) -> None:
    assert rules("ci.sh", "make\n", f"{name}=0 make\n") == {"ignored-failure"}


@pytest.mark.parametrize(("tool", "option"), rows("lax"))
def test_an_option_that_finds_less_may_not_come(tool: str, option: str) -> None:
    assert rules("ci.sh", f"{tool} --color\n", f"{tool} --color {option}\n") == {"weakened-command"}


@pytest.mark.parametrize(("tool", "option"), rows("strict"))
def test_an_option_that_finds_more_may_not_go(tool: str, option: str) -> None:
    assert rules("ci.sh", f"{tool} --color {option}\n", f"{tool} --color\n") == {"weakened-command"}
    assert rules("ci.sh", f"{tool} --color\n", f"{tool} --color {option}\n") == set()
