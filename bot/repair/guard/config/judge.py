"""Whether the configuration of checkers asks for as much as before, over all configuration files of a candidate.

Settings are compared by folder and tool, not by file, so that a configuration that moved to another file is known
again.
"""

from collections import Counter
from collections.abc import Generator, Iterator, Sequence

import re2

from bot.repair.guard.change import Change
from bot.repair.guard.commands import arguments
from bot.repair.guard.config.adopted import (
    LAX_PRESET,
    RANKS,
    has_other_hooks,
    introduced,
    is_adopted,
    is_restyled,
    means_no_less,
    only_asks,
    retired,
    stem,
    stem_of,
)
from bot.repair.guard.config.files import Reader, configures
from bot.repair.guard.config.gathered import Tools, Values, is_true, split
from bot.repair.guard.config.readers import Setting
from bot.repair.guard.config.tables import TOOLS
from bot.repair.guard.facts import TooComplex, Unparsable
from bot.repair.guard.findings import Finding
from bot.repair.guard.floors import floors_of, is_below
from bot.repair.guard.kinds import name_of
from bot.repair.guard.options import WHOLE
from bot.repair.guard.shell import unquoted

NUMBER = re2.compile(r"[0-9]+(?:\.[0-9]+)?")
DIGITS = re2.compile(r"[0-9]+")
RETRIES = re2.compile(r"(^|[.-])retr(y|ies)")  # none, unless they are asked for
LONGER = 10  # times from which a time limit is none any more
TOP = {"max": "1000"}  # levels that stand above all numbers
STRICTEST = frozenset({"always"})  # options that ask for all that a rule can ask for
WHOLE_FILE = "the list"
FORMATTERS = frozenset({"black", "isort", "prettier"})
STYLES = frozenset({".clang-format", "rustfmt.toml", ".rustfmt.toml", ".scalafmt.conf", ".style.yapf", ".editorconfig"})
FEW = 8  # changed lines up to which the repair of a file that did not parse is believed
OWN_FILES = frozenset(
    {"setup.cfg", "tox.ini", "pyproject.toml", "package.json", ".pre-commit-config.yaml", ".editorconfig"}
)
STUBS = frozenset(
    {
        "if TYPE_CHECKING:",
        "if typing.TYPE_CHECKING:",
        "raise NotImplementedError",
        "if __name__ == .__main__.:",
        "@(abc.)?abstractmethod",
        "@abstractmethod",
        "@overload",
        "@typing.overload",
        "class .*Protocol.*:",
        "...",
        "pragma: no cover",
        "assert_never",
    }
)
"""Lines that coverage is often told to leave out, since there is nothing to run in them."""
ADDABLE = frozenset({"typescript", "pre-commit", "package", "pyproject", "none"})


MERGED = frozenset({"ignore", "extend-ignore", "exclude", "extend-exclude"})
"""Lists of which the one goes on with the other."""
LISTS = frozenset({"grow", "add", "shrink", "relief"})
FIXES = frozenset({"--fix", "--write", "-w", "-i", "--in-place"})


def judge(changes: Sequence[Change]) -> Iterator[Finding]:
    """Yield what the configuration files among `changes` loosen."""
    tools = Tools(floors_of(changes), restyled=any(map(is_restyled, changes)))
    replaced: list[Change] = []
    for change in changes:
        told = configures(change.path)
        if told is None or change.binary or retired(change, changes):
            continue
        sides = yield from _read(change, told[1])
        if sides is None:
            continue
        tools.take(change, told[0], sides[0], new=False)
        tools.take(change, told[0], sides[1], new=True)
        if (
            change.old is None
            and told[0] not in ADDABLE
            and name_of(change.path) not in OWN_FILES
            and told[0] != "lines"
            and not (name_of(change.path).startswith("vite.") and "test" not in change.new_text)
        ):
            replaced.append(change)
    yield from _new_files([c for c in replaced if not only_asks(c, tools) and not introduced(stem(c), changes)], tools)
    for place, slot in sorted(tools.values.items(), key=lambda row: row[0]):
        _, tool, key = place
        direction = TOOLS[tool].direction(key)
        message = _loosened(direction, place, slot, tools) if Counter(slot.old) != Counter(slot.new) else ""
        if message and not (not tools.had(tool) and introduced(stem_of(slot.path, tool), changes)):
            yield Finding("loosened-config", slot.path, slot.line, f"{tool}: {message}")


