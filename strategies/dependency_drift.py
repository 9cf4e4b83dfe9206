"""Dependency drift: a release broke what nobody had changed, so the project's own requirement leaves that release out.

Only where replays have shown that the date alone decides, and which release it was (`regreen fix --green`).
"""

from collections.abc import Iterator

from packaging.utils import canonicalize_name

from bot.model import Candidate, Category, Diagnosis, Drift, Incident
from bot.ports import Tools
from strategies.lock_files import RULES, is_lock, relock
from strategies.manifests import is_manifest, places, requirements, rewritten
from strategies.package_json import KINDS, package_of, package_text
from strategies.requirement_style import caret_without_release, name_of, without_release

NAME = "dependency drift"
CATEGORIES = frozenset(Category)


def applies(diagnosis: Diagnosis, tree: frozenset[str]) -> bool:
    """Whether a release is known to have broken it."""
    return diagnosis.drift is not None


def propose(incident: Incident, tools: Tools) -> Iterator[Candidate]:
    """Bound the release wherever the project names its package; nothing where only others ask for it."""
    drift = tools.diagnosis.drift
    assert drift
    session = tools.session(fresh_step=True)
    changed = {path: text for path, text in _bounded(drift, tools) if text != tools.read(path)}
    for path, text in changed.items():
        session.put(path, text.encode())
    for folder in sorted({path.rpartition("/")[0] for path in changed}):
        relock(session, folder, tools)
    changes = [w for w in session.written() if w.path in changed or is_lock(w.path, tools)]
    since = f" with packages as of {incident.green:%Y-%m-%d %H:%M} UTC" if incident.green else ""
    told = (
        f"{drift.package} {drift.version}, released {drift.released:%Y-%m-%d %H:%M} UTC, broke it: it is green{since}"
    )
    summary = f"Leave out {drift.package} {drift.version}"
    candidate = tools.candidate(changes, summary, rules=RULES, notes=(told,)) if changed else None
    if candidate:
        yield candidate


def _bounded(drift: Drift, tools: Tools) -> Iterator[tuple[str, str]]:
    """(path, text) of each file that may ask for the package, with the release left out."""
    for path in sorted(tools.paths):
        if is_manifest(path):
            yield path, _python(path, tools.read(path), drift)
        elif path.rpartition("/")[2] == "package.json":
            yield path, _node(tools.read(path), drift)


def _python(path: str, text: str, drift: Drift) -> str:
    name = canonicalize_name(drift.package)
    for place in places(path, text):
        if name not in map(name_of, requirements(place, text)):
            continue
        if place.table:
            text = rewritten(place, text, name, lambda v: caret_without_release(v, drift.version, ",") or v)
        else:
            text = rewritten(place, text, name, lambda v: without_release(v, drift.version, newest=drift.newest))
    return text


def _node(text: str, drift: Drift) -> str:
    document = package_of(text)
    for kind in KINDS:
        value = (document.get(kind) or {}).get(drift.package)
        if isinstance(value, str) and (bound := caret_without_release(value, drift.version, " ")):
            document[kind][drift.package] = bound
            return package_text(document, text)
    return text
