"""What a file is, told by its name: test, lock file, generated, snapshot, CI workflow.

Names come from the tools' own documentation and from GitHub's linguist (generated.rb).
"""

import re2

from bot.repair.guard.rules import listed

C_FAMILY = (".c", ".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp", ".hxx")
TEST_FOLDERS = frozenset(listed("test tests testing __tests__ spec specs e2e cypress __mocks__ unittests integration"))
SAMPLES = frozenset(listed("data testdata test_data samples"))
PYTHON_TEST = re2.compile(r"^(test_.*|.*_test|tests?)\.py$")
SCRIPT_TEST = re2.compile(r"(?i)(\.|-|_|^)(test|tests|spec|cy|e2e|test-d)\.([cm]?[jt]sx?|vue|svelte)$")
SCRIPT_SETUP = re2.compile(
    r"(?i)^((jest|vitest|mocha|karma|test|tests|globals?)[._-]?)?set-?up([._-]?(files?|tests?|jest|vitest|env|after-?env))?\.([cm]?[jt]sx?)$"
)
OTHER_TEST = re2.compile(r"^(Test[A-Z].*|.*(_test|_spec|Tests?|Spec|IT))\.[a-z]+$")
DEAD_FOLDERS = re2.compile(
    r"(?i)(^|[/_.-])(disabled|skip(ped)?|old|legacy|archived?|broken|quarantined?|attic|unused|bak|backup|deprecated|ignored?|todo|wip)([/_.-]|$)"
)
LOCKS = frozenset(
    listed(
        "package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml bun.lock bun.lockb deno.lock "
        "poetry.lock pdm.lock uv.lock pipfile.lock pylock.toml conda-lock.yml pixi.lock cargo.lock go.sum "
        "go.work.sum gemfile.lock composer.lock flake.lock mix.lock pubspec.lock podfile.lock "
        "package.resolved gradle.lockfile packages.lock.json paket.lock buf.lock .terraform.lock.hcl "
        "rebar.lock cabal.project.freeze stack.yaml.lock cartfile.resolved"
    )
)
GENERATED_NAME = re2.compile(
    r"(?i)(_pb2(_grpc)?\.pyi?|\.pb\.(go|cc|h|gw\.go)|_pb\.(js|d\.ts)|\.g\.dart|\.freezed\.dart|\.min\.(js|css)|\.bundle\.js|"
    r"\.designer\.cs|_generated\.[a-z]+|\.generated\.[a-z]+|\.gen\.go|(^|/)zz_generated[^/]*|\.js\.map|\.css\.map)$"
    r"|(^|/)(dist|__generated__|generated|node_modules|vendor|third_party)/"
)
GENERATED_TEXT = re2.compile(
    r"(?i)(code generated .{0,200}do not edit|@generated\b|do not (edit|modify)( this file)?( by hand|"
    r" manually)?[.!]?\s*(\*/|-->|$)"
    r"|(this|the) file (is|was|has been) (auto-?(matically )?)?generated|auto-?generated (by|from|file|"
    r"code)|automatically generated (by|from))"
)
SNAPSHOT = re2.compile(
    r"(?i)(^|/)(__snapshots__|__image_snapshots__|snapshots|cassettes|testdata|golden|goldens|__recordings__|baselines)/"
    r"|\.(snap|ambr|golden|approved\.[a-z0-9]+|snapshot)$"
)
WORKFLOW = re2.compile(
    r"(?i)^\.github/(workflows|actions|dependabot\.ya?ml$|regreen\.ya?ml$)|(^|/)(\.gitlab-ci\.ya?ml|\.travis\.ya?ml|azure-pipelines[^/]*\.ya?ml|appveyor\.ya?ml|\.appveyor\.ya?ml|"
    r"bitbucket-pipelines\.ya?ml|jenkinsfile|\.drone\.ya?ml|\.woodpecker\.ya?ml|cloudbuild\.ya?ml|buildspec\.ya?ml|"
    r"\.cirrus\.ya?ml|\.semaphore/.*|\.buildkite/.*|\.circleci/.*|\.teamcity/.*|\.woodpecker/.*|wercker\.ya?ml|codemagic\.ya?ml|"
    r"\.builds/.*|\.regreen\.ya?ml)$|^action\.ya?ml$"
)
SHADOWS = frozenset(
    listed(
        "pytest unittest doctest nose _pytest pluggy mock hypothesis tox nox coverage black ruff isort "
        "flake8 mypy pylint pycodestyle pyflakes bandit codespell_lib sitecustomize usercustomize jest "
        "vitest mocha chai eslint prettier"
    )
)
HEAD = 2000  # characters in which a header stands


