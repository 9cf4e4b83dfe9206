"""What passes on GitHub passes here, and what GitHub refuses or fails does not: one small workflow each."""

from typing import Any

import pytest

from bot.errors import UsageError
from tests.projects import CHECKOUT, WORKFLOW, Make, workflow

GREEN, RED, SKIPPED, UNKNOWN = "success", "failure", "skipped", "unreplayable"


def jobs(text: str) -> str:
    """A workflow of these jobs, each one line: `name: {...}`; `ubuntu-latest` where nothing else is said."""
    lines = (line for line in text.strip().splitlines() if line.strip())
    rows = [
        line.strip() if "runs-on" in line else line.strip().replace("{", "{runs-on: ubuntu-latest, ", 1)
        for line in lines
    ]
    return "on: [push, pull_request]\njobs:\n" + "".join(f"  {row}\n" for row in rows)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "a: {strategy: {matrix: {x: [1]}}, name: 'a ${{ matrix.x }}', if: github.ref == 'refs/tags/v1', steps: [{run: 'true'}]}\nb: {steps: [{run: 'true'}]}",
            {"a ${{ matrix.x }}": SKIPPED, "b": GREEN}, id="a skipped job whose name needs the matrix",
        ),
        pytest.param(
            "a: {outputs: {m: ''}, steps: [{run: exit 1}]}\n"
            "b: {needs: a, if: always(), strategy: {matrix: {x: '${{ fromJSON(needs.a.outputs.m) }}'}}, steps: [{run: 'true'}]}\n"
            "c: {steps: [{run: 'true'}]}",
            {"a": RED, "b": RED, "c": GREEN}, id="an expression that fails at run time fails its job alone",
        ),
        pytest.param(
            "a: {outputs: {m: '[]'}, steps: [{run: 'true'}]}\n"
            "b: {needs: a, strategy: {matrix: {x: '${{ fromJSON(needs.a.outputs.m) }}'}}, steps: [{run: 'true'}]}",
            {"a": GREEN, "b": RED}, id="an empty matrix is no success",
        ),
        pytest.param(
            "a: {runs-on: windows-latest, steps: [{run: 'true'}]}\n"
            "b: {needs: a, if: always(), steps: [{run: '[ ${{ needs.a.result }} = success ]'}]}\n"
            "c: {needs: a, if: false, steps: [{run: 'true'}]}",
            {"a": UNKNOWN, "b": UNKNOWN, "c": SKIPPED}, id="what needs the unknown is unknown",
        ),
        pytest.param(
            "a: {if: false, steps: [{run: 'true'}]}\nb: {needs: a, if: always(), steps: [{run: 'true'}]}\nc: {needs: b, steps: [{run: 'true'}]}",
            {"a": SKIPPED, "b": GREEN, "c": SKIPPED}, id="success() looks at all that is needed, however far off",
        ),
        pytest.param("a: {runs-on: ubuntu-18.04, steps: [{run: 'true'}]}", {"a": UNKNOWN}, id="a retired runner"),
        pytest.param("a: {steps: [{if: env.CI != 'true', run: exit 1}]}", {"a": RED}, id="env has no CI"),
        pytest.param(
            "a: {env: {CI: 'mine'}, steps: [{if: env.CI == 'mine', run: exit 1}]}", {"a": RED}, id="env has a CI of the job's own"
        ),
        pytest.param(
            "a: {env: {SHELL: mine}, steps: [{run: 'echo USER=me >> $GITHUB_ENV'},"
            " {run: '[ -z \"${{ env.HOME }}${{ env.GITHUB_SHA }}\" ] && [ ${{ env.SHELL }}${{ env.USER }} = mineme ]'}]}",
            {"a": GREEN}, id="env has no variable of the runner",
        ),
        pytest.param("a: {steps: [{run: '[ $CI = true ] && [ $GITHUB_ACTIONS = true ]'}]}", {"a": GREEN}, id="a step has CI"),
        pytest.param("a: {if: '', steps: [{run: exit 1}]}", {"a": RED}, id="an empty condition is none"),
        pytest.param("a: {steps: [{run: 'echo ::set-env name=A::b'}]}", {"a": RED}, id="set-env"),
        pytest.param("a: {steps: [{run: 'echo ::add-path::/a'}]}", {"a": RED}, id="add-path"),
        pytest.param(
            "a: {steps: [{run: 'echo ::stop-commands::x; echo ::add-path::/a; echo ::x::'}]}", {"a": GREEN}, id="add-path, stopped"
        ),
        pytest.param("a: {steps: [{run: 'printf ::add-path::/a'}]}", {"a": RED}, id="add-path in a line without end"),
        pytest.param("a: {steps: [{run: 'echo NODE_OPTIONS=a >> $GITHUB_ENV'}]}", {"a": RED}, id="NODE_OPTIONS"),
        pytest.param("a: {env: {F: 1.0}, steps: [{run: '[ $F = 1 ]'}]}", {"a": GREEN}, id="whole numbers"),
        pytest.param(
            "a: {defaults: {run: {working-directory: sub}}, outputs: {o: x}, steps: [{run: mkdir sub, working-directory: .}]}",
            {"a": GREEN}, id="a default folder that only comes to be",
        ),
        pytest.param("a: {steps: [{shell: 'bash -c \"bash {0}\"', run: exit 7}]}", {"a": RED}, id="a script inside of a word"),
        pytest.param("a: {steps: [{shell: 'bash {0} more', run: '[ $1 = more ]'}]}", {"a": GREEN}, id="a script with arguments"),
        pytest.param("a: {steps: [{run: fastlane test}]}", {"a": UNKNOWN}, id="a command of GitHub's image"),
        pytest.param("a: {steps: [{run: our-own-tool}]}", {"a": RED}, id="a command that GitHub has not either"),
        pytest.param("a: {steps: [{run: \"false\\nnpm publish\"}]}", {"a": UNKNOWN}, id="a side effect among others"),
        pytest.param("a: {steps: [{run: 'false # git push'}]}", {"a": RED}, id="a side effect in a comment"),
        pytest.param("a: {steps: [{run: 'grep -q \"git push\" nothing'}]}", {"a": RED}, id="a side effect in quotes"),
    ],
)  # fmt: skip
def test_jobs(project: Make, text: str, expected: dict[str, str]) -> None:
    done = project({WORKFLOW: jobs(text)}).replay()
    assert done.jobs == expected, done.log


