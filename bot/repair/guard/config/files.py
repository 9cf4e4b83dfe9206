"""Which files configure which checker, and in which form they are written.

Names come from the tools' own documentation. A file that is known here is judged; one that is not is no configuration.
"""

from collections.abc import Callable, Iterator

import re2

from bot.repair.guard.config.readers import Setting, first_that_reads, ini, jsonc, lines, toml, xml, yaml_tree
from bot.repair.guard.config.renewed import renewed
from bot.repair.guard.config.scripts import script_settings
from bot.repair.guard.config.tables import SAME, TOOLS
from bot.repair.guard.kinds import name_of
from bot.repair.guard.rules import listed

Reader = Callable[[str], list[Setting]]
JSON_OR_YAML = first_that_reads(jsonc, yaml_tree)
NAMES: dict[str, tuple[str, Reader]] = {  # file name -> tool (or how sections name tools), reader
    "pyproject.toml": ("pyproject", toml),
    "setup.cfg": ("sections", ini),
    "tox.ini": ("sections", ini),
    "pytest.ini": ("sections", ini),
    ".pytest.ini": ("sections", ini),
    "pytest.toml": ("pytest.toml", toml),
    "mypy.ini": ("sections", ini),
    ".mypy.ini": ("sections", ini),
    ".flake8": ("sections", ini),
    ".pycodestyle": ("sections", ini),
    ".pep8": ("sections", ini),
    ".pydocstyle": ("sections", ini),
    ".pydocstylerc": ("sections", ini),
    ".isort.cfg": ("settings isort", ini),
    ".coveragerc": ("coverage", ini),
    ".coveragerc.toml": ("coverage", toml),
    ".pylintrc": ("any pylint", ini),
    "pylintrc": ("any pylint", ini),
    ".pylintrc.toml": ("pyproject", toml),
    ".codespellrc": ("sections", ini),
    ".bandit": ("sections", ini),
    "bandit.yaml": ("bandit", yaml_tree),
    "bandit.yml": ("bandit", yaml_tree),
    "ruff.toml": ("ruff", toml),
    ".ruff.toml": ("ruff", toml),
    "pyrightconfig.json": ("pyright", jsonc),
    "tsconfig.json": ("typescript", jsonc),
    "jsconfig.json": ("typescript", jsonc),
    "package.json": ("package", jsonc),
    "Cargo.toml": ("cargo", toml),
    "nextest.toml": ("nextest", toml),
    ".nextest.toml": ("nextest", toml),
    ".editorconfig": ("editorconfig", ini),
    ".rubocop.yml": ("rubocop", yaml_tree),
    ".golangci.yml": ("golangci", yaml_tree),
    ".golangci.yaml": ("golangci", yaml_tree),
    ".eslintrc": ("eslint", JSON_OR_YAML),
    ".eslintrc.json": ("eslint", jsonc),
    ".eslintrc.yml": ("eslint", yaml_tree),
    ".eslintrc.yaml": ("eslint", yaml_tree),
    ".eslintignore": (".eslintignore", lines),
    ".oxlintrc.json": ("eslint", jsonc),
    "tslint.json": ("eslint", jsonc),
    ".prettierrc": ("prettier", JSON_OR_YAML),
    ".prettierrc.json": ("prettier", jsonc),
    ".prettierrc.json5": ("prettier", jsonc),
    ".prettierrc.yml": ("prettier", yaml_tree),
    ".prettierrc.yaml": ("prettier", yaml_tree),
    ".prettierrc.toml": ("prettier", toml),
    "biome.json": ("biome", jsonc),
    "biome.jsonc": ("biome", jsonc),
    ".stylelintrc": ("stylelint", JSON_OR_YAML),
    ".stylelintrc.json": ("stylelint", jsonc),
    ".stylelintrc.yml": ("stylelint", yaml_tree),
    "jest.config.json": ("jest", jsonc),
    ".mocharc.json": ("jest", jsonc),
    ".mocharc.yml": ("jest", yaml_tree),
    ".mocharc.yaml": ("jest", yaml_tree),
    "cypress.json": ("jest", jsonc),
    ".nycrc": ("nyc", JSON_OR_YAML),
    ".nycrc.json": ("nyc", jsonc),
    ".c8rc.json": ("nyc", jsonc),
    "codecov.yml": ("codecov", yaml_tree),
    ".codecov.yml": ("codecov", yaml_tree),
    "codecov.yaml": ("codecov", yaml_tree),
    ".pre-commit-config.yaml": ("pre-commit", yaml_tree),
    ".pre-commit-config.yml": ("pre-commit", yaml_tree),
    ".pre-commit-hooks.yaml": ("other", yaml_tree),
    "phpunit.xml": ("phpunit", xml),
    "phpunit.xml.dist": ("phpunit", xml),
    "phpunit.dist.xml": ("phpunit", xml),
    "phpstan.neon": ("phpstan", yaml_tree),
    "phpstan.neon.dist": ("phpstan", yaml_tree),
    **dict.fromkeys(
        listed("cspell.json .cspell.json cspell.config.json cspell.yaml .cspell.yaml cspell.yml cspell.config.yaml"),
        ("cspell", JSON_OR_YAML),
    ),
    ".rubocop_todo.yml": ("relief", yaml_tree),
    "detekt.yml": ("detekt", yaml_tree),
    ".clang-tidy": ("clang-tidy", yaml_tree),
    **dict.fromkeys(
        listed(
            ".yamllint .yamllint.yml .yamllint.yaml "
            ".hadolint.yaml .hadolint.yml .ansible-lint .swiftlint.yml "
            ".spectral.yml .spectral.yaml .codeclimate.yml .clang-format "
            ".markdownlint.yaml .markdownlint.yml .markdown-lint.yml .pa11yci.yml .stylelintrc.yaml "
            "lefthook.yml .lefthook.yml .commitlintrc.yml "
            ".remarkrc.yml "
        ),
        ("other", yaml_tree),
    ),
    **dict.fromkeys(
        listed(
            ".jshintrc .markdownlint.json .markdownlint.jsonc .markdownlint-cli2.jsonc .htmlhintrc "
            ".solhint.json .jscpd.json .commitlintrc .commitlintrc.json "
            ".lintstagedrc .lintstagedrc.json knip.json .secrets.baseline eslint-suppressions.json "
            ".djlintrc .xo-config.json .size-limit.json .betterer.json "
            "web-test-runner.json .remarkrc .remarkrc.json"
        ),
        ("other", JSON_OR_YAML),
    ),
    **dict.fromkeys(
        listed(
            "clippy.toml .clippy.toml rustfmt.toml .rustfmt.toml deny.toml _typos.toml typos.toml .typos.toml "
            ".taplo.toml taplo.toml selene.toml stylua.toml "
            ".stylua.toml tarpaulin.toml bandit.toml ty.toml pyrefly.toml "
        ),
        ("other", toml),
    ),
    **dict.fromkeys(
        listed(".sqlfluff .gitlint .shellcheckrc .vale.ini sonar-project.properties .pytype.cfg .style.yapf .doc8"),
        ("other", ini),
    ),
    **dict.fromkeys(
        listed(
            "checkstyle.xml pmd.xml psalm.xml phpcs.xml phpcs.xml.dist "
            ".php-cs-fixer.php .php-cs-fixer.dist.php spotbugs-exclude.xml "
            ".scalafmt.conf scalastyle-config.xml .credo.exs "
            ".formatter.exs analysis_options.yaml .betterer.results"
        ),
        ("other", lines),
    ),
    **dict.fromkeys(
        listed(
            ".prettierignore .stylelintignore .markdownlintignore "
            ".semgrepignore .trivyignore .gitleaksignore .cspellignore .codespellignore .lycheeignore "
            ".jshintignore .htmlhintignore .solhintignore .yamlignore .ansible-lint-ignore "
            ".remarkignore .secretlintignore .spellcheckignore "
            ".oxlintignore "
        ),
        ("lines", lines),
    ),
}
PATTERNS = [  # for names that vary
    (re2.compile(r"^(ts|js)config[.-].*\.json$"), "typescript", jsonc),
    (re2.compile(r"^next\.config\.([cm]?js|ts)$"), "next", None),
    (re2.compile(r"^(eslint\.config\.[cm]?[jt]s|\.eslintrc\.[cm]?js)$"), "eslint", None),
    (re2.compile(r"^(prettier\.config\.[cm]?[jt]s|\.prettierrc\.[cm]?js)$"), "prettier", None),
    (
        re2.compile(
            r"^((jest|vitest|vite|playwright|cypress|wdio|ava|web-test-runner)([.-]\w+)*\.(config|"
            r"workspace)\.[cm]?[jt]s|\.mocharc\.[cm]?js|karma\.conf\.[jt]s)$"
        ),
        "jest",
        None,
    ),
    (re2.compile(r"^(stylelint\.config\.[cm]?js|\.stylelintrc\.[cm]?js)$"), "stylelint", None),
    (
        re2.compile(
            r"^((commitlint|lint-staged|knip)\.config\.[cm]?[jt]s|\.nycrc\.[cm]?js|"
            r"nyc\.config\.[cm]?js)$"
        ),
        "other",
        None,
    ),
    (re2.compile(r"(?i)(baseline|suppressions)\.(json|xml|ya?ml|txt|neon|toml)$"), "lines", lines),
]


