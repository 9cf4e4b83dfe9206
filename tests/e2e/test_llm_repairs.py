"""Small red projects of six languages and all categories, and models that answer well, badly, maliciously or not at all.

The projects, the answers and what has to become of them are in `repairs.yaml`.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.price_table import PriceTable
from bot.model import Category
from bot.yaml12 import load
from tests.conftest import NODE_MODULES
from tests.llm.answers import Answer, answer, use
from tests.llm.server import LLMServer
from tests.projects import CHECKOUT, SETUP_PYTHON, WORKFLOW, Make, Project, workflow

TABLE = Path(__file__).with_name("repairs.yaml")
REPAIRS: Mapping[str, Mapping[str, Any]] = load(TABLE.read_bytes(), TABLE.name)
KINDS = {"good", "bad", "malformed", "malicious", "truncated", "refusal", "empty", "cannot", "agent"}
NOBODY_ASKED = {Category.NETWORK_OR_FLAKY, Category.PERMISSION_OR_SECRET}
SMOKE = (
    "one that declines, one that says nothing, one that cannot",
    "a test of what an earlier step has built",
    "a sum of nothing",
    "an assertion of C",
    "a failure that nobody is to see",
    "a key that only its owner has",
)
"""One for each language that needs no compiler of its own, and kind of answer."""


def block(path: str, old: str, new: str) -> str:
    rows = ["<<<<<<< SEARCH", *old.splitlines(), "=======", *new.splitlines(), ">>>>>>> REPLACE"]
    return "\n".join([path, *rows, ""])


def said(kind: str, told: Any) -> Iterator[Answer]:
    """The answers of one row; an agent gives one for each of its turns."""
    if isinstance(told, list):
        for turn in told:
            uses = [use(name, f"toolu_{at}", **given) for at, one in enumerate(turn) for name, given in one.items()]
            yield answer(*uses, stop="max_tokens" if kind == "truncated" else "")
        return
    text = told if isinstance(told, str) else "\n".join(block(path, *lines) for path, lines in told.items())
    if kind == "truncated":
        yield answer(text[: len(text) // 2], stop="max_tokens")
    elif kind == "refusal":
        yield answer("I will not help with that.", stop="refusal")
    else:
        yield answer(*([f"CAUSE: see the edit.\n\n{text}" if isinstance(told, dict) else text] if text else []))


def steps_of(repair: Mapping[str, Any]) -> list[str]:
    tools = repair.get("with", "")
    setup = [CHECKOUT, *([SETUP_PYTHON] if tools == "python" else [])]
    setup += ["uses: actions/setup-node@v4"] if tools in ("node", "eslint") else []
    setup += ["uses: acme/node-tools@v1"] if tools == "eslint" else []
    if install := repair.get("install"):
        setup.append(f"run: python -m pip install --quiet {install}")
    return [*setup, *(f"run: |\n  {command}" for command in repair["run"])]


def made(repair: Mapping[str, Any], project: Make) -> Project:
    """The repository of a row, committed."""
    text = repair.get("workflow") or workflow(*steps_of(repair))
    files = {name: content.encode() for name, content in {WORKFLOW: text, **repair["files"]}.items()}
    found = project(files)
    for name in repair.get("executable", ()):
        (found.root / name).chmod(0o755)
    if repair.get("executable"):
        found.commit("Let it be run")
    return found


@pytest.fixture(scope="module")
def node_tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An action that puts eslint into the workspace."""
    folder = tmp_path_factory.mktemp("node-tools")
    step = "{run: 'cp -r $GITHUB_ACTION_PATH/node_modules .', shell: bash}"
    (folder / "action.yml").write_text(f"runs: {{using: composite, steps: [{step}]}}\n")
    shutil.copytree(NODE_MODULES, folder / "node_modules", symlinks=True)
    return folder


def asked_in_order(found: Mapping[str, Any], expected: list[str]) -> None:
    """Attempts as they should be: strategy, tier, verdict, and words of the reason."""
    told = [f"{a['strategy']} {a['tier']} {a['verdict'] or '-'}: {a['reason']}" for a in found["attempts"]]
    assert len(told) == len(expected), told
    for one, wanted in zip(told, expected, strict=True):
        head, _, reason = wanted.partition(": ")
        assert one.partition(": ")[0] == head, told
        assert reason in one.partition(": ")[2], told


