"""What end-to-end tests share."""

from pathlib import Path

import pytest

from tests.e2e.desk import Desk
from tests.hub import Hub


@pytest.fixture
def desk(hub: Hub, tmp_path: Path, own_cache: Path) -> Desk:
    """See `Desk`; with a cache of its own."""
    return Desk(hub, tmp_path)