def configures(path: str) -> tuple[str, Reader] | None:
    """The tool (or scheme) and the reader of a configuration file; None for any other file."""
    name = name_of(path)
    if name in NAMES:
        return NAMES[name]
    for pattern, tool, reader in PATTERNS:
        if pattern.search(name):
            return tool, (reader or (lambda text: script_settings(path, text)))
    return None


def settings_of(tool: str, found: list[Setting]) -> Iterator[tuple[str, Setting]]:
    """Yield (tool, setting with the tool's own key) for what a file says about checkers, in the tool's newest words."""
    for name, setting in _settings(tool, found):
        yield name, renewed(name, setting)


def _settings(tool: str, found: list[Setting]) -> Iterator[tuple[str, Setting]]:
    for setting in found:
        if tool == "pyproject":
            yield from _pyproject(setting)
        elif tool == "package":
            yield from _package(setting)
        elif tool == "sections":
            yield from _section(setting)
        elif tool.startswith(("any ", "settings ")):
            kind = tool.partition(" ")[2]
            yield kind, _keyed(setting, setting.key.partition(".")[2])
        elif tool == "ruff":
            yield tool, _keyed(setting, setting.key.removeprefix("lint."))
        elif tool == "biome":
            yield from ((tool, _keyed(one, one.key)) for one in _of_biome(setting))
        elif tool == "pytest.toml":
            yield "pytest", _keyed(setting, setting.key.removeprefix("pytest."))
        elif tool == ".eslintignore":
            yield "eslint", Setting("ignorepatterns", setting.value, setting.line)
        else:
            yield tool, _keyed(setting, setting.key)


