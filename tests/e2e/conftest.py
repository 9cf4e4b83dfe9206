"""What end-to-end tests share."""

from pathlib import Path

import pytest

from tests.e2e.desk import Desk
from tests.hub import Hub


@pytest.fixture
def desk(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """See `Desk`; with a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Desk(hub, tmp_path)
