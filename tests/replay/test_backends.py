"""Which backend takes a job, and what the others say."""

import socketserver
import sys
import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from bot.adapters.bubblewrap import Bubblewrap
from bot.adapters.container_engine import ContainerEngine, engine_problem
from bot.errors import MachineError, OutOfBudget
from bot.model import JobResult, Result
from bot.replay.backends import Backends, unsafe
from bot.replay.expressions import Scope
from bot.replay.on_github import NEVER, replay_on_github
from bot.yaml12 import load
from tests.projects import WORKFLOW, Make, workflow
from tests.state.helpers import FakeClock


class Pong(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/_ping" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[str]:
    """Something that answers as an engine does."""
    with socketserver.UnixStreamServer(str(tmp_path / "e.sock"), Pong) as server:
        server.RequestHandlerClass.address_string = lambda _: ""  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"unix://{tmp_path}/e.sock"
        server.shutdown()
        thread.join()


def test_an_engine_is_one_that_answers(engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert engine_problem({"DOCKER_HOST": engine}) == ""
    monkeypatch.setattr(Pong, "status", 500)
    assert engine_problem({"DOCKER_HOST": engine}) == f"no engine answers at {engine}"
    assert engine_problem({"DOCKER_HOST": f"unix://{tmp_path}/none"}) == f"no engine answers at unix://{tmp_path}/none"
    assert "another machine" in engine_problem({"DOCKER_HOST": "tcp://10.0.0.1:2375"})


def test_the_result_says_why_no_backend_takes_a_job(project: Make, engine: str, tmp_path: Path) -> None:
    made = project({WORKFLOW: workflow("run: 'true'", job="services: {db: {image: postgres}}")})
    done = made.here("replay", "--json", env={"DOCKER_HOST": f"unix://{tmp_path}/none"})
    assert (done.code, done.json["result"]) == (3, "unreplayable")
    reason = "the job needs the service db, which needs a container engine"
    github = "github: it is for whole workflows alone: regreen replay --backend github"
    refused = f"docker: no engine answers at unix://{tmp_path}/none"
    assert done.json["jobs"][0]["reason"] == f"{reason} ({refused}; {github})"
    told = made.here("replay", "--json", env={"DOCKER_HOST": engine}).json["jobs"][0]["reason"]
    assert told == "the container image catthehacker/ubuntu:act-latest cannot be had: the engine cannot pull it (501)"
    env = {"DOCKER_HOST": f"unix://{tmp_path}/none", "REGREEN_REPLAY_BACKENDS": "[host]"}
    assert made.here("replay", "--json", env=env).json["jobs"][0]["reason"] == reason
    env["REGREEN_REPLAY_BACKENDS"] = "[podman]"
    assert "REGREEN_REPLAY_BACKENDS: replay.backends" in made.here("replay", env=env).err
    done = made.here("replay", "--backend", "docker", env={"DOCKER_HOST": f"unix://{tmp_path}/none"})
    assert (done.code, refused in done.err) == (3, True)


def test_the_first_backend_that_takes_a_leg_has_it() -> None:
    def chosen(*order: str, need: str = "", docker: str = "") -> str:
        problems = {"docker": lambda: docker, "github": lambda: "not yet"}
        return Backends(order, problems, ContainerEngine({})).choose(need)

    assert chosen("host", "docker") == "host"
    assert chosen("host", "docker", need="a container") == "docker"
    assert chosen("docker", "host") == "docker"
    assert chosen("docker", "host", docker="no engine") == "host"
    assert chosen("docker", "github", docker="no engine") == ""
    assert chosen("host", "github", "docker", need="a container", docker="no engine") == ""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("container: {image: x, options: --privileged}", "the container option --privileged (container)"),
        ("container: {image: x, options: --cpus 1 --device=/dev/kvm}", "--device"),
        ("container: {image: x, options: -v /:/host}", "-v"),
        ("container: {image: x, options: --network host}", "--network host"),
        ("container: {image: x, options: --pid=host}", "--pid=host"),
        ("container: {image: x, options: --cap-add SYS_ADMIN}", "--cap-add"),
        ("container: {image: x, volumes: ['/var/run/docker.sock:/s']}", "the folder /var/run/docker.sock of the host"),
        ("services: {db: {image: x, options: --security-opt seccomp=unconfined}}", "(db)"),
        ("services: {db: {image: x, volumes: ['./data:/d']}}", "the folder ./data of the host"),
        ("container: {image: x, options: --cpus 1 --user root --health-cmd 'pg_isready --host x'}", ""),
        ("container: {image: x, volumes: ['cache:/c', /anonymous]}", ""),
        ("container: x", ""),
        ("services: {db: {image: x, ports: ['5432:5432'], options: --network-alias privileged}}", ""),
    ],
)
def test_what_would_give_a_step_the_machine_is_refused(text: str, problem: str) -> None:
    told = unsafe(load(text, "job"), Scope({}))
    assert (problem in told, bool(told)) == (True, bool(problem))


def test_a_refused_option_is_the_reason(project: Make) -> None:
    made = project({WORKFLOW: workflow("run: 'true'", job="container: {image: x, options: --privileged}")})
    reason = made.replay().result.jobs[0].reason
    assert reason == "the job asks for the container option --privileged (container), which no replay gives"


def test_where_there_is_no_bubblewrap_by_nature_the_others_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(MachineError, match="need Linux") as caught:
        _ = Bubblewrap().program
    assert "needs bubblewrap, too" in str(caught.value.hint)


class Runs:
    """CI that says what it was given to say of its runs, the last for ever; its jobs are green when they have ended."""

    def __init__(self, *going: bool | None) -> None:
        self.did: list[str] = []
        self.asked = ""
        self._told, self._ended = list(going), False

    def push(self, commit: str, branch: str) -> None:
        self.did.append(f"push {commit} {branch}")

    def going(self, commit: str) -> bool | None:
        self.asked = commit
        told = self._told.pop(0) if len(self._told) > 1 else self._told[0]
        self._ended = told is False
        return told

    def jobs(self, commit: str) -> Sequence[JobResult]:
        self.asked = commit
        return [GREEN] if self._ended else [RED]

    def cancel(self, commit: str) -> None:
        self.did.append(f"cancel {commit}")

    def remove(self, branch: str) -> None:
        self.did.append(f"remove {branch}")


RED = JobResult(id="a", name="a", result=Result.FAILURE)
GREEN = JobResult(id="a", name="a", result=Result.SUCCESS)


def test_runs_on_github_are_followed_to_their_end() -> None:
    clock, runs = FakeClock(), Runs(None, None, True, False)
    began = clock.now()
    done = replay_on_github(runs, clock, "c", "regreen/scratch", seconds=3600)
    assert (done.result, done.jobs, done.seconds) == (Result.SUCCESS, (GREEN,), 45)
    assert clock.now() - began == timedelta(seconds=45)
    assert runs.did == ["push c regreen/scratch", "remove regreen/scratch"]


def test_a_run_that_never_begins_is_unreplayable() -> None:
    runs = Runs(None)
    done = replay_on_github(runs, FakeClock(), "c", "b", seconds=3600)
    assert (done.result, done.reason) == (Result.UNREPLAYABLE, NEVER)
    assert runs.did == ["push c b", "remove b"]


def test_a_run_that_takes_too_long_is_cancelled() -> None:
    runs = Runs(True)
    with pytest.raises(OutOfBudget, match="longer than 10 minutes"):
        replay_on_github(runs, FakeClock(), "c", "b", seconds=600)
    assert runs.did == ["push c b", "cancel c", "remove b"]
