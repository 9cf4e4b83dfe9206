"""Small red projects, and what Regreen makes of them: `python -m benchmarks.scenarios [NAME …] [--write]`.

Each scenario of the YAML files beside this one is a repository with a workflow, and what `regreen fix` has to answer. An
answer is right when all of `expect` holds. It is a wrong green when the verdict says so and should not, or when with the
fix the scenario's own `check` fails in a fresh clone, or the fix has touched other files than `changed`. Ends with 1 when
fewer than 95 % are right, or one is a wrong green. What jobs install is what `make test` has set up.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Template

from bot.yaml12 import load
from tests.projects import CHECKOUT, RUNNING, SETUP_PYTHON, WORKFLOW, Project, workflow

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
REPORT = HERE / "README.md"
GREEN = ("GREEN", "FIXED")
WANTED = 0.95
NODE_ACTION = "runs:\n  using: composite\n  steps: [{run: 'cp -r $GITHUB_ACTION_PATH/node_modules .', shell: bash}]\n"
PAGE = """# Small red projects

Written by `python -m benchmarks.scenarios --write`: {{ right }} of {{ rows | length }} right, {{ wrong }} wrong greens.

| kind | scenario | verdict | right | s |
|---|---|---|---|---|
{% for row in rows -%}
| {{ row.kind }} | {{ row.name }} | {{ row.verdict }} | {{ "yes" if not row.problems else row.problems | join("; ") | replace("|", "\\\\|") }} | {{ "%.1f" | format(row.seconds) }} |
{% endfor %}"""


@dataclass(frozen=True)
class Row:
    """What became of one scenario: `problems` say what is not as expected."""

    kind: str
    name: str
    verdict: str
    problems: tuple[str, ...]
    wrong_green: bool
    seconds: float


def scenarios() -> dict[str, dict[str, Any]]:
    """All scenarios by their names, each with the `kind` that its file is named after."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(HERE.glob("*.yaml")):
        for name, scenario in load(path.read_bytes(), path.name).items():
            assert name not in found, name
            found[name] = {"kind": path.stem, **scenario}
    return found


def steps_of(scenario: Mapping[str, Any]) -> list[str]:
    """The steps of the one job of a scenario, behind what sets its tools up."""
    setup = [CHECKOUT]
    if tools := scenario.get("tools"):
        setup += [SETUP_PYTHON, f"run: python -m pip install --quiet {tools}"]
    if scenario.get("node"):
        setup += ["uses: actions/setup-node@v4", "uses: acme/node-tools@v1"]
    return [*setup, *scenario["steps"]]


def made(scenario: Mapping[str, Any], folder: Path) -> Project:
    """The repository of a scenario, committed."""
    files = dict(scenario.get("files", {}))
    if "workflow" in scenario or "steps" in scenario:  # otherwise among the files, by a name of its own
        files.setdefault(WORKFLOW, scenario.get("workflow") or workflow(*steps_of(scenario)))
    encoded = {
        name: text.replace("python-version: PYTHON", f"python-version: '{RUNNING}'").encode()
        for name, text in files.items()
    }
    encoded |= {name: text.encode("latin-1") for name, text in scenario.get("latin_1", {}).items()}
    project = Project(folder, encoded)
    for name, target in scenario.get("links", {}).items():
        (folder / name).symlink_to(target)
    for name in scenario.get("executable", ()):
        (folder / name).chmod(0o755)
    for commands in scenario.get("before", ()):
        subprocess.run(["bash", "-ec", commands], cwd=folder, check=True, capture_output=True, env=environment(folder))
    project.commit("All of it")
    return project


def environment(folder: Path, scenario: Mapping[str, Any] | None = None) -> dict[str, str]:
    """The user's environment: packages come from the folders that `make test` has set up, and from nowhere else."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("REGREEN_", "PIP_", "UV_", "npm_config_"))}
    base = folder.parent
    return {
        **kept,
        "PATH": f"{ROOT / '.venv' / 'bin'}:{kept['PATH']}",
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(base / "cache")),
        "XDG_STATE_HOME": str(base / "state"),
        "DOCKER_HOST": f"unix://{base}/no-engine",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(ROOT / ".cache" / "wheels"),
        "REGREEN_REPLAY_NETWORK": "none",
        "REGREEN_REPLAY_SOURCES": "{}",
        **(scenario or {}).get("env", {}),
    }


def played(name: str, scenario: Mapping[str, Any], node_tools: Path) -> Row:
    """Run `regreen fix` on a scenario and hold what it says, and what it made, against what is expected."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="regreen-scenario-") as base:
        project = made(scenario, Path(base) / "project")
        env = environment(project.root, scenario)
        words = ["regreen", "fix", "--json", "--local-action", f"acme/node-tools@v1={node_tools}"]
        words += scenario.get("args", ())
        done = subprocess.run(words, cwd=project.root, env=env, capture_output=True, text=True, check=False)
        try:
            found = json.loads(done.stdout)
        except ValueError:
            found = {"verdict": f"exit {done.returncode}", "reason": done.stderr.strip()[-200:], "parts": []}
        verdict = str(found["verdict"])
        problems = list(differences(scenario["expect"], found))
        wrong = list(betrayals(scenario, found, project, Path(base) / "clone", env))
    is_wrong = verdict in GREEN and (verdict not in any_of(scenario["expect"]["verdict"]) or bool(wrong))
    told = (*problems, *wrong)
    return Row(scenario["kind"], name, verdict, told, is_wrong, time.monotonic() - started)