def _read(change: Change, reader: Reader) -> Generator[Finding, None, list[list[Setting]] | None]:
    """Read both sides: yield what is wrong with the texts, return the settings, None when they cannot be compared."""
    sides: list[list[Setting]] = []
    for text, new in ((change.old_text, False), (change.new_text, True)):
        try:
            sides.append(list(reader(text)) if text.strip() else [])
        except TooComplex as e:
            yield Finding("unreadable", change.path, 1, str(e))
            return None
        except Unparsable as e:
            if new and len(sides) == 1:
                yield Finding("syntax", change.path, e.line, f"not valid any more: {e.message}")
                return None
            break
    if len(sides) < 2:
        yield from _repaired(change)
        return None
    return sides


def _repaired(change: Change) -> Iterator[Finding]:
    """The file did not parse before: a small change is its repair, a large one cannot be told from loosening."""
    old, new = (Counter(x.strip() for x in text.split("\n")) for text in (change.old_text, change.new_text))
    if (old - new).total() + (new - old).total() > FEW:
        yield Finding("loosened-config", change.path, 1, "the file could not be read before, and much of it changed")


def _new_files(added: Sequence[Change], tools: Tools) -> Iterator[Finding]:
    """A new configuration file takes the place of what is configured elsewhere, unless that moved here."""
    for change in added:
        folder = change.path.rpartition("/")[0]
        mine = {tool for (f, tool, _), v in tools.values.items() if f == folder and v.new and v.path == change.path}
        moved = {tool for (f, tool, _), v in tools.values.items() if f == folder and v.old}
        if mine - moved or not mine:
            told = ", ".join(sorted(mine - moved)) or "nothing"
            yield Finding("loosened-config", change.path, 1, f"a new configuration of {told} hides the one in force")


def _loosened(direction: str, place: tuple[str, str, str], slot: Values, tools: Tools) -> str:
    folder, tool, key = place
    old, new = slot.old, slot.new
    shown = key or WHOLE_FILE
    if direction in {"free", ""} or (key == "extends" and _extends(folder, tool, slot, tools)):
        return ""
    if _is_let(direction, place, slot, tools):
        return ""
    if direction in LISTS:
        return _members(direction, tool, key, slot, tools)
    if direction in {"on", "off"}:
        return _switch(direction, shown, old, new)
    if direction == "patience":
        return _patience(shown, old, new)
    if direction in {"up", "down"}:
        return _number(direction, shown, old, new)
    if direction == "level":
        return _level(shown, old, new)
    if direction == "command":
        return _command(tool, key, old, new)
    if direction == "filters":
        return _filters(shown, old, new)
    if direction == "version":
        return "" if has_other_hooks(folder, tool, tools) else _older(shown, old, new)
    if _is_new_option(folder, tool, key, tools) or (tools.restyled and _is_style(tool, slot.path)):
        return ""
    return f"{shown} changed" if new else f"{shown} is gone"


def _is_style(tool: str, path: str) -> bool:
    """Whether a setting says how code is laid out, which all of it has to follow."""
    return tool in FORMATTERS or name_of(path) in STYLES


