"""The benchmark of real failing commits, on small repositories of our own and with a scripted model."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import ci_repair
from tests.e2e.test_llm import RED, RIGHT, paid
from tests.llm.answers import answer
from tests.llm.server import LLMServer
from tests.projects import WORKFLOW, Project

SCRIPT = ci_repair.__file__


class Bench:
    """The script with a list of commits; what it has printed last, and its table."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.report = folder, folder / "report.md"
        self.commits: list[dict[str, str]] = []
        self.env: dict[str, str] = {}
        self.code, self.out, self.err = -1, "", ""

    def add(self, number: str, repository: str, sha: str) -> None:
        given = {"committed": "2026-11-20T12:00:00Z", "workflow": Path(WORKFLOW).name}
        self.commits.append({"id": number, "repository": repository, "sha": sha, **given})

    def run(self, *args: str) -> None:
        path = self.folder / "commits.jsonl"
        path.write_text("".join(json.dumps(commit) + "\n" for commit in self.commits))
        words = [sys.executable, SCRIPT, str(path), "--repositories", str(self.folder / "{owner}" / "{name}")]
        words += ["--report", str(self.report), *args]
        done = subprocess.run(words, env={**os.environ, **self.env}, capture_output=True, text=True, check=False)
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr
        assert "Traceback" not in done.stderr

    @property
    def rows(self) -> dict[str, str]:
        """The rows of the table by the ids of their commits."""
        lines = self.report.read_text().splitlines()
        return {line.split(" | ")[0][2:]: line for line in lines if line.startswith("| ") and "| id |" not in line}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_the_rate_is_of_all_commits_too_and_no_row_is_lost(
    bench: Bench, llm_server: LLMServer, own_cache: Path
) -> None:
    llm_server.script = [answer(RIGHT)]
    bench.env = {**llm_server.environ, "REGREEN_FIX_FLAKY_RERUNS": "0"}
    (bench.folder / "acme").mkdir()
    for name, code in (("red", RED["shop.py"]), ("green", RED["shop.py"].replace("items[1:]", "items"))):
        made = Project(bench.folder / "acme" / name, {**RED, "shop.py": code})
        bench.add(name, f"acme/{name}", made.git("rev-parse", "HEAD"))
    bench.add("gone", "acme/gone", "0" * 40)
    bench.run("--fix", "--runs", "1", "--network", "registries")
    assert bench.code == 1
    assert "1 of 3 fixed (33.3%), of the 1 that reproduce 100.0%" in bench.out
    assert f"${paid(llm_server):.4f} a fix" in bench.out
    assert {name: row.split(" | ")[3] for name, row in bench.rows.items()} == {
        "red": "reproduced",
        "green": "green",
        "gone": "not cloned",
    }
    assert "does not exist" in bench.rows["gone"]
    before = bench.rows
    bench.run("--only", "gone")
    assert {name: bench.rows[name] for name in ("red", "green")} == {name: before[name] for name in ("red", "green")}


def test_what_says_nothing_ends_in_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = tmp_path / "regreen"
    silent.write_text("#!/bin/sh\nexit 3\n")
    silent.chmod(0o755)
    monkeypatch.setattr(ci_repair, "REGREEN", str(silent))
    told = ci_repair.regreen(tmp_path, "replay")
    assert (told["result"], told["reason"]) == ("error", "it said nothing, and ended with 3")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "cannot be read"),
        ("{", ":1: this is no object with the texts id, repository, sha, committed, workflow"),
        ('{"id": "1"}', ":1: this is no object"),
    ],
    ids=["missing", "no JSON", "fields that are missing"],
)
def test_a_list_that_is_none_is_told_in_one_line(tmp_path: Path, text: str | None, told: str) -> None:
    path = tmp_path / "commits.jsonl"
    if text is not None:
        path.write_text(text)
    done = subprocess.run([sys.executable, SCRIPT, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert told in done.stderr.splitlines()[-1]
