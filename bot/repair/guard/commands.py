"""Whether commands still check as much as before: what is ignored, left out, narrowed or gone."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import pairwise

from bot.repair.guard.compilers import compilers
from bot.repair.guard.listed_files import narrowed
from bot.repair.guard.options import (
    ALIKE,
    ALL_FOUND,
    BOTH,
    CHOSEN,
    COMPARED,
    CONFIGS,
    FAILING,
    FAMILIES,
    IGNORED,
    INSTALLS,
    LAX,
    MOST,
    NEUTRAL_LOSS,
    NOTHING,
    NUMBERS,
    ON_CI,
    OWN_CONFIGS,
    SCOPED,
    SPREAD,
    STRICT,
    STRICTER,
    TIDYING,
    VARIABLES,
    WHOLE,
    positional,
)
from bot.repair.guard.shell import (
    CHECKERS,
    CONDITIONS,
    Command,
    assignments,
    checker,
    commands,
    lies_in,
    settings_in,
    wrappers_in,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a changed command breaks; `line` counts from 1 in the text that was given."""

    rule: str
    line: int
    message: str


def compare(old: str, new: str, *, recipe: bool = False) -> Iterator[Finding]:
    """Yield what the commands of `new` let pass that those of `old` did not. `recipe`: lines of a makefile."""
    before, after = (_unwrapped(commands(text)[:MOST]) for text in (old, new))
    known = Counter(key for key, _, _ in _shortcuts(before, old, recipe))
    for key, line, message in _shortcuts(after, new, recipe):
        if known[key]:
            known[key] -= 1
        else:
            yield Finding("ignored-failure", line, message)
    yield from _lost_settings(before, after)
    yield from _uncalled(before, after)
    yield from _unfailing(before, after)
    yield from _checkers(before, after)
    yield from (Finding("weakened-command", *told) for told in (*compilers(before, after), *narrowed(before, after)))
    if before and any(_does(c) for c in before) and not any(_does(c) for c in after):
        yield Finding("weakened-command", 1, f"`{_told(before[0])}` became a command that does nothing")


def _does(command: Command) -> bool:
    idle = command.words[0].lstrip("@-+") in NOTHING or all("=" in w for w in command.words)
    return not idle or _exits(command)


def _told(command: Command) -> str:
    return " ".join(command.words)[:60]


def _shortcuts(found: Sequence[Command], text: str, recipe: bool) -> Iterator[tuple[str, int, str]]:
    """(key, line, message) of everything that lets a failing command pass."""
    safe = "pipefail" in text
    for i, command in enumerate(found):
        words, line = command.words, command.line
        following = found[i + 1] if i + 1 < len(found) else None
        is_check = checker(words) is not None
        if command.after == "&&" and is_check and following and following.words[0] == "break":
            yield f"retry {words[0]}", line, f"`{_told(command)}` is run again until it passes"
        elif _leaves_on_ci(found[i : i + 4]):
            yield "leaves on CI", line, f"`{_told(command)}`: nothing is checked where CI runs it"
        elif (
            command.after == "||"
            and following
            and not (_tidies(words, following) or _filters(found, i))
            and _tolerates(found[i + 1 : i + 8], is_check)
        ):
            yield f"|| {_told(following)}", line, f"`{_told(command)} || {_told(following)}` never fails"
        elif following and _ends_group(command, following) and is_check and _tolerates(found[i + 1 : i + 8], is_check):
            yield f"group || {_told(following)}", line, f"`(... {_told(command)}) || {_told(following)}` never fails"
        elif command.after in {"|", "|&"} and is_check and not safe:
            yield f"pipe {words[0]}", line, f"the exit code of `{_told(command)}` is lost in a pipe"
        elif (
            command.after == ";"
            and is_check
            and following
            and "set -e" not in text
            and not _fails(following)
            and _ends(following)
        ):
            yield f"; {words[0]}", line, f"the exit code of `{_told(command)}` is lost: another command follows"
        elif command.after == "&" and is_check:
            yield f"& {words[0]}", line, f"`{_told(command)}` runs in the background"
        elif is_check and command.before & {"!", "if", "while", "until", "elif"}:
            yield f"if {words[0]}", line, f"the exit code of `{_told(command)}` only chooses a branch"
        elif recipe and words[0].startswith(("-", "@-")) and words[0] not in {"-", "--"}:
            yield f"- {words[0]}", line, f"`{_told(command)}`: the leading dash ignores failures"
        yield from _single(command)
        yield from _environment(command)