NODE_ACTION = "runs: {using: node20, main: main.js}\n"


@pytest.mark.parametrize(
    ("steps", "files", "expected"),
    [
        pytest.param(
            ("{uses: ./a, timeout-minutes: 0.01}",),
            {"a/action.yml": NODE_ACTION, "a/main.js": "setTimeout(() => {}, 60000)\n"}, [GREEN, RED], id="a JavaScript action",
        ),
        pytest.param(
            ("{uses: ./a, timeout-minutes: 0.02}",),
            {"a/action.yml": "runs: {using: composite, steps: [{shell: bash, run: read -t 0.8 < <(:) || read -t 0.8 <> <(:) || true}, {shell: bash, run: tail -f /dev/null}]}\n"},
            [GREEN, RED], id="a composite action",
        ),
    ],
)  # fmt: skip
def test_time_limits_of_actions(
    project: Make, steps: tuple[str, ...], files: dict[str, str], expected: list[str]
) -> None:
    done = project({WORKFLOW: workflow(CHECKOUT, *steps), **files}).replay()
    assert done.result.result == RED, done.log
    assert "the action has timed out" in (done.result.jobs[0].reason or "")


def test_javascript_actions_start_shells_as_they_are(project: Make) -> None:
    main = "const {execFileSync, spawnSync} = require('child_process')\nconsole.log(execFileSync('bash', ['-c', 'echo from bash']).toString())\nif (spawnSync('sh', ['s.sh']).status != 4) process.exit(1)\n"
    files = {"a/action.yml": NODE_ACTION, "a/main.js": main, "s.sh": "exit 4\n"}
    made = project({WORKFLOW: workflow(CHECKOUT, "uses: ./a"), **files})
    done = made.replay()
    assert done.steps == [GREEN, GREEN], done.log
    assert "from bash" in done.printed()
    assert made.here("fix", "--json").json["verdict"] == "GREEN"  # nothing is held


