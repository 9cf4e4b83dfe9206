"""Opening whatever holds a log, and reading in it."""

import codecs
import gzip
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import UsageError
from bot.text import act, archive
from bot.text.log import Line, open_log
from bot.text.scan import Scanner
from bot.text.source import Source
from tests.text.test_scan import RAW


def lines_of(source: Source) -> list[str]:
    with open_log(source) as log:
        return [line.text for line in log.around(1, 0, 0, 10_000)] if log.size else []


def write(folder: Path, data: bytes) -> Path:
    path = folder / "a.log"
    path.write_bytes(data)
    return path


@settings(max_examples=200, deadline=None)
@given(RAW, st.integers(0, 5), st.integers(0, 5))
def test_the_lines_around_a_place_are_the_neighbours_of_splitlines(data: bytes, before: int, after: int) -> None:
    lines = data.decode("utf-8", "replace").splitlines()
    with open_log([data]) as log:
        for hit in log.scan(Scanner([b"HIT"])):
            first = max(1, hit.number - before)
            want = lines[first - 1 : hit.number + after]
            got = log.around(hit.number, hit.offset, before, after)
            assert [line.number for line in got] == list(range(first, first + len(want)))
            assert [line.text for line in got] == [log.clean(text.encode()).decode() for text in want]


def test_neighbours_are_found_behind_long_lines() -> None:
    data = b"first\n" + b"x" * 100_000 + b"\nHIT\n" + b"y" * 100_000 + b"\nlast\n"
    with open_log([data]) as log:
        (hit,) = log.scan(Scanner([b"HIT"]))
        got = log.around(hit.number, hit.offset, 2, 2)
    assert [(line.number, line.text[:5]) for line in got] == [
        (1, "first"),
        (2, "xxxxx"),
        (3, "HIT"),
        (4, "yyyyy"),
        (5, "last"),
    ]
    assert max(len(line.text) for line in got) == 4000


def test_the_last_lines_have_their_numbers() -> None:
    with open_log([b"a\rb\r\nc\x0cd\n"]) as log:
        assert log.last(2) == [Line(3, 5, "c"), Line(4, 7, "d")]
    with open_log([b"x\n" * 700_000 + b"end"]) as log:
        assert [(line.number, line.text) for line in log.last(1)] == [(700_001, "end")]
    with open_log([]) as log:
        assert log.last(3) == []


@pytest.mark.parametrize(
    "pack",
    [
        lambda text: text.encode(),
        lambda text: gzip.compress(text.encode()),
        lambda text: gzip.compress(text[:8].encode()) + gzip.compress(text[8:].encode()),
        lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
        lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    ],
)
def test_forms_of_one_log(pack: Callable[[str], bytes], tmp_path: Path) -> None:
    data = pack("one\ntwo größe\nthree\n")
    assert lines_of(write(tmp_path, data)) == ["one", "two größe", "three"]
    assert lines_of(data[i : i + 7] for i in range(0, len(data), 7)) == ["one", "two größe", "three"]


def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"one\ntwo\n",))
    writer.start()
    assert lines_of(pipe) == ["one", "two"]
    writer.join()


def test_an_empty_log_is_a_log(tmp_path: Path) -> None:
    assert lines_of(write(tmp_path, b"")) == []
    assert lines_of([]) == []


def test_what_cannot_be_read_is_an_error_for_people(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read the log .*none\.log: No such file"):
        lines_of(tmp_path / "none.log")
    with pytest.raises(UsageError, match="Is a directory"):
        lines_of(tmp_path)


@pytest.mark.parametrize(
    "data", [b"\x7fELF\x02\x01" + bytes(500), bytes(range(256)) * 4 + bytes(400), b"\x89PNG\r\n\x1a\n" + bytes(99)]
)
def test_what_is_no_text_is_refused(data: bytes) -> None:
    with pytest.raises(UsageError, match="not a text log"):
        lines_of([data])


def test_a_few_stray_bytes_do_not_make_a_log_binary() -> None:
    assert lines_of([b"ok\0\0\xff\n" + b"text that is long enough\n" * 20])[0].startswith("ok")


@pytest.mark.parametrize("damage", [lambda data: data[:-30], lambda data: data[:15] + b"\xff" * 20 + data[35:]])
def test_a_broken_gzip_is_an_error_for_people(damage: Callable[[bytes], bytes]) -> None:
    with pytest.raises(UsageError, match="gzipped log is broken"):
        lines_of([damage(gzip.compress(os.urandom(500)))])


def test_a_gzip_bomb_stops_early(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = gzip.compress(bytes(60_000_000))
    with pytest.raises(UsageError, match="bomb"):
        lines_of([bomb])
    monkeypatch.setattr(archive, "MAX_BYTES", 1_000_000)
    with pytest.raises(UsageError, match="more than 1 MB"):
        lines_of([gzip.compress(os.urandom(2_000_000))])


def row(msg: str, **more: object) -> str:
    return json.dumps({"level": "info", "msg": msg, "time": "2026-03-01T12:00:00Z", **more})


def test_act_json_becomes_the_log_of_the_job_that_failed() -> None:
    rows = [
        row("starting"),
        row("⭐ Run Main lint", jobID="lint", stage="Main"),
        row("all well\n", jobID="lint", raw_output=True),
        row("⭐ Run Main test", jobID="test", stage="Main"),
        row("FAILED a::b\n", jobID="test", raw_output=True),
        row("  ❌  Failure - Main test", jobID="test", stepResult="failure"),
        row("exitcode '1': failure", jobID="test"),
        "not json at all",
        row("🏁  Job failed", jobID="test", jobResult="failure"),
        json.dumps({"level": "info", "msg": 7, "jobID": "test"}),
    ]
    got = lines_of(["\n".join(rows).encode()])
    assert got[:7] == [
        "starting",
        "",
        "",
        "⭐ Run Main test",
        "FAILED a::b",
        "  ❌  Failure - Main test",
        "exitcode '1': failure",
    ]
    assert got[7:] == ["", "🏁  Job failed", ""]


def test_act_json_tells_the_legs_of_a_matrix_apart() -> None:
    rows = [
        row(f"leg {n}", jobID="test", matrix={"v": n}, stepResult="failure" if n == 2 else "success") for n in (1, 2)
    ]
    assert lines_of(["\n".join(rows).encode()]) == ["", "leg 2"]


def test_act_json_without_a_failure_is_the_log_of_the_first_job() -> None:
    rows = [row("one", jobID="a"), row("two", jobID="b"), row("three", jobID="a")]
    assert lines_of(["\n".join(rows).encode()]) == ["one", "", "three"]


def test_a_hostile_line_of_act_json_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(act, "MAX_LINE", 10_000)
    deep = "[" * 5000 + "]" * 5000
    rows = [row("one", jobID="a"), deep, row("x" * 20_000, jobID="a"), row("two", jobID="a")]
    got = [line for line in lines_of(["\n".join(rows).encode()]) if line]
    assert got == ["one", "two"]
