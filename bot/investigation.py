"""Where a failure comes from: the commits since it was green, whose lines fail, what became of its like before."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from posixpath import basename, splitext

from bot.complaints import rooted
from bot.errors import UsageError
from bot.flakiness import rate
from bot.model import (
    Category,
    DependencyChange,
    Diagnosis,
    Incident,
    Investigation,
    Location,
    Part,
    Recommendation,
    ReplayResult,
    Result,
    Suspect,
    Verdict,
)
from bot.pins import is_read, pins
from bot.ports import Checkout, Git
from bot.repair.difference import changed_files
from bot.replay.source import commit_named, paths_of

MOST_COMMITS = 500
MOST_RECORDS = 500
MOST_SUSPECTS = 5
MOST_NAMED = 5
WORKFLOWS = ".github/workflows/"
UNCOMMITTED = "uncommitted changes"
WORD = re.compile(r"[\w-]+")
SHORTEST = 3
PROSE = frozenset({".md", ".rst", ".txt"})
TRANSIENT = frozenset({Category.NETWORK_OR_FLAKY})
FOR_PEOPLE = frozenset({Category.PERMISSION_OR_SECRET, Category.TIMEOUT_OR_OOM})
"""What nobody can put right by a change of the code alone."""
WRITTEN, IN_TRACE, NAMED_PACKAGE, REFERRED, ONLY_ONE = 4, 2, 3, 1, 1
"""What speaks how much against a commit; a line of its own that fails weighs most."""
FLAKY = frozenset({Verdict.FLAKY, Verdict.NOT_REPRODUCED})


@dataclass(frozen=True)
class Scene:
    """What a failure is held against.

    `red` is the commit that failed; `green`, if known, one before it that did not; `on_default` when it is on the
    default branch. `uncommitted` are files that were not committed when it failed, `records` earlier incidents. `base`
    has the fingerprints of the failures of the base branch, None where that was not replayed.
    """

    git: Git
    red: str
    green: str = ""
    on_default: bool = False
    uncommitted: frozenset[str] = frozenset()
    records: Iterable[Incident] = ()
    base: frozenset[str] | None = None
    base_name: str = ""
    redact: Callable[[str], str] = str


@dataclass(frozen=True)
class _Commit:
    sha: str
    subject: str
    files: frozenset[str]


@dataclass
class _Case:
    """What speaks against one commit."""

    weight: int = 0
    reasons: list[str] = field(default_factory=list)

    def add(self, weight: int, reason: str) -> None:
        self.weight += weight
        self.reasons.append(reason)


@dataclass(frozen=True)
class _Past:
    """What became of its like: the evidence, the share that was flaky, and whether the same commit was green."""

    evidence: tuple[str, ...] = ()
    ruled_out: tuple[str, ...] = ()
    flaky: float | None = None
    was_green: bool = False


def scene_of(
    git: Git, checkout: Checkout, green: str, records: Iterable[Incident], redact: Callable[[str], str]
) -> Scene:
    """The scene of a checkout. Raises `UsageError` where `green` is neither empty nor a commit."""
    known = commit_named(git, green) if green else ""
    if known is None:
        raise UsageError(f"--green: there is no commit {green}")
    on_default = checkout.branch == checkout.default_branch
    newest = tuple(islice(records, MOST_RECORDS))
    return Scene(git, checkout.head, known, on_default, records=newest, redact=redact)


def base_of(git: Git, checkout: Checkout) -> str:
    """The newest commit of the branch that a checkout's own has parted from; empty where it is on that itself."""
    name = checkout.default_branch
    if checkout.branch == name:
        return ""
    for tip in (f"refs/remotes/origin/{name}", f"refs/heads/{name}"):
        if base := commit_named(git, tip):
            return base if base != checkout.head and git.try_run("merge-base", base, checkout.head) else ""
    return ""


def with_base(scene: Scene, base: str, name: str, replayed: ReplayResult, failed: Iterable[Diagnosis]) -> Scene:
    """The scene with what a replay of `base`, the tip of the branch `name`, says.

    If nobody knows better, it was green where the two parted.
    """
    if replayed.result is Result.UNREPLAYABLE:
        return scene
    parted = scene.git.run("merge-base", base, scene.red).decode().strip()
    prints = frozenset(one.fingerprint for one in failed)
    return replace(scene, base=prints, base_name=name, green=scene.green or parted)


def investigate_all(found: Iterable[Diagnosis], scene: Scene) -> list[Investigation]:
    """Investigate failures, those with one fingerprint once."""
    told = list(found)
    known = {one.fingerprint: investigate(one, scene) for one in told}
    return [known[one.fingerprint] for one in told]


