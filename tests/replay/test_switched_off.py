"""Pythons that GitHub has no more for an image: a job that asks for one must not pass here because this machine has it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.ports import Toolchain
from bot.replay.switched_off import offered

FOUND = tuple(
    Toolchain(*one, Path("/x"), "p", ()) for one in (("python", "3.12.1"), ("python", "3.6.15"), ("go", "1.2"))
)


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