def _ends_group(command: Command, following: Command) -> bool:
    """Whether a command is the last of commands in brackets, and another one runs where they fail."""
    return "||" in following.before and command.after in {")", ";", "\n"}


def _leaves_on_ci(found: Sequence[Command]) -> bool:
    """Whether a condition on CI's own variables is followed by an end without failure."""
    words = found[0].words
    if words[0] not in CONDITIONS or not any(ON_CI.search(w) for w in words):
        return False
    return any(c.words[0] in {"exit", "return"} and c.words[1:2] in [("0",), ()] for c in found[1:])


def _tidies(words: Sequence[str], following: Command) -> bool:
    """Whether a command only clears away what may not be there, or asks what a loop goes on with."""
    words = words[1:] if words[0] == "shell" and words[1:] else words  # of make
    words = ("docker", *words[2:]) if words[:2] == ("docker", "compose") else words
    asks = words[0] in CONDITIONS and following.words == ("continue",)
    return asks or (checker(words) is None and (words[0] in TIDYING or tuple(words[:2]) in TIDYING))


def _filters(found: Sequence[Command], at: int) -> bool:
    """Whether it is a grep at the end of a pipe of plain commands, which fails where it finds nothing."""
    return (
        found[at].words[0] == "grep"
        and "|" in found[at].before
        and not any(checker(c.words) for c in found[max(0, at - 3) : at] if c.after == "|")
    )


LAST = frozenset({"", "\n"})
HEADS = frozenset({"(", ")"})  # behind the name of a function that is defined, and behind the pattern of a branch


def _uncalled(before: Sequence[Command], after: Sequence[Command]) -> Iterator[Finding]:
    """Functions with checkers that are still there, but that nothing calls any more."""
    defined = _functions(before) & _functions(after)
    old, new = ({c.words[0] for c in side if c.after != "("} & defined for side in (before, after))
    for name in sorted(old - new):
        yield Finding("weakened-command", 1, f"the function {name} is not called any more")
    was, now = (Counter(c.words for c in side if c.after not in HEADS) for side in (before, after))
    for one, two in pairwise(before):
        fewer = [c for c in (one, two) if now[c.words] < was[c.words]]
        if (
            len(fewer) == 1
            and fewer[0].words[0] in defined & new
            and one.after in {";", "&&", "\n"}
            and two.after not in HEADS
        ):
            yield Finding("weakened-command", 1, f"the function {fewer[0].words[0]} is called less often")
            return


def _unwrapped(found: Sequence[Command]) -> Sequence[Command]:
    """The commands, those behind a function that runs its arguments (`step lint npm run lint`) without it."""
    wrappers = wrappers_in(found)
    told = []
    for command in found:
        at = wrappers.get(command.words[0], 0)
        at = at if command.after != "(" and checker(command.words[at:]) else 0
        told.append(replace(command, words=command.words[at:]))
    return told


def _unfailing(before: Sequence[Command], after: Sequence[Command]) -> Iterator[Finding]:
    """A script that ended with failure somewhere, and ends nowhere so any more."""
    if not any(map(_exits, before)) or any(map(_exits, after)) or not after:
        return
    own = {c.words[0] for c in after if c.after == "("}
    stops = any(c.words[0] == "set" and "-e" in settings_in(c.words[1:]) for c in after if c not in before)
    if not stops and not any(_fails(c) and c.words[0] not in own for c in after):
        yield Finding("ignored-failure", 1, "it ends nowhere with failure any more")


def _exits(command: Command) -> bool:
    first, rest = command.words[0].lstrip("@"), command.words[1:2]
    return (first in {"exit", "return"} and rest not in [("0",), ()]) or (first == "false" and command.after in LAST)


def _functions(found: Sequence[Command]) -> set[str]:
    """The names of functions in whose bodies checkers stand."""
    names, name = set(), ""
    for command in found:
        name = "" if "}" in command.before else name
        if command.after == "(":
            name = command.words[0]
        elif name and checker(command.words):
            names.add(name)
    return names