def investigate(told: Diagnosis, scene: Scene) -> Investigation:
    """Say where a failure comes from and what to do about it, with the evidence; nothing here is run."""
    found = rooted(told, paths_of(scene.git, scene.red), [""])
    commits = _commits(scene.git, scene.green, scene.red)
    if scene.uncommitted:
        commits = (_Commit("", UNCOMMITTED, scene.uncommitted), *commits)
    bumps = _bumps(scene)
    suspects, strong = _suspects(found, scene, commits, bumps)
    past = _past(found, scene)
    evidence, ruled_out = list(past.evidence), list(past.ruled_out)
    if not scene.green and not suspects:
        ruled_out.append("no commit is ruled out: it is not known when it was green (name that commit with --green)")
    elif not commits:
        ruled_out.append(f"no commit lies between {scene.green[:12]} and {scene.red[:12]}")
    elif not suspects:
        ruled_out.append(f"none of the {_count(len(commits), 'commit')} changed a file that the log names")
    if scene.green and not bumps:
        ruled_out.append("no dependency was changed in the files of the project")
    if scene.base is not None:
        if found.fingerprint in scene.base:
            evidence.append(f"{scene.base_name} fails alike: this branch has not broken it")
        else:
            ruled_out.append(f"{scene.base_name} does not fail in this way")
    recommendation, why = _recommendation(found, scene, past, suspects, strong=strong)
    return Investigation(
        red=scene.red,
        green=scene.green,
        commits=sum(1 for c in commits if c.sha),
        suspects=suspects,
        dependencies=bumps,
        evidence=tuple(evidence),
        ruled_out=tuple(ruled_out),
        flaky=past.flaky,
        recommendation=recommendation,
        why=why,
    )


def _recommendation(
    found: Diagnosis, scene: Scene, past: _Past, suspects: Sequence[Suspect], *, strong: bool
) -> tuple[Recommendation, str]:
    if past.was_green:
        return "re-run", "the same commit was green before, so its files alone do not break it"
    if past.flaky is not None and past.flaky > 0.5:
        return "re-run", f"{past.flaky:.0%} of its earlier occurrences were flaky"
    if found.category in TRANSIENT:
        return "re-run", "what failed lies outside of the repository"
    if scene.base is not None and found.fingerprint in scene.base:
        return "people", f"{scene.base_name} fails alike: it is to be fixed there"
    if found.category in FOR_PEOPLE:
        return "people", f"no change of the code alone puts a failure of the kind {found.category} right"
    if scene.on_default and strong and suspects[0].commit and found.category is Category.TEST_ASSERTION:
        return "revert", f"{suspects[0].commit[:12]} alone is suspect, and others build on this branch"
    why = f"a failure of the kind {found.category} is in the files"
    if scene.green and not suspects:
        why += f"; whether only the date decides says: regreen replay --drift {scene.green[:12]}"
    return "fix", why


def _suspects(
    found: Diagnosis, scene: Scene, commits: Sequence[_Commit], bumps: Sequence[DependencyChange]
) -> tuple[tuple[Suspect, ...], bool]:
    """The likeliest commits, the likeliest first; and whether the first one stands out: by a line or a name."""
    cases = {c.sha: _Case() for c in commits}
    for sha, place in _written(scene.git, scene.red, found.locations):
        if sha in cases:
            cases[sha].add(WRITTEN, f"wrote {place.file}:{place.line}, which the log names")
    named = dict.fromkeys([*(p.file for p in found.locations), *(t.partition("::")[0] for t in found.failing_tests)])
    said = "\n".join([found.error, *(line.text for line in found.excerpt.lines)])
    words = {name: _words(scene.git, scene.red, name) for name in named if name}
    culprits = [b for b in bumps if _is_named(b.package, said)]
    for commit in commits:
        case = cases[commit.sha]
        if here := [name for name in named if name in commit.files]:
            case.add(IN_TRACE, f"changed {_listed(here)}, which the log names")
        for name, known in words.items():
            if there := sorted(f for f in commit.files - named.keys() if _stem(f) in known):
                case.add(REFERRED, f"changed {_listed(there)}, to which {name} refers")
        for bump in culprits:
            if bump.file in commit.files:
                case.add(NAMED_PACKAGE, f"changed {bump.package} ({bump.versions}), which the log names")
        if found.category is Category.GITHUB_ACTIONS_CONFIG and (ours := _below(commit.files, WORKFLOWS)):
            case.add(NAMED_PACKAGE, f"changed {_listed(ours)}")
        if len(commits) == 1:
            case.add(ONLY_ONE, "is the only commit since it was green")
    subjects = {c.sha: c.subject for c in commits}
    ranked = sorted((sha for sha in cases if cases[sha].weight), key=lambda sha: -cases[sha].weight)
    strong = bool(ranked) and (len(commits) == 1 or cases[ranked[0]].weight >= WRITTEN)
    strong = strong and (len(ranked) == 1 or cases[ranked[0]].weight > cases[ranked[1]].weight)
    top = (
        Suspect(commit=s, subject=scene.redact(subjects[s]), reasons=tuple(cases[s].reasons))
        for s in ranked[:MOST_SUSPECTS]
    )
    return tuple(top), strong


