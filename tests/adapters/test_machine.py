"""What passes into a sandbox, and what does not."""

import shutil
import stat
import sys
from pathlib import Path

import pytest

from bot.adapters.indexes import without_credentials
from bot.adapters.machine import execute_only, execute_only_act, execute_only_python, passed_in
from bot.config_files import config_root
from bot.errors import MachineError
from bot.ports import Toolchain


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        ("https://me:hush@index.example/simple", "https://index.example/simple"),
        ("https://hush@index.example:8443/simple", "https://index.example:8443/simple"),
        ("https://index.example/a@b", "https://index.example/a@b"),
        ("/a/folder", "/a/folder"),
        ("name=https://me:hush@index.example", "name=https://index.example"),
        ("https://one.example,https://me:hu,sh@two.example", "https://one.example,https://two.example"),
    ],
)
def test_indexes_lose_their_credentials(given: str, passed: str) -> None:
    assert without_credentials(given) == passed


def test_indexes_come_from_the_tools_own_settings(tmp_path: Path) -> None:
    (tmp_path / ".config" / "pip").mkdir(parents=True)
    (tmp_path / ".config" / "pip" / "pip.conf").write_text(
        "[global]\nindex-url = https://me:hush@pip.example/simple\nextra-index-url =\n  https://one.example\n  https://x:hush@two.example\n"
    )
    (tmp_path / ".npmrc").write_text("//npm.example/:_authToken=hush\nregistry=https://me:hush@npm.example/\n")
    settings, _ = passed_in({"HOME": str(tmp_path), "HUSH": "hush", "SSL_CERT_FILE": "/a/ca.pem"}, "all")
    assert settings["PIP_INDEX_URL"] == "https://pip.example/simple"
    assert settings["PIP_EXTRA_INDEX_URL"] == "https://one.example https://two.example"
    assert settings["npm_config_registry"] == "https://npm.example/"
    assert settings["SSL_CERT_FILE"] == "/a/ca.pem"
    assert "hush" not in str(settings)


def test_the_environment_goes_before_the_files(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://file.example\n")
    environ = {
        "HOME": str(tmp_path),
        "PIP_CONFIG_FILE": str(tmp_path / "pip.conf"),
        "PIP_INDEX_URL": "https://env.example",
    }
    assert passed_in(environ, "none")[0]["PIP_INDEX_URL"] == "https://env.example"
    (tmp_path / "pip.conf").write_text("index-url before any section\n")
    assert passed_in(environ, "none")[0]["PIP_INDEX_URL"] == "https://env.example"


def test_proxies_only_with_a_network_and_without_credentials(tmp_path: Path) -> None:
    environ = {
        "HOME": str(tmp_path),
        "https_proxy": "http://proxy.example:3128",
        "http_proxy": "http://me:hush@proxy.example",
    }
    assert "https_proxy" not in passed_in(environ, "none")[0]
    assert passed_in(environ, "all")[0]["https_proxy"] == "http://proxy.example:3128"
    assert "http_proxy" not in passed_in(environ, "all")[0]


def test_folders_of_packages_are_mounted(tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    environ = {"HOME": str(tmp_path), "PIP_FIND_LINKS": str(tmp_path / "wheels")}
    assert passed_in(environ, "none")[1] == (tmp_path / "wheels",)


def test_copies_can_be_executed_and_not_read(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"one")
    program.chmod(0o755)
    copy = execute_only(program, tmp_path / "cache")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o111
    assert execute_only(program, tmp_path / "cache") == copy
    program.write_bytes(b"other")
    assert execute_only(program, tmp_path / "cache") != copy


def test_no_act(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path / "scripts"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MachineError, match="act was not found .install it with"):
        execute_only_act(tmp_path / "cache", None)
    (tmp_path / "act").write_text("#!/bin/sh\n")
    (tmp_path / "act").chmod(0o755)
    assert execute_only_act(tmp_path / "cache", None).exists()
    with pytest.raises(MachineError, match="act was not found"):
        execute_only_act(tmp_path / "cache", tmp_path)


def test_a_python_whose_library_a_job_covers_is_passed_over(tmp_path: Path) -> None:
    sources, own = config_root().parent, Path(sys.base_prefix)
    copy, library = execute_only_python(tmp_path, (), ["/nowhere"], sources)
    assert library == own
    assert stat.S_IMODE(copy.stat().st_mode) == 0o111
    spare = tmp_path / "spare"
    spare.mkdir()
    program = Path(sys.executable).resolve()
    other = Toolchain("python", "3.12.0", program.parent, program.name, (spare,))
    assert execute_only_python(tmp_path, (other,), [str(own)], sources)[1] == spare
    with pytest.raises(MachineError, match=rf"no Python .* \({own}: a job covers") as caught:
        execute_only_python(tmp_path, (), [str(own)], sources)
    assert "/usr" in caught.value.hint


def test_a_python_that_served_is_tried_again_only_when_what_is_ours_changed(tmp_path: Path) -> None:
    inside = tmp_path / "sources" / "bot" / "replay" / "inside"
    shutil.copytree(config_root().parent / "bot" / "replay" / "inside", inside)
    for folder in (inside.parent, inside.parent.parent):
        (folder / "__init__.py").touch()
    copy, _ = execute_only_python(tmp_path, (), (), tmp_path / "sources")
    copy.unlink()
    copy.write_text("#!/bin/false\n")
    copy.chmod(0o111)
    assert execute_only_python(tmp_path, (), (), tmp_path / "sources")[0] == copy
    (inside / "more.py").touch()
    with pytest.raises(MachineError, match="a copy of it does not run"):
        execute_only_python(tmp_path, (), (), tmp_path / "sources")


def test_a_python_that_cannot_run_what_is_ours_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").write_bytes(Path("/bin/false").read_bytes())
    old = Toolchain("python", "3.9.0", tmp_path / "bin", "python3", (tmp_path,))
    with pytest.raises(MachineError, match="a copy of it does not run"):
        execute_only_python(tmp_path, (old,), [sys.base_prefix], config_root().parent)
