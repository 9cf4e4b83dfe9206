"""`regreen fix` as a user runs it: every verdict and every grade, through the real act in the real sandbox."""

from pathlib import Path
from typing import Any

import pytest

from bot.replay.replays import Replays
from tests.projects import CHECKOUT, RUFF, SETUP_PYTHON, WORKFLOW, Make, Project, workflow

SETUP = (CHECKOUT, RUFF)
UGLY = "x = {  'a':1 }\n"
NEAT = 'x = {"a": 1}\n'
TEST = "import unittest\n\n\nclass T(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual({0}, {1})\n"
FIELDS = {
    "culprit",
    "outcome",
    "proposed",
    "incident",
    "verdict",
    "grade",
    "reason",
    "strategy",
    "branch",
    "diff",
    "diagnosis",
    "notes",
    "parts",
    "attempts",
    "advice",
    "cost_usd",
    "models",
    "seconds",
}


def fix(project: Project, *args: str) -> tuple[int, Any]:
    done = project.here("fix", "--json", *args)
    assert done.out, done.err
    return done.code, done.json


def test_fixed_with_every_leg_green_is_grade_a(project: Make) -> None:
    made = project(
        {WORKFLOW: workflow(*SETUP, "run: make lint"), "Makefile": "lint:\n\truff format --check .\n", "a.py": UGLY}
    )
    head = made.git("rev-parse", "HEAD")
    code, found = fix(made)
    assert (code, found["verdict"], found["grade"], found["strategy"]) == (0, "FIXED", "A", "fix mode")
    assert set(found) == FIELDS
    assert found["diagnosis"]["category"] == "lint_error"
    assert [(p["job"], p["verdict"], p["grade"]) for p in found["parts"]] == [("job", "FIXED", "A")]
    assert [(a["strategy"], a["verdict"], a["cost_usd"]) for a in found["attempts"]] == [("fix mode", "FIXED", 0)]
    assert found["branch"] == f"regreen/{found['incident']}-run-ruff-format-in-fix-mode"
    assert made.git("show", f"{found['branch']}:a.py") + "\n" == NEAT
    assert made.git("diff", "--full-index", "main", found["branch"]) + "\n" == found["diff"]
    assert made.git("log", "-1", "--format=%an|%s", found["branch"]) == "Regreen|Fix CI: run ruff format in fix mode"
    trailers = made.git("log", "-1", "--format=%(trailers)", found["branch"])
    assert f"Regreen-Incident: {found['incident']}" in trailers
    assert "Regreen-Evidence: A" in trailers
    assert (made.git("rev-parse", "HEAD"), made.git("status", "--porcelain"), (made.root / "a.py").read_text()) == (
        head,
        "",
        UGLY,
    )
    assert made.git("switch", "--quiet", found["branch"]) == ""
    assert made.replay().jobs == {"job": "success"}


def test_a_job_of_a_called_workflow_is_fixed(project: Make) -> None:
    caller = "on: push\njobs:\n  call: {strategy: {matrix: {v: [1, 2]}}, uses: ./.github/workflows/lint.yml}\n"
    called = workflow(*SETUP, "run: ruff format --check .", on="workflow_call")
    code, found = fix(project({WORKFLOW: caller, ".github/workflows/lint.yml": called, "a.py": UGLY}))
    assert (code, found["verdict"], found["grade"]) == (0, "FIXED", "A"), found
    assert [(p["job"], p["matrix"], p["verdict"]) for p in found["parts"]] == [
        ("call/job", {"v": 1}, "FIXED"),
        ("call/job", {"v": 2}, "FIXED"),
    ]


def test_what_is_not_committed_is_fixed_too(project: Make) -> None:
    made = project({WORKFLOW: workflow(*SETUP, "run: ruff format --check ."), "a.py": NEAT})
    made.write({"b.py": UGLY, "a.py": NEAT + "y = 1\n"})
    _, found = fix(made)
    assert (found["verdict"], found["grade"]) == ("FIXED", "A")
    assert made.git("log", "--format=%s", f"main..{found['branch']}").splitlines() == [
        "Fix CI: run ruff format in fix mode", "Uncommitted changes of the checkout",
    ]  # fmt: skip
    assert made.git("diff", "--name-only", f"{found['branch']}~1", found["branch"]) == "b.py"
    assert fix(made, "--committed")[1]["verdict"] == "GREEN"


