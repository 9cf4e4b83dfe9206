"""What is kept of GitHub's answers between processes: bounded, for its owner only, and never believed when it is odd."""

import os
from pathlib import Path

import pytest

from bot.adapters import github_memory
from bot.adapters.github_memory import Answer, Shelf

URL = "https://x/repos/a/b"
ANSWER = Answer(200, {"etag": '"1"', "link": "<x>", "x-secret": "s"}, '{"a": 1}')


def files(root: Path) -> list[Path]:
    return [p for p in root.rglob("*") if p.is_file()]


def test_an_answer_is_kept_for_its_owner(tmp_path: Path) -> None:
    Shelf(tmp_path / "r", "token").put(URL, ANSWER)
    kept = Shelf(tmp_path / "r", "token").get(URL)
    assert kept == Answer(200, {"etag": '"1"', "link": "<x>"}, ANSWER.text)
    assert Shelf(tmp_path / "r", "other").get(URL) is None
    (file,) = files(tmp_path)
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert "token" not in str(file) + file.read_text()


@pytest.mark.parametrize(
    "odd", [b"", b"{", b"[]", b'{"url": "https://y", "headers": {"etag": "1"}, "text": ""}', b"\xff"]
)
def test_what_does_not_read_is_not_there(tmp_path: Path, odd: bytes) -> None:
    shelf = Shelf(tmp_path, "token")
    shelf.put(URL, ANSWER)
    files(tmp_path)[0].write_bytes(odd)
    assert shelf.get(URL) is None


def test_it_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(github_memory, "MOST_FILES", 2)
    monkeypatch.setattr(github_memory, "MOST_TOKENS", 2)
    monkeypatch.setattr(github_memory, "MOST_IN_FILE", 50)
    shelf = Shelf(tmp_path, "token")
    for number in range(4):
        shelf.put(f"{URL}/{number}", ANSWER)
        for age, file in enumerate(sorted(files(tmp_path), key=lambda p: p.stat().st_mtime, reverse=True)):
            os.utime(file, (1000 - age, 1000 - age))
    assert len(files(tmp_path)) == 2
    assert shelf.get(f"{URL}/3")
    shelf.put(f"{URL}/big", Answer(200, {"etag": "1"}, "x" * 51))
    assert shelf.get(f"{URL}/big") is None
    for name in ("b", "c"):
        Shelf(tmp_path, name).put(URL, ANSWER)
    assert len(list(tmp_path.iterdir())) == 2


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    shelf = Shelf(tmp_path / "file", "token")
    shelf.put(URL, ANSWER)
    assert shelf.get(URL) is None
