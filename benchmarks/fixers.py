"""Fix mode on the real checkers: `python benchmarks/fixers.py [--write] [WORD...]`, half an hour on two cores.

Each checker of benchmarks/fixers.yaml is run in a small red project, in at least two wrappings, and `regreen fix` must
prove it FIXED. Ends with 1 when one is not; `--write` puts the table into docs/fixers.md. WORD takes only the checkers
whose names contain it. The tools are installed into .cache/fixers at the first run, from PyPI, npm and Debian.
"""

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from bot.config_files import config_root
from bot.yaml12 import load
from tests.projects import CHECKOUT, WORKFLOW, Project, workflow

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "fixers"
PACKAGES = (
    *("golang-golang-x-tools", "php-cli", "php8.2-cli", "php8.2-common", "php8.2-xml", "php-codesniffer"),
    *("rubocop", "ruby", "ruby3.1", "libruby3.1", "rake", "rubygems-integration", "ruby-rubygems", "ruby-progressbar"),
    *("ruby-parallel", "ruby-ast", "ruby-whitequark-parser", "ruby-rainbow", "ruby-regexp-parser", "ruby-rubocop-ast"),
    *("ruby-unicode-display-width",),
)

Files = dict[str, str]
Wrapping = Callable[[str, Files], str]


def script(command: str, files: Files) -> str:
    files["ci/lint.sh"] = f'#!/bin/sh\nset -eu\ncd "$(dirname "$0")/.."\n{command}\n'
    return "run: ./ci/lint.sh"


def make(command: str, files: Files) -> str:
    files["Makefile"] = f"check: lint\n\nlint:\n\t@{command}\n"
    return "run: make check"


def just(command: str, files: Files) -> str:
    files["justfile"] = f"lint:\n    {command}\n"
    return "run: just lint"


def npm(command: str, files: Files) -> str:
    package = {"name": "x", "private": True, "scripts": {"check": "npm run --silent lint", "lint": command}}
    files["package.json"] = json.dumps(package, indent=2) + "\n"
    return "run: npm run --silent check"


def run_all(command: str, files: Files) -> str:
    package = {"name": "x", "private": True, "scripts": {"check": "run-p lint:*", "lint:a": command, "lint:b": "true"}}
    files["package.json"] = json.dumps(package, indent=2) + "\n"
    return "run: npm run --silent check"


def pre_commit(command: str, files: Files) -> str:
    hook = {"id": "lint", "name": "lint", "entry": command, "language": "system", "pass_filenames": False}
    files[".pre-commit-config.yaml"] = json.dumps({"repos": [{"repo": "local", "hooks": [hook]}]}, indent=2) + "\n"
    return "run: pre-commit run --all-files"


def tox(command: str, files: Files) -> str:
    files["tox.ini"] = (
        f"[tox]\nskipsdist = true\n[testenv:lint]\nskip_install = true\ndeps = {command.split()[0]}\ncommands = {command}\n"
    )
    files[".gitignore"] = ".tox\n"
    return "run: tox -e lint"


def nox(command: str, files: Files) -> str:
    words = shlex.split(command)
    files["noxfile.py"] = textwrap.dedent(f'''\
        import nox


        @nox.session(venv_backend="venv")
        def lint(session):
            session.install("{words[0]}")
            session.run(*{words!r})
        ''').replace("'", '"')  # as black would have it
    files[".gitignore"] = ".nox\n"
    return "run: nox -s lint"


def composite(command: str, files: Files) -> str:
    steps = [{"run": command, "shell": "bash"}]
    files[".github/actions/lint/action.yml"] = json.dumps({"runs": {"using": "composite", "steps": steps}}) + "\n"
    return "uses: ./.github/actions/lint"


def loop(command: str, files: Files) -> str:
    for name, content in list(files.items()):
        files[f"one/{name}"] = files[f"two/{name}"] = content
    return f"run: |\n  for folder in one two .; do\n    (cd $folder && {command})\n  done"


