"""The clone of a repository on GitHub, whose git is let in by the token of the moment."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.adapters.github_access import PERMISSIONS
from bot.adapters.github_api import with_app
from bot.adapters.hosted_clone import fetched
from bot.errors import GitFailed
from tests.hub import Hub
from tests.state.helpers import FakeClock


def test_a_command_that_outlives_its_token_pushes_with_the_next_one(hub: Hub, tmp_path: Path) -> None:
    one = hub.repository("octo/app", {"a": "1\n"}, private=True)
    app, clock = hub.app("mender", PERMISSIONS), FakeClock()
    clock.time = datetime.now(UTC)
    github = with_app(one.name, app.id, app.private_key, app.installation, clock, api_url=hub.url)
    git = fetched(tmp_path, f"{hub.url}/octo/app.git", github.git_environment, clock)
    for token in hub.tokens.values():
        token.expires = datetime.now(UTC)
    with pytest.raises(GitFailed):
        git.run("ls-remote", "origin")
    clock.time += timedelta(minutes=56)
    git.run("push", "--quiet", "origin", "refs/remotes/origin/main:refs/heads/fix")
    assert one.git.resolve("fix") == one.git.resolve("main")
