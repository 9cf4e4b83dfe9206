"""The corpus: candidates as texts before and after, in data files."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bot.repair.guard import Change

CORPUS = Path(__file__).parent / "corpus"


@dataclass(frozen=True)
class Case:
    """A candidate: files before and after (None: no such file), and the rules of which one must refuse it.

    `people`: an honest one that is accepted of people only. `as_fix`: a masking one that is refused of a fix only.
    """

    name: str
    files: dict[str, tuple[str | None, str | None]]
    rules: frozenset[str]
    allow: frozenset[str]
    people: bool = False
    as_fix: bool = False

    @property
    def changes(self) -> list[Change]:
        return [Change(path, _bytes(old), _bytes(new)) for path, (old, new) in self.files.items() if old != new]


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


def cases(kind: str) -> list[Case]:
    """All cases of `masking` or `honest`."""
    return [case for file in sorted((CORPUS / kind).glob("*.yaml")) for case in _cases(file)]


def _cases(file: Path) -> Iterator[Case]:
    told = yaml.load(file.read_text(), Loader=yaml.CSafeLoader)
    for row in told["cases"]:
        files = row.get("files") or {row.get("path", told.get("base", {}).get("path")): row}
        rules = row.get("rule", [])
        yield Case(
            f"{file.stem}: {row['name']}",
            {path: _sides(one, told.get("base", {}).get("text", ""), row["name"]) for path, one in files.items()},
            frozenset([rules] if isinstance(rules, str) else rules),
            frozenset(row.get("allow", [])),
            people=row.get("people", False),
            as_fix=row.get("as_fix", False),
        )


def _sides(row: dict[str, Any], base: str, name: str) -> tuple[str | None, str | None]:
    """`old` (or the file's base text), and `new` or `swap`: pairs of texts, each replaced once."""
    old = row.get("old", base)
    if "new" in row:
        return old, row["new"]
    new = old
    for before, after in row["swap"]:
        assert before in new, f"{name}: nothing to swap: {before!r}"
        new = new.replace(before, after, 1)
    assert new != old, f"{name}: changes nothing"
    return old, new
