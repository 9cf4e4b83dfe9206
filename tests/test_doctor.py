"""What the doctor says of language models: whether those of the settings are to be had, without asking any of them."""

from typing import Any

import pytest

from tests.llm import LLMServer, faults
from tests.projects import Make

SMALL, MEDIUM, LARGE = "claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5"


def told(project: Make, **env: str) -> tuple[bool, str]:
    done = project({"a": ""}).here("doctor", "--json", env=env)
    assert done.code == 0, done.err
    [found] = [check for check in done.json if check["name"] == "language models"]
    assert "\n" not in found["told"]
    return found["ok"], found["told"]


def test_models_that_are_there_are_named(project: Make, llm_server: LLMServer) -> None:
    assert told(project, **llm_server.environ) == (True, f"{SMALL}, {MEDIUM}, {LARGE}")
    assert [received.path for received in llm_server.requests] == ["/v1/models"]
    assert not llm_server.bills


def test_models_that_are_retired_unknown_or_without_a_price_are_named(project: Make, llm_server: LLMServer) -> None:
    llm_server.stages |= {MEDIUM: "retired", LARGE: "deprecated", "mine": "active"}
    ok, said = told(project, **llm_server.environ)
    assert (ok, said.split("; ")) == (
        False,
        [f"{MEDIUM} (medium) is retired: change llm.models", f"{LARGE} (large) is deprecated: change llm.models"],
    )
    models = {"REGREEN_LLM_MODELS": "{small: mine, large: claude-1}"}
    ok, said = told(project, **llm_server.environ, **models)
    assert not ok
    assert "nobody knows what the model mine costs (set llm.prices" in said
    assert "claude-1 (large) is unknown: change llm.models" in said


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (faults.bad_key(), "does not accept the key: invalid x-api-key (set ANTHROPIC_API_KEY)"),
        (faults.refused(404, "Not found"), "nobody lists them"),
        (faults.page(), "nobody lists them"),
        (faults.dropped(), "the connection ended"),
    ],
    ids=["wrong key", "no list", "another's page", "no answer"],
)
def test_a_list_that_is_not_to_be_had_is_said(project: Make, llm_server: LLMServer, fault: Any, says: str) -> None:
    llm_server.list_fault = fault
    ok, said = told(project, **llm_server.environ)
    assert not ok
    assert says in said


def test_nothing_is_asked_without_a_key(project: Make, llm_server: LLMServer) -> None:
    for given in ({}, {"ANTHROPIC_BASE_URL": "https://api.anthropic.com/"}):
        assert told(project, **given) == (False, "none is asked: ANTHROPIC_API_KEY is not set")
    assert told(project, **llm_server.environ, REGREEN_LLM_MAX_ATTEMPTS="0") == (
        True,
        "none is asked: llm.max_attempts is 0",
    )
    assert told(project, **llm_server.environ, REGREEN_LLM_USE="never") == (True, "none is asked: llm.use is never")
    assert not llm_server.requests
