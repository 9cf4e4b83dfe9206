"""Fix mode on real repositories, with the real checkers, in the wrappings that projects use."""

import shlex
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from bot.config_files import config_root
from bot.ports import Executed
from bot.yaml12 import load
from strategies.commands import parsed, unwrap
from strategies.fixers import complaints, recognise
from tests.conftest import NODE_MODULES
from tests.projects import CHECKOUT, RUFF, SETUP_PYTHON, WORKFLOW, Make, Project, workflow

FIXERS = load((config_root() / "fixers.yaml").read_bytes(), "fixers.yaml")
EXAMPLES = [(f["name"], check, fix, bool(f.get("unsafe"))) for f in FIXERS for check, fix in f["examples"]]
PYTHON = ("uses: actions/checkout@v4", SETUP_PYTHON)
UGLY = "import sys, os\nx = {  'a':1 }\nprint(os, sys)\n"
ONE_RUN = """#!/bin/sh
made=$(mktemp -d)
cp "$(command -v "$1")" "$made/"
PATH="$made:$PATH" "$@"
code=$?
rm -rf "$made"
exit $code
"""


def ran(command: str, code: int | None = 1) -> Executed:
    return Executed(tuple(shlex.split(command)), cwd="/w", code=code)


@pytest.mark.parametrize(("name", "check", "fix", "unsafe"), EXAMPLES)
def test_the_examples_of_the_table(name: str, check: str, fix: str, unsafe: bool) -> None:
    found = recognise(ran(check), FIXERS, unsafe=unsafe)
    assert found
    assert (found.name, found.unsafe) == (name, unsafe)
    assert [*(found.command or shlex.split(check))] == shlex.split(fix)
    if unsafe:
        assert recognise(ran(check), FIXERS) is None


@pytest.mark.parametrize(
    "command",
    [
        *("black .", "ruff format src", "ruff check --add-noqa .", "prettier --write .", "prettier src", "gofmt -w ."),
        *(
            "isort -q .",
            "cargo build",
            "cargo fmt",
            "rubocop --auto-gen-config",
            "terraform plan",
            "terraform validate",
        ),
        *(
            "mvn -B verify",
            "./gradlew build",
            "pre-commit install",
            "biome start",
            "git diff --exit-code",
            "pytest -c x",
        ),
        *(
            "clang-format -i a.c",
            "sqlfluff parse a.sql",
            "eslint --print-config a.js",
            "python -c 1",
            "sh -c 'black --check .'",
        ),
        *(
            "docker run x black --check .",
            "ruff --version",
            "cat black",
            "taplo lint",
            "buf lint",
            "deno test",
            "rake test",
        ),
    ],
)
def test_what_is_no_check(command: str) -> None:
    assert recognise(ran(command), FIXERS, unsafe=True) is None


@pytest.mark.parametrize(
    ("check", "fix"),
    [
        ("ruff check --unsafe-fixes .", "ruff check --fix --unsafe-fixes ."),
        ("rubocop app", "rubocop -A app"),
        ("biome lint src", "biome lint --write --unsafe src"),
    ],
)
def test_unsafe_fixes_where_they_are_wanted(check: str, fix: str) -> None:
    found = recognise(ran(check), FIXERS, unsafe=True)
    assert found
    assert (list(found.command or ()), found.unsafe) == (shlex.split(fix), True)


def test_the_checkers_that_complain_in_the_order_of_their_ends() -> None:
    programs = [
        *(ran("black --check a", None), ran("black --check a"), ran("python -m black --check a"), ran("isort -c .", 0)),
        *(ran("gofmt -l .", 0), ran("make lint", 2)),
    ]
    found = complaints(programs, FIXERS, unsafe=False)
    assert [(f.name, f.quiet) for f in found] == [("black", False), ("gofmt", True)]


def test_a_checker_that_was_told_not_to_fail_may_be_what_something_else_fails_for() -> None:
    programs = [ran("ruff check --exit-zero a", 0), ran("ruff check b", 0), ran("python judge.py", 1)]
    assert [f.program.argv[-1] for f in complaints(programs, FIXERS, unsafe=False)] == ["a"]


@pytest.mark.parametrize(
    ("check", "fixed"),
    [
        ("ruff check --fix --exit-non-zero-on-fix .", True),
        ("ruff check --fix --diff .", False),
        ("eslint --fix src", True),
        ("eslint src", False),
    ],
)
def test_a_check_that_was_started_as_the_fix_has_fixed_already(check: str, fixed: bool) -> None:
    found = recognise(ran(check), FIXERS)
    assert found
    assert (found.command is None) is fixed


