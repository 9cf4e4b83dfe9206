"""Build files: what they may get no more of, no less of, and which numbers may not fall. Read without comments.

Their languages (XML, Groovy, Kotlin, CMake, Ruby) are programs of their own; what steers tests and checkers in them is
written in few ways, and those are looked for.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import re2

from bot.repair.guard.change import Change
from bot.repair.guard.facts import TooComplex
from bot.repair.guard.findings import Finding
from bot.repair.guard.lexer import without_comments

LARGEST = 300_000  # characters
HEADERS = (".h", ".hpp", ".hh", ".hxx")  # what sources include hides no test when it goes
TESTY = r"[\w*/.{}$-]*(?:[tT]est|[sS]pec|IT)[\w*/.{}$-]*"
SILENCED = r"-fno-sanitize[\w-]*=[\w,-]+|\s--suppress=\S+"


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of build file is read: `lax` must not come, `strict` must not go, `numbers` (group 1) not fall."""

    family: str
    lax: tuple[Any, ...]
    strict: tuple[Any, ...]
    numbers: tuple[Any, ...] = ()
    ceilings: tuple[Any, ...] = ()
    """Numbers (group 1) that must not rise."""
    lists: tuple[Any, ...] = ()
    """Lists of tests (group 1) that may get other names in them, but not fewer."""


def _patterns(*told: str) -> tuple[Any, ...]:
    return tuple(re2.compile(p) for p in told)


