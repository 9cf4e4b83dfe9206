"""Where a failure comes from, as `regreen diagnose PATH` tells it of real repositories."""

from typing import Any

import pytest

from tests.projects import CHECKOUT, WORKFLOW, Make, Project, workflow

CI = workflow(CHECKOUT, "run: python3 -m unittest")
GOOD = "def total(a, b):\n    return a + b\n"
TESTS = """
    import unittest

    from shop import total

    class T(unittest.TestCase):
        def test_total(self):
            self.assertEqual(total(1, 2), 3)
"""
LOG = """
2026-03-01T00:00:00.0000000Z ##[group]Run python -m pytest
2026-03-01T00:00:00.0000000Z python -m pytest
2026-03-01T00:00:00.0000000Z ##[endgroup]
2026-03-01T00:00:01.0000000Z test_shop.py:3: in test_total
2026-03-01T00:00:01.0000000Z     assert total(1, 2) == 3
2026-03-01T00:00:01.0000000Z shop.py:2: AssertionError
2026-03-01T00:00:01.0000000Z E   AssertionError: {said}
2026-03-01T00:00:01.0000000Z FAILED test_shop.py::test_total - AssertionError: {said}
2026-03-01T00:00:01.0000000Z ========================= 1 failed in 0.01s =========================
2026-03-01T00:00:01.0000000Z ##[error]Process completed with exit code 1.
"""


@pytest.fixture
def shop(project: Make) -> Project:
    return project(
        {WORKFLOW: CI, "shop.py": GOOD, "test_shop.py": TESTS, "requirements.txt": "left==1.0\nright-hand==2.0\n"}
    )


def broken(shop: Project, **files: str) -> str:
    """Three commits, the second of which breaks the shop; its hash."""
    shop.write({"README.md": "words"})
    shop.commit("Say what it is")
    shop.write({"shop.py": GOOD.replace("+", "-"), **files})
    culprit = shop.commit("Make it quicker")
    shop.write({"docs.md": "more words"})
    shop.commit("Say more")
    return culprit


def investigated(shop: Project, *args: str, said: str = "assert -1 == 3") -> dict[str, Any]:
    """What `regreen diagnose` finds out about the log in the checkout."""
    (shop.root / "log").write_text(LOG.format(said=said))
    done = shop.here("diagnose", "--log", "log", *args, ".", "--json")
    assert done.code == 0, done.err
    return dict(done.json["investigation"])


def test_the_commit_that_wrote_the_failing_line_is_suspect(shop: Project) -> None:
    green = shop.git("rev-parse", "HEAD")
    culprit = broken(shop)
    found = investigated(shop, "--green", green)
    assert [s["commit"] for s in found["suspects"]] == [culprit]
    assert found["suspects"][0]["subject"] == "Make it quicker"
    assert "wrote shop.py:2, which the log names" in found["suspects"][0]["reasons"]
    assert (found["green"], found["commits"]) == (green, 3)
    assert "no dependency was changed in the files of the project" in found["ruled_out"]
    assert (found["recommendation"], found["why"][:12]) == ("revert", culprit[:12])


def test_on_a_branch_of_its_own_nothing_is_to_be_reverted(shop: Project) -> None:
    green = shop.git("rev-parse", "HEAD")
    shop.git("switch", "-c", "topic")
    broken(shop)
    assert investigated(shop, "--green", green)["recommendation"] == "fix"


def test_a_dependency_that_the_log_names_is_suspect(shop: Project) -> None:
    green = shop.git("rev-parse", "HEAD")
    shop.write({"requirements.txt": "left==1.0\nright-hand==3.0\nnew==1\n"})
    culprit = shop.commit("Take the newest")
    shop.write({"README.md": "words"})
    shop.commit("Say what it is")
    found = investigated(shop, "--green", green, said="right_hand 3.0 has no total")
    changes = [(d["package"], d["before"], d["after"]) for d in found["dependencies"]]
    assert changes == [("new", "", "==1"), ("right-hand", "==2.0", "==3.0")]
    assert found["suspects"][0]["commit"] == culprit
    assert "changed right-hand (==2.0 -> ==3.0), which the log names" in found["suspects"][0]["reasons"]


