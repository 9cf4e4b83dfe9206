"""Which file a block of a model's answer is about: told on the line before it, by its fence, or by the block before."""

from collections.abc import Sequence

import re2

from bot.repair.hygiene import path_problems

FENCE = re2.compile(r"^[ \t]*(`{3,}|~{3,})[ \t]*([^`]*)$")
LEAD = re2.compile(r"^(?:[-*+]|\d+[.)]|#{1,6}|//|--|;)[ \t]+")
NAMED = re2.compile(r"(?i)^(?:file ?(?:name|path)?|path|new file|whole file)[ \t]*[:=][ \t]*")
VERB = re2.compile(r"(?i)^(?:in|file|edit|update|modify|change|create|delete|remove|fix)[ \t]+")
LIKE_A_PATH = re2.compile(
    r"^[^\s:]*[./][^\s:]*[^\s:./(),;!?]$|^\w+file$|^(?:README|LICENSE|COPYING|NOTICE|AUTHORS|CHANGELOG|CODEOWNERS|OWNERS|VERSION|BUILD|WORKSPACE)$"
)
MENTION = re2.compile(r"[\w-]+\.[A-Za-z]\w{0,5}\b|\w/\w")
WRAPS = ("**", "__", "`", '"', "'", "*")
LEFT_TO_THE_POLICY = frozenset({"git-file", "workflow"})
"""Rules about files that a tree can have: they refuse the candidate, for which the model gets no second try."""
NOT_IN_PATHS = frozenset('`*"<>|')


class NoPathError(Exception):
    """It cannot be told which file is meant; the message says why."""


def path_of(between: Sequence[str], inherited: str) -> str:
    """The path of a block, from the lines between it and the block before it, whose path is `inherited`.

    Raises `NoPathError` where there is none, or more than one.
    """
    told = ""
    prose: list[str] = []
    for line in reversed(between):
        fence = FENCE.search(line)
        if fence:
            told = told or ("" if prose else _in_info(fence[2]))
        elif named := path_in(line):
            if told and relative(named) != relative(told):
                raise NoPathError(f"the path is {named} on the line before and {told} at the fence")
            if any(MENTION.search(one) for one in prose):
                raise NoPathError(f"between its path, {named}, and the block another one is named")
            return named
        elif line.strip():
            prose.append(line)
    if told or (inherited and not prose):
        return told or inherited
    raise NoPathError("no path stands on the line before it")


def path_in(line: str) -> str:
    """The path that a line consists of, without what is written around paths; the empty string for any other line."""
    text, sure, before = LEAD.sub("", line.strip()), False, ""
    while text != before:
        before = text
        text = text.strip().removesuffix(":")
        if NAMED.search(text):
            text, sure = NAMED.sub("", text), True
        text = VERB.sub("", text)
        for wrap in WRAPS:
            if len(text) > 2 * len(wrap) and text.startswith(wrap) and text.endswith(wrap):
                text, sure = text[len(wrap) : -len(wrap)], sure or wrap == "`"
    if not text or NOT_IN_PATHS & set(text) or "://" in text:
        return ""
    return text if sure or LIKE_A_PATH.search(text) else ""


def _in_info(info: str) -> str:
    """The path in the words behind the signs of a fence: alone, behind the language, or as `title="..."`."""
    words = (w.rpartition("=")[2].rpartition(":")[2].strip("\"'{}") for w in info.split())
    found = [w for w in words if LIKE_A_PATH.search(w) and ("/" in w or "." in w)]
    return found[0] if len(found) == 1 else ""


def relative(path: str) -> str:
    """The path without `./` before it. Raises `NoPathError` where it is not one within the repository."""
    clean = path.removeprefix("./")
    parts = clean.split("/")
    odd = "\\" in clean or ":" in clean or any(ord(c) < 0x20 or ord(c) == 0x7F for c in clean)
    if odd or clean.startswith("~") or any(part in {"", ".", ".."} for part in parts):
        raise NoPathError(f"{path!r} is no path from the root of the repository, with slashes")
    for _, wrong in path_problems(clean, LEFT_TO_THE_POLICY):
        raise NoPathError(f"{path!r} is none for an edit: {wrong}")  # git would leave it out of a tree without a word
    return clean
