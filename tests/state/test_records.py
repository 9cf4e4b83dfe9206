"""What is written is redacted and reads back; what does not read back is put aside, and only that."""

import json
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import Conflict, Forbidden, Refused
from bot.model import SCHEMA_VERSION, Attempt, Incident, JobResult, ReplayOptions, ReplayResult, Result, Stage
from bot.state import records
from bot.state.checkpoints import Checkpoints
from bot.state.records import Unreadable, decode, encode
from tests.state.helpers import (
    REF,
    FakeClock,
    WatchedGit,
    git,
    git_dir,
    incident,
    incident_number,
    opened,
    paths,
    plant,
    plant_object,
)

CANARY = "ghs_SECRETSECRET"
ID = incident_number(1)
PATH = f"incidents/{ID[:2]}/{ID}.json"


def hide(text: str) -> str:
    return text.replace(CANARY, "***")


def stored(folder: Path) -> str:
    """Everything that the state branch and its history hold, as text."""
    return git(folder, "log", "-p", "--format=%B", REF)


def test_no_secret_reaches_the_branch(repo: Path) -> None:
    job = JobResult(
        id="j", name=f"job {CANARY}", matrix={CANARY: [CANARY]}, result=Result.FAILURE, outputs={CANARY: "x"}
    )
    payload = {"deep": [{"er": {CANARY: CANARY}}], "n": 1, "null": None, "yes": True}
    record = incident(
        options=ReplayOptions(event_payload=payload, inputs={"token": f"x{CANARY}y"}),
        baseline=ReplayResult(result=Result.FAILURE, jobs=(job,)),
        attempts=(Attempt(number=1, causes=(), strategy="s", diff=f"+{CANARY}\n"),),
        reason=CANARY,
        history=(f"12:00 saw {CANARY}",),
    )
    checkpoints = opened(repo, redactor=hide)
    saved = checkpoints.save(record)
    saved = checkpoints.update(saved.id, lambda held: held.changed(reason=f"still {CANARY}"))
    assert CANARY not in stored(repo)
    assert saved.history == ("12:00 saw ***",)
    assert saved.reason == "still ***"
    assert saved.options.event_payload == {"deep": [{"er": {"***": "***"}}], "n": 1, "null": None, "yes": True}
    assert opened(repo).load(saved.id) == saved


def test_two_secret_keys_stay_two_entries() -> None:
    record = incident(options=ReplayOptions(variables={"token-1": "a", "token-2": "b"}))
    _, told = encode(record, lambda text: "***" if text.startswith("token") else text)
    assert sorted(told.options.variables.values()) == ["a", "b"]


@given(st.text(), st.text())
@settings(max_examples=60, deadline=None)
def test_whatever_redaction_says_the_json_stays_valid(secret: str, instead: str) -> None:
    record = incident(history=(f"a{secret}b", '"}]\\', "\n\0"), reason=secret)
    known = {record.id, record.head, record.snapshot, record.stage.value}

    def replaced(text: str) -> str:
        return instead if secret in text and text in {*record.history, secret} - known else text

    try:
        raw, told = encode(record, replaced)
    except Refused:
        return  # the secret was a word that the record needs
    assert json.loads(raw)["history"] == list(told.history)
    assert decode(raw, record.id) == told


@pytest.mark.parametrize("needed", [ID, "opened", "a" * 40, "b" * 40, "2026-11-20T12:00:00Z"])
def test_redaction_that_would_break_the_record_is_refused(repo: Path, needed: str) -> None:
    with pytest.raises(Refused, match=f"incident {ID} cannot be saved"):
        opened(repo, redactor=lambda text: text.replace(needed, "***")).save(incident())
    assert git(repo, "for-each-ref") == ""


@pytest.mark.parametrize("levels", [99, 250, 3000])
def test_a_record_that_is_too_deep_is_refused(repo: Path, levels: int) -> None:
    payload: dict[str, Any] = {}
    for _ in range(levels):
        payload = {"a": payload}
    record = incident().changed(options=ReplayOptions().changed(event_payload=payload))
    with pytest.raises(Refused, match="cannot be saved"):
        opened(repo).save(record)


