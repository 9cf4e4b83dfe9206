"""Reusable workflows: called as on GitHub, each leg of theirs in a sandbox of its own."""

from pathlib import Path
from typing import Any

import pytest

from bot.errors import UsageError
from tests.projects import WORKFLOW, Make

FOLDER = ".github/workflows"
CALLED = """
    name: Called
    on:
      workflow_call:
        inputs:
          text: {type: string, required: true}
          flag: {type: boolean}
          count: {type: number, default: "${{ 3 }}"}
        secrets: {token: {required: true}}
        outputs: {said: {value: "${{ jobs.one.outputs.said }} of ${{ inputs.text }}"}}
    env: {FROM_CALLED: called}
    jobs:
      one:
        runs-on: ubuntu-latest
        outputs: {said: "${{ steps.s.outputs.said }}"}
        steps:
          - {id: s, run: echo "said=word" >> "$GITHUB_OUTPUT"}
          - env: {INPUTS: "${{ toJSON(inputs) }}"}
            run: echo "$INPUTS" | tr -d ' \\n'; echo
          - run: echo "$GITHUB_EVENT_NAME ${{ github.event_name }} ${{ github.workflow }} $GITHUB_WORKFLOW [$FROM_CALLER] $FROM_CALLED"
          - run: echo "token ${{ secrets.token }} other [${{ secrets.OTHER }}]"
      two:
        needs: one
        if: inputs.flag
        strategy: {matrix: {v: [1, 2]}}
        runs-on: ubuntu-latest
        steps: [{run: "echo ${{ matrix.v }} ${{ needs.one.outputs.said }}"}]
"""


@pytest.mark.parametrize("own", [".", "$"])
def test_a_called_workflow(project: Make, own: str) -> None:
    caller = """
        name: Caller
        on: push
        env: {FROM_CALLER: caller}
        jobs:
          call:
            strategy: {matrix: {os: [a, b]}}
            uses: OWN/.github/workflows/called.yml
            with: {text: "it's ${{ matrix.os }}", flag: "${{ matrix.os == 'b' }}"}
            secrets: {token: "${{ secrets.KEY }}"}
          after:
            needs: call
            runs-on: ubuntu-latest
            steps: [{run: "echo \\"${{ needs.call.outputs.said }} ${{ needs.call.result }}\\""}]
    """
    made = project({WORKFLOW: caller.replace("OWN", own), f"{FOLDER}/called.yml": CALLED})
    done = made.replay(workflows=("ci.yml",), app={"secrets": {"KEY": "hush-hush", "OTHER": "no"}})
    assert done.jobs == {
        "call (a) / one": "success",
        "call (a) / two": "skipped",
        "call (b) / one": "success",
        "call (b) / two (1)": "success",
        "call (b) / two (2)": "success",
        "after": "success",
    }, done.log
    printed = done.printed()
    assert """{"count":3,"flag":false,"text":"it'sa"}""" in printed
    assert "push push Caller Caller [] called" in printed
    assert "token *** other []" in printed
    assert "2 word" in printed
    assert printed[-1] == "word of it's b success"
    assert len({j.key for j in done.result.jobs}) == 6
    assert [j.id for j in done.result.jobs][:2] == ["call/one", "call/two"]
    part = made.replay(workflows=("ci.yml",), jobs=("call",), matrix=(("os", "a"),))
    assert part.jobs == {"call (a) / one": "success", "call (a) / two": "skipped"}


ONE_JOB = "jobs: {{job: {{runs-on: ubuntu-latest, steps: [{{run: {}}}]}}}}\n"


def calling(called: str, more: str = "") -> str:
    return f"on: [push, workflow_call]\njobs: {{call: {{uses: {called}{more}}}}}\n"


def test_calls_of_calls_that_fail_and_inherit_secrets(project: Make) -> None:
    inherit = ", secrets: inherit"
    caller = f"""
        on: push
        jobs:
          call: {{uses: ./{FOLDER}/b.yml, secrets: inherit}}
          job: {{needs: call, if: failure(), runs-on: ubuntu-latest, steps: [{{run: 'echo ${{{{ needs.call.result }}}}'}}]}}
          never: {{needs: call, runs-on: ubuntu-latest, steps: [{{run: 'true'}}]}}
    """
    deepest = "on: workflow_call\n" + ONE_JOB.format("'[ \"${{ secrets.KEY }}\" != hush-hush ]'")
    made = project(
        {WORKFLOW: caller, f"{FOLDER}/b.yml": calling(f"./{FOLDER}/c.yml", inherit), f"{FOLDER}/c.yml": deepest}
    )
    done = made.replay(workflows=("ci.yml",), app={"secrets": {"KEY": "hush-hush"}})
    assert done.jobs == {"call / call / job": "failure", "job": "success", "never": "skipped"}, done.log
    assert done.printed()[-1] == "failure"


