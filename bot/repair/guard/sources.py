"""Source files of a candidate: read on both sides, compared over all of them."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import re2

from bot.model import Refusal
from bot.repair.guard import files, textual
from bot.repair.guard.change import Change
from bot.repair.guard.directives import added, line_words
from bot.repair.guard.facts import Facts, Language, Mark, TooComplex, Unparsable
from bot.repair.guard.follows import Program
from bot.repair.guard.kinds import in_test_folder, is_sample, is_script_setup, name_of
from bot.repair.guard.languages import language_of
from bot.repair.guard.lexer import code_only
from bot.repair.guard.manifests import with_manifests
from bot.repair.guard.mirrored import Mirrored
from bot.repair.guard.reworked import Reworked
from bot.repair.guard.specials import Known, is_known
from bot.repair.guard.units import NOT_IN_NEW, compare, surplus

WORD = re2.compile(r"[A-Za-z_]\w{3,}")
PROSE = re2.compile(r"(?i)\.(md|markdown|rst|html?)$")
MOST_DIRECTIVES = 50  # of one file that are looked at
MOST_LINES = 5000  # of a file up to which it is told which code is new
NEW_CODE = 0.7  # share of the words of a line from which it is the same in other words
LARGE = 100_000  # characters from which a file may be read by lines only because it is large


def judge(changes: Sequence[Change], known: Known | None = None, *, by_people: bool = False) -> Iterator[Refusal]:
    """Yield what the source files among `changes` hide; `known` finds passages in the tests of the repository.

    In a change that is made `by_people` an expectation may follow what the program does now.
    """
    by_path = {c.path: c for c in changes}
    old: dict[str, Facts] = {}
    new: dict[str, Facts] = {}
    for change in changes:
        language = language_of(change.path, change.old_text or change.new_text)
        if language is not None and not change.binary:
            yield from _read(change, language, old, new)
    tested = {path for path, facts in (*old.items(), *new.items()) if any(u.collected for u in facts.units)}
    apart = [c for c in changes if c.path in old and c.path not in tested and not _is_test(c.path)]
    written = [c for c in apart if not PROSE.search(c.path)]
    came = [c for c in changes if c.old is None and c.path in new and c.path not in tested and not _is_test(c.path)]
    reworked = Reworked.of([*written, *came], _grown(changes))
    program = Program(_gone(changes), Mirrored.of(written), reworked, by_people)
    for finding in compare(_with_units(old), _with_units(new), program):
        change = by_path[finding.path]
        line = change.new_line(finding.line) if finding.old or change.new is None else finding.line
        yield Refusal(rule=finding.rule, file=finding.path, line=line, message=finding.message)
    told = [{path: facts for path, facts in side.items() if not is_sample(path)} for side in (old, new)]
    told[1] = dict(with_manifests(told[1], by_path))
    spared = _beside_new_code(by_path, new) if by_people else frozenset()
    for path, line, message in added(told[0], told[1], _reworded(by_path)):
        if (path, line) in spared:
            continue
        yield Refusal(rule="suppression", file=path, line=line, message=message)
    yield from _marks(old, new)
    yield from _constants(old, new, by_path)
    yield from _examples(old, new)
    yield from _heed(old, new)
    yield from _specials(old, new, known or _among(changes))
    yield from _faked(old, new, known or _among(changes))
    yield from _faked_for_all(by_path.values(), known or _among(changes))


DEFINED = re2.compile(
    r"(?m)^\s*(?:export\s+(?:default\s+)?|pub(?:\([a-z]+\))?\s+|public\s+|static\s+|async\s+|final\s+|abstract\s+|data\s+)*"
    r"(?:def|class|function|fn|func|fun|struct|interface|object|module|trait|enum)\s+(?:\([^)\n]*\)\s*)?(?:self\.)?([A-Za-z_]\w{3,})"
)
EXPORTED = re2.compile(r"(?m)^(?:export\s+const|exports\.|module\.exports\.)\s*([A-Za-z_]\w{3,})\s*=")


IMPORTED = re2.compile(
    r"(?m)^\s*from\s+\.*([\w.]+)\s+import\s+(\([^)]*\)|[^\n(]*)$"  # Python
    r"|^\s*(?:import|const)\s+\{([^}]*)\}\s*(?:from\s*|=\s*require\()[\"']([^\"'\n]+)[\"']"  # JavaScript
)


def _gone(changes: Sequence[Change]) -> dict[str, frozenset[str]]:
    """Names that each file of tests imports of changed files of the program, where they stand no more.

    Only where the program loses lines and gets none: a function that was renamed or inlined has to keep its tests.
    """
    code = [c for c in changes if language_of(c.path) is not None and not _is_test(c.path) and not c.binary]
    if not code or any(_lines(c.new_text) - _lines(c.old_text) for c in code):
        return {}
    left = {w for c in changes if not c.binary for w in WORD.findall(c.new_text)}
    defined = {c.path.rpartition(".")[0]: frozenset(_defined(c)) - left for c in code}
    told: dict[str, frozenset[str]] = {}
    for test in (c for c in changes if _is_test(c.path) and not c.binary):
        for where, names, others, path in IMPORTED.findall(test.old_text[:LARGE]):
            module = "/" + (where.replace(".", "/") or re2.sub(r"^[./]+|\.\w+$", "", path))
            found = frozenset(WORD.findall(names + others))
            for place in (p for p in defined if f"/{p}".endswith(module)):
                told[test.path] = told.get(test.path, frozenset()) | (defined[place] & found)
    return told


def _grown(changes: Sequence[Change]) -> frozenset[str]:
    """The names of the data files of tests that got more records, and lost none."""
    data = (c for c in changes if language_of(c.path) is None and not c.binary and c.old is not None)
    return frozenset(name_of(c.path) for c in data if in_test_folder(c.path) and files.has_grown(c))


def _lines(text: str) -> Counter[str]:
    return Counter(line for line in text.split("\n") if line.strip())


def _defined(change: Change) -> Iterator[str]:
    language = language_of(change.path)
    try:
        text = code_only(change.old_text[:LARGE], language.PATTERNS.comments) if language else ""
    except TooComplex:
        return
    yield from (name for pattern in (DEFINED, EXPORTED) for name in pattern.findall(text))


def _reworded(by_path: Mapping[str, Change]) -> Callable[[str, int, int], bool]:
    """Whether a line after took the place of one before, and its code stood nowhere before."""
    known: dict[str, set[frozenset[str]]] = {}

    def reworded(path: str, was: int, now: int) -> bool:
        change = by_path[path]
        if not change.is_rewritten(was, now):
            return False
        old, new = change.old_text.split("\n"), change.new_text.split("\n")
        if path not in known:
            known[path] = {line_words(old, n + 1) for n in range(len(old))}
        return old[was - 1] == new[now - 1] or line_words(new, now) not in known[path]

    return reworded


def _beside_new_code(by_path: Mapping[str, Change], new: Mapping[str, Facts]) -> frozenset[tuple[str, int]]:
    """Places in tests where a directive that names what it switches off stands at code that is new, too."""
    found = set()
    for path, facts in new.items():
        narrow = [d for d in facts.directives if d.codes or d.name == "ts-expect-error"] if _is_test(path) else []
        if not narrow or len(narrow) > MOST_DIRECTIVES:
            continue
        old, lines = by_path[path].old_text.split("\n"), by_path[path].new_text.split("\n")
        if len(old) > MOST_LINES:
            continue
        known = {words for n in range(len(old)) if (words := line_words(old, n + 1))}
        for directive in narrow:
            words = line_words(lines, directive.line)
            if not any(len(words & other) >= NEW_CODE * len(words | other) for other in known):
                found.add((path, directive.line))
    return frozenset(found)


def _with_units(files: Mapping[str, Facts]) -> dict[str, Facts]:
    return {path: facts for path, facts in files.items() if facts.units}


def _read(change: Change, language: Language, old: dict[str, Facts], new: dict[str, Facts]) -> Iterator[Refusal]:
    """Read both sides with care, or both by lines when one of them cannot be read so."""
    told = [_careful(language, change.path, text) for text in (change.old_text, change.new_text)]
    broken = told[1]
    if isinstance(broken, Unparsable) and isinstance(told[0], Facts) and change.old is not None:
        yield Refusal(
            rule="syntax", file=change.path, line=broken.line, message=f"not valid any more: {broken.message}"
        )
        return
    grown = len(change.old_text) < LARGE and change.old is not None
    if isinstance(told[1], TooComplex) and not isinstance(told[0], TooComplex) and grown:
        yield Refusal(rule="unreadable", file=change.path, line=1, message=str(told[1]))
        return
    sides = [t for t in told if isinstance(t, Facts)]
    if len(sides) < 2:
        parts = change.parts()
        if max(map(len, parts)) > textual.LARGEST and not language.is_test(change.path):
            parts = change.differing()
        try:
            sides = [_by_lines(language, change.path, text) for text in parts]
        except TooComplex as e:
            yield Refusal(rule="unreadable", file=change.path, line=1, message=str(e))
            return
    if change.old is not None:
        old[change.path] = sides[0]
    if change.new is not None:
        new[change.path] = sides[1]


def _careful(language: Language, path: str, text: str) -> Facts | Unparsable | TooComplex:
    try:
        return language.read(path, text)
    except (Unparsable, TooComplex) as e:
        return e


def _by_lines(language: Language, path: str, text: str) -> Facts:
    test = language.is_test(path)
    return textual.read(text, language.PATTERNS, test=test, collected=test and language.collected(path))


def _marks(old: Mapping[str, Facts], new: Mapping[str, Facts]) -> Iterator[Refusal]:
    """Marks of files outside their units, counted over the whole candidate."""
    before = [m for facts in old.values() for m in facts.marks]
    left = Counter(id(m) for m in surplus(before, [m for facts in new.values() for m in facts.marks]))
    kept = all(path in new and _tests(new[path]) >= _tests(facts) for path, facts in old.items())
    for path, facts in new.items():
        added = path not in old and _is_test(path)
        for mark in facts.marks:
            if left[id(mark)] and not (added and (mark.rule in NOT_IN_NEW or (mark.conditional and kept))):
                yield _refusal(mark, path)


def _tests(facts: Facts) -> int:
    return sum(u.collected for u in facts.units)


def _is_test(path: str) -> bool:
    language = language_of(path)
    return language is not None and language.is_test(path)


def _refusal(mark: Mark, path: str) -> Refusal:
    return Refusal(rule=mark.rule, file=path, line=mark.line, message=mark.message)


def _constants(old: Mapping[str, Facts], new: Mapping[str, Facts], by_path: Mapping[str, Change]) -> Iterator[Refusal]:
    """Values that test modules keep for other modules: files of tests that hold no tests themselves."""
    for path, facts in new.items():
        before = dict(old[path].constants) if path in old else {}
        if not _is_test(path) or any(u.collected for u in facts.units):
            continue
        for name, value in facts.constants:
            if name in before and before[name] != value:
                line = by_path[path].find(name)
                yield Refusal(rule="changed-expectation", file=path, line=line, message=f"{name} is another value")


def _examples(old: Mapping[str, Facts], new: Mapping[str, Facts]) -> Iterator[Refusal]:
    """Doctest examples that are gone, or expect something else."""
    now = Counter(e for facts in new.values() for e in facts.examples)
    sources = {source for source, _ in now}
    for path, facts in old.items():
        for example, count in Counter(facts.examples).items():
            if now[example] >= count:
                continue
            kept = example[0] in sources
            rule = "changed-expectation" if kept else "deleted-test"
            told = "expects something else" if kept else "is gone"
            yield Refusal(rule=rule, file=path, line=1, message=f"the example `{example[0][:60]}` {told}")


def _heed(old: Mapping[str, Facts], new: Mapping[str, Facts]) -> Iterator[Refusal]:
    """Calls of the program whose failure came out, and is caught and dropped now."""
    came, comes = (Counter(n for facts in side.values() for n in facts.heed.heeded) for side in (old, new))
    went, goes = (Counter(n for facts in side.values() for n, _ in facts.heed.dropped) for side in (old, new))
    for path, facts in new.items():
        told = [
            (line, name) for name, line in facts.heed.dropped if came[name] > comes[name] and goes[name] > went[name]
        ]
        for line, name in dict(told).items():
            message = f"what fails in {name} is caught and dropped"
            yield Refusal(rule="swallowed-failure", file=path, line=line, message=message)


def _among(changes: Sequence[Change]) -> Known:
    """Look in what the tests among the changes were before."""
    return lambda text: (c.old_text for c in changes if text in c.old_text and _is_test(c.path))


def _faked(old: Mapping[str, Facts], new: Mapping[str, Facts], known: Known) -> Iterator[Refusal]:
    """Methods of the class that a fixture or hook makes, which it replaces by fakes although tests call them."""
    for path, facts in new.items():
        before = {p for u in (old[path].units if path in old else ()) for p in u.patches}
        for unit in (u for u in facts.units if not u.collected and _is_test(path)):
            made = {call.rpartition(".")[2] for call in unit.calls}
            for target in sorted(unit.patches - before):
                owner, _, name = target.rpartition(".")
                owner = owner.rpartition(".")[2]
                faked = owner[:1].isupper() and owner in made and not name.startswith("_")
                if faked and any(True for passage in known(f".{name}(") if passage):
                    told = f"{target}, which tests call, is replaced by a fake"
                    yield Refusal(rule="mocked-subject", file=path, line=unit.line, message=told)


MOCKED = re2.compile(
    r"\b(?:vi|jest)\.(?:mock|doMock)\(\s*['\"](?:\.{1,2}|@|~)/(?:[^'\"\n]*/)?([\w-]+)(?:\.[jt]sx?)?['\"]"
)


def _faked_for_all(changes: Iterable[Change], known: Known) -> Iterator[Refusal]:
    """Modules of the program that are replaced by fakes for all tests, although a test asks them themselves."""
    for change in (c for c in changes if is_script_setup(c.path) and not c.binary):
        before = set(MOCKED.findall(change.old_text))
        for name in sorted(set(MOCKED.findall(change.new_text)) - before):
            asked = (p for quote in "'\"" for p in known(f"/{name}{quote}"))
            if any("mock" not in passage.lower() for passage in asked):
                told = f"{name}, which tests import, is replaced by a fake for all of them"
                yield Refusal(rule="mocked-subject", file=change.path, line=change.find(name), message=told)


def _specials(old: Mapping[str, Facts], new: Mapping[str, Facts], known: Known) -> Iterator[Refusal]:
    """New answers by literals to questions that a test asks in just these literals."""
    before = {s.key for facts in old.values() for s in facts.specials}
    for path, facts in new.items():
        for special in facts.specials:
            if special.key not in before and is_known(special, known):
                asked, given = ", ".join(special.asked), ", ".join(special.given)
                message = f"the answer {given or 'yes or no'} to {asked} is that of a test, for this case alone"
                yield Refusal(rule="special-case", file=path, line=special.line, message=message[:300])
