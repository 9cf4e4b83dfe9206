"""What the client of models makes of answers and of each fault, how often it asks, and what that has cost."""

import logging
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from socket import socketpair
from time import monotonic
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest

from bot.adapters.anthropic_api import AnthropicLLM
from bot.adapters.anthropic_wire import Overlong, Watched
from bot.adapters.price_table import PriceTable
from bot.errors import MachineError, UsageError
from bot.llm import LLM, Keep, Passage, Request, Turn, Unanswered
from bot.model import Tokens
from tests.llm import Answer, Fault, LLMServer, answer, faults, thinking, use

HAIKU, SONNET = "claude-haiku-5-5", "claude-sonnet-5-5"
TOOL = {"name": "read_file", "description": "Reads.", "input_schema": {"type": "object", "properties": {}}}
RULES, HABITS = "Rules of the house. " * 120, "Habits of this repository. " * 120
OK = answer("Here it is.")


def said(text: str) -> Turn:
    return Turn("user", ({"type": "text", "text": text},))


ASKED = Request(SONNET, 2000, (Passage(RULES, "1h"), Passage(HABITS, "5m")), (said("Why is it red? " * 200),))


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited, instead of waiting."""
    made: list[float] = []
    monkeypatch.setattr("time.sleep", made.append)
    return made


@pytest.fixture
def llm(llm_server: LLMServer) -> AnthropicLLM:
    return AnthropicLLM(llm_server.environ, timeout=5)


def failed(llm: LLM, request: Request = ASKED) -> Unanswered:
    with pytest.raises(Unanswered) as caught:
        llm.ask(request)
    assert "\n" not in str(caught.value)
    return caught.value


def test_an_answer_comes_as_it_was_given(llm_server: LLMServer, llm: AnthropicLLM) -> None:
    llm_server.script = [answer(thinking("What is " * 20), "I look: ä€.", use("read_file", path="a.py", lines=[1, 2]))]
    reply = llm.ask(ASKED.changed(effort="high", tools=(TOOL,)))
    assert reply.blocks == llm_server_blocks(llm_server)
    assert (reply.text, reply.stop, reply.model) == ("I look: ä€.", "tool_use", SONNET)
    assert reply.uses[0]["input"] == {"path": "a.py", "lines": [1, 2]}
    assert reply.tokens == llm_server.bills[0].tokens
    assert reply.request_id == "req_000001"
    assert reply.seconds > 0
    [body] = llm_server.asked
    assert (body["thinking"], body["output_config"]) == ({"type": "adaptive"}, {"effort": "high"})
    assert body["tools"] == [TOOL]


def llm_server_blocks(server: LLMServer) -> tuple[Any, ...]:
    assert not callable(server.script)
    [given] = server.script
    assert isinstance(given, Answer)
    return given.blocks


def test_a_conversation_goes_on_with_what_was_said(llm_server: LLMServer, llm: AnthropicLLM) -> None:
    llm_server.script = [answer(thinking("Hm."), use("read_file", "t1", path="a.py")), OK]
    asked = ASKED.changed(effort="low", tools=(TOOL,))
    reply = llm.ask(asked)
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "x = 1"}
    more = asked.changed(turns=(*asked.turns, Turn("assistant", reply.blocks), Turn("user", (result,))))
    assert llm.ask(more).text == "Here it is."  # the server refuses thinking that is not its own


def test_a_model_without_effort_is_asked_plainly(llm_server: LLMServer, llm: AnthropicLLM) -> None:
    llm_server.script = [OK]
    llm.ask(Request(HAIKU, 10, (Passage(""),), (said("Why?"),)))
    [body] = llm_server.asked
    assert set(body) == {"model", "max_tokens", "messages", "stream"}


@pytest.mark.parametrize(
    "message", ["output_config.effort: Extra inputs are not permitted", "adaptive thinking is not supported"]
)
def test_a_model_that_has_no_effort_is_asked_again_without(
    llm_server: LLMServer, llm: AnthropicLLM, message: str
) -> None:
    llm_server.script = [faults.refused(400, message), OK]
    assert llm.ask(ASKED.changed(effort="high")).text == "Here it is."
    assert ["output_config" in body for body in llm_server.asked] == [True, False]


def test_what_lasts_is_kept_and_the_second_attempt_reads_it(llm_server: LLMServer, llm: AnthropicLLM) -> None:
    llm_server.script = [OK, OK, OK]
    first, again = llm.ask(ASKED), llm.ask(ASKED.changed(turns=(*ASKED.turns, said("It was not that."))))
    other = llm.ask(ASKED.changed(system=(ASKED.system[0], Passage("Other habits.")), turns=(said("Why?"),)))
    assert first.tokens.cache_write_1h > 512
    assert first.tokens.cache_write > 512
    assert (first.tokens.input, first.tokens.cache_read) == (0, 0)
    assert again.tokens.cache_read == first.tokens.prompt
    assert other.tokens.cache_read == first.tokens.cache_write_1h


def test_marks_are_at_most_four_and_the_longest_come_first(llm_server: LLMServer, llm: AnthropicLLM) -> None:
    llm_server.script = [OK]
    keeps: tuple[Keep, ...] = ("1h", "5m", "1h", "5m", "5m")
    llm.ask(ASKED.changed(system=tuple(Passage(f"Part {n}", keep) for n, keep in enumerate(keeps))))
    [body] = llm_server.asked  # the server refuses other orders, and more marks
    shown = [block.get("cache_control") for block in body["system"]]
    assert shown == [{"type": "ephemeral", "ttl": "1h"}, {"type": "ephemeral"}, {"type": "ephemeral"}, None, None]
    assert body["messages"][-1]["content"][-1]["cache_control"] == {"type": "ephemeral"}
    assert "cache_control" not in ASKED.turns[-1].blocks[-1]


STOPS: dict[str, Answer] = {
    "max_tokens": answer("word " * 20_000),
    "refusal": answer(stop="refusal"),
    "end_turn": answer(),
    "pause_turn": answer("wait", stop="pause_turn"),
}


@pytest.mark.parametrize("stop", STOPS)
def test_why_it_ended_is_passed_on(llm_server: LLMServer, llm: AnthropicLLM, stop: str) -> None:
    llm_server.script = [STOPS[stop]]
    reply = llm.ask(ASKED)
    assert reply.stop == stop
    assert reply.tokens.output <= ASKED.max_output
    assert PriceTable({}).cost(SONNET, reply.tokens) == llm_server.cost(PriceTable({}))


def test_what_does_not_fit_ends_at_the_window(llm_server: LLMServer, llm: AnthropicLLM) -> None:
    llm_server.script = lambda _: answer("word " * 1000)
    llm.ask(ASKED)
    llm_server.windows[SONNET] = llm_server.bills[0].tokens.prompt + 100
    reply = llm.ask(ASKED)
    assert (reply.stop, reply.tokens.output) == ("model_context_window_exceeded", 100)
    llm_server.windows[SONNET] = 100
    assert failed(llm).kind == "too-large"
    assert len(llm_server.bills) == 2


def test_unknown_blocks_and_reasons_pass_through(llm_server: LLMServer, llm: AnthropicLLM) -> None:
    new = {"type": "hologram", "shape": {"sides": 6}}
    llm_server.script = [answer(new, "Look.", stop="out_of_light", lacks=("cache_creation",))]
    reply = llm.ask(ASKED)
    assert reply.blocks[0] == new
    assert (reply.text, reply.stop) == ("Look.", "out_of_light")


def test_a_plain_server_without_a_cache_or_names_for_requests_will_do(llm_server: LLMServer, llm: AnthropicLLM) -> None:
    bare = ("cache_creation_input_tokens", "cache_read_input_tokens", "cache_creation", "request-id")
    llm_server.script = [answer("Hi.", output=7, lacks=bare)]
    reply = llm.ask(Request(SONNET, 10, (), (said("Why?"),)))
    assert reply.tokens == Tokens(input=llm_server.bills[0].tokens.prompt, output=7)
    assert reply.request_id == ""


@pytest.mark.parametrize("lacking", ["input_tokens", "output_tokens"])
def test_an_answer_that_does_not_say_what_it_took_is_none(
    llm_server: LLMServer, llm: AnthropicLLM, lacking: str
) -> None:
    llm_server.script = [answer("Hi.", lacks=(lacking,))]
    error = failed(llm)
    assert (error.kind, error.billed) == ("lost", True)


@dataclass(frozen=True)
class Case:
    """What the server does each time, and what becomes of it: with how many requests, of which so many are billed."""

    fault: Fault
    kind: str
    requests: int = 1
    bills: int = 0
    billed: bool = False
    says: str = ""


CASES = {
    "429 with retry-after": Case(faults.rate_limited(7), "busy", 3, says="it asks to wait 7 s"),
    "429 without": Case(faults.rate_limited(), "busy", 3),
    "429 for long": Case(faults.rate_limited(3600), "busy", 1, says="3600 s"),
    "429 until a day long gone by": Case(faults.rate_limited("Fri, 31 Dec 1999 23:59:59 GMT"), "busy", 3),
    "429 until a day far off": Case(faults.rate_limited("Fri, 31 Dec 2199 23:59:59 GMT"), "busy", 1),
    "429 until nonsense": Case(faults.rate_limited("soon"), "busy", 3),
    "growing too fast": Case(faults.spend_limit("ramp_limit_exceeded"), "busy", 3),
    "spend limit": Case(faults.spend_limit(), "spend-limit"),
    "spend limit of the contract": Case(faults.spend_limit("contract_spend_limit_reached"), "spend-limit"),
    "not paid": Case(faults.spend_limit("linked_organization_spend_limit_reached", 402), "spend-limit"),
    "no credit": Case(faults.no_credit(), "spend-limit"),
    "overloaded": Case(faults.overloaded(), "busy", 3, says="Overloaded"),
    "500": Case(faults.broken(), "busy", 3),
    "502 of a gateway": Case(faults.page(502), "busy", 3),
    "504 of a gateway": Case(faults.broken(504), "lost", billed=True),
    "524 of a gateway": Case(faults.broken(524), "lost", billed=True),
    "408": Case(faults.broken(408), "busy", 3),
    "409": Case(faults.broken(409), "busy", 3),
    "413": Case(faults.too_large(), "too-large"),
    "prompt too long": Case(faults.too_long(), "too-large"),
    "another 400": Case(faults.refused(400, "tools.0: odd\x1b[31m\nname"), "rejected", says="tools.0: odd name"),
    "a redirect": Case(Fault(307, headers={"location": "http://127.0.0.1:9/v1/messages"}), "rejected"),
    "dropped before": Case(faults.dropped(), "lost", billed=True),
    "dropped after": Case(faults.dropped(OK), "lost", 1, 1, billed=True),
    "held before": Case(faults.held(), "lost", billed=True, says="no answer for too long"),
    "held after": Case(faults.held(OK), "lost", 1, 1, billed=True),
    "held in the middle": Case(faults.cut(OK, 3, hold=True), "lost", 1, 1, billed=True),
    "cut at once": Case(faults.cut(OK, 1), "lost", 1, 1, billed=True),
    "cut in a block": Case(faults.cut(OK, 4), "lost", 1, 1, billed=True),
    "cut before the end": Case(faults.cut(OK, 5), "lost", 1, 1, billed=True),
    "ended in a block": Case(faults.ended(OK, 4), "lost", 1, 1, billed=True),
    "overloaded in the middle": Case(faults.broken_off(OK, 4), "busy", 1, 1, billed=True),
    "error in the middle": Case(faults.broken_off(OK, 4, "api_error"), "busy", 1, 1, billed=True),
    "timeout in the middle": Case(faults.broken_off(OK, 4, "timeout_error"), "lost", 1, 1, billed=True),
    "unpaid in the middle": Case(faults.broken_off(OK, 4, "billing_error"), "spend-limit", 1, 1, billed=True),
    "garbage in the middle": Case(faults.garbled(OK, 4), "lost", 1, 1, billed=True),
    "garbage at first": Case(faults.garbled(OK, 0), "lost", 1, 1, billed=True),
    "another's page": Case(faults.page(), "rejected", billed=True, says="text/html"),
    "an end without an answer": Case(faults.ended(OK, 0), "rejected", 1, 1, billed=True),
}


@pytest.mark.parametrize("name", CASES)
def test_each_fault_ends_as_the_table_says(llm_server: LLMServer, pauses: list[float], name: str) -> None:
    case = CASES[name]
    llm_server.script = lambda _: case.fault
    seconds = 0.2 if case.fault.hold else 10
    error = failed(AnthropicLLM(llm_server.environ, timeout=seconds))
    assert (error.kind, error.billed) == (case.kind, case.billed)
    assert case.says in str(error)
    assert (len(llm_server.requests), len(llm_server.bills)) == (case.requests, case.bills)
    assert len(pauses) == case.requests - 1
    assert all(pause <= 60 for pause in pauses)


def test_what_passes_is_waited_for_as_asked_and_paid_once(
    llm_server: LLMServer, llm: AnthropicLLM, pauses: list[float]
) -> None:
    llm_server.script = [faults.rate_limited(7), faults.overloaded(), OK]
    reply = llm.ask(ASKED)
    assert reply.text == "Here it is."
    assert pauses == [7, 0.001]
    assert [b.tokens for b in llm_server.bills] == [reply.tokens]


def test_an_answer_of_less_than_no_tokens_is_none(llm_server: LLMServer, llm: AnthropicLLM) -> None:
    llm_server.script = [answer("Here it is.", output=-5)]
    error = failed(llm)
    assert (error.kind, error.billed) == ("lost", True)


@pytest.mark.parametrize(
    "fault", [faults.held(), faults.held(OK), faults.cut(OK, 3, hold=True)], ids=["before", "after", "in its middle"]
)
@pytest.mark.parametrize("seconds", [(0.2, inf), (10, 0.2)], ids=["of its own", "of the request"])
def test_an_answer_that_never_ends_is_given_up(
    llm_server: LLMServer, fault: Fault, seconds: tuple[float, float]
) -> None:
    llm_server.script = [fault]
    deadline, most = seconds
    error = failed(AnthropicLLM(llm_server.environ, deadline=deadline, timeout=10), ASKED.changed(seconds=most))
    assert (error.kind, error.billed) == ("lost", True)
    assert "not at its end after 0 s" in str(error)


def test_a_stream_that_falls_silent_is_cut_off_when_its_time_is_over() -> None:
    ours, theirs = socketpair()
    ours.settimeout(30)

    def parts() -> Iterator[bytes]:
        yield b"it begins"
        if not ours.recv(1):
            raise httpx2.ReadError("")

    network = SimpleNamespace(get_extra_info=lambda _: ours)
    raw: Any = SimpleNamespace(stream=parts(), extensions={"network_stream": network})
    with ours, theirs, pytest.raises(Overlong):
        list(Watched(raw, monotonic() + 0.2))


def test_what_there_is_no_time_for_is_not_sent_again(llm_server: LLMServer, pauses: list[float]) -> None:
    llm_server.script = [faults.rate_limited(30), OK]
    error = failed(AnthropicLLM(llm_server.environ), ASKED.changed(seconds=20))
    assert (error.kind, error.billed, pauses, len(llm_server.requests)) == ("busy", False, [], 1)
    error = failed(AnthropicLLM(llm_server.environ), ASKED.changed(seconds=0))
    assert (error.kind, error.billed, len(llm_server.requests)) == ("lost", False, 1)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (faults.bad_key(), "does not accept the key: invalid x-api-key (set ANTHROPIC_API_KEY)"),
        (faults.forbidden(), "(set ANTHROPIC_API_KEY)"),
    ],
)
def test_a_key_that_is_none_is_named_by_its_variable(
    llm_server: LLMServer, llm: AnthropicLLM, fault: Fault, told: str
) -> None:
    llm_server.script = [fault]
    with pytest.raises(UsageError) as caught:
        llm.ask(ASKED)
    assert told in str(caught.value)
    assert len(llm_server.requests) == 1


def test_a_model_that_is_none_is_named_with_its_setting(llm_server: LLMServer, llm: AnthropicLLM) -> None:
    error = failed(llm, ASKED.changed(model="claude-gone-1"))
    assert error.kind == "rejected"
    assert "has no model claude-gone-1 (change llm.models)" in str(error)


def test_what_was_never_sent_is_tried_again_and_costs_nothing(pauses: list[float]) -> None:
    with LLMServer().serving() as gone:
        environ = gone.environ
    error = failed(AnthropicLLM(environ))
    assert (error.kind, error.billed) == ("lost", False)
    assert "ANTHROPIC_BASE_URL" in str(error)
    assert len(pauses) == 2


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({}, "there is no key for Anthropic's models (set ANTHROPIC_API_KEY"),
        ({"ANTHROPIC_API_KEY": " \n"}, "there is no key"),
        ({"ANTHROPIC_BASE_URL": "https://api.anthropic.com/"}, "there is no key"),
        ({"ANTHROPIC_BASE_URL": "localhost:1", "ANTHROPIC_API_KEY": "k"}, "ANTHROPIC_BASE_URL"),
        ({"ANTHROPIC_BASE_URL": "http://[", "ANTHROPIC_API_KEY": "k"}, "ANTHROPIC_BASE_URL"),
        ({"ANTHROPIC_BASE_URL": "https://a:sk-1@b", "ANTHROPIC_API_KEY": "k"}, "ANTHROPIC_BASE_URL"),
        ({"ANTHROPIC_BASE_URL": "http://127.0.0.1:9", "ANTHROPIC_API_KEY": "sk-1\nsk-2"}, "ANTHROPIC_API_KEY"),
    ],
)
def test_addresses_and_keys_that_cannot_be_used_are_named(
    pauses: list[float], environ: dict[str, str], told: str
) -> None:
    with pytest.raises(UsageError) as caught:
        AnthropicLLM(environ).ask(ASKED)
    assert told in str(caught.value)
    assert "sk-1" not in str(caught.value)
    assert not pauses


def test_keys_stand_in_no_error_and_no_log(llm_server: LLMServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    llm = AnthropicLLM(llm_server.environ)
    llm_server.script = [faults.refused(400, f"no route for key {llm_server.key}"), OK]
    error = failed(llm)
    llm.ask(ASKED)
    assert "no route for key [redacted]" in str(error)
    assert "HTTP Request" in caplog.text
    assert llm_server.key not in caplog.text + str(error) + repr(llm)


def test_nothing_but_what_was_given_lets_in(llm_server: LLMServer, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = "authorization: Bearer ambient\nx-api-key: ambient"
    for name, value in {"API_KEY": "ambient", "AUTH_TOKEN": "ambient", "CUSTOM_HEADERS": headers}.items():
        monkeypatch.setenv(f"ANTHROPIC_{name}", value)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    llm_server.script = [OK]
    token = {"ANTHROPIC_BASE_URL": llm_server.url, "ANTHROPIC_AUTH_TOKEN": llm_server.key}
    AnthropicLLM(token).ask(ASKED)
    with pytest.raises(UsageError):
        AnthropicLLM({"ANTHROPIC_BASE_URL": llm_server.url}).ask(ASKED)
    sent = [{n: v for n, v in r.headers.items() if n in ("authorization", "x-api-key")} for r in llm_server.requests]
    assert sent == [{"authorization": f"Bearer {llm_server.key}"}, {}]


def test_tokens_are_counted_free_of_charge_or_not_at_all(
    llm_server: LLMServer, llm: AnthropicLLM, pauses: list[float]
) -> None:
    llm_server.script = [OK]
    counted = llm.count(ASKED.changed(effort="low", tools=(TOOL,)))
    assert not llm_server.bills
    llm.ask(ASKED.changed(effort="low", tools=(TOOL,)))
    assert counted == llm_server.bills[0].tokens.prompt
    for fault in (faults.refused(404, "Not found"), faults.overloaded(), faults.page(), faults.dropped()):
        llm_server.count_fault = fault
        assert llm.count(ASKED) is None
    assert llm.count(ASKED.changed(model="none")) is None
    assert AnthropicLLM({}).count(ASKED) is None
    assert not pauses


def test_foundry_speaks_the_same(llm_server: LLMServer) -> None:
    llm_server.script = [OK]
    environ = {"ANTHROPIC_FOUNDRY_BASE_URL": llm_server.url, "ANTHROPIC_FOUNDRY_API_KEY": llm_server.key}
    assert AnthropicLLM(environ, "foundry").ask(ASKED).text == "Here it is."
    with pytest.raises(UsageError, match="ANTHROPIC_FOUNDRY_API_KEY"):
        AnthropicLLM({}, "foundry").ask(ASKED)


@pytest.mark.parametrize("provider", ["bedrock", "vertex"])
def test_a_provider_whose_libraries_are_not_there_says_so(provider: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("boto3", "google"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MachineError, match=rf"pip install 'anthropic\[{provider}\]'"):
        AnthropicLLM({}, provider).ask(ASKED)


def test_the_sdk_is_imported_on_first_use(llm_server: LLMServer) -> None:
    code = """
import sys
from bot.adapters.anthropic_api import AnthropicLLM
from bot.adapters.price_table import PriceTable
AnthropicLLM({}), PriceTable({}).version
print(sorted({"anthropic", "genai_prices", "pydantic", "httpx2"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_warming_up_leaves_what_is_wrong_to_the_first_request(llm_server: LLMServer, llm: AnthropicLLM) -> None:
    llm_server.script = [OK]
    AnthropicLLM({}).warm_up()
    llm.warm_up()
    assert llm.ask(ASKED).text == "Here it is."
