"""The Action, this project's own workflows and what `regreen init` writes: nothing of strangers gets into a script."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.yaml12 import load
from tests.conftest import ROOT
from tests.projects import WORKFLOW, Make, workflow

ACTION = "octo/regreen@0123456789abcdef0123456789abcdef01234567"
REUSABLE = ROOT / ".github" / "workflows" / "repair.yml"
OWN = [ROOT / "action.yml", *sorted((ROOT / ".github" / "workflows").glob("*.y*ml"))]


def written(project: Make, action: str = ACTION, *more: str) -> Path:
    """The workflow that `regreen init` writes."""
    made = project({WORKFLOW: "name: CI\n" + workflow("run: 'true'")})
    assert made.here("init", "--yes", "--action", action, *more).code == 0
    return made.root / ".github" / "workflows" / "regreen.yml"


def calling(project: Make) -> Path:
    """The workflow that calls the reusable one, as the guide has it."""
    file = written(project)
    file.write_text(with_call(file.read_text(), ACTION))
    return file


def with_call(text: str, action: str) -> str:
    """The workflow that `regreen init` writes, with the job of the guide in the place of its own."""
    guide = (ROOT / "docs" / "github.md").read_text()
    job = guide.split("## The reusable workflow")[1].split("```yaml\n")[1].split("```")[0]
    name, _, commit = action.partition("@")
    return text.split("jobs:\n")[0] + job.replace("OWNER/regreen", name).replace("COMMIT", commit)


def scripts(document: Any) -> Iterator[str]:
    """What is run: `run` of steps, and the scripts that actions such as github-script are given."""
    for key, value in document.items() if isinstance(document, dict) else enumerate(document):
        if key in ("run", "script") and isinstance(value, str):
            yield value
        elif isinstance(value, dict | list):
            yield from scripts(value)


def filled_in(file: Path) -> list[str]:
    """The scripts into which GitHub would write something before the shell reads them."""
    return [script for script in scripts(load(file.read_bytes(), str(file))) if "${{" in script]


def zizmor(*files: Path) -> subprocess.CompletedProcess[str]:
    command = ["zizmor", "--offline", "--no-progress", "--no-config", *map(str, files)]
    return subprocess.run(command, env={**os.environ, "NO_COLOR": "1"}, capture_output=True, text=True, check=False)


VARIANTS = pytest.mark.parametrize("more", [(), ("--hardened",)], ids=["plain", "hardened"])


@VARIANTS
def test_nothing_is_written_into_a_script(project: Make, more: tuple[str, ...]) -> None:
    assert [script for file in [*OWN, written(project, ACTION, *more)] for script in filled_in(file)] == []


@VARIANTS
def test_zizmor_has_no_findings(project: Make, more: tuple[str, ...]) -> None:
    done = zizmor(*OWN, written(project, ACTION, *more))
    assert done.returncode == 0, done.stdout


def test_a_workflow_that_calls_the_reusable_one_has_no_findings_either(project: Make) -> None:
    done = zizmor(calling(project))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "step",
    [
        "run: echo ${{ github.event.issue.title }}",
        "uses: actions/github-script@v8\nwith: {script: 'log(`${{ github.event.comment.body }}`)'}",
        "run: echo ${{ inputs.mode }}",
    ],
)
def test_both_notice_what_gets_into_a_script(project: Make, step: str) -> None:
    made = project({WORKFLOW: workflow("run: 'true'", step, on="[issues, issue_comment]")})
    assert len(filled_in(made.root / WORKFLOW)) == 1
    done = zizmor(made.root / WORKFLOW)
    assert done.returncode != 0
    assert "template-injection" in done.stdout


def test_of_the_hardened_jobs_one_may_write_and_the_one_that_replays_may_nothing(project: Make) -> None:
    file = written(project)
    plain = load(file.read_bytes(), "regreen.yml")["jobs"]["regreen"]
    file.unlink()
    whole = load(written(project, ACTION, "--hardened").read_bytes(), "regreen.yml")
    analyse, replay, publish = whole["jobs"].values()
    assert (whole["permissions"], replay["permissions"]) == ({}, {})
    assert set(analyse["permissions"].values()) == {"read"}
    assert publish["permissions"] == plain["permissions"]
    assert [job["steps"][0]["with"] for job in (analyse, replay, publish)] == [
        {"stage": stage} for stage in ("analyse", "replay", "publish")
    ]
    assert analyse["if"] == plain["if"]


@pytest.mark.parametrize("file", OWN, ids=lambda file: file.name)
def test_all_actions_of_others_are_pinned(file: Path) -> None:
    used = [line.split("uses:")[1].split() for line in file.read_text().splitlines() if "uses:" in line]
    assert all(words == ["$/."] or (len(words[0].partition("@")[2]) == 40 and words[1] == "#") for words in used), used


def test_the_reusable_workflow_is_the_job_that_is_written_with_all_that_the_action_takes_and_gives(
    project: Make,
) -> None:
    action = load((ROOT / "action.yml").read_bytes(), "action.yml")
    called = load(REUSABLE.read_bytes(), REUSABLE.name)
    (plain,) = load(written(project).read_bytes(), "regreen.yml")["jobs"].values()
    about, (job,) = called["on"]["workflow_call"], called["jobs"].values()
    (step,) = job["steps"]
    kept = {key: value for key, value in job.items() if key not in ("steps", "outputs")}
    assert kept == {key: value for key, value in plain.items() if key not in ("steps", "permissions")}
    told = {name: given["description"] for part in ("inputs", "secrets") for name, given in about[part].items()}
    assert told == {name: given["description"] for name, given in action["inputs"].items() if name != "stage"}
    assert {*about["secrets"]} == {"github-token", "anthropic-api-key"}
    given = {n: f"${{{{ {'secrets' if n in about['secrets'] else 'inputs'}.{n} }}}}" for n in told}
    assert (step["uses"], step["with"]) == ("$/.", given)
    of_one_machine = {"report", "next"}
    outputs = {name: one for name, one in action["outputs"].items() if name not in of_one_machine}
    assert job["outputs"] == {name: one["value"] for name, one in outputs.items()}
    assert about["outputs"] == {
        name: {**one, "value": f"${{{{ jobs.regreen.outputs.{name} }}}}"} for name, one in outputs.items()
    }


def test_the_guide_shows_the_workflow_as_it_is_written(project: Make) -> None:
    guide = (ROOT / "docs" / "github.md").read_text()
    assert guide.split("```yaml\n")[1].split("```")[0] == written(project, "OWNER/regreen@COMMIT").read_text()


def test_the_readme_shows_the_job_as_it_is_written(project: Make) -> None:
    """All but what it looks at and one at a time, which stand between."""
    shown = (ROOT / "README.md").read_text().split("## On GitHub")[1].split("```yaml\n")[1].split("```")[0]
    head, _, step = shown.partition("    steps:\n")
    text = written(project, "OWNER/NAME@COMMIT").read_text()
    assert head in text
    assert text.endswith(f"    steps:\n{step}")


def test_the_guide_names_all_inputs_outputs_and_permissions(project: Make) -> None:
    guide = (ROOT / "docs" / "github.md").read_text()
    action = load((ROOT / "action.yml").read_bytes(), "action.yml")
    (job,) = load(written(project).read_bytes(), "regreen.yml")["jobs"].values()
    permissions = [f"{name}: {level}" for name, level in job["permissions"].items()]
    assert [word for word in [*action["inputs"], *action["outputs"], *permissions] if f"`{word}`" not in guide] == []
