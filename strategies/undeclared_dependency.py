"""Undeclared dependency: what the repository's own code imports is declared nowhere, so it gets declared.

Only what stands in the code of the repository, is no part of it and of no standard library, and is known to the index
as of the run's time. A name that nearly is a well-known one is never added. How each language does it:
`undeclared_python`, `undeclared_others`.
"""

from collections.abc import Iterator

from bot.model import Candidate, Category, Diagnosis, Incident
from bot.ports import Tools
from strategies import undeclared_others, undeclared_python
from strategies.lock_files import RULES, is_lock
from strategies.manifests import is_manifest

NAME = "undeclared dependency"
CATEGORIES = frozenset(
    {
        Category.DEPENDENCY_INSTALL,
        Category.COMPILE_ERROR,
        Category.TYPE_ERROR,
        Category.TEST_ASSERTION,
        Category.LINT_ERROR,
    }
)
LANGUAGES = (undeclared_python, undeclared_others)


def applies(diagnosis: Diagnosis, tree: frozenset[str]) -> bool:
    """Whether the log says that something could not be imported."""
    log = told(diagnosis)
    return diagnosis.category in CATEGORIES and any(language.missing(log) for language in LANGUAGES)


def propose(incident: Incident, tools: Tools) -> Iterator[Candidate]:
    """Declare all that the log names; at most one candidate."""
    log, session = told(tools.diagnosis), tools.session(fresh_step=True)
    notes = [note for language in LANGUAGES for note in language.declare(log, session, tools)]
    files = [w for w in session.written() if w.content is not None and w.path in tools.paths]
    changes = [
        w for w in files if is_manifest(w.path) or undeclared_others.is_manifest(w.path) or is_lock(w.path, tools)
    ]
    summary = "Declare " + " and ".join(note.partition(" ")[0] for note in notes)
    candidate = tools.candidate(changes, summary, rules=RULES, notes=notes) if notes else None
    if candidate:
        yield candidate


def told(diagnosis: Diagnosis) -> str:
    """All that the diagnosis shows of the log."""
    lines = [line.text for line in diagnosis.excerpt.lines]
    return "\n".join([diagnosis.error, *lines, *(place.message for place in diagnosis.locations)])