@pytest.mark.parametrize(
    ("argv", "name", "arguments"),
    [
        ("black --check .", "black", ["--check", "."]),
        ("/opt/x/bin/black --check .", "black", ["--check", "."]),
        ("python -m black --check .", "black", ["--check", "."]),
        ("/usr/bin/python3.12 -W error -I -m pre_commit run", "pre-commit", ["run"]),
        ("python3 /venv/bin/isort -c .", "isort", ["-c", "."]),
        ("node /w/node_modules/.bin/prettier -c .", "prettier", ["-c", "."]),
        ("node /w/node_modules/prettier/bin/prettier.cjs -c .", "prettier", ["-c", "."]),
        ("/usr/local/bin/node --no-warnings /w/node_modules/eslint/bin/eslint.js .", "eslint", ["."]),
        ("node /w/node_modules/.bin/../prettier/bin/prettier.cjs -c .", "prettier", ["-c", "."]),
        ("node /w/node_modules/@biomejs/biome/bin/biome check", "biome", ["check"]),
        ("node /w/node_modules/@taplo/cli/dist/cli.js fmt", "taplo", ["fmt"]),
        ("node -r ./.pnp.cjs /c/eslint-npm-9.zip/node_modules/eslint/bin/eslint.js .", "eslint", ["."]),
        ("bash -c 'black .'", "bash", ["-c", "black ."]),
        ("/usr/bin/clang-format-15.0 -n a.c", "clang-format", ["-n", "a.c"]),
        ("/usr/bin/ruby3.1 /usr/bin/bundle3.1 exec rubocop -P", "rubocop", ["-P"]),
        ("php -d memory_limit=1G tools/php-cs-fixer-v3.phar check", "php-cs-fixer", ["check"]),
        ("java -Xmx1g -cp a.jar org.scalafmt.cli.Cli --test", "org.scalafmt.cli.Cli", ["--test"]),
        ("java -Dx=y -jar /j/google-java-format-1.22.0-all-deps.jar -n A.java", "google-java-format", ["-n", "A.java"]),
        ("npx --yes prettier@3 -c .", "prettier", ["-c", "."]),
        ("poetry run black --check .", "black", ["--check", "."]),
        ("env A=1 B=1 ruff check", "ruff", ["check"]),
        ("uv run --frozen ruff check", "ruff", ["check"]),
        ("uv run --with black==24.1.0 black --check .", "black", ["--check", "."]),
        ("python", "python", []),
        ("", "", []),
    ],
)
def test_what_stands_behind_an_interpreter(argv: str, name: str, arguments: list[str]) -> None:
    command = unwrap(shlex.split(argv))
    assert (command.name, list(command.arguments)) == (name, arguments)