def test_delivery_to_the_working_tree_and_as_a_patch(project: Make, tmp_path: Path) -> None:
    made = project({WORKFLOW: workflow(*SETUP, "run: ruff format --check ."), "a.py": UGLY})
    code, found = fix(made, "--patch", str(tmp_path / "fix.patch"))
    assert (code, found["branch"]) == (0, None)
    assert (tmp_path / "fix.patch").read_text() == found["diff"]
    made.git("apply", "--check", str(tmp_path / "fix.patch"))
    assert (made.root / "a.py").read_text() == UGLY
    code, found = fix(made, "--apply")
    assert (code, (made.root / "a.py").read_text()) == (0, NEAT)
    assert made.git("diff", "--name-only") == "a.py"
    assert fix(made)[1]["verdict"] == "GREEN"


def test_green_needs_nothing(project: Make) -> None:
    code, found = fix(project({WORKFLOW: workflow("run: 'true'")}))
    assert (code, found["verdict"], found["grade"], found["branch"], found["parts"]) == (0, "GREEN", None, None, [])


def test_part_of_the_workflow_is_grade_b(project: Make) -> None:
    text = """
        on: push
        jobs:
          lint:
            strategy: {matrix: {os: [ubuntu-latest, windows-latest]}}
            runs-on: ${{ matrix.os }}
            steps:
              - uses: actions/checkout@v4
              - uses: actions/setup-python@v5
              - run: pip install --quiet ruff && ruff format --check .
    """
    code, found = fix(project({WORKFLOW: text, "a.py": UGLY}))
    assert (code, found["verdict"], found["grade"]) == (0, "FIXED", "B")
    assert "lint (windows-latest) was not replayed" in found["reason"]


def test_a_named_job_is_grade_b(project: Make) -> None:
    code, found = fix(project({WORKFLOW: workflow(*SETUP, "run: ruff format --check ."), "a.py": UGLY}), "--job", "job")
    assert (code, found["verdict"], found["grade"]) == (0, "FIXED", "B")


def test_a_failing_step_alone_is_grade_c(project: Make) -> None:
    steps = (*SETUP, "run: ruff format --check .", "uses: acme/unknown@v1")
    code, found = fix(project({WORKFLOW: workflow(*steps), "a.py": UGLY}))
    assert (code, found["verdict"], found["grade"]) == (1, "UNREPLAYABLE", "C")
    assert "acme/unknown@v1" in found["reason"]
    assert found["branch"], "what is fixed in part is offered as such"
    assert [(p["verdict"], p["grade"]) for p in found["parts"]] == [("UNREPLAYABLE", "C")]


def test_not_fixed_says_why_it_is_red(project: Make) -> None:
    made = project({WORKFLOW: workflow(CHECKOUT, "run: python3 -m unittest -v"), "test_a.py": TEST.format(1, 2)})
    code, found = fix(made)
    assert (code, found["verdict"], found["grade"], found["branch"]) == (1, "NOT_FIXED", None, None)
    told = found["diagnosis"]
    assert (told["category"], told["tests"]["run"], told["tests"]["failed"]) == ("test_assertion", 1, 1)
    assert {"file": "test_a.py", "line": 6}.items() <= told["locations"][0].items()
    assert "test_a" in told["failing_tests"][0]


def test_still_failing_when_the_fix_does_not_reach(project: Make) -> None:
    made = project(
        {WORKFLOW: workflow(*SETUP, "run: ruff check --no-cache ."), "a.py": "import os\n\nprint(undefined)\n"}
    )
    code, found = fix(made)
    assert (code, found["verdict"], found["branch"]) == (1, "STILL_FAILING", None)