def _members(direction: str, tool: str, key: str, slot: Values, tools: Tools) -> str:
    """What a list, or what is tolerated for now, has more or fewer of than it may."""
    old, new, shown = slot.old, slot.new, key or WHOLE_FILE
    if direction == "relief":
        numbers = old and new and all(NUMBER.fullmatch(v) for v in (*old, *new))
        return _number("down", shown, old, new) if numbers else _list("shrink", shown, split(old), split(new))
    new = [v for v in _lines(new) if v not in STUBS] if tool == "coverage" and "exclude" in key else new
    if direction == "shrink" and key in MERGED:
        pair = (key, key.removeprefix("extend-"), f"extend-{key}")
        others = [tools.values.get((slot.path.rpartition("/")[0], tool, name)) for name in sorted(set(pair))]
        old = [v for other in others if other is not None for v in other.old]
    kept = Counter(v for v in split(old) if not (tool == "tox" and is_below(v, tools.floors)))
    return _list(direction, shown, kept, split(new))


def _command(tool: str, key: str, old: Sequence[str], new: Sequence[str]) -> str:
    fixes = FIXES if tool == "pre-commit" else frozenset()  # it fails when a hook has changed a file
    was, now = ([w for w in _words(side) if w not in fixes] for side in (old, new))
    return next(iter(arguments(_command_name(tool, key), was, now)), "")


def _is_let(direction: str, place: tuple[str, str, str], slot: Values, tools: Tools) -> bool:
    """Whether a setting of a tool that comes, or whose work another one does now, may be what it is."""
    folder, tool, key = place
    if not tools.had(tool) and (_may_come(direction, tool, slot.new) or is_adopted(direction, tool, slot, tools)):
        return True
    return tools.succeeded(tool) or means_no_less(folder, tool, key, tools)


def _older(key: str, old: Sequence[str], new: Sequence[str]) -> str:
    pairs = zip((Counter(old) - Counter(new)), (Counter(new) - Counter(old)), strict=False)
    return f"{key} is an older version" if any(_version(b) < _version(a) for a, b in pairs) else ""


def _may_come(direction: str, tool: str, new: Sequence[str]) -> bool:
    """Whether a setting loosens nothing where its tool was not configured: where things lie, a style, wheels."""
    if direction == "grow":
        return tool == "coverage" or split(new).keys() <= WHOLE
    return tool == "cibuildwheel" or (tool in FORMATTERS and direction not in {"add", "shrink"})


def _extends(folder: str, tool: str, slot: Values, tools: Tools) -> bool:
    """Whether what was extended is a member of a flat configuration now, or a new file builds on another one."""
    if tool == "typescript":
        return not slot.old and all(v.startswith(".") for v in slot.new)
    flat = tools.values.get((folder, tool, "items")) if tool == "eslint" and not slot.new else None
    return flat is not None and all(_is_preset_of(o, flat.new) for o in slot.old)


def _is_preset_of(extended: str, items: Sequence[str]) -> bool:
    """Whether `eslint:recommended` or `plugin:x/strict` stands in `...js.configs.recommended` or the like."""
    last = extended.rpartition("/")[2].rpartition(":")[2]
    return any(last in "".join(item.split()).replace("[", ".").replace("'", "").split(".") for item in items)


def _is_new_option(folder: str, tool: str, key: str, tools: Tools) -> bool:
    """Whether the setting belongs to a rule or hook that was not there before."""
    head, dot, _ = key.rpartition(".")
    if not dot:
        return False
    owners = [tools.values.get((folder, tool, name)) for name in (head, f"{head}.id")]
    risen = owners[0] is not None and _has_risen(owners[0])  # a rule that counts for more, and got options
    return risen or any(owner is not None and not owner.old for owner in owners)


def _has_risen(slot: Values) -> bool:
    was, now = ([RANKS[v.lower()] for v in side if v.lower() in RANKS] for side in (slot.old, slot.new))
    return bool(was and now) and min(now) > max(was)


