"""What a model may not add to what a project asks for."""

import pytest

from bot.model import Category
from bot.repair.guard.change import Change
from bot.unasked import unasked

PROJECT = '[project]\nname = "a"\ndependencies = ["wordlist"]\n'
NPM = '{"dependencies": {"left": "1.0.0"}}\n'


@pytest.mark.parametrize(
    ("path", "old", "new", "told"),
    [
        ("requirements.txt", "wordlist\n", "wordlist\nno-body-knows\n", "the package no-body-knows"),
        ("requirements/dev.txt", "wordlist\n", "wordlist\nNo_Body==1\n", "the package no-body"),
        ("pyproject.toml", PROJECT, PROJECT.replace('"]', '", "other>=1"]'), "the package other"),
        ("package.json", NPM, NPM.replace("}}", ', "right": "1.0.0"}}'), "the package right"),
        ("requirements.txt", "a\n", "--index-url http://example.invalid/simple\na\n", "packages from http://example"),
        ("requirements.txt", "a\n", "a @ git+https://example.invalid/a\n", "packages from git+https://example"),
        (".npmrc", "", "registry=https://example.invalid/\n", "packages from https://example"),
    ],
)
def test_packages_are_for_failures_that_are_about_them(path: str, old: str, new: str, told: str) -> None:
    changes = [Change(path, old.encode(), new.encode())]
    assert told in unasked(changes, Category.TEST_ASSERTION)
    assert bool(unasked(changes, Category.DEPENDENCY_INSTALL)) == ("packages from" in told)


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("requirements.txt", "wordlist==1\n", "wordlist==2\n"),
        ("requirements.txt", "a\nb\n", "b\n"),
        ("pyproject.toml", PROJECT, f"{PROJECT}\n[tool.ruff]\nline-length = 100\n"),
        ("src/a.py", "", "URL = 'https://example.invalid/'\n"),
    ],
)
def test_other_changes_are_nobodys_business_here(path: str, old: str, new: str) -> None:
    assert unasked([Change(path, old.encode(), new.encode())], Category.TEST_ASSERTION) == ""
