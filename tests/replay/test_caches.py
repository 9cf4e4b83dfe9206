"""The caches of package managers: who is given what whose replay has left, and what hostile code can leave there."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.app import App
from bot.model import ReplayOptions, Result
from bot.replay.caches import FILES, Caches, Shelf
from bot.replay.replays import Replays
from tests.conftest import NODE_MODULES
from tests.index import Index, Release
from tests.projects import CHECKOUT, SETUP_PYTHON, WORKFLOW, Make, Project, workflow
from tests.replay.test_network import index as index

PLACE = "~/.cache/pip/wheels"
SHOW = f"run: cat {PLACE}/* 2> /dev/null || echo cold"
FILL = f"run: mkdir -p {PLACE} && echo ${{{{ job.status }}}} by $(cat who) > {PLACE}/a; echo > ~/.cache/other"
FILES_OF = {"who": "me\n"}
Open = Callable[..., Replays]
REGISTRIES = ReplayOptions(network="registries")


@pytest.fixture
def opened() -> Iterator[Open]:
    """Opens what replays a project, and closes it."""
    made: list[Replays] = []

    def start(app: App, options: ReplayOptions = REGISTRIES) -> Replays:
        made.append(app.replays(options))
        return made[-1]

    yield start
    for replays in made:
        replays.close()


def shown(made: Project, *, app: dict[str, Any] | None = None, **options: Any) -> str:
    """What the first step of the job finds in the cache."""
    done = made.replay(app=app, **{"network": "registries", **options})
    return done.printed()[done.printed().index("end") - 1]


def project_of(make: Make, *more: str) -> Project:
    return make({WORKFLOW: workflow(CHECKOUT, SHOW, "run: echo end", FILL, *more), **FILES_OF})


def test_a_later_replay_of_the_same_files_has_what_the_first_has_left(project: Make, own_cache: Path) -> None:
    made = project_of(project)
    assert shown(made) == "cold"
    again = made.replay(network="registries")
    assert "success by me" in again.printed(), again.log
    assert again.result.notes == ("package caches that a replay of the commit itself had filled were given to: job",)
    layers = list(own_cache.glob(f"regreen/layers/*/*/*/{FILES}"))
    assert [str(p.relative_to(layers[0])) for p in layers[0].rglob("*") if p.is_file()] == [".cache/pip/wheels/a"]
    assert len(layers) == 1, "nothing that is there is kept again"


def test_nobody_else_is_given_it(project: Make, own_cache: Path) -> None:
    made = project_of(project)
    before = made.git("rev-parse", "HEAD")
    assert shown(made) == "cold"
    assert shown(made, as_of=datetime(2026, 1, 1, tzinfo=UTC)) == "cold"
    for _ in range(2):
        assert shown(made, network="none") == "cold"
    made.git("remote", "add", "origin", "https://github.com/another/one.git")
    assert shown(made) == "cold"
    made.git("remote", "remove", "origin")
    made.write({"who": "another\n"})
    assert shown(made) == "cold", "what is not committed makes other files"
    made.commit("Second")
    made.git("checkout", "--quiet", before)
    assert shown(made) == "success by me"


def test_runs_with_secrets_leave_nothing_and_are_given_nothing(project: Make, own_cache: Path) -> None:
    made = project_of(project)
    secrets: dict[str, Any] = {"app": {"secrets": {"TOKEN": "hush-1234"}}, "secrets": ("TOKEN",)}
    assert shown(made, **secrets) == "cold"
    assert shown(made) == "cold"
    assert shown(made, **secrets) == "cold"
    assert shown(made) == "success by me"


def test_a_candidate_reads_and_leaves_nothing(project: Make, own_cache: Path, opened: Open) -> None:
    made = project_of(project)
    first = made.git("rev-parse", "HEAD")
    made.write({"who": "mallory\n"})
    candidate = made.commit("A candidate")
    made.git("checkout", "--quiet", first)
    replays = opened(made.app())

    def log_of(commit: str) -> str:
        return Path(replays.run(commit)[0].log).read_text()

    assert "Z cold\n" in log_of(candidate)
    assert "Z cold\n" in log_of(first), "the candidate has left nothing"
    assert "Z success by me\n" in log_of(candidate)
    replays.close()
    assert shown(made) == "success by me"


def test_jobs_do_not_see_what_others_have_fetched(project: Make, own_cache: Path) -> None:
    steps = "[{run: 'mkdir -p ~/.cache/pip/wheels; echo of ${{ matrix.v }} >> ~/.cache/pip/wheels/a'}, {run: 'cat ~/.cache/pip/wheels/a'}]"
    legs = f"{{runs-on: ubuntu-latest, strategy: {{matrix: {{v: [1, 2]}}}}, steps: {steps}}}"
    made = project({WORKFLOW: f"on: push\njobs:\n  job: {legs}\n"})
    made.replay(network="registries")
    again = made.replay(network="registries")
    assert [x for x in again.printed() if x.startswith("of ")] == ["of 1", "of 1", "of 2", "of 2"], again.log


def test_nothing_is_kept_where_steps_went_on_after_a_failure(project: Make, own_cache: Path) -> None:
    """Else `cargo build --offline` would pass the next time, because of a later `cargo fetch`."""
    needs = f"run: test -e {PLACE}/a"
    made = project({WORKFLOW: workflow(CHECKOUT, needs, f"if: always()\n{FILL}"), **FILES_OF})
    for _ in range(2):
        assert made.replay(network="registries").steps == ["success", "failure", "success"]


def test_a_held_job_has_layers_below_its_workbench(project: Make, own_cache: Path, opened: Open) -> None:
    made = project_of(project, "run: exit 1")
    (first, _) = opened(made.app()).run(made.git("rev-parse", "HEAD"), hold=True)
    assert "Z cold\n" in Path(first.log).read_text()
    replays = opened(made.app())
    result, benches = replays.run(replays.snapshot.commit, hold=True)
    bench = benches(result.jobs[0].key)
    assert bench, result
    ran = bench.session().run(["sh", "-c", f"cat {PLACE}/a; echo x > {PLACE}/a; rm -r {PLACE}; ls {PLACE}"])
    assert ran.output.startswith("failure by me\n") or ran.output.startswith("success by me\n")
    assert "No such file" in ran.output
    other = bench.session().run(["sh", "-c", f"cat {PLACE}/a; cat who; ls ~/.cache"])
    assert other.output.split()[-3:] == ["me", "other", "pip"]
    layer = next(own_cache.glob(f"regreen/layers/*/*/*/{FILES}"))
    assert "by me" in (layer / ".cache" / "pip" / "wheels" / "a").read_text()


def test_uv_and_npm_find_what_they_had_fetched(project: Make, own_cache: Path, index: Index) -> None:
    steps = (
        SETUP_PYTHON,
        "uses: actions/setup-node@v4",
        "uses: astral-sh/setup-uv@v6",
        "run: uv venv v && uv pip install --python v/bin/python one && v/bin/python -m one",
        "run: npm init -y > /dev/null && npm install --no-audit one && test -f node_modules/one/package.json",
    )
    index.immutable = True
    made = project({WORKFLOW: workflow(*steps)})
    for _ in range(2):
        done = made.replay(network="registries")
        shutil.rmtree(own_cache / "regreen" / "packages")  # what the proxy has kept
        assert set(done.steps) == {"success"}, done.log
    fetched = [x for x in index.asked if x.startswith("GET /files/")]
    assert sorted(fetched) == ["GET /files/one-1.0-py3-none-any.whl", "GET /files/one-1.0.tgz"]
    pages = [x for x in index.asked if x.startswith(("GET /simple/one", "GET /npm/one"))]
    assert len(pages) >= 4, "what an index lists is asked for each time"


def test_pnpm_is_installed_and_what_it_fetches_is_kept(project: Make, own_cache: Path, index: Index) -> None:
    folder = NODE_MODULES / "pnpm"
    version = json.loads((folder / "package.json").read_text())["version"]
    index.releases += [Release("pnpm", version, folder=folder), Release("two", "1.0.0")]
    index.immutable = True
    package = {"packageManager": f"pnpm@{version}", "dependencies": {"two": "^1.0"}}
    steps = (
        CHECKOUT,
        "uses: actions/setup-node@v4",
        "uses: pnpm/action-setup@v4\nid: p\nwith: {run_install: true}",
        "run: test $(which pnpm) = ${{ steps.p.outputs.bin_dest }}/pnpm && pnpm --version && test -d ${{ steps.p.outputs.dest }}",
        "run: test -f node_modules/two/package.json && case $(pnpm store path) in $PNPM_HOME/store/*) ;; *) exit 1;; esac",
        "uses: actions/setup-node@v4\nwith: {cache: pnpm}",
    )
    made = project({WORKFLOW: workflow(*steps), "package.json": json.dumps(package)})
    done = made.replay(network="registries")
    assert done.result.result is Result.SUCCESS, done.log
    assert version in done.printed()
    store = "setup-pnpm/node_modules/.bin/store"
    assert list(own_cache.glob(f"regreen/layers/*/*/*/{FILES}/{store}/v*/files/*/*"))


# --- what hostile code may leave ---


@pytest.fixture
def caches(tmp_path: Path) -> Caches:
    return Caches(tmp_path / "layers", {"pip": [".cache/pip/wheels"], "uv": [".cache/uv/*-v*"]}, 10_000, lambda _: True)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home" / ".cache" / "pip" / "wheels").mkdir(parents=True)
    return tmp_path / "home"


def kept(shelf: Shelf, home: Path) -> list[str]:
    """What there is of a leg after its HOME was kept."""
    shelf.keep("leg", home, ())
    found = [(p, layer) for layer in shelf.layers("leg") for p in layer.rglob("*") if p.is_symlink() or not p.is_dir()]
    return sorted(str(p.relative_to(layer)) for p, layer in found)


def test_links_and_devices_lead_nowhere(caches: Caches, home: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret-v1"
    secret.mkdir()
    (secret / "key").write_text("hush")
    (home / ".cache" / "uv").symlink_to(tmp_path)
    wheels = home / ".cache" / "pip" / "wheels"
    (wheels / "link").symlink_to(secret / "key")
    (wheels / "folder").symlink_to(secret)
    os.mkfifo(wheels / "pipe")
    (wheels / "plain").write_text("x")
    (wheels / "plain").chmod(0o6755)
    shelf = caches.shelf("a")
    assert kept(shelf, home) == [f".cache/pip/wheels/{name}" for name in ("folder", "link", "plain")]
    (layer,) = shelf.layers("leg")
    assert (layer / ".cache/pip/wheels/folder").is_symlink()
    assert (layer / ".cache/pip/wheels/link").is_symlink()
    assert stat.S_IMODE((layer / ".cache/pip/wheels/plain").stat().st_mode) == 0o755
    shelf.close()


@pytest.mark.parametrize("bomb", ["large", "deep"])
def test_what_is_too_much_is_not_kept_at_all(caches: Caches, home: Path, bomb: str) -> None:
    place = home / ".cache" / "pip" / "wheels"
    (place / "small").write_text("x")
    if bomb == "large":
        (place / "large").write_bytes(b"x" * 10_000)
    else:
        (place / "/".join("d" * 50)).mkdir(parents=True)
    shelf = caches.shelf("a")
    assert kept(shelf, home) == []
    assert list(caches.folder.glob("*/part-*")) == []
    shelf.close()


def test_what_is_damaged_is_not_given(caches: Caches, home: Path) -> None:
    (home / ".cache/pip/wheels/a").write_text("whole")
    shelf = caches.shelf("a")
    assert kept(shelf, home) == [".cache/pip/wheels/a"]
    (shelf.layers("leg")[0] / ".cache/pip/wheels/a").write_text("")
    assert shelf.layers("leg") == ()
    shelf.close()


def test_only_so_much_is_kept_and_nothing_is_taken_from_who_uses_it(caches: Caches, home: Path) -> None:
    place = home / ".cache" / "pip" / "wheels" / "a"
    shelves = []
    for number in range(3):
        place.write_bytes(b"x" * 4000)
        shelves.append(caches.shelf(f"{number}"))
        assert kept(shelves[-1], home)
        os.utime(next(caches.folder.glob("*")), None)
    for number, shelf in enumerate(shelves):
        os.utime(shelf.layers("leg")[0].parents[2], (number, number))
    shelves[0].close()
    shelves[2].close()
    (killed := caches.folder / next(iter(caches.folder.iterdir())).name / "part-1").mkdir()
    caches.prune()
    assert [bool(shelf.layers("leg")) for shelf in shelves] == [False, True, True], "the oldest has gone"
    (caches.folder / "00.gone").mkdir()
    shelves[1].close()
    caches.prune()
    assert not killed.exists()
    assert len(list(caches.folder.iterdir())) == 2


def test_processes_side_by_side_and_killed_ones_are_no_matter(caches: Caches, home: Path) -> None:
    (home / ".cache/pip/wheels/a").write_text("x")
    hold = "import sys; from pathlib import Path; from bot.replay.caches import Caches"
    hold += (
        f"; shelf = Caches(Path({str(caches.folder)!r}), {{}}, 1, bool).shelf('a'); print('held', flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdout.readline() == b"held\n"
        shelf = caches.shelf("a")
        assert kept(shelf, home) == [".cache/pip/wheels/a"]
        shelf.keep("leg", home, ())  # as if both had begun with nothing
        assert len(shelf.layers("leg")) == 2
        shelf.close()
        small = Caches(caches.folder, {}, 0, lambda _: True)
        small.prune()
        assert list(caches.folder.glob("*/*/*")) != [], "the other process uses it"
        other.send_signal(signal.SIGKILL)
    small.prune()
    assert list(caches.folder.iterdir()) == []


def test_an_empty_shelf_does_not_stay(caches: Caches, home: Path) -> None:
    shelf = caches.shelf("a")
    assert kept(shelf, home / ".cache") == []
    shelf.close()
    assert list(caches.folder.iterdir()) == []


def test_where_layers_do_not_stack_nothing_is_kept(caches: Caches, home: Path) -> None:
    (home / ".cache/pip/wheels/a").write_text("x")
    shelf = Caches(caches.folder, caches.patterns, 10_000, lambda _: False).shelf("a")
    assert kept(shelf, home) == []
    shelf.close()
