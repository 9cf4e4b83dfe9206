"""Problem matchers of a checkout and signatures of a repository's own take part in a diagnosis."""

import json
from pathlib import Path
from typing import Any

import pytest

from bot.diagnosis import diagnose, read_entries, read_matchers, shipped
from bot.errors import UsageError
from tests.diagnosis.samples import github_log

LINE = "src/deep.frob|12|7| FR042 the widget is bent"
PATTERN = {
    "regexp": r"^([^|(\s]+)\|(\d+)\|(\d+)\|\s+(?:(FR\d+)\s)?(.*)$",
    "file": 1,
    "line": 2,
    "column": 3,
    "code": 4,
    "message": 5,
}


def write(path: Path, owner: str = "frob", **pattern: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"problemMatcher": [{"owner": owner, "pattern": [PATTERN | pattern]}]}))


def test_a_line_that_a_matcher_of_the_checkout_marks_is_the_cause(tmp_path: Path) -> None:
    write(tmp_path / ".github" / "frob.json")
    log = github_log("frob check", f"checking\nsomething else failed\n##[error]{LINE}\ndone")
    found = diagnose([log], signatures=shipped().with_more(read_matchers(tmp_path)))
    assert found.error == f"##[error]{LINE}"
    place = found.locations[0]
    assert (place.file, place.line, place.column, place.message) == ("src/deep.frob", 12, 7, "the widget is bent")


def test_of_a_matcher_of_several_lines_the_heading_has_the_file(tmp_path: Path) -> None:
    heading = {"regexp": r"^FROB (\S+)$", "file": 1}
    entry = {
        "regexp": r"^\s+(\d+)/(\d+)\s+(\S+)\s+(.*)$",
        "line": 1,
        "column": 2,
        "code": 3,
        "message": 4,
        "loop": True,
    }
    path = tmp_path / ".github" / "frob.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"problemMatcher": [{"owner": "frob", "pattern": [heading, entry]}]}))
    said = "FROB src/good.frob\nFROB src/deep.frob\n##[error]  12/7  FR042  the widget is bent\nbye"
    log = github_log("frob check", said)
    found = diagnose([log], signatures=shipped().with_more(read_matchers(tmp_path)))
    place = found.locations[0]
    assert (place.file, place.line, place.message) == ("src/deep.frob", 12, "the widget is bent")


def test_a_file_that_a_workflow_adds_is_read_too(tmp_path: Path) -> None:
    write(tmp_path / "tools" / "matcher.json")
    workflow = tmp_path / ".github" / "workflows" / "ci.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text("steps:\n  - run: echo '::add-matcher::tools/matcher.json'\n")
    assert [entry.id for entry in read_matchers(tmp_path)] == ["frob.matcher"]


def test_files_outside_the_checkout_and_what_is_no_matcher_are_left_out(tmp_path: Path) -> None:
    root = tmp_path / "root"
    write(tmp_path / "outside.json")
    write(root / ".github" / "looks-behind.json", regexp="(?<=x)(y)")
    (root / ".github" / "link.json").symlink_to(tmp_path / "outside.json")
    (root / ".github" / "loop.json").symlink_to("loop.json")
    write(root / ".github" / "half.json", owner="\ud800")
    (root / ".github" / "broken.json").write_text("{")
    (root / ".github" / "other.json").write_text('{"problemMatcher": [1, {"owner": 2}, {"owner": "a", "pattern": []}]}')
    assert read_matchers(root) == []
    assert read_matchers(tmp_path / "nothing") == []
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / ".github").symlink_to("/")
    assert read_matchers(tmp_path / "linked") == []


@pytest.mark.parametrize(
    ("regexp", "text", "fields"),
    [
        (r"^(a)\((\d)\)$", "##[error]a(1)", {"file": "a", "line": "1"}),
        (r"([(]x)-(\d)", "say (x-1", {"file": "(x", "line": "1"}),
        (r"(?<who>a)(?:b)(\d)", "ab1", {"file": "a", "line": "1"}),
        (r"^[^:]+:(.)(\d)", "x:y1", {"file": "y", "line": "1"}),
    ],
)
def test_groups_are_named_by_their_number(regexp: str, text: str, fields: dict[str, str], tmp_path: Path) -> None:
    write(tmp_path / ".github" / "a.json", regexp=regexp, column=None, code=None, message=None)
    (entry,) = read_matchers(tmp_path)
    assert entry.fields(text.encode()) == fields


OWN = {
    "id": "frob.bent",
    "role": "cause",
    "category": "lint_error",
    "weight": 85,
    "near": ["is bent"],
    "pattern": r"(?P<message>the widget is bent)",
    "match": ["the widget is bent"],
}


def test_a_signature_of_a_repository_of_its_own_is_honoured() -> None:
    own = read_entries([OWN], ".github/regreen.yml")
    log = github_log("./check.sh", "checking\nthe widget is bent\nError: not good")
    found = diagnose([log], signatures=shipped().with_more(own))
    assert (found.error, found.category) == ("the widget is bent", "lint_error")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"match": ["fine"]}, "it should match 'fine'"),
        ({"differ": ["the widget is bent"]}, "it should not match"),
        ({"pattern": "("}, "frob.bent"),
        ({"colour": 1}, "unknown key 'colour'"),
        ({"id": [1]}, "`id` is a text"),
        ({"pattern": 5}, "`pattern` is a text"),
        ({"match": 3}, "`match` is a list of texts"),
        ({"near": [4]}, "`near` is a list of texts"),
    ],
)
def test_what_is_wrong_with_one_is_told(change: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=r"regreen\.yml") as raised:
        read_entries([OWN | change], ".github/regreen.yml")
    assert told in str(raised.value)