def _list(direction: str, key: str, old: Counter[str], new: Counter[str]) -> str:
    came, gone = set(new) - set(old), set(old) - set(new)
    if direction == "shrink":
        came = set(new - old) if key == WHOLE_FILE else came  # an entry may be made of lines that others have, too
        more = [x for x in sorted(came) if not x.startswith("!")]
        fewer = [x for x in sorted(gone) if x.startswith("!")]
        told = more + fewer
        return f"{key} ignores more: {told[0]}" if told else ""
    if direction == "grow" and (out := sorted(x for x in came if x.startswith("!"))):
        return f"{key} leaves out {out[0]}"
    if direction == "grow" and not old and new:
        return f"{key} now names what is checked: {min(new)}"
    if lax := sorted(x for x in came if direction == "add" and (LAX_PRESET.search(x) or x.startswith("-"))):
        return f"{key} got {lax[0]}, which switches checks off"
    gone = {x for x in gone if direction != "add" or not x.startswith("-")}
    return f"{key} lost {min(gone)}" if gone else ""


def _switch(direction: str, key: str, old: Sequence[str], new: Sequence[str]) -> str:
    was, now = is_true(old), is_true(new)
    if direction == "on":
        return f"{key} is switched off" if (now is False and was is not False) or (was and now is None) else ""
    return f"{key} is switched on" if now and not was else ""


def _number(direction: str, key: str, old: Sequence[str], new: Sequence[str]) -> str:
    was, now = ([float(n) for v in side for n in NUMBER.findall(TOP.get(v, v))[:1]] for side in (old, new))
    if not was and direction == "down" and RETRIES.search(key):
        was = [0.0]
    if not was:
        return ""
    if not now:
        return f"{key} is gone"
    worse = min(now) < min(was) if direction == "up" else max(now) > max(was)
    return f"{key} went from {was[0]:g} to {now[0]:g}" if worse else ""


def _patience(key: str, old: Sequence[str], new: Sequence[str]) -> str:
    was, now = ([float(n) for v in side for n in NUMBER.findall(v)[:1]] for side in (old, new))
    if was and now and (max(now) >= LONGER * max(was) > 0 or (max(was) > 0 and min(now) == 0)):
        return f"{key} went from {was[0]:g} to {now[0]:g}"
    return ""


def _level(key: str, old: Sequence[str], new: Sequence[str]) -> str:
    came, gone = Counter(new) - Counter(old), Counter(old) - Counter(new)
    low, high = ([RANKS[v.lower()] for v in side if v.lower() in RANKS] for side in (came, gone))
    if low and min(low) < (max(high) if high else 3 if not old and min(low) < 2 else 0):
        return f"{key} is now {min(came, key=lambda v: RANKS.get(v.lower(), 9))}"
    if high and max(high) > 0 and not low:
        return f"{key} is gone"
    others = {v for v in (*came, *gone) if v.lower() not in RANKS}
    came_others = {v for v in came if v.lower() not in RANKS}
    if low and high and min(low) > max(high) and others <= STRICTEST:
        return ""
    if others == came_others <= STRICTEST and (not low or not high):
        return ""
    if old and others:
        return f"{key} has other options"
    return ""


def _command_name(tool: str, key: str) -> str:
    at = key.rfind("[")
    return key[at + 1 : key.find("]", at)] if at >= 0 else tool


def _words(values: Sequence[str]) -> list[str]:
    return [unquoted(w) for v in values for w in v.split() if not w.startswith("#")]


def _filters(key: str, old: Sequence[str], new: Sequence[str]) -> str:
    came, gone = Counter(_lines(new)) - Counter(_lines(old)), Counter(_lines(old)) - Counter(_lines(new))
    lax = [v for v in came if not v.startswith("error")]
    strict = [v for v in gone if v.startswith("error")]
    if lax or strict:
        return f"{key}: {lax[0] if lax else strict[0] + ' is gone'}"
    return ""


def _lines(values: Sequence[str]) -> list[str]:
    told = (line.strip().replace("\\", "") for v in values for line in v.split("\n"))
    return [line for line in told if line and line != "[]"]


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(n[:9]) for part in text.split(".") for n in DIGITS.findall(part)[:1])
