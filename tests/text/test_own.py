from bot.model import Category, Diagnosis, Grade, Part, Verdict
from bot.proposal.local import branch_name
from bot.proposal.message import commit_message
from bot.text.own import incident_of_branch, incident_of_message, is_incident
from tests.state.helpers import incident

ID = "0123456789ab"


def test_the_branch_of_a_proposal_names_its_incident() -> None:
    assert incident_of_branch(branch_name(ID, "Add the missing import")) == ID
    assert incident_of_branch(branch_name(ID, "")) == ID


def test_other_branches_name_none() -> None:
    for name in ("main", "regreen/state", f"x/regreen/{ID}-a", f"regreen/{ID}a", f"regreen/{ID}\n", "regreen/\ud800"):
        assert incident_of_branch(name) == ""


def test_the_trailer_of_a_commit_names_its_incident() -> None:
    told = Diagnosis(category=Category.LINT_ERROR, error="x", error_line=1, fingerprint="f", confidence=1)
    part = Part(workflow="ci.yml", job="test", diagnosis=told, verdict=Verdict.FIXED, grade=Grade.A)
    found = incident()
    assert incident_of_message(commit_message(found, [part], "Add the missing import")) == found.id
    assert incident_of_message(f"Merge (#4)\r\n\r\nRegreen-Incident: {ID}\r\n") == ID
    for message in (f"see Regreen-Incident: {ID}", f"Regreen-Incident: {ID}a", "Regreen-Incident: \ud800", ""):
        assert incident_of_message(message) == ""


def test_an_incident_is_known_by_the_form_of_its_id() -> None:
    assert is_incident(ID)
    assert not any(map(is_incident, ("", ID.upper(), f"{ID}0", f"{ID}\n", "\ud800")))
