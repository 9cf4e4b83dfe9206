"""Which of the lines that were found is the cause, and what kind of failure it is.

Within the failing step the signature that names a failure best wins, and of equals the first; what only follows from a
failure never wins while there is anything else. The category is the signature's own, or that of the command that
failed; where a test failed, the test's own output may show that something else than its assertion was wrong.
"""

from collections.abc import Container
from dataclasses import dataclass

from bot.diagnosis.reports import FailedTest, Report
from bot.diagnosis.scope import Scope, category_of, commands, last_paragraph, tail
from bot.diagnosis.signatures import Signatures
from bot.diagnosis.survey import Hit
from bot.model import Category
from bot.text.log import Line, Log
from bot.text.patterns import compile_pattern

_WEAK = 20  # weight under which the last words of the step say more
_STRONG = 50  # weight from which no fallback is asked
_TEST = 87  # weight that the line has at least that names a failing test best
_AFTER_END = 60  # what stands behind the end of a failing step counts so much less
_USUAL = 60  # and what a run that passed prints too
_SUPERSEDED = 15  # an exception that led to another, and an error that was tried again, count so much less
_CHAIN_LINES = 4
_SECTION_LINES = 400  # of a failing test's own output that may show why it failed
_FEW_TESTS = 3
_SAME_STEP_LINES = 300
_RETRY_LINES = 10  # between an error and the word that it is tried again
_DEEPER = {Category.NETWORK_OR_FLAKY, Category.TIMEOUT_OR_OOM, Category.COMPILE_ERROR, Category.SNAPSHOT_DIFF}
_DEEP_WEIGHT = 76
_TIMEOUT = 124
_TIMED = compile_pattern(r"\bg?timeout (?:-\S+ )*\d")
_GIT_LOOKS = compile_pattern(r"\bgit (?:-\S+ )*(?:diff|status|ls-files)\b")
_DIFFERENCES = {"git.difference", "misc.dirty"}  # signatures of a tree that is not as it was committed
_PASSED = 0.15  # confidence about a job that shows no error and was cleaned up after
_BANDS = ((84, 0.93), (72, 0.88), (60, 0.78), (50, 0.65), (36, 0.5), (20, 0.4), (0, 0.3))


@dataclass(frozen=True)
class Cause:
    """The line that best names the failure; `hit` is None when no signature knows it. `confidence`: of the category."""

    line: Line
    hit: Hit | None
    category: Category
    confidence: float


def find_cause(log: Log, scope: Scope, report: Report, signatures: Signatures) -> Cause | None:
    """Rank what was found. None when the log has no line that says anything."""
    ranked = _ranked(scope, report)
    best = ranked[0] if ranked else None
    named = {test.line.number for test in report.failed}
    weight = _score(best, scope, named) if best and best.signature.role != "result" else 0
    if weight < _STRONG:
        fallback = _fallback(log, scope, signatures)
        if fallback and fallback.signature.weight > weight:
            best, weight = fallback, fallback.signature.weight
    if best is None or weight < _WEAK:
        spoken = None if _ran_out_of_time(scope) else last_paragraph(tail(log, scope))
        line = spoken or scope.end or (best.line if best else None)
        if line is None:
            return None
        category, sure = _category_without(scope, report, signatures, spoken is None)
        return Cause(line, None, category, sure)
    category, certain = _category(best, scope, report, signatures)
    return Cause(best.line, best, category, _confidence(weight, certain=certain, scope=scope))


def _ranked(scope: Scope, report: Report) -> list[Hit]:
    """Return causes, failing tests and, at the end, results; the best first."""
    hits = [hit for hit in scope.hits if hit.signature.role in {"cause", "result"}]
    hits += [hit for hit in report.mentions if _in(scope, hit.line)]
    named = {test.line.number for test in report.failed}
    less = dict.fromkeys(_chained(scope) | _retried(scope), _SUPERSEDED)
    return sorted(
        hits,
        key=lambda hit: (
            hit.signature.role == "result",
            less.get(hit.line.number, 0) - _score(hit, scope, named),
            hit.line.number,
        ),
    )


def _retried(scope: Scope) -> set[int]:
    """Return the lines of errors after which the step says that it tries again, and that come again later."""
    marks = [hit.line.number for hit in scope.hits if hit.signature.id == "command.retry"]
    if not marks:
        return set()
    last = {hit.line.text: hit.line.number for hit in scope.hits}
    return {
        hit.line.number
        for hit in scope.hits
        if last[hit.line.text] > hit.line.number and any(0 < mark - hit.line.number <= _RETRY_LINES for mark in marks)
    }


def _score(hit: Hit, scope: Scope, named: Container[int] = ()) -> float:
    """Return what a hit weighs; `named` are the lines that name a failing test best, whatever form they have."""
    late = scope.end is not None and hit.line.number > scope.end.number
    weight = hit.signature.weight
    if hit.signature.role == "test" and hit.line.number in named:
        weight = max(weight, _TEST)
    return weight - (_AFTER_END if late else 0) - (_USUAL if scope.is_usual(hit.line) else 0)


def _in(scope: Scope, line: Line) -> bool:
    return scope.step is None or scope.step.holds(line.number)


def _chained(scope: Scope) -> set[int]:
    """Return the lines of exceptions during whose handling, or because of which, another one was raised."""
    links = [hit.line.number for hit in scope.hits if hit.signature.id == "python.chain"]
    exceptions = [hit.line.number for hit in scope.hits if hit.signature.tool == "python" and "code" in hit.fields]
    return {number for number in exceptions for link in links if 0 < link - number <= _CHAIN_LINES}