def name_of(path: str) -> str:
    """The last part of a path."""
    return path.rpartition("/")[2]


def in_test_folder(path: str) -> bool:
    """Whether a folder on the way is one for tests."""
    return any(part.lower() in TEST_FOLDERS for part in path.split("/")[:-1])


def is_sample(path: str) -> bool:
    """Whether it is code that tests only read, such as the input of a formatter: no checker looks at it."""
    name, folders = name_of(path), {part.lower() for part in path.split("/")[:-1]}
    return in_test_folder(path) and bool(folders & SAMPLES) and not is_python_test(name) and name != "conftest.py"


def is_python_test(path: str) -> bool:
    """Whether pytest or unittest would look for tests in this Python file."""
    return bool(PYTHON_TEST.search(name_of(path)))


def is_script_test(path: str) -> bool:
    """Whether jest, vitest, mocha or playwright would look for tests in this JavaScript or TypeScript file."""
    return bool(SCRIPT_TEST.search(name_of(path))) or "__tests__/" in path


def is_script_setup(path: str) -> bool:
    """Whether the name says that a runner of JavaScript tests loads it before them."""
    name = name_of(path)
    return bool(SCRIPT_SETUP.search(name)) and (name.lower() not in {"setup.js", "setup.ts"} or in_test_folder(path))


def is_other_test(path: str) -> bool:
    """Whether the name of a file in another language says that it holds tests."""
    return bool(OTHER_TEST.search(name_of(path)))


def in_dead_folder(path: str) -> bool:
    """Whether the path says that what lies there is out of use."""
    return bool(DEAD_FOLDERS.search(path.rpartition("/")[0]))


def shelves(old: str, new: str, *, collected: bool) -> bool:
    """Whether a move from path to path puts code out of use; `collected`: a test, which pytest must find there, too."""
    unfound = collected and is_python_test(old) and not is_python_test(new)
    return unfound or (in_dead_folder(new) and not in_dead_folder(old))


def is_lock(path: str) -> bool:
    """Whether it is a package manager's lock file."""
    return name_of(path).lower() in LOCKS


def is_snapshot(path: str) -> bool:
    """Whether it is a recorded expectation of tests."""
    return bool(SNAPSHOT.search(path))


def is_workflow(path: str) -> bool:
    """Whether it steers a CI service."""
    return bool(WORKFLOW.search(path))


def is_generated(path: str, old: str, new: str) -> bool:
    """Whether name or header say that a tool wrote the file."""
    return bool(GENERATED_NAME.search(path)) or any(
        GENERATED_TEXT.search(line) for side in (old, new) for line in side[:HEAD].split("\n")[:20]
    )


def is_compiled_requirements(old: str, new: str) -> bool:
    """Whether a requirements file was written by pip-compile or uv."""
    return any("autogenerated by" in side[:HEAD] for side in (old, new))


def shadows(path: str) -> str:
    """The name of the test runner or checker that a file or folder of this name would be imported instead of."""
    parts = path.split("/")
    stem, _, ending = parts[-1].rpartition(".")
    if ending in {"py", "js", "mjs", "cjs", "pyi"} and stem in SHADOWS:
        return stem
    package = next((p for p in parts[:-1] if p in SHADOWS and parts[-1] == "__init__.py"), "")
    return package or ("node_modules" if "node_modules" in parts[:-1] else "") or (parts[-1] if ending == "pth" else "")
