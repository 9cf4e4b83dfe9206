"""Left behind: the job itself made the change that it then complained about, and that change is the candidate.

Code generators followed by `git diff --exit-code`, and hooks that rewrite files and fail: the job's workspace already
holds what should have been committed. Only where the failing step looks at git's view of the tree, so that a test which
rewrites its own expectations does not count, and nothing that tells of today or of the folder of the job, since the
same would be red again tomorrow, or elsewhere. Snapshots that a generator has recorded count where people have set
`fix.snapshots`.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

import re2

from bot.model import Candidate, Category, Diagnosis, Incident
from bot.ports import Executed, Tools, Written
from strategies.commands import unwrap
from strategies.lock_files import is_lock

NAME = "left behind"
CATEGORIES = frozenset(Category)
RULES = ("generated-file", "lock-file", "snapshot")
LOOKING = frozenset({"diff", "diff-index", "diff-files", "status", "ls-files"})
SEES_NEW_FILES = frozenset({"status", "ls-files"})
DATES = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d %B %Y", "%d %b %Y", "%-d %B %Y",
         "%-d %b %Y", "%B %d, %Y", "%b %d, %Y", "%B %-d, %Y", "%b %-d, %Y", "%d-%m-%Y", "%d-%b-%Y", "%Y_%m_%d",
         "%Y%m%d", "%Y%j", "%Y-%j", "%G-W%V", "%GW%V")  # fmt: skip
DAY_SECONDS = 86_400
WORK = "/home/runner/work/"
"""Where the jobs of GitHub's runners, and ours, have their folders."""


def applies(diagnosis: Diagnosis, tree: frozenset[str]) -> bool:
    """Any failing command may have looked at what changed; which ones did shows when it is watched."""
    return bool(diagnosis.command or tree)


def propose(incident: Incident, tools: Tools) -> Iterator[Candidate]:
    """What the job has changed, where its failing step complains of changes; new files where it looks at those."""
    if not tools.left_behind(new_files=True):
        return
    watched = tools.session().watch()
    looked = {word for program in watched.programs for word in looked_at(program)}
    if not looked:
        return
    new_files = bool(looked & SEES_NEW_FILES)
    changes = tools.left_behind(new_files=new_files)
    if tells_of_job(changes, incident.updated, tools):
        return
    names = ", ".join(w.path for w in changes[:3]) + (", …" if len(changes) > 3 else "")
    summary = f"Commit what the job generates: {names}"
    candidate = tools.candidate(changes, summary, rules=RULES, new_files=new_files) if changes else None
    if candidate:
        yield candidate


def tells_of_job(changes: Sequence[Written], moment: datetime, tools: Tools) -> bool:
    """Whether a file has the day or the folder of the job that it had not before. Lock files have dates of releases."""
    days = str(int(moment.timestamp()) // DAY_SECONDS)
    told = [re2.escape(text) for text in (WORK, *(moment.strftime(form) for form in DATES))]
    pattern = re2.compile("|".join([*told, rf"\b{days}\b"]).encode())
    files = [w for w in changes if w.content is not None and not is_lock(w.path, tools)]
    before = {w.path: tools.read(w.path).encode() if w.path in tools.paths else b"" for w in files}
    return any(Counter(pattern.findall(w.content or b"")) - Counter(pattern.findall(before[w.path])) for w in files)


def looked_at(program: Executed) -> frozenset[str]:
    """The git commands by which a program looks at what has changed; pre-commit looks at files of its own."""
    command = unwrap(program.argv)
    if command.name == "pre-commit":
        return frozenset({"pre-commit"})
    words = [w for w in command.arguments if not w.startswith("-")]
    return LOOKING.intersection(words[:2]) if command.name == "git" else frozenset()
