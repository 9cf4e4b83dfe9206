"""All edits of an answer applied to the files that they name, or none, and what is wrong with which block."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bot.errors import Misfit
from bot.ports import Written
from bot.repair.edits.answer import Answer, Edit
from bot.repair.edits.elision import lazy_line
from bot.repair.edits.ladder import NotPlacedError, place, shown
from bot.repair.edits.syntax import new_fault

Read = Callable[[str], bytes | None]
BOM = "\ufeff"
AROUND = 2  # lines shown before and behind a syntax error


@dataclass(frozen=True, slots=True)
class Changed:
    """A file as the edits leave it, and at which level each of them was applied, in their order."""

    written: Written
    levels: tuple[str, ...]


@dataclass
class _File:
    """The lines of a file between its edits. `lines` end with a carriage return where the file's do; None: no file."""

    path: str
    before: bytes | None
    lines: list[str] | None = None
    bom: str = ""
    eol: str = "\n"
    newline: bool = True
    levels: list[str] = field(default_factory=list)
    blocks: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.before is None:
            return
        text = self.before.decode("utf-8", "surrogateescape")
        self.bom, text = (BOM, text[1:]) if text.startswith(BOM) else ("", text)
        self.eol = "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"
        self.newline = text.endswith("\n") or not text
        self.lines = self._split(text if self.newline else text + self.eol)

    @staticmethod
    def _split(text: str) -> list[str]:
        return text.split("\n")[:-1]

    @property
    def content(self) -> bytes | None:
        """What the file holds now."""
        if self.lines is None:
            return None
        text = "".join(f"{line}\n" for line in self.lines)
        if not self.newline:
            text = text.removesuffix("\n").removesuffix(self.eol[:-1])
        return (self.bom + text).encode("utf-8", "surrogateescape")

    def write(self, lines: Sequence[str]) -> None:
        """Replace all lines."""
        self.lines = [f"{line}{self.eol[:-1]}" for line in lines]


def apply_edits(answer: Answer, read: Read) -> tuple[Changed, ...]:
    """Apply the edits one after the other; return the files that are another than before.

    `read` gives a file's content, None where there is none; it is asked for relative paths only. Raises `Misfit` with
    all problems when any edit does not fit, or a file does not parse any more that did so before.
    """
    files: dict[str, _File] = {}
    problems = []
    for edit in answer.edits:
        try:
            file = _file(edit, files, read)
            file.levels.append(_apply(edit, file))
            file.blocks.append(edit.number)
        except NotPlacedError as e:
            problems.append(f"block {edit.number} ({edit.path}): {e}")
    changed = [file for file in files.values() if file.content != file.before]
    problems += [told for file in changed if (told := _broken(file))] if not problems else []
    if problems:
        raise Misfit(problems)
    return tuple(
        Changed(Written(f.path, f.content, executable=(f.content or b"").startswith(b"#!")), tuple(f.levels))
        for f in changed
    )


def _file(edit: Edit, files: dict[str, _File], read: Read) -> _File:
    """The file of an edit; `a/` and `b/` of diffs are taken off its path where only the rest is a file."""
    path = edit.path
    content = files[path].before if path in files else read(path)
    bare = path[2:]
    if content is None and path not in files and path.startswith(("a/", "b/")):
        content = files[bare].before if bare in files else read(bare)
        path = bare if content is not None else path
    if content and b"\0" in content:
        raise NotPlacedError("the file is no text")
    return files.setdefault(path, _File(path, content))


def _apply(edit: Edit, file: _File) -> str:
    """Apply one edit and return its level."""
    lines = file.lines
    is_new = edit.kind == "replace" and not any(line.strip() for line in edit.search)
    if lines is None and not is_new and edit.kind != "whole":
        raise NotPlacedError(f"there is no file {edit.path}" + (" any more" if file.before is not None else ""))
    if edit.kind == "delete":
        file.lines = None
        return "deleted"
    if is_new and lines:
        raise NotPlacedError("its SEARCH is empty, which makes a new file, but the file exists: say what to replace")
    known = [*edit.search, *(lines or [] if edit.kind == "whole" else [])]
    if lazy := lazy_line(file.path, known, edit.replace):
        raise NotPlacedError(f"the line {lazy!r} would delete what it stands for: write out what is to be there")
    if lines is None or is_new or edit.kind == "whole":
        file.write(edit.replace)
        return "whole" if edit.kind == "whole" else "new"
    level, splices = place(lines, edit.search, edit.replace)
    for splice in sorted(splices, key=lambda s: s.start, reverse=True):
        lines[splice.start : splice.end] = splice.lines
    return level


def _broken(file: _File) -> str:
    """What no longer parses in a file; the empty string where all does that did."""
    if file.content is None or file.lines is None:
        return ""
    fault = new_fault(file.path, file.before, file.content)
    if fault is None:
        return ""
    numbers = ", ".join(map(str, file.blocks))
    start, end = max(fault.line - 1 - AROUND, 0), min(fault.line + AROUND, len(file.lines))
    told = f"block {numbers} ({file.path}): what comes out has a syntax error in line {fault.line}: {fault.what}"
    return f"{told}\n{shown(file.lines, start, end)}"
