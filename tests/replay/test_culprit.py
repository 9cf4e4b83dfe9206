"""Which commit broke a branch: real repositories, whose commits are replayed."""

import math
from collections.abc import Iterable, Mapping
from contextlib import closing

import pytest

from bot.errors import UsageError
from bot.model import Culprit, Looked, ReplayOptions
from bot.replay.culprit import Failure, find_culprit, judged
from tests.projects import CHECKOUT, WORKFLOW, Make, Project, workflow

STEPS = (CHECKOUT, "run: sh build.sh", "run: sh check.sh")
FILES = {
    WORKFLOW: workflow(*STEPS),
    "build.sh": "true\n",
    "check.sh": 'grep -q 42 answer || { echo "error: the answer is $(cat answer)"; exit 1; }\n',
    "answer": "42\n",
}
WRONG = {"answer": "41\n"}
OTHERWISE = {"check.sh": 'echo "error: no disk is left for the index"; exit 1\n'}
EARLIER = {"build.sh": 'echo "error: undefined reference to main"; exit 1\n'}
INVALID = {WORKFLOW: "on: push\njobs: [\n"}


class History:
    """A project whose commits each change some files; number 0 is the first one."""

    def __init__(self, project: Project, changes: Iterable[Mapping[str, str | bytes]]) -> None:
        self.project, self.commits = project, [project.git("rev-parse", "HEAD")]
        for number, files in enumerate(changes, 1):
            project.write(files or {"note": f"{number}\n"})
            self.commits.append(project.commit(f"Change {number}"))

    def search(self, *, sure: bool = True, seen: tuple[Looked, ...] = ()) -> Culprit:
        """Look for what broke the last one; `keeps` has what was kept after each replay."""
        app, self.keeps = self.project.app(), list[tuple[Looked, ...]]()
        options = ReplayOptions(network="none", event="push", committed=True)
        with closing(app.replays(options)) as replays:
            red = replays.run(self.commits[-1])[0]
            (why,) = app.explain(red).values()
            failure = Failure(red.jobs[0], why.fingerprint)

            def look(commit: str) -> Looked:
                try:
                    result = replays.run(commit, only=failure.leg.key)[0]
                except UsageError as e:
                    return Looked(commit=commit, mark="unknown", told=e.message)
                return judged(commit, failure, result, app.explain(result))

            return find_culprit(self.commits, look, sure=sure, seen=seen, keep=self.keeps.append)

    def marks(self, found: Culprit) -> dict[int, str]:
        return {self.commits.index(one.commit): one.mark for one in found.looked}


def test_the_culprit_among_ten_commits(project: Make) -> None:
    history = History(project(FILES), [WRONG if n == 7 else {} for n in range(1, 11)])
    found = history.search()
    assert found.commit == history.commits[7], found
    assert (found.green, found.red, found.commits) == (history.commits[0], history.commits[10], 10)
    assert len(found.looked) + 1 <= math.log2(10) + 3
    assert history.marks(found).items() >= {6: "clear", 7: "red"}.items()
    assert [len(kept) for kept in history.keeps] == list(range(1, len(found.looked) + 1))


def test_the_first_one_after_green_is_named_only_when_green_is_green_here(project: Make) -> None:
    history = History(project(FILES), [WRONG, {}, {}, {}])
    found = history.search()
    assert found.commit == history.commits[1], found
    assert history.marks(found) == {2: "red", 1: "red", 0: "clear"}


def test_where_green_is_red_here_no_commit_is_to_blame(project: Make) -> None:
    history = History(project({**FILES, **WRONG}), [{}, {}, {}])
    found = history.search()
    assert (found.commit, found.suspects) == ("", ())
    assert "was green on GitHub and fails here alike" in found.told


def test_where_nothing_was_green_the_oldest_is_looked_at_first(project: Make) -> None:
    history = History(project({**FILES, **WRONG}), [{}, {}, {}])
    found = history.search(sure=False)
    assert history.marks(found) == {0: "red"}
    assert "the oldest commit looked at, fails alike" in found.told


@pytest.mark.parametrize("broken", [INVALID, EARLIER], ids=["no valid workflow", "fails before that step"])
def test_what_says_nothing_is_passed_over(project: Make, broken: Mapping[str, str | bytes]) -> None:
    mended = {name: FILES[name] for name in broken}
    history = History(project(FILES), [{}, {}, {}, broken, mended, WRONG, {}, {}])
    found = history.search()
    assert found.commit == history.commits[6], found
    assert history.marks(found)[4] == "unknown"
    assert len(found.looked) + 1 <= math.log2(8) + 3


def test_where_only_what_says_nothing_lies_between_all_are_suspects(project: Make) -> None:
    history = History(project(FILES), [{}, INVALID, {}, {**WRONG, WORKFLOW: FILES[WORKFLOW]}, {}])
    found = history.search()
    assert found.commit == ""
    assert found.suspects == tuple(history.commits[2:5])
    assert "one of 3 commits broke it" in found.told


def test_another_failure_of_the_step_is_not_this_one(project: Make) -> None:
    mended = {"check.sh": FILES["check.sh"]}
    history = History(project(FILES), [{}, OTHERWISE, {}, {}, mended, WRONG, {}, {}])
    found = history.search()
    assert found.commit == history.commits[6], found
    assert history.marks(found)[4] == "clear"


def test_a_search_goes_on_where_another_one_was_ended(project: Make) -> None:
    history = History(project(FILES), [WRONG if n == 3 else {} for n in range(1, 9)])
    whole = history.search()
    again = history.search(seen=history.keeps[1])
    assert (again.commit, history.marks(again)) == (history.commits[3], history.marks(whole))
    assert len(history.keeps) == len(whole.looked) - 2


def test_one_commit_alone_has_no_culprit_before_it(project: Make) -> None:
    found = History(project({**FILES, **WRONG}), []).search()
    assert (found.commit, found.commits) == ("", 0)
    assert "no commit before" in found.told
