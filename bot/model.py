"""The vocabulary as frozen, validated, versioned data: what flows between the stages and lies in a checkpoint.

Times are UTC; money is US dollars; durations are seconds; nothing here reads or writes anything.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal, Self, dataclass_transform

import msgspec
from msgspec import Meta

SCHEMA_VERSION = 1
OF_AN_ID = ("workflows", "jobs", "matrix", "event", "event_payload", "ref", "inputs", "as_of")
MOST_DOLLARS = 10**12


@dataclass_transform(frozen_default=True)
class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of everything here: immutable, no unknown keys, validated when read."""

    def changed(self, **fields: Any) -> Self:
        """The same with other values of some fields."""
        return msgspec.structs.replace(self, **fields)

    def as_json(self) -> dict[str, Any]:
        """Itself as JSON has it, with tuples for its arrays."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


UtcTime = Annotated[datetime, Meta(tz=True)]


def utc(text: str) -> datetime:
    """The moment of a text in ISO's form, which is in UTC where it names no zone. Raises `ValueError`."""
    found = datetime.fromisoformat(text)
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def refuse_amount(dollars: Decimal) -> None:
    """Raise `ValueError` for what nobody can have spent or set aside."""
    if not (dollars.is_finite() and 0 <= dollars <= MOST_DOLLARS):
        raise ValueError("this is no amount of money")


Sha = Annotated[str, Meta(pattern=r"^[0-9a-f]{40}(?:[0-9a-f]{24})?$")]
"""A commit by all its digits: nothing that a program could take for an option."""
MaybeSha = Annotated[str, Meta(pattern=r"^(?:[0-9a-f]{40}(?:[0-9a-f]{24})?)?$")]
"""The same, or empty."""
BranchName = Annotated[str, Meta(pattern=r"^[^-+/.\x00-\x20:~^?*\[\\\x7f][^\x00-\x20:~^?*\[\\\x7f]*$")]

Network = Literal["none", "registries", "all"]
"""What the jobs of a replay may reach."""


class Result(StrEnum):
    """What became of a replayed step, job or workflow. UNREPLAYABLE: it could not be run here, so nothing is known."""

    SUCCESS = "success"
    FAILURE = "failure"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    UNREPLAYABLE = "unreplayable"


class Verdict(StrEnum):
    """What replaying showed, of one failing job or of the whole workflow."""

    GREEN = "GREEN"
    NOT_REPRODUCED = "NOT_REPRODUCED"
    NOT_FIXED = "NOT_FIXED"
    FIXED = "FIXED"
    STILL_FAILING = "STILL_FAILING"
    REGRESSED = "REGRESSED"
    FLAKY = "FLAKY"
    UNREPLAYABLE = "UNREPLAYABLE"


class Grade(StrEnum):
    """How much the evidence proves: A every leg of the workflow, B the failing job, C the failing step, R real CI."""

    A = "A"
    B = "B"
    C = "C"
    R = "R"


class Category(StrEnum):
    """Why a run is red."""

    TEST_ASSERTION = "test_assertion"
    LINT_ERROR = "lint_error"
    TYPE_ERROR = "type_error"
    COMPILE_ERROR = "compile_error"
    DEPENDENCY_INSTALL = "dependency_install"
    GITHUB_ACTIONS_CONFIG = "github_actions_config"
    DOCKER_BUILD = "docker_build"
    NETWORK_OR_FLAKY = "network_or_flaky"
    TIMEOUT_OR_OOM = "timeout_or_oom"
    PERMISSION_OR_SECRET = "permission_or_secret"  # noqa: S105 - a category
    SNAPSHOT_DIFF = "snapshot_diff"


class Location(Model, kw_only=True):
    """A place in the repository that a log names; `line` and `column` count from 1, 0 is unknown."""

    file: str
    line: int = 0
    column: int = 0
    message: str = ""


class TestCounts(Model, kw_only=True):
    """What the test runners of a log reported, summed. `failed` includes errors."""

    __test__ = False  # not a test class, whatever its name looks like to pytest

    run: int = 0
    passed: int = 0
    failed: int = 0
    skipped: int = 0


class ExcerptLine(Model, kw_only=True):
    """One verbatim line of a log with its number (from 1)."""

    line: int
    text: str


