"""A replay agrees with plain act, job by job and step by step, on the workflows of `workflows.yaml`."""

import json
import os
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bot.yaml12 import load
from tests.hub.act import quick_node
from tests.projects import WORKFLOW, Make, Project

CASES = load((Path(__file__).parent / "workflows.yaml").read_bytes(), "workflows.yaml")


def plain_act(made: Project, case: dict[str, Any], home: Path) -> Counter[str]:
    """What act alone makes of a workflow, with a HOME of its own: each leg with its result and those of its steps."""
    words = ["act", case.get("event", "push"), "-W", WORKFLOW, "--json", "-P", "ubuntu-latest=-self-hosted"]
    words += ["--no-cache-server", "--artifact-server-addr", "127.0.0.1", "--container-daemon-socket", "-"]
    words += ["--action-cache-path", str(home / "cache")]
    secrets = {"GITHUB_TOKEN": "", **case.get("secrets", {})}
    for option, values in (("--input", case.get("inputs", {})), ("--var", case.get("variables", {})), ("-s", secrets)):
        words += [word for name, value in values.items() for word in (option, f"{name}={value}")]
    for name, folder in case.get("local_actions", {}).items():
        words += ["--local-repository", f"{name}={made.root / folder}"]
    home.mkdir()
    quick_node(home)
    if "event_payload" in case:
        (home / "event.json").write_text(json.dumps(case["event_payload"]))
        words += ["-e", str(home / "event.json")]
    env = {"HOME": str(home), "PATH": f"{home}:{os.environ['PATH']}", "LANG": "C.UTF-8"}
    done = subprocess.run(words, cwd=made.root, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return legs_of([json.loads(x) for x in done.stdout.splitlines() if x.startswith(b"{")], calling(case))


def calling(case: dict[str, Any]) -> set[str]:
    """The jobs that only call a workflow: act has rows for them, GitHub and a replay have none once they run."""
    texts = [case["workflow"], *(t for p, t in case.get("files", {}).items() if p.startswith(".github/"))]
    return {j for text in texts for j, job in load(text.encode(), "workflow")["jobs"].items() if "uses" in job}


def legs_of(rows: list[dict[str, Any]], calls: set[str]) -> Counter[str]:
    legs: dict[str, tuple[str, dict[str, str]]] = {}
    results: dict[str, str] = {}
    for row in (r for r in rows if "jobID" in r and r["jobID"] not in calls):
        name = f"{row['job'].strip()} {json.dumps(row.get('matrix') or {}, sort_keys=True)}"
        _, steps = legs.setdefault(name, (row["jobID"], {}))
        if "jobResult" in row:
            results[name] = row["jobResult"]
        elif row.get("stage") == "Main" and len(row.get("stepID") or ()) == 1 and "stepResult" in row:
            steps[row["stepID"][0]] = row["stepResult"]
    return Counter(
        shown(legs[name][0], result, legs[name][1]) for name, result in results.items() if result != "skipped"
    )


def shown(job_id: str, result: str, steps: dict[str, str]) -> str:
    ran = {name: found for name, found in steps.items() if found != "skipped"}
    return f"{job_id}: {result}, {json.dumps(ran, sort_keys=True)}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_agreement(project: Make, tmp_path: Path, case: dict[str, Any]) -> None:
    made = project({WORKFLOW: case["workflow"], **case.get("files", {})})
    given = {k: case[k] for k in ("event", "inputs", "variables", "event_payload") if k in case}
    local = {name: made.root / folder for name, folder in case.get("local_actions", {}).items()}
    app = {"secrets": case.get("secrets", {}), "local_actions": local}
    done = made.replay(workflows=("ci.yml",), app=app, **given)
    assert done.jobs == case["jobs"], done.log
    ran = [j for j in done.result.jobs if j.result != "skipped"]
    ours = Counter(shown(j.id.rsplit("/", 1)[-1], str(j.result), {s.id: str(s.result) for s in j.steps}) for j in ran)
    assert ours == plain_act(made, case, tmp_path / "home"), done.log


def test_there_are_enough_of_them() -> None:
    assert len({case["name"] for case in CASES}) >= 60
