"""What `regreen init` writes, and what it leaves alone."""

import os
from pathlib import Path

import pytest
import yaml

from bot.app import Voices
from bot.init import own_action
from bot.settings import read_settings
from bot.yaml12 import load
from tests.hub import Hub
from tests.projects import WORKFLOW, Make, Project, regreen, workflow

OWN, SETTINGS = ".github/workflows/regreen.yml", ".github/regreen.yml"
ACTION = "octo/regreen@0123456789abcdef0123456789abcdef01234567"
INIT = ("init", "--yes", "--action", ACTION)
RELEASE = workflow("run: 'true'", on="{push: {tags: ['v*']}}")


@pytest.fixture
def made(project: Make) -> Project:
    """A checkout with one workflow that checks it."""
    return project({WORKFLOW: "name: CI\n" + workflow("run: 'true'")})


def written(project: Project) -> str:
    return (project.root / OWN).read_text()


def test_it_watches_what_checks_pushes_and_pull_requests(made: Project) -> None:
    odd = 'A "name": é 🚀 #1'
    made.write({
        ".github/workflows/odd.yaml": yaml.safe_dump({"name": odd}) + workflow("run: 'true'", on="pull_request"),
        ".github/workflows/unnamed.yml": workflow("run: 'true'"),
        ".github/workflows/release.yml": RELEASE,
        ".github/workflows/broken.yml": "jobs: [",
    })  # fmt: skip
    done = made.here(*INIT)
    assert done.code == 0, done.err
    triggers = load(written(made), OWN)["on"]
    assert triggers["workflow_run"] == {
        "workflows": ["CI", odd, ".github/workflows/unnamed.yml"],
        "types": ["completed"],
    }
    assert "left out: .github/workflows/broken.yml:" in done.err


def test_it_writes_valid_settings_with_the_mode_that_was_asked_for(made: Project) -> None:
    assert made.here(*INIT, "--mode", "suggest").code == 0
    assert read_settings((made.root / SETTINGS).read_text(), SETTINGS, {}).proposal.mode == "suggest"


@pytest.mark.parametrize("more", [(), ("--hardened",)])
def test_once_more_it_changes_nothing(made: Project, more: tuple[str, ...]) -> None:
    made.here(*INIT, *more)
    before = written(made), (made.root / SETTINGS).read_text()
    done = made.here("init", "--yes", *more)
    assert done.code == 0, done.err
    assert f"{OWN}: nothing changes" in done.out
    assert (written(made), (made.root / SETTINGS).read_text()) == before


def test_it_replaces_nothing_unasked(made: Project) -> None:
    made.write({OWN: "mine\n", ".regreen.yml": "fix: {max_attempts: 1}\n"})
    done = made.here(*INIT)
    assert done.code == 0, done.err
    assert written(made) == "mine\n"
    assert not (made.root / SETTINGS).exists()
    assert f"{OWN}: stays as it is" in done.out


@pytest.mark.parametrize(("answer", "kept"), [("y", False), ("n", True), ("", True)])
def test_it_shows_what_would_change_and_asks(made: Project, answer: str, kept: bool) -> None:
    made.write({OWN: "mine\n", SETTINGS: ""})
    done = regreen("init", "--action", ACTION, cwd=made.root, stdin=f"{answer}\n".encode())
    assert done.code == 0, done.err
    assert "-mine\n" in done.out
    assert f"+      - uses: {ACTION}\n" in done.out
    assert (written(made) == "mine\n") is kept


def test_asked_for_everything(made: Project) -> None:
    done = regreen("init", cwd=made.root, stdin=f"{ACTION}\n\npush\n\n".encode())
    assert done.code == 0, done.err
    assert f"uses: {ACTION}" in written(made)
    assert "on the branch main" in done.out
    assert "Allow GitHub Actions to create and approve pull requests" in done.out
    assert read_settings((made.root / SETTINGS).read_text(), SETTINGS, {}).proposal.mode == "push"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("init", "--yes"), "which Action shall the workflow use? (give it with --action OWNER/NAME@COMMIT)"),
        (("init", "--yes", "--action", "octo/regreen"), "'octo/regreen' is not OWNER/NAME@COMMIT"),
        (("init", "--yes", "--action", f"{ACTION}\n- run: x"), "is not OWNER/NAME@COMMIT"),
    ],
)
def test_without_an_action_it_writes_nothing(made: Project, arguments: tuple[str, ...], told: str) -> None:
    done = made.here(*arguments)
    assert done.code == 2
    assert told in done.err
    assert not (made.root / OWN).exists()


