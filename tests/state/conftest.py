from pathlib import Path

import pytest

from bot.state import branch
from tests.state.helpers import FakeClock, repository


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return repository(tmp_path / "repo")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def no_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for its turn: what must hold without the courtesy lock is tested without it."""
    monkeypatch.setattr(branch, "TURN_SECONDS", 0)