def test_scripts_that_cannot_be_watched_are_read() -> None:
    script = 'set -e\ncd src && FOO=1 ruff check . || exit 1  # lint\nblack \\\n  --check . | tee log; echo "$HOME"\necho \'open'
    assert list(parsed(script)) == [
        ("set", "-e"), ("cd", "src"), ("ruff", "check", "."), ("exit", "1"), ("black", "--check", "."), ("tee", "log"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("tools", "step", "files"),
    [
        pytest.param(
            "ruff",
            "make lint",
            {"Makefile": "lint:\n\t@ruff check --no-cache --select I,E401 .\n"},
            id="ruff check in make",
        ),
        pytest.param(
            "ruff",
            "./ci/lint.sh",
            {"ci/lint.sh": "#!/bin/sh\nexec python -m ruff format --check .\n"},
            id="ruff format in a script",
        ),
        pytest.param("black", "python -m black --check .", {}, id="black as a module"),
        pytest.param("isort", "bash -c 'isort --check-only --diff . || exit 3'", {}, id="isort in a shell"),
        pytest.param(
            "codespell", '"$(command -v codespell)" docs', {"docs/a.md": "teh end\n"}, id="codespell by its path"
        ),
        pytest.param("black isort", "black --check . && isort --profile black -c .", {}, id="one after the other"),
        pytest.param(
            "black isort", "isort --profile black -c . ; a=$?; black --check . && exit $a", {}, id="both, then fail"
        ),
        pytest.param(
            "codespell",
            "ci/with.sh codespell docs",
            {"docs/a.md": "teh end\n", "ci/with.sh": ONE_RUN},
            id="an environment of one run",
        ),
        pytest.param(
            "ruff", "find . -name '*.py' -print0 | xargs -0 -n 1 ruff format --check", {"b.py": UGLY}, id="xargs"
        ),
    ],
)
def test_python_checkers(project: Make, tools: str, step: str, files: dict[str, str]) -> None:
    made = project(
        {WORKFLOW: workflow(*PYTHON, f"run: pip install --quiet {tools}", f"run: |\n  {step}"), "a.py": UGLY, **files}
    )
    done = made.here("fix", "--json")
    assert (done.json["verdict"], done.json["grade"], done.json["strategy"]) == ("FIXED", "A", "fix mode"), done.out


def test_pre_commit_with_local_hooks(project: Make) -> None:
    hooks = """
        repos:
          - repo: local
            hooks:
              - {id: format, name: format, entry: ruff format, language: system, types: [python]}
              - {id: lint, name: lint, entry: ruff check --no-cache --select I, language: system, types: [python]}
    """
    steps = (*PYTHON, "run: pip install --quiet ruff pre-commit", "run: pre-commit run --all-files")
    made = project({WORKFLOW: workflow(*steps), "a.py": UGLY, ".pre-commit-config.yaml": hooks})
    done = made.here("fix", "--json")
    assert (done.json["verdict"], done.json["grade"]) == ("FIXED", "A"), done.out


BACKEND = """
    import pathlib, zipfile

    def build_wheel(folder, *_):
        name = "shout-1-py3-none-any.whl"
        info = "shout-1.dist-info"
        with zipfile.ZipFile(pathlib.Path(folder, name), "w") as wheel:
            wheel.write("shout.py")
            wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: shout\\nVersion: 1\\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
            wheel.writestr(f"{info}/entry_points.txt", "[console_scripts]\\nshout = shout:main\\n")
            wheel.writestr(f"{info}/RECORD", "")
        return name
"""
SHOUT = """
    import pathlib, sys

    def main():
        quiet = [p for p in map(pathlib.Path, sys.argv[1:]) if p.read_text() != p.read_text().upper()]
        for path in quiet:
            path.write_text(path.read_text().upper())
        sys.exit(bool(quiet))
"""
HOOK = {
    ".pre-commit-hooks.yaml": "- {id: shout, name: shout, entry: shout, language: python, types: [text]}\n",
    "pyproject.toml": '[project]\nname = "shout"\nversion = "1"\n[build-system]\nrequires = []\n'
    'build-backend = "backend"\nbackend-path = ["."]\n',
    "backend.py": BACKEND,
    "shout.py": SHOUT,
}


def test_pre_commit_with_hooks_of_another_repository(
    mirror: Callable[[str, Mapping[str, str]], Project], project: Make
) -> None:
    """Once by a tag and once by a commit, and the same as a git dependency."""
    hook = mirror("acme/shout", HOOK)
    commit = hook.git("rev-parse", "HEAD")
    hook.write({"shout.py": "1/0\n"})
    hook.commit("Break it")
    one = "{{repo: 'https://github.com/acme/shout', rev: {}, hooks: [{{id: shout, files: words}}]}}"
    hooks = f"repos: [{one.format('v1')}, {one.format(commit)}]\n"
    steps = (*PYTHON, "run: pip install --quiet -r requirements.txt", "run: shout && pre-commit run --all-files")
    dependencies = f"pre-commit\nshout @ git+https://github.com/acme/shout.git@{commit}\n"
    files = {"words": "hello\n", ".pre-commit-config.yaml": hooks, "requirements.txt": dependencies}
    made = project({WORKFLOW: workflow(*steps), **files})
    done = made.here("fix", "--json")
    assert (done.json["verdict"], done.json["grade"]) == ("FIXED", "A"), done.out
    assert made.git("show", f"{done.json['branch']}:words") == "HELLO"


NODE = ("uses: actions/checkout@v4", "uses: actions/setup-node@v4", "uses: acme/node-tools@v1")
NODE_TOOLS = "runs:\n  using: composite\n  steps: [{run: 'cp -r $GITHUB_ACTION_PATH/node_modules .', shell: bash}]\n"
ESLINT = 'export default [{files: ["src/*.js"], rules: {"no-var": "error", "prefer-const": "error"}}];\n'


@pytest.fixture(scope="session")
def node_tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that stands for an action which installs prettier and eslint."""
    folder = tmp_path_factory.mktemp("node-tools")
    (folder / "action.yml").write_text(NODE_TOOLS)
    shutil.copytree(NODE_MODULES, folder / "node_modules", symlinks=True)
    return folder


@pytest.mark.parametrize(
    ("step", "scripts"),
    [
        pytest.param("npm run --silent check", '{"check": "prettier --check src"}', id="prettier by npm"),
        pytest.param("npx eslint src", "{}", id="eslint by npx"),
        pytest.param(
            "npm run lint",
            '{"lint": "npm run l:js && npm run l:fmt", "l:js": "eslint src", "l:fmt": "prettier -l src"}',
            id="both, nested",
        ),
    ],
)
def test_javascript_checkers(project: Make, node_tools: Path, step: str, scripts: str) -> None:
    files = {"src/a.js": "var  a=1\nlet b = 2\nconsole.log(a , b)\n", "eslint.config.mjs": ESLINT, ".gitignore": "node_modules\n",
             "package.json": f'{{"name": "x", "private": true, "scripts": {scripts}}}\n'}  # fmt: skip
    made = project({WORKFLOW: workflow(*NODE, f"run: {step}"), **files})
    done = made.here("fix", "--json", "--local-action", f"acme/node-tools@v1={node_tools}")
    assert (done.json["verdict"], done.json["grade"], done.json["strategy"]) == ("FIXED", "A", "fix mode"), done.out


@pytest.mark.parametrize(
    ("step", "files", "fixed"),
    [
        pytest.param("ruff check -q --no-cache --select I . || true; ruff format --check a.py", {}, ["a.py"],
                     id="a checker whose complaint the step puts up with"),
        pytest.param("gofmt -l . ; ruff format --check .", {"a.go": "package  a\n"}, ["a.py"],
                     id="a checker that complains in silence"),
        pytest.param("ruff check -q --no-cache --select F821 . || true; test -z \"$(gofmt -l .)\"",
                     {"a.go": "package  a\n", "a.py": "print(x)\n"}, ["a.go"], id="only the one in silence counts"),
        pytest.param("cp two.txt one.txt; ruff format --check .", {"one.txt": "1\n", "two.txt": "2\n"}, ["a.py"],
                     id="the step itself changes files, too"),
        pytest.param("head -c 21000000 /dev/zero > large; ruff format --check .", {}, ["a.py"], id="large files"),
        pytest.param("for d in a b c d e f g h; do ruff format --check $d; done",
                     {f"{d}/a.py": UGLY for d in "abcdefgh"}, [f"{d}/a.py" for d in "abcdefgh"], id="one folder at a time"),
    ],
)  # fmt: skip
def test_nothing_but_what_the_step_complains_of(
    project: Make, step: str, files: dict[str, str], fixed: list[str]
) -> None:
    shell = "set -e\n" if "for d" in step else "set +e\n"
    made = project(
        {
            WORKFLOW: workflow(CHECKOUT, RUFF, f"run: |\n  {shell}  {step}"),
            "a.py": "import sys, os\nx = {  'a':1 }\n",
            "b.py": "import sys\nimport os\n",
            **files,
        }
    )
    done = made.here("fix", "--json")
    assert (done.json["verdict"], done.json["grade"]) == ("FIXED", "A"), done.out
    assert made.git("diff", "--name-only", "HEAD", done.json["branch"]).split() == fixed


def test_gofmt(project: Make) -> None:
    step = 'out=$(gofmt -l .); test -z "$out" || { echo "$out"; exit 1; }'
    made = project(
        {
            WORKFLOW: workflow("uses: actions/checkout@v4", f"run: |\n  {step}"),
            "a.go": "package a\nfunc  F( ) int {return 1}\n",
        }
    )
    done = made.here("fix", "--json")
    assert (done.json["verdict"], done.json["grade"], done.json["strategy"]) == ("FIXED", "A", "fix mode"), done.out
    assert "func F() int { return 1 }" in made.git("show", f"{done.json['branch']}:a.go")


def test_cargo_fmt(project: Make) -> None:
    files = {
        "Cargo.toml": '[package]\nname = "a"\nversion = "0.1.0"\nedition = "2021"\n',
        "src/lib.rs": "pub fn f( )->i32{1}\n",
    }
    made = project({WORKFLOW: workflow("uses: actions/checkout@v4", "run: cargo fmt --all -- --check"), **files})
    if not any(c["name"] == "rust" and c["ok"] for c in made.here("doctor", "--json").json):
        pytest.skip("there is no Rust here")
    done = made.here("fix", "--json")
    assert (done.json["verdict"], done.json["grade"]) == ("FIXED", "A"), done.out


def test_unsafe_fixes_only_where_they_are_wanted(project: Make) -> None:
    steps = (CHECKOUT, RUFF, "run: ruff check --no-cache --select F841 .")
    made = project({WORKFLOW: workflow(*steps), "a.py": "def f():\n    x = 1\n"})
    refused = made.here("fix", "--json").json
    assert (refused["verdict"], refused["branch"]) == ("NOT_FIXED", None)
    assert "Run ruff check in fix mode with unsafe fixes: their tool calls these fixes unsafe" in refused["reason"]
    assert made.here("fix", "--json", env={"REGREEN_FIX_UNSAFE_FIXES": "true"}).json["verdict"] == "FIXED"


def test_a_step_that_is_no_checker_has_no_candidate(project: Make) -> None:
    made = project({WORKFLOW: workflow("run: grep needle /dev/null")})
    done = made.here("fix", "--json").json
    assert (done["verdict"], done["attempts"]) == ("NOT_FIXED", [])
