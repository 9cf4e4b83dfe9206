"""Checkers that come with a candidate, or whose work another one takes over: what they are told loosens nothing."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import re2

from bot.repair.guard.change import Change
from bot.repair.guard.config.gathered import SUCCESSORS, Tools, Values, is_true, split
from bot.repair.guard.config.tables import TOOLS
from bot.repair.guard.kinds import name_of
from bot.repair.guard.languages import language_of

RANKS = {
    **dict.fromkeys(("off", "0", "none", "false", "null", "disable", "ignore", "allow"), 0),
    **dict.fromkeys(("info", "information", "on-info", "basic"), 1),
    **dict.fromkeys(("warn", "1", "warning", "standard"), 2),
    **dict.fromkeys(("error", "2", "on", "true", "strict", "deny", "forbid", "all"), 3),
}
LAX_PRESET = re2.compile(r"(?i)disable|\\b(off|none|relaxed|loose)\\b")  # of a preset that only takes checks away
PROSE = (".md", ".rst", ".txt")
CALLED = {"rustfmt": "cargo fmt|rustfmt", "clippy": "cargo clippy|clippy", "golangci": r"golangci[\w/-]*"}
"""How tools are called that are not called as their files."""
SETTINGS_OF = re2.compile(r'^\s*(?:\[|"[\w-]+":\s*\{)')
LAYOUT = re2.compile(r"[\s,;()'\"]+")
SHORTEST = 4  # letters of the name of a tool that is looked for
SHARED = frozenset(TOOLS) - {"other", "none", "lines", "jest"}
"""Tools that are called as they are here, whatever file configures them."""
DEFAULT_CODES = re2.compile(r"^(?:ALL|[EFW]\d*)$")
"""What ruff checks where nothing is selected, and a little more."""


def stem(change: Change) -> str:
    """What a configuration file is called after: `golangci` of `.golangci.yml`, `eslint` of `.eslintrc.json`."""
    return stem_of(change.path, "")


def stem_of(path: str, tool: str) -> str:
    """What a tool that a file configures is called."""
    return tool if tool in SHARED else name_of(path).lstrip("._").partition(".")[0].removesuffix("rc").lower()


def introduced(tool: str, changes: Sequence[Change]) -> bool:
    """Whether a change brings a tool: a dependency, job or command names it for the first time."""
    if len(tool) < SHORTEST:
        return False
    asked = _asked(tool)
    others = [c for c in changes if not c.binary and stem(c) != tool and not c.path.endswith(PROSE)]
    return any(_names(asked, c.new_text) for c in others) and not any(_names(asked, c.old_text) for c in others)


def _asked(tool: str) -> Any:
    return re2.compile(rf"(?i)(?:^|[^\w.\[])(?:{CALLED.get(tool, re2.escape(tool))})(?:[^\w.\]]|$)")


def _sides(changes: Sequence[Change]) -> tuple[list[str], list[str]]:
    return [c.old_text for c in changes], [c.new_text for c in changes]


def retired(change: Change, changes: Sequence[Change]) -> bool:
    """Whether the configuration of a tool goes with the tool: what named it before names it no more."""
    tool = stem(change)
    if change.new is not None or len(tool) < SHORTEST:
        return False
    asked = _asked(tool)
    others = [c for c in changes if not c.binary and c is not change and not c.path.endswith(PROSE)]
    was, now = (any(_names(asked, text) for text in side) for side in _sides(others))
    return was and not now


def _names(asked: Any, text: str) -> bool:
    """Whether a text names a tool in another place than at the head of its settings."""
    return any(asked.search(line) for line in text.split("\n") if not SETTINGS_OF.search(line))


def only_asks(change: Change, tools: Tools) -> bool:
    """Whether nothing that a new configuration file says makes its tool ask for less than it does by itself."""
    mine = [(place, v) for place, v in tools.values.items() if v.path == change.path and v.new]
    return bool(mine) and all(_asks(TOOLS[tool].direction(key), v.new) for (_, tool, key), v in mine)


def _asks(direction: str, new: Sequence[str]) -> bool:
    if direction == "level":
        return all(RANKS.get(v.lower(), 0) >= RANKS["warn"] for v in new)
    lax = any(LAX_PRESET.search(v) or v.startswith("-") for v in new)
    return direction in {"free", "up"} or (direction == "add" and not lax) or (direction == "on" and bool(is_true(new)))


def is_adopted(direction: str, tool: str, slot: Values, tools: Tools) -> bool:
    """Whether ruff comes with the rules that it checks by itself, so that what it is told asks for no less."""
    codes = tools.selects(tool)
    heir = not codes and any(row[0] == tool and tools.succeeded(name) for name, row in SUCCESSORS.items())
    if tool != "ruff" or not (heir or {"E", "F"} <= codes or "ALL" in codes):
        return False
    return direction != "shrink" or not any(DEFAULT_CODES.search(code) for code in split(slot.new))


def means_no_less(folder: str, tool: str, key: str, tools: Tools) -> bool:
    """Whether what is let go for one module was let go for all, or the work of a hook is done by another one."""
    if tool == "mypy" and key.startswith("overrides["):
        everywhere = tools.values.get((folder, tool, key.rpartition("].")[2]))
        return everywhere is not None and is_true(everywhere.old) is True
    hook = key.partition("hooks[")[2].partition("]")[0] if tool == "pre-commit" else ""
    gone = tools.values.get((folder, tool, f"repos.hooks[{hook}].id")) if hook else None
    return gone is not None and bool(gone.old) and not gone.new and tools.hooked(folder, hook)


def is_restyled(change: Change) -> bool:
    """Whether a file of code differs in its layout alone."""
    if change.old is None or change.new is None or change.binary or language_of(change.path) is None:
        return False
    old, new = (LAYOUT.sub("", text) for text in (change.old_text, change.new_text))
    return old == new and change.old_text != change.new_text


def has_other_hooks(folder: str, tool: str, tools: Tools) -> bool:
    """Whether the hooks come from other repositories than before, whose versions are counted in their own way."""
    repos = tools.values.get((folder, tool, "repos.repo"))
    return repos is not None and Counter(repos.old) != Counter(repos.new)
