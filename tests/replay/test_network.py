"""What replayed code reaches with the network setting `registries`: package indexes, through the proxy; `test_escape.py` has what it does not."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.model import ReplayOptions, Result
from tests.index import Index, Release
from tests.projects import CHECKOUT, SETUP_PYTHON, WORKFLOW, Make, workflow
from tests.replay.conftest import Replay

REGISTRIES = {"network": "registries"}
STEPS = (SETUP_PYTHON, "uses: actions/setup-node@v4", "uses: astral-sh/setup-uv@v6")


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """An index that the machine's settings name for pip, uv and npm, and that wants a login."""
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    with Index([Release("one", "1.0", code="print('one is here')")], login="me:hush-1") as served:
        place = f"http://me:hush-1@127.0.0.1:{served.port}"
        monkeypatch.setenv("PIP_INDEX_URL", f"{place}/simple")
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"{place}/simple")
        monkeypatch.setenv("npm_config_registry", f"{place}/npm/")
        yield served


@pytest.mark.parametrize(("network", "told"), [("none", "0 0"), ("registries", "")])
def test_nobody_waits_for_answers_where_there_is_no_network(replay: Replay, network: str, told: str) -> None:
    done = replay("run: echo $PIP_RETRIES $npm_config_fetch_retries", options={"network": network})
    assert done.printed() == [told]


def test_pip_uv_and_npm_reach_their_index(replay: Replay, index: Index) -> None:
    done = replay(
        *STEPS,
        "run: pip install one && python -m one",
        "run: uv venv --python $pythonLocation/bin/python v && uv pip install --python v/bin/python one && v/bin/python -m one",
        "run: npm init -y > /dev/null && npm install --no-audit one && test -f node_modules/one/package.json",
        "run: curl --fail --silent $PIP_INDEX_URL/one/ > /dev/null && env && cat /proc/*/environ 2> /dev/null | tr '\\0' '\\n'",
        options=REGISTRIES,
    )
    assert set(done.steps) == {"success"}, done.log
    assert done.printed().count("one is here") == 2
    assert "hush-1" not in done.log
    assert [note for note in done.result.notes if "taken for latest" not in note] == []
    assert index.asked.count("GET /files/one-1.0-py3-none-any.whl") >= 1


def test_refused_hosts_are_named_where_a_step_fails_by_them(replay: Replay, index: Index) -> None:
    ask = "curl --silent --fail https://other.example/"
    done = replay(f"run: {ask} || true", f"{{name: Asks, run: {ask}}}", options=REGISTRIES)
    assert done.jobs == {"job": "unreplayable"}
    told = "asked for other.example, which the network setting 'registries' does not allow"
    assert done.result.jobs[0].reason == f"the step 'Asks' {told}"
    assert done.log.count(f"##[warning]The step {told}.") == 2
    assert f"job: the step 'Asks' {told}" in done.result.notes
    fails_alone = replay(f"run: {ask} || true", "run: exit 7", options=REGISTRIES)
    assert fails_alone.jobs == {"job": "failure"}
    assert len(fails_alone.result.notes) == 1


def test_a_test_that_fails_without_asking_for_a_refused_host_fails_its_job(project: Make, index: Index) -> None:
    own, networked = "_____ test_a _____\nE assert 1 == 2\n", "_____ test_b _____\nE urlopen error\n"
    fails = "curl --silent --fail http://other.example || { cat report; exit 1; }"
    made = project({WORKFLOW: workflow(CHECKOUT, f"run: '{fails}'"), "report": f"=== FAILURES ===\n{own}{networked}"})
    replays = made.app().replays(ReplayOptions(network="registries"))
    try:
        result, benches = replays.run(replays.snapshot.commit, hold=True)
        assert (str(result.result), bool(benches(result.jobs[0].key))) == ("failure", True)
        assert "asked for other.example" in result.notes[0]
    finally:
        replays.close()


def test_a_job_that_was_refused_a_host_is_not_held(project: Make, index: Index) -> None:
    made = project({WORKFLOW: workflow("run: curl --silent --fail https://other.example/")})
    replays = made.app().replays(ReplayOptions(network="registries"))
    try:
        result, benches = replays.run(replays.snapshot.commit, hold=True)
        assert (str(result.result), benches(result.jobs[0].key)) == ("unreplayable", None)
    finally:
        replays.close()


