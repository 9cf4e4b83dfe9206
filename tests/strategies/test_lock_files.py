"""Stale lock files, with the real tools and an index of the test's own."""

import shlex
from collections.abc import Iterator

import pytest

from bot.config_files import config_root
from bot.yaml12 import load
from strategies import lock_files
from tests.index import Index, Release
from tests.projects import CHECKOUT, SETUP_PYTHON, WORKFLOW, Make, workflow

TABLE = load((config_root() / "lock_files.yaml").read_bytes(), "lock_files.yaml")
NETWORK = {"REGREEN_REPLAY_NETWORK": "registries"}
RELEASES = [Release("loose", f"1.{n}.0", f"2024-0{n + 1}-05T00:00:00Z", "ANSWER = 42") for n in range(4)]
SAID = "the lock file a needs to be updated; the lockfile at x needs to be updated; poetry.lock; the lock file; YN0028; yarn.lock needs to be updated; missing go.sum entry; lockfile hash"
SETUP_UV = "uses: astral-sh/setup-uv@v6"
UV = {
    "pyproject.toml": '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["loose"]\n',
    "uv.lock": 'version = 1\nrevision = 3\nrequires-python = ">=3.11"\n\n'
    '[[package]]\nname = "x"\nversion = "1"\nsource = { virtual = "." }\n',
}
NPM = {
    "package.json": '{"name": "x", "version": "1.0.0", "dependencies": {"loose": "^1.0.0"}}\n',
    "package-lock.json": '{"name": "x", "version": "1.0.0", "lockfileVersion": 3, "requires": true, "packages": '
    '{"": {"name": "x", "version": "1.0.0"}}}\n',
}
GO = {
    "go.mod": "module example.com/a\n\ngo 1.21\n\nreplace example.com/b => ./b\n",
    "b/go.mod": "module example.com/b\n\ngo 1.21\n",
    "b/b.go": "package b\n\nfunc F() int { return 1 }\n",
    "a.go": 'package a\n\nimport "example.com/b"\n\nvar X = b.F()\n',
}
CARGO = {
    "Cargo.toml": '[package]\nname = "a"\nversion = "0.1.0"\nedition = "2021"\n\n[dependencies]\nb = { path = "b" }\n',
    "Cargo.lock": 'version = 3\n\n[[package]]\nname = "a"\nversion = "0.1.0"\n',
    "src/lib.rs": "pub fn f() -> i32 { b::g() }\n",
    "b/Cargo.toml": '[package]\nname = "b"\nversion = "0.1.0"\nedition = "2021"\n',
    "b/src/lib.rs": "pub fn g() -> i32 { 1 }\n",
}


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name)
    with Index(RELEASES) as served:
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"{served.url}/simple")
        monkeypatch.setenv("npm_config_registry", f"{served.url}/npm/")
        yield served


@pytest.mark.parametrize(("name", "line"), [(t["name"], line) for t in TABLE for line in t["examples"]])
def test_the_examples_of_the_table(name: str, line: str) -> None:
    found = lock_files.recognise(lock_files.started(shlex.split(line)), TABLE, SAID)
    assert found
    assert found["name"] == name


@pytest.mark.parametrize("line", ["uv lock", "npm install", "npm run ci", "go mod download", "pdm list", "pytest -q"])
def test_what_looks_at_no_lock_file(line: str) -> None:
    assert lock_files.recognise(lock_files.started(shlex.split(line)), TABLE, "") is None


@pytest.mark.parametrize(
    ("files", "steps", "lock"),
    [
        pytest.param(UV, (SETUP_UV, SETUP_PYTHON, "run: make check"), "uv.lock", id="uv by make"),
        pytest.param(NPM, ("uses: actions/setup-node@v4", "run: npm ci --no-audit"), "package-lock.json", id="npm"),
    ],
)
def test_stale_ones_are_brought_up_to_date_as_of_the_runs_time(
    project: Make, index: Index, files: dict[str, str], steps: tuple[str, ...], lock: str
) -> None:
    more = {"Makefile": "check:\n\tuv lock --check\n", ".gitignore": "node_modules\n"}
    made = project({WORKFLOW: workflow(CHECKOUT, *steps), **files, **more})
    done = made.here("fix", "--json", "--as-of", "2024-03-20", env=NETWORK)
    assert (done.json["verdict"], done.json["grade"], done.json["strategy"]) == ("FIXED", "A", "lock files"), done.out
    assert made.git("diff", "--name-only", "main", done.json["branch"]) == lock
    text = made.git("show", f"{done.json['branch']}:{lock}")
    assert ("loose-1.2" in text, "loose-1.3" in text) == (True, False), text


@pytest.mark.parametrize(
    ("files", "step", "kind", "lock"),
    [
        pytest.param(GO, "go vet ./...", "go", "go.mod", id="go"),
        pytest.param(CARGO, "cargo build --locked", "rust", "Cargo.lock", id="cargo"),
    ],
)
def test_stale_ones_of_path_dependencies(project: Make, files: dict[str, str], step: str, kind: str, lock: str) -> None:
    made = project({WORKFLOW: workflow(CHECKOUT, f"run: {step}"), **files})
    if not any(c["name"] == kind and c["ok"] for c in made.here("doctor", "--json").json):
        pytest.skip(f"there is no {kind} here")
    done = made.here("fix", "--json")
    assert (done.json["verdict"], done.json["grade"], done.json["strategy"]) == ("FIXED", "A", "lock files"), done.out
    assert made.git("diff", "--name-only", "main", done.json["branch"]) == lock