def test_javascript_actions_have_githubs_cache_which_is_empty(project: Make) -> None:
    asks = """
const ask = (path, options) => fetch(process.env.ACTIONS_CACHE_URL + '_apis/artifactcache/' + path, options)
const part = () => new ReadableStream({start(c) { c.enqueue(new Uint8Array(300000)); c.close() }})
async function main() {
  console.log('found', (await ask('cache?keys=k&version=1')).status)
  const {cacheId} = await (await ask('caches', {method: 'POST', body: '{"key": "k"}'})).json()
  for (const [method, body] of [['PATCH', part()], ['PATCH', 'x'.repeat(300000)], ['POST', '{"size": 600000}']])
    console.log(method, (await ask(`caches/${cacheId}`, {method, body, duplex: 'half'})).status)
}
main()
"""
    files = {"a/action.yml": NODE_ACTION, "a/main.js": asks}
    done = project({WORKFLOW: workflow(CHECKOUT, "uses: ./a", "run: '[ -z $ACTIONS_CACHE_URL ]'"), **files}).replay()
    assert done.steps == [GREEN, GREEN, GREEN], done.log
    assert done.printed()[-4:] == ["found 204", "PATCH 204", "PATCH 204", "POST 204"]


def test_a_tolerated_failure_in_a_composite_action_is_not_held(project: Make) -> None:
    action = "runs: {using: composite, steps: [{shell: bash, run: exit 1, continue-on-error: true}, {shell: bash, run: echo on}]}\n"
    made = project({WORKFLOW: workflow(CHECKOUT, "uses: ./a"), "a/action.yml": action})
    assert made.replay().steps == [GREEN, GREEN]
    assert made.here("fix", "--json").json["verdict"] == "GREEN"


def test_what_waits_for_a_held_job_is_no_failure_of_its_own(project: Make) -> None:
    text = jobs(
        "gen: {outputs: {o: '${{ steps.s.outputs.o }}'}, steps: [{id: s, run: 'echo o=1 >> $GITHUB_OUTPUT'}, {run: exit 1}]}\n"
        "report: {needs: gen, if: always(), steps: [{run: '[ \"${{ needs.gen.outputs.o }}\" = 1 ]'}]}"
    )
    found = project({WORKFLOW: text}).here("fix", "--json").json
    assert [p["job"] for p in found["parts"]] == ["gen"]


def test_artifacts(project: Make) -> None:
    up = "{{uses: actions/upload-artifact@v4, with: {{name: {0}, path: '{1}', if-no-files-found: error}}, continue-on-error: true}}"
    steps = [
        "run: mkdir -p dist/a x; echo hi > dist/a/b.txt; echo c > .coverage; printf '#!/bin/sh\\n' > run; chmod +x run",
        up.format("deep", "dist/**/*.txt"), up.format("hidden", ".coverage"), up.format("mode", "run"), up.format("'a:b'", "run"),
        "{uses: actions/upload-artifact@v4, continue-on-error: true}", "{uses: actions/upload-artifact@v3, continue-on-error: true}",
        "{uses: actions/download-artifact@v4, with: {path: got}}",
        "run: '[ -f got/deep/a/b.txt ] && [ ! -x got/mode/run ] && [ -f got/mode/run ]'",
    ]  # fmt: skip
    done = project({WORKFLOW: workflow(*steps)}).replay()
    assert done.steps == [GREEN, GREEN, RED, GREEN, RED, RED, RED, GREEN, GREEN], done.log


