"""A review that asks for changes of a proposal: a model makes them, they are proven, and the review is answered."""

from pathlib import Path

import pytest

from bot.adapters.git_plumbing import GitPlumbing
from bot.model import Effect, Incident, Objection, Stage
from tests.e2e.desk import Desk
from tests.e2e.test_github_action import Runner
from tests.e2e.test_llm import prompt_of
from tests.e2e.test_tampered import tamper
from tests.hub.world import Pull
from tests.llm.answers import answer
from tests.llm.server import LLMServer
from tests.projects import WORKFLOW, workflow

RED = {
    WORKFLOW: workflow("uses: actions/checkout@v4", "run: python3 -m unittest -v test_shop"),
    "shop.py": "def total(items):\n    return sum(items[1:])\n",
    "test_shop.py": (
        "import unittest\n\nfrom shop import total\n\n\nclass TotalTest(unittest.TestCase):\n"
        "    def test_all_items_count(self):\n        self.assertEqual(total([1, 2]), 3)\n"
    ),
}
FIX = "CAUSE: the first item is left out\n\nshop.py\n<<<<<<< SEARCH\n    return sum(items[1:])\n=======\n    return sum(i for i in items)\n>>>>>>> REPLACE\n"
NICER = "CAUSE: a plain sum does\n\nshop.py\n<<<<<<< SEARCH\n    return sum(i for i in items)\n=======\n    return sum(items)\n>>>>>>> REPLACE\n"
WRONG = NICER.replace("sum(items)\n", "max(items)\n")
SKIPS = (
    "CAUSE: skip it\n\ntest_shop.py\n<<<<<<< SEARCH\n    def test_all_items_count(self):\n=======\n"
    '    @unittest.skip("later")\n    def test_all_items_count(self):\n>>>>>>> REPLACE\n'
)
WORDS = "No generator expression where none is needed, please."


@pytest.fixture
def runner(desk: Desk, tmp_path: Path) -> Runner:
    return Runner(desk, tmp_path)


@pytest.fixture
def proposal(runner: Runner, llm_server: LLMServer, monkeypatch: pytest.MonkeyPatch) -> Pull:
    """The open pull request of a fix that a model has made."""
    for name, value in llm_server.environ.items():
        monkeypatch.setenv(name, value)
    llm_server.script = lambda _: answer(FIX)
    runner.hub.push(runner.desk.one, RED, by="bob")
    runner.react()
    (pull,) = runner.desk.pulls()
    llm_server.requests.clear()
    return pull


def review(runner: Runner, pull: Pull, body: str = WORDS, who: str = "octo", **more: object) -> str:
    """Ask for changes, let the Action react, and give what its comment says then."""
    asked = {"event": "REQUEST_CHANGES", "body": body, **more}
    at = f"/repos/octo/app/pulls/{pull.number}/reviews"
    runner.hub.client(runner.hub.token(who)).post(at, json=asked).raise_for_status()
    for done in runner.react():
        assert done.code == 0, done.err
    return runner.answer(pull.number)


def shop(desk: Desk, pull: Pull) -> str:
    return desk.one.git.read(pull.head_sha, "shop.py").splitlines()[1].strip()


def test_what_a_review_asks_for_is_done_and_proven_anew(runner: Runner, llm_server: LLMServer, proposal: Pull) -> None:
    before, spent = proposal.head_sha, runner.record["cost_usd"]
    llm_server.script = lambda _: answer(NICER)
    remark = {"path": "shop.py", "line": 2, "body": "See PEP 8."}
    told = review(runner, proposal, comments=[remark])
    assert "I have changed this, and proved it anew, with grade A" in told
    assert proposal.head_sha != before
    assert shop(runner.desk, proposal) == "return sum(items)"
    (commit,) = runner.desk.one.git("log", "--format=%H", f"main..{proposal.head_sha}").split()
    assert commit == proposal.head_sha
    assert (runner.record["verdict"], len(runner.desk.pulls())) == ("FIXED", 1)
    assert runner.record["cost_usd"] > spent
    (asked,) = llm_server.asked
    shown = prompt_of(asked)
    for part in (WORDS, "shop.py, line 2: See PEP 8.", "+    return sum(i for i in items)"):
        assert part in shown
    assert "a plain sum does" in proposal.body
    octo = runner.hub.client(runner.hub.token("octo"))
    octo.put(f"/repos/octo/app/pulls/{proposal.number}/merge", json={}).raise_for_status()
    runner.react()
    assert runner.record["outcome"] == "merged"


