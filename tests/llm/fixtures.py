"""The fixture `llm_server`, imported into the conftest of all tests."""

from collections.abc import Iterator

import pytest

from tests.llm.server import LLMServer


@pytest.fixture
def llm_server() -> Iterator[LLMServer]:
    """A server with models. At the end no request may have broken the rules of the API."""
    with LLMServer().serving() as made:
        yield made
    assert not made.violations, "\n".join(made.violations)
