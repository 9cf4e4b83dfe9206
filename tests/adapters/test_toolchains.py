"""Which toolchains are found, and what is kept of them."""

import errno
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from findpython import PythonVersion
from findpython.providers.path import PathProvider

from bot.adapters.toolchains import LocalToolchains


def program(folder: Path, name: str, says: str) -> Path:
    """A script that says what a toolchain would."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\necho {says}\n")
    (folder / name).chmod(0o755)
    return folder / name


def test_the_running_python_is_found_and_kept(tmp_path: Path) -> None:
    cache = tmp_path / "toolchains.json"
    found = LocalToolchains(cache, {"PATH": "", "HOME": str(tmp_path)}).found()
    mine = [t for t in found if t.kind == "python" and t.version == platform.python_version()]
    assert mine
    assert (mine[0].bin / mine[0].program).is_file()
    kept = json.loads(cache.read_text())
    kept["found"] = [row for row in kept["found"] if row["version"] == platform.python_version()][:1]
    cache.write_text(json.dumps(kept))
    again = LocalToolchains(cache, {"PATH": "", "HOME": str(tmp_path)}).found()
    assert len(again) == 1  # from the cache, nothing was asked


def test_a_home_that_cannot_be_emptied_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that a tool leaves behind writes into the home that it was asked in."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY))

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(os, "rmdir", refuse)
    folder = Path(sys.executable).parent
    assert LocalToolchains(tmp_path / "kept.json", {"PATH": str(folder), "HOME": str(tmp_path)}).found()


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_cache_that_does_not_read_back_is_made_anew(tmp_path: Path, content: str) -> None:
    cache = tmp_path / "toolchains.json"
    cache.write_text(content)
    found = LocalToolchains(cache, {"PATH": "", "HOME": str(tmp_path)}).found()
    assert any(t.version == platform.python_version() for t in found)
    assert json.loads(cache.read_text())["found"]


def test_shims_are_no_toolchains(tmp_path: Path) -> None:
    path = program(tmp_path / "bin", "node", "v99.0.0").parent
    found = LocalToolchains(tmp_path / "t.json", {"PATH": str(path), "HOME": str(tmp_path)}).found()
    assert not [t for t in found if t.version.startswith("99")]


def test_a_script_on_path_hides_no_toolchain_behind_it(tmp_path: Path) -> None:
    script = program(tmp_path / "scripts", "ruby", "wrapped").parent
    real = tmp_path / "system" / "ruby"
    real.parent.mkdir()
    shutil.copy("/bin/echo", real)  # a program that tells its version
    environ = {"PATH": os.pathsep.join([str(script), str(real.parent)]), "HOME": str(tmp_path)}
    found = LocalToolchains(tmp_path / "t.json", environ).found()
    assert [t.bin for t in found if t.kind == "ruby"][:1] == [real.parent]


def test_the_newest_python_that_is_like_the_runners_comes_first(tmp_path: Path) -> None:
    found = LocalToolchains(tmp_path / "t.json", {"PATH": "", "HOME": str(tmp_path)}).found()
    pythons = [t.version for t in found if t.kind == "python"]
    if any(v.startswith("3.12.") for v in pythons):
        assert pythons[0].startswith("3.12.")
    assert sys.version_info[:2] in {tuple(map(int, v.split(".")[:2])) for v in pythons}


class Broken(PathProvider):
    def find_pythons(self) -> Iterator[PythonVersion]:
        raise AssertionError("it looked again")


def test_path_is_looked_through_again_only_when_a_folder_of_it_changed(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    mine = LocalToolchains(tmp_path / "toolchains.json", {})
    assert mine._listed(PathProvider([tmp_path / "bin"])) == []
    assert mine._listed(Broken([tmp_path / "bin"])) == []
    (tmp_path / "bin" / "python3").symlink_to(sys.executable)
    with pytest.raises(AssertionError, match="looked again"):
        mine._listed(Broken([tmp_path / "bin"]))
    assert mine._listed(PathProvider([tmp_path / "bin"])) == [tmp_path / "bin" / "python3"]


def test_the_tools_tell_where_they_look_without_settings(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".npmrc").write_text("registry=https://mine.example/\n")
    environ = {**os.environ, "HOME": str(home), "npm_config_registry": "https://mine.example/", "GOPROXY": "off"}
    known = LocalToolchains(tmp_path / "cache" / "toolchains.json", environ)
    found = known.indexes()
    assert all(url.startswith("https://") and "mine.example" not in url for url in found)
    assert found[0].endswith("/simple"), "pip's, which is asked for times"
    kinds = {t.kind for t in known.found()}
    assert len(found) == 2 + ("node" in kinds) + 2 * ("go" in kinds)
    kept = tmp_path / "cache" / "indexes.json"
    kept.write_text(kept.read_text().replace(found[0], "https://kept.example/simple"))
    assert known.indexes()[0] == "https://kept.example/simple", "they are asked once"
    kept.write_text("{")
    assert known.indexes() == found


@pytest.mark.skipif(shutil.which("rustup") is None, reason="rustup is not installed")
def test_to_look_leaves_nothing_in_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("RUSTUP_HOME", raising=False)
    found = LocalToolchains(tmp_path / "t.json", os.environ).found()
    assert [t for t in found if t.kind == "rustup"]
    assert list(home.iterdir()) == []
