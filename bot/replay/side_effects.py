"""Steps that change something outside of a replay, and are therefore never run.

A script is read with the grammar of bash: what stands in comments, quotes and here documents is no command. Each one is
compared without what stands before it (`sudo`, `VAR=x`, `npx`, a folder), with and without its options.
"""

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from fnmatch import fnmatch
from functools import cached_property
from typing import Any

import re2
import tree_sitter_bash
from tree_sitter import Language, Node, Parser

from bot.errors import UsageError
from bot.replay.own import place_of

WRAPPER = re2.compile(
    r"^(?:sudo|env|time|exec|command|builtin|nohup|timeout|xargs|nice|stdbuf|retry|npx|bunx|uvx|pipx|dotenvx|xvfb-run)$"
)
RUNNERS = {  # what starts another program when this word follows
    **dict.fromkeys(("uv", "poetry", "pipenv", "pdm", "rye", "hatch", "pipx", "conda", "micromamba", "pixi"), ("run",)),
    **dict.fromkeys(("pnpm", "yarn", "npm", "bun", "bundle", "mise"), ("exec", "dlx", "x")),
    **dict.fromkeys(("python", "python3", "py"), ("-m",)),
}
VALUED = re2.compile(r"^(?:-[ughCILPdkns]|--user|--group|--signal|--kill-after|--chdir|--unset)$")
SHELLS = frozenset(("sh", "bash", "dash", "zsh"))
FOREIGN_SHELLS = ("python", "node", "ruby", "perl", "deno")
HARMLESS = re2.compile(r"(?:cd|echo|export|printf|set|test|true|git (?:config|add|commit|tag|remote))(?: |$)")
ASSIGNMENT = re2.compile(r"^[A-Za-z_][A-Za-z0-9_]*=")
EXPRESSION = re2.compile(r"(?s)\$\{\{.*?\}\}")
UNKNOWN = "expression"  # stands for one
MAX_DEPTH = 5  # of scripts in scripts, and of actions in actions


class Share(IntEnum):
    """How much of a step is a side effect."""

    NONE = 0
    SOME = 1
    ALL = 2


@dataclass(frozen=True)
class SideEffects:
    """The table of side effects, see `config/side_effects.yaml`.

    `actions` and `building_actions` are shell patterns over `owner/name`, the others re2 patterns over single commands,
    from their start. `inputs` names the input without which an action changes nothing outside. `allowed` are the names
    or ids of steps that the user lets run. `tree` gives the definition of an action of the tree by its folder.
    """

    actions: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    building_actions: tuple[str, ...] = ()
    building_commands: tuple[str, ...] = ()
    harmless: tuple[str, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)
    allowed: frozenset[str] = frozenset()
    tree: Mapping[str, Any] = field(default_factory=dict)

    def allows(self, step: Mapping[str, Any]) -> bool:
        """Whether the user lets this step run, whatever it does."""
        return bool(self.allowed & {str(step.get("name") or ""), str(step.get("id") or "")} - {""})

    def find(self, step: Mapping[str, Any], depth: int = 0) -> tuple[str, Share]:
        """What in a step is a side effect, and whether it is all that the step does.

        A step of which it is only a part, or that builds before it publishes, cannot be left out: whether the rest
        passes would not be known.
        """
        uses = str(step.get("uses") or "")
        if place := place_of(uses):
            return self._of_tree(place, depth)
        if uses:
            return self._of_action(uses.split("@")[0].lower(), step.get("with"))
        if is_foreign(step):
            return "", Share.NONE
        commands = list(commands_of(str(step.get("run") or "")))
        hits = [c for c in commands if self._fits(c, self._only) or self._fits(c, self._building)]
        if not hits:
            return "", Share.NONE
        others = [c for c in commands if not self._fits(c, self._only)]
        whole = all(HARMLESS.match(" ".join(c)) for c in others)
        return " ".join(hits[0])[:80], Share.ALL if whole else Share.SOME

    def _of_tree(self, uses: str, depth: int) -> tuple[str, Share]:
        definition = self.tree.get(posixpath.normpath(uses))
        runs = definition.get("runs") if isinstance(definition, dict) else None
        steps = runs.get("steps") if isinstance(runs, dict) else None
        if depth >= MAX_DEPTH or not isinstance(steps, list):
            return "", Share.NONE
        found = [self.find(s, depth + 1) for s in steps if isinstance(s, dict)]
        effect = next((e for e, share in found if share), "")
        if not effect:
            return "", Share.NONE
        return effect, Share.ALL if all(share is Share.ALL for _, share in found) else Share.SOME

    def _of_action(self, name: str, given: Any) -> tuple[str, Share]:
        deciding = next((key for pattern, key in self.inputs.items() if fnmatch(name, pattern.lower())), "")
        value = str(given.get(deciding, "")) if isinstance(given, dict) else ""
        if deciding and value.strip().lower() in ("", "false"):
            return "", Share.NONE
        for patterns, share in ((self.building_actions, Share.SOME), (self.actions, Share.ALL)):
            if any(fnmatch(name, pattern.lower()) for pattern in patterns):
                return name, share
        return "", Share.NONE

    def _fits(self, command: list[str], pattern: Any) -> bool:
        forms = _forms(command)
        return any(pattern.match(f) for f in forms) and not any(self._dry.match(f) for f in forms)

    @cached_property
    def _only(self) -> Any:
        return _any_of(self.commands)

    @cached_property
    def _building(self) -> Any:
        return _any_of(self.building_commands)

    @cached_property
    def _dry(self) -> Any:
        return _any_of(self.harmless)


