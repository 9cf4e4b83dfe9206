"""GitHub's expression language, held against its documentation and against act."""

import base64
import json
import math
from typing import Any

import pytest

from bot.errors import UsageError
from bot.replay.expressions import Scope, condition, evaluate, interpolate, to_string, truthy
from tests.projects import WORKFLOW, Make, workflow

CONTEXTS: dict[str, Any] = {
    "github": {
        "ref": "refs/heads/main",
        "event": {"labels": [{"name": "Bug"}, {"name": "ui"}], "n": None},
        "actor": "Someone",
    },
    "matrix": {"v": 3.1, "os": "ubuntu-latest", "list": [1, [2, 3]], "dash-ed": True},
}
STATUS = {"success": lambda: True, "failure": lambda: False, "always": lambda: True, "cancelled": lambda: False}
SCOPE = Scope(CONTEXTS, STATUS)

VALUES: dict[str, Any] = {
    "null": None,
    "true": True,
    "-9.2": -9.2,
    "0xff": 255,
    "-2.99e-2": -0.0299,
    "'It''s'": "It's",
    "1 == '1'": True,
    "null == 0": True,
    "'' == 0": True,
    "'abc' == 'ABC'": True,
    "true == 1": True,
    "true == 'true'": False,
    "'a' < 'B'": True,
    "'10' > 9": True,
    "'x' > 9": False,
    "github.ref == 'refs/heads/main' && 'yes' || 'no'": "yes",
    "!github.event.n": True,
    "!true || 'fallback'": "fallback",
    "false && nope.x": False,
    "github.event.labels.*.name": ["Bug", "ui"],
    "github.event.labels[1].name": "ui",
    "github.event.labels[7]": None,
    "github.event.missing.deeper": None,
    "GitHub.Actor": "Someone",
    "matrix['dash-ed']": True,
    "matrix.dash-ed": True,
    "matrix.list[1][0]": 2,
    "matrix.*": [3.1, "ubuntu-latest", [1, [2, 3]], True],
    "contains('Hello world', 'LLO')": True,
    "contains(github.event.labels.*.name, 'bug')": True,
    "contains(fromJSON('[\"push\", \"x\"]'), 'pull')": False,
    "startsWith('Hello', 'he')": True,
    "endsWith('Hello', 'LO')": True,
    "format('{0} {1} {{}} {0}', 'a', 2)": "a 2 {} a",
    "join(github.event.labels.*.name, ', ')": "Bug, ui",
    "join('one')": "one",
    "toJSON(matrix.list)": "[\n  1,\n  [\n    2,\n    3\n  ]\n]",
    "fromJSON('{\"a\": [1, 2]}').a[1]": 2,
    "(1 < 2) == (2 >= 2)": True,
    "1 < 2 && 3 < 2 || 4 != 5": True,
}


@pytest.mark.parametrize("text", VALUES)
def test_values(text: str) -> None:
    assert evaluate(text, SCOPE) == VALUES[text]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1 +", "malformed at '+'"),
        ("'open", "malformed at ''open'"),
        ("a.", "malformed after '.'"),
        ("(1", "')' is missing"),
        ("f(1", "missing"),
        ("1 2", "malformed at '2'"),
        ("", "malformed at 'its end'"),
        ("nope.x", "names 'nope'"),
        ("nope()", "calls 'nope()'"),
        ("contains('a')", "1 arguments"),
        ("fromJSON('{')", "no JSON"),
        ("fromJSON(" + "'" + "[" * 20_000 + "'" + ")", "no JSON"),
        ("format('{1}', 'a')", "{1}"),
        ("format('{', 'a')", "'{'"),
        ("!" * 100 + "1", "deeper than 50"),
        ("(" * 400, "deeper than 50"),
        ("(" * 100_000, "100,000 characters"),
        (" && ".join(["true"] * 300), "more than 500 parts"),
        ("github" + ".a" * 300, "more than 500 parts"),
    ],
)
def test_mistakes_are_one_clear_line(text: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        evaluate(text, SCOPE)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_interpolation() -> None:
    assert interpolate("${{ matrix.v }}", SCOPE) == 3.1
    assert interpolate("py${{ matrix.v }}-${{ matrix.os }}", SCOPE) == "py3.1-ubuntu-latest"
    assert interpolate("${{ '}}' }}!", SCOPE) == "}}!"
    assert interpolate("plain", SCOPE) == "plain"
    assert interpolate("", SCOPE) == ""
    with pytest.raises(UsageError, match="has no end"):
        interpolate("a ${{ b", SCOPE)


def test_conditions() -> None:
    failed = Scope(CONTEXTS, {**STATUS, "success": lambda: False, "failure": lambda: True})
    for text, after_success, after_failure in (
        (None, True, False),
        ("matrix.v", True, False),
        ("${{ matrix.v == 3.1 }}", True, False),
        ("always()", True, True),
        ("failure()", False, True),
        ("!cancelled() && matrix.v", True, True),
        ("success() || failure()", True, True),
        (False, False, False),
        ("github.event.n", False, False),
        ("always() && github.event.n", False, False),
        ("a ${{ false }} mixture is a text, which is true", True, False),
        ("${{ always() }} mixture", True, True),
        ("", True, False),
    ):
        assert condition(text, SCOPE) is after_success, text
        assert condition(text, failed) is after_failure, text


def test_truth_and_strings() -> None:
    assert not any(map(truthy, (None, False, 0, 0.0, math.nan, "")))
    assert all(map(truthy, (True, 1, -1, "0", "false", [], {})))
    shown = [to_string(x) for x in (None, True, 3.0, 3.14, 1e21, math.nan, -math.inf, [1], {"a": 1}, "x")]
    assert shown == ["", "true", "3", "3.14", "1E+21", "NaN", "-Infinity", "Array", "Object", "x"]


NOT_IN_ACT = {
    "'a' < 'B'",  # act compares strings with regard to case
    "matrix.*",  # act keeps maps in no order
    "github.event.missing.deeper",
}
"""What act 0.2.89 answers differently; GitHub's documentation is right."""


def test_steps_are_evaluated_as_jobs_are(project: Make) -> None:
    """Jobs are decided by us and steps by act: the same expressions have to mean the same."""
    texts = [t for t in VALUES if t not in NOT_IN_ACT and "nope" not in t]
    given = {"ref": "refs/heads/main", **CONTEXTS["github"]["event"]}
    env = "\n".join(f"  V{i}: {json.dumps(f'${{{{ toJSON({t}) }}}}')}" for i, t in enumerate(texts))
    shown = (
        "run: |\n" + "\n".join(f"  printf '%s\\0' \"$V{i}\" >> out" for i in range(len(texts))) + "\n  base64 -w0 out"
    )
    job = f"strategy:\n  matrix:\n    include:\n      - {json.dumps(CONTEXTS['matrix'])}"
    made = project({WORKFLOW: workflow(f"{shown}\nenv:\n{env}", job=job)})
    done = made.replay(event_payload=given, ref="refs/heads/main", repository="Someone/x")
    answers = base64.b64decode(done.printed()[-1]).decode().split("\0")[:-1]
    different = {t: a for t, a in zip(texts, answers, strict=True) if json.loads(a or "null") != VALUES[t]}
    assert different == {}
