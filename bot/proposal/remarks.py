"""A fix as suggestions on the lines of a pull request, which people commit with a click."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.github import Remark
from bot.ports import Git
from bot.text.inert import fence_for, plain

PATCH = ("diff-tree", "-r", "-p", "--no-ext-diff", "--no-textconv")
NO_NEWLINE = b"\n\\ No newline"  # at the end of a file, of which a suggestion cannot speak
MOST = 20  # more of them are worse to read than a patch
MOST_CHARACTERS = 60_000  # of one; GitHub takes 65,536


@dataclass(frozen=True)
class Hunk:
    """A hunk of a diff: its lines on both sides, and its rows, each with `+`, `-` or a space in front.

    Where one side has no lines, its range is empty and starts behind the line that the hunk follows.
    """

    path: str
    old: range
    new: range
    rows: Sequence[str]


def remarks(git: Git, base: str, head: str, fixed: str, diff: str) -> tuple[Remark, ...]:
    """What a commit `fixed` changes in `head`, as suggestions on lines that the pull request from `base` shows.

    Empty where suggestions cannot say all of it: other lines, whole files, modes, binaries, or what `diff`, the same as
    it may be told to people, does not hold.
    """
    since = git.try_run("merge-base", base, head)
    if since is None or not _only_lines(git, head, fixed):
        return ()
    # Changes that are close to each other become one suggestion; renamed files are shown as GitHub shows them.
    patch = git.run(*PATCH, "--no-renames", "--unified=0", "--inter-hunk-context=3", head, fixed)
    if NO_NEWLINE in patch:
        return ()
    shown = list(_hunks(git.run(*PATCH, "-M", since.decode().strip(), head)))
    wanted, told = list(_hunks(patch)), frozenset(diff.split("\n"))
    found = [
        _remark(git, head, hunk, shown) for hunk in wanted if told.issuperset(r for r in hunk.rows if r[:1] == "+")
    ]
    sure = [remark for remark in found if remark]
    return tuple(sure) if len(sure) == len(wanted) <= MOST else ()


def _only_lines(git: Git, head: str, fixed: str) -> bool:
    """Whether all that is changed are lines of text, in files that stay what they are."""
    rows = git.run("diff-tree", "-r", "-z", "--raw", "--no-renames", head, fixed).split(b"\0")[:-1]
    kinds = [row.decode().removeprefix(":").split(" ") for row in rows[::2]]
    counts = git.run("diff-tree", "-r", "-z", "--numstat", "--no-renames", head, fixed)
    is_text = not any(row.startswith(b"-\t") for row in counts.split(b"\0"))
    return is_text and all(old == new and kind == "M" for old, new, _, _, kind in kinds)


def _remark(git: Git, head: str, hunk: Hunk, shown: Sequence[Hunk]) -> Remark | None:
    if hunk.path.startswith('"'):  # as git writes odd names
        return None
    lines = [row[1:] for row in hunk.rows if row[:1] != "-"]
    first, last = hunk.old.start, hunk.old.stop - 1
    if last < first:  # lines are only added: the one before them is suggested anew, together with them
        there = git.run("cat-file", "blob", f"{head}:{hunk.path}").decode("utf-8", "surrogateescape").split("\n")
        first = last = max(1, last)
        lines = [*lines, there[0]] if hunk.old.start == 1 else [there[first - 1], *lines]
    text = "".join(f"{line}\n" for line in lines)
    in_diff = any(s.path == hunk.path and first in s.new and last in s.new for s in shown)
    if not in_diff or plain(text) != text or len(text) > MOST_CHARACTERS:  # CRLF and odd characters would be lost
        return None
    fence = fence_for(text)
    return Remark(path=hunk.path, start_line=first, line=last, body=f"{fence}suggestion\n{text}{fence}")


def _hunks(diff: bytes) -> Iterator[Hunk]:
    path, rows = "", iter(diff.decode("utf-8", "surrogateescape").split("\n"))
    for row in rows:
        if row.startswith("+++ "):
            path = row[4:].removeprefix("b/").removesuffix("\t")  # which stands behind names with spaces
        elif row.startswith("@@ "):
            old, new = map(_lines, row.split()[1:3])
            yield Hunk(path, old, new, tuple(_rows(rows, len(old), len(new))))


def _lines(span: str) -> range:
    """The lines of `-12,3` or `+12`."""
    start, _, count = span[1:].partition(",")
    first = int(start) if count != "0" else int(start) + 1
    return range(first, first + int(count or 1))


def _rows(rows: Iterator[str], old: int, new: int) -> Iterator[str]:
    """The rows of a hunk that has so many lines on each side."""
    while old or new:
        row = next(rows)
        if row[:1] == "\\":  # of a file without a newline at its end
            continue
        yield row
        old, new = old - (row[:1] in "- "), new - (row[:1] in "+ ")
