"""Do real failing commits fail here as well? `python benchmarks/ci_repair.py COMMITS.jsonl --repositories TEMPLATE`.

Each line of COMMITS.jsonl is {"id", "repository", "sha", "committed", "workflow"}; TEMPLATE is where a repository is
cloned from, such as https://github.com/{owner}/{name}; further options go to `regreen replay`. Prints for every commit
the verdict of its replays (reproduced, or the named reason), with `--fix` also what `regreen fix` makes of those that
reproduce and the rate (of all, and of these), cost and time of all together, and writes benchmarks/ci_repair.md. Ends
with 1 when a commit neither reproduces nor can be said not to be replayable, such as one that cannot be cloned.

A baseline counts as reproduced when it is red in a step that runs the project's own checks, not in set-up, and the same
in every run.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Template

RUNS = 3
FIELDS = ("id", "repository", "sha", "committed", "workflow")
REGREEN = str(Path(sys.executable).parent / "regreen")
SET_UP = frozenset({"dependency_install", "github_actions_config", "network_or_flaky", "permission_or_secret"})
REPORT = Path(__file__).with_suffix(".md")
PAGE = """# Real failing commits, replayed

Written by `benchmarks/ci_repair.py`, {{ runs }} replays each. Commits that a run leaves out keep the row that they had.
{% if sum %}
In the last run with `--fix`: {{ sum }}.
{% endif %}
| id | repository | commit | verdict | failing steps, or the reason | s | `regreen fix` |
|---|---|---|---|---|---|---|
{% for line in kept -%}
{{ line }}
{% endfor %}{% for row in rows -%}
| {{ row.commit.id }} | {{ row.commit.repository }} | {{ row.commit.sha[:12] }} | {{ row.verdict }} | {{ row.told | replace("|", "\\|") }} | {{ "%.0f" | format(row.seconds) }} | {{ (row.fix or "") | string | replace("|", "\\|") }} |
{% endfor %}"""
Failure = tuple[str, str, str]
"""A job's name, its failing step, and the category of the failure."""


@dataclass(frozen=True)
class Row:
    """One commit and what became of it."""

    commit: Mapping[str, str]
    verdict: str
    told: str
    seconds: float
    fix: "Fix | None" = None


@dataclass(frozen=True)
class Fix:
    """What `regreen fix` has made of a commit: the verdict and more in words, what models have cost, how long it took."""

    is_fixed: bool
    told: str
    usd: float
    seconds: float

    def __str__(self) -> str:
        words, _, why = self.told.partition(": ")
        return f"{words} ({self.seconds:.0f} s, ${self.usd:.4f})" + (f": {why}" if why else "")


def git(*arguments: str, cwd: Path) -> str:
    env = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}  # what is not there is asked a password for
    done = subprocess.run(["git", *arguments], cwd=cwd, check=True, capture_output=True, text=True, env=env)
    return done.stdout.strip()


def last_line(done: "subprocess.CompletedProcess[str] | subprocess.CalledProcessError") -> str:
    """The last line that a command has said of what is wrong."""
    return next(reversed(str(done.stderr).strip().splitlines()), f"it said nothing, and ended with {done.returncode}")


def checked_out(commit: Mapping[str, str], template: str, folder: Path) -> Path:
    """Clone the repository and check the commit out, on the branch that a push would have been to."""
    owner, name = commit["repository"].split("/")
    git("clone", "--quiet", "--no-checkout", template.format(owner=owner, name=name), str(folder / name), cwd=folder)
    root = folder / name
    with suppress(subprocess.CalledProcessError):  # it may be on no branch any more; a local clone has it nevertheless
        git("fetch", "--quiet", "origin", commit["sha"], cwd=root)
    branch = git("symbolic-ref", "--short", "HEAD", cwd=root)
    git("checkout", "--quiet", "-B", branch, commit["sha"], cwd=root)
    return root


def regreen(root: Path, *arguments: str) -> dict[str, Any]:
    """What a command of ours prints as JSON; its error line under "error" where it prints none."""
    done = subprocess.run([REGREEN, *arguments, "--json"], cwd=root, capture_output=True, text=True, check=False)
    try:
        return dict(json.loads(done.stdout))
    except ValueError:
        return {"result": "error", "reason": last_line(done), "jobs": []}


def failures(result: Mapping[str, Any]) -> Iterator[Failure]:
    """Every failed job of a result, with its failing step and why it failed."""
    for job in result["jobs"]:
        if job["result"] == "failure":
            step = next((s["name"] for s in job["steps"] if s["result"] == "failure"), "")
            yield job["name"], step, str((job["diagnosis"] or {}).get("category", ""))


def fixed(root: Path, asked: Sequence[str]) -> Fix:
    """What `regreen fix` says of a commit: verdict, grade, strategy, and why not.

    With a key in the environment (ANTHROPIC_API_KEY, ANTHROPIC_BASE_URL) models are asked.
    """
    started = time.monotonic()
    done = regreen(root, "fix", *asked, "--patch", str(root.parent / "fix.diff"))
    words = [done.get("verdict") or done.get("result"), done.get("grade"), done.get("strategy")]
    is_fixed = done.get("verdict") == "FIXED"
    told = ", ".join(str(w) for w in words if w) + ("" if is_fixed else f": {done.get('reason')}")
    return Fix(is_fixed, told, done.get("cost_usd", 0), time.monotonic() - started)