def differences(expect: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """What the report says otherwise than expected."""
    diagnosis = found.get("diagnosis") or {}
    places = [f"{p['file']}:{p['line']}" for p in diagnosis.get("locations", ())]
    told = {
        "verdict": found["verdict"],
        "grade": found.get("grade"),
        "strategy": found.get("strategy"),
        "category": diagnosis.get("category"),
    }
    problems = [
        f"{key} {told[key]}, not {expect[key]}"
        for key in told
        if key in expect and told[key] not in any_of(expect[key])
    ]
    if "at" in expect and expect["at"] not in places:
        problems.append(f"at {', '.join(places[:3]) or 'no place'}, not {expect['at']}")
    if "test" in expect and not any(expect["test"] in t for t in diagnosis.get("failing_tests", ())):
        problems.append(f"the failing test {expect['test']} is not named")
    if "reason" in expect and expect["reason"] not in str(found.get("reason")):
        problems.append(f"the reason does not say '{expect['reason']}': {str(found.get('reason'))[:120]}")
    if "advice" in expect and not any(expect["advice"] in a["told"] for a in found.get("advice", ())):
        problems.append(f"nobody is told '{expect['advice']}'")
    if "parts" in expect:
        parts = {" ".join([p["job"], *map(str, p["matrix"].values())]): p["verdict"] for p in found["parts"]}
        problems += [f"{job} {parts.get(job)}, not {v}" for job, v in expect["parts"].items() if parts.get(job) != v]
    return problems


def any_of(wanted: str | list[str]) -> list[str]:
    """What may be said: chance decides about flaky jobs."""
    return wanted if isinstance(wanted, list) else [wanted]


def betrayals(
    scenario: Mapping[str, Any], found: Mapping[str, Any], project: Project, clone: Path, env: Mapping[str, str]
) -> list[str]:
    """What is wrong with a fix, whatever its own evidence says."""
    branch = found.get("branch")
    if not branch:
        return []
    changed = sorted(project.git("diff", "-z", "--name-only", "main", branch).strip("\0").split("\0"))
    problems = []
    if changed != sorted(scenario["expect"].get("changed", ())):
        problems.append(f"the fix touches {', '.join(changed)}")
    if found["verdict"] == "FIXED":
        project.git("clone", "--quiet", "--branch", branch, ".", str(clone))
        checked = subprocess.run(
            ["bash", "-ec", scenario["check"]], cwd=clone, env=dict(env), capture_output=True, text=True, check=False
        )
        if checked.returncode:
            problems.append(f"its own check fails with the fix: {(checked.stdout + checked.stderr).strip()[-160:]}")
    return problems


def main() -> int:
    """Run those that are named, else all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="a part of a scenario's name or kind")
    parser.add_argument("--write", action="store_true", help=f"write {REPORT.name}")
    given = parser.parse_args()
    chosen = {
        name: s
        for name, s in scenarios().items()
        if not given.names or any(word in f"{s['kind']} {name}" for word in given.names)
    }
    with tempfile.TemporaryDirectory(prefix="regreen-scenarios-") as folder:
        os.environ["XDG_CACHE_HOME"] = str(Path(folder) / "cache")
        node_tools = Path(folder) / "node-tools"
        node_tools.mkdir()
        (node_tools / "action.yml").write_text(NODE_ACTION)
        shutil.copytree(ROOT / ".cache" / "node" / "node_modules", node_tools / "node_modules", symlinks=True)
        rows = []
        with ThreadPoolExecutor(2) as pool:
            for row in pool.map(lambda item: played(item[0], item[1], node_tools), chosen.items()):
                rows.append(row)
                sign = "ok   " if not row.problems else "GREEN" if row.wrong_green else "MISS "
                print(
                    f"{sign} {row.seconds:5.1f} s  {row.kind} / {row.name}: {row.verdict} {'; '.join(row.problems)}",
                    flush=True,
                )
    right, wrong = sum(not r.problems for r in rows), sum(r.wrong_green for r in rows)
    print(f"{right} of {len(rows)} right, {wrong} wrong greens")
    if given.write:
        REPORT.write_text(Template(PAGE, keep_trailing_newline=True).render(rows=rows, right=right, wrong=wrong))
    return int(wrong > 0 or right < WANTED * len(rows))


if __name__ == "__main__":
    sys.exit(main())