def _fallback(log: Log, scope: Scope, signatures: Signatures) -> Hit | None:
    found = [
        Hit(signature, fields, line, 0)
        for line in tail(log, scope)
        for signature, fields in signatures.falling_back(line.text.encode("utf-8", "replace"))
    ]
    return min(found, key=lambda hit: (-hit.signature.weight, hit.line.number), default=None)


def _category(hit: Hit, scope: Scope, report: Report, signatures: Signatures) -> tuple[Category, bool]:
    """Return the category, and whether the line itself says so."""
    own = hit.signature.category
    if _ran_out_of_time(scope):
        return Category.TIMEOUT_OR_OOM, True
    if own is Category.TEST_ASSERTION and hit.signature.role == "test":
        deeper = _deeper(scope, report)
        return (deeper, False) if deeper else (own, True)
    if own is Category.DEPENDENCY_INSTALL and _network_before(hit, scope):
        return Category.NETWORK_OR_FLAKY, False
    if hit.signature.id in _DIFFERENCES and any(_GIT_LOOKS.search(c.encode()) for c in commands(scope)):
        return _of_difference(scope, signatures), False
    if own is Category.COMPILE_ERROR and _is_clippys(hit, scope):
        return Category.LINT_ERROR, True
    if own:
        return own, True
    if category := _by_command(scope, signatures):
        return category, False
    return (Category.TEST_ASSERTION if report.counts.failed else Category.COMPILE_ERROR), False


def _is_clippys(hit: Hit, scope: Scope) -> bool:
    """Tell whether an error of Rust's compiler is a lint: clippy names its lints behind what it says."""
    lints = any(other.signature.id == "clippy.lint" and "clippy" in other.line.text for other in scope.hits)
    return lints and hit.signature.id == "rustc.plain"


def _ran_out_of_time(scope: Scope) -> bool:
    """Tell whether the program `timeout` has ended the step: it says nothing, its exit code does."""
    ended = scope.step is not None and scope.step.exit_code == _TIMEOUT
    return ended and any(_TIMED.search(command.encode()) for command in commands(scope))


def _by_command(scope: Scope, signatures: Signatures) -> Category | None:
    """Return what it means that the step's command failed. Where that only looks at the tree, what changed it decides.

    That is a formatter, or else a generator.
    """
    found = (category for command in commands(scope) if (category := category_of(command, signatures)))
    category = next(found, None)
    return _of_difference(scope, signatures) if category is Category.SNAPSHOT_DIFF else category


def _of_difference(scope: Scope, signatures: Signatures) -> Category:
    ran = (*commands(scope), scope.before)
    formats = any(category_of(command, signatures) is Category.LINT_ERROR for command in ran)
    return Category.LINT_ERROR if formats else Category.SNAPSHOT_DIFF


def _looks_at_tree(scope: Scope, signatures: Signatures) -> bool:
    return _by_command(scope, signatures) is Category.SNAPSHOT_DIFF


def _deeper(scope: Scope, report: Report) -> Category | None:
    """Return what the output of the first failing test shows to be wrong, when few failed: then it is the reason."""
    tests = [test for test in report.failed if _in(scope, test.line)]
    if not tests or len(tests) > _FEW_TESTS:
        return None
    low, high = _section(tests[0], scope)
    for hit in scope.hits:
        signature = hit.signature
        if (
            low <= hit.line.number <= high
            and signature.role == "cause"
            and signature.weight >= _DEEP_WEIGHT
            and signature.category in _DEEPER
        ):
            return signature.category
    return None


def _section(test: FailedTest, scope: Scope) -> tuple[int, int]:
    """Return the first and last line of a failing test's own output, as well as that can be told."""
    name = test.id.rsplit("::", 1)[-1]
    headers = [hit.line.number for hit in scope.hits if hit.signature.id == "pytest.header" and name.endswith(hit.test)]
    low = min([test.line.number, *headers])
    return low, max(test.line.number, low + _SECTION_LINES)


def _network_before(hit: Hit, scope: Scope) -> bool:
    return any(
        other.signature.category is Category.NETWORK_OR_FLAKY
        and other.signature.role == "cause"
        and 0 <= hit.line.number - other.line.number <= _SAME_STEP_LINES
        for other in scope.hits
    )


def _category_without(scope: Scope, report: Report, signatures: Signatures, silent: bool) -> tuple[Category, float]:
    """Guess the category where no signature matched; `silent`: the step printed nothing before it failed."""
    if _ran_out_of_time(scope):
        return Category.TIMEOUT_OR_OOM, 0.8
    if silent and scope.step and scope.step.kind == "run" and not _looks_at_tree(scope, signatures):
        return Category.GITHUB_ACTIONS_CONFIG, 0.6  # its own script decided to fail: a gate
    if category := _by_command(scope, signatures):
        return category, 0.45
    if scope.step and scope.step.kind == "uses":
        return Category.GITHUB_ACTIONS_CONFIG, 0.4
    return (Category.TEST_ASSERTION, 0.3) if report.counts.failed else (Category.GITHUB_ACTIONS_CONFIG, 0.15)


def _confidence(weight: float, *, certain: bool, scope: Scope) -> float:
    sure = next(value for least, value in _BANDS if weight >= least)
    if not certain:
        sure -= 0.12
    if scope.step is None:
        sure = min(sure, _PASSED) if scope.passed else sure - 0.08  # nothing says that anything failed
    return round(max(0.05, sure), 2)
