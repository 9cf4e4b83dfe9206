from collections.abc import Callable
from typing import Any

import pytest

from tests.projects import WORKFLOW, Make, Replayed, workflow

Replay = Callable[..., Replayed]


@pytest.fixture
def replay(project: Make) -> Replay:
    """Replays a project that consists of a workflow of these steps (see `tests.projects.workflow`) and of these files."""

    def run(
        *steps: str, files: dict[str, str] | None = None, options: dict[str, Any] | None = None, **more: str
    ) -> Replayed:
        return project({WORKFLOW: workflow(*steps, **more), **(files or {})}).replay(**(options or {}))

    return run