def test_a_fix_that_uncovers_the_next_failure_goes_on(project: Make) -> None:
    steps = (*SETUP, "run: ruff format --check .", "run: ruff check --no-cache .", "run: python3 -m unittest")
    made = project({WORKFLOW: workflow(*steps), "a.py": f"import os\n{UGLY}", "test_a.py": TEST.format(1, 1)})
    code, found = fix(made)
    assert (code, found["verdict"], found["grade"]) == (0, "FIXED", "A")
    assert [a["verdict"] for a in found["attempts"]] == ["STILL_FAILING", "STILL_FAILING", "FIXED"]
    assert made.git("show", f"{found['branch']}:a.py") + "\n" == NEAT


def test_a_fix_that_breaks_another_job_is_refused_as_regressed(project: Make) -> None:
    text = """
        on: push
        jobs:
          lint:
            runs-on: ubuntu-latest
            steps:
              - uses: actions/checkout@v4
              - RUFF
              - run: ruff check --no-cache .
          use:
            runs-on: ubuntu-latest
            steps:
              - uses: actions/checkout@v4
              - run: python3 -c "from a import os"
    """
    made = project({WORKFLOW: text.replace("RUFF", RUFF), "a.py": "import os\n"})
    code, found = fix(made)
    assert (code, found["verdict"], found["branch"]) == (1, "REGRESSED", None)
    assert "the job use, which passed before, fails" in found["reason"]


def test_a_fix_that_breaks_a_test_of_its_own_job_is_regressed(project: Make) -> None:
    steps = (*SETUP, "run: python3 -m unittest", "run: ruff check --no-cache a.py")
    test = "from a import os\n" + TEST.format("os", "os")
    code, found = fix(project({WORKFLOW: workflow(*steps), "a.py": "import os\n", "test_a.py": test}))
    assert (code, found["verdict"], found["branch"]) == (1, "REGRESSED", None)
    assert "the step 'Run python3 -m unittest', which passed before, fails" in found["reason"]


def test_a_fix_that_breaks_what_no_job_runs_is_regressed(project: Make) -> None:
    steps = (*SETUP, "run: ruff check --no-cache a.py")
    made = project({WORKFLOW: workflow(*steps), "a.py": "import os\n", "examples/b.py": "from a import os\n"})
    code, found = fix(made)
    assert (code, found["verdict"], found["branch"]) == (1, "REGRESSED", None)
    assert "examples/b.py takes os from a.py, which has it no more" in found["reason"]


def test_a_fix_that_breaks_the_step_behind_it_is_not_offered(project: Make) -> None:
    steps = (*SETUP, "run: ruff check --no-cache a.py", "run: python3 -m unittest")
    test = "import a\n" + TEST.format("a.os.sep", "'/'")
    code, found = fix(project({WORKFLOW: workflow(*steps), "a.py": "import os\n", "test_a.py": test}))
    assert (code, found["verdict"], found["branch"]) == (1, "STILL_FAILING", None)
    assert "'Run python3 -m unittest' fails with it, and passes without it" in found["reason"]


def test_a_fix_before_a_step_that_fails_in_any_case_is_offered_as_a_part(project: Make) -> None:
    steps = (*SETUP, "run: ruff check --no-cache a.py", "run: python3 -m unittest")
    made = project({WORKFLOW: workflow(*steps), "a.py": "import os\n", "test_a.py": TEST.format(1, 2)})
    code, found = fix(made)
    assert (code, found["verdict"], found["grade"]) == (1, "STILL_FAILING", "C")
    assert made.git("diff", "--name-only", "main", found["branch"]) == "a.py"


@pytest.mark.parametrize(
    "last",
    [pytest.param("ruff format --check a.py", id="fixed in a later round"), pytest.param("exit 1", id="fixed in part")],
)
def test_what_an_earlier_round_takes_away_counts_as_well(project: Make, last: str) -> None:
    steps = (*SETUP, "run: ruff check --no-cache a.py", f"run: {last}")
    made = project({WORKFLOW: workflow(*steps), "a.py": f"import os\n{UGLY}", "examples/b.py": "from a import os\n"})
    code, found = fix(made)
    assert (code, found["verdict"], found["branch"]) == (1, "REGRESSED", None)
    assert "examples/b.py takes os from a.py, which has it no more" in found["reason"]