class Excerpt(Model, kw_only=True):
    """The lines that a reader needs, in order; gaps are gaps in the numbers."""

    lines: tuple[ExcerptLine, ...] = ()


class Drift(Model, kw_only=True):
    """The release of a dependency that broke what nobody had changed; `newest`: no other followed it."""

    package: str
    version: str
    released: UtcTime
    newest: bool = False


class Diagnosis(Model, kw_only=True):
    """Why a job is red, as far as its log tells.

    `error_line` (from 1; 0 when the log is empty) is the one line that best names the failure, `error` its text.
    `confidence` is the chance that the category is right, 0 to 1. `fingerprint` is equal for equal causes.
    """

    category: Category
    error: str
    error_line: int
    step: str = ""
    command: str = ""
    exit_code: int | None = None
    excerpt: Excerpt = Excerpt()
    locations: tuple[Location, ...] = ()
    failing_tests: tuple[str, ...] = ()
    tests: TestCounts = TestCounts()
    drift: Drift | None = None
    fingerprint: str
    confidence: Annotated[float, Meta(ge=0, le=1)]


class Suspect(Model, kw_only=True):
    """A commit that may have broken it (empty for uncommitted changes), and what speaks for that."""

    commit: str
    subject: str
    reasons: tuple[str, ...]


class DependencyChange(Model, kw_only=True):
    """A package that a file of the project asked for in another version when it was green; empty: not at all."""

    file: str
    package: str
    before: str
    after: str

    @property
    def versions(self) -> str:
        """Both versions, for people."""
        return f"{self.before or 'new'} -> {self.after or 'gone'}"


Recommendation = Literal["fix", "re-run", "revert", "people"]


class Investigation(Model, kw_only=True):
    """Where a failure comes from, beyond what its log tells.

    `green` and `red` bound the commits in question, `commits` counts them; `green` is empty when nobody knows it.
    `flaky` is the share of its earlier occurrences that turned out flaky, None where there were none.
    """

    red: str
    green: str = ""
    commits: int = 0
    suspects: tuple[Suspect, ...] = ()
    dependencies: tuple[DependencyChange, ...] = ()
    evidence: tuple[str, ...] = ()
    ruled_out: tuple[str, ...] = ()
    flaky: float | None = None
    recommendation: Recommendation
    why: str


class StepResult(Model, kw_only=True):
    """One top-level step of a replayed job. `id` is the step's own id, or its number from 0 where it has none."""

    name: str
    id: str
    result: Result
    seconds: float = 0
    continue_on_error: bool = False


class JobResult(Model, kw_only=True):
    """One leg of a job. `log` is the file of its log in GitHub's form, relative to the run's folder."""

    id: str
    name: str
    workflow: str = ""
    matrix: dict[str, Any] = {}
    result: Result
    reason: str | None = None
    continue_on_error: bool = False
    seconds: float = 0
    steps: tuple[StepResult, ...] = ()
    outputs: dict[str, str] = {}
    tests: TestCounts = TestCounts()
    log: str = ""

    @property
    def key(self) -> str:
        """What tells this leg from all others of the run."""
        return leg_key(self.workflow, self.id, self.matrix)

    @property
    def failing_step(self) -> StepResult | None:
        """The first step whose failure failed the job."""
        return next((s for s in self.steps if s.result is Result.FAILURE and not s.continue_on_error), None)


def leg_key(workflow: str, job: str, matrix: Mapping[str, Any]) -> str:
    """Name one leg: workflow file, job id and matrix values, for instance `.github/workflows/ci.yml:test:{"v":1}`."""
    return f"{workflow}:{job}:{json.dumps(dict(matrix), sort_keys=True, default=str) if matrix else ''}"


