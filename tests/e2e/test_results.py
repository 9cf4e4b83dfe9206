"""Results of replays as people and other programs read them."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.projects import WORKFLOW, Make

ASSERTION = "FAILED tests/test_a.py::test_b - assert 1 == 2"
PROJECT = f"""
    on: push
    jobs:
      test:
        strategy: {{matrix: {{v: [1, 2]}}}}
        runs-on: ubuntu-latest
        steps:
          - {{name: Set up, uses: actions/checkout@v4}}
          - id: run
            name: Run tests
            run: |
              test ${{{{ matrix.v }}}} = 2 || test ! -e red || {{ echo '{ASSERTION}'; echo '= 1 failed, 2 passed in 0.1s ='; exit 1; }}
              echo '= 3 passed in 0.1s ='
          - {{name: Skipped, if: false, run: 'true'}}
      elsewhere:
        runs-on: windows-latest
        steps: [{{run: 'true'}}]
"""


def test_a_failing_replay_in_words_as_junit_and_compared(project: Make, tmp_path: Path) -> None:
    made = project({WORKFLOW: PROJECT})
    before = tmp_path / "before.json"
    before.write_text(made.here("replay", "--json").out)
    made.write({"red": ""})
    done = made.here("replay", "--junit", str(tmp_path / "junit.xml"))
    assert done.code == 1
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert any(line.endswith(ASSERTION) for line in lines)  # of the excerpt
    assert "✗ test (1) failure 1 success, 1 failure, 1 skipped 3 run, 1 failed" in " | ".join(lines).replace("  ", " ")
    assert any("test (1) / Run tests: failure in" in line for line in done.err.splitlines())

    root = ET.parse(tmp_path / "junit.xml").getroot()
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("7", "1", "1")
    suites = {str(s.get("name")): s for s in root.findall("testsuite")}
    assert list(suites) == [f"{WORKFLOW}: {name}" for name in ("test (1)", "test (2)", "elsewhere")]
    failed = suites[f"{WORKFLOW}: test (1)"]
    assert [c.get("name") for c in failed.findall("testcase")] == ["Set up", "Run tests", "Skipped"]
    told = failed.find("testcase[@name='Run tests']/failure")
    assert told is not None
    assert told.get("message") == ASSERTION
    assert ASSERTION in str(told.text)
    error = root.find(".//error")
    assert error is not None
    assert "windows-latest" in str(error.get("message"))

    after = tmp_path / "after.json"
    after.write_text(made.here("replay", "--json").out)
    done = made.here("replay", "--compare", str(before), str(after), "--json")
    assert (done.code, done.json["worse"]) == (1, True)
    rows = [(c["what"], c["name"], c["before"], c["after"], c["worse"]) for c in done.json["changes"]]
    assert {c["job"] for c in done.json["changes"]} == {"test (1)"}
    assert rows == [
        ("job", "", "success", "failure", True), ("step", "Run tests", "success", "failure", True),
        ("test", "tests/test_a.py::test_b", "not failing", "failing", True),
        ("test", "all", "3 run, 0 failed, 0 skipped", "3 run, 1 failed, 0 skipped", True),
    ]  # fmt: skip
    done = made.here("replay", "--compare", str(after), str(before))
    assert (done.code, "worse" in done.out, "failing" in done.out) == (0, False, True)
    assert "both results are the same" in made.here("replay", "--compare", str(after), str(after)).out


LEG = {"id": "a", "name": "a", "result": "success", "steps": [{"name": "s", "id": "0", "result": "success"}]}


@pytest.mark.parametrize(
    ("before", "after", "worse"),
    [
        ([LEG], [], True),  # gone
        ([], [LEG], False),
        ([], [{**LEG, "result": "failure"}], True),
        ([{**LEG, "result": "failure"}], [], False),
        ([{**LEG, "result": "failure"}], [{**LEG, "result": "unreplayable"}], False),
        ([LEG], [{**LEG, "result": "unreplayable"}], True),
        ([LEG], [{**LEG, "result": "skipped"}], True),
        ([LEG], [{**LEG, "steps": []}], False),
        ([{**LEG, "tests": {"run": 3}}], [{**LEG, "tests": {"run": 2}}], True),
        ([{**LEG, "tests": {"run": 3}}], [{**LEG, "tests": {"run": 4}}], False),
    ],
)
def test_what_is_worse(project: Make, tmp_path: Path, before: object, after: object, worse: bool) -> None:
    for name, jobs in (("a", before), ("b", after)):
        (tmp_path / name).write_text(json.dumps({"result": "success", "jobs": jobs}))
    done = project({}).here("replay", "--compare", str(tmp_path / "a"), str(tmp_path / "b"), "--json")
    assert (done.code, done.json["worse"], len(done.json["changes"])) == (int(worse), worse, 1)


def test_what_is_no_result_is_named(project: Make, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("[]")
    done = project({}).here("replay", "--compare", str(tmp_path / "a"), str(tmp_path / "a"))
    assert (done.code, "a: this is no result of regreen replay --json" in done.err) == (2, True)


def test_names_of_strangers_make_no_bad_xml(project: Make, tmp_path: Path) -> None:
    name = json.dumps("\x07<&\x1b[31m\ufffe\"'")
    made = project(
        {WORKFLOW: f"on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps: [{{name: {name}, run: 'true'}}]\n"}
    )
    assert made.here("replay", "--junit", str(tmp_path / "x.xml")).code == 0
    case = ET.parse(tmp_path / "x.xml").find(".//testcase")
    assert case is not None
    assert case.get("name") == "<&\"'"


def test_secrets_in_names_of_steps_are_in_no_progress(project: Make) -> None:
    made = project(
        {
            WORKFLOW: "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps: [{name: 'x ${{ secrets.KEY }}', run: exit 1}]\n"
        }
    )
    done = made.here("replay", "--secret", "KEY", env={"KEY": "hush-hush-hush"})
    assert "a / x ***: failure in" in done.err
    assert "hush" not in done.out + done.err
