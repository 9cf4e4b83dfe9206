"""Where act in host mode differs from GitHub, GitHub is right; docs/replay.md lists the differences with these tests."""

from pathlib import Path

import pytest

from bot.model import Result
from tests.projects import CHECKOUT, WORKFLOW, Make, Project, workflow
from tests.replay.conftest import Replay

FORGED_LINE = r'{"jobID":"job","jobResult":"success","level":"info","msg":"Job succeeded"}'
FIND_ACT = "act=$(for p in /proc/[0-9]*; do grep -qs '^act' $p/comm && basename $p; done | head -n 1)"


def test_success_and_failure(replay: Replay) -> None:
    assert replay("run: 'true'").result.result is Result.SUCCESS


def test_a_failing_step_fails_the_job_and_skips_the_rest(replay: Replay) -> None:
    done = replay("run: echo one", "run: exit 3", "run: echo three", "run: echo four\nif: always()")
    assert done.result.result is Result.FAILURE
    assert done.steps == ["success", "failure", "skipped", "success"]
    assert "##[error]Process completed with exit code 3." in done.log


def test_titles_of_steps_in_the_log(replay: Replay) -> None:
    done = replay("name: Named\nrun: |\n  echo ${{ github.job }}\n  true", f"name: Get\n{CHECKOUT}")
    titles = [line.partition("##[group]")[2] for line in done.log.splitlines() if "##[group]" in line]
    assert titles == ["Run echo job", "Run actions/checkout@v4"]


def test_a_step_that_forges_acts_result_stays_red(replay: Replay) -> None:
    done = replay(
        f"run: |\n  {FIND_ACT}\n  test -n \"$act\"\n  echo '{FORGED_LINE}' > /proc/$act/fd/1 || true\n  exit 1"
    )
    assert done.result.result is Result.FAILURE
    assert "denied" in done.log.lower()


def test_a_step_that_kills_act_is_never_green(replay: Replay) -> None:
    done = replay(f"run: |\n  {FIND_ACT}\n  kill -9 $act", "run: exit 1")
    assert done.result.result is Result.FAILURE
    assert "without a result" in (done.result.jobs[0].reason or "")


def test_other_systems_are_unreplayable_and_never_green(replay: Replay) -> None:
    matrix = (
        "runs-on: ${{ matrix.os }}\nstrategy:\n  matrix:\n    os: [ubuntu-latest, windows-latest, macos-14, solaris]"
    )
    done = replay("run: 'true'", job=matrix)
    assert done.jobs == {
        "job (ubuntu-latest)": "success",
        "job (windows-latest)": "unreplayable",
        "job (macos-14)": "unreplayable",
        "job (solaris)": "unreplayable",
    }
    assert done.result.result is Result.UNREPLAYABLE
    assert "windows-latest, which this machine is not" in (done.result.reason or "")


def test_steps_do_not_see_that_act_runs_them(replay: Replay) -> None:
    done = replay(
        "if: ${{ !env.ACT }}\nrun: echo shown",
        "if: env.ACT\nrun: exit 1",
        'run: echo "ACT is ${ACT-unset}"; env | grep -ci nektos || true',
    )
    assert done.steps == ["success", "skipped", "success"]
    assert done.printed()[-2:] == ["ACT is unset", "0"]


def test_dot_files_of_the_tree_do_not_steer_act(replay: Replay) -> None:
    files = {
        ".actrc": "--env EVIL=actrc\n--dryrun\n",
        ".env": "EVIL=env\n",
        ".secrets": "EVIL=secret\n",
        ".vars": "EVIL=var\n",
        ".input": "EVIL=input\n",
    }
    done = replay(
        CHECKOUT, 'run: echo "got [${EVIL}${{ secrets.EVIL }}${{ vars.EVIL }}${{ inputs.EVIL }}]"', files=files
    )
    assert done.printed()[-1] == "got []"


def test_a_job_without_a_step_that_ran_is_never_green(replay: Replay) -> None:
    done = replay("run: 'true'\nif: ${{ false }}")
    assert done.jobs == {"job": "skipped"}
    assert done.result.result is Result.UNREPLAYABLE


