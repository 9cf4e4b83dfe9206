"""The layers of later attempts: more of the log, who calls what failed, what changes along with it, what docs say."""

import posixpath
from collections import Counter
from collections.abc import Callable, Sequence

from bot.ports import Git
from bot.repair.context.layers import FENCED, Redact, Shown, together
from bot.repair.context.scene import Scene, Wanted, is_test
from bot.repair.context.tree import LONGEST, Hit
from bot.repair.context.windows import Windows
from bot.repair.guard.kinds import is_lock
from bot.text.inert import plain

COMMITS = 200  # that are asked what changes together
MOST_CHANGED = 30  # files of a commit: more say nothing of each other
TOGETHER = 2  # commits in which files change together at least
MOST_SYMBOLS, MOST_CALLERS, MOST_TOGETHER = 8, 6, 4
SHORTEST = 4  # characters of a function whose callers are looked for
EVERYWHERE = 40  # files that call what is too usual a name
DOCS = ("*.md", "*.rst", "*.adoc")
MOST_DOCS, AROUND = 4, 6


def log(scene: Scene, more: Callable[[], str], redact: Redact, room: int) -> Shown:
    """More of the log than the excerpt has: what is around the error, where it can be found again."""
    lines = [line[:LONGEST] for line in redact(plain(more())).split("\n")]
    error = scene.diagnosis.error
    at = next((n for n, line in enumerate(lines) if error and error in line), len(lines) - 1)
    first = last = at
    left = room // 2
    while left > 0 and (first > 0 or last < len(lines) - 1):
        first, last = max(0, first - 1), min(len(lines) - 1, last + 1)
        left = room - 400 - sum(len(x) + 1 for x in lines[first : last + 1])
    text = "\n".join(lines[first : last + 1])
    return together(f"## The log\n{FENCED}\n", [("More of the log", text, 1.0)], room), ()


def callers(scene: Scene, git: Git, commit: str, chosen: Sequence[Wanted], windows: Windows, room: int) -> Shown:
    """Who calls the functions that the failure is about, and what changes along with their files."""
    known = {w.path for w in chosen}
    sources = [w for w in chosen if not is_test(w.path)][:3]
    found = [w for w in _calls(scene, sources) if w.path not in known]
    beside = [w for w in _together(scene, git, commit, [w.path for w in sources or chosen[:2]]) if w.path not in known]
    head = f"## Callers, and files that change along\n{FENCED}\n"
    text, files = windows.show([*found, *beside], room - len(head))
    return (head + text, files) if text else ("", ())


def _symbols(scene: Scene, sources: Sequence[Wanted]) -> list[str]:
    blocks = (b for w in sources for b in scene.chosen(w) if b.kind != "title")
    return list(dict.fromkeys(b.name for b in blocks if len(b.name) >= SHORTEST and not b.name.startswith("__")))[
        :MOST_SYMBOLS
    ]


def _calls(scene: Scene, sources: Sequence[Wanted]) -> list[Wanted]:
    """The files that have the name of a function of the failure, those with most of them first."""
    endings = {posixpath.splitext(w.path)[1] for w in sources}
    symbols, where = _symbols(scene, sources), [f"*{e}" for e in sorted(endings) if e]
    lines: dict[str, list[Hit]] = {}
    for hit in scene.tree.grep(symbols, where) if where else ():
        lines.setdefault(hit.path, []).append(hit)
    if len(lines) > EVERYWHERE:
        return []
    ranked = sorted(lines, key=lambda p: (is_test(p), -len(lines[p]), p))
    return [Wanted(p, tuple(h.line for h in lines[p][:3])) for p in ranked[:MOST_CALLERS] if not scene.hidden(p)]


def _together(scene: Scene, git: Git, commit: str, paths: Sequence[str]) -> list[Wanted]:
    """The files that the commits have changed which changed these, the most often first."""
    listed = git.run("rev-list", "--no-merges", f"--max-count={COMMITS}", commit)
    rows = git.run("diff-tree", "--stdin", "-r", "-z", "--no-renames", "--name-only", stdin=listed).split(b"\0")
    commits, counts, files = frozenset(listed.decode().split()), Counter[str](), list[str]()
    for row in (*(r.decode("utf-8", "replace") for r in rows), ""):
        if row and row not in commits:
            files.append(row)
            continue
        if len(files) <= MOST_CHANGED and not set(paths).isdisjoint(files):
            counts.update(f for f in files if f not in paths)
        files = []
    ranked = sorted((p for p, n in counts.items() if n >= TOGETHER and p in scene.tree), key=lambda p: (-counts[p], p))
    scene.tree.read(ranked[: 2 * MOST_TOGETHER])
    return [Wanted(p) for p in ranked[: 2 * MOST_TOGETHER] if not is_lock(p) and not scene.hidden(p)][:MOST_TOGETHER]


def docs(scene: Scene, chosen: Sequence[Wanted], windows: Windows, room: int) -> Shown:
    """What documentation says of the files and functions that the failure is about; the README's beginning, too."""
    names = [posixpath.basename(w.path) for w in chosen[:4]] + _symbols(scene, chosen[:4])
    lines: dict[str, list[int]] = {}
    for hit in scene.tree.grep([n for n in dict.fromkeys(names) if len(n) >= SHORTEST], DOCS):
        lines.setdefault(hit.path, []).append(hit.line)
    ranked = sorted(lines, key=lambda p: (-len(lines[p]), p))[:MOST_DOCS]
    readme = next((p for p in ("README.md", "README.rst", "README") if p in scene.tree), "")
    wanted = [Wanted(p, tuple(lines[p][:4])) for p in ranked] + (
        [Wanted(readme)] if readme and readme not in ranked else []
    )
    head = f"## Documentation\n{FENCED}\n"
    known = {w.path for w in chosen}
    text, files = windows.show([w for w in wanted if w.path not in known], room - len(head))
    return (head + text, files) if text else ("", ())
