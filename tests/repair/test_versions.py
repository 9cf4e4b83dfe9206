"""What may be changed in workflow files where people have set `fix.workflow_files`: newer versions, and nothing else."""

import pytest

from bot.repair.guard.change import Change
from bot.repair.versions import more_than_versions

PATH = ".github/workflows/ci.yml"
TEXT = """\
on: push
jobs:
  a:
    runs-on: ubuntu-20.04  # why
    strategy: {matrix: {os: [ubuntu-20.04, macos-13], v: ['3.6', 3.7], n: [1]}}
    steps:
      - uses: actions/checkout@v3
      - uses: actions/setup-python@v4
        with: {python-version: '3.6', cache: pip}
      - uses: actions/setup-python@v5
        with: {python-version: '${{ matrix.v }}'}
      - run: pytest -q
  b:
    runs-on: ubuntu-latest
    strategy: {matrix: {v: ['3.9'], exclude: [{v: '3.5'}], include: [{v: '3.4'}, {v: '3.10'}]}}
"""


def judged(*changes: tuple[str, str]) -> str:
    new = TEXT
    for old, other in changes:
        assert old in new
        new = new.replace(old, other, 1)
    return more_than_versions(Change(PATH, TEXT.encode(), new.encode()))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(("checkout@v3", "checkout@v4"), id="an action"),
        pytest.param(("checkout@v3", "checkout@v4.2.1"), id="a release of an action"),
        pytest.param(("ubuntu-20.04  # why", "ubuntu-22.04  # why"), id="an image"),
        pytest.param(("[ubuntu-20.04", "[ubuntu-24.04"), id="an image in a matrix"),
        pytest.param(("macos-13", "macos-15-intel"), id="an image with a kind"),
        pytest.param(("python-version: '3.6'", "python-version: '3.8'"), id="a language"),
        pytest.param(("['3.6', 3.7]", "['3.8', 3.7]"), id="a language in a matrix"),
        pytest.param(("['3.6', 3.7]", "['3.8', '3.10']"), id="quoted now"),
        pytest.param(("{v: '3.4'}", "{v: '3.8'}"), id="a language that is put in"),
    ],
)
def test_newer_versions(change: tuple[str, str]) -> None:
    assert judged(change) == ""


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(("checkout@v3", "checkout@v2"), id="an older action"),
        pytest.param(("checkout@v3", "checkout@main"), id="a branch"),
        pytest.param(("actions/checkout@v3", "evil/checkout@v4"), id="another action"),
        pytest.param(("actions/checkout@v3", "./checkout"), id="a local action"),
        pytest.param(("ubuntu-20.04  # why", "self-hosted  # why"), id="a runner of somebody"),
        pytest.param(("ubuntu-20.04  # why", "windows-2022  # why"), id="another system"),
        pytest.param(("ubuntu-20.04  # why", "[ubuntu-22.04]  # why"), id="a list now"),
        pytest.param(("ubuntu-20.04  # why", "ubuntu-22.04  # noqa"), id="a comment"),
        pytest.param(("python-version: '3.6'", "python-version: '2.7'"), id="an older language"),
        pytest.param(("['3.6', 3.7]", "[3.7, 3.7]"), id="a leg twice"),
        pytest.param(("['3.6', 3.7]", "[3.7]"), id="a leg less"),
        pytest.param(("n: [1]", "n: [2]"), id="a shard"),
        pytest.param(("exclude: [{v: '3.5'}]", "exclude: [{v: '3.9'}]"), id="what is left out"),
        pytest.param(("{v: '3.4'}", "{v: '3.10'}"), id="a leg twice that is put in"),
        pytest.param(("['3.6', 3.7]", "['3.7.0', 3.7]"), id="a leg twice in another spelling"),
        pytest.param(("pytest -q", "pytest -q || true"), id="a command"),
        pytest.param(("cache: pip", "cache: npm"), id="another input"),
        pytest.param(("pytest -q", "pytest -q\n        continue-on-error: true"), id="a new key"),
        pytest.param(("on: push", "on: workflow_dispatch"), id="a trigger"),
        pytest.param(("uses: actions/checkout@v3", "uses: &x actions/checkout@v4"), id="an anchor"),
        pytest.param(("steps:", "steps: ["), id="no YAML"),
    ],
)
def test_more_than_versions(change: tuple[str, str]) -> None:
    assert judged(change)
    assert judged(("checkout@v3", "checkout@v4"), change) if change[0] in TEXT.replace("checkout@v3", "") else True


def test_a_workflow_that_comes_or_goes() -> None:
    assert more_than_versions(Change(PATH, None, TEXT.encode())) == "a workflow is added or deleted"
    assert more_than_versions(Change(PATH, TEXT.encode(), None)) == "a workflow is added or deleted"
