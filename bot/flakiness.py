"""How often a failed step, and each of its tests, fails when the same tree is run again, and what that is worth."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import sqrt
from statistics import NormalDist

from bot.model import FlakyTest
from bot.ports import Ran, Session

LEAST_RERUNS = 2
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Reruns:
    """How often a held step passed and failed when it was run again, each time from the same state.

    `tests` counts the re-runs in which each test failed; a test that failed at first alone is in it with 0.
    """

    passed: int
    failed: int
    tests: Mapping[str, int] = field(default_factory=dict)

    @property
    def flaky(self) -> str:
        """Why it is flaky, its first failure counted; empty where the runs alone do not show it."""
        if not self.passed or not self.failed:
            return ""
        runs = self.passed + self.failed + 1
        return f"the same step on the same tree passed and failed ({self.failed + 1} of {runs} runs failed)"

    @property
    def flaky_tests(self) -> tuple[FlakyTest, ...]:
        """The tests that failed in some runs and not in all, by their names."""
        runs = self.passed + self.failed
        some = {name: count for name, count in self.tests.items() if count < runs}
        return tuple(FlakyTest(name=name, failed=count, runs=runs) for name, count in sorted(some.items()))


def rerun(
    session: Callable[[], Session],
    failing_tests: Callable[[str], Iterable[str]],
    failed_first: Iterable[str],
    *,
    most: int,
    seconds: float,
    check_time: Callable[[], None],
) -> Reruns:
    """Run a held step again up to `most` times, each in a fresh session, for about so many seconds.

    When to stop does not depend on what the runs show, so that the share of failures is a fair one. `failing_tests`
    reads the tests that failed from an output; `failed_first` are those of the first failure.
    """
    spent, passed, failed, tests = 0.0, 0, 0, Counter(dict.fromkeys(failed_first, 0))
    for count in range(1, most + 1):
        check_time()
        ran: Ran = session().rerun()
        passed, failed, spent = passed + (ran.code == 0), failed + (ran.code != 0), spent + ran.seconds
        tests.update(set(failing_tests(ran.output)) if ran.code else ())
        if count >= LEAST_RERUNS and spent + ran.seconds > seconds:
            break
    return Reruns(passed, failed, tests)


def rate(failed: int, runs: int) -> str:
    """`failed` of `runs` in words, with the share and its 95 % interval, for instance `6 of 20 (30 %, 15 to 52 %)`.

    The interval is Wilson's (https://www.itl.nist.gov/div898/handbook/prc/section2/prc241.htm).
    """
    low, high = interval(failed, runs)
    return f"{failed} of {runs} ({failed / runs:.0%}; {low:.0%} to {high:.0%} with {CONFIDENCE:.0%} confidence)"


def interval(failed: int, runs: int) -> tuple[float, float]:
    """Wilson's interval of a share, for at least one run."""
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    share, square = failed / runs, z * z / runs
    middle, half = share + square / 2, z * sqrt(share * (1 - share) / runs + square / (4 * runs))
    return max(0.0, (middle - half) / (1 + square)), min(1.0, (middle + half) / (1 + square))
