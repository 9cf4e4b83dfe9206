from typing import Any

import pytest

from bot.errors import UsageError
from bot.replay.expressions import Scope
from bot.replay.workflow import closure, event_of, expand_matrix, job_name, parse
from bot.yaml12 import load

JOB = "{runs-on: ubuntu-latest, steps: [{run: a}]}"
SCOPE = Scope({"matrix": {"v": 1}})


def legs(text: str) -> list[dict[str, Any]]:
    return expand_matrix({"strategy": {"matrix": load(text, "x")}}, SCOPE)


def test_matrix_with_include_as_github_documents_it() -> None:
    text = """
fruit: [apple, pear]
animal: [cat, dog]
include:
  - color: green
  - {color: pink, animal: cat}
  - {fruit: apple, shape: circle}
  - {fruit: banana}
  - {fruit: banana, animal: cat}
"""
    assert legs(text) == [
        {"fruit": "apple", "animal": "cat", "color": "pink", "shape": "circle"},
        {"fruit": "apple", "animal": "dog", "color": "green", "shape": "circle"},
        {"fruit": "pear", "animal": "cat", "color": "pink"},
        {"fruit": "pear", "animal": "dog", "color": "green"},
        {"fruit": "banana"},
        {"fruit": "banana", "animal": "cat"},
    ]


def test_exclude_comes_before_include() -> None:
    assert legs("{a: [1, 2], b: [3], exclude: [{a: 1}], include: [{a: 1, b: 3}]}") == [
        {"a": 2, "b": 3},
        {"a": 1, "b": 3},
    ]
    assert legs("{a: [{x: 1, y: 2}, {x: 2}], exclude: [{a: {x: 1}}]}") == [{"a": {"x": 2}}]
    assert legs("{include: [{a: 1}, {a: 2}]}") == [{"a": 1}, {"a": 2}]
    assert expand_matrix({}, SCOPE) == [{}]


def test_matrix_mistakes() -> None:
    for text, told in (
        ("{a: 1}", "axis 'a'"),
        ("[1]", "not a mapping"),
        ("{a: [1], exclude: 3}", "'exclude'"),
        ("{a: [1], include: [3]}", "'include'"),
    ):
        with pytest.raises(UsageError, match=told):
            legs(text)
    with pytest.raises(UsageError, match="289 legs; GitHub allows 256"):
        legs(f"{{a: {list(range(17))}, b: {list(range(17))}}}")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "wf.yml: this is no workflow"),
        ("[1]", "wf.yml: this is no workflow"),
        ("on: push\njobs: {}", "wf.yml: this is no workflow"),
        (f"jobs: {{a: {JOB}}}", "has no 'on'"),
        ("on: push\njobs: {a: 3}", "the job 'a' is not a mapping"),
        ("on: push\njobs: {a: {runs-on: x}}", "the job 'a' has no steps"),
        ("on: push\njobs: {a: {steps: [{run: a}]}}", "the job 'a' has no runs-on"),
        ("on: push\njobs: {a: {runs-on: x, steps: [{name: a}]}}", "the job 'a': step 1 needs either 'run' or 'uses'"),
        ("on: push\njobs: {a: {runs-on: x, steps: [{run: a, uses: b}]}}", "the job 'a': step 1 needs"),
        ("on: push\njobs: {a: {runs-on: x, needs: b, steps: [{run: a}]}}", "needs 'b', which does not exist"),
        (
            f"on: push\njobs:\n  a: {{needs: b, {JOB[1:-1]}}}\n  b: {{needs: [a], {JOB[1:-1]}}}\n  c: {JOB}",
            "wf.yml: jobs need each other in a circle: a needs b needs a",
        ),
        (
            "on: push\njobs:\n"
            + "".join(f"  {j}: {{needs: [{n}], {JOB[1:-1]}}}\n" for j, n in ("ab", "bc", "ca", "da", "ee")),
            "in a circle: a needs b needs c needs a",
        ),
        (f"on: push\njobs: {{e: {{needs: e, {JOB[1:-1]}}}}}", "in a circle: e needs e"),
        ("on: push\njobs:\n  a: [", "wf.yml:4:1: not valid YAML"),
        (
            "on: push\nenv: &e {A: b}\njobs:\n  a: {runs-on: x, env: {<<: *e}, steps: [{run: 'cat <<x'}]}",
            "wf.yml:4: GitHub knows anchors",
        ),
    ],
)
def test_mistakes_name_the_place(text: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text, "wf.yml")
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("on", "event"),
    [
        ("push", "push"),
        ("[pull_request, push]", "push"),
        ("{push: {branches: [main]}}", "push"),
        ("{push: {tags: ['v*']}}", None),
        ("{push: {tags: ['v*']}, pull_request: null}", "pull_request"),
        ("{push: {tags: ['v*'], branches: ['**']}}", "push"),
        ("pull_request_target", "pull_request_target"),
        ("[workflow_dispatch, schedule]", None),
    ],
)
def test_the_event_of_a_local_replay(on: str, event: str | None) -> None:
    assert event_of(parse(f"on: {on}\njobs: {{a: {JOB}}}", "wf.yml")) == event


def test_needed_jobs_come_first() -> None:
    text = "on: push\njobs:\n" + "".join(
        f"  {name}: {{runs-on: x, needs: [{needs}], steps: [{{run: a}}]}}\n"
        for name, needs in (("d", "b, c"), ("c", "a"), ("b", "a"), ("a", ""), ("e", ""))
    )
    workflow = parse(text, "wf.yml")
    assert closure(workflow, ["d"]) == ["a", "c", "b", "d"]
    assert set(closure(workflow, [])) == set("abcde")
    with pytest.raises(UsageError, match=r"there is no job 'x' \(its jobs: d, c, b, a, e\)"):
        closure(workflow, ["x"])


def test_names_of_legs() -> None:
    assert job_name("t", {}, {}, SCOPE) == "t"
    assert job_name("t", {}, {"a": 3.1, "b": "x", "c": {"no": 1}}, SCOPE) == "t (3.1, x)"
    assert job_name("t", {"name": "Test ${{ matrix.v }}"}, {"v": 1}, SCOPE) == "Test 1"
    assert job_name("t", {"name": "Test"}, {"v": 1}, SCOPE) == "Test (1)"
