"""What replayed code reaches with the network setting `registries`: package indexes, through the proxy, and no more."""

from collections.abc import Iterator

import pytest

from tests.conftest import ROOT
from tests.index import Index, Release
from tests.projects import SETUP_PYTHON
from tests.replay.conftest import Replay

REGISTRIES = {"network": "registries"}
UV = ROOT / ".venv" / "bin"
STEPS = (SETUP_PYTHON, "uses: actions/setup-node@v4")


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """An index that the machine's settings name for pip, uv and npm, and that wants a login."""
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_FIND_LINKS", str(UV))  # which is how uv itself gets into the sandbox
    with Index([Release("one", "1.0", code="print('one is here')")], login="me:hush-1") as served:
        place = f"http://me:hush-1@127.0.0.1:{served.port}"
        monkeypatch.setenv("PIP_INDEX_URL", f"{place}/simple")
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"{place}/simple")
        monkeypatch.setenv("npm_config_registry", f"{place}/npm/")
        yield served


def test_pip_uv_and_npm_reach_their_index(replay: Replay, index: Index) -> None:
    done = replay(
        *STEPS,
        "run: pip install one && python -m one",
        f"run: {UV}/uv venv --python $pythonLocation/bin/python v && {UV}/uv pip install --python v/bin/python one && v/bin/python -m one",
        "run: npm init -y > /dev/null && npm install --no-audit one && test -f node_modules/one/package.json",
        "run: curl --fail --silent $PIP_INDEX_URL/one/ > /dev/null && env && cat /proc/*/environ 2> /dev/null | tr '\\0' '\\n'",
        options=REGISTRIES,
    )
    assert set(done.steps) == {"success"}, done.log
    assert done.printed().count("one is here") == 2
    assert "hush-1" not in done.log
    assert done.result.notes == ()
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


def test_an_index_that_is_not_there_is_named(replay: Replay, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    index.__exit__()
    done = replay(SETUP_PYTHON, "run: pip install --retries 1 one", options=REGISTRIES)
    assert done.jobs == {"job": "unreplayable"}
    assert f"asked for 127.0.0.1:{index.port}, which cannot be reached from here" in str(done.result.reason)
