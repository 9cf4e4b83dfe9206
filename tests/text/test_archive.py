"""The zip of a run's logs: its layouts, and archives that mean harm."""

import gzip
import hashlib
import io
import resource
import zipfile
from pathlib import Path

import pytest

from bot.errors import UsageError
from bot.text import archive
from bot.text.log import open_log
from bot.text.source import open_source


def zipped(files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, data in files.items():
            file.writestr(name, data)
    return buffer.getvalue()


def read(data: bytes, job: str = "") -> tuple[str, list[str], list[tuple[int, str]]]:
    with open_source([data], job=job) as opened:
        return opened.job, opened.file.read().decode().split(), [(part.number, part.step) for part in opened.parts]


def test_the_steps_of_a_job_are_joined_in_their_order() -> None:
    data = zipped(
        {
            "test/10_Post checkout.txt": b"post\n",
            "test/2_Run tests.txt": b"tests ##[error]no",
            "test/1_Set up job.txt": b"set-up\n",
            "test/system.txt": b"machine\n",
        }
    )
    job, words, parts = read(data)
    assert (job, words) == ("test", ["set-up", "tests", "##[error]no", "post", "machine"])
    assert parts == [(1, "Set up job"), (2, "Run tests"), (10, "Post checkout"), (0, "system")]


def test_the_job_that_failed_is_taken() -> None:
    data = zipped({"a/1_x.txt": b"fine\n", "b/1_x.txt": b"##[error]broken\n", "c/1_x.txt": b"##[error]too\n"})
    assert read(data)[:2] == ("b", ["##[error]broken"])
    assert read(zipped({"a/1_x.txt": b"fine\n", "b/1_x.txt": b"good\n"}))[:2] == ("a", ["fine"])


def test_a_job_can_be_named_although_the_zip_shortens_and_changes_names() -> None:
    data = zipped({"build _linux, 3_/1_x.txt": b"linux\n", "other/1_x.txt": b"##[error]\n"})
    assert read(data, job="build (linux, 3)")[1] == ["linux"]
    with pytest.raises(UsageError, match="no log of a job 'deploy'"):
        read(data, job="deploy")


def test_a_job_without_steps_is_read_whole_and_not_twice() -> None:
    data = zipped({"0_test.txt": b"whole\n", "test/1_x.txt": b"steps ##[error]\n", "1_lint.txt": b"lint\n"})
    assert read(data)[1] == ["steps", "##[error]"]
    assert read(data, job="lint")[1] == ["lint"]


def test_names_that_point_elsewhere_are_only_names(tmp_path: Path) -> None:
    before = set(tmp_path.iterdir())
    data = zipped(
        {"../../etc/1_x.txt": b"##[error]\n", "/abs/2_y.txt": b"y\n", "C:\\win\\3_z.txt": b"z\n", "readme.md": b"-"}
    )
    assert read(data)[1] == ["##[error]"]
    assert set(tmp_path.iterdir()) == before


def test_what_has_no_logs_is_an_error_for_people() -> None:
    with pytest.raises(UsageError, match="no log of a job"):
        read(zipped({"readme.md": b"hello"}))
    with pytest.raises(UsageError, match="no log of a job"):
        read(zipped({}))


@pytest.mark.parametrize("cut", [10, 60, 90])
def test_a_truncated_zip_is_an_error_for_people(cut: int) -> None:
    with pytest.raises(UsageError, match="zip of logs"):
        read(zipped({"a/1_x.txt": b"text " * 50})[:-cut])


def test_damaged_data_in_a_zip_is_an_error_for_people() -> None:
    data = bytearray(zipped({"a/1_x.txt": bytes(range(256)) * 40}))
    data[60:90] = b"\xaa" * 30
    with pytest.raises(UsageError, match=r"broken at 'a/1_x\.txt'"):
        read(bytes(data))


def test_an_encrypted_zip_is_an_error_for_people() -> None:
    data = bytearray(zipped({"a/1_x.txt": b"text"}))
    directory = data.index(b"PK\x01\x02")
    data[directory + 8] |= 1
    with pytest.raises(UsageError, match="encrypted"):
        read(bytes(data))


def test_too_many_entries_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_ENTRIES", 3)
    with pytest.raises(UsageError, match="more than 3 entries"):
        read(zipped({f"a/{n}_x.txt": b"" for n in range(4)}))


def test_a_bomb_stops_early_and_takes_little_memory() -> None:
    bomb = zipped({f"a/{n}_x.txt": bytes(30_000_000) for n in range(4)})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UsageError, match="bomb"):
        read(bomb)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000  # kB; the whole of it would be 120 MB


def test_a_size_that_lies_does_not_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_BYTES", 100_000)
    data = bytearray(zipped({"a/1_x.txt": bytes(200_000)}, zipfile.ZIP_STORED))
    with pytest.raises(UsageError, match="more than 0 MB"):
        read(bytes(data))


def test_a_log_that_repeats_itself_is_no_bomb() -> None:
    log = b"2026-03-01T12:00:00.1234567Z downloading 12 of 99\n" * 100_000
    with open_log([zipped({"a/1_x.txt": log})]) as opened:
        assert opened.size == len(log)


def test_a_large_log_that_packs_as_logs_do_is_no_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "FREE_BYTES", 1000)
    log = b"".join(hashlib.sha256(b"%d" % n).hexdigest().encode() + b"\n" for n in range(1000))
    for packed in (zipped({"a/1_x.txt": log}), gzip.compress(log)):
        with open_log([packed]) as opened:
            assert opened.size == len(log)
