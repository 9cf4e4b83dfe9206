"""Logs and zips: from where GitHub sends one to, without the token, whole or not at all."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.adapters.patience import MOST_TRIES
from bot.errors import Gone, Refused, Transient
from tests.adapters.scripted import DROPPED, REPO, Reply, Scripted, a_run, scripted

RUN = a_run(run_attempt=2)


@pytest.fixture
def store() -> Iterator[Scripted]:
    with scripted() as server:
        yield server


def at(store: Scripted) -> Reply:
    return Reply(302, headers={"Location": f"{store.url}/log?signature=x"}, raw=b"")


def content(raw: bytes, *, cut: bool = False) -> Reply:
    return Reply(200, raw=raw, headers={"Content-Type": "text/plain"}, cut=cut)


def test_a_log_comes_from_elsewhere_without_the_token(script: Scripted, store: Scripted) -> None:
    script.answers(at(store))
    store.answers(content(b"line\n" * 50_000))
    pieces = list(script.gateway().job_log(3))
    assert b"".join(pieces) == b"line\n" * 50_000
    assert len(pieces) > 1
    assert (script.asked[0].path, store.asked[0].url) == (f"{REPO}/actions/jobs/3/logs", "/log?signature=x")
    assert "authorization" in script.asked[0].headers
    assert "authorization" not in store.asked[0].headers


def test_zips_are_written_whole(script: Scripted, store: Scripted, tmp_path: Path) -> None:
    script.answers(Reply(200, RUN), at(store), at(store))
    store.answers(content(b"PK1"), content(b"PK2"))
    github = script.gateway()
    github.run_logs(github.run(7), tmp_path / "new" / "logs.zip")
    github.artifact(9, tmp_path / "new" / "artifact.zip")
    assert {f.name: f.read_bytes() for f in (tmp_path / "new").iterdir()} == {
        "logs.zip": b"PK1",
        "artifact.zip": b"PK2",
    }
    paths = [f"{REPO}/actions/runs/7/attempts/2/logs", f"{REPO}/actions/artifacts/9/zip"]
    assert [one.path for one in script.asked[1:]] == paths


@pytest.mark.parametrize("status", [404, 410])
def test_expired_logs_are_gone(script: Scripted, store: Scripted, tmp_path: Path, status: int) -> None:
    github = script.gateway()
    script.answers(Reply(status, {"message": "Gone"}), at(store))
    store.answers(Reply(status, raw=b"<Error/>"))
    with pytest.raises(Gone):
        github.job_log(3)
    with pytest.raises(Gone, match="has expired"):
        github.artifact(9, tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_a_download_that_breaks_off_begins_again(script: Scripted, store: Scripted, tmp_path: Path) -> None:
    script.answers(*[at(store)] * 4)
    store.answers(content(b"x" * 200_000, cut=True), Reply(403, raw=b""), DROPPED, content(b"y" * 300))
    script.gateway().artifact(9, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"y" * 300
    assert [one.path for one in script.asked] == [f"{REPO}/actions/artifacts/9/zip"] * 4


def test_a_download_that_never_ends_well_leaves_nothing(script: Scripted, store: Scripted, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    script.answers(*[at(store)] * MOST_TRIES)
    store.answers(*[content(b"x" * 1000, cut=True)] * MOST_TRIES)
    with pytest.raises(Transient, match="broke off"):
        script.gateway().artifact(9, tmp_path / "file")
    assert [f.read_bytes() for f in tmp_path.iterdir()] == [b"old"]


def test_a_log_that_breaks_off_on_the_way_says_so(script: Scripted, store: Scripted) -> None:
    script.answers(at(store))
    store.answers(content(b"x" * 1000, cut=True))
    with pytest.raises(Transient, match="broke off"):
        list(script.gateway().job_log(3))


def test_a_download_is_bounded(script: Scripted, store: Scripted, tmp_path: Path) -> None:
    script.answers(at(store), at(store))
    store.answers(content(b"x" * 1001), content(b"x" * 1000))
    github = script.gateway()
    with pytest.raises(Refused, match="bigger than 1,000 bytes"):
        github.artifact(9, tmp_path / "file", 1000)
    github.artifact(9, tmp_path / "file", 1000)
    assert (tmp_path / "file").stat().st_size == 1000


def test_a_redirect_to_nowhere(script: Scripted) -> None:
    script.answers(*[Reply(302, raw=b"")] * MOST_TRIES)
    with pytest.raises(Transient, match="where to download"):
        script.gateway().job_log(3)
