"""Jobs in containers: what act is given of them, and, where an engine answers, what comes of it."""

import io
import json
import shutil
import signal
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from bot.adapters.container_engine import engine_problem
from bot.errors import Unavailable
from bot.ports import Limits
from bot.replay import containers
from bot.replay.actlog import Output, parse
from bot.replay.backends import Backends
from bot.replay.context import Run
from bot.replay.derive import derive, limits_of_actions
from bot.replay.expressions import Scope
from bot.replay.legs import Planned
from bot.replay.side_effects import SideEffects
from bot.replay.workflow import parse as read
from bot.yaml12 import load
from tests.conftest import OWN_ENGINE
from tests.projects import CHECKOUT, WORKFLOW, Make, workflow

SCOPE = Scope({"matrix": {"pg": 16}, "needs": {"a": {"outputs": {"tag": "3"}}}, "inputs": {}, "github": {}})
NO_EFFECTS = SideEffects((), (), (), (), (), {}, frozenset())
IMAGES = {"ubuntu-latest": "runner:1"}


class Engine:
    """An engine that lacks images, and notes what it is asked for."""

    problem = ""

    def __init__(self, *lacking: str) -> None:
        self.lacking, self.asked = lacking, dict[str, bool]()

    def lacks(self, image: str, *, pull: bool, check: Callable[[], None]) -> str:
        self.asked[image] = pull
        check()
        return "it is not there" if image in self.lacking else ""

    def serve(self, *_: object, **__: object) -> Any:
        raise NotImplementedError


def job(text: str, *steps: str) -> dict[str, Any]:
    found = load(workflow(*(steps or ("run: 'true'",)), job=text), WORKFLOW)["jobs"]["job"]
    return dict(found)


def given(text: str, engine: Engine, *steps: str, definitions: tuple[Any, ...] = ()) -> Any:
    backends = Backends(("docker",), {"docker": lambda: ""}, engine, IMAGES)
    return containers.contained(job(text, *steps), SCOPE, definitions, backends, "none", Limits(), lambda: None)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("container: x:1", "the job runs in the container x:1"),
        ("container: {image: 'x:${{ matrix.pg }}'}", "the job runs in the container x:16"),
        ("services: {db: {image: postgres}, no: {image: ''}}", "the job needs the service db"),
        ("container: ''", ""),
        ("env: {A: b}", ""),
    ],
)
def test_what_needs_an_engine(text: str, told: str) -> None:
    assert containers.need(job(text), SCOPE) == (told and f"{told}, which needs a container engine")


def test_what_wishes_for_an_engine() -> None:
    docker = {"runs": {"using": "docker", "image": "Dockerfile"}}
    nested = {"runs": {"using": "composite", "steps": [{"uses": "docker://x"}]}}
    assert "docker://x" in containers.wish(job("", "uses: docker://x"), ())
    assert containers.wish(job(""), [docker])
    assert containers.wish(job(""), [nested])
    assert not containers.wish(job("", CHECKOUT), [{"runs": {"using": "node20"}}, None])


def test_every_image_is_asked_for_before_anything_runs() -> None:
    engine = Engine()
    docker = {"runs": {"using": "docker", "image": "docker://act:1"}}
    text = "services: {db: {image: 'postgres:${{ matrix.pg }}', ports: [5432]}}"
    found = given(text, engine, "uses: docker://step:1", definitions=(docker,))
    assert (found.image, found.shares_loopback) == ("runner:1", True)
    assert engine.asked == dict.fromkeys(("runner:1", "postgres:16", "step:1", "act:1"), True)
    assert not given("container: x\nservices: {db: {image: y}}", engine).shares_loopback


def test_an_image_that_cannot_be_had_is_named() -> None:
    with pytest.raises(Unavailable, match="the container image x:1 cannot be had: it is not there"):
        given("container: x:1", Engine("x:1"))
    with pytest.raises(Unavailable, match=r"replay\.images names no container image for self-hosted"):
        given("runs-on: self-hosted", Engine())