def test_a_review_whose_event_was_lost_is_found_by_a_sweep(
    runner: Runner, llm_server: LLMServer, proposal: Pull
) -> None:
    llm_server.script = lambda _: answer(NICER)
    at, octo = f"/repos/octo/app/pulls/{proposal.number}/reviews", runner.hub.client(runner.hub.token("octo"))
    octo.post(at, json={"event": "REQUEST_CHANGES", "body": WORDS}).raise_for_status()
    before = proposal.head_sha
    runner.start(REGREEN_COMMAND="sweep")
    assert proposal.head_sha == before  # whoever was told may still be at it
    for _ in range(2):
        runner.start(REGREEN_COMMAND="sweep", AHEAD="7200")
    assert "I have changed this" in runner.answer(proposal.number)
    assert len(llm_server.asked) == 1


@pytest.mark.parametrize(
    ("said", "why"),
    [(WRONG, "TotalTest"), (SKIPS, "the guard refused it")],
    ids=["wrong", "masking"],
)
def test_what_cannot_be_proven_leaves_the_proposal_as_it_is(
    runner: Runner, llm_server: LLMServer, proposal: Pull, said: str, why: str
) -> None:
    before = proposal.head_sha
    llm_server.script = lambda _: answer(said)
    told = review(runner, proposal)
    assert "I have not changed this" in told
    assert why in told
    assert (proposal.head_sha, runner.record["verdict"]) == (before, "FIXED")
    assert "the first item is left out" in proposal.body
    assert llm_server.asked


def test_who_is_not_heard_and_what_is_not_ours_to_change(runner: Runner, llm_server: LLMServer, proposal: Pull) -> None:
    assert "changed" not in review(runner, proposal, who="eve")
    runner.hub.push(runner.desk.one, {"notes": "mine\n"}, by="bob", branch=proposal.head_ref)
    head = proposal.head_sha
    assert "so it is theirs now" in review(runner, proposal)
    assert (llm_server.asked, proposal.head_sha) == ([], head)


def test_a_signed_proposal_is_changed_by_a_signed_commit(
    runner: Runner, llm_server: LLMServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in llm_server.environ.items():
        monkeypatch.setenv(name, value)
    llm_server.script = lambda _: answer(FIX)
    runner.hub.push(runner.desk.one, {**RED, ".github/regreen.yml": "proposal:\n  signed: true\n"}, by="bob")
    runner.react()
    (pull,) = runner.desk.pulls()
    llm_server.script = lambda _: answer(NICER)
    assert "I have changed this" in review(runner, pull)
    assert pull.head_sha in runner.desk.one.signed
    assert shop(runner.desk, pull) == "return sum(items)"
    (commit,) = runner.desk.one.git("log", "--format=%H", f"main..{pull.head_sha}").split()
    assert commit == pull.head_sha


def test_an_objection_that_was_interrupted_goes_on(runner: Runner, llm_server: LLMServer, proposal: Pull) -> None:
    def interrupted(_: GitPlumbing, record: Incident) -> Incident:
        said = Objection(review=77, by="octo", text=WORDS, commit=proposal.head_sha, after=len(record.attempts))
        effects = (*record.effects, Effect(kind="answer", name="77"))
        return record.changed(stage=Stage.DIAGNOSED, objection=said, effects=effects)

    tamper(runner.desk, interrupted)
    llm_server.script = lambda _: answer(NICER)
    assert runner.start(REGREEN_COMMAND="sweep").code == 0
    assert "I have changed this" in runner.answer(proposal.number)
    assert shop(runner.desk, proposal) == "return sum(items)"
    llm_server.requests.clear()
    runner.start(REGREEN_COMMAND="sweep")
    assert llm_server.requests == []