class ReplayResult(Model, kw_only=True):
    """A whole replay. `notes` says what was not as on GitHub; `log` is the folder of its logs."""

    result: Result
    reason: str | None = None
    jobs: tuple[JobResult, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0
    log: str = ""

    def job(self, key: str) -> JobResult | None:
        """The leg of that `JobResult.key`, or None."""
        return next((j for j in self.jobs if j.key == key), None)


class ReplayOptions(Model, kw_only=True):
    """What is replayed and how: the options of `regreen replay`. Secrets are named, their values stand nowhere here."""

    workflows: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()
    matrix: tuple[tuple[str, str], ...] = ()
    event: str = ""
    event_payload: dict[str, Any] | None = None
    repository: str = ""
    ref: str = ""
    inputs: dict[str, str] = {}
    variables: dict[str, str] = {}
    secrets: tuple[str, ...] = ()
    local_actions: dict[str, str] = {}
    as_of: UtcTime | None = None
    network: Network = "registries"
    committed: bool = False
    backend: Literal["", "host", "docker", "github"] = ""


class DriftReport(Model, kw_only=True):
    """What became of a commit that was green once, with the packages of then and of now.

    `told` is a line for people. `drift` is the release that broke it; several, when they appeared at the same moment.
    `replays` counts what it took; `notes` are those of the replay as of now, `diagnosis` says why that is red.
    """

    told: str
    result_then: Result
    result_now: Result | None = None
    drift: tuple[Drift, ...] = ()
    replays: int
    notes: tuple[str, ...] = ()
    diagnosis: Diagnosis | None = None


class Looked(Model, kw_only=True):
    """A commit that was replayed in search of a culprit: it fails alike (`red`), or not (`clear`), or nobody knows."""

    commit: Sha
    mark: Literal["red", "clear", "unknown"]
    told: str
    seconds: float = 0


class Culprit(Model, kw_only=True):
    """What a search for the commit that broke a branch has come to, with its evidence.

    `told` is a line for people. It was looked for among the `commits` after `green` (a commit; `green_run` its run on
    GitHub, if one was green) up to `red`. `commit` is the culprit, empty where there is none: then it is one of
    `suspects`, if there are any. `pull` is the pull request that brought it, `incident` ours whose fix it was.
    """

    told: str
    red: MaybeSha = ""
    green: MaybeSha = ""
    green_run: str = ""
    commits: int = 0
    looked: tuple[Looked, ...] = ()
    commit: MaybeSha = ""
    subject: str = ""
    author: str = ""
    pull: int = 0
    incident: str = ""
    suspects: tuple[str, ...] = ()


class Wish(Model, kw_only=True):
    """What somebody wants reverted: a commit, or (empty) whatever has broken the branch; `why` are their words."""

    commit: MaybeSha = ""
    why: str = ""


class Objection(Model, kw_only=True):
    """What somebody who has reviewed a proposal wants changed of it: the id of the review, who wrote it, their words.

    `commit` is what they have seen, `after` the number of the last attempt before; `came` says what came of it.
    """

    review: int
    by: str
    text: str
    commit: Sha
    after: int
    came: str = ""


class Candidate(Model, kw_only=True):
    """One possible fix: a unified diff (git's form, binary patches included) against the commit `base`."""

    diff: str
    base: str
    strategy: str
    summary: str
    safe: bool = True
    step_green: bool = False
    """The failing step passed with it on the workbench: a hint, worth grade C."""
    rules: tuple[str, ...] = ()
    """Guard rules that the strategy is about and may therefore touch (for instance `generated-file`)."""
    notes: tuple[str, ...] = ()
    """What people should know of it or look at: its evidence, what it has taken as given."""


class Refusal(Model, kw_only=True):
    """One thing that a candidate may not do: which rule, where, and why. `line` counts from 1 in the new file."""

    rule: str
    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.file}:{self.line}: {self.message}"