def test_what_a_job_says_at_run_time_is_told_to_no_registry() -> None:
    engine = Engine()
    given("container: 'x:${{ needs.a.outputs.tag }}'", engine)
    given("container: x\nservices: {db: {image: 'y:${{ needs.a.outputs.tag }}'}}", engine)
    assert engine.asked == {"x:3": False, "x": True, "y:3": False}
    matrix = "strategy: {matrix: {pg: '${{ fromJSON(needs.a.outputs.tags) }}'}}"
    given(f"{matrix}\ncontainer: 'z:${{{{ matrix.pg }}}}'\nservices: {{db: {{image: 'own'}}}}", engine)
    assert (engine.asked["z:16"], engine.asked["own"]) == (False, True), "what another job made the matrix of"


@pytest.mark.parametrize(
    ("ports", "told"),
    [
        ("[5432]", ""),
        ("['5432:5432/tcp', 80]", ""),
        ("['5433:5432']", "the service a is wanted at the port 5433:5432"),
        ("['5000-5001:5000-5001']", "wanted at the port 5000-5001"),
    ],
)
def test_services_of_a_runner_have_their_own_ports(ports: str, told: str) -> None:
    text = f"services: {{a: {{image: x, ports: {ports}}}}}"
    if told:
        with pytest.raises(Unavailable, match=told):
            given(text, Engine())
    else:
        given(text, Engine())
    given(f"container: c\n{text}", Engine())
    with pytest.raises(Unavailable, match="the services a and b have the same port 1"):
        given("services: {a: {image: x, ports: [1]}, b: {image: y, ports: ['1:1']}}", Engine())


def derived(text: str, *steps: str, head: str = "") -> Any:
    """The derived job, as act reads it."""
    found = read(workflow(*steps, job=text, head=head), WORKFLOW)
    planned = Planned("job", "job", {}, 1, continue_on_error=False, scope=SCOPE)
    made = derive(found, planned, Run("o/p", "a" * 40, "refs/heads/main", "push", {}), NO_EFFECTS, containers.CONSTANTS)
    containers.in_containers(made.document, "job", "regreen-1", found.jobs["job"], SCOPE)
    return made.document["jobs"]["job"]


def test_steps_have_the_shells_that_they_name_and_no_program_of_ours() -> None:
    found = derived(
        "defaults: {run: {working-directory: sub}}", "run: a", "run: b\nshell: bash", "run: c\nshell: zsh -x {0}"
    )
    assert [s.get("shell") for s in found["steps"]] == [None, "bash", "zsh -x {0}"]
    assert [s["env"] for s in found["steps"]] == [{"ACT": ""}] * 3, "CI stays act's: nobody could undo an empty value"
    assert found["defaults"] == {"run": {"working-directory": "sub"}}
    assert [s["shell"] for s in derived("", "run: a", head="defaults: {run: {shell: sh}}\n")["steps"]] == ["sh"]
    shell = "defaults: {run: {shell: '${{ matrix.sh }}'}}"
    assert derived(shell, "run: a")["defaults"]["run"]["shell"] == "${{ matrix.sh }}"
    assert "/regreen" not in json.dumps(found)


def test_containers_are_what_was_looked_at_and_not_evaluated_again() -> None:
    text = "container: {image: 'x:${{ matrix.pg }}', env: {A: '${{ secrets.S }}'}, credentials: {username: u, password: p}}"
    found = derived(f"{text}\nservices: {{db: {{image: y, ports: [1], env: {{B: b}}}}, no: {{image: ''}}}}", "run: a")
    assert found["container"] == {"image": "x:16", "env": {"A": "${{ secrets.S }}"}}
    assert found["services"] == {"db": {"image": "y", "env": {"B": "b"}}}, "it is reached by its name"
    assert derived("services: {db: {image: y, ports: [1]}}", "run: a")["services"]["db"]["ports"] == [1]
    assert found["name"] == "regreen-1", "what act names its containers by"


