"""What all tests share: folders of their own, and real tools that jobs install without a network."""

import gc
import os
import signal
import ssl
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.hub.fixtures import hub
from tests.llm.fixtures import llm_server
from tests.projects import WORKFLOW, Make, Project, knowing, workflow
from tests.servers import certificate

__all__ = ["hub", "llm_server"]

ROOT = Path(__file__).parent.parent
WHEELS = ROOT / ".cache" / "wheels"
OWN_ENGINE = os.environ.get("DOCKER_HOST", "")
NODE_MODULES = ROOT / ".cache" / "node" / "node_modules"


def pytest_collection_finish() -> None:
    """What was collected lives to the end: the collector of garbage need not look through it each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache, a state folder and settings of the tests' own; package indexes are the local folder of wheels."""
    base = tmp_path_factory.getbasetemp()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}")
        for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
            patch.setenv(name, str(base / name.lower()))
        patch.setenv("DOCKER_HOST", f"unix://{base}/no-engine")  # the tests that use one say so
        for name in list(os.environ):
            if name.startswith(("REGREEN_", "PIP_", "GIT_CONFIG", "npm_config_")):
                patch.delenv(name)
        patch.setenv("PIP_CONFIG_FILE", os.devnull)
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_FIND_LINKS", str(WHEELS))
        patch.setenv("REGREEN_REPLAY_NETWORK", "none")
        patch.setenv("REGREEN_REPLAY_SOURCES", "{}")
        patch.setenv("REGREEN_FIX_FLAKY_RERUNS", "2")  # of 20, for each failing test; see `often_enough`
        yield


@pytest.fixture
def often_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failing test step is run again as often as it usually is, to see whether it is flaky."""
    monkeypatch.delenv("REGREEN_FIX_FLAKY_RERUNS")


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """What runs in the background of a shell ignores Ctrl-C, and so would the programs that tests start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def known_tools(own_folders: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache in which the tools of this machine have been looked for, which means to start each of them."""
    folder = tmp_path_factory.mktemp("known")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        Project(folder / "project", {WORKFLOW: workflow("run: 'true'")}).replay(network="registries")
    return folder


@pytest.fixture
def own_cache(known_tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of a test's own, in which nothing is but what is known of this machine's tools."""
    folder = tmp_path / "cache"
    knowing(folder, known_tools)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Make:
    """Makes a git repository with these files, committed."""

    def make(files: Mapping[str, str | bytes]) -> Project:
        return Project(tmp_path / "project", files)

    return make


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Mapping[str, str | bytes]], Project]:
    """Makes a repository `owner/name` that stands for the one of GitHub, with the tag v1."""
    monkeypatch.setenv("REGREEN_REPLAY_SOURCES", f'{{"https://github.com/": "file://{tmp_path}/mirror/"}}')

    def make(name: str, files: Mapping[str, str | bytes]) -> Project:
        made = Project(tmp_path / "mirror" / name, files)
        made.git("tag", "v1")
        return made

    return make


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """What a server on 127.0.0.1 needs to be trusted by git; no proxy is between them."""
    certificate(tmp_path / "pem")
    monkeypatch.setenv("GIT_SSL_CAINFO", str(tmp_path / "pem"))
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "pem")
    return context
