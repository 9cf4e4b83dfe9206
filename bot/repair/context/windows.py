"""Shows parts of files: word for word, fenced, each with its path and line numbers, within so many characters."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from bot.repair.context.outline import Block, imports_of
from bot.repair.context.scene import Scene, Wanted
from bot.repair.context.tree import LONGEST
from bot.text.inert import fence_for

MOST_FILES = 16
WHOLE, WHOLE_CHARACTERS = 250, 14_000  # lines and characters of a file that is shown whole
GENEROUS, USUAL, TIGHT = 400, 120, 24  # lines of a function that is shown whole: by how much room there is
BESIDE = 15  # lines on each side of one that is in no function
CLASS_HEAD, SHORT_CLASS = 15, 60
FIRST = 60  # lines of a file of which nothing in particular is meant
JOIN = 3  # lines between two windows that are shown rather than left out
SLICE = 600  # characters of a line that is too long
Span = tuple[int, int]


def section(title: str, text: str) -> str:
    """A text of others under a title, in a fence that it cannot close."""
    fence = fence_for(text)
    return f"### {title}\n{fence}\n{text}\n{fence}\n"


@dataclass
class _Page:
    """What is shown so far: windows and text of each file, and the characters that are left."""

    left: int
    spans: dict[str, list[Span]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    def put(self, path: str, spans: list[Span], text: str, most: int) -> bool:
        """Show a file with these windows, if that adds no more characters."""
        more = len(text) - len(self.texts.get(path, ""))
        if not text or more > min(most, self.left):
            return False
        self.left -= more
        self.spans[path], self.texts[path] = spans, text
        return True


@dataclass(frozen=True)
class Windows:
    """Shows files of a scene; `redact` takes secrets out of a whole text and leaves its lines where they are."""

    scene: Scene
    redact: Callable[[str], str]
    _lines: dict[str, list[str]] = field(default_factory=dict)

    def show(self, wanted: Sequence[Wanted], room: int) -> tuple[str, tuple[str, ...]]:
        """What fits of these pieces, the first first, and the paths of the files that they are of.

        First every piece gets what it needs, as far as there is room; then long functions are shown whole, and files
        that are short.
        """
        self.scene.tree.read(w.path for w in wanted)
        wanted = [replace(w, lines=tuple(n for n in w.lines if n <= self._count(w.path))) for w in wanted]
        page = _Page(room)
        for one in wanted:
            if one.path in page.spans or len(page.spans) < MOST_FILES:
                most = max(page.left // 2, min(page.left, room // 4))
                any(self._put(page, one, spans, most) for spans in self._attempts(one))
        for one in (w for w in wanted if w.path in page.spans):
            whole = [(1, self._count(one.path))] if self._is_short(one.path) else self._spans(one, GENEROUS)
            self._put(page, one, whole, page.left)
        return "".join(page.texts.values()), tuple(page.texts)

    def _put(self, page: _Page, one: Wanted, spans: Iterable[Span], most: int) -> bool:
        together = _merged([*page.spans.get(one.path, ()), *spans])
        return page.put(one.path, together, self._file(one, together), most)

    def _attempts(self, one: Wanted) -> Iterator[list[Span]]:
        """What to show of a piece: as much as is good first, then ever less."""
        head = imports_of(self.scene.tree.lines(one.path), self.scene.blocks(one.path))
        for most in (USUAL, TIGHT):
            spans = self._spans(one, most)
            yield [*([head] if head and not self.scene.hidden(one.path) else []), *spans]
            yield spans
        if one.lines:
            yield [_around(one.lines[0], TIGHT // 4, 1, self._count(one.path))]

    def _spans(self, one: Wanted, most: int) -> list[Span]:
        """Where the functions are that are meant, those with more than `most` lines in part only."""
        count = self._count(one.path)
        if one.named and self.scene.hidden(one.path):
            return [_around(n, TIGHT // 4, 1, count) for n in one.lines]
        spans = [s for b in self.scene.chosen(one) for s in _of_block(b, one.lines, most)]
        loose = [n for n in one.lines if not any(a <= n <= b for a, b in spans)]
        spans += [_around(n, BESIDE, 1, count) for n in loose]
        return spans or [(1, count if self._is_short(one.path) else min(count, FIRST))]

    def _count(self, path: str) -> int:
        return len(self.scene.tree.lines(path))

    def _is_short(self, path: str) -> bool:
        small = self._count(path) <= WHOLE and len(self.scene.tree.text(path)) <= WHOLE_CHARACTERS
        return small and not self.scene.hidden(path)

    def _file(self, one: Wanted, spans: Sequence[Span]) -> str:
        """The windows of a file; what is left out is told between the fences, where no code stands."""
        lines = self._redacted(one.path)
        count, out, at = len(lines), list[str](), 1
        for first, last in (piece for span in spans for piece in _pieces(lines, span)):
            if first > at:
                out.append(_left_out(at, first - 1))
            whole = first == 1 and last == count
            title = one.path if whole else f"{one.path} (lines {first}-{last} of {count})"
            out.append(section(self.redact(title), "\n".join(lines[first - 1 : last])))
            at = last + 1
        if not out and one.lines:
            return self._slice(one, lines)
        return "".join([*out, _left_out(at, count)] if out and at <= count else out)

    def _redacted(self, path: str) -> list[str]:
        """The lines of a file without secrets: taken out of the whole, as a window may hold but a part of one."""
        if path not in self._lines:
            self._lines[path] = self.redact("\n".join(self.scene.tree.lines(path))).split("\n")
        return self._lines[path]

    def _slice(self, one: Wanted, lines: Sequence[str]) -> str:
        """A part of the one line that is meant and too long to be shown."""
        number, start = one.lines[0], max(0, one.column - SLICE // 2)
        text = lines[number - 1][start : start + SLICE]
        where = f"line {number} of {len(lines)}, its characters {start + 1}-{start + len(text)}"
        return section(self.redact(f"{one.path} ({where})"), text)


def _left_out(first: int, last: int) -> str:
    return f"(lines {first}-{last} are left out)\n" if first < last else f"(line {first} is left out)\n"


def _around(line: int, beside: int, first: int, last: int) -> Span:
    return max(first, line - beside), min(last, line + beside)


def _of_block(block: Block, lines: Sequence[int], most: int) -> list[Span]:
    """A block whole where it is short; else its beginning, and what is around the lines that are meant."""
    here = [n for n in lines if block.first <= n <= block.last]
    if block.kind == "class" and (block.size > most or (here and block.size > SHORT_CLASS)):
        head = (block.first, min(block.last, block.first + CLASS_HEAD))
        return [head, *(_around(n, BESIDE, block.first, block.last) for n in here)]
    if block.size <= most:
        return [(block.first, block.last)]
    if not here or here == [block.first]:
        return [(block.first, block.first + most - 1)]
    return [(block.first, block.first + 2), *(_around(n, most // 3, block.first, block.last) for n in here)]


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Spans in their order; those that touch, or all but do so, are one."""
    found: list[Span] = []
    for first, last in sorted(spans):
        if found and first <= found[-1][1] + 1 + JOIN:
            found[-1] = found[-1][0], max(last, found[-1][1])
        else:
            found.append((first, last))
    return found


def _pieces(lines: Sequence[str], span: Span) -> list[Span]:
    """A span without the lines that are too long to be code."""
    found, start = list[Span](), 0
    for number in range(span[0], min(span[1], len(lines)) + 1):
        if len(lines[number - 1]) > LONGEST:
            found += [(start, number - 1)] if start else []
            start = 0
        else:
            start = start or number
    return [*found, (start, min(span[1], len(lines)))] if start else found
