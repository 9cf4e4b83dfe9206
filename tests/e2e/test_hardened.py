"""The hardened workflow: three jobs, each on a machine of its own, that hand over files; the second may be hostile."""

import random
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from bot.adapters.git_plumbing import GitPlumbing
from bot.handover import MAX_BYTES, Replies, Reply, unzipped
from bot.model import (
    Advice,
    Effect,
    Grade,
    Incident,
    Objection,
    Outcome,
    ReplayResult,
    Result,
    Stage,
    TestCounts,
    Verdict,
)
from bot.proposal.facts import ANSWER, summary_of
from bot.proposal.local import branch_name
from bot.proposal.message import commit_message
from bot.repair.trees import remade
from bot.replay.source import read_commit
from bot.stages import ARTIFACT, FILE
from tests.e2e.desk import STALE, Desk, hastily
from tests.e2e.test_github_action import BOT, GRANTED, Runner, is_heard
from tests.e2e.test_tampered import tamper
from tests.hub import faults
from tests.hub.archives import zip_of
from tests.hub.webhooks import Delivery
from tests.llm.server import LLMServer
from tests.projects import WORKFLOW, Done, knowing, workflow

OWN = ".github/workflows/regreen.yml"
STATE = "refs/heads/regreen/state"


class Relay(Runner):
    """Runs the three jobs of the hardened workflow for one event, as far as they go."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        super().__init__(desk, folder)
        self.reads = self.hub.job_token(desk.one, dict.fromkeys(("actions", *GRANTED[:3]), "read"))
        self.jobs: list[Done] = []

    def run(self, delivery: Delivery, **more: str) -> Done:
        self.jobs = [self.stage("analyse", delivery, GITHUB_TOKEN=self.reads, **more)]
        following = self.outputs["next"]
        if following == "replay":
            self.jobs.append(self.stage("replay", delivery, **more))
        if following:
            self.jobs.append(self.publish(delivery, self.replies if following == "replay" else None, **more))
        return self.jobs[-1]

    def publish(self, delivery: Delivery, replies: bytes | Mapping[str, bytes] | None, **more: str) -> Done:
        """Publish what a job has uploaded, if it has: the file, or all files of its artifact."""
        files = {FILE: replies} if isinstance(replies, bytes) else replies
        kept = {ARTIFACT: files} if files is not None else {}
        ours = self.hub.add_run(self.desk.one, "", workflow=OWN, name="Regreen", conclusion="success", artifacts=kept)
        return self.stage("publish", delivery, GITHUB_TOKEN=self.token, GITHUB_RUN_ID=str(ours.id), **more)

    def stage(self, name: str, delivery: Delivery, **more: str) -> Done:
        room = self.folder / name
        (room / "regreen").mkdir(parents=True, exist_ok=True)
        (self.folder / "output").unlink(missing_ok=True)
        event = room / "event.json"
        event.write_bytes(delivery.body)
        if name == "replay":
            (room / "regreen" / "orders.json").write_bytes((self.folder / "analyse/regreen/orders.json").read_bytes())
        if not (room / "cache").exists():
            knowing(room / "cache", self.folder / "cache")
        settings = {
            "GITHUB_API_URL": self.hub.url,
            "GITHUB_REPOSITORY": "octo/app",
            "GITHUB_EVENT_NAME": delivery.event,
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_OUTPUT": str(self.folder / "output"),
            "GITHUB_STEP_SUMMARY": str(room / "summary"),
            "GITHUB_WORKFLOW_REF": f"octo/app/{OWN}@refs/heads/main",
            "RUNNER_TEMP": str(room),
            "REGREEN_STAGE": name,
            "XDG_CACHE_HOME": str(room / "cache"),
        }
        done = hastily("action", cwd=room, env=settings | more)
        assert "Traceback" not in done.err
        return done

    @property
    def replies(self) -> bytes:
        return (self.folder / "replay" / "regreen" / FILE).read_bytes()

    def written(self) -> list[str]:
        """What was written on the hub, by the API or by git."""
        read = ("/graphql", "/git-upload-pack")
        return [asked.path for asked in self.hub.requests if asked.method != "GET" and not asked.path.endswith(read)]

    def ended(self) -> Delivery:
        """The event that the first run of CI has ended."""
        found = (d for d in self.hub.webhooks.deliveries if d.event == "workflow_run" and is_heard(d))
        return next(d for d in found if d.payload["workflow_run"]["path"] != OWN)


@pytest.fixture
def relay(desk: Desk, tmp_path: Path) -> Relay:
    return Relay(desk, tmp_path)


@pytest.fixture(autouse=True)
def no_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a job is not given it has not."""
    for name in ("GITHUB_TOKEN", "GH_TOKEN", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def test_a_red_push_becomes_a_pull_request_that_only_the_last_job_has_written(relay: Relay) -> None:
    hub, one = relay.hub, relay.desk.one
    hub.push(one, STALE, by="bob")
    hub.settle()
    ended, refs = relay.ended(), one.git.refs()
    hub.forget_requests()
    analysed = relay.stage("analyse", ended, GITHUB_TOKEN=relay.reads)
    assert (analysed.code, relay.outputs["next"]) == (0, "replay"), analysed.err
    assert (relay.written(), one.git.refs()) == ([], refs)
    hub.forget_requests()
    replayed = relay.stage("replay", ended)
    assert replayed.code == 0, replayed.err
    assert "FIXED" in replayed.err
    assert all(asked.path.startswith("/octo/app.git/") for asked in hub.requests)
    assert ({asked.login for asked in hub.requests}, one.git.refs()) == ({""}, refs)  # as anybody may
    published = relay.publish(ended, relay.replies)
    assert published.code == 0, published.err
    (pull,) = relay.desk.pulls()
    assert (pull.author.login, pull.base_ref, pull.state) == (BOT, "main", "open")
    assert one.git.read(pull.head_sha, "copy") == "new"
    assert "could have forged the verdict" in pull.body
    assert relay.record["verdict"] == "FIXED"
    assert STATE in one.git.refs()
    relay.seen = len(hub.webhooks.deliveries)
    assert "makes no reverts" in relay.say("bob", "/regreen revert", issue_of(relay))


def issue_of(relay: Relay) -> int:
    asked = {"title": "It is red"}
    client = relay.hub.client(relay.hub.token("bob"))
    return int(client.post("/repos/octo/app/issues", json=asked).raise_for_status().json()["number"])


def unreplayed(_: GitPlumbing, record: Incident) -> Incident:
    """A record as it is before its replays."""
    left = {"stage": Stage.OPENED, "verdict": None, "grade": None, "reason": "", "seconds": 0, "effects": ()}
    empty = {"baseline": None, "final": None, "parts": (), "attempts": (), "proposal": None}
    return record.changed(**left, **empty)


@pytest.fixture
def number(relay: Relay) -> int:
    """A pull request of bob's that is red, and told about."""
    relay.hub.push(relay.desk.one, {"other": "\n"}, by="bob", branch="feature", message="Begin [skip ci]\n")
    opened = relay.request("feature")
    relay.hub.push(relay.desk.one, STALE, by="bob", branch="feature")
    relay.react()
    return opened


def test_commands_go_through_the_same_jobs(relay: Relay, number: int) -> None:
    assert "/regreen apply" in relay.answer(number)
    assert "Fixed, and proven" in relay.say("bob", "/regreen fix", number)
    assert relay.reactions(number) == ["eyes", "rocket"]
    assert "1 failure" in relay.say("bob", "/regreen replay", number)
    tip = relay.desk.one.git.resolve("feature")
    assert "write" in relay.say("eve", "/regreen apply\n/regreen replay", number)
    assert relay.reactions(number) == ["eyes", "confused"]
    by_eve = (d for d in relay.hub.webhooks.deliveries if is_heard(d) and d.payload["sender"]["login"] == "eve")
    assert "0 replays are needed" in relay.stage("analyse", next(by_eve), GITHUB_TOKEN=relay.reads).err
    assert relay.desk.one.git.resolve("feature") == tip
    for run in relay.desk.one.runs.values():
        run.workflow = run.workflow.replace("/ci.yml", "/gone.yml")
    assert "it could not be replayed: " in relay.say("bob", "/regreen fix", number)
    for run in relay.desk.one.runs.values():
        run.workflow = run.workflow.replace("/gone.yml", "/ci.yml")
    tamper(relay.desk, unreplayed)
    assert "I go on" in relay.say("bob", "/regreen resume", number)
    assert "Fixed, and proven" in relay.answer(number)
    assert "The fix was pushed" in relay.say("bob", "/regreen apply", number)
    assert relay.desk.one.git.read("feature", "copy") == "new"


def test_a_sweep_goes_on_with_what_waits_and_orders_what_was_not_replayed(relay: Relay) -> None:
    relay.hub.push(relay.desk.one, STALE, by="bob")
    relay.hub.settle()
    relay.hub.fault(faults.primary_limit(), "POST /repos/octo/app/pulls", times=2)
    assert "come back after" in relay.run(relay.ended()).err
    assert "come back after" in relay.run(relay.ended(), REGREEN_COMMAND="sweep").err
    assert (len(relay.jobs), relay.desk.pulls()) == (2, [])
    tamper(relay.desk, unreplayed)
    done = relay.run(relay.ended(), REGREEN_COMMAND="sweep")
    assert (done.code, len(relay.jobs)) == (0, 3), done.err
    assert len(relay.desk.pulls()) == 1


def test_a_sweep_orders_what_a_red_run_needs_whose_event_was_lost(relay: Relay) -> None:
    relay.hub.push(relay.desk.one, STALE, by="bob")
    relay.hub.settle()
    done = relay.run(relay.ended(), REGREEN_COMMAND="sweep", AHEAD="7200")
    assert (done.code, len(relay.jobs), len(relay.desk.pulls())) == (0, 3, 1), done.err


def test_a_private_repository_is_cloned_with_the_token_that_the_job_is_given(relay: Relay) -> None:
    relay.desk.one.private = True
    relay.hub.push(relay.desk.one, STALE, by="bob")
    relay.hub.settle()
    ended = relay.ended()
    relay.stage("analyse", ended, GITHUB_TOKEN=relay.reads)
    relay.stage("replay", ended)
    assert b"git may not read" in relay.replies
    relay.stage("replay", ended, GITHUB_TOKEN=relay.hub.job_token(relay.desk.one, {"contents": "read"}))
    assert relay.publish(ended, relay.replies).code == 0
    assert len(relay.desk.pulls()) == 1


def test_what_is_left_alone_starts_no_other_job(relay: Relay) -> None:
    ignored = {".github/regreen.yml": "watch: {branches: [release]}\n"}
    relay.hub.push(relay.desk.one, {**STALE, **ignored}, by="bob")
    relay.hub.settle()
    assert relay.run(relay.ended()).code == 0
    assert len(relay.jobs) == 1


def test_no_model_is_asked_whatever_keys_there_are(
    relay: Relay, llm_server: LLMServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in llm_server.environ.items():
        monkeypatch.setenv(name, value)
    broken = workflow("uses: actions/checkout@v4", "run: \"echo 'a.py:1: error: bad  [misc]'; exit 1\"")
    relay.hub.push(relay.desk.one, {WORKFLOW: broken, ".github/regreen.yml": "llm: {use: auto}\n"}, by="bob")
    relay.hub.settle()
    assert relay.run(relay.ended()).code == 0
    assert (len(relay.jobs), llm_server.requests) == (3, [])
    assert (relay.record["verdict"], relay.desk.pulls()) == ("NOT_FIXED", [])


def test_a_review_is_answered_and_starts_nothing(
    relay: Relay, llm_server: LLMServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in llm_server.environ.items():
        monkeypatch.setenv(name, value)
    relay.hub.push(relay.desk.one, STALE, by="bob")
    relay.hub.settle()
    relay.run(relay.ended())
    relay.seen = len(relay.hub.webhooks.deliveries)
    (pull,) = relay.desk.pulls()
    at, asked = f"/repos/octo/app/pulls/{pull.number}/reviews", {"event": "REQUEST_CHANGES", "body": "Not like this."}
    relay.hub.client(relay.hub.token("octo")).post(at, json=asked).raise_for_status()
    relay.react()
    assert "cannot follow reviews" in relay.answer(pull.number)
    review = relay.hub.webhooks.deliveries[-1].payload.get("review", {"id": 1})["id"]
    wants = Objection(review=review, by="octo", text="Not like this.", commit=pull.head_sha, after=1)

    def objected(_: GitPlumbing, record: Incident) -> Incident:
        waits = Effect(kind=ANSWER, name=str(review))
        others = (e for e in record.effects if e.kind != ANSWER)
        return record.changed(objection=wants, stage=Stage.DIAGNOSED, effects=(*others, waits))

    tamper(relay.desk, objected)
    done = relay.run(relay.ended(), REGREEN_COMMAND="sweep")
    assert f"does not do what the review {review}" in done.err
    assert (len(relay.jobs), llm_server.requests) == (2, [])


# --- a job that was taken over ---

COPY = "diff --git a/copy b/copy\n--- a/copy\n+++ b/copy\n@@ -1 +1 @@\n-old\n+new\n"
EMPTIED = (
    "diff --git a/tests/test_it.py b/tests/test_it.py\n--- a/tests/test_it.py\n+++ b/tests/test_it.py\n"
    "@@ -1,2 +1,2 @@\n def test_it():\n-    assert 1\n+    pass\n"
)


def new_file(path: str, mode: str = "100644", lines: int = 1) -> str:
    body = "+x\n" * lines
    head = f"diff --git a/{path} b/{path}\nnew file mode {mode}\n--- /dev/null\n+++ b/{path}\n"
    return f"{head}@@ -0,0 +1,{lines} @@\n{body}"


class Forger:
    """Whoever has taken over the job that replays: has its reply and the program, and no token."""

    def __init__(self, relay: Relay) -> None:
        relay.hub.push(relay.desk.one, {**STALE, "tests/test_it.py": "def test_it():\n    assert 1\n"}, by="bob")
        relay.hub.settle()
        self.relay, self.ended = relay, relay.ended()
        relay.stage("analyse", self.ended, GITHUB_TOKEN=relay.reads)
        relay.stage("replay", self.ended)
        (reply,) = msgspec.json.decode(relay.replies, type=Replies).replies
        assert reply.incident
        self.honest: Incident = reply.incident
        self.git = GitPlumbing(relay.desk.one.git.path)

    def patched(self, diff: str, record: Incident | None = None) -> Incident:
        """A record that proposes this patch, with the commit, the branch and the message that belong to it."""
        record = record or self.honest
        assert record.proposal
        what = summary_of(record)
        message = commit_message(record, record.parts, what)
        when = read_commit(self.git, record.snapshot).created
        try:
            made = remade(self.git, record.snapshot, diff, message, when=when)
        except Exception:  # noqa: BLE001 - git makes no such commit
            made = record.proposal.commit
        target = branch_name(record.id, what)
        return record.changed(proposal=record.proposal.changed(diff=diff, commit=made, message=message, target=target))

    def reply(self, incident: Incident) -> bytes:
        return msgspec.json.encode(Replies(replies=(Reply(id=incident.id, incident=incident),)))


def test_no_more_of_a_bomb_is_unpacked_than_is_read(tmp_path: Path) -> None:
    file = tmp_path / "artifact.zip"
    file.write_bytes(zip_of({FILE: b" " * (MAX_BYTES + 100)}))
    assert len(unzipped(file, FILE)) == MAX_BYTES + 1


@pytest.fixture
def forger(relay: Relay) -> Forger:
    return Forger(relay)


def with_tests(record: Incident, run: int) -> Incident:
    """The record, in whose last replay so many tests ran; there were ten in the first."""
    assert record.baseline
    assert record.final

    def having(result: ReplayResult, count: int) -> ReplayResult:
        return result.changed(jobs=tuple(j.changed(tests=TestCounts(run=count)) for j in result.jobs))

    return record.changed(baseline=having(record.baseline, 10), final=having(record.final, run))


def judged(record: Incident, verdict: Verdict, grade: Grade | None) -> Incident:
    parts = tuple(part.changed(verdict=verdict, grade=grade) for part in record.parts)
    return record.changed(parts=parts, verdict=verdict, grade=grade)


def not_whole(record: Incident) -> ReplayResult:
    assert record.final
    return record.final.changed(result=Result.FAILURE)


def red_again(record: Incident) -> Incident:
    assert record.final
    jobs = tuple(job.changed(result=Result.FAILURE) for job in record.final.jobs)
    return record.changed(final=record.final.changed(jobs=jobs))


def forgeries(forger: Forger) -> dict[str, tuple[Incident, str]]:
    """What a job may have made of its reply, and what is said of it."""
    one = forger.honest
    assert one.failed_run
    assert one.proposal
    run, proposal, (attempt,) = one.failed_run, one.proposal, one.attempts
    note = attempt.changed(notes=("Regreen-Incident: 0123456789ab",))
    return {
        "another run": (one.changed(failed_run=run.changed(id=4242)), "something else of the failed run"),
        "another attempt": (one.changed(failed_run=run.changed(attempt=2)), "something else of the failed run"),
        "another commit": (one.changed(head="f" * 40), "something else of the head"),
        "another tree": (one.changed(snapshot="f" * 40), "something else of the snapshot"),
        "another repository": (one.changed(repository="octo/other"), "something else of the repository"),
        "another incident": (one.changed(id="0123456789ab"), "has given no reply about the run"),
        "somebody has asked": (one.changed(asked_by="octo"), "something else of the asked by"),
        "more is allowed": (one.changed(max_minutes=1e6), "something else of the max minutes"),
        "it is pushed": (one.changed(delivery=one.delivery.changed(kind="push")), "something else of the delivery"),
        "it is done": (
            one.changed(effects=(Effect(kind="push", name="main", done=True),)),
            "something else of the eff",
        ),
        "it is merged": (
            one.changed(outcome=Outcome(kind="merged", when=one.created)),
            "something else of the outcome",
        ),
        "a workflow": (forger.patched(new_file(".github/workflows/x.yml")), "workflow: .github/workflows/x.yml:"),
        "a hook": (forger.patched(new_file(".git/hooks/pre-commit", "100755")), "git-file: .git/hooks/pre-commit:"),
        "attributes": (forger.patched(new_file(".gitattributes")), "git-file: .gitattributes:"),
        "outside": (forger.patched(new_file("../x")), "refuses the candidate: path"),
        "a link": (forger.patched(new_file("x", "120000")), "refuses the candidate: symlink"),
        "a submodule": (forger.patched(new_file("x", "160000")), "refuses the candidate: submodule"),
        "setuid": (forger.patched(new_file("x", "104755")), "refuses the candidate: mode"),
        "much": (forger.patched(new_file("x", lines=301)), "refuses the candidate: scope"),
        "an emptied test": (forger.patched(EMPTIED), "the guard refused it"),
        "no patch": (forger.patched("x"), "refuses the candidate: malformed"),
        "a commit of others": (one.changed(proposal=proposal.changed(commit="f" * 40)), "not the commit that it names"),
        "another patch": (one.changed(proposal=proposal.changed(diff=COPY.replace("new", "ill"))), "not the commit"),
        "another branch": (one.changed(proposal=proposal.changed(target="main")), "proposed in another way"),
        "another way": (one.changed(proposal=proposal.changed(kind="push")), "proposed in another way"),
        "a trailer": (
            one.changed(proposal=proposal.changed(message=f"{proposal.message}Signed-off-by: octo\n")),
            "message that is not that of its record",
        ),
        "a trailer in a note": (forger.patched(COPY, one.changed(attempts=(note,))), "not that of its record"),
        "no first replay": (one.changed(baseline=None), "its replays do not show it"),
        "no last replay": (one.changed(final=None), "its replays do not show it"),
        "a red replay": (red_again(one), "its last replay is red"),
        "fewer tests": (with_tests(one, 9), "its replays do not show it"),
        "no parts": (one.changed(parts=()), "not that of its parts"),
        "no grade": (one.changed(grade=None), "a grade and no fix, or a fix and no grade"),
        "a better grade": (one.changed(grade=Grade.R), "a grade and no fix, or a fix and no grade"),
        "an early end": (one.changed(stage=Stage.DIAGNOSED), "has ended before its end"),
        "a fix of nothing": (judged(one, Verdict.NOT_FIXED, None), "a grade and no fix, or a fix and no grade"),
        "a grade for nothing": (judged(one, Verdict.NOT_FIXED, Grade.A), "a grade for what is not fixed"),
        "a grade too good": (one.changed(final=not_whole(one)), "its replays do not show it"),
        "no verdict": (one.changed(verdict=None), "has no verdict of a replay"),
        "another verdict": (one.changed(verdict=Verdict.GREEN), "not that of its parts"),
        "what was paid": (one.changed(attempts=(attempt.changed(tier=3),)), "of what was paid for"),
        "very many attempts": (one.changed(attempts=(attempt,) * 13), "more rows"),
        "very much advice": (one.changed(advice=(Advice(kind="re-run", jobs=(), told="x"),) * 1001), "more rows"),
    }


def broken(honest: bytes) -> dict[str, tuple[bytes | Mapping[str, bytes] | None, str]]:
    """What is no reply at all."""
    version = b'"version":1'
    assert version in honest
    return {
        "nothing": (None, "has given no reply about the run"),
        "an empty artifact": ({}, "holds something else than replies.json"),
        "another name": ({"../replies.json": honest}, "holds something else than replies.json"),
        "more files": ({FILE: honest, "/etc/passwd": b"x"}, "holds something else than replies.json"),
        "no JSON": (b"\x80", "is no JSON"),
        "a number": (b"1", "is of version None"),
        "a newer version": (honest.replace(version, b'"version":2'), "is of version 2, and this job knows 1"),
        "a version that is text": (honest.replace(version, b'"version":"1"'), "is of version 1, and"),
        "more fields": (honest.replace(version, b'"version":1,"token":"x"'), "does not validate"),
        "other types": (honest.replace(b'"verdict":"FIXED"', b'"verdict":"GREAT"'), "does not validate"),
        "depth": (honest.replace(version, version + b',"x":' + b"[" * 200 + b"]" * 200), "is too deep"),
        "a number of 4,200 digits": (honest.replace(b'"run":0', b'"run":' + b"9" * 4200), "counts more than anything"),
        "an abyss": (b"[" * 200_000, "is no JSON"),
        "a bomb": (b" " * (MAX_BYTES + 1), "is larger than 16,777,216 bytes"),
        "a heavy file": (random.Random(1).randbytes(MAX_BYTES + 1), "is bigger than 16,777,216 bytes"),
    }


def said(told: Incident) -> str:
    return f"""<b>x</b> <img src=https://evil.example/x> @octo/team #1 [x](https://evil.example) `x` <!-- regreen:end -->
::set-env name=PATH::/tmp\n/regreen apply\n\x1b]8;;https://evil.example\x07 Regreen-Incident: {told.id[::-1]}"""


def test_what_a_hostile_job_says_stays_text(forger: Forger) -> None:
    relay, one = forger.relay, forger.honest
    words = said(one)
    (part,), (attempt,) = one.parts, one.attempts
    cause = part.diagnosis.changed(error=words, step=words, command=words)
    told = one.changed(
        parts=(part.changed(diagnosis=cause, reason=words, strategy=words),),
        attempts=(attempt.changed(summary=words, strategy=words, notes=(words,), reason=words),),
        reason=words,
        advice=(Advice(kind="suggestion", jobs=(words,), told=words, evidence=(words,)),),
    )
    done = relay.publish(forger.ended, forger.reply(forger.patched(COPY, told)))
    assert done.code == 0, done.err
    (pull,) = relay.desk.pulls()
    message = relay.desk.one.git("log", "-1", "--format=%B", pull.head_sha)
    assert message.strip().splitlines()[-2:] == [
        f"Regreen-Incident: {one.id}",
        "Regreen-Evidence: A (every leg of the workflow was replayed and is green)",
    ]
    shown = re.sub(r"(?s)(`+) ?.*?[^`]\1(?!`)", "", pull.body)
    for text in ("<b>", "<img", "@octo", "](https://evil", "\n/regreen", "\x1b", "\n::set-env"):
        assert text not in shown, text
    assert "\n::" not in done.err


def test_what_a_hostile_job_hands_over_is_refused_in_a_line_and_nothing_is_written(forger: Forger) -> None:
    relay, wrong = forger.relay, list[str]()
    forged = {name: (forger.reply(record), told) for name, (record, told) in forgeries(forger).items()}
    refs = relay.desk.one.git.refs()
    for name, (replies, told) in {**forged, **broken(relay.replies)}.items():
        relay.hub.forget_requests()
        done = relay.publish(forger.ended, replies)
        lines = [line for line in done.err.splitlines() if line.strip()]
        if done.code != 1 or relay.written() or told not in done.err or len(lines) != 1:
            wrong.append(f"{name}: {done.code}, {relay.written()}: {done.err}")
    assert not wrong, "\n".join(wrong)
    assert relay.desk.one.git.refs() == refs
    assert relay.publish(forger.ended, relay.replies).code == 0
    assert len(relay.desk.pulls()) == 1