class Tokens(Model, kw_only=True):
    """What a call of a language model took, in its tokens. `input` is what neither came from nor went to a cache."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0

    @property
    def prompt(self) -> int:
        """All of the input."""
        return self.input + self.cache_read + self.cache_write + self.cache_write_1h


class Call(Model, kw_only=True):
    """One call of a language model. `prompt` is the hash of the prompts it was made of, `prices` names their table.

    `stop` is why the answer ended, or why there was none; `seconds` is how long it took.
    """

    model: str
    prompt: str
    tokens: Tokens = Tokens()
    cost_usd: Decimal = Decimal(0)
    prices: str
    seconds: float = 0
    stop: str
    request_id: str = ""

    def __post_init__(self) -> None:
        refuse_amount(self.cost_usd)


class Step(Model, kw_only=True):
    """One thing that an agent did: which tool with which arguments, and what came of it, cut."""

    tool: str
    told: str
    came: str = ""


class Estimate(Model, kw_only=True):
    """What something is expected to take, or has taken: US dollars for language models, and seconds."""

    usd: Decimal = Decimal(0)
    seconds: float = 0

    def __post_init__(self) -> None:
        refuse_amount(self.usd)

    def __add__(self, other: "Estimate") -> "Estimate":
        """Both together."""
        return Estimate(usd=self.usd + other.usd, seconds=self.seconds + other.seconds)


class Attempt(Model, kw_only=True):
    """One candidate that was tried, and what came of it. `causes` are the fingerprints that it was meant to fix.

    `tier` is that of the language model which was asked, 0 where none was; then `calls` are what was paid for,
    `estimate_usd` and `estimate_seconds` what was expected of it, and `expected` (in the first attempt at a failure)
    what was expected of all of them. `observed` is what the failing step said with the candidate, for the next attempt.
    `draft` is the diff of what an agent has edited so far, while it is at work. `kept`: what was tried next, or is
    proposed, has the candidate in it.
    """

    number: int
    causes: tuple[str, ...]
    category: Category | None = None
    strategy: str
    tier: int = 0
    estimate_usd: Decimal = Decimal(0)
    estimate_seconds: float = 0
    expected: Estimate | None = None
    calls: tuple[Call, ...] = ()
    steps: tuple[Step, ...] = ()
    draft: str = ""
    observed: str = ""
    summary: str = ""
    diff: str = ""
    kept: bool = False
    verdict: Verdict | None = None
    reason: str = ""
    notes: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    cost_usd: Decimal = Decimal(0)
    seconds: float = 0

    def __post_init__(self) -> None:
        refuse_amount(self.estimate_usd)
        refuse_amount(self.cost_usd)

    @property
    def interrupted(self) -> bool:
        """Whether a model was, or was to be, asked, and nobody has put down yet what came of it."""
        return bool(self.tier) and not (self.diff or self.reason or self.verdict)

    @property
    def took(self) -> Estimate:
        """What it has come to: the model's answers, and its replay."""
        return Estimate(usd=self.cost_usd, seconds=self.seconds + sum(call.seconds for call in self.calls))


def next_number(attempts: Iterable[Attempt]) -> int:
    """The number of one more attempt. Those that cost nothing may have gone from before it."""
    return max((a.number for a in attempts), default=0) + 1


class FlakyTest(Model, kw_only=True):
    """A test that fails now and then: in `failed` of `runs` runs of the same tree, its first failure not counted."""

    name: str
    failed: int
    runs: int


class Advice(Model, kw_only=True):
    """A proposal that changes nothing: to run jobs again, or a suggested diff for people to look at and apply.

    `told` says in a line what to do and why, `evidence` what speaks for it. `verdict` is what a replay of the suggested
    diff has shown; None where there was none, so that it is unproven.
    """

    kind: Literal["re-run", "suggestion"]
    jobs: tuple[str, ...]
    told: str
    evidence: tuple[str, ...] = ()
    diff: str = ""
    verdict: Verdict | None = None


class Part(Model, kw_only=True):
    """One failing leg of the incident: its diagnosis and what became of it."""

    workflow: str
    job: str
    matrix: dict[str, Any] = {}
    diagnosis: Diagnosis
    verdict: Verdict | None = None
    grade: Grade | None = None
    strategy: str = ""
    reason: str = ""
    flaky_tests: tuple[FlakyTest, ...] = ()

    @property
    def key(self) -> str:
        """The `JobResult.key` of the leg."""
        return leg_key(self.workflow, self.job, self.matrix)


class Effect(Model, kw_only=True):
    """A side effect of the incident: written down before (`done` false) and after (`done` true) it happens.

    `name` is deterministic and finds the effect again, for instance the branch name; `value` is what it led to.
    """

    kind: str
    name: str
    done: bool = False
    value: str = ""


DeliveryKind = Literal["branch", "apply", "patch", "pull-request", "suggestion", "push"]
"""Where a fix goes: on this machine to a branch, the working tree or a patch file; on GitHub to a pull request of its
own, a suggestion on somebody's pull request, or a push to the branch that is red."""


class Proposal(Model, kw_only=True):
    """What people see: where the fix went, with the diff that was proven. `target` is a branch, or a file."""

    kind: DeliveryKind
    target: str
    commit: Sha
    diff: str
    message: str


class Stage(StrEnum):
    """How far an incident has come; each value is written after the stage of that name has ended."""

    OPENED = "opened"
    REPRODUCED = "reproduced"
    DIAGNOSED = "diagnosed"
    ATTEMPTED = "attempted"
    PROPOSED = "proposed"
    CLOSED = "closed"