def _past(found: Diagnosis, scene: Scene) -> _Past:
    """What the records say of failures with the same fingerprint, and of the same commit."""
    evidence, outcomes, green, count = [], [], False, 0
    for record in scene.records:
        count += 1
        if scene.red in (record.head, record.snapshot) and record.verdict is Verdict.GREEN:
            green = True
            evidence.append(f"the same commit was green on {record.updated:%Y-%m-%d} (incident {record.id})")
        alike = [p for p in record.parts if p.diagnosis.fingerprint == found.fingerprint]
        if alike and record.verdict:
            outcomes.append(record.verdict in FLAKY)
            evidence.append(f"seen on {record.updated:%Y-%m-%d}: {_outcome(record, alike[0])} (incident {record.id})")
        for part in record.parts:
            shaky = [t for t in part.flaky_tests if t.name in found.failing_tests]
            evidence += [f"{t.name} failed in {rate(t.failed, t.runs)} re-runs (incident {record.id})" for t in shaky]
    ruled_out = () if outcomes else (f"it was not seen before, in {_count(count, 'incident')} on record",)
    return _Past(tuple(evidence), ruled_out, sum(outcomes) / len(outcomes) if outcomes else None, green)


def _outcome(record: Incident, part: Part) -> str:
    by = f" by {part.strategy}" if part.strategy else ""
    return f"{part.verdict or record.verdict}{by}"


def _commits(git: Git, green: str, red: str) -> tuple[_Commit, ...]:
    """The commits that `red` has and `green` has not, the newest first, with the files that each changed."""
    if not green:
        return ()
    listed = git.run("rev-list", f"--max-count={MOST_COMMITS}", "--format=%s", f"{green}..{red}")
    words = listed.decode("utf-8", "replace").split("\n")[:-1]
    subjects = {head.removeprefix("commit "): subject for head, subject in zip(words[::2], words[1::2], strict=True)}
    if not subjects:
        return ()
    stdin = "".join(f"{sha}\n" for sha in subjects).encode()
    rows = git.run("diff-tree", "--stdin", "-r", "-c", "--root", "--name-only", stdin=stdin)
    changed: dict[str, set[str]] = {sha: set() for sha in subjects}
    sha = ""
    for row in filter(None, rows.decode("utf-8", "surrogateescape").split("\n")):
        sha = row if row in changed else sha
        changed[sha].add(row)
    return tuple(_Commit(sha, subject, frozenset(changed[sha] - {sha})) for sha, subject in subjects.items())


def _written(git: Git, red: str, places: Iterable[Location]) -> list[tuple[str, Location]]:
    """Who wrote the lines that a log names."""
    found = []
    for place in list(places)[:MOST_NAMED]:
        if not place.line:
            continue
        span = f"{place.line},{place.line}"
        told = git.try_run("blame", "--no-textconv", "--porcelain", "-L", span, red, "--", place.file)
        if told:
            found.append((told.split(b" ", 1)[0].decode(), place))
    return found


def _bumps(scene: Scene) -> tuple[DependencyChange, ...]:
    """The packages that the project asks for otherwise than when it was green; a version may be a URL with a token."""
    git, green, red, clean = scene.git, scene.green, scene.red, scene.redact
    if not green:
        return ()
    found = []
    for file in (f for f in changed_files(git, green, red) if is_read(f.path)):
        was, now = (pins(file.path, _blob(git, sha)) for sha in (file.old_sha, file.new_sha))
        changed = sorted(name for name in was.keys() | now.keys() if was.get(name) != now.get(name))
        found += [
            DependencyChange(file=file.path, package=n, before=clean(was.get(n, "")), after=clean(now.get(n, "")))
            for n in changed
        ]
    return tuple(found)


def _blob(git: Git, name: str | None) -> str:
    return ((git.try_run("cat-file", "blob", name) if name else None) or b"").decode("utf-8", "replace")


def _words(git: Git, commit: str, path: str) -> frozenset[str]:
    return frozenset(WORD.findall(_blob(git, f"{commit}:{path}")))


def _stem(path: str) -> str:
    """What other files call a file: its name without its ending; empty for prose, and where it says too little."""
    stem, ending = splitext(basename(path))
    return stem if len(stem) >= SHORTEST and ending not in PROSE else ""


def _is_named(package: str, text: str) -> bool:
    """Whether a text names a package, by itself or as the module that it most often is."""
    word = "[-_.]".join(map(re.escape, re.split(r"[-_.]", package)))
    return re.search(rf"(?<![\w-]){word}(?![\w-])", text, re.IGNORECASE) is not None


def _below(files: Iterable[str], folder: str) -> list[str]:
    return sorted(f for f in files if f.startswith(folder))


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
