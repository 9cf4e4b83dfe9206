"""Commands and options of checkers, as data: which of them make a check find less or pass more.

From the tools' own command line references.
"""

from collections.abc import Sequence

import re2

from bot.repair.guard.rules import listed

NOTHING = frozenset(
    {"true", ":", "echo", "printf", "/bin/true", "cat", "return", "exit", "continue", "warn", "/usr/bin/true"}
)
FAILING = frozenset({"false", "die", "fail", "abort", "error", "err", "/bin/false"})
TIDYING = frozenset(
    {
        *listed(
            "rm rmdir unlink kill pkill killall umount mkdir command which type hash deactivate unset stty fuser read"
        ),
        *(
            (tool, verb)
            for tool in ("docker", "podman", "docker-compose")
            for verb in listed("rm rmi stop kill down logs network volume")
        ),
        *listed("uname hostname nproc whoami getconf sysctl"),
        *(("git", verb) for verb in ("describe", "rev-parse", "symbolic-ref")),
        *(("brew", verb) for verb in ("unlink", "uninstall", "update", "upgrade")),
        *(("pip", "uninstall"), ("apt-get", "remove"), ("git", "stash"), ("git", "config"), ("sudo", "rm")),
    }
)
INSTALLS = frozenset({"install", "add", "get", "i"})
"""Subcommands whose arguments are packages, and nothing that is checked."""
ON_CI = re2.compile(
    r"\$\{?(CI|GITHUB_ACTIONS|GITLAB_CI|TRAVIS|CIRCLECI|JENKINS_URL|BUILDKITE|CONTINUOUS_INTEGRATION)\b"
)
VARIABLES = re2.compile(
    r"^(PYTEST_ADDOPTS|SKIP|PYTHONOPTIMIZE|PYTHONWARNINGS|MAKEFLAGS|RUSTFLAGS|RUSTDOCFLAGS|ESLINT_NO_DEV_ERRORS|TSC_COMPILE_ON_ERROR|"
    r"DISABLE_ESLINT_PLUGIN|HUSKY|HUSKY_SKIP_HOOKS|PRE_COMMIT_ALLOW_NO_CONFIG|CI|FORCE_SUCCESS|SKIP_\w+|NO_\w*(LINT|TEST)\w*|"
    r"\w*_?ALLOW_FAILURE\w*|GOFLAGS|TOX_SKIP_ENV|NODE_OPTIONS_IGNORE|COVERAGE_FAIL_UNDER|BASH_ENV)$"
)
LAX = re2.compile(  # options with which a checker finds less, or does not fail on what it finds
    r"^(--exit-zero.*|--passWithNoTests|--pass-with-no-tests|--no-error-on-unmatched-pattern|--ignore.*|--exclude.*|--extend-ignore.*|"
    r"--extend-exclude.*|--deselect.*|-k.*|-m|-m=.*|--skip.*|--disable.*|--per-file-ignores.*|--no-verify|--allow.*|--quiet|--no-cov.*|"
    r"--testPathIgnorePatterns.*|--testNamePattern.*|-t|--grep.*|--fgrep.*|--invert.*|--findRelatedTests|--onlyChanged|--changed.*|"
    r"--lf|--last-failed|--collect-only|--co|--no-strict.*|--no-warn.*|--ignore-missing-imports|--follow-imports.*|--warn-only|"
    r"--transpile-only|--fix.*|--write|--unsafe-fixes|--in-place|-i|-W.*ignore.*|-Wignore|-p|-pno:.*|--continue-on-error|--keep-going|--no-fail.*|"
    r"--soft-fail|--dry-run|--list|--listTests|--help|--version|-h|--reruns.*|--retries.*|--retry.*|--no-config.*|--noconftest|--isolated|"
    r"--force-exit|--no-check|--skipLibCheck|--no-lint|--cap-lints.*|-A|--noEmitOnError=?false|--if-present|--no-cov-on-fail|--stepwise|"
    r"--rule.*|-o|--override-ini.*|--rootdir.*|--no-eslintrc|--suppress.*|--tolerat.*|--nofail.*|--max-failures=?0|--shard.*|--only.*|-run|-short|--tags.*|--fail-never|-DskipTests.*|"
    r"-Dmaven.test.*|-x|--exclude-task|--no-test|--collectCoverage=false|--coverage=false|--no-coverage|--no-threshold.*|-O+|--level.*|"
    r"--severity.*|--error-level.*|--min-.*|--confidence.*|-ll|--diff-only|--staged|--since.*|--filter.*|-E|-LE|-R|-L|-I|--label-.*)$"
)
STRICT = re2.compile(  # options whose loss makes a checker find or report less
    r"^(--strict.*|--check.*|--diff|--exit-code|--error-on.*|-W.*error.*|-Werror|--Werror|--max-warnings.*|--cov-fail-under.*|"
    r"--fail-under.*|--fail-on.*|--frozen.*|--locked|--immutable|--doctest.*|--cov.*|--coverage.*|--warn-.*|--disallow.*|--no-implicit.*|"
    r"--all-files|--all-targets|--all-features|--workspace|--all|-D|--deny.*|--race|-race|--list-different|-l|-c|--runxfail|--select.*|"
    r"--extend-select.*|--enable.*|--typecheck|--type-check|--noEmit|--forbid-only|--forbidOnly|--thresholds?.*|--pedantic|"
    r"--report-unused.*|--fatal-warnings|--set-exit-status|-set_exit_status|--no-fix|--verify.*|--show-error.*|-W|-n|--nitpicky)$"
)
IGNORED = re2.compile(r"^ignore(:|$)")  # a filter for warnings, behind -W
CHOSEN = re2.compile(r"^(TESTS?|CHECKS|TESTSUITES|TESTARGS|TEST_ARGS|ARGS|RUN|PATTERN|ONLY|SKIP\w*)=")
"""Variables of makefiles that choose among the tests."""
SPREAD = re2.compile(r"^--shard=?\$\{\{ *matrix\.\w+ *\}\}")
"""A part of the tests for each leg of a matrix."""
ALL_FOUND = frozenset({"--severity=style"})  # options that read like a limit, and leave nothing out
NEUTRAL_LOSS = frozenset({"--show-error-codes"})
SCOPED = {  # options of some tools that mean something else, or nothing, to others
    "-m": {"pytest", "py.test"},
    "-p": {"pytest", "py.test"},
    "-o": {"pytest", "py.test", "jest"},
    **{option: {"ctest"} for option in ("-E", "-LE", "-R", "-L", "-I")},
    "-k": {"pytest", "py.test", "unittest"},
    "-t": {"jest", "vitest"},
    "-i": {"make", "autopep8", "clang-format"},
    "-x": {"gradle", "gradlew"},
    "-l": {"prettier"},
    "-A": {"cargo", "clippy-driver"},
    "-c": {"isort"},
    "--quiet": {"eslint"},
    "--list": {"jest", "pytest", "playwright"},
    "--diff": {"black", "isort", "ruff"},
    "--write": {"prettier", "biome"},
    "--level": {"bandit"},
    "-W": {"sphinx-build", "pytest", "py.test"},
    "-n": {"sphinx-build"},
    "--filter": {"pytest", "go", "phpunit", "dotnet", "vitest", "jest"},
    "--all": {"cargo"},
}
NUMBERS = {  # option -> whether a larger number is stricter
    **dict.fromkeys(("--cov-fail-under", "--fail-under", "--threshold"), True),
    **dict.fromkeys(
        listed("--max-warnings --max-line-length --line-length --max-complexity --maxfail --min-confidence -l"), False
    ),
}
CONFIGS = frozenset(
    {"-c", "--config", "--rcfile", "--config-file", "--settings-path", "--append-config", "--no-config"}
)
OWN_CONFIGS = frozenset({"pyproject.toml", "setup.cfg", "tox.ini", "./pyproject.toml", "package.json"})
FAMILIES = [
    {"flake8", "pylint", "pyflakes", "pycodestyle", "ruff", "ruff check"},
    {"black", "yapf", "autopep8", "ruff format"},
    {"isort", "ruff", "ruff check"},
    {"pytest", "py.test", "unittest", "nosetests", "nose2", "setup.py test"},
    {"eslint", "tslint", "biome", "biome check", "biome lint", "biome ci", "oxlint", "jshint", "standard", "xo"},
    {"prettier", "biome", "biome check", "biome ci", "biome format"},
    {"tsc", "vue-tsc"},
    {"npm test", "yarn test", "pnpm test", "bun test"},
    {"pre-commit", "prek"},
    {"jest", "vitest", "mocha", "ava", "jasmine", "karma", "node --test"},
]
BOTH = frozenset({"biome check", "biome ci"})
"""Commands that do what two others do."""
STRICTER = frozenset({("npm install", "npm ci"), ("npm i", "npm ci"), ("npm install", "npm clean-install")})
"""Commands, and what may stand in for them since it refuses more."""
OTHERS = frozenset({"$@", "$*", "${@}", "${*}", "{posargs}"})  # arguments that a script passes on
WHOLE = frozenset({".", "./", "./...", "tests", "test", "src", "tests/", "test/", "src/"})
ALIKE = 0.6  # likeness from which a changed path is a corrected name
MOST = 3000  # commands of one text that are compared
COMPARED = 200  # changed commands of one text that are compared each with each


def positional(words: Sequence[str]) -> list[str]:
    """Arguments that are no options (a value after an option is taken for one when it does not look like a path)."""
    found = []
    for word, before in zip(map(_default, words), ["", *words[:-1]], strict=False):
        valued = before.startswith("-") and "=" not in before and not ("/" in word or word in WHOLE)
        if not word.startswith(("-", ">", "<", "&", "2>", "1>")) and not valued and word not in OTHERS:
            found.append(word.rstrip("/") or word)
    return found


def _default(word: str) -> str:
    """What tox takes where nothing else is given: `{posargs:tests}` is `tests`."""
    return word.removeprefix("{posargs:").removesuffix("}") if word.startswith("{posargs:") else word