def test_time_limits_of_steps_are_known() -> None:
    steps = ("run: a\ntimeout-minutes: '${{ matrix.pg }}'", "run: b\nid: b\ntimeout-minutes: 0.5", "run: c")
    unknown = "run: d\ntimeout-minutes: '${{ steps.b.outputs.o }}'"
    found = limits_of_actions(job("", *steps, unknown), SCOPE, wrapped=False)
    assert found == {"0": 960, "b": 30}


def test_the_ports_of_services_are_known() -> None:
    text = "services: {db: {image: y, ports: [5432]}}"
    asked = "a ${{ job.services.db.ports[5432] }} ${{ job.services.db.ports['5432'] }}"
    assert derived(text, f"run: {asked}")["steps"][0]["run"] == "a ${{ '5432' }} ${{ '5432' }}"


def test_outputs_and_refusals_are_printed() -> None:
    found = derived("outputs: {o: '${{ steps.a.outputs.b }}'}", "run: a")
    told = json.dumps({"lines": "a\nb\n", "path": "c:\\new"})
    script = found["steps"][-1]["run"]
    printed = subprocess.run(["sh", "-c", script], env={"OUTPUTS": told}, capture_output=True, text=True, check=True)
    assert printed.stdout == f"{told}\n", "the echo of dash would read the backslashes"
    assert found["steps"][-1]["shell"] == "sh"


def test_act_checks_out_beside_its_containers_and_takes_no_network_of_the_machine() -> None:
    run = Run("o/p", "a" * 40, "refs/heads/main", "push", {})
    given = [
        "/act",
        "push",
        "--no-skip-checkout",
        "--platform",
        "regreen=-self-hosted",
        "--container-daemon-socket",
        "-",
    ]
    made = containers.act(given, job("", "uses: actions/checkout@v4\nwith: {fetch-depth: 0}"), run, "img:1")
    begin, act = made[: made.index("/act")], made[made.index("/act") :]
    assert begin[-2] == "workspace"
    assert json.loads(json.loads(begin[-1])["INPUTS"])["fetch-depth"] == "0"
    assert act[1:6] == ["push", "--platform", "regreen=img:1", "--container-daemon-socket", "-"]
    assert act[act.index("--network") + 1] == "regreen", "act's default is the host's"
    assert act[act.index("--directory") + 1] == "/home/runner/work/p/p"
    assert {"--pull=false", "--use-gitignore=false"} <= set(act)


def test_what_cannot_be_had_in_containers() -> None:
    steps = ("uses: actions/checkout@v4\nwith: {ref: main}", "uses: actions/upload-artifact@v4", "uses: a/b@v1")
    found = containers.refused(job("", *steps), ["actions/checkout@v4", "actions/upload-artifact@v4", "a/b@v1"])
    assert "the input 'ref'" in found["actions/checkout@v4"]
    assert "GitHub's artifacts" in found["actions/upload-artifact@v4"]
    assert "a/b@v1" not in found
    assert not containers.refused(job("", CHECKOUT), ["actions/checkout@v4"])


def test_workflow_commands_are_shown_and_masks_are_not() -> None:
    row = {"jobID": "job", "stage": "Main", "stepID": ["0"], "level": "error", "msg": "  ❗  ::error::bad"}
    found = parse(json.dumps({**row, "command": "error", "raw": "::error::bad\n"}).encode(), "job")
    assert isinstance(found, Output)
    assert found.text == "::error::bad"
    assert not isinstance(
        parse(json.dumps({**row, "command": "add-mask", "raw": "::add-mask::s"}).encode(), "job"), Output
    )


# --- with a real engine, where the tests are given one ---


BUSYBOX = shutil.which("busybox")
IMAGE, SERVER = "regreen-test-image:1", "regreen-test-server:1"