def two_checkers(*commands: str) -> dict[str, str]:
    """A workflow of its own for each of these checkers."""
    steps = [
        (*SETUP, f"run: {c}")
        if c.startswith("ruff")
        else (CHECKOUT, SETUP_PYTHON, f"run: pip install --quiet {c.split()[0]} && {c}")
        for c in commands
    ]
    return {f".github/workflows/{n}.yml": workflow(*found) for n, found in enumerate(steps)}


def test_fixes_of_two_jobs_in_the_same_file(project: Make) -> None:
    """Without its import the file is formatted otherwise, which is for the formatter of the other job to mend."""
    checkers = two_checkers("ruff check --no-cache .", "ruff format --check .")
    code, found = fix(project({**checkers, "a.py": f"import os\n{UGLY}"}))
    assert (code, found["verdict"], found["grade"]) == (0, "FIXED", "A"), found["reason"]


@pytest.mark.campaign
def test_a_fix_that_another_checker_never_lets_through_stays_refused(project: Make) -> None:
    checkers = two_checkers("isort --check-only .", "black --check .")
    names = ["sep", "join", "split", "dirname", "basename", "commonprefix", "expanduser", "expandvars"]
    text = "from os.path import (\n" + "".join(f"    {name},\n" for name in names) + ")\n"
    code, found = fix(project({**checkers, "a.py": text}))
    assert (code, found["verdict"], found["branch"]) == (1, "REGRESSED", None)
    assert found["attempts"][-1]["reason"] == "it leads back to what was tried before"


