"""What git finds inside of a replay without a network: repositories that the tree names, from local mirrors."""

import ssl
from collections.abc import Callable, Mapping
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bot.model import ReplayOptions, Result
from tests.projects import CHECKOUT, WORKFLOW, Make, Project, workflow
from tests.replay.conftest import Replay
from tests.servers import serving

pytestmark = pytest.mark.usefixtures("own_cache")
Mirror = Callable[[str, Mapping[str, str | bytes]], Project]
CLONE = "git clone --quiet https://github.com/acme/thing.git"


def test_git_finds_what_the_tree_names_and_the_checkouts_own_repository(mirror: Mirror, project: Make) -> None:
    thing = mirror("acme/thing", {"a": "one\n"})
    first = thing.git("rev-parse", "HEAD")
    thing.write({"a": "two\n"})
    thing.commit("Second")
    steps = (
        CHECKOUT,
        f"run: {CLONE}; cat thing/a; git -C thing describe --tags --abbrev=0; git -C thing remote get-url origin",
        f"run: git init -q by && cd by && git fetch -q --depth=1 https://github.com/acme/thing {first} && git show FETCH_HEAD:a",
        "run: git ls-remote --tags https://user:word@github.com/acme/thing | cut -f2",
        "run: git fetch -q --unshallow && git log --format=%s && git fetch -q origin other && git log --format=%s FETCH_HEAD",
        "run: git clone -q https://github.com/acme/shop again && git -C again log --format=%s",
        "uses: actions/checkout@v4\nwith: {repository: acme/thing, ref: v1, path: sub}",
        "run: git -C sub log --format=%s; git -C sub status --short --branch",
        "uses: actions/checkout@v4\nwith: {repository: acme/thing, path: sub, fetch-depth: 0}",
        "run: git -C sub log --format=%s; git -C sub status --short --branch",
        "run: for f in $(find /regreen/sources); do (echo x >> $f; touch $f/new; chmod 777 $f) 2>/dev/null && echo written; done; ls /regreen/sources",
    )
    made = project({WORKFLOW: workflow(*steps)})
    made.git("branch", "other")
    made.commit("Second of shop")
    done = made.replay(repository="acme/shop")
    assert done.result.result is Result.SUCCESS, done.log
    assert [x for x in done.printed() if not x.startswith("HEAD is now at")] == [
        *("two", "v1", "https://github.com/acme/thing.git", "one", "refs/tags/v1"),
        *("Second of shop", "First", "First"),
        *("Second of shop", "First"),
        *("First", "## HEAD (no branch)"),
        *("Second", "First", "## main...origin/main"),
        *("0", "1"),
    ]


def test_what_cannot_be_had_is_named(mirror: Mirror, replay: Replay) -> None:
    mirror("acme/unnamed", {"a": ""})
    none = replay("run: git clone https://github.com/acme/none 2>/dev/null || true", "run: 'true'")
    assert none.result.result is Result.UNREPLAYABLE, "what came after is not what it is on GitHub"
    assert "the repository https://github.com/acme/none, which cannot be had here: " in (none.result.reason or "")
    hidden = replay("run: git clone https://github.com/acme/un'na'med")
    assert "https://github.com/acme/unnamed, which is not fetched: the tree does not name it" in (hidden.result.reason or "")  # fmt: skip
    elsewhere = replay("run: git clone https://secret@example.org/a/b")
    assert "https://example.org/a/b is not among the sources" in (elsewhere.result.reason or "")
    assert "secret" not in (elsewhere.result.reason or "")


def test_what_only_a_candidate_names_is_not_fetched(mirror: Mirror, project: Make) -> None:
    """Candidates are made in sandboxes: what they name could tell something to the outside."""
    mirror("acme/thing", {"action.yml": "runs: {using: composite, steps: [{run: 'true', shell: bash}]}\n"})
    made = project({WORKFLOW: workflow(CHECKOUT, "run: ./clone.sh || true"), "clone.sh": "#!/bin/sh\n"})
    used = workflow(CHECKOUT, "uses: ./mine")
    for number, change in enumerate(({"clone.sh": f"#!/bin/sh\n{CLONE}\n"}, {WORKFLOW: used, "mine/action.yml": "runs: {using: composite, steps: [{uses: acme/thing@v1}]}\n"})):  # fmt: skip
        made.git("checkout", "--quiet", "-B", f"candidate{number}", "main")
        made.write(change)
        candidate = made.commit("Candidate")
        assert made.replay().result.result is Result.SUCCESS
        made.git("checkout", "--quiet", "main")
        replays = made.app().replays(ReplayOptions(network="none"))
        result, _ = replays.run(candidate)
        replays.close()
        assert result.result is Result.UNREPLAYABLE
        assert "acme/thing" in (result.reason or "")
        assert "does not name it" in (result.reason or "")