def folder(command: str, files: Files) -> str:
    for name in list(files):
        files[f"some/where/{name}"] = files.pop(name)
    return f"run: |\n  {command}\nworking-directory: some/where"


def without_files(command: str) -> str:
    return command.replace(" {}", "").removesuffix(" .")


def pattern(files: Files) -> str:
    return shlex.quote("*" + Path(next(iter(files))).suffix)


def xargs(command: str, files: Files) -> str:
    return f"run: git ls-files {pattern(files)} | xargs -n 1 {without_files(command)}"


def find(command: str, files: Files) -> str:
    return f"run: find . -name {pattern(files)} -exec {without_files(command)} {{}} +"


WRAPPINGS: dict[str, Wrapping] = {
    "plain": lambda command, _: f"run: |\n  {command}",
    "bash -c": lambda command, _: f"run: |\n  bash -c {shlex.quote(command + ' || exit 3')}",
    "make": make,
    "a script": script,
    "subshell": lambda command, _: f"run: |\n  (set -o pipefail; {command} 2>&1 | cat)",
    "env": lambda command, _: f"run: |\n  A=1 env B=2 {command}",
    "or, then and": lambda command, _: f"run: |\n  true && {{ {command}; }} ; code=$?; echo done && exit $code",
    "working-directory": folder,
    "composite action": composite,
    "npm script": npm,
    "pre-commit": pre_commit,
    "just": just,
    "npx": lambda command, _: f"run: |\n  npx {command}",
    "npm-run-all": run_all,
    "uv run": lambda command, _: f"run: |\n  uv run --no-project --offline {command}",
    "module": lambda command, _: f"run: |\n  python -m {command}",
    "tox": tox,
    "nox": nox,
    "a loop over folders": loop,
    "xargs": xargs,
    "find -exec": find,
}
ANY = ("make", "bash -c", "a script", "subshell", "working-directory", "composite action", "npm script", "pre-commit")
RUBY = """#!/bin/sh
d={debian}/usr/lib
export LD_LIBRARY_PATH=$d/x86_64-linux-gnu
export RUBYLIB=$d/ruby/vendor_ruby:$d/ruby/3.1.0:$d/x86_64-linux-gnu/ruby/3.1.0
export GEM_PATH={debian}/usr/share/rubygems-integration/all:$d/ruby/gems/3.1.0
exec {debian}/usr/bin/ruby3.1 {debian}/usr/bin/rubocop "$@"
"""
PHP = """#!/bin/sh
exec {debian}/usr/bin/php8.2 -n -d include_path={debian}/usr/share/php -d extension_dir={modules} \\
  -d extension=tokenizer -d extension=ctype -d extension=xmlwriter -d extension=simplexml {debian}/usr/bin/phpcs "$@"
"""
ACTION = """
runs:
  using: composite
  steps:
    - shell: bash
      run: |
        printf '%s\\n' "$CACHE/debian/usr/bin" "$CACHE/env/bin" "$CACHE/node/node_modules/.bin" "$CACHE/bin" >> "$GITHUB_PATH"
        if [ -n "$NODE" ]; then ln -s "$CACHE/node/node_modules" node_modules; fi
      env: {{CACHE: {cache}, NODE: "${{{{ inputs.node }}}}"}}
inputs: {{node: {{default: ""}}}}
"""


