from datetime import UTC, datetime
from typing import Any

import pytest

from bot.intake.commands import Command, Mistake
from bot.intake.decide import About, Decision, Identity, Obey, Open, Tick, Wake, decide
from bot.intake.events import parse
from bot.intake.loops import Skip
from bot.intake.rights import Asker
from bot.settings import Settings, read_settings
from tests.intake.payloads import (
    ANNA,
    BOT,
    INCIDENT,
    OTHER_BOT,
    OWN_BRANCH,
    TRAILER,
    comment,
    event,
    pull,
    repository,
    review,
    run,
)
from tests.intake.test_events import examples

ME = Identity(login="regreen[bot]", workflow=".github/workflows/regreen.yml")
DEFAULTS = read_settings(None, "", {})
LISTED = read_settings('commands:\n  allowed_bots: ["helper[bot]"]\n', ".regreen.yml", {})
FORK = repository("anna/shop")
STOP: dict[str, Any] = {"label": {"name": "regreen: stop"}}


def decided(name: str, payload: Any, settings: Settings = DEFAULTS, me: Identity = ME) -> Decision:
    return decide(parse(name, payload), settings, me)


def of_run(**changed: Any) -> Decision:
    return decided("workflow_run", run(**changed))


def skips(decision: Decision, reason: str) -> bool:
    return isinstance(decision, Skip) and reason in decision.reason


def wakes(decision: Decision, incident: str) -> bool:
    return isinstance(decision, Wake) and decision.incident == incident


@pytest.mark.parametrize("conclusion", ["failure", "timed_out", "startup_failure"])
def test_a_red_run_opens_an_incident(conclusion: str) -> None:
    assert of_run(conclusion=conclusion, run_attempt=2) == Open(run=30, attempt=2)


def test_a_red_run_of_a_fork_opens_one_too_whatever_it_is_called() -> None:
    told = {"head_repository": FORK, "head_branch": OWN_BRANCH, "head_commit": {"message": TRAILER}}
    assert of_run(event="pull_request", **told) == Open(run=30, attempt=1)
    assert of_run(event="pull_request", **(told | {"head_repository": None})) == Open(run=30, attempt=1)


@pytest.mark.parametrize("conclusion", ["cancelled", "skipped", "neutral", "action_required", "stale", None])
def test_a_run_that_is_not_red_opens_none(conclusion: str | None) -> None:
    assert skips(of_run(conclusion=conclusion), "the run ended as")


def test_a_run_that_goes_on_opens_none() -> None:
    assert skips(decided("workflow_run", run("requested")), "has not ended")


def test_a_green_run_may_make_incidents_moot() -> None:
    assert wakes(of_run(conclusion="success"), "")


@pytest.mark.parametrize("conclusion", ["success", "failure", "cancelled"])
@pytest.mark.parametrize(
    "changed",
    [{"head_branch": OWN_BRANCH}, {"head_commit": {"message": TRAILER}}, {"head_branch": f"regreen/{INCIDENT}"}],
    ids=["branch", "trailer", "bare branch"],
)
def test_a_run_of_an_own_commit_wakes_its_incident_and_opens_none(changed: dict[str, Any], conclusion: str) -> None:
    assert wakes(of_run(conclusion=conclusion, actor=BOT, triggering_actor=BOT, **changed), INCIDENT)


def test_a_trailer_counts_only_where_the_record_has_the_commit() -> None:
    red, green = (of_run(conclusion=told, head_commit={"message": TRAILER}) for told in ("failure", "success"))
    assert isinstance(red, Wake)
    assert (red.commit, red.otherwise) == (run()["workflow_run"]["head_sha"], Open(run=30, attempt=1))
    assert isinstance(green, Wake)
    assert isinstance(green.otherwise, Wake)
    own = of_run(head_branch=OWN_BRANCH, head_commit={"message": TRAILER})
    assert isinstance(own, Wake)
    assert own.otherwise is None


def test_what_an_event_may_concern() -> None:
    told = of_run(conclusion="success", head_branch="feature")
    assert isinstance(told, Wake)
    assert told.about == About(repository="octo/shop", branch="feature", workflow=".github/workflows/ci.yml")
    closed = decided("pull_request", pull("closed"))
    assert isinstance(closed, Wake)
    assert closed.about == About(pull=4)


def test_an_own_commit_that_people_have_merged_is_theirs() -> None:
    told = {"head_branch": "main", "head_commit": {"message": TRAILER}}
    assert of_run(**told) == Open(run=30, attempt=1)
    assert wakes(of_run(conclusion="success", **told), "")
    assert wakes(of_run(actor=BOT, **told), INCIDENT)  # its own push
    assert wakes(of_run(event="pull_request", **told), INCIDENT)


@pytest.mark.parametrize("branch", ["regreen/x", "regreen/0123456789abc", "my/regreen/0123456789ab", "regreen/state"])
def test_branches_that_only_look_alike_are_others(branch: str) -> None:
    assert of_run(head_branch=branch) == Open(run=30, attempt=1)