def test_a_push_in_a_script_is_never_done(mirror: Mirror, replay: Replay) -> None:
    thing = mirror("acme/thing", {"a": ""})
    script = {"publish.sh": f"#!/bin/sh\n{CLONE}\ncd thing\ngit push origin HEAD:refs/heads/pushed\n"}
    done = replay(CHECKOUT, "run: ./publish.sh", files=script)
    assert (done.result.result, done.result.reason) == (
        Result.UNREPLAYABLE, "job: a step pushes to a repository, which is never done in a replay",
    )  # fmt: skip
    assert thing.git("branch", "--format=%(refname:short)") == "main"


def test_what_npm_fetches_from_github_as_an_archive_is_named(mirror: Mirror, project: Make) -> None:
    mirror("acme/thing", {"package.json": '{"name": "thing", "version": "1.0.0"}\n'})
    step = "run: npm install --no-audit --no-fund --fetch-retries=0"
    files = {"package.json": '{"name": "x", "dependencies": {"thing": "git+https://github.com/acme/thing.git#v1"}}\n'}
    made = project({WORKFLOW: workflow(CHECKOUT, "uses: actions/setup-node@v4", step), **files})
    reason = made.replay().result.reason or ""
    assert "has failed, and needs a network: " in reason
    assert "https://codeload.github.com/acme/thing/tar.gz/" in reason


def test_submodules_at_their_recorded_commits_and_those_of_submodules(mirror: Mirror, project: Make) -> None:
    deep = mirror("acme/deep", {"d": "deep\n"})
    near = mirror("acme/near", {"n": "near\n"})
    near.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(deep.root), "deep")
    near.write({".gitmodules": '[submodule "deep"]\npath = deep\nurl = ../deep.git\n'})
    near.commit("Use deep")
    made = project(
        {
            WORKFLOW: workflow(
                "uses: actions/checkout@v4\nwith: {submodules: recursive}",
                "run: cat near/n near/deep/d far/n; ls far/deep",
            )
        }
    )
    for name in ("near", "far"):
        made.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(near.root), name)
    made.write({".gitmodules": "[submodule \"near\"]\npath = near\nurl = https://github.com/acme/near\n"
                               "[submodule \"far\"]\npath = far\nurl = git@github.com:acme/near.git\n"})  # fmt: skip
    made.commit("Use near and far")
    near.write({"n": "newer\n"})
    near.commit("Newer")
    done = made.replay(repository="acme/shop")
    assert done.result.result is Result.SUCCESS, done.log
    assert done.printed()[-4:] == ["near", "deep", "near", "d"]
    near.root.rename(near.root.with_name("gone"))
    (near.root.parent / "deep").rename(near.root.parent / "gone-too")
    again = made.replay(repository="acme/shop")
    assert again.result.result is Result.SUCCESS, again.log
    assert "was taken from the cache" in again.result.notes[0]


def test_a_submodule_that_cannot_be_had_is_named(mirror: Mirror, project: Make) -> None:
    near = mirror("acme/near", {"n": "near\n"})
    made = project({WORKFLOW: workflow("uses: actions/checkout@v4\nwith: {submodules: true}")})
    made.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(near.root), "near")
    made.write({".gitmodules": '[submodule "near"]\npath = near\nurl = ../absent.git\n'})
    made.commit("Use near")
    done = made.replay(repository="acme/shop")
    assert done.result.result is Result.UNREPLAYABLE
    assert "https://github.com/acme/absent, which cannot be had here" in (done.result.reason or "")


def test_with_a_network_git_is_let_at_the_real_server(tls: ssl.SSLContext, replay: Replay, tmp_path: Path) -> None:
    thing = Project(tmp_path / "thing", {"a": "real\n"})
    thing.git("clone", "--quiet", "--bare", str(thing.root), str(tmp_path / "www" / "thing.git"))
    Project(tmp_path / "www" / "thing.git").git("update-server-info")

    class Files(SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(tmp_path / "www"))

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Files)
    url = f"https://127.0.0.1:{server.server_port}"
    with serving(server, tls):
        done = replay(f"run: git clone --quiet {url}/thing.git && cat thing/a", options={"network": "all"})
        none = replay(f"run: git clone --quiet {url}/none.git", options={"network": "all"})
    assert (done.result.result, done.printed()) == (Result.SUCCESS, ["real"]), done.log
    assert none.result.result is Result.UNREPLAYABLE
    assert f"{url}/none" in (none.result.reason or "")