def paid_what_was_billed(found: Mapping[str, Any], record: Mapping[str, Any], server: LLMServer) -> None:
    """Every call of the record is one of the server's bills, token by token, and the dollars are theirs."""
    prices = PriceTable({})
    calls = [call for attempt in record["attempts"] for call in attempt["calls"]]
    bills = [(bill.model, bill.tokens.as_json()) for bill in server.bills]
    assert [(call["model"], call["tokens"]) for call in calls] == bills
    assert [Decimal(call["cost_usd"]) for call in calls] == [prices.cost(b.model, b.tokens) for b in server.bills]
    assert Decimal(record["cost_usd"]) == server.cost(prices)
    assert found["cost_usd"] == float(server.cost(prices))
    assert sum(a["cost_usd"] for a in found["attempts"]) == pytest.approx(found["cost_usd"])


def proven(repair: Mapping[str, Any], found: Mapping[str, Any], project: Project, clone: Path) -> None:
    """What is fixed passes outside of a replay too, and only what the last answers edited is touched."""
    project.git("clone", "--quiet", "--branch", found["branch"], ".", str(clone))
    commands = [command for command in repair.get("run", ()) if "pip install" not in command]
    if commands and not {"install", "with"} & set(repair):
        subprocess.run(["bash", "-ec", "\n".join(commands)], cwd=clone, check=True, capture_output=True)
    changed = project.git("diff", "--name-only", "main", found["branch"]).splitlines()
    assert set(changed) <= {path for row in repair["answers"] for path in edited(row)}


def edited(row: Mapping[str, Any]) -> Iterator[str]:
    for kind, told in row.items():
        if kind == "good":
            yield from told
        elif kind == "agent":
            yield from (use["edit"]["path"] for turn in told for use in turn if "edit" in use)


ROWS = [pytest.param(name, id=name, marks=() if name in SMOKE else pytest.mark.campaign) for name in REPAIRS]


@pytest.mark.parametrize("name", ROWS)
def test_models_are_asked_in_order_and_what_they_say_is_proven(
    project: Make, llm_server: LLMServer, tmp_path: Path, request: pytest.FixtureRequest, name: str
) -> None:
    repair = REPAIRS[name]
    if lacking := [program for program in repair.get("needs", ()) if not shutil.which(program)]:
        pytest.skip(f"there is no {', '.join(lacking)} here")
    llm_server.script = [one for row in repair["answers"] for kind, told in row.items() for one in said(kind, told)]
    asked = len(llm_server.script)
    here = made(repair, project)
    words = ["fix", "--json", "--network", "none"]
    if repair.get("with") == "eslint":
        words += ["--local-action", f"acme/node-tools@v1={request.getfixturevalue('node_tools')}"]
    models = {"REGREEN_LLM_MODELS": json.dumps(repair["models"])} if "models" in repair else {}
    done = here.here(*words, env={**llm_server.environ, **models})
    assert done.out, done.err
    found, expect = done.json, repair["expect"]
    asked_in_order(found, expect["attempts"])
    assert found["verdict"] == expect["verdict"], found["reason"]
    assert len(llm_server.bills) == asked
    paid_what_was_billed(found, here.here("show", found["incident"], "--json").json, llm_server)
    if "category" in expect:
        assert found["diagnosis"]["category"] == expect["category"]
    if "parts" in expect:
        assert {p["job"]: p["verdict"] for p in found["parts"]} == expect["parts"]
    if found["verdict"] == "FIXED":
        proven(repair, found, here, tmp_path / "clone")
    elif "parts" not in expect:
        assert found["branch"] is None


def test_the_table_has_what_it_is_to_show() -> None:
    """Six languages, all categories, all kinds of answers; of two categories no model is asked."""
    rows = REPAIRS.values()
    assert len(REPAIRS) >= 30
    assert len({r["language"] for r in rows} - {"TypeScript"}) >= 6
    assert {r["expect"].get("category") for r in rows} - {None} == set(Category)
    assert {kind for r in rows for row in r["answers"] for kind in row} == KINDS
    for repair in rows:
        if repair["expect"].get("category") in NOBODY_ASKED:
            assert not repair["answers"]