@pytest.mark.parametrize(
    ("job", "named"),
    [
        ("services: {db: {image: 'postgres:17'}}", "the service db"),
        ("container: node:24", "the container node:24"),
        ("container: {image: 'node:24'}", "the container node:24"),
    ],
)
def test_services_and_containers_are_named(replay: Replay, job: str, named: str) -> None:
    done = replay("run: 'true'", job=job)
    assert done.result.result is Result.UNREPLAYABLE
    assert named in (done.result.reason or "")


def test_container_images_as_steps_are_named(replay: Replay) -> None:
    done = replay("uses: docker://alpine:3")
    assert done.result.result is Result.UNREPLAYABLE
    assert "docker://alpine:3" in (done.result.reason or "")


def test_container_actions_of_the_tree_are_named(replay: Replay) -> None:
    files = {"a/action.yml": "runs: {using: docker, image: Dockerfile}\n", "a/Dockerfile": "FROM scratch\n"}
    files["b/action.yml"] = "runs: {using: composite, steps: [{uses: ./a, continue-on-error: true}]}\n"
    done = replay(CHECKOUT, "uses: ./a", files=files)
    assert done.result.result is Result.UNREPLAYABLE
    assert "'./a' uses a container action" in (done.result.reason or "")
    for step in ("uses: ./a\ncontinue-on-error: true", "uses: ./b"):
        tolerated = replay(CHECKOUT, step, files=files)
        assert tolerated.result.result is Result.UNREPLAYABLE
        assert "did not begin" in (tolerated.result.reason or "")


def test_a_composite_step_without_a_shell_fails(replay: Replay) -> None:
    files = {
        "a/action.yml": "runs: {using: composite, steps: [{run: 'true'}]}\n",
        "b/action.yml": "inputs: {x: {default: y}}\nruns: {using: composite, steps: [{shell: 'bash -e {0}', run: '! env | grep ^INPUT_'}]}\n",
        "c/action.yml": "inputs: {x: {default: y}}\nruns: {using: composite, steps: [{shell: bash, env: {INPUT_X: '${{ inputs.x }}'}, run: '[ $INPUT_X = y ]'}]}\n",
    }
    done = replay(CHECKOUT, "uses: ./b", "uses: ./c", "uses: ./a", files=files)
    assert done.steps == ["success", "success", "success", "failure"], done.log
    assert "##[error]Required property is missing: shell" in done.log


def test_javascript_actions_run_as_on_github(replay: Replay) -> None:
    main = "console.log('ACT' in process.env, process.stdin.isTTY, process.stdout.isTTY, process.cwd(), process.env.GITHUB_WORKSPACE == process.cwd())\n"
    files = {"a/action.yml": "runs: {using: node20, main: main.js}\n", "a/main.js": main}
    mine = "run: |\n  mkdir ~/mine; printf '#!/bin/sh\\nexit 9\\n' > ~/mine/node; chmod +x ~/mine/node; echo ~/mine >> $GITHUB_PATH"
    done = replay(CHECKOUT, mine, "uses: ./a", "run: node || echo $?", files=files, options={"repository": "acme/shop"})
    assert done.printed()[-2:] == ["false undefined undefined /home/runner/work/shop/shop true", "9"], done.log


def test_folders_and_names_are_those_of_github(replay: Replay) -> None:
    show = 'echo "$PWD $GITHUB_WORKSPACE $(pwd -P) $RUNNER_TEMP $RUNNER_WORKSPACE ${0%/*}"'
    files = {"a/action.yml": "runs: {using: composite, steps: [{shell: bash, run: 'echo ${{ github.workspace }}'}]}\n"}
    files["unused/action.yml"] = "runs: {{ a template }\n"
    done = replay(
        f"run: {show}",
        "run: echo ${{ github.workspace }} ${{ runner.temp }} ${{ runner.environment }} ${{ runner.tool_cache }}",
        "run: echo $GITHUB_ACTION ${{ strategy.job-total }} ${{ strategy.job-index }}",
        CHECKOUT,
        "uses: ./a",
        files=files,
        options={"repository": "acme/shop"},
    )
    place = "/home/runner/work/shop/shop"
    temp = "/home/runner/work/_temp"
    assert done.printed()[:3] == [
        f"{place} {place} {place} {temp} /home/runner/work/shop {temp}",
        f"{place} {temp} github-hosted /opt/hostedtoolcache",
        "__run_3 1 0",
    ]
    assert done.printed()[-1] == place


