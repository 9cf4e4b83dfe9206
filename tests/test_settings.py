import pytest

from bot.errors import UsageError
from bot.settings import read_settings

FILE = ".github/regreen.yml"


def test_file_and_environment_override_the_defaults() -> None:
    text = "replay:\n  network: none\nfix:\n  strategies: [fix mode]\n"
    settings = read_settings(text, FILE, {"REGREEN_SCOPE_MAX_FILES": "3", "REGREEN_FIX_STRATEGIES": "[left behind]"})
    assert (settings.replay.network, settings.scope.max_files, settings.fix.strategies) == ("none", 3, ("left behind",))
    changed = {name: (value, source) for name, value, source in settings.rows() if source != "default"}
    assert changed == {
        "replay.network": ("none", FILE),
        "fix.strategies": (("left behind",), "REGREEN_FIX_STRATEGIES"),
        "scope.max_files": (3, "REGREEN_SCOPE_MAX_FILES"),
    }


def test_without_a_file_everything_is_default() -> None:
    assert {source for *_, source in read_settings(None, FILE, {}).rows()} == {"default"}
    assert read_settings("", FILE, {}) == read_settings(None, FILE, {})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("fix:\n  max_minutes: soon\n", f"{FILE}:2: fix.max_minutes: expected `float`, got `str`"),
        ("fix:\n  max_minutes: -1\n", f"{FILE}:2: fix.max_minutes: expected `float` > 0.0"),
        ("fix:\n  typo: 1\n", f"{FILE}:2: fix.typo: there is no such setting"),
        ("replay:\n  hosts: [a.example.]\n", f"{FILE}:2: replay.hosts: 'a.example.' is no plain name"),
        ("replay:\n  hosts: [a:0]\n", f"{FILE}:2: replay.hosts: 'a:0' is no plain name"),
        ("replay:\n  hosts: [a:65536]\n", f"{FILE}:2: replay.hosts: 'a:65536' is no plain name"),
        (
            "replay:\n  hosts: [xn--a.example]\n",
            f"{FILE}:2: replay.hosts: 'xn--a.example' is no plain name",
        ),
        ("other: 1\n", f"{FILE}:1: other: there is no such setting"),
        ("replay: 3\n", f"{FILE}:1: replay"),
        ("- 1\n", f"{FILE}:1: this is not a mapping"),
        ("a: [\n", f"{FILE}:2:1: not valid YAML"),
    ],
)
def test_mistakes_name_file_line_and_key(text: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_settings(text, FILE, {})
    assert told in str(caught.value)


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        read_settings("scope:\n  max_files: many\n  max_lines: 0\n", FILE, {})
    assert f"{FILE}:2: scope.max_files" in str(caught.value)
    assert f"{FILE}:3: scope.max_lines" in str(caught.value)


def test_a_mistake_in_the_environment_is_named() -> None:
    with pytest.raises(UsageError, match="REGREEN_SCOPE_MAX_FILES: scope.max_files"):
        read_settings(None, FILE, {"REGREEN_SCOPE_MAX_FILES": "many"})