def _keyed(setting: Setting, key: str) -> Setting:
    return Setting(key.replace("_", "-").lower(), setting.value, setting.line)


def _of_biome(setting: Setting) -> Iterator[Setting]:
    """A setting by the key and value that Biome 1 had for it."""
    key, value, line = setting.key, setting.value, setting.line
    if key == "assist.actions.source.organizeImports":
        yield Setting("organizeImports.enabled", str(value == "on"), line)
    elif key.endswith((".includes", ".ignore")) and (value.startswith("!") or key.endswith(".ignore")):
        path = value.lstrip("!").removeprefix("**/").removesuffix("/**")
        yield Setting(f"{key.rpartition('.')[0]}.ignore", path, line)
    elif not (key.endswith(".includes") and value == "**"):
        yield setting


def _known(name: str) -> str:
    return name if name in TOOLS else SAME.get(name, "")


def _pyproject(setting: Setting) -> Iterator[tuple[str, Setting]]:
    parts = setting.key.split(".", 2)
    if parts[0] != "tool" or len(parts) < 3:
        return
    tool = _known(parts[1])
    rest = parts[2].removeprefix("ini_options.") if tool == "pytest" else parts[2]
    rest = rest.removeprefix("messages control.") if tool == "pylint" else rest
    if tool == "pylint":
        rest = rest.rpartition(".")[2]
    if tool:
        yield tool, _keyed(setting, rest.removeprefix("lint.") if tool == "ruff" else rest)


def _section(setting: Setting) -> Iterator[tuple[str, Setting]]:
    section, _, key = setting.key.rpartition(".")
    head, _, rest = section.partition(":")
    if section == "tool:pytest":
        yield "pytest", _keyed(setting, key)
    elif head == "coverage":
        yield "coverage", _keyed(setting, f"{rest}.{key}")
    elif section == "mypy" or section.startswith("mypy-"):
        yield "mypy", _keyed(setting, f"overrides[{section[5:]}].{key}" if "-" in section else key)
    elif section.startswith("pylint"):
        yield "pylint", _keyed(setting, key)
    elif head in {"tox", "testenv"}:
        if key not in {"commands", "commands_pre", "commands_post"}:
            yield "tox", _keyed(setting, f"{section}.{'envlist' if key == 'env_list' else key}")
    elif _known(section):
        yield _known(section), _keyed(setting, key)


PACKAGE = {  # keys of package.json that configure a checker
    **dict.fromkeys(listed("jest vitest mocha ava tap"), "jest"),
    **dict.fromkeys(listed("eslintconfig xo standard oxlint"), "eslint"),
    **dict.fromkeys(("nyc", "c8"), "nyc"),
    **dict.fromkeys(listed("lint-staged husky commitlint size-limit"), "other"),
    "prettier": "prettier",
    "stylelint": "stylelint",
    "biome": "biome",
}


def _package(setting: Setting) -> Iterator[tuple[str, Setting]]:
    head, _, rest = setting.key.partition(".")
    if head == "eslintIgnore":
        yield "eslint", Setting("ignorepatterns", setting.value, setting.line)
    elif head.lower() in PACKAGE:
        yield PACKAGE[head.lower()], _keyed(setting, rest)
