"""What Regreen itself takes around a question to a model: `python -m benchmarks.latency [--files N] [--megabytes N]`.

From the log of a leg that failed to the first request at the server, and from the last byte of its answer to a candidate that
has met policy and guard: diagnosis, checkpoints, context, reservation, edits and guard are in it, in a repository of
50,000 files and with a log of 50 MB. The model's own time is not, nor any run of the job: the held step passes at once. The
SDK is imported before, as it is while a workflow is replayed. Medians; "at work" are the seconds of the processors, which a
busy machine does not lengthen. Ends with 1 when a time is over its target.
"""

import argparse
import gc
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from benchmarks.context import filler, repository
from benchmarks.diagnosis import make_log
from bot.adapters.git_plumbing import GitPlumbing
from bot.adapters.system_clock import SystemClock
from bot.app import guard_with
from bot.complaints import complaint
from bot.consulting import Market
from bot.diagnosis import diagnose
from bot.findings import Means
from bot.hiring import models_of, prospects_of
from bot.llm import LLM, Reply, Request
from bot.model import Attempt, Diagnosis, Incident, ReplayOptions, with_attempt
from bot.planning.breaker import Breaker
from bot.ports import Ran, Written
from bot.replay.source import paths_of
from bot.settings import read_settings
from bot.state.checkpoints import Checkpoints
from bot.text.redact import Redactor
from tests.llm.answers import Answer, answer
from tests.llm.server import LLMServer

TARGET_SECONDS = 1.0
RUNS = 5
TEST = "tests/group_7/test_part_7.py"
FAILURE = f"""============================= test session starts ==============================
collected 25000 items

{TEST} F                                                                 [100%]

=================================== FAILURES ===================================
____________________________________ test_7 ____________________________________

    def test_7():
>       assert filler_7(1) == 28
E       assert 35 == 28
E        +  where 35 = filler_7(1)

{TEST}:5: AssertionError
=========================== short test summary info ============================
FAILED {TEST}::test_7 - assert 35 == 28
========================= 1 failed, 24999 passed in 9.99s ======================
"""
EDIT = """CAUSE: one factor is off by one.

shop/group_7/part_7.py
<<<<<<< SEARCH
    total = value * 7
=======
    total = value * 8
>>>>>>> REPLACE
"""


class Moment(NamedTuple):
    """Seconds that have passed, and those that the processors have worked for us, git's included."""

    passed: float
    worked: float

    def since(self, other: "Moment") -> "Moment":
        return Moment(self.passed - other.passed, self.worked - other.worked)


class Taken(NamedTuple):
    """Until the log was diagnosed, until the question was at the server, from its answer to the candidate."""

    diagnosis: Moment
    question: Moment
    candidate: Moment


def now() -> Moment:
    return Moment(time.perf_counter(), sum(os.times()[:4]))


class Passing:
    """A bench whose step passes as soon as it is asked."""

    workspace = "/work"

    def session(self) -> "Passing":
        return self

    def put(self, path: str, content: bytes | None) -> None:
        pass

    def rerun(self) -> Ran:
        return Ran(0, "", 0)

    def changed(self, *_: object, **__: object) -> tuple[Written, ...]:
        return ()


class Timed:
    """A model's client that keeps when the answer was there."""

    def __init__(self, llm: LLM) -> None:
        self._llm, self.answered = llm, now()

    def ask(self, request: Request) -> Reply:
        reply = self._llm.ask(request)
        self.answered = now()
        return reply

    def count(self, request: Request, /) -> int | None:
        return self._llm.count(request)

    def models(self) -> Mapping[str, str] | None:
        return self._llm.models()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--megabytes", type=int, default=50)
    asked = parser.parse_args()
    gc.set_threshold(50_000)  # as the command line does
    with tempfile.TemporaryDirectory(prefix="regreen-bench-") as folder, LLMServer().serving() as server:
        log = Path(folder) / "job.log"
        make_log(None, asked.megabytes * 1_000_000, log, fresh=True)
        with log.open("a") as file:
            file.write(FAILURE)
        git, commit = repository(Path(folder) / "large", tree(asked.files))
        rows = [once(git, commit, log, server) for _ in range(RUNS + 1)][1:]
    print(f"{asked.files} files, a log of {asked.megabytes} MB, medians of {RUNS}")
    shown("the diagnosis of the log", [r.diagnosis for r in rows])
    medians = [
        shown("from the log to the first request", [r.question for r in rows]),
        shown("from the last byte to a candidate", [r.candidate for r in rows]),
    ]
    print(f"target {TARGET_SECONDS} s")
    return int(max(medians) > TARGET_SECONDS)


