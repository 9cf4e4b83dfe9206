"""What stands where inside of a sandbox."""

from pathlib import Path

from bot.ports import Toolchain
from bot.replay.prepare import Machine, _environment


def test_what_a_jobs_own_folders_would_hide_stands_elsewhere() -> None:
    mine, usual = Path("/tmp/mine"), Path("/opt/go")
    node = Toolchain("node", "24.0.0", mine / "bin", "node", (mine,))
    go = Toolchain("go", "1.25.0", usual / "bin", "go", (usual,))
    settings = {"PIP_FIND_LINKS": "/tmp/wheels /srv/wheels"}
    files = (Path("/srv/wheels"), Path("/tmp/wheels"))
    programs = (Path("/tmp/a") / "uv", Path("/tmp/a") / "uvx")
    uv = Toolchain("uv", "0.9.0", Path("/tmp/a"), "uv", programs)
    machine = Machine(Path("act"), Path("python"), Path("/usr"), (node, go, uv), {}, settings, files)
    places = machine.places
    assert places[usual] == "/opt/go"
    assert places[mine].startswith("/regreen/moved/")
    assert machine.inside(mine / "bin" / "node") == f"{places[mine]}/bin/node"
    env = _environment(machine)
    assert f"{places[mine]}/bin" in env["PATH"].split(":")
    assert env["PIP_FIND_LINKS"] == f"{places[Path('/tmp/wheels')]} /srv/wheels"
    assert [Path(places[program]).name for program in programs] == ["uv", "uvx"]
    assert len({Path(places[program]).parent for program in programs}) == 1, "side by side"