PAGE = """# Checkers with a fix mode

When the failing step runs one of these checkers, it is run once more in its fix mode: the same program, in the same folder
and environment, whatever started it. What fixes is thus of the version that complains. Two have no fix mode of their own:
flake8 and pycodestyle are fixed by the autopep8, phpcs by the phpcbf, that is installed beside them; where there is none,
there is no fix. Fixes that their tool calls unsafe are made only with `fix.unsafe_fixes`, after the safe ones; without
it they are tried where nothing else helps, and refused by name.

Several checkers of one step are fixed one after the other, until the step is green or nothing changes any more. Fixes that
the step turns out to be green without are left out again.

Where a fix makes the checker of another step or job complain, that one gets its fix mode next, from there; what comes no
further in the end is taken back. A program that is there only while it runs (`uv run --with`) is started again by what
started it.

The table is `config/fixers.yaml`; an entry is a few lines of data and two examples.

## Run for real

`python benchmarks/fixers.py --write` made this page: it has run these {count} checkers in small red projects, in the wrappings
named here, and each came out FIXED.

| checker | in |
|---|---|
{rows}

## Only read

Of these only the command lines are tested (the examples in the table): {only_read}.
"""


@dataclass(frozen=True)
class Case:
    """One red project: a checker in a wrapping."""

    tool: str
    wrapping: str
    check: str
    files: Mapping[str, str]
    unsafe: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of it: the verdict, and why it was not FIXED."""

    case: Case
    verdict: str
    reason: str


def cases(words: list[str]) -> list[Case]:
    """All cases whose checkers have one of the words in their names: each checker once, then each once more."""
    turns, found = cycle(ANY), []
    for row in load((ROOT / "benchmarks/fixers.yaml").read_bytes(), "fixers.yaml"):
        for turn, wrapping in enumerate(row.get("wrapped") or (next(turns), next(turns))):
            if not words or any(w in row["tool"] for w in words):
                found.append((turn, Case(row["tool"], wrapping, row["check"], row["files"], row.get("unsafe", False))))
    return [case for _, case in sorted(found, key=lambda f: f[0])]


def install() -> None:
    """Install the tools, unless they are there."""
    ready = CACHE / "ready"
    if ready.exists():
        return
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    run(
        *pip,
        "download",
        "--no-deps",
        "--require-hashes",
        "-d",
        CACHE / "wheels",
        "-r",
        ROOT / "requirements/fixers.txt",
    )
    run(sys.executable, "-m", "venv", CACHE / "env")
    run(CACHE / "env/bin/pip", "install", "-q", "--no-index", "--no-deps", *sorted((CACHE / "wheels").glob("*.whl")))
    (CACHE / "node").mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(ROOT / "benchmarks/tools" / name, CACHE / "node")
    quiet = ("--no-audit", "--no-fund", "--loglevel=error")
    run("npm", "install", "--no-save", "--prefix", CACHE / "node", *quiet)  # ci wants all platforms in the lock file
    install_debian()
    ready.touch()


def install_debian() -> None:
    """Unpack Debian's packages into a folder of their own: ruby, php and what they run."""
    if not shutil.which("apt-get"):
        print("no apt-get here: the checkers in Ruby, PHP and Go are left out", file=sys.stderr)
        return
    debian = CACHE / "debian"
    with tempfile.TemporaryDirectory() as packages:
        run("apt-get", "download", "-qq", *PACKAGES, cwd=packages)
        for package in sorted(Path(packages).glob("*.deb")):
            run("dpkg", "-x", package, debian)
    (debian / "usr/lib/ruby/data").symlink_to("../../share/ruby-unicode-display-width")


def wrappers() -> None:
    """Write the action that puts the tools on PATH, and what starts those that expect to lie in /usr."""
    debian = CACHE / "debian"
    (CACHE / "bin").mkdir(exist_ok=True)
    modules = next(debian.glob("usr/lib/php/2*"), debian)
    for name, text in (("rubocop", RUBY), ("phpcs", PHP)):
        (CACHE / "bin" / name).write_text(text.format(debian=debian, modules=modules))
        (CACHE / "bin" / name).chmod(0o755)
    (CACHE / "action").mkdir(exist_ok=True)
    (CACHE / "action/action.yml").write_text(ACTION.format(cache=CACHE))


def run(*command: str | Path, cwd: str | Path = ROOT) -> None:
    """Run a command that must go well."""
    subprocess.run([str(word) for word in command], cwd=cwd, check=True)


