"""Tokens, and which of them the cache has."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

LEAST = 512
"""Tokens that a prefix has to have to be kept."""
LOOKBACK = 20
"""Blocks before a mark that are tried."""
SECONDS = {"5m": 300.0, "1h": 3600.0}


@dataclass(frozen=True)
class Usage:
    """Tokens of a prompt."""

    input: int
    read: int = 0
    write_5m: int = 0
    write_1h: int = 0

    @property
    def prompt(self) -> int:
        return self.input + self.read + self.write_5m + self.write_1h


@dataclass(frozen=True)
class Part:
    """A block of a request, or a tool, and where it stands. `keep` is 5m or 1h where it has a mark."""

    place: str
    text: str
    keep: str = ""

    @property
    def tokens(self) -> int:
        return tokens(self.text)


@dataclass
class Cache:
    """What is kept, and until when, by the digest of all that is before its end."""

    kept: dict[str, tuple[float, float]] = field(default_factory=dict)

    def account(self, model: str, parts: Sequence[Part], now: float) -> Usage:
        """Count the tokens of a prompt, and keep what is to be kept."""
        ends = list(_ends(model, parts))
        marks = [at for at, part in enumerate(parts) if part.keep]
        hit = max((at for mark in marks for at in self._alive(ends, mark, now)), default=-1)
        read = ends[hit][1] if hit >= 0 else 0
        if hit >= 0:
            _, seconds = self.kept[ends[hit][0]]
            self.kept[ends[hit][0]] = now + seconds, seconds
        written, before = {"5m": 0, "1h": 0}, read
        for mark in marks:
            digest, total = ends[mark]
            if mark > hit and total >= LEAST:
                keep = parts[mark].keep
                written[keep] += total - before
                before = total
                self.kept[digest] = now + SECONDS[keep], SECONDS[keep]
        whole = ends[-1][1] if ends else 0
        return Usage(whole - before, read, written["5m"], written["1h"])

    def _alive(self, ends: Sequence[tuple[str, int]], mark: int, now: float) -> Iterator[int]:
        for at in range(mark, max(-1, mark - LOOKBACK), -1):
            if self.kept.get(ends[at][0], (0.0, 0.0))[0] > now:
                yield at
                return


def parts_of(body: Mapping[str, Any]) -> list[Part]:
    """All of a prompt, in the order of the cache."""
    parts = [_part("tool", tool) for tool in body.get("tools") or ()]
    parts += [_part("system", block) for block in blocks_of(body.get("system") or [])]
    settings = json.dumps([body.get(name) for name in ("thinking", "output_config", "tool_choice")])
    for message in body["messages"]:
        parts += [_part(message["role"] + settings, block) for block in blocks_of(message["content"])]
    if parts and body.get("cache_control"):
        parts[-1] = replace(parts[-1], keep=parts[-1].keep or _keep(body["cache_control"]))
    return parts


def blocks_of(content: Any) -> list[dict[str, Any]]:
    """Content as blocks, where it may be a string."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def size(block: Mapping[str, Any]) -> int:
    """The tokens of a block."""
    return tokens(_text(block))


def _part(place: str, block: Mapping[str, Any]) -> Part:
    return Part(place, _text(block), _keep(block.get("cache_control")))


def _text(block: Mapping[str, Any]) -> str:
    return json.dumps({n: v for n, v in block.items() if n != "cache_control"}, sort_keys=True, ensure_ascii=False)


def tokens(text: str) -> int:
    """A quarter of its bytes."""
    return -(-len(text.encode()) // 4)


def _keep(control: Any) -> str:
    return str(control.get("ttl", "5m")) if control else ""


def _ends(model: str, parts: Sequence[Part]) -> Iterator[tuple[str, int]]:
    """For the end of each part, the digest of all up to there, and how many tokens that is."""
    digest, total = hashlib.sha256(model.encode()), 0
    for part in parts:
        digest.update(f"{part.place}\0{part.text}\0".encode())
        total += part.tokens
        yield digest.hexdigest(), total