def test_workflows_do_not_share_artifacts(project: Make) -> None:
    up = workflow("run: touch a", "uses: actions/upload-artifact@v4\nwith: {name: n, path: a}")
    down = workflow("uses: actions/download-artifact@v4\nwith: {name: n}")
    made = project({WORKFLOW: up, ".github/workflows/d.yml": up, ".github/workflows/e.yml": down})
    assert [str(j.result) for j in made.replay().result.jobs] == [GREEN, GREEN, RED]


@pytest.mark.parametrize(
    ("step", "result", "told"),
    [
        ("uses: actions/setup-python@v5\nwith: {python-version: '3.x', cache: pip}", RED, "No file in"),
        ("uses: actions/setup-python@v5\nwith: {python-version: '3.x', cache: nonsense}", RED, "is not supported"),
        ("uses: actions/setup-node@v4\nwith: {cache: npm}", RED, "Dependencies lock file is not found"),
        (
            "uses: actions/setup-python@v5\nwith: {python-version: pypy-3.10}",
            UNKNOWN,
            "Python pypy-3.10 is not installed",
        ),
        ("uses: actions/setup-python@v5\nwith: {python-version: 3.13t}", UNKNOWN, "Python 3.13t is not installed"),
        (
            "uses: actions/setup-python@v5\nwith: {python-version: 3.14-dev}",
            UNKNOWN,
            "Python 3.14-dev is not installed",
        ),
        ("uses: actions/checkout@v4\nwith: {sparse-checkout: docs}", UNKNOWN, "a part of the repository only"),
        ("uses: actions/download-artifact@v4\nwith: {artifact-ids: 99}", UNKNOWN, "which only GitHub knows"),
    ],
)
def test_actions_refuse_what_the_originals_refuse(project: Make, step: str, result: str, told: str) -> None:
    done = project({WORKFLOW: workflow(step)}).replay()
    assert done.result.result == result
    assert told in done.log + (done.result.reason or "")


def test_depths_of_history(project: Make) -> None:
    step = "uses: actions/checkout@v4\nwith: {fetch-depth: 2}"
    made = project(
        {WORKFLOW: workflow(step, "run: git rev-list --count HEAD; git diff --name-only HEAD~1"), "a": "1\n"}
    )
    made.write({"a": "2\n"})
    made.commit("Second")
    made.write({"a": "3\n"})
    made.commit("Third")
    assert made.replay().printed()[-2:] == ["2", "a"]


def test_what_a_push_and_a_pull_request_tell(project: Make) -> None:
    show = "run: echo '${{ github.event.before }} ${{ github.event.head_commit.message }} ${{ github.workflow }}'"
    base = "run: echo '${{ github.event.pull_request.base.sha }} ${{ github.base_ref }}'"
    text = workflow(show, head="name: The CI\n")
    made = project({WORKFLOW: text, ".github/workflows/pr.yml": workflow(base, on="pull_request")})
    first = made.git("rev-parse", "HEAD")
    made.git("switch", "--quiet", "-c", "feature")
    made.commit("Second")
    made.git("update-ref", "refs/remotes/origin/main", first)
    printed = made.replay().printed()
    assert f"{first} Second The CI" in printed
    assert f"{first} main" in printed


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("on: push\njobs: {a: {runs-on: x, stepz: 1, steps: [{run: a}]}}", "has the key 'stepz', which GitHub does not know"),
        ("on: push\njobs: {a: {runs-on: x, steps: [{run: a, wiht: {}}]}}", "step 1 has the key 'wiht'"),
        ("on: push\nnames: x\njobs: {a: {runs-on: x, steps: [{run: a}]}}", "has the key 'names'"),
        ("on: push\njobs: {a: {runs-on: x, steps: [{run: a, id: s}, {run: a, id: S}]}}", "which another step has"),
        ("on: push\njobs: {a: {runs-on: x, needs: 5, steps: [{run: a}]}}", "needs is neither"),
        ("on: push\njobs: {a: {runs-on: x, defaults: run, steps: [{run: a}]}}", "defaults is not a mapping"),
        ("on: push\njobs: {a: {runs-on: x, defaults: {run: x}, steps: [{run: a}]}}", "defaults.run is not a mapping"),
        ("on: push\njobs: {a: {runs-on: x, outputs: [x], steps: [{run: a}]}}", "outputs is not a mapping"),
        ("on: push\njobs: {a: {runs-on: x, timeout-minutes: abc, steps: [{run: a}]}}", "timeout-minutes is not a number"),
        ("on: push\njobs: {a: {runs-on: x, services: abc, steps: [{run: a}]}}", "services is not a mapping"),
        ("on: push\njobs: {a: {runs-on: x, name: {x: 1}, steps: [{run: a}]}}", "name is not a text"),
        ("on: push\njobs: {a: {runs-on: x, strategy: {matrix: {x: []}}, steps: [{run: a}]}}", "axis 'x' has no values"),
        ("on: push\njobs: {a: {runs-on: x, if: env.A, steps: [{run: a}]}}", "names 'env'"),
        ("on: {workflow_dispatch: {inputs: {a: text}}}\njobs: {a: {runs-on: x, steps: [{run: a}]}}", "inputs of workflow_dispatch"),
    ],
)  # fmt: skip
def test_invalid_workflows_are_named(project: Make, text: str, told: str) -> None:
    options: dict[str, Any] = {"workflows": ("ci.yml",)}
    with pytest.raises(UsageError, match=told) as caught:
        project({WORKFLOW: text}).replay(**options)
    assert str(caught.value).startswith(".github/workflows/ci.yml")