@pytest.mark.parametrize("files", [{"a": ""}, {".github/workflows/release.yml": RELEASE}])
def test_without_workflows_there_is_nothing_to_look_after(project: Make, files: dict[str, str]) -> None:
    done = project(files).here(*INIT)
    assert done.code == 2
    assert "no workflow here runs on pushes or pull requests (first let one in .github/workflows/" in done.err


def test_it_writes_nothing_outside_of_the_checkout(project: Make, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "workflows").mkdir(parents=True)
    (outside / "workflows" / "ci.yml").write_text(workflow("run: 'true'"))
    made = project({"a": ""})
    (made.root / ".github").symlink_to(outside)
    done = made.here(*INIT)
    assert done.code == 2
    assert f"{OWN} leads out of the checkout" in done.err
    assert [f.name for f in outside.rglob("*") if f.is_file()] == ["ci.yml"]


def test_the_own_action_is_that_of_a_checkout_from_github_alone(project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    made = project({"bot/init.py": "", "lib/bot/init.py": ""})
    monkeypatch.setattr("bot.init.__file__", str(made.root / "bot" / "init.py"))
    quiet = Voices(lambda _: None, lambda *_: None)
    assert own_action(os.environ, quiet) == ""
    made.git("remote", "add", "origin", "git@github.com:octo/regreen.git")
    assert own_action(os.environ, quiet) == f"octo/regreen@{made.git('rev-parse', 'HEAD')}"
    monkeypatch.setattr("bot.init.__file__", str(made.root / "lib" / "bot" / "init.py"))  # installed in a project
    assert own_action(os.environ, quiet) == ""


@pytest.mark.parametrize(
    ("role", "allowed", "told"),
    [
        ("admin", True, "✓ pull requests: Actions may open them"),
        ("admin", False, "? pull requests: Actions may open none"),
        ("write", True, "? pull requests: this token cannot see whether Actions may open them"),
    ],
)
def test_it_says_whether_actions_may_open_pull_requests(
    made: Project, hub: Hub, role: str, allowed: bool, told: str
) -> None:
    one = hub.repository("octo/app", {"a": ""}, bob=role)
    one.actions_may_open_pulls = allowed
    made.git("remote", "add", "origin", f"{hub.url}/octo/app.git")
    done = made.regreen(*INIT, env={"GITHUB_TOKEN": hub.token("bob"), "GITHUB_API_URL": hub.url})
    assert done.code == 0, done.err
    assert f"✓ GitHub: octo/app, as bob ({role})" in done.out
    assert told in done.out
    assert allowed or f"{hub.url}/octo/app/settings/actions" in done.out


def test_the_doctor_names_what_is_wrong_with_the_token(made: Project, hub: Hub) -> None:
    hub.repository("octo/app", {"a": ""})
    made.git("remote", "add", "origin", f"{hub.url}/octo/app.git")
    done = made.regreen("doctor", env={"GITHUB_TOKEN": "ghp_wrong", "GITHUB_API_URL": hub.url})
    assert "? GitHub: " in done.out
    assert "token" in done.out.partition("? GitHub: ")[2]


def test_a_remote_elsewhere_is_not_asked_for_with_the_token(made: Project, hub: Hub) -> None:
    hub.repository("octo/app", {"a": ""})
    made.git("remote", "add", "origin", "https://git.example/octo/app.git")
    done = made.regreen(*INIT, env={"GITHUB_TOKEN": hub.token("octo"), "GITHUB_API_URL": hub.url})
    assert done.code == 0, done.err
    assert not hub.requests