def test_jobs_share_nothing(project: Make) -> None:
    text = """
        on: push
        jobs:
          one:
            runs-on: ubuntu-latest
            steps:
              - run: touch ~/left /tmp/left "$RUNNER_TEMP/left"; (python3 -m http.server 8123 --bind 127.0.0.1 &) ; sleep 1
          two:
            needs: one
            runs-on: ubuntu-latest
            steps:
              - run: ls ~ /tmp "$RUNNER_TEMP" | grep -c left || true
              - run: python3 -c "import socket; print(socket.socket().connect_ex(('127.0.0.1', 8123)) != 0)"
    """
    done = project({WORKFLOW: text}).replay()
    assert done.result.result is Result.SUCCESS
    assert done.printed()[-2:] == ["0", "True"]


def test_legs_side_by_side_share_nothing(replay: Replay) -> None:
    listen = "import socket, time; s = socket.socket(); s.bind(('127.0.0.1', 8124)); s.listen(); time.sleep(0.5)"
    done = replay(
        "run: mkdir ~/mine /tmp/mine $RUNNER_TEMP/mine mine",
        f"run: {listen}\nshell: python",
        job="strategy: {matrix: {v: [1, 2, 3, 4]}}",
    )
    assert set(done.jobs.values()) == {"success"}, done.log


def test_steps_have_no_terminal_and_an_empty_input(replay: Replay) -> None:
    done = replay("run: for f in 0 1 2; do test -t $f && echo terminal; done; cat; echo read", job="timeout-minutes: 1")
    assert done.printed() == ["read"]


def test_a_background_child_does_not_hold_the_step(replay: Replay) -> None:
    done = replay("run: (sleep 600; echo late) & echo early", "run: echo next", job="timeout-minutes: 1")
    assert done.result.result is Result.SUCCESS
    assert done.printed() == ["early", "next"]


def test_a_background_child_may_go_on_writing(replay: Replay) -> None:
    service = "(for i in $(seq 200); do echo line $i; sleep 0.01; done; touch ~/survived) &"
    done = replay(f"run: {service}", "run: while [ ! -e ~/survived ]; do sleep 0.05; done", job="timeout-minutes: 1")
    assert done.result.result is Result.SUCCESS


def test_the_last_words_of_a_failing_step_are_in_the_log(replay: Replay) -> None:
    done = replay("run: seq 20000; printf 'last words'; exit 1")
    assert done.printed()[-1] == "last words"
    assert len(done.printed()) == 20001


def test_a_job_without_checkout_has_an_empty_workspace(replay: Replay) -> None:
    assert replay("run: ls -A | wc -l", files={"a": "b"}).printed() == ["0"]


def test_shells(replay: Replay) -> None:
    done = replay(
        "run: false | true; echo lenient",
        "run: false | true\nshell: bash\ncontinue-on-error: true",
        "run: echo $0\nshell: sh",
        "run: print(6 * 7)\nshell: python3 {0}",
        "run: echo $BASH_VERSION | grep -c .\nshell: bash -e {0}",
    )
    assert done.steps == ["success", "failure", "success", "success", "success"]
    assert done.result.result is Result.SUCCESS


def test_a_missing_powershell_is_named(replay: Replay) -> None:
    done = replay("run: Get-Date\nshell: pwsh")
    assert done.result.result is Result.UNREPLAYABLE
    assert "pwsh" in (done.result.reason or "")


