"""The signatures as data: every entry's own examples, and what is said of a wrong file."""

import io
from pathlib import Path

import pytest

from bot import config_files
from bot.config_files import config_root
from bot.diagnosis.scope import category_of
from bot.diagnosis.signatures import Signature, load
from bot.errors import MachineError, UsageError
from bot.model import Category
from bot.text.scan import Scanner

SIGNATURES = load()


def matching(text: str) -> list[str]:
    return [entry.id for entry, _ in SIGNATURES.matching(text.encode())]


@pytest.mark.parametrize("entry", SIGNATURES.entries, ids=lambda entry: entry.id)
def test_each_signature_knows_its_examples_and_no_others(entry: Signature) -> None:
    assert entry.match
    assert entry.differ
    for text in entry.match:
        assert entry.fields(text.encode()) is not None, text
    for text in entry.differ:
        assert entry.fields(text.encode()) is None, text


@pytest.mark.parametrize(
    "entry", [e for e in SIGNATURES.entries if e.near and e.role not in {"frame", "noise"}], ids=lambda entry: entry.id
)
def test_the_pass_over_a_log_meets_every_example(entry: Signature) -> None:
    scanner = Scanner(SIGNATURES.triggers)
    for text in entry.match:
        log = f"2026-03-01T12:00:00.1234567Z {text}\n".encode()
        assert len(list(scanner.lines(io.BytesIO(log)))) == 1, text
        assert entry.id in matching(text)


def test_every_command_pattern_compiles_and_finds_a_word() -> None:
    for command in SIGNATURES.commands:
        assert command.regex.search(b"\0") is None


@pytest.mark.parametrize(
    ("command", "category"),
    [
        ("pip install -r requirements-lint.txt", Category.DEPENDENCY_INSTALL),
        ("uv sync --group lint", Category.DEPENDENCY_INSTALL),
        ("pip check", Category.DEPENDENCY_INSTALL),
        ("poetry install --with test,lint", Category.DEPENDENCY_INSTALL),
        ("sudo ./ci/install-tools.sh", Category.DEPENDENCY_INSTALL),
        ("tox -e lint", Category.LINT_ERROR),
        ("./.github/actions/setup", Category.GITHUB_ACTIONS_CONFIG),
        ("acme/setup-tools@v1", Category.GITHUB_ACTIONS_CONFIG),
        ("pytest tests/setup", Category.TEST_ASSERTION),
    ],
)
def test_to_install_is_to_install_whatever_the_arguments_are_called(command: str, category: Category) -> None:
    assert category_of(command, SIGNATURES) == category


def test_noise_silences_a_line() -> None:
    assert matching("##[error]npm ERR! code ERESOLVE") != []
    assert matching("##[warning]npm ERR! code E404: it failed") == []
    assert matching("+ echo 'FAILED tests/a.py::b'") == []


def write(folder: Path, text: str) -> Path:
    (folder / "a.yaml").write_text(text)
    return folder


ONE = "ecosystem: x\nsignatures:\n  - {id: a.b, role: cause, weight: 9, near: [oops], pattern: '^oops'}\n"


def test_a_folder_of_ones_own_is_read(tmp_path: Path) -> None:
    signatures = load(write(tmp_path, ONE + "commands:\n  - {pattern: 'make', category: lint_error}\n"))
    ((entry, fields),) = signatures.matching(b"oops, it broke")
    assert (entry.id, entry.tool, entry.weight, fields) == ("a.b", "a", 9, {})
    assert signatures.triggers[1:] == [b"oops"]
    assert signatures.commands[0].category == "lint_error"
    assert load(tmp_path / "none").entries == ()


def test_without_noise_nothing_is_noise(tmp_path: Path) -> None:
    assert load(write(tmp_path, ONE)).matching(b"oops, + 0 errors") != []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "a.yaml"),
        ("- 1", "a list `signatures` is expected"),
        ("signatures: [{id: a}]", "needs id, role and pattern"),
        ("signatures: [{id: a, role: boss, pattern: x}]", "a: role, mode or weight"),
        ("signatures: [{id: a, role: cause, pattern: x, weight: 400}]", "a: role, mode or weight"),
        ("signatures: [{id: a, role: cause, pattern: x, colour: red}]", "a: unknown key 'colour'"),
        ("signatures: [{id: a, role: cause, pattern: x, category: sad}]", "a: there is no category 'sad'"),
        ("signatures: [{id: a, role: cause, pattern: '(?=x)'}]", "a: .*invalid perl operator"),
        ("signatures: [{id: a, role: cause, pattern: x, near: oops}]", "a: `near` is a list of texts"),
        ("signatures: [{id: a, role: cause, pattern: x}, {id: a, role: cause, pattern: y}]", "the id 'a' stands twice"),
        ("signatures: []\ncommands: [{pattern: x}]", "a command needs pattern and category"),
        ("signatures: []\ncommands: [{pattern: x, category: null}]", "the command 'x' needs a category"),
    ],
)
def test_a_wrong_file_is_named_with_the_entry(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        load(write(tmp_path, text), check=True)
    assert "a.yaml" in str(caught.value)


def test_the_configuration_stands_beside_the_package_or_inside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (config_root() / "signatures" / "python.yaml").is_file()
    monkeypatch.setattr(config_files, "_PACKAGE", tmp_path / "bot")
    with pytest.raises(MachineError, match="configuration files"):
        config_root()
    (tmp_path / "config").mkdir()
    assert config_root() == tmp_path / "config"
    (tmp_path / "bot" / "config").mkdir(parents=True)
    assert config_root() == tmp_path / "bot" / "config"
