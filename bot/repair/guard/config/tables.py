"""What each checker's settings mean for its strictness, as data.

A tool has a default direction and lists of key patterns (re2, matched against the whole key) for others. Directions:

    free    any change is fine                      fixed   no change is fine
    grow    a list that may only grow, and must not appear anew (it narrows what is checked)
    add     a list that may only grow               shrink  a list that may only shrink (what is ignored)
    on      may only become true                    off     may only become false or go
    up      a number that may only rise             down    a number that may only fall
    level   severities (off < info < warn < error) that may only rise
    command arguments of a command                  filters warning filters
    version may only rise
    patience a time limit that may only grow a little
    relief  what a checker tolerates for now: may go, and shrink

Sources: the tools' own configuration references.
"""

from dataclasses import dataclass

import re2

from bot.repair.guard.rules import listed


@dataclass(frozen=True, slots=True)
class Tool:
    """The settings of one tool: pattern to direction in order, and the direction of all others."""

    default: str
    rules: tuple[tuple[object, str], ...]

    def direction(self, key: str) -> str:
        """The direction of a key."""
        return next((d for pattern, d in self.rules if pattern.search(key)), self.default)  # type: ignore[attr-defined]


def _tool(default: str, **directions: str) -> Tool:
    rules = [(direction, key) for direction, keys in directions.items() for key in keys.split()]
    return Tool(default, tuple((re2.compile(f"^(?:{key})$"), direction) for direction, key in rules))