def test_jobs_that_regreen_ran_again_wake_their_incident() -> None:
    assert wakes(of_run(run_attempt=2, triggering_actor=BOT), "")
    assert of_run(triggering_actor=BOT) == Open(run=30, attempt=1)
    assert of_run(run_attempt=2, triggering_actor=ANNA) == Open(run=30, attempt=2)


def test_its_own_workflow_and_those_of_github_are_left_alone() -> None:
    assert skips(of_run(path=".github/workflows/regreen.yml"), "no workflow that checks")
    assert skips(of_run(path="dynamic/pages/pages-build-deployment"), "no workflow that checks")


def test_where_regreen_has_no_workflow_none_is_its_own() -> None:
    told = run(path="") | {"workflow": None}
    assert decided("workflow_run", told, me=Identity(login="regreen[bot]")) == Open(run=30, attempt=1)
    by_hand = event("", inputs={"run": "30"})
    assert isinstance(decided("workflow_dispatch", by_hand, me=Identity(login="regreen[bot]")), Skip)


def test_runs_of_other_bots_are_left_alone_unless_they_are_listed() -> None:
    told = run(actor=OTHER_BOT, triggering_actor=OTHER_BOT)
    assert skips(decided("workflow_run", told), "helper[bot] is a bot")
    assert decided("workflow_run", told, LISTED) == Open(run=30, attempt=1)


def test_a_red_default_branch_is_dealt_with_whoever_pushed() -> None:
    assert of_run(actor=OTHER_BOT, head_branch="main") == Open(run=30, attempt=1)
    told = {"actor": OTHER_BOT, "head_branch": "main", "head_repository": FORK}
    assert skips(of_run(event="pull_request", **told), "is a bot")


def test_what_the_settings_switch_off_opens_no_incident() -> None:
    off = read_settings("watch: {disabled_workflows: [CI]}", ".regreen.yml", {})
    assert skips(decided("workflow_run", run(), off), "switched off")
    assert wakes(decided("workflow_run", run(head_branch=OWN_BRANCH), off), INCIDENT)


@pytest.mark.parametrize(
    ("payload", "incident"),
    [
        (pull("closed"), ""),
        (pull("closed", ref=OWN_BRANCH), INCIDENT),
        (pull("closed", ref=OWN_BRANCH, fork="anna/shop"), ""),
        (pull("reopened"), ""),
        (pull("synchronize", ref=OWN_BRANCH), INCIDENT),
        (pull("labeled", **STOP), ""),
        (pull("unlabeled", ref=OWN_BRANCH, **STOP), INCIDENT),
    ],
)
def test_what_happens_to_a_pull_request_wakes_its_incident(payload: dict[str, Any], incident: str) -> None:
    assert wakes(decided("pull_request", payload), incident)
    assert wakes(decided("pull_request_target", payload), incident)


@pytest.mark.parametrize(
    "payload",
    [
        pull("opened"),
        pull("edited"),
        pull("labeled", label={"name": "bug"}),
        pull("synchronize", ref=OWN_BRANCH, sender=BOT),
        pull("labeled", sender=BOT, **STOP),
    ],
)
def test_other_changes_of_a_pull_request_wake_none(payload: dict[str, Any]) -> None:
    assert skips(decided("pull_request", payload), "changes nothing")


def test_a_review_that_asks_for_changes_of_a_proposal_wakes_its_incident() -> None:
    for state in ("changes_requested", "CHANGES_REQUESTED"):
        found = decided("pull_request_review", review(state))
        assert isinstance(found, Wake)
        assert (found.incident, found.asker, found.reason) == (
            INCIDENT,
            Asker(login="anna"),
            "a review asks for changes",
        )
        assert found.number
        assert found.review


@pytest.mark.parametrize(
    "payload",
    [
        review("approved"),
        review("commented"),
        review(ref="feature"),
        review(user=OTHER_BOT),
        review(user=BOT),
        review() | {"action": "edited"},
        review() | {"action": "dismissed"},
    ],
)
def test_other_reviews_wake_none(payload: dict[str, Any]) -> None:
    assert isinstance(decided("pull_request_review", payload), Skip)


def test_a_command_is_carried_out_for_whoever_says_it() -> None:
    assert decided("issue_comment", comment("/regreen fix\n/regreen stop")) == Obey(
        commands=(Command(verb="fix"), Command(verb="stop")),
        asker=Asker(login="anna"),
        number=4,
        is_pull=True,
        comment=50,
        said=datetime(2026, 1, 31, 12, tzinfo=UTC),
    )
    found = decided("issue_comment", comment("/regreen status", is_pull=False))
    assert isinstance(found, Obey)
    assert not found.is_pull


def test_a_command_on_lines_of_a_diff_is_bound_to_its_commit() -> None:
    told = pull("created") | {"comment": comment("/regreen fix", commit_id="c" * 40)["comment"]}
    found = decided("pull_request_review_comment", told)
    assert isinstance(found, Obey)
    assert (found.on_lines, found.is_pull, found.number, found.head) == (True, True, 4, "c" * 40)


