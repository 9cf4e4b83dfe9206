"""Left behind, on real repositories."""

import pytest

from tests.projects import CHECKOUT, WORKFLOW, Make, workflow


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param(("run: make generate", "run: git diff --exit-code"), id="a step later"),
        pytest.param(("run: make generate && git diff --quiet",), id="in the same step"),
        pytest.param(("run: make generate", "run: ./check.sh"), id="in a script"),
        pytest.param(("run: make generate", 'run: test -z "$(git status --porcelain)"'), id="by the status"),
        pytest.param(
            ("run: make generate", "run: git update-index -q --refresh; git diff-index --quiet HEAD --"),
            id="by plumbing",
        ),
    ],
)
def test_what_the_job_generates_is_the_fix(project: Make, steps: tuple[str, ...]) -> None:
    files = {
        "Makefile": "generate:\n\tsort words > sorted\n\techo junk > build.log\n", "words": "b\na\n", "sorted": "b\n",
        ".gitignore": "*.log\n", "check.sh": "#!/bin/sh\nif ! git diff --exit-code > /dev/null; then echo stale; exit 1; fi\n",
    }  # fmt: skip
    made = project({WORKFLOW: workflow(CHECKOUT, *steps), **files})
    done = made.here("fix", "--json")
    assert (done.json["verdict"], done.json["grade"], done.json["strategy"]) == ("FIXED", "A", "left behind"), done.out
    assert made.git("diff", "--name-only", "main", done.json["branch"]) == "sorted"


def test_new_files_count_where_the_step_looks_at_them(project: Make) -> None:
    steps = ("run: mkdir -p out && echo 1 > out/new", 'run: test -z "$(git status --porcelain)"')
    made = project({WORKFLOW: workflow(CHECKOUT, *steps)})
    done = made.here("fix", "--json")
    assert (done.json["verdict"], done.json["strategy"]) == ("FIXED", "left behind"), done.out
    assert made.git("show", f"{done.json['branch']}:out/new") == "1"


def test_a_test_that_rewrites_its_expectation_is_not_believed(project: Make) -> None:
    test = 'test "$(cat expected)" = new || { echo new > expected; exit 1; }'
    made = project({WORKFLOW: workflow(CHECKOUT, f"run: '{test}'"), "expected": "old\n"})
    done = made.here("fix", "--json").json
    assert (done["verdict"], done["attempts"]) == ("NOT_FIXED", [])


def test_what_is_never_the_same_twice_is_not_fixed(project: Make) -> None:
    made = project({WORKFLOW: workflow(CHECKOUT, "run: date +%N > stamp && git diff --exit-code"), "stamp": "0\n"})
    done = made.here("fix", "--json").json
    assert done["verdict"] == "STILL_FAILING"
    assert done["branch"] is None


@pytest.mark.parametrize("what", ["$GITHUB_RUN_NUMBER", "$GITHUB_RUN_ID", "$(hostname)", "$(cat /etc/hostname)"])
def test_what_the_next_run_writes_otherwise_is_not_fixed(project: Make, what: str) -> None:
    """The replay of a fix is another run, on another machine."""
    step = f"run: echo {what} > about && git diff --exit-code"
    made = project({WORKFLOW: workflow(CHECKOUT, step), "about": "0\n"})
    done = made.here("fix", "--json").json
    assert (done["verdict"], done["branch"]) == ("STILL_FAILING", None)


@pytest.mark.parametrize("what", ["$PWD", "$(( $(date +%s) / 86400 ))"])
def test_what_tells_of_the_job_is_not_committed(project: Make, what: str) -> None:
    made = project(
        {WORKFLOW: workflow(CHECKOUT, f'run: echo "it is {what}" > about && git diff --exit-code'), "about": "0\n"}
    )
    done = made.here("fix", "--json").json
    assert (done["verdict"], done["attempts"]) == ("NOT_FIXED", [])


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%-d %B %Y", "%Y%m%d", "%G-W%V"])
def test_what_is_dated_today_is_red_again_tomorrow(project: Make, form: str) -> None:
    steps = (f"run: LC_ALL=C date -u '+Made on {form}' > page && git diff --exit-code",)
    done = project({WORKFLOW: workflow(CHECKOUT, *steps), "page": "Made on 2024-01-05\n"}).here("fix", "--json").json
    assert (done["verdict"], done["attempts"]) == ("NOT_FIXED", [])


def test_snapshots_only_where_people_want_them_and_marked(project: Make) -> None:
    steps = ("run: sort words > snapshots/sorted && sort words > sorted", "run: git diff --exit-code")
    files = {"words": "b\na\n", "sorted": "b\n", "snapshots/sorted": "b\n"}
    made = project({WORKFLOW: workflow(CHECKOUT, *steps), **files})
    refused = made.here("fix", "--json").json
    assert refused["verdict"] == "NOT_FIXED"
    assert "snapshot: snapshots/sorted" in refused["attempts"][0]["reason"]
    done = made.here("fix", env={"REGREEN_FIX_SNAPSHOTS": "true"})
    assert "look at it: snapshots/sorted" in done.out
    assert "look at it: snapshots/sorted" in made.git("log", "-1", "--format=%B", "--glob=heads/regreen/[0-9a-f]*")


def test_new_snapshots_are_left_out(project: Make) -> None:
    steps = ("run: mkdir -p __snapshots__ && echo 1 > __snapshots__/a.snap", 'run: test -z "$(git status --porcelain)"')
    made = project({WORKFLOW: workflow(CHECKOUT, *steps)})
    done = made.here("fix", "--json").json
    assert (done["verdict"], done["attempts"]) == ("NOT_FIXED", [])
    assert made.here("fix", "--json", env={"REGREEN_FIX_SNAPSHOTS": "true"}).json["verdict"] == "FIXED"


def test_a_lock_file_that_the_job_writes_is_left_behind(project: Make) -> None:
    made = project(
        {
            WORKFLOW: workflow(CHECKOUT, "run: cp wanted uv.lock && git diff --exit-code"),
            "wanted": "2\n",
            "uv.lock": "1\n",
        }
    )
    done = made.here("fix", "--json").json
    assert (done["verdict"], done["strategy"]) == ("FIXED", "left behind")