def _tolerates(fallback: Sequence[Command], is_check: bool) -> bool:
    """Whether what follows `||` ends well: `true`, `echo`, `exit 0`; after a checker anything that does not fail."""
    first = fallback[0].words
    if first[0] in {"exit", "return"}:
        return first[1:2] in [("0",), ()]
    if first[0] in FAILING or "(" in fallback[0].before or "{" in fallback[0].before:
        return not any(_fails(c) for c in fallback)
    return first[0] in NOTHING or (is_check and not any(_fails(c) for c in fallback[:1]))


def _ends(command: Command) -> bool:
    """Whether the command is the last of its line and checks nothing itself."""
    return (
        command.after in LAST
        and ";" in command.before
        and checker(command.words) is None
        and "if" not in command.before
    )


def _fails(command: Command) -> bool:
    words = command.words
    return words[0] in FAILING or (words[0] in {"exit", "return"} and words[1:2] not in [("0",), ()])


def _single(command: Command) -> Iterator[tuple[str, int, str]]:
    words, line = command.words, command.line
    first, rest = words[0].lstrip("@-+"), words[1:]
    if first == "exit" and rest[:1] == ("0",):
        yield "exit 0", line, "`exit 0` hides what failed before"
    elif first in {"true", ":"} and ";" in command.before:
        yield "; true", line, "`true` hides what failed before"
    elif first == "set" and any(w.startswith("+") and ("e" in w or "o" in w) for w in rest):
        yield f"set {' '.join(rest)}", line, f"`{_told(command)}`: failures do not stop the script any more"
    elif (
        first == "trap"
        and rest[-1:]
        and rest[-1] in {"EXIT", "ERR", "0"}
        and ("exit 0" in rest[0] or rest[0] in {"", ":", "true"})
    ):
        yield "trap", line, "a trap turns failure into success"
    elif first == "false" and command.before & {"if", "while"}:
        yield "if false", line, "`if false`: the commands never run"
    elif first in {"alias", "function"} and any(w.partition("=")[0] in CHECKERS for w in rest):
        yield f"alias {rest[0]}", line, f"`{_told(command)}` replaces a checker"
    elif first in CHECKERS and command.after == "(":
        yield f"function {first}", line, f"{first} is replaced by a function"
    elif first.startswith("python") and any(w in {"-O", "-OO"} for w in rest):
        yield "python -O", line, "`python -O` drops all assertions"
    elif first == "shell" and "{0}" in rest:
        yield "shell", line, "a shell that does not stop on failure"


def _environment(command: Command) -> Iterator[tuple[str, int, str]]:
    for name, value in assignments(command.words):
        harmless = (name == "CI" and value.lower() in {"true", "1"}) or (name == "RUSTFLAGS" and "-D" in value)
        harmless = harmless or (name == "PYTHONWARNINGS" and "error" in value)
        if VARIABLES.search(name) and not harmless:
            yield f"{name}={value}", command.line, f"{name}={value} makes checks tolerant"


def _lost_settings(before: Sequence[Command], after: Sequence[Command]) -> Iterator[Finding]:
    """`set -e`, `set -o pipefail` that are gone."""
    old, new = ({w for c in side if c.words[0] == "set" for w in settings_in(c.words[1:])} for side in (before, after))
    for name in sorted(old - new):
        yield Finding("ignored-failure", 1, f"`set {name}` is gone: failures do not stop the script any more")


def _checkers(before: Sequence[Command], after: Sequence[Command]) -> Iterator[Finding]:
    """Match each checker with what became of it, and compare the arguments."""
    left: dict[tuple[str, ...], list[Command]] = {}
    for command in after:
        if checker(command.words):
            left.setdefault(command.words, []).append(command)
    changed = []
    for command in (c for c in before if checker(c.words)):
        same = left.get(command.words)
        if same:
            yield from _shielded(command, same.pop(0))
        else:
            changed.append(command)
    rest = [c for commands_left in left.values() for c in commands_left][:COMPARED]
    for command in changed[:COMPARED]:
        yield from _became(command, rest)