@pytest.mark.parametrize(
    ("caller", "called", "told"),
    [
        (calling(f"./{FOLDER}/none.yml"), "", "none.yml, which does not exist"),
        (calling("./other/a.yml"), "", "is no workflow file"),
        (calling(f"./{FOLDER}/c.yml"), "on: push\n", "which has no 'on: workflow_call'"),
        (calling(f"./{FOLDER}/ci.yml"), "", "calls in a circle: .github/workflows/ci.yml -> .github/workflows/ci.yml"),
        (calling(f"./{FOLDER}/c.yml", ", with: {a: 1}"), "on: workflow_call\n", "gives the input 'a', which"),
        (calling(f"./{FOLDER}/c.yml"), "on: {workflow_call: {inputs: {a: {type: string, required: true}}}}\n", "does not give the input 'a'"),
        (calling(f"./{FOLDER}/c.yml"), "on: {workflow_call: {secrets: {a: {required: true}}}}\n", "does not give the secret 'a'"),
        (calling(f"./{FOLDER}/c.yml", ", with: {a: 'true'}"), "on: {workflow_call: {inputs: {a: {type: boolean}}}}\n", "is to be a boolean, but 'true' is none"),
        (calling(f"./{FOLDER}/c.yml", ", with: {a: many}"), "on: {workflow_call: {inputs: {a: {type: number}}}}\n", "is to be a number"),
        (calling(f"./{FOLDER}/c.yml", ", env: {A: b}"), "on: workflow_call\n", "has the key 'env'"),
    ],
)  # fmt: skip
def test_wrong_calls_are_named(project: Make, caller: str, called: str, told: str) -> None:
    files = {f"{FOLDER}/c.yml": called + ONE_JOB.format("a")} if called else {}
    with pytest.raises(UsageError, match=told):
        project({WORKFLOW: caller, **files}).replay(workflows=("ci.yml",))


def test_a_secret_that_is_not_declared_is_noted(project: Make) -> None:
    called = "on: workflow_call\n" + ONE_JOB.format("'[ ${{ secrets.A }} = b ]'")
    made = project({WORKFLOW: calling(f"./{FOLDER}/c.yml", ", secrets: {a: b}"), f"{FOLDER}/c.yml": called})
    done = made.replay(workflows=("ci.yml",))
    assert done.jobs == {"call / job": "success"}
    assert "the secret 'a', which" in done.result.notes[0]


def test_deep_calls(project: Make) -> None:
    files = {f"{FOLDER}/{n}.yml": calling(f"./{FOLDER}/{n + 1}.yml") for n in range(10)}
    files[f"{FOLDER}/10.yml"] = "on: workflow_call\n" + ONE_JOB.format("'true'")
    made = project(files)
    with pytest.raises(UsageError, match="deeper than 10 levels"):
        made.replay(workflows=("0.yml",))
    assert made.replay(workflows=("1.yml",)).jobs == {"call / " * 9 + "job": "success"}


def test_workflows_of_other_repositories(project: Make, tmp_path: Path) -> None:
    uses = "acme/ci/.github/workflows/a.yml@v1"
    made = project({WORKFLOW: calling(uses, ", if: github.event_name == 'push'")})
    done = made.replay()
    assert done.jobs == {"call": "unreplayable"}
    assert uses in (done.result.reason or "")
    folder = tmp_path / "ci" / FOLDER
    folder.mkdir(parents=True)
    (folder / "a.yml").write_text(calling(f"./{FOLDER}/b.yml"))
    (folder / "b.yml").write_text("on: workflow_call\n" + ONE_JOB.format("'true'"))
    mapped: dict[str, Any] = {"app": {"local_actions": {"acme/ci@v1": tmp_path / "ci"}}}
    assert made.replay(**mapped).jobs == {"call / call / job": "success"}