def test_default_shell_and_folder(replay: Replay) -> None:
    head = "defaults:\n  run:\n    shell: bash\n"
    job = "defaults:\n  run:\n    working-directory: sub"
    done = replay(
        CHECKOUT, "run: 'pwd | grep -c /sub$; false | true; echo unreached'", head=head, job=job, files={"sub/a": ""}
    )
    assert done.result.result is Result.FAILURE
    assert done.printed()[-1] == "1"


def test_time_limits(replay: Replay) -> None:
    done = replay("run: echo begun; sleep 600\ntimeout-minutes: 0.01", "run: echo after\nif: always()")
    assert done.steps == ["failure", "success"]
    assert "timed out after 0.01 minutes" in done.log
    limited = replay("run: echo begun; sleep 600", job="timeout-minutes: 0.02")
    assert limited.result.result is Result.FAILURE
    assert "exceeded the maximum execution time of 0.02 minutes" in (limited.result.jobs[0].reason or "")


def test_continue_on_error(replay: Replay) -> None:
    done = replay(
        "run: exit 1\nid: a\ncontinue-on-error: ${{ 1 == 1 }}",
        "run: echo ${{ steps.a.outcome }} ${{ steps.a.conclusion }}",
    )
    assert done.result.result is Result.SUCCESS
    assert done.printed()[-1] == "failure success"
    assert [s.continue_on_error for s in done.result.jobs[0].steps] == [True, False]
    job = replay("run: exit 1", job="continue-on-error: true")
    assert job.jobs == {"job": "failure"}
    assert job.result.result is Result.SUCCESS


def test_command_files_and_workflow_commands(replay: Replay) -> None:
    done = replay(
        "id: a\nrun: |\n  printf 'x<<END\\none\\ntwo\\nEND\\n' >> $GITHUB_OUTPUT\n  echo V=1 >> $GITHUB_ENV\n  echo \"[$V]\"\n  mkdir ~/b; echo ~/b >> $GITHUB_PATH",
        "env: {X: '${{ toJSON(steps.a.outputs.x) }}'}\nrun: |\n  echo \"$V $X\"; case $PATH in ~/b:*) echo first;; esac",
        "run: |\n  echo '::group::G'\n  echo '::error file=a.py,line=3::bad%0Athing'\n  echo '::endgroup::'\n  echo '::add-mask::hush'\n  echo hush it",
    )
    assert done.result.result is Result.SUCCESS
    lines = [line.partition("Z ")[2] for line in done.log.splitlines()]
    assert "[]" in lines
    assert '1 "one\\ntwo"' in lines
    assert "first" in lines
    assert lines[-2:] == ["##[endgroup]", "*** it"]
    assert "##[error]bad\nthing\n" in done.log


def test_needs_carry_results_and_outputs(project: Make) -> None:
    text = """
        on: push
        jobs:
          a:
            runs-on: ubuntu-latest
            outputs: {said: "${{ steps.s.outputs.said }}", list: '["x", "y"]'}
            steps:
              - id: s
                run: echo "said=it's {{ \\"odd\\" }} $"'{''{ github.sha }}' >> "$GITHUB_OUTPUT"
          b:
            runs-on: ubuntu-latest
            steps: [{run: exit 1}]
          c:
            needs: b
            runs-on: ubuntu-latest
            steps: [{run: exit 1}]
          d:
            needs: [a, b, c]
            if: always() && needs.b.result == 'failure'
            strategy: {matrix: {v: "${{ fromJSON(needs.a.outputs.list) }}"}}
            runs-on: ubuntu-latest
            steps:
              - env: {SAID: "${{ needs.a.outputs.said }}"}
                run: echo "$SAID ${{ matrix.v }} ${{ needs.b.result }} ${{ needs.c.result }}"
    """
    done = project({WORKFLOW: text}).replay()
    assert done.jobs == {"a": "success", "b": "failure", "c": "skipped", "d (x)": "success", "d (y)": "success"}
    assert done.printed()[-1] == 'it\'s {{ "odd" }} ${{ github.sha }} y failure skipped'