class Lease(Model, kw_only=True):
    """Who works on the incident, and until when nobody else may."""

    owner: str
    expires: UtcTime


class Delivery(Model, kw_only=True):
    """Where a proven fix goes (`patch` is the path of a patch file)."""

    kind: DeliveryKind = "branch"
    patch: str = ""


Prefer = Literal["cost", "reliability", "speed"]
"""By what attempts are put in order: the chance of a fix by its price, alone, or by the time that it takes."""
TierName = Literal["small", "medium", "large"]


class Constraints(Model, kw_only=True):
    """What somebody who asks for a fix wants of language models, within what the settings allow.

    `max_usd` is the most that the incident may cost, `tier` the one to begin with, `agent` lets every tier work in
    several steps. What is None is as the settings say.
    """

    max_usd: Decimal | None = None
    prefer: Prefer | None = None
    tier: TierName | None = None
    agent: bool = False

    def __post_init__(self) -> None:
        if self.max_usd is not None:
            refuse_amount(self.max_usd)


class FailedRun(Model, kw_only=True):
    """The run on GitHub that an incident is about; `pull` is the number of its pull request, 0 where it has none.

    `base_branch` is where a fix goes: the branch of a push, or that of the pull request itself.
    """

    id: int
    attempt: int
    name: str
    html_url: str
    event: str
    head_sha: Sha
    head_branch: BranchName
    head_repository: str
    base_branch: BranchName
    pull: int = 0


class Outcome(Model, kw_only=True):
    """What became of a proposal on GitHub; `diff` is what people changed in it before they merged it."""

    kind: Literal["merged", "edited", "closed", "reverted", "regressed"]
    when: UtcTime
    by: str = ""
    diff: str = ""


class Feedback(Model, kw_only=True):
    """What somebody said of an incident in a comment on GitHub; `ignore` asks to leave failures like it alone."""

    kind: Literal["good", "bad", "ignore"]
    by: str
    comment: int
    text: str = ""


class Reservation(Model, kw_only=True):
    """Money set aside for an incident before it is spent, in all `budgets` alike, for instance `day/2026-11-20`."""

    id: str
    budgets: tuple[str, ...]
    incident: str
    amount: Decimal
    since: UtcTime
    attempt: Annotated[int, Meta(ge=0)] = 0
    """Which of the incident's attempts it is for, if for one."""

    def __post_init__(self) -> None:
        refuse_amount(self.amount)


class Tally(Model, kw_only=True):
    """What became of the attempts of one tier at failures of one category: how many, how many fixed, what they cost.

    Those count in which the model has answered. `seconds` are those that the model took to answer.
    """

    tried: Annotated[int, Meta(ge=0)] = 0
    fixed: Annotated[int, Meta(ge=0)] = 0
    cost_usd: Decimal = Decimal(0)
    seconds: Annotated[float, Meta(ge=0)] = 0

    def __post_init__(self) -> None:
        refuse_amount(self.cost_usd)
        if self.fixed > self.tried:
            raise ValueError("more were fixed than tried")

    def __add__(self, other: "Tally") -> "Tally":
        """Both together."""
        return Tally(
            tried=self.tried + other.tried,
            fixed=self.fixed + other.fixed,
            cost_usd=self.cost_usd + other.cost_usd,
            seconds=self.seconds + other.seconds,
        )

    @staticmethod
    def key(category: Category, tier: int) -> str:
        """Name the attempts of a tier at a category."""
        return f"{category}/{tier}"


class Sums(Model, kw_only=True):
    """What all incidents add up to, those that retention dropped included. `verdicts` counts them by their verdict.

    `tallies` are those of the attempts that were paid for, by `Tally.key`.
    """

    incidents: Annotated[int, Meta(ge=0)] = 0
    verdicts: dict[Verdict, int] = {}
    cost_usd: Decimal = Decimal(0)
    seconds: Annotated[float, Meta(ge=0)] = 0
    tallies: dict[str, Tally] = {}

    def __post_init__(self) -> None:
        refuse_amount(self.cost_usd)

    def __add__(self, other: "Sums") -> "Sums":
        """Both together."""
        none = Tally()
        keys = (*self.tallies, *other.tallies)
        verdicts = {v: self.verdicts.get(v, 0) + other.verdicts.get(v, 0) for v in (*self.verdicts, *other.verdicts)}
        return Sums(
            incidents=self.incidents + other.incidents,
            verdicts=verdicts,
            cost_usd=self.cost_usd + other.cost_usd,
            seconds=self.seconds + other.seconds,
            tallies={k: self.tallies.get(k, none) + other.tallies.get(k, none) for k in keys},
        )


