"""What the tests of several adapters share."""

from collections.abc import Iterator

import pytest

from tests.adapters.scripted import Scripted, scripted


@pytest.fixture
def script() -> Iterator[Scripted]:
    with scripted() as server:
        yield server