MAVEN = Kind(
    "markup",
    lax=_patterns(
        r"<(?:maven\.test\.skip|skipTests|skipITs|skipUTs|skip|[\w.-]+\.skip|testFailureIgnore|maven\.test\.failure\.ignore)>\s*true\s*<",
        r"<(?:failOnViolation|failsOnError|failOnError|failOnWarning|failOnFailure|failIfNoTests|haltOnFailure|haltonfailure|"
        r"includeTests|includeTestSourceDirectory|logViolationsToConsole)>\s*false\s*<",
        rf"<exclude>\s*{TESTY}\s*<",
        rf"<include>\s*{TESTY}\s*<",
        r"<(?:excludedGroups|groups|test|excludesFile|suppressionsLocation|excludeFilterFile|rerunFailingTestsCount|skipAfterFailureCount)>",
        r"<phase>\s*none\s*<",
        r"<arg>\s*-(?:nowarn|Xlint:none|XepDisableAllChecks)\s*<",
        r"haltonfailure=\"(?:no|false|off)\"|failonerror=\"false\"",
    ),
    strict=_patterns(
        r"<(?:failOnViolation|failsOnError|failOnError|failOnWarning|failOnFailure|consoleOutput)>\s*true\s*<",
        r"<arg>\s*-(?:Werror|Xlint[\w:,-]*)\s*<|<compilerArgument>[^<]*-Werror",
        r"<artifactId>\s*[\w-]*(?:surefire|failsafe|checkstyle|pmd|spotbugs|findbugs|jacoco|spotless|enforcer|error_prone|errorprone|pitest|fmt-maven)[\w-]*\s*<",
        r"<goal>\s*(?:check|verify|report-aggregate|integration-test|enforce|test)\s*<",
        r"<module>\s*[\w./-]+\s*<",
    ),
    numbers=_patterns(r"<(?:minimum|mutationThreshold|coverageThreshold|haltOnFailureLimit)>\s*([\d.]+)"),
    ceilings=_patterns(r"<(?:maxAllowedViolations|failurePriority|maxRank|maximum)>\s*([\d.]+)"),
)
GRADLE = Kind(
    "slash",
    lax=_patterns(
        r"(?i)\bignoreFailures?\b\s*(?:=|\.set\(|\()?\s*true",
        rf"\bexclude(?:TestsMatching|Tags|Groups|Categories)?\s*[(\s]\s*[\"']{TESTY}[\"']",
        r"\bexclude(?:TestsMatching|Tags|Groups|Categories)\b|\binclude(?:TestsMatching|Tags|Groups|Categories)\b",
        r"\b(?:enabled|isEnabled|failOnNoMatchingTests|isFailOnNoMatchingTests|abortOnError|warningsAsErrors|isWarningsAsErrors|failOnPassedAfterRetry|"
        r"allWarningsAsErrors|isAllWarningsAsErrors|checkReleaseBuilds|showViolations|failOnWarning|isAbortOnError)"
        r"\s*(?:=|\.set\(|\s)\s*false",
        r"\bonlyIf\s*\{\s*(?:false|!?\s*(?:System\.getenv|project\.hasProperty))",
        r"\b(?:maxRetries|maxFailures|baseline)\b\s*(?:=|\.set\(|\s)",
        r"\bdisable\s*(?:\+=|\(|\s)\s*[\"']|\bdisableAllWarnings|-nowarn\b|\bdependsOn\.remove|-x\s+test\b",
    ),
    strict=_patterns(
        r"\b(?:abortOnError|warningsAsErrors|allWarningsAsErrors|isAllWarningsAsErrors|isWarningsAsErrors|failOnWarning)\s*(?:=|\.set\(|\s)\s*true",
        r"-Werror\b|-Xlint:all|-progressive\b",
        r"\buseJUnitPlatform\b|\buseTestNG\b",
        r"\bfinalizedBy\b.*(?:check|verif|detekt|ktlint)|\bdependsOn\b.*(?:[tT]est|check|lint|detekt|spotless|[vV]erification)",
        r"(?:id|apply\s+plugin:?|kotlin)\s*[\s(]\s*[\"'](?:[\w.-]*\.)?(?:checkstyle|pmd|spotbugs|jacoco|detekt|ktlint|spotless|kover|errorprone)[\w.-]*[\"']",
        r"(?m)^\s*(?:checkstyle|pmd|jacoco)\s*$",
    ),
    numbers=_patterns(r"\b(?:minimum|minBound|minValue)\s*(?:=|\.set\(|\(|\s)\s*([\d.]+)"),
    ceilings=_patterns(r"\b(?:maxWarnings|maxErrors|maxIssues|maxViolations)\s*(?:=|\.set\(|\s)\s*([\d.]+)"),
)
CMAKE = Kind(
    "hash",
    lax=_patterns(
        r"(?i)\bWILL_FAIL\s+(?:TRUE|ON|1)|\bDISABLED\s+(?:TRUE|ON|1)|\bSKIP_RETURN_CODE\b|\bSKIP_REGULAR_EXPRESSION\b|\bPASS_REGULAR_EXPRESSION\b",
        r"(?i)\bset\s*\(\s*\w*(?:BUILD_TESTING|BUILD_TESTS|ENABLE_TESTS|ENABLE_TESTING|WARNINGS_AS_ERRORS|WARNING_AS_ERROR)\w*\s+(?:OFF|FALSE|0)",
        r"(?:^|[\s\"(;:>])-Wno-[\w=-]+|(?:^|[\s\"(;])(?:-w|/W0)(?:[\s\")]|$)",
        SILENCED,
        r"--(?:gtest_filter|test-case|test-case-exclude|test-suite-exclude|run_test|exclude-regex|label-exclude)[=\s]\S+",
        r"(?i)option\s*\(\s*\w*(?:TEST|WERROR|WARNING)\w*\s+\"[^\"]*\"\s+OFF",
    ),
    strict=_patterns(
        r"(?i)\b(?:add_test|gtest_discover_tests|gtest_add_tests|catch_discover_tests|doctest_discover_tests|enable_testing|include\s*\(\s*CTest)\b",
        r"-Werror\b|/WX\b|-Wall\b|-Wextra\b|/W4\b|-fsanitize=[\w,]+",
        r"(?i)\b(?:CMAKE_\w+_CLANG_TIDY|CMAKE_\w+_CPPCHECK|COMPILE_WARNING_AS_ERROR\s+ON|FAIL_REGULAR_EXPRESSION)\b",
        r"(?i)add_subdirectory\s*\(\s*[\w/]*tests?\b",
    ),
    lists=_patterns(
        r"(?is)\bforeach\s*\(\s*\w+\s+([^()]*)\)[^()]*(?:\([^()]*\)[^()]*){0,9}?\badd_test\b",
        r"(?i)\b(?:add_executable|target_sources)\s*\(\s*\w*tests?\w*\s+([^()]*)\)",
        r"(?i)\bset\s*\(\s*\w*(?:tests|tests?_(?:sources|srcs?|files|names|cases|programs))\s+([^()]*)\)",
    ),
)
RUBY = Kind(
    "hash",
    lax=_patterns(
        r"\.exclude\b|\bexclude_pattern\b|\.reject\b|\bfail_on_error\s*=\s*false|\badd_filter\b|\bfilter_run_excluding\b",
        r"\bfailure_message\b.*nil|\brefuse_coverage_drop\s+false|\babort_on_failure\s*=\s*false",
        r"\brescue\b",
        r"\bdefault_retry_count\s*=|[\"'](?:rspec|minitest)/retry[\"']|\bMinitest::Retry\b",
        r"\bsh\b[^\n{]*\{\s*\|[^|\n]*\|\s*(?:(?:puts|warn|print)\b[^}\n]*)?\}",
    ),
    strict=_patterns(
        r"\b(?:Rake::TestTask|Minitest::TestTask|RSpec::Core::RakeTask|RuboCop::RakeTask|Cucumber::Rake::Task|Reek::Rake::Task)\b",
        r"\bfail_on_error\s*=\s*true|\brefuse_coverage_drop\b|\bminimum_coverage(?:_by_file)?\b|\braise_errors_for_deprecations!",
        r"\btask\s+(?:default|test|spec|ci|check)\b|%[iw]\[[^\]]*(?:spec|test|rubocop)[^\]]*\]",
        r":(?:spec|test|rubocop|lint|standard|cucumber)\b",
    ),
    numbers=_patterns(
        r"\bminimum_coverage(?:_by_file)?[\s(]+(?:\w+:\s*)?([\d.]+)", r"\bminimum_coverage\b.*\bbranch:\s*([\d.]+)"
    ),
    ceilings=_patterns(r"\bmaximum_coverage_drop[\s(]+([\d.]+)"),
)
MAKE = Kind(
    "hash",
    lax=_patterns(r"(?:^|[\s\"=])-Wno-[\w=-]+", SILENCED, r"(?m)^\t[^\n]*-DNDEBUG\b[^\n]*&&\s*\./"),
    strict=(),
)
MESON = Kind(
    "hash",
    lax=_patterns(r"\bshould_fail\s*:\s*true|werror=false"),
    strict=_patterns(r"\btest\s*\(|\bbenchmark\s*\(|werror=true|warning_level=\d"),
)
KINDS = tuple(
    (re2.compile(pattern), kind)
    for pattern, kind in (
        (r"(?:^|/)pom\.xml$|(?:^|/)build\.xml$", MAVEN),
        (r"\.gradle(?:\.kts)?$", GRADLE),
        (r"(?:^|/)CMakeLists\.txt$|\.cmake$", CMAKE),
        (r"(?:^|/)Rakefile$|\.rake$|(?:^|/)(?:spec|test|rails)_helper\.rb$|(?:^|/)\.simplecov$", RUBY),
        (r"(?i)(?:^|/)(?:gnu)?makefile(?:\.(?:am|in))?$|\.mk$", MAKE),
        (r"(?:^|/)meson\.build$", MESON),
    )
)


