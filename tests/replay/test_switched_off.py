"""Pythons that GitHub has no more for an image: a job that asks for one must not pass here because this machine has it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.ports import Toolchain
from bot.replay.switched_off import action_is_off, offered

FOUND = tuple(
    Toolchain(*one, Path("/x"), "p", ()) for one in (("python", "3.12.1"), ("python", "3.6.15"), ("go", "1.2"))
)


@pytest.mark.parametrize(
    ("ref", "as_of", "is_off"),
    [
        ("v3", None, True),
        ("v3.1.2", None, True),
        ("v4", None, False),
        ("v30", None, False),
        ("a8a3f3ad30e3422c9c7b888a15615d19a852ae32", None, True),  # v3.1.3
        ("ea165f8d65b6e75b540449e92b4886f43607fa02", None, False),  # v4.6.2
        ("a8a3f3ad30e3422c9c7b888a15615d19a852ae32", datetime(2024, 12, 1, tzinfo=UTC), False),
    ],
)
def test_an_action_is_off_by_tag_and_by_commit(ref: str, as_of: datetime | None, is_off: bool) -> None:
    told = action_is_off("actions/upload-artifact", ref, as_of)
    assert (f"a deprecated version of `actions/upload-artifact: {ref}`" in told) == is_off


@pytest.mark.parametrize(
    ("labels", "as_of", "versions"),
    [
        (["ubuntu-22.04"], None, ["3.12.1", "1.2"]),
        (["self-hosted", "ubuntu-latest"], None, ["3.12.1", "1.2"]),
        (["self-hosted"], None, ["3.12.1", "3.6.15", "1.2"]),
        (["ubuntu-22.04"], datetime(2022, 6, 1, tzinfo=UTC), ["3.12.1", "3.6.15", "1.2"]),
    ],
)
def test_pythons_of_an_image(labels: list[str], as_of: datetime | None, versions: list[str]) -> None:
    assert [t.version for t in offered(FOUND, labels, as_of)] == versions