def test_tags_beside_branches_that_are_left_out_are_ci(project: Make) -> None:
    made = project({WORKFLOW: workflow("run: exit 1", on="{push: {branches-ignore: [x], tags: ['v*']}}")})
    assert made.replay().result.result == RED


def test_a_step_cannot_upset_the_host(project: Make) -> None:
    script = (
        "import json, os, socket\nfor words in ('outputs\\0[1]', 'outputs\\0' + '[' * 5000, 'began', 'ended\\0x', 'answered', 'held'):\n"
        "    s = socket.socket(socket.AF_UNIX)\n    s.connect('/regreen/control/socket')\n    s.sendall(len(words).to_bytes(4, 'big') + words.encode())\n"
    )
    done = project({WORKFLOW: workflow(CHECKOUT, "run: python3 s.py", "run: echo on"), "s.py": script}).replay()
    assert done.steps == [GREEN, GREEN, GREEN], done.log


def test_names_of_steps_hold_no_secret(project: Make) -> None:
    made = project({WORKFLOW: workflow("{name: 'deploy ${{ secrets.KEY }}', run: 'echo ${{ secrets.PIN }}'}")})
    done = made.replay(app={"secrets": {"KEY": "hush-hush", "PIN": "421"}})
    assert done.result.jobs[0].steps[0].name == "deploy ***"
    assert "hush" not in done.log + str(done.result.as_json())
    assert "421" not in done.printed()


def test_a_long_name_and_a_folder_that_became_a_file(project: Make) -> None:
    made = project(
        {
            WORKFLOW: workflow(CHECKOUT, "run: test -f d", job=f"strategy: {{matrix: {{x: [{'a' * 300}]}}}}"),
            "d/e": "x\n",
        }
    )
    (made.root / "d" / "e").unlink()
    (made.root / "d").rmdir()
    made.write({"d": "x\n"})
    assert made.replay().result.result == GREEN


def test_a_filter_does_not_touch_what_is_needed(project: Make) -> None:
    text = jobs(
        "plan: {outputs: {m: '[1, 2]'}, steps: [{run: 'true'}]}\n"
        "ci: {needs: plan, strategy: {matrix: {x: '${{ fromJSON(needs.plan.outputs.m) }}'}}, steps: [{run: 'true'}]}"
    )
    made = project({WORKFLOW: text})
    assert made.replay(jobs=("ci",), matrix=(("x", "2"),)).jobs == {"plan": GREEN, "ci (2)": GREEN}