def test_an_index_that_is_not_there_is_named(replay: Replay, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    index.__exit__()
    done = replay(SETUP_PYTHON, "run: pip install --retries 1 one", options=REGISTRIES)
    assert done.jobs == {"job": "unreplayable"}
    assert f"asked for 127.0.0.1:{index.port}, which cannot be reached from here" in str(done.result.reason)


def test_packages_as_of_then(replay: Replay, index: Index) -> None:
    index.releases[:] = [
        Release("one", "1.0", "2021-01-01T00:00:00Z"),
        Release("one", "2.0", "2022-01-01T00:00:00Z"),
    ]
    steps = (
        *STEPS,
        "run: pip install one && pip list 2> /dev/null | grep '^one '",
        "run: uv venv v && uv pip install --python v/bin/python one && ls v/lib/python*/site-packages",
        "run: npm init -y > /dev/null && npm install --no-audit one && grep version node_modules/one/package.json",
        "run: curl --silent --header Accept:text/html $PIP_INDEX_URL/one/ | grep -o '>one-.*</a>'",
        "run: pip install 'one>=2'",
    )
    done = replay(*steps, options={**REGISTRIES, "as_of": datetime(2021, 6, 1, tzinfo=UTC)})
    assert done.steps == ["success"] * 7 + ["failure"], done.log
    assert ">one-1.0-py3-none-any.whl</a>" in done.printed()
    assert ">one-2.0-py3-none-any.whl</a>" not in done.printed()
    assert "one-1.0.dist-info" in done.printed()
    assert [line.split() for line in done.printed() if line.startswith("one ")] == [["one", "1.0"]]
    assert '{"name": "one", "version": "1.0"}' in done.printed()
    notes = [note for note in done.result.notes if "taken for latest" not in note]
    assert notes[0] == "as of 2021-06-01 00:00 UTC are Python and npm packages, and nothing else"


def test_what_github_has_switched_off_since_then(replay: Replay) -> None:
    job = "runs-on: ubuntu-20.04"
    upload = "{uses: actions/upload-artifact@v3, with: {path: made}}"
    then = replay(
        "run: echo > made", upload, job=job, options={**REGISTRIES, "as_of": datetime(2024, 6, 1, tzinfo=UTC)}
    )
    assert then.result.result is Result.SUCCESS, then.log
    later = replay("run: echo > made", upload, options={**REGISTRIES, "as_of": datetime(2025, 2, 1, tzinfo=UTC)})
    assert later.result.result is Result.FAILURE
    last = replay("run: true", job=job, options={**REGISTRIES, "as_of": datetime(2025, 5, 1, tzinfo=UTC)})
    assert "which GitHub has retired" in (last.result.reason or "")


def test_folders_as_of_then(replay: Replay, index: Index, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    index.releases[:] = [Release("one", f"{n}.0", f"202{n}-01-01T00:00:00Z") for n in range(1, 4)]
    files, page = tmp_path / "files", tmp_path / "simple" / "one"
    for folder in (files, page):
        folder.mkdir(parents=True)
    extra = Release("own", "1.0")
    for release in (*index.releases, extra):
        (files / release.wheel_name).write_bytes(release.wheel)
    links = "".join(f'<a href="../../files/{r.wheel_name}">{r.wheel_name}</a>' for r in index.releases)
    (page / "index.html").write_text(links)
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", f"file://{tmp_path}/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", str(files))
    install = "run: pip install one own && pip list 2> /dev/null | grep '^o'"
    done = replay(SETUP_PYTHON, install, options={**REGISTRIES, "as_of": datetime(2022, 6, 1, tzinfo=UTC)})
    assert done.jobs == {"job": "success"}, done.log
    assert [line.split() for line in done.printed()[-2:]] == [["one", "2.0"], ["own", "1.0"]]
    assert extra.wheel_name in done.result.notes[1]


def test_nothing_in_a_job_tells_of_the_proxy(replay: Replay, index: Index) -> None:
    named = "python3 -c \"import socket; print(socket.gethostbyname('{}'))\""
    done = replay(
        "run: env",
        f"run: {named.format('one.localhost')}",
        f"run: {named.format('host.invalid')} 2> /dev/null || {named.format('host')} 2> /dev/null || echo nowhere",
        options=REGISTRIES,
    )
    assert done.jobs == {"job": "success"}, done.log
    assert not [line for line in done.printed() if "proxy" in line.lower() or line.startswith("ACT")]
    assert done.printed()[-2:] == ["127.0.0.1", "nowhere"]
    assert done.result.notes == ()


def test_an_allowed_host_at_a_port_that_is_not_is_named(
    replay: Replay, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGREEN_REPLAY_HOSTS", "['one.example:8443']")
    done = replay("run: curl --silent --fail http://one.example/", options=REGISTRIES)
    told = "asked for one.example, which the network setting 'registries' does not allow"
    assert str(done.result.jobs[0].reason).endswith(told), done.log


def test_the_name_server_knows_localhost(replay: Replay, index: Index) -> None:
    ask = (
        "import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.settimeout(9); "
        "s.sendto(b'ab' + bytes.fromhex('01000001000000000000') + b'\\x09localhost\\0\\0\\1\\0\\1', ('127.0.0.1', 53)); "
        "print(s.recv(512)[-4:])"
    )
    done = replay(f'run: |\n  python3 -c "{ask}"', options=REGISTRIES)
    assert done.printed()[-1] == "b'\\x7f\\x00\\x00\\x01'", done.log


def test_an_index_that_is_named_by_its_address_is_asked(
    replay: Replay, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://192.0.2.7:3141/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "http://10.9.8.7:3141/simple")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")  # so nothing is asked for outside
    ask = "curl --silent --fail http://{}:3141/simple/"
    done = replay(
        f"run: {ask.format('10.9.8.8')} || test $? = 7",
        f"run: {ask.format('192.0.2.7')} || {ask.format('10.9.8.7')}",
        options=REGISTRIES,
    )
    assert done.steps == ["success", "failure"], "only these two are there, not the network of either"
    told = [f"asked for {address}:3141, which cannot be reached from here" for address in ("192.0.2.7", "10.9.8.7")]
    assert [warning for warning in told if warning not in done.log] == [], done.log
    assert str(done.result.jobs[0].reason).endswith(told[0])
