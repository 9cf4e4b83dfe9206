"""Steps that change something outside of a replay, and are therefore never run."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatch
from typing import Any

import re2

OPERATORS = frozenset(("&&", "||", ";", "|", "&", "(", ")", ";;", "|&"))
BEFORE_COMMANDS = {"if", "then", "else", "elif", "do", "while", "until", "!", "{", "}", "fi", "done"} | {
    *("time", "sudo", "exec", "command"),
}
INTERPRETERS = re2.compile(r"^(?:python[0-9.]*|py)$")
HARMLESS = re2.compile(r"^(?:cd|echo|export|printf|set|true|git (?:config|add|commit|tag|remote))(?: |$)")
ASSIGNMENT = re2.compile(r"^[A-Za-z_][A-Za-z0-9_]*=")
INSIDE = re2.compile(r"\$\(([^()]*)\)|`([^`]*)`")


class Share(Enum):
    """How much of a step is a side effect."""

    NONE = 0
    SOME = 1
    ALL = 2


@dataclass(frozen=True)
class SideEffects:
    """Patterns over `owner/name` of actions (shell style) and over single commands (re2, from their start)."""

    actions: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()

    def find(self, step: Mapping[str, Any]) -> tuple[str, Share]:
        """What in a step is a side effect, and whether it is all that the step does.

        A step of which it is only a part cannot be left out: whether the rest passes would not be known.
        """
        uses = str(step.get("uses") or "").split("@")[0].lower()
        if uses:
            fitting = any(fnmatch(uses, pattern.lower()) for pattern in self.actions)
            return (uses, Share.ALL) if fitting else ("", Share.NONE)
        text = str(step.get("run") or "")
        try:
            commands = list(_commands(text))
        except ValueError:  # here documents, quotes over several lines: its words as they stand
            found = next((m[0].strip() for p in self.commands if (m := re2.search(p, text))), "")
            return found, Share.SOME if found else Share.NONE
        hits = [c for c in commands if self._fits(" ".join(c))]
        if not hits:
            return "", Share.NONE
        whole = all(c in hits or HARMLESS.search(" ".join(c)) for c in commands)
        return " ".join(hits[0])[:80], Share.ALL if whole else Share.SOME

    def _fits(self, command: str) -> bool:
        return any(re2.match(pattern, command) for pattern in self.commands)


def _commands(text: str) -> Iterator[list[str]]:
    """The simple commands of a script, without what stands before them, those inside of `$( )` and `sh -c` included."""
    for line in text.replace("\\\n", " ").split("\n"):
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        command: list[str] = []
        for word in (*lexer, ";"):
            if word not in OPERATORS:
                command.append(word)
                for found in INSIDE.finditer(word):
                    yield from _commands(found[1] or found[2] or "")
                continue
            if plain := _plain(command):
                yield plain
                if plain[0] in ("sh", "bash", "eval") and len(plain) > 1:
                    yield from _commands(plain[-1])
            command = []


def _plain(command: list[str]) -> list[str]:
    while command and (command[0] in BEFORE_COMMANDS or ASSIGNMENT.search(command[0])):
        command = command[1:]
    if len(command) > 2 and INTERPRETERS.search(command[0]) and command[1] == "-m":
        return command[2:]
    return command