def replayed(commit: Mapping[str, str], template: str, options: Sequence[str], *, runs: int, fix: bool) -> Row:
    """Replay a commit so many times, or once where it cannot be replayed; with `fix`, fix what reproduces."""
    started = time.monotonic()
    seen: list[tuple[Failure, ...]] = []
    with tempfile.TemporaryDirectory(prefix="regreen-") as folder:
        try:
            root = checked_out(commit, template, Path(folder))
        except subprocess.CalledProcessError as e:
            return Row(commit, "not cloned", last_line(e), time.monotonic() - started)
        asked = ("--workflow", commit["workflow"], "--repository", commit["repository"], "--committed")
        while len(seen) < runs:
            result = regreen(root, "replay", *asked, "--as-of", commit["committed"], *options)
            if result["result"] != "failure":
                verdict = "green" if result["result"] == "success" else str(result["result"])
                return Row(commit, verdict, str(result["reason"] or ""), time.monotonic() - started)
            seen.append(tuple(failures(result)))
        took = time.monotonic() - started
        dated = (*asked, "--as-of", commit["committed"], *options)
        repaired = fixed(root, dated) if fix and len(set(seen)) == 1 else None
    told = "; ".join(f"{job}: {step} ({category})" for job, step, category in seen[0])
    if len(set(seen)) > 1:
        return Row(commit, "unsteady", told, took)
    own = any(category not in SET_UP for _, _, category in seen[0])
    return Row(commit, "reproduced" if own else "red in set-up", told, took, repaired)


def summed(rows: Sequence[Row]) -> str:
    """The rate of all commits that were asked for, and of those that were red alike in each run; cost and time."""
    fixes = [row.fix for row in rows if row.fix]
    count, usd = sum(f.is_fixed for f in fixes), sum(f.usd for f in fixes)
    told = f"{count} of {len(rows)} fixed ({count / max(1, len(rows)):.1%})"
    if fixes:
        each = f", ${usd / count:.4f} a fix" if count else ""
        seconds = statistics.median(f.seconds for f in fixes)
        told += f", of the {len(fixes)} that reproduce {count / len(fixes):.1%}, ${usd:.4f}{each}"
        told += f", {seconds:.0f} s in the median"
    return told


def write(report: Path, rows: Sequence[Row], runs: int, total: str) -> None:
    """Write the report, with the rows of commits that were not looked at this time."""
    known = report.read_text().splitlines() if report.exists() else []
    again = ("| id |", *(f"| {row.commit['id']} |" for row in rows))
    kept = [line for line in known if line.startswith("| ") and not line.startswith(again)]
    report.write_text(Template(PAGE, keep_trailing_newline=True).render(rows=rows, runs=runs, kept=kept, sum=total))


def listed(path: Path) -> list[Mapping[str, str]]:
    """The commits of a list. Raises `ValueError` with one line that says what is wrong with it."""
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise ValueError(f"{path} cannot be read: {e}") from None
    found: list[Mapping[str, str]] = []
    for number, line in enumerate(lines, 1):
        try:
            commit = json.loads(line)
        except ValueError:
            commit = None
        if not isinstance(commit, dict) or not all(isinstance(commit.get(name), str) for name in FIELDS):
            raise ValueError(f"{path}:{number}: this is no object with the texts {', '.join(FIELDS)}")
        if commit["repository"].count("/") != 1:
            raise ValueError(f"{path}:{number}: {commit['repository']!r} is no owner/name")
        found.append(commit)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("commits", type=Path)
    parser.add_argument("--repositories", default="https://github.com/{owner}/{name}")
    parser.add_argument("--only", action="append", default=[], help="the id of a commit; may be repeated")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"replays of each commit (default: {RUNS})")
    parser.add_argument("--fix", action="store_true", help="fix what reproduces, too")
    parser.add_argument("--report", type=Path, default=REPORT, help="where the table goes")
    given, options = parser.parse_known_args()
    if given.runs < 1:
        parser.error("--runs: at least one")
    try:
        commits = listed(given.commits)
    except ValueError as e:
        parser.error(str(e))
    if unknown := sorted(set(given.only) - {commit["id"] for commit in commits}):
        parser.error(f"{given.commits} has no commit {unknown[0]}")
    rows: list[Row] = []
    for commit in commits:
        if given.only and commit["id"] not in given.only:
            continue
        row = replayed(commit, given.repositories, options, runs=given.runs, fix=given.fix)
        print(
            f"{commit['id']} {commit['repository']}: {row.verdict} ({row.seconds:.0f} s) {row.told}; {row.fix or ''}",
            flush=True,
        )
        rows.append(row)
        write(given.report, rows, given.runs, summed(rows) if given.fix else "")
    if given.fix:
        print(summed(rows))
    return int(any(r.verdict not in ("reproduced", "unreplayable") for r in rows))


if __name__ == "__main__":
    sys.exit(main())
