"""`docs/guard.md` names every rule of the guard in its own words, with an example that the rule refuses."""

from pathlib import Path

import pytest
import re2

from bot.repair.guard import RULES, Change, judge
from bot.review import OF_FIXES

TEXT = (Path(__file__).parent.parent.parent / "docs" / "guard.md").read_text("utf-8")
SECTION = re2.compile(r"(?m)^### ([a-z-]+)\n\n([^\n]+)\.\n(?:\n`([^`\n]+)`\n\n```diff\n((?:[ +-][^\n]*\n)+)```\n)?")
TOLD = {m.group(1): m.groups()[1:] for m in SECTION.finditer(TEXT)}


def known(text: str) -> list[str]:
    passage = "assert price(12) == 1188"
    return [passage] if text in passage else []


def test_every_rule_is_told_in_its_own_words() -> None:
    assert {rule: words.lower() for rule, (words, _, _) in TOLD.items()} == {r: w.lower() for r, w in RULES.items()}
    later = TEXT.partition("## What only a fix may not touch")[2]
    assert {rule for rule in RULES if f"### {rule}\n" in later} == OF_FIXES


@pytest.mark.parametrize("rule", sorted(RULES.keys() - {"unreadable"}))
def test_the_example_of_a_rule_is_refused_by_it(rule: str) -> None:
    _, path, lines = TOLD[rule]
    assert path, "no example"
    old, new = ("".join(x[1:] for x in lines.splitlines(keepends=True) if x[0] != gone) for gone in "+-")
    found = {r.rule for r in judge([Change(path, old.encode(), new.encode())], known=known)}
    assert rule in found
    assert found <= {rule, *OF_FIXES}
