"""`docs/commands.md` says of each command who may use it, and names settings that there are."""

from pathlib import Path
from typing import get_args

import msgspec
import pytest
import re2

from bot.intake.commands import Command, Verb, commands_of, parse_command
from bot.intake.rights import FOR_AUTHORS
from bot.settings import read_settings

TEXT = (Path(__file__).parent.parent.parent / "docs" / "commands.md").read_text("utf-8")
TEMPLATE = Path(__file__).parent.parent.parent / "config" / "templates" / "init_workflow.j2"
ROW = re2.compile(r"(?m)^\| `([a-z]+)`[^|]*\|[^|]+\| ([a-z]+)(, authors)? \|$")
SETTINGS = read_settings(None, "", {})


def test_the_table_tells_the_role_of_each_command() -> None:
    roles = msgspec.to_builtins(SETTINGS.roles)
    assert roles.keys() == set(get_args(Verb))
    assert {m.group(1): m.group(2) for m in ROW.finditer(TEXT)} == roles
    assert {m.group(1) for m in ROW.finditer(TEXT) if m.group(3)} == FOR_AUTHORS


def test_all_settings_that_it_names_are_there() -> None:
    named = set(re2.findall(r"`((?:watch|commands)\.[a-z_]+)`", TEXT))
    assert named == {name for name, *_ in SETTINGS.rows() if name.startswith(("watch.", "commands."))}


@pytest.mark.parametrize(
    ("login", "mention", "is_one"),
    [
        ("regreen-of-acme[bot]", "@regreen-of-acme", True),
        ("regreen-of-acme[bot]", "@regreen", False),
        ("github-actions[bot]", "@regreen", False),
        ("github-actions[bot]", "/regreen", True),
    ],
)
def test_a_mention_is_one_of_the_account_alone(login: str, mention: str, is_one: bool) -> None:
    assert "there is no `@regreen` then" in TEXT
    assert bool(commands_of(f"{mention} help", login)) is is_one


def test_no_comment_without_its_name_starts_the_job() -> None:
    template = TEMPLATE.read_text("utf-8")
    assert "contains(github.event.comment.body, 'regreen')" in template
    assert "`@github-actions` starts no job" in TEXT


def test_its_forms_are_commands() -> None:
    for words in (
        "explain",
        'revert -m "WHY"',
        "feedback good",
        "fix --tier small --max-cost 1 --prefer speed --agent",
    ):
        assert isinstance(parse_command(words), Command)