def shown(name: str, took: Sequence[Moment]) -> float:
    """Print a figure; its median."""
    passed, worked = statistics.median(t.passed for t in took), statistics.median(t.worked for t in took)
    spread = f"from {min(t.passed for t in took):.2f} to {max(t.passed for t in took):.2f}"
    print(f"{name:36} {passed:.2f} s ({spread}), at work {worked:.2f} s")
    return passed


def tree(files: int) -> dict[str, str]:
    made = {}
    for n in range(files // 2):
        made[f"shop/group_{n % 500}/part_{n}.py"] = filler("x.py", n, 10)
        made[f"tests/group_{n % 500}/test_part_{n}.py"] = (
            f"from shop.group_{n % 500}.part_{n} import filler_{n}\n\n\ndef test_{n}():\n    assert filler_{n}(1) == 28\n"
        )
    return made


def once(git: GitPlumbing, commit: str, log: Path, server: LLMServer) -> Taken:
    """One attempt, from the log on."""
    moments: dict[str, Moment] = {}
    means, incident, checkpoints = means_for(git, commit, server)

    def script(_: Mapping[str, Any]) -> Answer:
        moments["asked"] = now()
        return answer(EDIT)

    def record(attempt: Attempt) -> tuple[Attempt, Incident]:
        nonlocal incident
        attempt, changed = with_attempt(incident, attempt)
        incident = checkpoints.save(changed)
        return attempt, incident

    server.script = script
    models = means.models
    assert models
    bench: Any = Passing()
    timed = Timed(models.llm)
    started = now()
    told = complaint(told_by(log), None, paths_of(git, commit))
    diagnosed = now()
    market = Market(replace(models, llm=timed), means, bench, commit, told, "", record)
    bought = next(market.offers(incident, set()))
    ended = now()
    assert not bought.checked.refused, bought
    return Taken(diagnosed.since(started), moments["asked"].since(started), ended.since(timed.answered))


def told_by(log: Path) -> Diagnosis:
    found = diagnose(log, redactor=Redactor())
    assert found.failing_tests == (f"{TEST}::test_7",), found
    return found


def means_for(git: GitPlumbing, commit: str, server: LLMServer) -> tuple[Means, Incident, Checkpoints]:
    """What a repair has at hand when the baseline was replayed."""
    clock, redact = SystemClock(), Redactor()
    settings = read_settings(None, "", {"REGREEN_LLM_MAX_USD_DAY": "100"})
    checkpoints = Checkpoints(git, clock=clock, redactor=redact)
    models = models_of(server.environ, prospects_of(settings.llm, checkpoints), checkpoints, redact, Breaker(clock))
    models.llm.models()  # what is imported in the background is there
    replays: Any = SimpleNamespace(origin=SimpleNamespace(git=git, paths=lambda at: paths_of(git, at)))
    today = datetime.now(UTC)
    incident = checkpoints.save(
        Incident(
            id=f"{today:%H%M%S%f}",
            repository="owner/large",
            ref="main",
            head=commit,
            snapshot=commit,
            created=today,
            updated=today,
            options=ReplayOptions(),
        )
    )
    means = Means(
        replays,
        settings,
        clock,
        (),
        lambda *_: diagnose([b""]),
        lambda output: diagnose([output.encode()]),
        guard_with(git),
        checkpoints.save,
        lambda _: None,
        lambda: None,
        lambda: 600,
        models,
    )
    return means, incident, checkpoints


if __name__ == "__main__":
    sys.exit(main())
