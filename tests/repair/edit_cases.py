"""Answers of models with what must come of them: each true edit of `edits_corpus/files.yaml` spoilt in every way that
models have, and the cases that are written out in the other files there.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from bot.errors import Misfit
from bot.repair.edits import apply_edits, parse

CORPUS = Path(__file__).parent / "edits_corpus"
FENCES = {"py": "python", "ts": "ts", "js": "js", "rs": "rust", "md": "markdown", "rb": "ruby", "sh": "bash"}
PARSED = frozenset(["py", "ts", "js", "go", "rs", "java", "c", "cpp", "rb", "php", "yaml", "toml", "json"])
REFUSED = None

Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Case:
    """An answer to be applied to `files`.

    `gives` are the files that it must change (None: deleted); it is itself None where the answer must be refused with
    all of the `words`. `either`: a refusal will do, too. `level` is the one that must be recorded, where that matters.
    """

    name: str
    kind: str
    files: Files
    answer: str
    gives: Mapping[str, bytes | None] | None
    words: tuple[str, ...] = ()
    either: bool = False
    level: str = ""
    blind: bool = True
    blocks: int = 1


class Edit(NamedTuple):
    """A true edit of a file."""

    path: str
    text: str
    old: str
    new: str

    @property
    def result(self) -> str:
        return self.text.replace(self.old, self.new)

    @property
    def ending(self) -> str:
        return self.path.rpartition(".")[2]


def block(search: str, replace: str, *, signs: int = 7) -> str:
    """A block in the form that the prompt asks for."""
    return f"{'<' * signs} SEARCH\n{search}{'=' * signs}\n{replace}{'>' * signs} REPLACE\n"


def answer(path: str, *blocks: str) -> str:
    return f"CAUSE: it is wrong there.\n\n{path}\n" + "\n".join(blocks)


@dataclass(frozen=True)
class Told:
    """What a distortion makes of a true edit."""

    answer: str
    gives: str | None
    words: tuple[str, ...] = ()
    text: str | None = None
    either: bool = False
    level: str = ""
    path: str | None = None
    blocks: int = 1
    extra: Mapping[str, str] = field(default_factory=dict)


def each_line(text: str, change: Callable[[str], str]) -> str:
    return "".join(f"{change(line)}\n" if line.strip() else "\n" for line in text.split("\n")[:-1])


def indent_of(text: str) -> int:
    lines = [line for line in text.split("\n") if line.strip()]
    return min(len(line) - len(line.lstrip()) for line in lines)


def first_kept(e: Edit) -> bool:
    return e.old.split("\n")[0] == e.new.split("\n")[0]


def last_kept(e: Edit) -> bool:
    return e.old.split("\n")[-2] == e.new.split("\n")[-2]


def plain(e: Edit) -> Told:
    return Told(answer(e.path, block(e.old, e.new)), e.result, level="exact")


def trailing_blanks(e: Edit) -> Told:
    spoilt = each_line(e.old, lambda line: f"{line}  ")
    return Told(answer(e.path, block(spoilt, e.new)), e.result, level="endings")


def crlf_answer(e: Edit) -> Told:
    return Told(answer(e.path, block(e.old, e.new)).replace("\n", "\r\n"), e.result, level="exact")


def crlf_file(e: Edit) -> Told:
    text, gives = e.text.replace("\n", "\r\n"), e.result.replace("\n", "\r\n")
    return Told(answer(e.path, block(e.old, e.new)), gives, text=text, level="endings")


def byte_order_mark(e: Edit) -> Told:
    return Told(answer(e.path, block(e.old, e.new)), f"\ufeff{e.result}", text=f"\ufeff{e.text}")


def no_final_newline(e: Edit) -> Told:
    return Told(answer(e.path, block(e.old, e.new)), e.result[:-1], text=e.text[:-1])


def dedented(e: Edit) -> Told | None:
    least = min(indent_of(e.old), indent_of(e.new))
    if not least:
        return None
    old, new = (each_line(t, lambda line: line[least:]) for t in (e.old, e.new))
    return Told(answer(e.path, block(old, new)), e.result, level="indentation")


def indented(e: Edit) -> Told | None:
    if "\t" in e.old:
        return None
    old, new = (each_line(t, lambda line: f"    {line}") for t in (e.old, e.new))
    return Told(answer(e.path, block(old, new)), e.result, level="indentation")


def blanks_for_tabs(e: Edit) -> Told | None:
    if "\t" not in e.old:
        return None
    old, new = (t.replace("\n\t\t", "\n        ").replace("\n\t", "\n    ") for t in (f"\n{e.old}", f"\n{e.new}"))
    old, new = (
        each_line(t[1:], lambda line: line.expandtabs(4) if line.startswith("\t") else line) for t in (old, new)
    )
    return Told(answer(e.path, block(old, new)), e.result, either="mu    sync" in old, level="indentation")


def tabs_for_blanks(e: Edit) -> Told | None:
    """All lines of the block are indented, by blanks, two or four at a time."""
    if "\t" in e.old or not indent_of(e.old) or e.ending in {"md", "yaml"}:
        return None
    step = 2 if e.ending in {"ts", "js", "rb", "json"} else 4

    def tabs(line: str) -> str:
        depth = (len(line) - len(line.lstrip())) // step
        return "\t" * depth + line.lstrip()

    old, new = (each_line(t, tabs) for t in (e.old, e.new))
    return Told(answer(e.path, block(old, new)), e.result, either=True)


def blank_before(e: Edit) -> Told:
    return Told(answer(e.path, block(f"\n{e.old}", f"\n{e.new}")), e.result)


def blank_behind(e: Edit) -> Told:
    return Told(answer(e.path, block(f"{e.old}\n", f"{e.new}\n")), e.result)


def blank_between(e: Edit) -> Told | None:
    head, _, rest = e.old.partition("\n")
    other, _, more = e.new.partition("\n")
    if head != other or not rest.split("\n")[0].strip():
        return None
    spoilt = block(f"{head}\n\n{rest}", f"{head}\n\n{more}")
    return Told(answer(e.path, spoilt), e.result, either="\n\n" in more, level="blank-lines")


def blank_missing(e: Edit) -> Told | None:
    if "\n\n" not in e.old:
        return None
    old, new = (t.replace("\n\n", "\n") for t in (e.old, e.new))
    return Told(answer(e.path, block(old, new)), e.result, either=True)


def twice_in_file(e: Edit) -> Told:
    return Told(answer(e.path, block(e.old, e.new)), REFUSED, ("matches at lines",), text=f"{e.text}\n\n{e.text}")


def stale_context(e: Edit) -> Told | None:
    """A line of the file that the edit leaves alone has changed meanwhile: its last word."""
    line = e.old.split("\n")[0]
    if not first_kept(e) or len(line.split()) < 2 or e.text.count(line) != 1:
        return None
    other = line[:-1] + "x" + line[-1]
    text, gives = (t.replace(line, other) for t in (e.text, e.result))
    return Told(answer(e.path, block(e.old, e.new)), gives, text=text, either=True, level="similar")


def stale_target(e: Edit) -> Told | None:
    """The very line that is to be changed is another one."""
    kept = e.new.split("\n")
    line = next((line for line in e.old.split("\n") if line not in kept), None)
    if line is None or e.text.count(line) != 1:
        return None
    return Told(
        answer(e.path, block(e.old, e.new)),
        REFUSED,
        ("nearest",),
        text=e.text.replace(line, f"{line[:-2]}0{line[-2:]}"),
    )


def cut_in_replace(e: Edit) -> Told:
    whole = answer(e.path, block(e.old, e.new))
    return Told(whole[: whole.rindex(">>>>>>>") - 2], REFUSED, ("not closed",))


def cut_in_search(e: Edit) -> Told:
    whole = answer(e.path, block(e.old, e.new))
    return Told(whole[: whole.rindex("=======") - 2], REFUSED, ("not closed",))


def cut_in_second(e: Edit) -> Told:
    whole = answer(e.path, block(e.old, e.new)) + f"\n{e.path}\n<<<<<<< SEARCH\n{e.text[:20]}"
    return Told(whole, REFUSED, ("not closed", "block 2"), blocks=2)


def in_fence(e: Edit) -> Told:
    lang = FENCES.get(e.ending, e.ending)
    return Told(f"{e.path}\n```{lang}\n{block(e.old, e.new)}```\n", e.result)


def in_longer_fence(e: Edit) -> Told:
    return Told(f"Here it is.\n\n````{e.path}\n{block(e.old, e.new)}````\nThat is all.\n", e.result)


def fence_open(e: Edit) -> Told:
    return Told(f"**{e.path}**\n```\n{block(e.old, e.new)}", e.result)


def path_inside_fence(e: Edit) -> Told:
    return Told(f"```\n{e.path}\n{block(e.old, e.new)}```\n", e.result)


def wrong_path(e: Edit) -> Told:
    return Told(answer(f"other/{e.path}", block(e.old, e.new)), REFUSED, ("no file", f"other/{e.path}"))


def prefixed_path(e: Edit) -> Told:
    return Told(answer(f"b/{e.path}", block(e.old, e.new)), e.result)


def titled_path(e: Edit) -> Told:
    return Told(f"### `{e.path}`\n\n{block(e.old, e.new)}", e.result)


def named_path(e: Edit) -> Told:
    return Told(f"path: {e.path}\n{block(e.old, e.new)}", e.result)


def path_on_marker(e: Edit) -> Told:
    return Told(block(e.old, e.new).replace("SEARCH", f"SEARCH {e.path}"), e.result)


def no_path(e: Edit) -> Told:
    return Told(f"I found it.\n\n{block(e.old, e.new)}", REFUSED, ("path",))


def five_signs(e: Edit) -> Told:
    return Told(answer(e.path, block(e.old, e.new, signs=5)), e.result)


def nine_signs(e: Edit) -> Told:
    return Told(answer(e.path, block(e.old, e.new, signs=9)), e.result)


def odd_signs(e: Edit) -> Told:
    told = block(e.old, e.new).replace("<<<<<<< SEARCH", "<<<<<<SEARCH  ").replace(">>>>>>> REP", ">>>>>>>> REP")
    return Told(answer(e.path, told), e.result)


def swollen_markers(e: Edit) -> Told:
    told = "".join(
        f"{line}  \n" if line[:3] in {"<<<", "===", ">>>"} else f"{line}\n"
        for line in block(e.old, e.new).split("\n")[:-1]
    )
    return Told(answer(e.path, told), e.result)


def curly_file(e: Edit) -> Told | None:
    """The file has typographic characters in a line that the edit leaves alone, which the model wrote plainly."""
    if not first_kept(e) or e.ending in {"yaml", "json", "toml", "sh", "md"}:
        return None
    sign = "#" if e.ending in {"py", "rb"} else "//"
    line = e.old.split("\n")[0]
    pad = line[: len(line) - len(line.lstrip())]
    own, seen = f"{pad}{sign} it\u2019s \u201cnew\u201d \u2013 so\u00a0far\n", f'{pad}{sign} it\'s "new" - so far\n'
    text, gives = (t.replace(o, own + o) for t, o in ((e.text, e.old), (e.result, e.new)))
    return Told(answer(e.path, block(seen + e.old, seen + e.new)), gives, text=text, level="characters")


def elided(e: Edit) -> Told | None:
    """Kept lines at the top are left out but for the first."""
    old, new = e.old.split("\n")[:-1], e.new.split("\n")[:-1]
    same = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), 0)
    if same < 3:
        return None
    pad = old[1][: len(old[1]) - len(old[1].lstrip())]
    told = ["\n".join([t[0], f"{pad}...", *t[same - 1 :]]) + "\n" for t in (old, new)]
    return Told(answer(e.path, block(*told)), e.result, either=True, level="elision")


def left_out(e: Edit) -> Told:
    """The model is too lazy to write the rest, which would be gone."""
    sign = "#" if e.ending in {"py", "rb", "yaml", "toml", "sh"} else "//"
    head = e.new.split("\n")[0]
    return Told(answer(e.path, block(e.old, f"{head}\n{sign} ... rest of the code\n")), REFUSED, ("stands for",))


def one_does_not_fit(e: Edit) -> Told:
    bad = block("this is nowhere\nin the file at all\n", "x\n")
    return Told(answer(e.path, block(e.old, e.new), bad), REFUSED, ("block 2",), blocks=2)


def breaks_syntax(e: Edit) -> Told | None:
    if e.ending not in PARSED:
        return None
    lines = e.new.split("\n")
    wrong = {"yaml": "  - [a: {", "toml": 'name = "open', "json": '"a" "b",', "py": "    def (:", "rb": "  def (x"}
    lines.insert(1, wrong.get(e.ending, "  } ) {{ ((;"))
    return Told(answer(e.path, block(e.old, "\n".join(lines))), REFUSED, ("syntax", "line"))


def repeated(e: Edit) -> Told:
    """The same block again, as a summary."""
    one = block(e.old, e.new)
    return Told(f"{answer(e.path, one)}\nAll in all:\n\n{e.path}\n{one}", e.result, blocks=2)


def end_missing(e: Edit) -> Told:
    told = block(e.old, e.new).replace(">>>>>>> REPLACE\n", "") + block(e.new, e.old)
    return Told(answer(e.path, told), REFUSED, ("block 1", "not closed"), blocks=2)


def divider_missing(e: Edit) -> Told:
    return Told(answer(e.path, block(e.old, e.new).replace("=======\n", "")), REFUSED, ("=======",))


def divider_twice(e: Edit) -> Told:
    return Told(answer(e.path, block(f"{e.old}=======\n", e.new)), REFUSED, ("=======",))


def whole_file(e: Edit) -> Told:
    return Told(answer(e.path, f"<<<<<<< FILE\n{e.result}>>>>>>> FILE\n"), e.result, level="whole")


def whole_file_cut(e: Edit) -> Told:
    return Told(answer(e.path, f"<<<<<<< FILE\n{e.result}"), REFUSED, ("not closed",))


def new_over_old(e: Edit) -> Told:
    return Told(answer(e.path, block("", e.new)), REFUSED, ("exists",))


def only_fenced(e: Edit) -> Told:
    return Told(f"{e.path}\n```\n{e.result}```\n", REFUSED, ("no block",), blocks=0)


def cannot(e: Edit) -> Told:
    return Told(f"CANNOT: no idea\n\n{answer(e.path, block(e.old, e.new))}", REFUSED, ("CANNOT",))


DISTORTIONS: tuple[Callable[[Edit], Told | None], ...] = (
    plain, trailing_blanks, crlf_answer, crlf_file, byte_order_mark, no_final_newline, dedented, indented,
    blanks_for_tabs, tabs_for_blanks, blank_before, blank_behind, blank_between, blank_missing, twice_in_file,
    stale_context, stale_target, cut_in_replace, cut_in_search, cut_in_second, in_fence, in_longer_fence, fence_open,
    path_inside_fence, wrong_path, prefixed_path, titled_path, named_path, path_on_marker, no_path, five_signs,
    nine_signs, odd_signs, swollen_markers, curly_file, elided, left_out, one_does_not_fit, breaks_syntax, repeated,
    end_missing, divider_missing, divider_twice, whole_file, whole_file_cut, new_over_old, only_fenced, cannot,
)  # fmt: skip


def true_edits() -> list[Edit]:
    rows = yaml.safe_load((CORPUS / "files.yaml").read_text())
    return [Edit(row["path"], row["text"], one["old"], one["new"]) for row in rows for one in row["edits"]]


def distorted() -> Iterator[Case]:
    """Every true edit in every distortion that it can have."""
    for number, edit in enumerate(true_edits()):
        for distort in DISTORTIONS:
            told = distort(edit)
            if told is None:
                continue
            gives = None if told.gives is None else {edit.path: told.gives.encode()}
            kind = distort.__name__.replace("_", " ")
            yield Case(
                f"{kind}: {edit.path} {number % 2 + 1}",
                kind,
                {edit.path: (edit.text if told.text is None else told.text).encode()},
                told.answer,
                gives,
                told.words,
                told.either,
                told.level,
                blocks=told.blocks,
            )


def both_edits() -> Iterator[Case]:
    """Both edits of a file in one answer, in either order."""
    edits = true_edits()
    for one, other in zip(edits[::2], edits[1::2], strict=True):
        gives = {one.path: one.result.replace(other.old, other.new).encode()}
        for first, second in ((one, other), (other, one)):
            told = answer(one.path, block(first.old, first.new), block(second.old, second.new))
            name = f"several edits: {one.path} {'down' if first is one else 'up'}"
            yield Case(name, "several edits", {one.path: one.text.encode()}, told, gives, blocks=2)


def written() -> Iterator[Case]:
    """The cases that are written out."""
    for path in sorted(CORPUS.glob("*.yaml")):
        if path.name != "files.yaml":
            yield from (_written(row, path.stem) for row in yaml.safe_load(path.read_text()))


def _written(row: Mapping[str, Any], stem: str) -> Case:
    files = {path: _bytes(text) for path, text in row.get("files", {}).items()}
    told = row["answer"] if "answer" in row else answer(next(iter(files)), block(row["search"], row["replace"]))
    gives: dict[str, bytes | None] | None = {
        p: None if t is None else _bytes(t) for p, t in row.get("gives", {}).items()
    }
    if "swap" in row:
        path, content = next(iter(files.items()))
        old, new = (_bytes(one) for one in row["swap"])
        assert content.count(old) == 1, row["name"]
        gives = {path: content.replace(old, new)}
    words = row.get("refused", [])
    if "refused" in row:
        gives = None
    return Case(
        f"{stem}: {row['name']}",
        row.get("kind", "written out"),
        files,
        told,
        gives,
        tuple([words] if isinstance(words, str) else words),
        row.get("either", False),
        row.get("level", ""),
        blind=stem == "blind",
        blocks=row.get("blocks", told.count("SEARCH") or 1),
    )


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def corpus() -> list[Case]:
    return [*distorted(), *both_edits(), *written()]


class Outcome(NamedTuple):
    """What came of a case: `right`, `refused` (as it must be, or may be) or `wrong`, and at which levels."""

    result: str
    levels: tuple[str, ...] = ()
    detail: str = ""


def outcome(case: Case) -> Outcome:
    """Apply a case. `wrong` is what must never be; `missed` what had to be applied, or to be refused in other words."""
    try:
        changed = apply_edits(parse(case.answer), case.files.get)
    except Misfit as e:
        if case.gives is not None and not case.either:
            return Outcome("missed", detail=e.report)
        missing = [] if case.gives is not None else [w for w in case.words if w not in e.report]
        return Outcome("missed", detail=f"lacks {missing}: {e.report}") if missing else Outcome("refused")
    levels = tuple(level for one in changed for level in one.levels)
    gives = {one.written.path: one.written.content for one in changed}
    if gives != case.gives:
        return Outcome("wrong", levels, f"{gives}")
    if case.level and case.level not in levels:
        return Outcome("missed", levels, f"applied at {levels}, not at {case.level}")
    return Outcome("right", levels)