def red_project(root: Path, case: Case) -> Project:
    """Make the project of a case."""
    files = dict(case.files)
    node = (CACHE / "node/node_modules/.bin" / shlex.split(case.check)[0].rpartition("/")[2]).exists()
    step = WRAPPINGS[case.wrapping](case.check.replace("{}", " ".join(files)), files)
    files[".gitignore"] = files.get(".gitignore", "") + "node_modules\n"
    tools = f"uses: acme/tools@v1\nwith: {{node: '{'x' if node else ''}'}}"
    prepared = [CHECKOUT, tools]
    if node or case.wrapping.startswith("np"):
        prepared.insert(1, "uses: actions/setup-node@v4")
    if case.tool == "google-java-format":  # needs a newer Java than most machines start with
        prepared.insert(1, "uses: actions/setup-java@v4\nwith: {java-version: '25', distribution: temurin}")
    return Project(root, {**files, WORKFLOW: workflow(*prepared, step)})


def outcome(case: Case) -> Outcome:
    """Make the project and repair it."""
    with tempfile.TemporaryDirectory(prefix="fixers-") as folder:
        made = red_project(Path(folder) / "project", case)
        own = {f"XDG_{kind}_HOME": f"{folder}/{kind}" for kind in ("STATE", "CONFIG")}
        pip = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": f"{CACHE / 'wheels'} {CACHE}"}
        env = {**own, **pip, "REGREEN_REPLAY_NETWORK": "none", "REGREEN_FIX_UNSAFE_FIXES": str(case.unsafe).lower()}
        done = made.here("fix", "--json", "--local-action", f"acme/tools@v1={CACHE / 'action'}", env=env)
    try:
        found = done.json
    except ValueError:
        return Outcome(case, "ERROR", done.err[-2000:])
    lines = [x["text"] for x in (found["diagnosis"] or {"excerpt": {"lines": []}})["excerpt"]["lines"]]
    category = (found["diagnosis"] or {}).get("category")
    attempts = [f"{a['verdict']}: {a['reason']}" for a in found["attempts"]]
    return Outcome(case, found["verdict"], "\n".join([found["reason"], str(category), *attempts, *lines[-25:]]))


def page(done: list[Outcome]) -> str:
    """The page of documentation: which checkers were run for real, in which wrappings, and which are only read."""
    table = load((config_root() / "fixers.yaml").read_bytes(), "fixers.yaml")
    run_in: dict[str, dict[str, None]] = {}
    for found in done:
        if found.verdict == "FIXED":
            run_in.setdefault(found.case.tool.partition(" (")[0], {})[found.case.wrapping] = None
    rows = [f"| {name} | {', '.join(wrappings)} |" for name, wrappings in sorted(run_in.items())]
    only_read = sorted({entry["name"] for entry in table} - run_in.keys())
    return PAGE.format(count=len(run_in), rows="\n".join(rows), only_read=", ".join(only_read))


def main() -> int:
    """Run the cases, print the table; 1 when a case was not FIXED."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write docs/fixers.md")
    parser.add_argument("words", nargs="*")
    arguments = parser.parse_args()
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    CACHE.mkdir(parents=True, exist_ok=True)
    install()
    wrappers()
    done = []
    with ProcessPoolExecutor(2) as pool:
        for found in pool.map(outcome, cases(arguments.words)):
            done.append(found)
            print(f"{found.verdict:13} {found.case.tool:40} {found.case.wrapping}", flush=True)
            if found.verdict != "FIXED":
                print(textwrap.indent(found.reason, "    "), flush=True)
    fixed = sum(found.verdict == "FIXED" for found in done)
    tools = len({found.case.tool.partition(" (")[0] for found in done if found.verdict == "FIXED"})
    print(f"{fixed} of {len(done)} fixed; {tools} checkers")
    if arguments.write:
        (ROOT / "docs/fixers.md").write_text(page(done))
    return 0 if fixed == len(done) else 1


if __name__ == "__main__":
    sys.exit(main())