FLAKE8 = _tool(
    "fixed",
    grow="select enable",
    add="extend-select enable-extensions load-plugins filename",
    shrink="ignore extend-ignore exclude extend-exclude per-file-ignores.* disable disable-noqa "
    "ignore-.* ignored-.* add-ignore "
    "builtins good-names.* generated-members noqa-.* exclude-.* .*-ignore",
    down="max-.*",
    up="fail-under min-similarity-lines",
    free="format show-source statistics count jobs output-format output-file reports score persistent "
    "py-version init-hook "
    "color docstring-convention tee suggestion-mode load-plugins application-import-names "
    "import-order-style inline-quotes",
)
TOOLS = {
    "ruff": _tool(
        "fixed",
        free="target-version src cache-dir output-format show-fixes show-source required-version "
        "unsafe-fixes fix fix-only "
        "fixable unfixable extend-fixable isort.known-.* isort.section-order "
        "isort.sections.* namespace-packages analyze.* extend-include format.docstring-code-format typing-modules",
        grow="select include",
        add="extend-select extend-safe-fixes",
        shrink="ignore extend-ignore per-file-ignores.* extend-per-file-ignores.* (format.)?exclude "
        "extend-exclude external allowed-confusables builtins .*(ignore|exempt|allow)[a-z-]*",
        down="mccabe.max-complexity pylint.max-.*",
        on="preview",
    ),
    "black": _tool(
        "fixed", free="target-version required-version quiet verbose", shrink="exclude extend-exclude force-exclude"
    ),
    "isort": _tool(
        "fixed",
        free="profile known-.* src-paths default-section sections py-version virtual-env filter-files quiet verbose",
        shrink="skip skip-glob extend-skip extend-skip-glob",
    ),
    "mypy": _tool(
        "fixed",
        free="python-version mypy-path pretty show-.* hide-error-context cache-dir namespace-packages "
        "explicit-package-bases "
        "color-output error-summary platform python-executable custom-.* incremental sqlite-cache junit-xml "
        "overrides\\[.*\\].module verbosity",
        add="(overrides\\[.*\\].)?(enable-error-code|plugins)",
        on="(overrides\\[.*\\].)?(strict|disallow-.*|warn-.*|check-untyped-defs|no-implicit-.*|strict-.*|extra-checks|local-partial-types|"
        "enable-.*|force-.*|disallow-any-.*)",
        grow="files packages modules",
        off="(overrides\\[.*\\].)?(ignore-missing-imports|ignore-errors|allow-.*|implicit-.*|skip-.*|follow-imports-for-stubs)",
        shrink="exclude (overrides\\[.*\\].)?disable-error-code exclude-gitignore",
    ),
    "pytest": _tool(
        "fixed",
        free="markers asyncio-.* pythonpath minversion cache-dir console-output-style log-.* junit-.* "
        "timeout-.* env env-files "
        "django-settings-module required-plugins tmp-path-.* faulthandler-.* anyio-mode usefixtures verbosity-.* "
        "consider-namespace-packages empty-parameter-set-mark",
        grow="testpaths python-files python-classes python-functions",
        add="doctest-optionflags",
        on="xfail-strict strict.*",
        shrink="norecursedirs collect-ignore.* collect-imported-tests",
        command="addopts",
        filters="filterwarnings",
        patience="timeout",
    ),
    "coverage": _tool(
        "fixed",
        free="run.(data-file|parallel|concurrency|context|dynamic-context|relative-files|plugins|sigter"
        "m|patch|core|timid|debug|cover-pylib) "
        "report.(precision|show-missing|skip-covered|skip-empty|sort|format|include-namespace-packages) "
        "paths.* html.* xml.* json.* lcov.*",
        up="report.fail-under",
        on="run.branch",
        grow="run.source run.source-pkgs run.include report.include",
        add="report.partial-branches-always",
        shrink="run.omit report.omit report.exclude-.* report.partial-.* run.disable-warnings run.source-dirs",
        off="report.ignore-errors",
    ),
    "flake8": FLAKE8,
    "pylint": FLAKE8,
    "pycodestyle": FLAKE8,
    "pydocstyle": FLAKE8,
    "bandit": _tool("fixed", shrink="skips exclude.* .*skips", add="tests targets"),
    "codespell": _tool(
        "fixed", shrink="skip ignore-words-list ignore-regex exclude-file", free="count quiet-level", on="check-.*"
    ),
    "pyright": _tool(
        "free",
        level="report.* typecheckingmode executionenvironments.*report.*",
        shrink="exclude ignore",
        grow="include",
        add="strict",
        on="strict.* enable.*",
        off="disable.*",
    ),
    "interrogate": _tool("fixed", up="fail-under", shrink="exclude ignore-.*"),
    "other": _tool("fixed"),
    "cspell": _tool(
        "fixed",
        free="\\$schema version words userwords dictionaries dictionarydefinitions.* import",
        shrink="ignorepaths ignorewords ignoreregexplist (.*\\.)?(ignore.*|flagwords)",
    ),
    "phpstan": _tool(
        "fixed",
        up="parameters.level",
        add="parameters.paths",
        shrink="parameters.(excludepaths|ignoreerrors).*",
        on="parameters.(check|report|treat).*",
        free="parameters.(phpversion|tmpdir|editorurl|parallel|scan).*",
    ),
    "phpunit": _tool(
        "fixed",
        free="xmlns:xsi xsi:.* bootstrap colors verbose testdox cache.* columns stderr executionorder stopon.* "
        "display.* backup.* printer.* testsuites.testsuite.name coverage.report.* logging.* "
        "coverage.cachedirectory (coverage|source)\\.(include\\.)?(add|process)uncovered.*",
        on="failon.* bestrict.* requirecoveragemetadata forcecovers.* convert.*",
        off="source.(ignore|restrict).*",
        add="testsuites.testsuite.(directory|file) source.include.(directory|file)",
        shrink="(.*\\.)?exclude(\\..*)?",
        grow="groups.include.*",
    ),
    "detekt": _tool(
        "fixed",
        down="build.maxissues .*\\.(threshold|max|allowed)[^.]*",
        on="(.*\\.)?active config.(validation|warningsaserrors)",
        shrink=".*\\.(excludes|ignore[^.]*|exclude[^.]*)",
        free="processors.* console-reports.* output-reports.* build.weights.*",
    ),
    "clang-tidy": _tool("fixed", add="checks warningsaserrors", free="formatstyle user headerfilterregex"),
    "eslint": _tool(
        "fixed",
        level="(.*\\.)?rules\\.[^.]+",
        shrink="(.*\\.)?(ignorepatterns|ignores|excludedfiles)",
        add="(.*\\.)?(plugins.*|extends) items",
        free="root (.*\\.)?(env|globals|parseroptions|languageoptions|settings|parser)(\\..*)? (.*\\.)?name",
        on="(.*\\.)?(reportunuseddisabledirectives|linteroptions.reportunuseddisabledirectives)",
        off="(.*\\.)?(noinlineconfig|linteroptions.noinlineconfig)",
    ),
    "prettier": _tool("fixed", free="plugins \\$schema"),
    "biome": _tool(
        "fixed",
        level="(.*\\.)?rules\\..*",
        on="(.*\\.)?enabled",
        shrink="(.*\\.)?ignore files.ignore.*",
        free="\\$schema vcs.*",
        grow="(.*\\.)?(include|includes)",
    ),
    "typescript": _tool(
        "free",
        on="compileroptions.(strict.*|noimplicit.*|nounused.*|nofallthrough.*|nouncheckedindexedaccess|nopropertyaccessfromindexsignature|"
        "exactoptionalpropertytypes|alwaysstrict|useunknownincatchvariables|forceconsistentcasinginfilenames|noemitonerror|checkjs|"
        "nouncheckedsideeffectimports|erasablesyntaxonly|isolateddeclarations|verbatimmodulesyntax)",
        off="compileroptions.(allowunreachablecode|allowunusedlabels|skiplibcheck|skipdefaultlibcheck|suppress.*|nostrictgenericchecks|nocheck|"
        "keyofstringsonly) ts-node.transpileonly ts-node.transpile-only",
        shrink="exclude",
        grow="include files",
        add="references.*",
        fixed="extends",
    ),
    "jest": _tool(
        "free",
        shrink="(.*\\.)?(testpathignorepatterns|coveragepathignorepatterns|modulepathignorepatterns|exclude|coverage.exclude|testignore|"
        "grepinvert|excludespecpattern|ignore)",
        grow="(.*\\.)?(testmatch|testregex|include|roots|projects|specpattern|spec|collectcoveragefrom|coverage.include|testdir)",
        fixed="(.*\\.)?(grep|fgrep|testnamepattern|invert|testrunner|runner|rootdir)",
        up="(.*\\.)?(coveragethreshold|thresholds|coverage.thresholds)(\\..*)?",
        off="(.*\\.)?(passwithnotests|dangerouslyignoreunhandlederrors|allowonly|updatesnapshot)",
        on="(.*\\.)?(errorondeprecated|forbidonly|forbid-only|forbidpending|collectcoverage|coverage.enabled|globals.ts-jest.diagnostics|"
        "failifnotests|fullytyped|diagnostics)",
        down="(.*\\.)?(retries|retry|retrytimes)(\\..*)?",
        patience="(.*\\.)?(timeout|testtimeout|hooktimeout|defaultcommandtimeout|slow)",
    ),
    "nyc": _tool(
        "fixed",
        up="branches lines functions statements",
        on="check-coverage checkcoverage all per-file perfile",
        shrink="exclude ignore-class-methods",
        grow="include",
        free="reporter reportdir temp-directory cache sourcemap instrument extension require extends",
        add="src",
    ),
    "stylelint": _tool("fixed", level="(.*\\.)?rules\\..*", shrink="(.*\\.)?ignorefiles", add="(.*\\.)?plugins"),
    "codecov": _tool(
        "free",
        up="coverage.status.*target coverage.range coverage.status.*min-coverage",
        down="coverage.status.*threshold",
        off="coverage.status.*(informational|if-ci-failed|skip.*) ",
        shrink="ignore.* coverage.ignore.*",
        on="codecov.require-ci-to-pass coverage.status.(project|patch|changes)",
    ),
    "pre-commit": _tool(
        "fixed",
        free="(repos|hooks|.*\\.)?(.*\\.)?(name|verbose|description|additional-dependencies|language-version|minimum-pre-commit-version|"
        "fail-fast|default-language-version.*|repo|ci.auto.*|ci.submodules|default-install-hook-types|require-serial|always-run|log-file)",
        add="(.*\\.)?hooks.*\\.id",
        command="(.*\\.)?hooks.*\\.args",
        shrink="(.*\\.)?exclude (.*\\.)?exclude-types ci.skip",
        version="(.*\\.)?rev",
    ),
    "tox": _tool("free", off=".*ignore-outcome .*ignore-errors", add="tox.env-?list", shrink="tox.skip-.*"),
    "cibuildwheel": _tool("free", shrink="(.*\\.)?(test-skip|skip)", command="(.*\\.)?test-command"),
    "lines": _tool("shrink"),
    "relief": _tool("relief"),
    "golangci": _tool(
        "fixed",
        free="version run.(timeout|go|build-tags|concurrency|modules-download-mode|allow-parallel-runners) output.* "
        "service.* severity.*",
        add="(linters|formatters).enable linters.presets linters-settings.govet.enable",
        shrink="(linters|formatters).(disable|exclusions.*) issues.(exclude.*|new.*) run.skip-.* run.exclude-.*",
        level="linters.default",
        off="linters.(disable-all|fast) issues.(exclude-use-default|new)",
        on="linters.enable-all run.tests",
    ),
    "rubocop": _tool(
        "fixed",
        free="allcops.(targetrubyversion|targetrailsversion|cachepath|displaycopnames|suggestextensions) require "
        "plugins",
        on=".*\\.enabled",
        shrink=".*\\.(exclude|allowed.*|ignored.*)",
        down=".*\\.max",
    ),
    "editorconfig": _tool(
        "fixed",
        free="(.*\\.)?(root|charset|end-of-line|insert-final-newline|trim-trailing-whitespace|indent-(size|style)|tab-width)",
        level=".*severity",
        down="(.*\\.)?max-line-length",
    ),
    "cargo": _tool(
        "free",
        level="(workspace\\.)?lints\\..*",
        on="(lib|bin|example|test|bench)(\\[.*\\])?\\.(test|doctest|harness|bench) package.auto.* "
        "profile.*(overflow-checks|debug-assertions)",
        grow="workspace.members",
        shrink="workspace.exclude",
    ),
    "nextest": _tool(
        "free",
        down="profile\\..*\\.retries(.count)?",
        fixed="profile\\..*\\.(default-filter|default-set|filter)",
        patience="profile\\..*slow-timeout.*",
    ),
    "next": _tool("free", off="(.*\\.)?(typescript.ignorebuilderrors|eslint.ignoreduringbuilds)"),
}
TOOLS["none"] = _tool("free")
SAME = {  # names in pyproject, setup.cfg and tox.ini that mean one of the above
    **dict.fromkeys(("tool:pytest", "pytest"), "pytest"),
    **dict.fromkeys(
        listed(
            "doc8 pydoclint ty pyrefly pytype pyre docformatter vulture deptry yapf autopep8 autoflake "
            "pyupgrade djlint sqlfluff importlinter check-manifest typos refurb slotscheck darglint yamlfix tomlsort "
            "pytest-enabler check-wheel-contents mutmut ssort taplo numpydoc_validation rstcheck"
        ),
        "other",
    ),
    "basedpyright": "pyright",
    "pep8": "pycodestyle",
}