def _became(command: Command, rest: list[Command]) -> Iterator[Finding]:
    """Judge a checker whose words changed by the most similar one of those left, which it takes out."""
    tool, given = checker(command.words) or ("", ())
    told = [(c, checker(c.words) or ("", ())) for c in rest]
    options = [n for n in told if n[1][0] == tool] or [n for n in told if _related(tool, n[1][0])]
    if not options:
        yield Finding("weakened-command", 1, f"`{_told(command)}` is gone")
        return
    heir, (name, now) = max(options, key=lambda n: len({*n[1][1]} & {*given}) - len({*n[1][1]} ^ {*given}) / 100)
    if name not in BOTH or name == tool:
        rest.remove(heir)
    yield from _shielded(command, heir)
    if name == tool:
        yield from (Finding("weakened-command", heir.line, m) for m in arguments(tool, given, now))


def _shielded(old: Command, new: Command) -> Iterator[Finding]:
    if new.depth > old.depth:
        yield Finding("weakened-command", new.line, f"`{_told(new)}` runs only under a condition")


def _related(old: str, new: str) -> bool:
    return (old, new) in STRICTER or any(old in family and new in family for family in FAMILIES)


def arguments(tool: str, old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    """Say what the arguments of a checker lost on the way from `old` to `new`."""
    name = tool.partition(" ")[0]
    came, gone = Counter(new) - Counter(old), Counter(old) - Counter(new)
    numbers = _numbers(old), _numbers(new)
    for option, stricter_up in NUMBERS.items():
        was, now = numbers[0].get(option), numbers[1].get(option)
        if was is not None and now is not None and ((now < was) if stricter_up else (now > was)):
            yield f"`{tool}`: {option} went from {was:g} to {now:g}"
    for word in came:
        if (
            word.startswith("-")
            and _counts(name, word, LAX)
            and not (word in ALL_FOUND or SPREAD.search(word) or _number_only(word, numbers[0]))
        ):
            yield f"`{tool}` got {word}, which makes it find less or never fail"
        elif IGNORED.search(word) or (name == "make" and CHOSEN.search(word)):
            yield f"`{tool}` got {word}, which makes it find less"
        elif word.partition("=")[0] in CONFIGS and not set(new) & OWN_CONFIGS:
            yield f"`{tool}` got another configuration ({word})"
    for word in gone:
        if (
            word.startswith("-")
            and _counts(name, word, STRICT)
            and word not in NEUTRAL_LOSS
            and not _number_only(word, numbers[1])
        ):
            yield f"`{tool}` lost {word}"
    yield from _paths(tool, old, new)


def _counts(name: str, word: str, pattern: object) -> bool:
    bare = word.partition("=")[0]
    scope = next((tools for option, tools in SCOPED.items() if bare == option), None)
    return bool(pattern.search(word)) and (scope is None or name in scope)  # type: ignore[attr-defined]  # re2 has no types


def _numbers(words: Sequence[str]) -> dict[str, float]:
    found = {}
    for word, after in zip(words, [*words[1:], ""], strict=False):
        name, sign, value = word.partition("=")
        text = value if sign else after
        if name in NUMBERS and text.replace(".", "", 1).isdigit():
            found[name] = float(text)
    return found


def _number_only(word: str, other: dict[str, float]) -> bool:
    """Whether the option stands on both sides with a number, which was compared already."""
    return word.partition("=")[0] in other


def _paths(tool: str, old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    if tool.partition(" ")[2] in INSTALLS:
        return
    before, after = positional(old), positional(new)
    if not before:
        narrow = [p for p in after if p not in WHOLE and (tool.partition(" ")[0] in CHECKERS)]
        if narrow and "/" in "".join(narrow) + "/" and not tool.startswith(("npm", "yarn", "make", "pnpm")):
            yield f"`{tool}` runs on {narrow[0]} only"
        return
    gone = [p for p in before if p not in after]
    came = [p for p in after if p not in before]
    for path in gone if after else []:
        if any(lies_in(path, other) for other in after):
            continue
        heir = next((c for c in came if not lies_in(c, path) and SequenceMatcher(None, path, c).ratio() >= ALIKE), None)
        if heir is None:
            yield f"`{tool}` does not run on {path} any more"
        else:
            came.remove(heir)