def test_without_a_green_commit_nobody_is_suspect(shop: Project) -> None:
    broken(shop)
    found = investigated(shop)
    assert (found["suspects"], found["green"]) == ([], "")
    assert any("--green" in line for line in found["ruled_out"])


def test_a_green_commit_that_is_none(shop: Project) -> None:
    (shop.root / "log").write_text(LOG)
    done = shop.here("diagnose", "--log", "log", "--green", "nowhere", ".")
    assert (done.code, done.err) == (2, "regreen: --green: there is no commit nowhere\n")


def test_nothing_of_the_repository_is_run(shop: Project) -> None:
    """A filter of the repository's own configuration would be, by `git blame` as it comes."""
    green = shop.git("rev-parse", "HEAD")
    shop.write({".gitattributes": "*.py diff=evil\n"})
    broken(shop)
    shop.git("config", "diff.evil.textconv", f"touch {shop.root}/pwned; cat")
    assert investigated(shop, "--green", green)["suspects"]
    assert not (shop.root / "pwned").exists()


def test_a_replay_tells_what_the_base_branch_does(shop: Project) -> None:
    parted = shop.git("rev-parse", "HEAD")
    shop.git("switch", "-c", "topic")
    culprit = broken(shop)
    done = shop.here("diagnose", ".", "--json", env={"REGREEN_REPLAY_NETWORK": "none"})
    found = done.json["investigation"]
    assert (found["green"], found["suspects"][0]["commit"]) == (parted, culprit)
    assert "main does not fail in this way" in found["ruled_out"]
    assert found["recommendation"] == "fix"


def test_what_the_base_branch_has_broken_is_not_this_branch_s_fault(shop: Project) -> None:
    broken(shop)
    shop.git("switch", "-c", "topic")
    shop.write({"more.md": "words"})
    shop.commit("Say even more")
    done = shop.here("diagnose", ".", env={"REGREEN_REPLAY_NETWORK": "none"})
    assert "evidence: main fails alike: this branch has not broken it" in done.out
    assert "people: main fails alike: it is to be fixed there" in done.out


def test_what_is_not_committed_is_suspect(shop: Project) -> None:
    shop.git("switch", "-c", "topic")
    shop.write({"shop.py": GOOD.replace("+", "-")})
    found = shop.here("diagnose", ".", "--json", env={"REGREEN_REPLAY_NETWORK": "none"}).json["investigation"]
    assert (found["suspects"][0]["commit"], found["suspects"][0]["subject"]) == ("", "uncommitted changes")


def test_a_green_checkout_has_nothing_to_diagnose(shop: Project) -> None:
    done = shop.here("diagnose", ".", env={"REGREEN_REPLAY_NETWORK": "none"})
    assert done.code == 0
    assert "success" in done.out


def test_what_became_of_its_like_before(shop: Project) -> None:
    """The first failure is fixed by hand; the record of it is on the state branch when it comes back."""
    green = shop.git("rev-parse", "HEAD")
    broken(shop)
    env = {"REGREEN_REPLAY_NETWORK": "none"}
    first = shop.here("fix", "--json", env=env).json
    (shop.root / "log").write_text(shop.replay().log)
    done = shop.here("diagnose", "--log", "log", "--green", green, ".", "--json")
    found = done.json["investigation"]
    assert done.json["fingerprint"] == first["diagnosis"]["fingerprint"]
    assert [line.partition(": ")[2] for line in found["evidence"]] == [f"NOT_FIXED (incident {first['incident']})"]
    assert found["flaky"] == 0


def test_what_a_repository_says_cannot_break_the_report(shop: Project) -> None:
    """Breaks of lines that only Unicode knows in the subject of a commit and in the name of a file, and a token."""
    green = shop.git("rev-parse", "HEAD")
    token = f"ghp_{'a1B2' * 9}"
    shop.write({"a\u2028b.py": "x = 1\n", "package.json": f'{{"dependencies": {{"x": "git+https://{token}@host/x"}}}}'})
    shop.commit("Say\u2028more\x0bof it")
    shop.write({"shop.py": GOOD.replace("+", "-")})
    culprit = shop.commit(f"Use {token}")
    found = investigated(shop, "--green", green)
    assert found["suspects"][0]["commit"] == culprit
    assert token not in str(found)