def test_a_mistake_is_answered() -> None:
    found = decided("issue_comment", comment("/regreen dance"))
    assert isinstance(found, Obey)
    assert isinstance(found.commands[0], Mistake)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (comment("/regreen fix", action="edited"), "only new comments"),
        (comment("/regreen fix", action="deleted"), "only new comments"),
        (comment("Let us wait for regreen"), "no command"),
        (comment("> /regreen fix"), "no command"),
        (comment("/regreen fix", user=OTHER_BOT), "is a bot"),
        (comment("/regreen fix", user=BOT), "a comment of Regreen"),
    ],
)
def test_comments_that_are_no_commands_do_nothing(payload: dict[str, Any], reason: str) -> None:
    assert skips(decided("issue_comment", payload), reason)


def test_a_listed_bot_may_say_commands_but_never_regreen_itself() -> None:
    found = decided("issue_comment", comment("/regreen fix", user=OTHER_BOT), LISTED)
    assert isinstance(found, Obey)
    assert found.asker == Asker(login="helper[bot]", is_bot=True)
    everybody = read_settings('commands:\n  allowed_bots: ["regreen[bot]"]\n', ".regreen.yml", {})
    assert skips(decided("issue_comment", comment("/regreen fix", user=BOT), everybody), "a comment of Regreen")


def test_with_the_token_of_a_person_own_comments_are_known_by_their_marker() -> None:
    me = Identity(login="anna")
    marked = "/regreen fix\n<!-- regreen:0123456789ab -->"
    assert skips(decided("issue_comment", comment(marked), me=me), "a comment of Regreen")
    assert isinstance(decided("issue_comment", comment("/regreen fix"), me=me), Obey)
    assert isinstance(decided("issue_comment", comment(marked), me=ME), Obey)  # anybody can write a marker


def test_a_deleted_account_is_no_reason_to_fail() -> None:
    found = decided("issue_comment", comment("/regreen fix", user=None))  # type: ignore[arg-type]
    assert isinstance(found, Obey)
    assert found.asker == Asker(login="ghost")


@pytest.mark.parametrize("external_id", [INCIDENT, "another", None])
def test_people_may_ask_for_its_check_again(external_id: str | None) -> None:
    check = {"id": 1, "name": "regreen", "head_sha": "a" * 40, "external_id": external_id, "app": {"slug": "regreen"}}
    for kind in ("check_run", "check_suite"):
        found = decided(kind, event("rerequested", **{kind: check}))
        assert wakes(found, INCIDENT) if external_id == INCIDENT else skips(found, "of no incident")
    assert skips(decided("check_run", event("completed", check_run=check)), "enough of checks")
    others = check | {"app": {"slug": "other"}}
    assert skips(decided("check_run", event("rerequested", check_run=others)), "enough of checks")
    assert skips(decided("check_run", event("rerequested", check_run=check | {"app": None})), "enough of checks")


def test_a_proposal_whose_branch_is_deleted_is_looked_after() -> None:
    told = event("", ref=f"refs/heads/{OWN_BRANCH}", after="0" * 40, deleted=True)
    assert wakes(decided("push", told), INCIDENT)
    assert isinstance(decided("push", told | {"deleted": False}), Skip)
    assert isinstance(decided("push", told | {"ref": "refs/heads/main"}), Skip)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, Tick()),
        ({}, Tick()),
        ({"run": ""}, Tick()),
        ({"run": "30"}, Open(run=30)),
        ({"run": 30, "other": {}}, Open(run=30)),
        ({"run": "-30"}, Tick()),
        ({"run": "\N{ARABIC-INDIC DIGIT THREE}"}, Tick()),
        ({"run": "9" * 999}, Tick()),
    ],
)
def test_a_dispatch_may_name_a_run(given: dict[str, Any] | None, expected: Decision) -> None:
    by_hand = event("", workflow=ME.workflow, inputs=given)
    assert decided("workflow_dispatch", by_hand) == expected
    assert isinstance(decided("workflow_dispatch", by_hand | {"workflow": ".github/workflows/ci.yml"}), Skip)
    assert decided("repository_dispatch", event("regreen", client_payload=given)) == expected
    assert isinstance(decided("repository_dispatch", event("deploy", client_payload=given)), Skip)


def test_a_schedule_goes_on_with_what_waits() -> None:
    assert decided("schedule", {"schedule": "7 * * * *"}) == Tick()


@pytest.mark.parametrize(("name", "payload"), [("ping", {}), ("star", {"action": "created"})])
def test_other_events_change_nothing(name: str, payload: dict[str, Any]) -> None:
    assert skips(decided(name, payload), "changes nothing")


def test_every_official_example_is_decided() -> None:
    found = [decided(name, payload) for name, payload in examples()]
    assert {type(one) for one in found} == {Wake, Skip}
    assert all(one.reason for one in found if isinstance(one, Skip))