@pytest.fixture(scope="module")
def engine() -> Iterator[httpx.Client]:
    """An engine that answers, with two images of one program; what it has besides is not touched."""
    address = OWN_ENGINE or "unix:///var/run/docker.sock"
    if not BUSYBOX or engine_problem({"DOCKER_HOST": address}):
        pytest.skip("no container engine answers, or there is no busybox to fill an image with")
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        tar.add(BUSYBOX, "bin/busybox")
        for applet in subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True).stdout.split():
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            if applet != "busybox":
                tar.addfile(link)
        for name, text in {"etc/passwd": "root:x:0:0:root:/:/bin/sh\n", "www/index.html": "served\n"}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    transport = httpx.HTTPTransport(uds=address.removeprefix("unix://"))
    with (
        httpx.Client(transport=transport, base_url="http://e", timeout=60) as client,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("DOCKER_HOST", address)
        patch.setenv("REGREEN_REPLAY_IMAGES", json.dumps({"ubuntu-latest": IMAGE}))
        for image, command in ((IMAGE, "sh"), (SERVER, "httpd -f -p 8080 -h /www")):
            given = {
                "fromSrc": "-",
                "repo": image.split(":")[0],
                "tag": "1",
                "changes": f"CMD {json.dumps(command.split())}",
            }
            client.post("/images/create", params=given, content=data.getvalue()).raise_for_status()
            if not client.get(f"/images/{image}/json").is_success:  # Podman's service takes it otherwise
                pytest.skip("the engine takes no image of a test")
        yield client
        for image in (IMAGE, SERVER):
            client.delete(f"/images/{image}", params={"force": "1"})


def left(engine: httpx.Client) -> list[str]:
    """What legs have left in the engine."""
    containers = [
        c["Image"] for c in engine.get("/containers/json?all=1").json() if "regreen.leg" in (c["Labels"] or {})
    ]
    volumes = [v["Name"] for v in engine.get("/volumes").json()["Volumes"] or () if v["Name"].startswith("regreen-")]
    return (
        containers + volumes + [n["Name"] for n in engine.get("/networks").json() if n["Name"].startswith("regreen-")]
    )


def test_a_job_runs_in_its_container(engine: httpx.Client, project: Make) -> None:
    text = f"container: {{image: '{IMAGE}', env: {{A: a}}}}\noutputs: {{o: '${{{{ steps.s.outputs.v }}}}'}}"
    steps = [
        CHECKOUT,
        "id: s\nrun: |\n  cat file; echo $A-$CI-$ACT-; echo v=7 >> $GITHUB_OUTPUT; ls /regreen /var/run/docker.sock || true",
        "run: exit 5\ncontinue-on-error: true",
        "run: \"echo '::error::bad'; exit 3\"",
        "run: echo after",
        "run: echo always\nif: always()",
    ]
    more = "  next:\n    needs: job\n    if: always()\n    runs-on: ubuntu-latest\n    steps: [{run: 'echo got ${{ needs.job.outputs.o }}'}]\n"
    found = project({WORKFLOW: workflow(*steps, job=text) + more, "file": "in the tree\n"}).replay()
    assert found.jobs == {"job": "failure", "next": "success"}
    assert found.steps == ["success", "success", "failure", "failure", "skipped", "success"]
    printed = found.printed()
    assert [x for x in ("in the tree", "a-true--", "always", "got 7") if x not in printed] == []
    assert "No such file or directory" in found.log, "neither our programs nor the engine are in there"
    assert found.log.index("##[error]bad") < found.log.index("##[error]Process completed with exit code 3.")
    assert any("it ran on the backend docker (the job runs in the container" in n for n in found.result.notes)
    assert left(engine) == []


def test_a_job_on_the_runner_reaches_its_services_on_its_loopback(engine: httpx.Client, project: Make) -> None:
    text = f"services: {{web: {{image: '{SERVER}', ports: ['8080:8080'], volumes: ['data:/d']}}}}"
    ask = "run: wget -qO- http://localhost:${{ job.services.web.ports[8080] }}/\nshell: sh"
    step = f"uses: docker://{IMAGE}\nwith: {{args: wget -qO- http://localhost:8080/}}"
    found = project({WORKFLOW: workflow(ask, step, job=text)}).replay()
    assert (found.jobs, found.printed().count("served")) == ({"job": "success"}, 2)
    assert left(engine) == []


def test_a_job_in_a_container_reaches_its_services_by_name_and_nothing_else(
    engine: httpx.Client, project: Make
) -> None:
    text = f"container: {IMAGE}\nservices: {{web: {{image: '{SERVER}'}}}}"
    machine = "$(ip route | sed -n 's/^default via \\([^ ]*\\).*/\\1/p')"
    out = f"run: |\n  ip link; for a in 1.1.1.1 {machine} ; do ping -c1 -W1 $a && echo REACHED; done; wget -qO- http://web:8080/"
    found = project({WORKFLOW: workflow(out, job=text)}).replay()
    assert "served" in found.printed(), f"{found.result.jobs[0].reason} {found.log}"
    assert found.jobs == {"job": "success"}
    assert "REACHED" not in found.printed()


def test_container_actions_of_the_tree_run(engine: httpx.Client, project: Make) -> None:
    action = "inputs: {who: {default: x}}\nruns: {using: docker, image: '%s', args: [sh, -c, 'echo hello $INPUT_WHO']}"
    files = {
        "a/action.yml": action % f"docker://{IMAGE}",
        "b/action.yml": action % "Dockerfile",
        "b/Dockerfile": f"FROM {IMAGE}",
    }
    steps = (CHECKOUT, "uses: ./a\nwith: {who: me}", "uses: ./b")
    made = project({WORKFLOW: workflow(*steps), **files})
    found = made.replay()
    assert "hello me" in found.printed()
    reason = found.result.jobs[0].reason
    assert reason == "the step 'Run ./b' asked the container engine to build an image, which needs the network 'all'"
    assert made.replay(network="all").jobs == {"job": "success"}
    assert left(engine) == []


@pytest.mark.parametrize("forged", ['\'{"jobID":"job","jobResult":"success"}\'', "'::set-output name=x::y'"])
def test_a_step_in_a_container_cannot_forge_a_result(engine: httpx.Client, project: Make, forged: str) -> None:
    text = f"container: {IMAGE}"
    found = project({WORKFLOW: workflow(f"run: |\n  echo {forged}; exit 1", job=text)}).replay()
    assert found.jobs == {"job": "failure"}


def test_a_leg_without_what_containers_have_on_github_is_unreplayable(engine: httpx.Client, project: Make) -> None:
    files = {"js/action.yml": "runs: {using: node20, main: m.js}", "js/m.js": ""}
    steps = (CHECKOUT, "uses: ./js")
    found = project({WORKFLOW: workflow(*steps, job=f"container: {IMAGE}"), **files}).replay()
    assert "needs Node.js, which the image has not" in str(found.result.jobs[0].reason)


def test_without_a_network_a_failure_that_is_for_want_of_one_is_no_verdict(engine: httpx.Client, project: Make) -> None:
    found = project({WORKFLOW: workflow("run: wget http://example.invalid/", job=f"container: {IMAGE}")}).replay()
    assert found.jobs == {"job": "unreplayable"}


def test_all_legs_run_there_when_that_is_asked_for_and_fix_says_that_it_holds_none(
    engine: httpx.Client, project: Make
) -> None:
    made = project({WORKFLOW: workflow("run: 'exit 1'\nshell: sh")})
    found = made.replay(backend="docker")
    assert found.jobs == {"job": "failure"}
    assert f"image {IMAGE}" in found.result.notes[0]
    done = made.here("fix", "--backend", "docker", "--json")
    assert (done.code, done.json["parts"][0]["reason"]) == (1, containers.NOT_HELD)


def test_what_an_interrupted_or_killed_replay_made_is_removed(engine: httpx.Client, project: Make) -> None:
    made = project({WORKFLOW: workflow("run: sleep 300", job=f"container: {IMAGE}")})
    for end, stays in ((signal.SIGINT, False), (signal.SIGKILL, True)):
        with subprocess.Popen(
            ["regreen", "replay"], cwd=made.root, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as process:
            while not any(c["Image"] == IMAGE for c in engine.get("/containers/json").json()):
                assert process.poll() is None
            process.send_signal(end)
            process.communicate()
        assert bool(left(engine)) is stays
    made.write({WORKFLOW: workflow("run: 'true'", job=f"container: {IMAGE}")})
    assert made.replay().jobs == {"job": "success"}
    assert left(engine) == []
