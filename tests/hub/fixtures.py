"""The fixture `hub` for tests, imported into their conftest."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.hub import Hub


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A hub that serves. At the end every request and answer must have fitted GitHub's published description."""
    with Hub(tmp_path / "hub").serving() as made:
        yield made
    assert not made.violations, "\n".join(made.violations)
