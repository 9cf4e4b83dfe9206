"""The workbench: a job held at its failing step, through real act in the real sandbox."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from bot.errors import Transient
from bot.model import ReplayOptions, ReplayResult, Result
from bot.replay.replays import Replays
from bot.replay.workbench import Workbench
from tests.projects import CHECKOUT, WORKFLOW, Make, Project, workflow

Hold = Callable[..., tuple[Workbench, ReplayResult, Replays]]


@pytest.fixture
def hold(project: Make) -> Iterator[Hold]:
    """Replays a project and gives the bench of its first failing leg."""
    opened: list[Replays] = []

    def start(*steps: str, **files: str) -> tuple[Workbench, ReplayResult, Replays]:
        made: Project = project({WORKFLOW: workflow(*steps), **files})
        replays = made.app().replays(ReplayOptions(network="none"))
        opened.append(replays)
        result, benches = replays.run(replays.snapshot.commit, hold=True)
        bench = benches(result.jobs[0].key)
        assert bench
        return bench, result, replays

    yield start
    for replays in opened:
        replays.close()


def test_holds_at_the_first_failing_step(hold: Hold) -> None:
    bench, result, _ = hold("run: echo 1; exit 1\ncontinue-on-error: true", "run: echo 2; exit 7", "run: echo 3")
    assert result.result is Result.FAILURE
    assert [s.result for s in result.jobs[0].steps] == ["failure", "failure", "skipped"]
    assert result.jobs[0].seconds > 0, "although it has not ended"
    assert bench.held.step == "1"
    again = bench.session().rerun()
    assert (again.code, again.output) == (7, "2\n")


def test_runs_in_the_environment_and_folder_of_the_step(hold: Hold) -> None:
    steps = (
        CHECKOUT,
        "run: mkdir -p ~/bin && printf '#!/bin/sh\\necho mine' > ~/bin/tool && chmod +x ~/bin/tool && echo ~/bin >> $GITHUB_PATH && echo A=1 >> $GITHUB_ENV",
    )
    bench, _, _ = hold(*steps, "run: exit 1\nenv: {B: 2}\nworking-directory: sub", **{"sub/a": "here\n"})
    ran = bench.session().run(["sh", "-c", "tool; echo $A $B ${ACT-unset} $(cat a); test -t 0 || echo quiet; exit 3"])
    assert (ran.code, ran.output.splitlines()) == (3, ["mine", "1 2 unset here", "quiet"])


def test_writes_stack_up_in_a_session_and_reach_nothing_else(hold: Hold) -> None:
    bench, _, _ = hold(CHECKOUT, "run: echo > ~/kept; exit 1", **{"a": "old\n", "b": "b\n", "d/x": "x\n", "d/y": "y\n"})
    one, two = bench.session(), bench.session()
    one.run(
        [
            "sh",
            "-c",
            "echo new > a; rm b; rm -r d; mkdir d; echo z > d/z; rm ~/kept; touch /tmp/t /opt/hostedtoolcache/t",
        ]
    )
    assert one.run(["sh", "-c", "cat a; ls; ls ~ /tmp /opt/hostedtoolcache"]).output.split() == [
        "new",
        "a",
        "d",
        "/home/runner:",
        "work",
        "/opt/hostedtoolcache:",
        "t",
        "/tmp:",
        "t",
    ]
    assert two.run(["sh", "-c", "cat a b d/x; ls ~ /tmp"]).output.split() == [
        "old",
        "b",
        "x",
        "/home/runner:",
        "kept",
        "work",
        "/tmp:",
    ]
    assert [(w.path, w.content) for w in one.written()] == [("a", b"new\n"), ("b", None), ("d", None), ("d/z", b"z\n")]
    assert two.written() == ()


def test_what_is_put_is_of_a_later_second_than_what_was_there(hold: Hold) -> None:
    """Or Python would take the bytecode of a source of the same second and size for that of the new one."""
    bench, _, _ = hold(CHECKOUT, "run: touch -d @9999999999 m.py; exit 1", **{"m.py": "a = 1\n"})
    session = bench.session()
    for second in (10_000_000_000, 10_000_000_001):
        session.put("m.py", b"a = 2\n")
        assert session.run(["stat", "-c", "%Y", "m.py"]).output == f"{second}\n"
    session.put("new/n.py", b"")
    assert session.run(["cat", "m.py", "new/n.py"]).output == "a = 2\n"


def test_what_the_job_itself_changed(hold: Hold) -> None:
    files = {"a": "old\n", "b": "b\n", "c": "c\n", "link": "l\n"}
    bench, _, replays = hold(
        CHECKOUT, "run: echo new > a; rm c; ln -sf /etc/passwd link", "run: echo newer >> b; exit 1", **files
    )
    git = replays.origin.git
    rows = (x.split() for x in git.run("ls-tree", "-r", replays.snapshot.commit).decode().splitlines())
    blobs = {row[3]: row[2] for row in rows}
    assert [(w.path, w.content) for w in bench.changed(blobs)] == [("a", b"new\n"), ("b", b"b\nnewer\n"), ("c", None)]
    assert [w.path for w in bench.changed(blobs, by_step=True)] == ["b"]


def test_watching_sees_through_wrappers(hold: Hold) -> None:
    makefile = "lint:\n\t@sh ./lint.sh\n"
    script = "#!/bin/sh\ncd sub\npython3 -m compileall -q missing.py || true\n/usr/bin/env FOO=1 grep -q needle hay && echo found\n"
    bench, _, _ = hold(CHECKOUT, "run: make lint", Makefile=makefile, **{"lint.sh": script, "sub/hay": "straw\n"})
    watched = bench.session().watch()
    assert watched.code == 2
    programs = {p.argv: p for p in watched.programs}
    grep = programs["grep", "-q", "needle", "hay"]
    assert (grep.code, Path(grep.cwd).name, grep.env["FOO"]) == (1, "sub", "1")
    assert ("make", "lint") in programs
    assert any(argv[1:3] == ("-m", "compileall") for argv in programs)


def test_a_javascript_action_is_held_in_its_main_part(hold: Hold) -> None:
    action = "runs: {using: node20, pre: main.js, main: main.js, post: main.js}\n"
    main = "process.exit(require('child_process').spawnSync('grep', ['-q', 'needle', 'hay']).status)\n"
    bench, result, _ = hold(
        CHECKOUT, "run: echo straw > hay", "uses: ./a", **{"a/action.yml": action, "a/main.js": main, "hay": "needle\n"}
    )
    assert [s.result for s in result.jobs[0].steps] == ["success", "success", "failure"]
    watched = bench.session().watch()
    assert watched.code == 1
    assert ("grep", "-q", "needle", "hay") in [p.argv for p in watched.programs]
    assert bench.session().script == ""  # a program in JavaScript is no shell script


def test_a_javascript_action_that_fails_afterwards_is_not_held(hold: Hold) -> None:
    action = "runs: {using: node20, main: main.js, post: post.js}\n"
    files = {"a/action.yml": action, "a/main.js": "", "a/post.js": "process.exit(3)\n"}
    bench, _, _ = hold(CHECKOUT, "uses: ./a", "run: exit 7", **files)
    assert bench.held.step == "2"


def test_watching_ends_what_is_left_in_the_background(hold: Hold) -> None:
    bench, _, _ = hold("run: (sleep 4343 &); (while :; do :; done &); exit 1")
    assert bench.session().watch().code == 1
    commands = [p.info["cmdline"] or [] for p in psutil.process_iter(["cmdline"])]
    assert sum(c == ["sleep", "4343"] for c in commands) <= 1, "only the one of the held step itself"


def test_a_request_has_a_time_limit(hold: Hold) -> None:
    bench, _, _ = hold("run: exit 1")
    ran = bench.session().run(["sleep", "60"], timeout=0.2)
    assert ran.timed_out
    assert bench.session().run(["echo", "still here"]).output == "still here\n"


def test_a_step_keeps_its_time_limit_when_it_is_run_again(hold: Hold) -> None:
    bench, _, _ = hold("run: sleep 60\ntimeout-minutes: 0.005")
    ran, watched = bench.session().rerun(), bench.session().watch()
    assert (ran.timed_out, watched.timed_out) == (True, True)
    assert 0 not in (ran.code, watched.code)


def test_a_missing_program_is_an_answer(hold: Hold) -> None:
    bench, _, _ = hold("run: exit 1")
    ran = bench.session().run(["no-such-program"])
    assert ran.code != 0
    assert "no-such-program" in ran.output


def test_a_job_that_has_ended_serves_nothing(hold: Hold) -> None:
    bench, _, replays = hold("run: exit 1")
    session = bench.session()
    replays.close()
    with pytest.raises(Transient, match="the held job has ended"):
        session.run(["true"])


def test_closing_leaves_nothing_behind(hold: Hold) -> None:
    _, _, replays = hold("run: mkdir -m 000 ~/locked; (sleep 4545 &); exit 1")
    replays.close()
    assert sorted(p.name for p in replays.folder.iterdir()) == ["replay-1"]
    assert sorted(p.name for p in (replays.folder / "replay-1").iterdir()) == ["log"]
    assert not [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", "4545"]]
