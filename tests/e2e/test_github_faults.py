"""Whatever goes wrong at whatever call to GitHub: one pull request, one comment, and no incident that is lost."""

import itertools
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.desk import Desk
from tests.hub import Hub, faults
from tests.hub.faults import What
from tests.hub.routing import Request

HASTY = Path(__file__).with_name("hasty.py")
WHATS: dict[str, Callable[[], What]] = {
    "500": lambda: faults.unavailable(500),
    "502 after the effect": lambda: faults.unavailable(502, after=True),
    "dropped": faults.dropped,
    "dropped after the effect": lambda: faults.dropped(after=True),
    "primary limit": faults.primary_limit,
    "secondary limit": faults.secondary_limit,
    "secondary limit, unnamed": lambda: faults.secondary_limit(None, 429),
    "missing permission": faults.missing_permission,
    "may not open pulls": faults.may_not_open_pulls,
    "not there yet": faults.not_yet_there,
    "exists already": faults.already_exists,
    "expired token": faults.expired_token,
    "gone": faults.logs_gone,
}
CALLS = range(1, 12)  # a fix makes some ten
SMOKE = [
    ("dropped after the effect", 6),
    ("502 after the effect", 7),
    ("primary limit", 5),
    ("missing permission", 6),
    ("secondary limit, unnamed", 3),
]


def api(request: Request) -> bool:
    """Git has no such faults."""
    return not request.path.endswith((".git/info/refs", "/git-upload-pack", "/git-receive-pack"))


def fix(desk: Desk, run: int) -> subprocess.CompletedProcess[str]:
    settings = {"GITHUB_TOKEN": desk.token, "GITHUB_API_URL": desk.hub.url, "PYTHONPATH": str(Path.cwd())}
    words = [sys.executable, str(HASTY), "fix", "--run", str(run), "--repo", "octo/app"]
    return subprocess.run(
        words, cwd=desk.folder, env={**os.environ, **settings}, capture_output=True, text=True, check=False
    )


def survives(desk: Desk, what: str, call: int) -> None:
    """A fix with a fault ends well, or with one clear line; after it all is as if there had been none."""
    desk.token = desk.hub.job_token(
        desk.one, dict.fromkeys(("contents", "pull_requests", "issues", "checks", "actions"), "write")
    )
    run = desk.red()
    fault = desk.hub.fault(WHATS[what](), api, nth=call)
    first = fix(desk, run.id)
    told = f"{what} at {call}: {first.returncode}\n{first.stdout}{first.stderr}"
    assert "Traceback" not in first.stderr, told
    assert first.returncode in (0, 1, 2, 3), told
    if first.returncode:
        assert len([line for line in first.stderr.splitlines() if line.startswith("regreen: ")]) == 1, told
    fault.times = 0
    again = fix(desk, run.id)
    assert again.returncode == 0, f"{told}\nand then {again.stdout}{again.stderr}"
    assert len(desk.pulls()) == (0 if what == "may not open pulls" and not desk.pulls() else 1), told
    assert len([ref for ref in desk.one.git.refs() if ref.startswith("refs/heads/regreen/") and "-" in ref]) == 1, told


@pytest.mark.parametrize(("what", "call"), SMOKE)
def test_a_fault_is_survived(desk: Desk, what: str, call: int) -> None:
    survives(desk, what, call)


@pytest.mark.campaign
def test_every_fault_at_every_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = list(itertools.product(WHATS, CALLS))
    random.shuffle(cases)
    for number, (what, call) in enumerate(cases):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / f"cache{number}"))
        with Hub(tmp_path / f"hub{number}").serving() as hub:
            survives(Desk(hub, tmp_path), what, call)
    print(f"{len(cases)} faults survived")