def is_foreign(step: Mapping[str, Any]) -> bool:
    """Whether a step's script is in another language than the shell's."""
    return any(shell in str(step.get("shell") or "") for shell in FOREIGN_SHELLS)


def _any_of(patterns: Sequence[str]) -> Any:
    for pattern in patterns:
        try:
            re2.compile(pattern)
        except re2.error as e:
            raise UsageError(f"side effects: '{pattern}' is no re2 pattern: {e}") from e
    return re2.compile("|".join(f"(?:{p})" for p in patterns) or r"\z.")


def _forms(command: list[str]) -> list[str]:
    """A command as it stands, without its options, and without its options and the word after each."""
    program, *rest = command
    bare = [w for w in rest if not w.startswith("-") and w != UNKNOWN]
    short, value = [], False
    for word in rest:
        if not value and not word.startswith("-"):
            short.append(word)
        value = word.startswith("-") and "=" not in word
    return [" ".join([program, *words]) for words in (rest, bare, short)]


def commands_of(text: str, depth: int = 0) -> Iterator[list[str]]:
    """The simple commands of a script, without what stands before them, those of scripts in it included."""
    if depth > MAX_DEPTH:
        return
    source = EXPRESSION.sub(UNKNOWN, text).encode()
    root = Parser(Language(tree_sitter_bash.language())).parse(source).root_node
    for node in _nodes(root, "command"):
        name, arguments = node.child_by_field_name("name"), node.children_by_field_name("argument")
        words = [_word(n) for n in (name, *arguments) if n]
        yield from _unwrapped(words, list(_here_documents(node)), depth)
    if root.has_error:  # no bash, or more than the grammar knows: every line as it stands
        for line in source.decode().splitlines():
            if words := line.split("#")[0].split():
                yield from _unwrapped(words, [], MAX_DEPTH)


def _nodes(node: Node, kind: str) -> Iterator[Node]:
    todo = [node]
    while todo:
        here = todo.pop()
        if here.type == kind:
            yield here
        todo += reversed(here.children)


def _word(node: Node) -> str:
    text = (node.text or b"").decode("utf-8", "replace")
    if node.type == "command_name" and node.children:
        return _word(node.children[0])
    if node.type == "concatenation":
        return "".join(map(_word, node.children))
    return text[1:-1] if node.type in ("string", "raw_string") else text.replace("\\", "")


def _here_documents(node: Node) -> Iterator[str]:
    around = node.parent if node.parent and node.parent.type == "redirected_statement" else node
    for body in (*_nodes(around, "heredoc_body"), *_nodes(around, "herestring_redirect")):
        yield (body.text or b"").decode("utf-8", "replace").removeprefix("<<<").strip().strip("'\"")


def _unwrapped(words: list[str], documents: list[str], depth: int) -> Iterator[list[str]]:
    """The command itself, without wrappers; of a shell that is given a script, the commands of that script."""
    while words:
        program = posixpath.basename(words[0])
        if ASSIGNMENT.search(words[0]):
            words = words[1:]
        elif program in RUNNERS and words[1:2] and words[1] in RUNNERS[program]:
            words = words[2:]
        elif WRAPPER.match(program):
            words = words[1:]
            while words and (words[0].startswith("-") or words[0][:1].isdigit()):
                words = words[2:] if VALUED.match(words[0]) else words[1:]
        else:
            break
    if not words:
        return
    program = posixpath.basename(words[0])
    scripts = documents + [w for w in words[1:] if " " in w] if program in SHELLS else []
    if program == "eval":
        scripts = [" ".join(words[1:])]
    for script in scripts:
        yield from commands_of(script, depth + 1)
    if not scripts:
        yield [program, *words[1:]]
