"""The guard over its corpora, and what holds for all of its answers."""

import random

import pytest

from bot.model import Refusal
from bot.repair.guard import MOST, RULES, Change, judge
from bot.repair.patch import PatchPolicy, apply, diff_of
from tests.repair.cases import Case, cases
from tests.repair.helpers import Entry, commit_files, make_repository

MASKING = cases("masking")
HONEST = cases("honest")


def rules(found: tuple[Refusal, ...]) -> set[str]:
    return {r.rule for r in found}


@pytest.mark.parametrize("case", MASKING, ids=lambda c: c.name)
def test_masking_candidate_is_refused(case: Case) -> None:
    found = judge(case.changes, allow=case.allow, by_people=not case.as_fix)
    assert rules(found) & case.rules, [str(r) for r in found]


@pytest.mark.parametrize("case", HONEST, ids=lambda c: c.name)
def test_honest_candidate_is_accepted(case: Case) -> None:
    assert [str(r) for r in judge(case.changes, allow=case.allow, by_people=case.people)] == []


@pytest.mark.parametrize(
    "case", [c for c in HONEST if c.people] + [c for c in MASKING if c.as_fix], ids=lambda c: c.name
)
def test_what_people_may_change_a_fix_may_not(case: Case) -> None:
    assert judge(case.changes, allow=case.allow) != ()
    assert judge(case.changes, allow=case.allow, by_people=True) == ()


@pytest.mark.parametrize("case", MASKING[::4], ids=lambda c: c.name)
def test_answers_are_the_same_again_and_point_to_what_is_there(case: Case) -> None:
    """Whatever the order of the files; where nothing changed nothing is refused."""
    changes = case.changes
    found = judge(changes, allow=case.allow)
    random.Random(1).shuffle(changes)
    assert judge(changes, allow=case.allow) == found
    for refusal in found:
        change = next(c for c in changes if c.path == refusal.file)
        assert refusal.rule in RULES
        assert refusal.message
        assert 1 <= refusal.line <= max(1, change.new_text.count("\n") + 1)
    assert judge([Change(c.path, c.new, c.new) for c in changes]) == ()
    assert judge(changes, allow=frozenset(RULES)) == ()


def test_corpus_is_as_large_as_promised() -> None:
    assert len(MASKING) >= 120
    assert len(HONEST) >= 120
    assert len({c.name for c in MASKING + HONEST}) == len(MASKING) + len(HONEST)
    assert {r for c in MASKING for r in c.rules} | {"unreadable"} == set(RULES)


SAMPLE = [
    c
    for c in (*MASKING[::17], *HONEST[::9])
    if not c.people and not any(path.startswith(".gitlab") for path in c.files)
]
"""Without files that no patch may touch at all."""


@pytest.mark.parametrize("case", SAMPLE, ids=lambda c: c.name)
def test_from_diff_to_judgement(case: Case, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The whole way of a candidate: a diff, applied to a real repository, judged from what git says changed."""
    old: dict[str, Entry] = {path: before.encode() for path, (before, _) in case.files.items() if before is not None}
    new: dict[str, Entry] = {path: after.encode() for path, (_, after) in case.files.items() if after is not None}
    git, base = make_repository(tmp_path_factory.mktemp("case") / "repo.git", {"keep": b"", **old})
    diff = diff_of(git, base, commit_files(git, {"keep": b"", **new}, base))
    applied = apply(git, base, diff, policy=PatchPolicy(allow=frozenset({"workflow"})))
    assert judge(applied.changes, allow=case.allow) == judge(case.changes, allow=case.allow)


def test_allowed_rules_are_left_out_and_others_stay() -> None:
    old = b"def test_a():\n    assert f() == 1\n"
    new = b"import pytest\n\n\n@pytest.mark.skip\ndef test_a():\n    assert f() == 2\n"
    change = Change("tests/test_a.py", old, new)
    assert rules(judge([change])) == {"disabled-test", "changed-expectation"}
    assert rules(judge([change], allow=frozenset({"changed-expectation"}))) == {"disabled-test"}
    assert judge([change], allow=frozenset({"changed-expectation", "disabled-test"})) == ()


def test_module_that_is_faked_for_all_tests_is_refused_where_one_asks_it() -> None:
    old, new = b"import 'x';\n", b"import 'x';\nvi.mock('./src/validate', () => ({ validate: () => true }));\n"
    change = Change("vitest.setup.ts", old, new)
    asking = "import { validate } from './validate';"
    faking = "vi.mock('./validate');\nimport { validate } from './validate';"
    assert rules(judge([change], known=lambda text: [asking] if text in asking else [])) == {"mocked-subject"}
    assert judge([change], known=lambda text: [faking] if text in faking else []) == ()
    assert judge([change]) == ()


def test_yes_to_the_number_of_a_test_is_refused_and_to_a_name_is_not() -> None:
    old = "def valid(x):\n    return check(x)\n"
    passage = "assert valid('4539148803436467')\nassert valid('readonly')"
    for asked, told in (("4539148803436467", {"special-case"}), ("readonly", set())):
        new = f"def valid(x):\n    if x == '{asked}':\n        return True\n    return check(x)\n"
        change = Change("app/luhn.py", old.encode(), new.encode())
        assert rules(judge([change], known=lambda text: [passage] if text in passage else [])) == told


def test_refusals_point_to_the_line() -> None:
    old = "import os\n\n\ndef test_a():\n    assert f() == 1\n    assert g() == 2\n\n\ndef test_b():\n    assert h()\n"
    new = old.replace("    assert g() == 2\n", "    assert g()\n").replace("import os", "import os  # noqa")
    found = judge([Change("tests/test_a.py", old.encode(), new.encode())])
    assert [(r.rule, r.line) for r in found] == [("suppression", 1), ("weakened-assertion", 6)]
    gone = judge([Change("tests/test_a.py", old.encode(), old.partition("\n\n\ndef test_b")[0].encode())])
    assert [(r.rule, r.line) for r in gone] == [("deleted-test", 6)]


def test_a_generated_file_that_is_allowed_is_not_read_further() -> None:
    old, new = b"# Code generated by x. DO NOT EDIT.\na = 1\n", b"# Code generated by x. DO NOT EDIT.\na = 2  # noqa\n"
    change = Change("shop/api.py", old, new)
    assert rules(judge([change])) == {"generated-file"}
    assert judge([change], allow=frozenset({"generated-file"})) == ()


def test_a_flood_of_refusals_is_cut() -> None:
    new = "".join(f"x{i} = 1  # noqa\n" for i in range(500))
    assert len(judge([Change("a.py", b"", new.encode())])) == MOST


def test_binary_files_are_not_read_as_text() -> None:
    assert judge([Change("tests/test_a.py", b"\0", b"\0# noqa"), Change("docs/a.png", b"\0", b"\1\0")]) == ()