def builds(path: str) -> Kind | None:
    """How a file of that name is read; None when it is no build file."""
    return next((kind for pattern, kind in KINDS if pattern.search(path)), None)


def judge(change: Change, gone: Sequence[str] = ()) -> Iterator[Finding]:
    """Yield what a build file loosens. Files that are `gone` need no mention: whoever reads them says what is lost."""
    kind = builds(change.path)
    if kind is None or change.binary or change.new is None:
        return
    if max(len(change.old_text), len(change.new_text)) > LARGEST:
        yield Finding("unreadable", change.path, 1, f"more than {LARGEST} characters")
        return
    try:
        old, new = (without_comments(text, kind.family) for text in (change.old_text, change.new_text))
    except TooComplex as e:
        yield Finding("unreadable", change.path, 1, str(e))
        return
    told = (*_more(kind.lax, old, new), *_fewer(kind.strict, old, new), *_numbers(kind, old, new))
    for message, line in (*told, *_shorter(kind.lists, old, new, gone)):
        yield Finding("loosened-config", change.path, line or change.new_line(1), message)


def _found(patterns: tuple[Any, ...], text: str) -> list[tuple[str, int]]:
    hits = ((m.group(0), m.start()) for p in patterns for m in p.finditer(text))
    return [(" ".join(told.replace('"', "'").split()).strip(" '(;:>="), at) for told, at in hits]


def _more(patterns: tuple[Any, ...], old: str, new: str) -> Iterator[tuple[str, int]]:
    known = Counter(told for told, _ in _found(patterns, old))
    for told, at in _found(patterns, new):
        known[told] -= 1
        if known[told] < 0:
            yield f"`{told[:60]}` lets failures pass", new.count("\n", 0, at) + 1


def _fewer(patterns: tuple[Any, ...], old: str, new: str) -> Iterator[tuple[str, int]]:
    """Each pattern by itself: what is written anew in another way is not gone."""
    for pattern in patterns:
        before, after = _found((pattern,), old), _found((pattern,), new)
        if len(after) < len(before):
            gone = Counter(told for told, _ in before) - Counter(told for told, _ in after)
            yield f"`{next(iter(gone))[:60]}` is gone", 0


def _shorter(patterns: tuple[Any, ...], old: str, new: str, gone: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Lists with fewer names than before, over the whole file: a name may move between them, or be another one."""
    found = ((w for p in patterns for m in p.finditer(t) for w in m.group(1).split()) for t in (old, new))
    was, now = (Counter(w for w in words if not (w.isupper() or w.endswith(HEADERS))) for words in found)
    lost, came = was - now, now - was
    lost = Counter({w: n for w, n in lost.items() if "." not in w or not any(f"/{p}".endswith(f"/{w}") for p in gone)})
    if lost.total() > came.total():
        yield f"`{next(iter(lost))[:60]}` is not among the tests any more", 0


def _numbers(kind: Kind, old: str, new: str) -> Iterator[tuple[str, int]]:
    for patterns, sign in ((kind.numbers, 1), (kind.ceilings, -1)):
        for pattern in patterns:
            was, now = ([(float(m.group(1).strip(".") or 0), m) for m in pattern.finditer(t)] for t in (old, new))
            if was and now and sum(sign * n for n, _ in now) < sum(sign * n for n, _ in was[: len(now)]):
                worst = min(now, key=lambda row: sign * row[0])[1]
                yield f"`{worst.group(0)}` asks for less than before", new.count("\n", 0, worst.start()) + 1
