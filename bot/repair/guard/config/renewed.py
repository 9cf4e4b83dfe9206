"""What newer versions of checkers call their settings, so that a configuration that was migrated says the same.

Sources: the migration guides of the tools.
"""

from collections.abc import Callable

import re2

from bot.repair.guard.config.readers import Setting
from bot.repair.guard.rules import listed

GO_SETTINGS = re2.compile(r"^(?:linters-settings|(?:linters|formatters)\.settings)\.")
GO_PATHS = frozenset(listed("run.skip-dirs run.skip-files issues.exclude-dirs issues.exclude-files"))
GO_MERGED = {"gosimple": "staticcheck", "stylecheck": "staticcheck"}
GO_DEFAULTS = {"linters.disable-all": "none", "linters.enable-all": "all"}
ESLINT_IGNORES = re2.compile(r"^(?:ignorepatterns|(?:items\.)?ignores)$")
RUFF_CODES = re2.compile(r"^TCH")
PHPUNIT_SOURCE = re2.compile(r"^coverage\.(?:include\.)?(include|exclude)\b")
WHITELIST = re2.compile(r"^filter\.whitelist\.")
HOOKS = {"ruff": "ruff-check", "check-byte-order-marker": "fix-byte-order-marker"}


def _of_golangci(key: str, value: str) -> tuple[str, str]:
    if GO_SETTINGS.search(key):
        return GO_SETTINGS.sub("linters-settings.", key), value
    if key in {"linters.enable", "formatters.enable"}:
        return "linters.enable", GO_MERGED.get(value, value)
    if key in GO_DEFAULTS and value == "true":
        return "linters.default", GO_DEFAULTS[key]
    if key.startswith("issues.exclude-rules"):
        return key.replace("issues.exclude-rules", "linters.exclusions.rules", 1), value
    return ("linters.exclusions.paths" if key in GO_PATHS else key), value


def _of_eslint(key: str, value: str) -> tuple[str, str]:
    if not ESLINT_IGNORES.search(key):
        return key, value
    return "ignores", value.removeprefix("**/").removesuffix("/**").removesuffix("/")


def _of_ruff(key: str, value: str) -> tuple[str, str]:
    return key, RUFF_CODES.sub("TC", value)


def _of_pre_commit(key: str, value: str) -> tuple[str, str]:
    head, told, rest = key.partition("hooks[")
    name, end, rest = rest.partition("]")
    if not told or name not in HOOKS:
        return key, value
    return f"{head}{told}{HOOKS[name]}{end}{rest}", HOOKS[name] if rest == ".id" else value


def _of_phpunit(key: str, value: str) -> tuple[str, str]:
    if key.startswith("convert") and value == "true":
        return "cacheresult", value  # what version 10 always does
    key = "requirecoveragemetadata" if key == "forcecoversannotation" else key
    key = WHITELIST.sub("coverage.include.", key)
    return PHPUNIT_SOURCE.sub(r"source.\1", key), value


BY_TOOL: dict[str, Callable[[str, str], tuple[str, str]]] = {
    "golangci": _of_golangci,
    "eslint": _of_eslint,
    "ruff": _of_ruff,
    "pre-commit": _of_pre_commit,
    "phpunit": _of_phpunit,
}


def renewed(tool: str, setting: Setting) -> Setting:
    """The setting as the newest version of its tool has it."""
    if tool not in BY_TOOL:
        return setting
    key, value = BY_TOOL[tool](setting.key, setting.value)
    return Setting(key, value, setting.line)
