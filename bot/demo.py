"""The demo: a small project whose workflow is red for several reasons, and what `regreen fix` makes of each.

The project lies in config/demo; its jobs install their tools from the package index, as a user's would.
"""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.app import App, commit_all
from bot.config_files import config_root
from bot.hiring import may_ask
from bot.llm import LLM_KEYS
from bot.model import Delivery, Incident, ReplayOptions, Verdict
from bot.prospects import Forecast

if TYPE_CHECKING:
    from bot.view import View

EXPECTED = {
    "format": Verdict.FIXED,
    "lint": Verdict.FIXED,
    "generated": Verdict.FIXED,
    "test": Verdict.FIXED,
    "clock": Verdict.FLAKY,
}
FLAKY_JOB, CODE_JOB = "clock", "test"
MOST_RUNS = 12  # the flaky test fails 6 times of 10: so many green runs in a row happen once in 60,000 demos
MAX_MINUTES = 10.0


@dataclass(frozen=True)
class Outcome:
    """What the demo came to: the verdict of each job; `with_models`: a model, or recorded answers, could be asked."""

    verdicts: Mapping[str, Verdict]
    with_models: bool

    @property
    def as_expected(self) -> bool:
        """Whether every job came out as it should."""
        return self.verdicts == {**EXPECTED, **({} if self.with_models else {CODE_JOB: Verdict.NOT_FIXED})}


def run_demo(folder: Path | None, environ: Mapping[str, str], view: "View") -> Outcome:
    """Make the project in `folder` (or a new temporary one), fix it, and show the reports."""
    place = folder or Path(tempfile.mkdtemp(prefix="regreen-demo-"))
    project = make_project(place / "shop")
    view.heading(f"A project with five red jobs: {project}")
    app = App(project, environ, view.voices, recorded=config_root() / "demo" / "answers.yaml")
    found = _fix(app, view, ReplayOptions(network="registries"))
    if not may_ask(app.settings.llm, environ):
        _tell_plan(app, found, view)
    verdicts = {p.job: p.verdict for p in found.parts if p.verdict}
    for _ in range(MOST_RUNS):
        if FLAKY_JOB in verdicts:
            break
        view.heading(f"The job '{FLAKY_JOB}' was green this time; a flaky test has to be asked again")
        again = _fix(App(project, environ, view.voices), view, ReplayOptions(network="registries", jobs=(FLAKY_JOB,)))
        verdicts |= {p.job: p.verdict for p in again.parts if p.verdict}
    return Outcome(verdicts, with_models=app.models is not None)


def make_project(folder: Path) -> Path:
    """Copy the project and commit it. Raises `UsageError` when the folder is there already."""
    shutil.copytree(config_root() / "demo" / "project", folder)
    (folder / "scripts" / "lint.sh").chmod(0o755)  # a wheel keeps no modes
    commit_all(folder, "A shop")
    return folder


def _fix(app: App, view: "View", options: ReplayOptions) -> Incident:
    view.announce(options)
    incident = app.fix(app.open_incident(options, Delivery(), MAX_MINUTES))
    view.incident(incident)
    return incident


def _tell_plan(app: App, found: Incident, view: "View") -> None:
    """Say what language models would be asked, and what that would cost, were there a key."""
    seconds = found.baseline.seconds if found.baseline else 0
    left = [p for p in found.parts if p.job == CODE_JOB]
    view.heading(f"No model was asked. With {LLM_KEYS[0]} set, these would be tried at what is code")
    plans = [Forecast(p.job, p.diagnosis, app.plan(p.diagnosis, seconds, found.constraints)) for p in left]
    view.plans(plans, app.settings.llm)