@pytest.mark.campaign
def test_what_was_reached_before_a_detour_is_offered(project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGREEN_FIX_MAX_ROUNDS", "2")
    setup = (CHECKOUT, SETUP_PYTHON, "run: pip install --quiet isort black")
    steps = (*setup, "run: isort --check-only a.py", "run: black --check a.py")
    names = "ChainMap, Counter, OrderedDict, UserDict, defaultdict, deque, namedtuple, UserList"
    made = project({WORKFLOW: workflow(*steps), "a.py": f"from collections import {names}\n"})
    code, found = fix(made)
    assert (code, found["verdict"], found["grade"]) == (1, "STILL_FAILING", "C")
    assert "(ChainMap," in made.git("show", f"{found['branch']}:a.py")


def test_fewer_tests_than_before_is_regressed(project: Make) -> None:
    """A fixer that takes tests away makes the step green; the count of tests gives it away."""
    steps = (CHECKOUT, "run: python3 generate.py", "run: python3 -m unittest -v", "run: git diff --exit-code")
    made = project({
        WORKFLOW: workflow(*steps),
        "test_a.py": TEST.format(1, 1),
        "data.txt": "old\n",
        "generate.py": "import pathlib\np = pathlib.Path('data.txt')\nif p.read_text() == 'old\\n':\n    p.write_text('new\\n')\n",
        "test_b.py": "import unittest, pathlib\n\nclass B(unittest.TestCase):\n    pass\n\nfor i in range(3 if 'GENERATED' not in pathlib.Path('data.txt').read_text() else 0):\n    setattr(B, f'test_{i}', lambda self: None)\n",
    })  # fmt: skip
    made.write({"generate.py": "import pathlib\npathlib.Path('data.txt').write_text('GENERATED\\n')\n"})
    made.write(
        {
            WORKFLOW: workflow(
                CHECKOUT, "run: python3 -m unittest -v", "run: python3 generate.py", "run: git diff --exit-code"
            )
        }
    )
    made.commit("Generate")
    code, found = fix(made)
    assert (code, found["verdict"]) == (1, "REGRESSED")
    assert "only 1 tests ran, before it were 4" in found["reason"]


FLAKY = "import random\nimport unittest\n\n\nclass T(unittest.TestCase):\n    def test_a(self):\n        self.assertLess(random.random(), 0.4)\n"


@pytest.mark.usefixtures("often_enough")
def test_flaky_is_named_flaky_and_not_fixed(project: Make) -> None:
    made = project({WORKFLOW: workflow(CHECKOUT, "run: python3 -m unittest -v"), "test_a.py": FLAKY})
    for _ in range(12):
        code, found = fix(made)
        if found["verdict"] != "GREEN":
            break
    assert (code, found["verdict"], found["branch"]) == (1, "FLAKY", None)
    assert "passed and failed" in found["reason"] or "passed in replay" in found["reason"]


def test_unreplayable_names_the_reason(project: Make) -> None:
    code, found = fix(project({WORKFLOW: workflow("run: 'true'", job="runs-on: macos-latest")}))
    assert (code, found["verdict"]) == (1, "UNREPLAYABLE")
    assert "macos-latest, which this machine is not" in found["reason"]


def test_a_reported_failure_that_does_not_happen_here_is_not_reproduced(project: Make, tmp_path: Path) -> None:
    log = tmp_path / "ci.log"
    log.write_text("2026-01-01T00:00:00.0000000Z ##[group]Run pytest\n2026-01-01T00:00:00.0000000Z ##[endgroup]\n"
                   "2026-01-01T00:00:01.0000000Z FAILED tests/test_x.py::test_y - assert 1 == 2\n"
                   "2026-01-01T00:00:01.0000000Z ##[error]Process completed with exit code 1.\n")  # fmt: skip
    made = project({WORKFLOW: workflow("run: 'true'")})
    code, found = fix(made, "--log", str(log))
    assert (code, found["verdict"]) == (1, "NOT_REPRODUCED")
    made.write({WORKFLOW: workflow("run: echo nothing; exit 9")})
    code, found = fix(made, "--log", str(log))
    assert (code, found["verdict"]) == (1, "NOT_REPRODUCED")
    assert "in another way than was reported" in found["reason"]


def test_several_jobs_with_different_causes(project: Make) -> None:
    text = """
        on: push
        jobs:
          format:
            runs-on: ubuntu-latest
            steps:
              - uses: actions/checkout@v4
              - uses: actions/setup-python@v5
              - run: pip install --quiet ruff && ruff format --check .
          generated:
            runs-on: ubuntu-latest
            steps:
              - uses: actions/checkout@v4
              - run: cp source.txt copy.txt
              - run: git diff --exit-code
          test:
            runs-on: ubuntu-latest
            steps:
              - uses: actions/checkout@v4
              - run: python3 -m unittest -v
    """
    made = project(
        {WORKFLOW: text, "a.py": UGLY, "source.txt": "new\n", "copy.txt": "old\n", "test_a.py": TEST.format(1, 2)}
    )
    code, found = fix(made)
    assert (code, found["verdict"], found["grade"]) == (1, "STILL_FAILING", "B")
    parts = {p["job"]: (p["verdict"], p["grade"], p["strategy"]) for p in found["parts"]}
    assert parts == {
        "format": ("FIXED", "B", "fix mode"),
        "generated": ("FIXED", "B", "left behind"),
        "test": ("NOT_FIXED", None, ""),
    }
    assert sorted(made.git("diff", "--name-only", "main", found["branch"]).split()) == ["a.py", "copy.txt"]


def test_no_time_left_is_grade_c_at_most(project: Make) -> None:
    steps = (*SETUP, "run: sleep 4", "run: ruff format --check .")
    code, found = fix(project({WORKFLOW: workflow(*steps), "a.py": UGLY}), "--max-duration", "6s")
    assert code == 1
    assert found["verdict"] == "NOT_FIXED"
    assert found["grade"] in ("C", None)
    assert "the 0.1 minutes are over" in found["reason"]


def test_the_scope_limit_is_held(project: Make) -> None:
    files = {f"m{i}.py": UGLY for i in range(11)}
    code, found = fix(project({WORKFLOW: workflow(*SETUP, "run: ruff format --check ."), **files}))
    assert (code, found["verdict"], found["branch"]) == (1, "NOT_FIXED", None)
    assert "refused" in found["reason"]
    assert "10 files" in found["reason"] or "11 files" in found["reason"]


def test_what_the_guard_refuses_is_not_replayed(project: Make) -> None:
    """A generator that switches a linter's rule off is an honest 'left behind' and a masking fix."""
    steps = ("uses: actions/checkout@v4", "run: cp loose.toml ruff.toml && git diff --exit-code")
    files = {"ruff.toml": '[lint]\nselect = ["ALL"]\n', "loose.toml": "[lint]\nselect = []\n"}
    code, found = fix(project({WORKFLOW: workflow(*steps), **files}))
    assert (code, found["verdict"], found["branch"]) == (1, "NOT_FIXED", None)
    assert "the guard refused it" in found["reason"]
    assert [a["verdict"] for a in found["attempts"]] == [None]


def test_a_second_run_finds_the_first(project: Make) -> None:
    made = project({WORKFLOW: workflow(*SETUP, "run: ruff format --check ."), "a.py": UGLY})
    _, first = fix(made)
    commit = made.git("rev-parse", first["branch"])
    code, second = fix(made)
    assert (code, second["incident"], second["branch"]) == (0, first["incident"], first["branch"])
    assert made.git("rev-parse", first["branch"]) == commit


def test_a_branch_that_a_person_has_changed_is_not_overwritten(project: Make) -> None:
    made = project({WORKFLOW: workflow(*SETUP, "run: ruff format --check ."), "a.py": UGLY})
    _, first = fix(made)
    theirs = made.git("commit-tree", "main^{tree}", "-p", first["branch"], "-m", "by hand")
    made.git("update-ref", f"refs/heads/{first['branch']}", theirs)
    done = made.here("fix")
    assert done.code == 1
    assert "holds a commit that is not Regreen's" in done.err
    assert made.git("rev-parse", first["branch"]) == theirs
    made.git("update-ref", "-d", f"refs/heads/{first['branch']}")
    assert made.regreen("resume", first["incident"]).code == 0
    assert made.git("show", f"{first['branch']}:a.py") + "\n" == NEAT


@pytest.mark.parametrize(
    ("runs", "verdict"),
    [
        pytest.param("FPPPP", "FLAKY", id="passes without a fix"),
        pytest.param("FPF", "FLAKY", id="fails with the fix"),
        pytest.param("FPPPFFF", "FIXED", id="fails without and passes with it"),
    ],
)
def test_what_turns_green_by_chance_is_no_fix(
    project: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: str, verdict: str
) -> None:
    """A job without a fix of its own, which fails (F) and passes (P) in this order, next to one that is fixed."""
    action, outcomes, replayed = tmp_path / "action", iter(runs), Replays.run
    action.mkdir()
    (action / "action.yml").write_text(
        "runs: {using: composite, steps: [{shell: bash, run: 'cat $GITHUB_ACTION_PATH/pass'}]}"
    )

    def run(self: Replays, *args: Any, **kwargs: Any) -> Any:
        (action / "pass").unlink(missing_ok=True)
        if next(outcomes) == "P":
            (action / "pass").touch()
        return replayed(self, *args, **kwargs)

    monkeypatch.setattr(Replays, "run", run)
    text = """
        on: push
        jobs:
          gen:
            runs-on: ubuntu-latest
            steps: [{uses: actions/checkout@v4}, {run: cp source copy && git diff --exit-code}]
          other:
            runs-on: ubuntu-latest
            steps: [{uses: some/thing@v1}]
    """
    made = project({WORKFLOW: text, "source": "new\n", "copy": "old\n"})
    _, found = fix(made, "--local-action", f"some/thing@v1={action}")
    assert {p["job"]: p["verdict"] for p in found["parts"]} == {"gen": "FIXED", "other": verdict}, found
    assert not list(outcomes)


def test_what_cannot_be_reached_is_unreplayable(project: Make) -> None:
    step = "run: |\n  echo 'fatal: unable to access https://git.example/a/: Could not resolve host: git.example' >&2\n  exit 128"
    code, found = fix(project({WORKFLOW: workflow(step)}))
    assert (code, found["verdict"]) == (1, "UNREPLAYABLE")
    assert "Could not resolve host" in found["reason"]