def test_a_record_that_is_too_large_is_refused(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MAX_BYTES", 5000)
    with pytest.raises(Refused, match="larger than 5000 bytes"):
        opened(repo).save(incident(reason="x" * 5000))


def test_a_number_that_json_has_not_is_refused(repo: Path) -> None:
    with pytest.raises(Refused, match="no plain JSON"):
        opened(repo).save(incident(seconds=float("nan")))


def tampered(**fields: Any) -> bytes:
    data = incident(revision=1).as_json() | fields
    return json.dumps(data).encode()


CALL = {"model": "m", "prompt": "", "prices": "", "stop": "end_turn"}
ATTEMPT = {"number": 1, "causes": ["f"], "strategy": "llm_edit", "tier": 1}
POISON = {
    "no JSON": b"\xff\xfe",
    "empty": b"",
    "half": tampered()[:-20],
    "a list": b"[]",
    "deep": b"[" * 5000 + b"]" * 5000,
    "deep inside": tampered(options={"event_payload": {"a": 1}}).replace(
        b'{"a": 1}', b'{"a":' * 300 + b"1" + b"}" * 300
    ),
    "a huge number": tampered().replace(b'"round": 1', b'"round": 1' + b"0" * 5000),
    "NaN": tampered().replace(b'"round": 1', b'"round": NaN'),
    "an unknown key": tampered(admin=True),
    "a wrong type": tampered(attempts="none"),
    "another incident": tampered(id=incident_number(2)),
    "a newer version": tampered(schema_version=SCHEMA_VERSION + 1),
    "no version": tampered(schema_version=None),
    "true for a version": tampered(schema_version=True),
    "a word for a version": tampered(schema_version="1"),
    "no amount of money": tampered(cost_usd="NaN"),
    "an attempt that gives money": tampered(attempts=[ATTEMPT | {"cost_usd": "-1"}]),
    "an estimate that is none": tampered(attempts=[ATTEMPT | {"estimate_usd": "NaN"}]),
    "a plan that is none": tampered(attempts=[ATTEMPT | {"expected": {"usd": "NaN"}}]),
    "a call that gives money": tampered(attempts=[ATTEMPT | {"calls": [CALL | {"cost_usd": "-1"}]}]),
}


@pytest.mark.parametrize("raw", POISON.values(), ids=POISON.keys())
def test_poison_is_put_aside_and_the_incident_starts_afresh(
    repo: Path, raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoints = opened(repo)
    other = checkpoints.save(incident(2))
    held = checkpoints.save(incident(1))
    plant(repo, PATH, raw)
    blob = git(repo, "rev-parse", f"{REF}:{PATH}")
    with pytest.raises(Conflict):  # whoever had it must look again
        checkpoints.save(held)
    with pytest.raises(Conflict):
        checkpoints.claim(ID, "me", 60)

    with caplog.at_level(logging.WARNING):
        assert checkpoints.load(ID) is None
        assert checkpoints.load(ID) is None
        assert list(checkpoints.incidents()) == [other]
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith(f"incident {ID} starts afresh: its checkpoint was put aside, ")
    assert len(caplog.messages[0]) < 200
    assert git(repo, "rev-parse", f"{REF}:quarantine/2026-11-20/{ID}-{blob[:12]}.json") == blob
    assert checkpoints.sums().incidents == 1
    assert checkpoints.save(incident(1)).revision == 1
    assert len(list(checkpoints.incidents())) == 2


def test_who_may_only_read_leaves_poison_where_it_is(repo: Path) -> None:
    opened(repo).save(incident())
    plant(repo, PATH, b"{}")
    watched, tip = WatchedGit(git_dir(repo)), git(repo, "rev-parse", REF)

    def refuse(command: str) -> None:
        if command == "update-ref":
            raise Forbidden("the branch regreen/state cannot be pushed")

    watched.before = refuse
    assert Checkpoints(watched, clock=FakeClock(), redactor=str).load(ID) is None
    assert git(repo, "rev-parse", REF) == tip


def test_poison_that_two_workers_meet_is_put_aside_once(repo: Path, caplog: pytest.LogCaptureFixture) -> None:
    checkpoints = opened(repo)
    checkpoints.save(incident())
    plant(repo, PATH, b"{}")
    watched = WatchedGit(git_dir(repo))
    rivals = [checkpoints]

    def interfere(command: str) -> None:
        if command == "cat-file" and rivals:
            assert rivals.pop().load(ID) is None
            checkpoints.save(incident())

    watched.after = interfere
    assert Checkpoints(watched, clock=FakeClock(), redactor=str).load(ID) is None
    assert len(caplog.messages) == 1
    assert opened(repo).load(ID)  # the fresh one is not put aside with the poison


def test_who_holds_the_lease_is_told_without_control_characters(repo: Path) -> None:
    checkpoints = opened(repo)
    checkpoints.save(incident())
    lease = {"owner": "\x1b]0;owned\x07" + "x" * 1000, "expires": "2026-11-21T00:00:00Z"}
    plant(repo, PATH, tampered(lease=lease))
    with pytest.raises(Conflict) as caught:
        checkpoints.claim(ID, "me", 60)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 250


def test_poison_is_met_while_listing(repo: Path, caplog: pytest.LogCaptureFixture) -> None:
    checkpoints = opened(repo)
    first = checkpoints.save(incident(1))
    checkpoints.save(incident(2))
    plant(repo, f"incidents/{incident_number(2)[:2]}/{incident_number(2)}.json", b"{}")
    assert list(checkpoints.incidents()) == [first]
    assert list(checkpoints.incidents()) == [first]
    assert len(caplog.messages) == 1


def test_what_is_too_large_is_not_read(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints = opened(repo)
    checkpoints.save(incident())
    plant(repo, PATH, b" " * (records.MAX_BYTES + 1 - len(tampered())) + tampered())
    seen: list[bytes | None] = []

    def watched(raw: bytes | None, incident_id: str) -> Incident:
        seen.append(raw)
        return decode(raw, incident_id)

    monkeypatch.setattr("bot.state.checkpoints.decode", watched)
    assert checkpoints.load(ID) is None
    assert seen == [None]


@pytest.mark.parametrize("mode", ["040000", "120000"])
def test_what_is_no_file_is_put_aside(repo: Path, mode: str) -> None:
    checkpoints = opened(repo)
    checkpoints.save(incident())
    target = git(repo, "rev-parse", f"{REF}:incidents") if mode == "040000" else None
    sha = target or git(repo, "hash-object", "-w", "--stdin", stdin=b"../../secret")
    plant_object(repo, PATH, sha, mode=mode)
    assert checkpoints.load(ID) is None
    assert f"quarantine/2026-11-20/{ID}-{sha[:12]}.json" in git(repo, "ls-tree", "-r", "-t", "--name-only", REF)
    assert "120000" not in git(repo, "ls-tree", "-r", REF)


def test_what_was_put_aside_goes_with_time(repo: Path, clock: FakeClock) -> None:
    checkpoints = opened(repo, clock=clock)
    checkpoints.save(incident())
    plant(repo, PATH, b"{}")
    checkpoints.load(ID)
    assert checkpoints.prune(clock.time) == 0
    assert any(p.startswith("quarantine/") for p in paths(repo))
    checkpoints.prune(clock.time + timedelta(days=1))
    assert not any(p.startswith("quarantine/") for p in paths(repo))


LINE = b'{"updated": "2026-11-20T12:00:00Z", "stage": "opened", "cost_usd": "0", "seconds": 0}'


@pytest.mark.parametrize(
    "raw",
    [
        b"{}}",
        b"[1]",
        b'{"incidents": {"../../x": %b}}' % LINE,
        b'{"incidents": {"abcdef123456\\n": %b}}' % LINE,
        b'{"incidents": {"abcdef123456": {}}}',
        b'{"dropped": {"tallies": {"lint_error/1": {"tried": 1, "fixed": 2}}}}',
    ],
)
def test_a_summary_that_does_not_validate_is_made_anew(repo: Path, raw: bytes) -> None:
    checkpoints = opened(repo)
    first = checkpoints.save(incident())
    neighbour = checkpoints.save(incident(id=ID[:2] + "0" * 10))
    plant(repo, f"incidents/{ID[:2]}/{ID[:2]}{'1' * 10}.json", b"poison")
    plant(repo, f"incidents/{ID[:2]}/a file of others", b"x")
    plant(repo, f"summaries/{ID[:2]}.json", raw)
    assert {i.id for i in checkpoints.incidents()} == {first.id, neighbour.id}
    checkpoints.save(first)
    healed = json.loads(git(repo, "show", f"{REF}:summaries/{ID[:2]}.json"))
    assert set(healed["incidents"]) == {first.id, neighbour.id}


def test_a_summary_alone_drops_nothing(repo: Path, clock: FakeClock) -> None:
    checkpoints = opened(repo)
    saved = checkpoints.save(incident())
    poisoned = checkpoints.save(incident(2))
    for record in (saved, poisoned):
        path = f"summaries/{record.id[:2]}.json"
        plant(repo, path, git(repo, "show", f"{REF}:{path}").replace("opened", "closed").encode())
    plant(repo, f"incidents/{poisoned.id[:2]}/{poisoned.id}.json", b"{}")
    assert checkpoints.prune(clock.time + timedelta(days=1)) == 0
    assert checkpoints.load(saved.id) == saved


def test_old_versions_are_migrated_step_by_step() -> None:
    old = json.loads(tampered(schema_version=-1, stage=None, why="w"))
    migrations = {
        -1: lambda data: {k: v for k, v in data.items() if k != "why"} | {"reason": data["why"]},
        0: lambda data: data | {"stage": "closed"},
    }
    told = decode(json.dumps(old).encode(), ID, migrations)
    assert (told.schema_version, told.reason, told.stage) == (SCHEMA_VERSION, "w", Stage.CLOSED)
    with pytest.raises(Unreadable, match="schema version"):
        decode(json.dumps(old).encode(), ID, {-1: migrations[-1]})


def test_an_error_repeats_nothing_of_the_poison() -> None:
    with pytest.raises(Unreadable) as caught:
        decode(tampered(**{"\x1b]0;owned": "@org/team"}), ID)
    assert caught.value.message == "one of its fields does not validate"
