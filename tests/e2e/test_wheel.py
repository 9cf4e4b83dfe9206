"""What people install: the wheel alone, with what it depends on, runs the demo."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.conftest import ROOT, WHEELS


@pytest.mark.usefixtures("often_enough")
def test_the_demo_from_an_installed_wheel(tmp_path: Path) -> None:
    dist, place = tmp_path / "dist", tmp_path / "venv"
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(dist), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = dist.glob("regreen-*.whl")
    venv.create(place, with_pip=False)
    install = ["uv", "pip", "install", "--quiet", "--offline", "--no-index", "--find-links", str(WHEELS),
               "--python", str(place / "bin" / "python"), str(wheel)]  # fmt: skip
    subprocess.run(install, check=True)
    env = {**os.environ, "PATH": os.environ["PATH"].replace(f"{ROOT / '.venv' / 'bin'}:", "")}
    done = subprocess.run(
        [place / "bin" / "regreen", "demo", "--folder", str(tmp_path / "demo"), "--json"],
        cwd=tmp_path, env=env, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    first = json.loads(done.stdout.splitlines()[0])
    verdicts = {p["job"]: p["verdict"] for p in first["parts"]}
    assert {k: v for k, v in verdicts.items() if k != "clock"} == {
        "format": "FIXED", "lint": "FIXED", "generated": "FIXED", "test": "FIXED",
    }  # fmt: skip
    assert verdicts.get("clock", "FLAKY") == "FLAKY"
    assert "test_total_with_discount" in done.stdout.decode()