def test_github_context_is_that_of_the_repository(project: Make) -> None:
    text = """
        name: Mine
        on: push
        jobs:
          job:
            runs-on: ubuntu-latest
            steps:
              - run: echo "$GITHUB_REPOSITORY $GITHUB_REPOSITORY_OWNER $GITHUB_REF_NAME $GITHUB_EVENT_NAME ${{ github.workflow }}"
              - run: echo "$GITHUB_SHA ${{ github.sha }} ${{ github.event.after }}" $(git rev-parse HEAD 2>&1 | head -c 5)
              - run: env | grep -i nektos || true; echo "$RUNNER_OS $CI $GITHUB_ACTIONS $ImageOS $HOME"
    """
    made = project({WORKFLOW: text})
    head = made.git("rev-parse", "HEAD")
    lines = made.replay(repository="acme/shop").printed()
    assert lines[0] == "acme/shop acme main push Mine"
    assert lines[1].startswith(f"{head} {head} {head}")
    assert lines[2] == "Linux true true ubuntu24 /home/runner"


def test_pull_request_runs(replay: Replay) -> None:
    done = replay(
        "run: echo $GITHUB_REF $GITHUB_BASE_REF $GITHUB_HEAD_REF ${{ github.event.number }}", on="pull_request"
    )
    assert done.printed() == ["refs/pull/1/merge main main 1"]


def test_the_first_process_does_not_heed_what_steps_send_it(replay: Replay) -> None:
    done = replay("run: kill -INT 1; kill -TERM 1; sleep 0.3; kill -0 1")
    assert done.jobs == {"job": "success"}, done.log


def test_a_job_runs_without_files_that_the_clone_has_lost(project: Make) -> None:
    steps = (CHECKOUT, "run: '[ -z \"$(git status --porcelain)\" ] && ls *.mp4 || cat a'", "run: grep -c . film.mp4")
    made = project({WORKFLOW: workflow(*steps), "film.mp4": "long\n", "a": "here\n"})
    blob = made.git("rev-parse", "HEAD:film.mp4").strip()
    (made.root / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    done = made.replay(committed=True)
    assert done.steps == ["success", "success", "failure"], done.log
    assert "here" in done.printed()
    assert done.jobs == {"job": "unreplayable"}
    assert "needs film.mp4, which the local clone lacks" in str(done.result.reason)
    assert "job: the local clone lacks film.mp4; the job ran without" in done.result.notes


def test_files_that_a_partial_clone_lacks_are_named(project: Make, tmp_path: Path) -> None:
    made = project({WORKFLOW: workflow(CHECKOUT, "run: cat sub/file"), "sub/file": "1\n"})
    made.git("config", "uploadpack.allowFilter", "true")
    made.git("clone", "--quiet", "--filter=blob:none", "--sparse", f"file://{made.root}", str(tmp_path / "partial"))
    partial = Project(tmp_path / "partial")
    partial.git("sparse-checkout", "add", ".github")
    done = partial.replay()
    assert done.jobs == {"job": "unreplayable"}, done.log
    assert "the local clone lacks files of this commit" in str(done.result.reason)
    partial.git("sparse-checkout", "disable")
    assert partial.replay().jobs == {"job": "success"}


@pytest.mark.parametrize(
    ("step", "job", "named"),
    [
        (
            "run: echo 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock.'; exit 1",
            "",
            "a docker daemon",
        ),
        ("run: echo 'no answer'; exit 1", "", ""),
        ("run: of-their-own --version", "runs-on: [self-hosted, linux]", "needs of-their-own, which the self-hosted"),
        ("run: of-their-own --version", "", ""),
        ("run: |\n  of-their-own -s || true\n  python3 -c 'assert 1 == 2'", "runs-on: [self-hosted, linux]", ""),
        ("run: |\n  of-their-own -s || true\n  exit 127", "runs-on: [self-hosted]", "needs of-their-own, which"),
    ],
)
def test_what_the_runner_has_and_this_machine_has_not_is_named(replay: Replay, step: str, job: str, named: str) -> None:
    done = replay(step, job=job)
    assert done.result.result is (Result.UNREPLAYABLE if named else Result.FAILURE)
    assert named in (done.result.reason or "")