class Incident(Model, kw_only=True):
    """One CI failure and everything that happened about it: the record that a checkpoint holds.

    `revision` counts the saves, 0 is never saved; saving sets it, and by it a stale record is told from the newest.
    `head` is the commit that the user has checked out; `snapshot` is what was replayed: `head` itself, or a commit on
    top of it that holds the uncommitted changes.
    """

    schema_version: int = SCHEMA_VERSION
    revision: int = 0
    id: str
    repository: str
    head: Sha
    snapshot: Sha
    ref: str
    options: ReplayOptions
    delivery: Delivery = Delivery()
    failed_run: FailedRun | None = None
    asked_by: str = ""
    """Who asked for the fix with a command, if somebody did."""
    max_minutes: float = 30
    constraints: Constraints = Constraints()
    created: UtcTime
    updated: UtcTime
    round: int = 1
    stage: Stage = Stage.OPENED
    green: UtcTime | None = None
    """When it was green, as somebody says: then the date may be all that has changed (`drift`)."""
    drift: DriftReport | None = None
    wish: Wish | None = None
    """Somebody has asked for a revert in the place of a fix."""
    objection: Objection | None = None
    """The newest there was to its proposal."""
    culprit: Culprit | None = None
    """Which commit broke the branch, where its revert was thought of."""
    baseline: ReplayResult | None = None
    final: ReplayResult | None = None
    parts: tuple[Part, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    effects: tuple[Effect, ...] = ()
    proposal: Proposal | None = None
    outcome: Outcome | None = None
    feedback: tuple[Feedback, ...] = ()
    advice: tuple[Advice, ...] = ()
    verdict: Verdict | None = None
    grade: Grade | None = None
    reason: str = ""
    cost_usd: Decimal = Decimal(0)
    seconds: float = 0
    lease: Lease | None = None
    history: tuple[str, ...] = ()
    """One line per thing that happened, with its time; for people."""

    def __post_init__(self) -> None:
        refuse_amount(self.cost_usd)

    @property
    def expected(self) -> Estimate:
        """What was expected of its attempts by language models, when the first at each failure was made."""
        return sum((a.expected for a in self.attempts if a.expected), Estimate())

    @property
    def estimated(self) -> Estimate:
        """What was expected of those attempts by language models that were made."""
        paid = (Estimate(usd=a.estimate_usd, seconds=a.estimate_seconds) for a in self.attempts if a.tier)
        return sum(paid, Estimate())

    @property
    def took(self) -> Estimate:
        """What its attempts by language models have come to."""
        return sum((a.took for a in self.attempts if a.tier), Estimate())

    @property
    def closed(self) -> bool:
        """Nothing is left to do."""
        return self.stage is Stage.CLOSED


def with_attempt(incident: Incident, attempt: Attempt) -> tuple[Attempt, Incident]:
    """An attempt, with the next number if it has none, and the record with it as it is now, and what that has cost."""
    known = {a.number: a for a in incident.attempts}
    attempt = attempt if attempt.number else attempt.changed(number=next_number(known.values()))
    spent = attempt.cost_usd - (known[attempt.number].cost_usd if attempt.number in known else 0)
    attempts = tuple({**known, attempt.number: attempt}.values())
    return attempt, incident.changed(attempts=attempts, cost_usd=incident.cost_usd + spent)


def incident_id(repository: str, snapshot_tree: str, options: ReplayOptions) -> str:
    """Derive the id of an incident: 12 hex digits, equal for the same failure however often it is met.

    Branch names and markers derive from it, so a second run finds the effects of the first.
    """
    told = msgspec.json.encode({name: getattr(options, name) for name in OF_AN_ID})
    return hashlib.sha256(f"{repository}\0{snapshot_tree}\0".encode() + told).hexdigest()[:12]


def budget_of(incident: str) -> str:
    """The name of the budget that is an incident's own."""
    return f"incident/{incident}"
