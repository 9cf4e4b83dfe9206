"""The guard's tables, row by row: each example in `corpus/tables.yaml` is noticed. What is not shows in the list."""

import json
from collections.abc import Mapping
from functools import reduce
from typing import Any

import pytest
import yaml

from bot.repair.guard import Change, judge
from tests.repair.cases import CORPUS

TABLES: Mapping[str, Any] = yaml.load((CORPUS / "tables.yaml").read_text(), Loader=yaml.CSafeLoader)
STRICT_AND_LOOSE: Mapping[str, tuple[Any, Any]] = {
    "grow": (["a", "b"], ["a"]),
    "add": (["a", "b"], ["a"]),
    "shrink": (["a"], ["a", "b"]),
    "on": (True, False),
    "off": (False, True),
    "up": (90, 50),
    "down": (5, 50),
    "level": ("error", "off"),
    "fixed": ("a", "b"),
    "free": ("a", "b"),
    "patience": (5, 50),
}


def rules(path: str, old: str | None, new: str | None, *allow: str) -> set[str]:
    sides = (None if text is None else text.encode() for text in (old, new))
    return {r.rule for r in judge([Change(path, *sides)], allow=frozenset(allow))}


def words(told: str | list[str]) -> list[str]:
    """Examples are written as a list, or as words where none holds a blank."""
    return told.split() if isinstance(told, str) else told


def rows(table: str) -> list[tuple[str, list[str]]]:
    """(key, examples) of a table."""
    return [(key, words(many)) for key, many in TABLES[table].items()]


@pytest.mark.parametrize(("path", "directives"), rows("suppressions"))
def test_a_new_directive_is_a_suppression(path: str, directives: list[str]) -> None:
    assert [d for d in directives if rules(path, "x\n", f"{d}\nx\n") != {"suppression"}] == []


@pytest.mark.parametrize(("path", "off", "on"), TABLES["closers"])
def test_what_a_directive_switches_off_must_be_switched_on_again(path: str, off: str, on: str) -> None:
    assert rules(path, f"{off}\nx\n{on}\ny\n", f"{off}\nx\ny\n") == {"suppression"}
    assert rules(path, f"{off}\nx\n{on}\ny\n", "x\ny\n") == set()


@pytest.mark.parametrize(("rule", "paths"), rows("files"))
def test_files_that_are_not_for_candidates_are_known_by_name(rule: str, paths: list[str]) -> None:
    assert [path for path in paths if rule not in rules(path, "a\n", "b\n")] == []


def test_generated_files_are_known_by_their_header() -> None:
    texts = {h: (f"/* {h} */\na\n", f"/* {h} */\nb\n") for h in TABLES["headers"]}
    assert [h for h, (old, new) in texts.items() if rules("shop/a.c", old, new) != {"generated-file"}] == []


def test_nothing_may_be_loaded_in_place_of_a_runner() -> None:
    paths = TABLES["shadows"].split()
    assert [path for path in paths if rules(path, None, "x\n", "generated-file") != {"patched-runner"}] == []


@pytest.mark.parametrize("folder", TABLES["dead folders"].split())
def test_a_test_that_moves_out_of_use_is_gone(folder: str) -> None:
    text = b"def test_a():\n    assert total() == 6\n"
    moved = [Change("tests/test_a.py", text, None), Change(f"{folder}/test_a.py", None, text)]
    assert {r.rule for r in judge(moved)} == {"deleted-test"}


def test_environment_that_makes_checks_tolerant_is_refused() -> None:
    names = TABLES["variables"].split()
    assert [name for name in names if rules("ci.sh", "make\n", f"{name}=0 make\n") != {"ignored-failure"}] == []


@pytest.mark.parametrize(("tool", "options"), rows("lax"))
def test_an_option_that_finds_less_may_not_come(tool: str, options: list[str]) -> None:
    old = f"{tool} --color\n"
    assert [x for x in options if rules("ci.sh", old, f"{tool} --color {x}\n") != {"weakened-command"}] == []


@pytest.mark.parametrize(("tool", "options"), rows("strict"))
def test_an_option_that_finds_more_may_not_go(tool: str, options: list[str]) -> None:
    plain = f"{tool} --color\n"
    assert [x for x in options if rules("ci.sh", f"{tool} --color {x}\n", plain) != {"weakened-command"}] == []
    assert [x for x in options if rules("ci.sh", plain, f"{tool} --color {x}\n")] == []


def setting(file: str, table: str, key: str, value: Any) -> str:
    """A file that holds only this setting."""
    if file.endswith(".toml"):
        return f"[{table}]\n{key} = {json.dumps(value)}\n"
    if file.endswith(".xml"):
        told = [
            one if isinstance(one, str) else json.dumps(one) for one in (value if isinstance(value, list) else [value])
        ]
        nested = (
            reduce(lambda inner, name: f"<{name}>{inner}</{name}>", reversed(key.split(".")), text) for text in told
        )
        return f"<root>{''.join(nested)}</root>"
    if file.endswith((".json", ".yml", ".yaml", ".neon", ".clang-tidy")):
        return json.dumps(reduce(lambda inner, name: {name: inner}, reversed(key.split(".")), value))
    return f"[{table}]\n{key} = {', '.join(value) if isinstance(value, list) else json.dumps(value)}\n"


@pytest.mark.parametrize("tool", TABLES["settings"])
def test_a_setting_may_only_become_stricter(tool: str) -> None:
    told = TABLES["settings"][tool]
    wrong = []
    for direction, key in ((d, k) for d in STRICT_AND_LOOSE for k in told.get(d, "").split()):
        strict, loose = (setting(told["file"], told.get("table", ""), key, v) for v in STRICT_AND_LOOSE[direction])
        if rules(told["file"], strict, loose) != (set() if direction == "free" else {"loosened-config"}):
            wrong.append(f"{key} loosened")
        if rules(told["file"], loose, strict) != ({"loosened-config"} if direction == "fixed" else set()):
            wrong.append(f"{key} tightened")
    assert wrong == []


@pytest.mark.parametrize("row", TABLES["names"], ids=lambda row: row["new"])
def test_configuration_is_known_by_the_name_of_its_file(row: Mapping[str, str]) -> None:
    old, new = f"{row['old']}\n", f"{row['new']}\n"
    assert [path for path in row["paths"].split() if "loosened-config" not in rules(path, old, new)] == []


@pytest.mark.parametrize("edit", yaml.safe_load((CORPUS / "edits.yaml").read_text()), ids=lambda edit: edit["name"])
def test_an_edit_is_refused_with_each_word(edit: Mapping[str, Any]) -> None:
    wrong = []
    for word in words(edit["words"]):
        path, old, new = (edit[name].replace("{}", word) for name in ("path", "old", "new"))
        if edit["rule"] not in rules(path, old, new):
            wrong.append(word)
    assert wrong == []
