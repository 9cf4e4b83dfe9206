"""A run of a workflow by plain act, told as GitHub tells it: jobs, steps, logs, artifacts.

The repositories are the tests' own, so there is no sandbox. The token of the run has the permissions of the workflow
and of all its jobs together, as act has one token for them.
"""

import base64
import json
import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from bot.replay import actlog
from bot.replay.joblog import JobLog
from bot.text.act import job_of
from bot.yaml12 import load
from tests.hub.archives import zip_of
from tests.hub.world import Artifact, Job, Repository, Run, Step, now

if TYPE_CHECKING:
    from tests.hub.hub import Hub

_USES = re.compile(r"uses:\s*['\"]?([\w.-]+/[\w.-]+)((?:/[\w./-]+)?)@([\w./-]+)")
_EXIT = re.compile(r"exit(?:code| status) '?(\d+)'?")
_EXPRESSION = re.compile(r"\$\{\{\s*matrix\.(\w+)\s*\}\}")
_STAND_INS = {
    "actions/setup-python": "true",
    "actions/setup-node": "true",
    "actions/cache": "true",
    "actions/upload-artifact": 'mkdir -p "$AT/$NAME" && cp -r $FILES "$AT/$NAME"',
    "actions/download-artifact": 'mkdir -p "${FILES:-.}" && cp -r "$AT/$NAME/." "${FILES:-.}"',
}
_INPUTS = (
    "name",
    "path",
    "run-id",
    "github-token",
    "python-version",
    "node-version",
    "key",
    "if-no-files-found",
    "overwrite",
    "retention-days",
)
_READ_UP = "hub-has-read-up-to-here "
_BASH = f"""#!/usr/bin/bash
# act ends a step that fails before it has read all that it printed: so wait until that much is read.
[ "$HUB_STEP" ] && exec /usr/bin/bash "$@"
HUB_STEP=1 /usr/bin/bash "$@" && exit 0
code=$?
pipe=$(mktemp --dry-run "$HUB_PIPES/XXXXXXXX") && mkfifo "$pipe"
echo "{_READ_UP}$pipe"
read -r _ < "$pipe"
exit $code
"""
_NODE = """#!/bin/sh
# act asks each job's node where it is, which takes node a tenth of a second to say.
PATH={path}
[ "$*" = '--no-warnings -e console.log(process.execPath)' ] && exec command -v node
exec node "$@"
"""
_READS = {"contents": "read", "metadata": "read", "packages": "read"}
_WRITABLE = [
    "actions",
    "checks",
    "contents",
    "deployments",
    "issues",
    "packages",
    "pages",
    "pull_requests",
    "security_events",
    "statuses",
]


def jobs_of(hub: "Hub", one: Repository, run: Run) -> list[Job]:
    """Run the workflow; what it uploaded is kept as artifacts."""
    with tempfile.TemporaryDirectory(dir=hub.root) as name:
        room = Path(name)
        document = load(one.git.read(run.sha, run.workflow).encode(), run.workflow)
        if not isinstance(document.get("jobs"), dict):
            return []
        token = hub.job_token(one, _permissions(one, run, document))
        tree = _checked_out(hub, one, run.sha, token, room / "tree")
        (room / "event.json").write_text(json.dumps(run.payload))
        jobs = _Telling(hub, run, document, room, [token, *one.secrets.values()])
        command = [*_command(hub, one, run, room, token), *_actions(hub, room, tree)]
        path = f"{_tools(room)}:{os.environ['PATH']}"
        env = {"HOME": str(room), "PATH": path, "LANG": "C.UTF-8", **hub.runner_environment}
        with subprocess.Popen(
            command, cwd=tree, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process:
            assert process.stdout
            told = jobs.read(process.stdout)
        hub.tokens.pop(token, None)
        keep_artifacts(hub, one, run)
        return told


def _checked_out(hub: "Hub", one: Repository, sha: str, token: str, tree: Path) -> Path:
    """The tree as actions/checkout leaves it: `origin` is the hub's, and git has the token for it."""
    pair = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    for words in (
        ["clone", "-q", "--no-checkout", str(one.git.path), str(tree)],
        ["-C", str(tree), "fetch", "-q", "origin", sha],
        ["-C", str(tree), "checkout", "-q", "--detach", sha],
        ["-C", str(tree), "remote", "set-url", "origin", f"{hub.url}/{one.name}.git"],
        ["-C", str(tree), "config", f"http.{hub.url}/.extraheader", f"AUTHORIZATION: basic {pair}"],
    ):
        subprocess.run(["git", *words], check=True)
    return tree


def _command(hub: "Hub", one: Repository, run: Run, room: Path, token: str) -> list[str]:
    words = ["act", run.event, "--json", "-W", run.workflow, "-e", str(room / "event.json"), "--actor", run.actor.login]
    words += ["-P", "ubuntu-latest=-self-hosted", "-P", "ubuntu-24.04=-self-hosted", "--no-cache-server"]
    words += ["--artifact-server-addr", "127.0.0.1", "--container-daemon-socket", "-"]
    words += ["--action-cache-path", str(room / "cache"), "--defaultbranch", one.default_branch]
    forked = run.head_repository is not one and run.event == "pull_request"
    secrets = {"GITHUB_TOKEN": token, **({} if forked else one.secrets)}
    words += [word for name, value in secrets.items() for word in ("-s", f"{name}={value}")]
    for name, value in run.payload.get("inputs", {}).items():
        words += ["--input", f"{name}={value}"]
    env = {
        "GITHUB_API_URL": hub.url,
        "GITHUB_SERVER_URL": hub.url,
        "GITHUB_GRAPHQL_URL": f"{hub.url}/graphql",
        "GITHUB_REPOSITORY": one.name,
        "GITHUB_REPOSITORY_OWNER": one.owner.login,
        "GITHUB_RUN_ID": str(run.id),
        "GITHUB_RUN_NUMBER": str(run.number),
        "GITHUB_RUN_ATTEMPT": str(run.attempt),
        "GITHUB_REF": run.ref,
        "GITHUB_REF_NAME": run.ref.removeprefix("refs/").partition("/")[2],
        "GITHUB_HEAD_REF": run.head_branch if run.event == "pull_request" else "",
        "HUB_ARTIFACTS": str(hub.root / "artifacts"),
        "HUB_PIPES": str(room),
    }
    return words + [word for name, value in env.items() for word in ("--env", f"{name}={value}")]


def _tools(room: Path) -> Path:
    folder = room / "bin"
    folder.mkdir()
    _script(folder / "bash", _BASH)
    quick_node(folder)
    return folder


def quick_node(folder: Path) -> None:
    """A `node` to be first on act's PATH."""
    _script(folder / "node", _NODE.format(path=shlex.quote(os.environ["PATH"])))


def _script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def _permissions(one: Repository, run: Run, document: dict[str, Any]) -> dict[str, str]:
    asked = [document.get("permissions"), *(job.get("permissions") for job in document["jobs"].values())]
    granted: dict[str, str] = {}
    for given in [p for p in asked if p is not None] or [{"read": "read-all", "write": "write-all"}[one.token_default]]:
        if isinstance(given, str):
            level = given.removesuffix("-all")
            given = dict.fromkeys(_WRITABLE, level) if level == "write" or document.get("permissions") else _READS
        for name, level in given.items():
            key = name.replace("-", "_")
            granted[key] = "write" if "write" in (level, granted.get(key)) else level
    if run.head_repository is not one and run.event == "pull_request":
        granted = {name: "read" if level == "write" else level for name, level in granted.items()}
    return {"metadata": "read", **granted}


def _actions(hub: "Hub", room: Path, tree: Path) -> Iterator[str]:
    """The folders that stand for actions of others: those that the hub was given, else small stand-ins."""
    folders, seen = [tree], set()
    while folders:
        folder = folders.pop()
        for file in [*folder.glob(".github/workflows/*.y*ml"), *folder.glob("action.y*ml")]:
            for name, path, ref in _USES.findall(file.read_text()):
                known = hub.actions.get(name)
                if (name, path, ref) in seen or (name not in _STAND_INS and not known):
                    continue
                seen.add((name, path, ref))
                made = known or _stand_in(room / "actions" / name, name)
                folders.append(made if path.startswith("/.github/workflows/") else made / path.lstrip("/"))
                yield from ("--local-repository", f"{name}@{ref}={made}")


def _stand_in(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    where = "${{ env.HUB_ARTIFACTS }}/${{ inputs.run-id || github.run_id }}"
    env = {"NAME": "${{ inputs.name || 'artifact' }}", "FILES": "${{ inputs.path }}", "AT": where}
    step = {"run": _STAND_INS[name], "shell": "bash", "env": env}
    told = {"name": name, "inputs": {given: {"required": False} for given in _INPUTS}}
    (folder / "action.yml").write_text(yaml.safe_dump({**told, "runs": {"using": "composite", "steps": [step]}}))
    return folder


def keep_artifacts(hub: "Hub", one: Repository, run: Run) -> None:
    """Keep what a run has uploaded so far."""
    known = {artifact.name for artifact in one.artifacts.values() if artifact.run is run}
    folder = hub.root / "artifacts" / str(run.id)
    for kept in sorted(folder.glob("*")) if folder.is_dir() else ():
        if kept.name in known:
            continue
        files = {str(f.relative_to(kept)): f.read_bytes() for f in sorted(kept.rglob("*")) if f.is_file()}
        number = hub.next_id()
        one.artifacts[number] = Artifact(id=number, run=run, name=kept.name, zipped=zip_of(files))


class _Telling:
    """Makes jobs of act's lines."""

    def __init__(self, hub: "Hub", run: Run, document: dict[str, Any], room: Path, masks: list[str]) -> None:
        self._hub, self._run, self._plans, self._room, self._masks = hub, run, document["jobs"], room, masks
        self._jobs: dict[str, Job] = {}
        self._forgiven: set[int] = set()
        self._logs: dict[tuple[str, str], tuple[JobLog, Path, Step]] = {}

    def read(self, lines: Any) -> list[Job]:
        began = set()
        for line in lines:
            row = json.loads(line) if line.startswith(b"{") else {}
            key, plan = job_of(row), self._plans.get(row.get("jobID"))
            if not key or plan is None:
                continue
            began.add(row["jobID"])
            job = self._jobs.get(key) or self._job(key, row, plan)
            if "jobResult" in row:
                job.completed = now()
                job.conclusion = row["jobResult"] if not row.get("matrix") else job.conclusion
            event = actlog.parse(line, row["jobID"])
            if event and not isinstance(event, actlog.JobEnded) and event.path:
                self._tell(key, job, plan, event)
        for file_log, path, step in self._logs.values():
            file_log.close()
            step.log = path.read_text("utf-8", "surrogateescape")
        for job in self._jobs.values():
            self._close(job)
        never = [n for n in self._plans if n not in began] if began else []
        return [*self._jobs.values(), *(self._skipped(name) for name in never)]

    def _job(self, key: str, row: dict[str, Any], plan: dict[str, Any]) -> Job:
        matrix = row.get("matrix") or {}
        name = _EXPRESSION.sub(lambda m: str(matrix.get(m[1], "")), str(plan.get("name") or row["jobID"]))
        if matrix and "matrix." not in str(plan.get("name", "")):
            name += f" ({', '.join(str(v) for v in matrix.values())})"
        job = self._jobs[key] = Job(id=self._hub.next_id(), attempt=self._run.attempt, name=name)
        first = Step(name="Set up job", number=1)
        job.steps.append(first)
        file_log, path = self._log()
        file_log.line(now(), "Current runner version: '2.330.0'")
        file_log.header(now(), "Runner Image\nImage: ubuntu-24.04".partition("\n")[0])
        file_log.line(now(), f"Complete job name: {name}")
        self._logs[key, "--setup"] = (file_log, path, first)
        return job

    def _skipped(self, name: str) -> Job:
        told = str(self._plans[name].get("name") or name)
        return Job(id=self._hub.next_id(), attempt=self._run.attempt, name=told, conclusion="skipped")

    def _log(self) -> tuple[JobLog, Path]:
        path = self._room / f"log-{self._hub.next_id()}"
        return JobLog(path, lambda text: text, self._masks), path

    def _tell(self, key: str, job: Job, plan: dict[str, Any], event: Any) -> None:
        at = (key, event.path[0])
        if at not in self._logs:
            file_log, path = self._log()
            about = _step_of(plan, event.path[0])
            script, uses = str(about.get("run", "")), about.get("uses")
            title = f"Run {uses or script.partition(chr(10))[0]}"
            step = Step(name=str(about.get("name") or title), number=len(job.steps) + 1)
            job.steps.append(step)
            file_log.header(now(), title, script, "" if uses else "/usr/bin/bash -e {0}")
            self._logs[at] = (file_log, path, step)
        file_log, _, step = self._logs[at]
        if isinstance(event, actlog.Output):
            text, _, pipe = event.text.rstrip("\n").partition(_READ_UP)
            if pipe:
                Path(pipe).write_text("\n")
            if pipe and not text:
                return
            stamp = event.time.strftime("%Y-%m-%dT%H:%M:%S.%f0Z ")
            file_log.copy([f"{stamp}{line}\n" for line in text.split("\n")])
        elif isinstance(event, actlog.Ended) and len(event.path) == 1:
            step.conclusion, step.completed = str(event.result), now()
        elif isinstance(event, actlog.Problem):
            code = _EXIT.search(event.text)
            told = f"Process completed with exit code {code[1]}." if code else event.text
            file_log.line(now(), f"##[error]{told}")
        elif isinstance(event, actlog.WentOn):
            self._forgiven.add(id(step))

    def _close(self, job: Job) -> None:
        """Steps after the one that failed are listed as skipped; the runner's own last one ends the job."""
        if not job.conclusion:  # of a leg act tells the end of all its legs
            failed = [s for s in job.steps if s.conclusion == "failure" and id(s) not in self._forgiven]
            job.conclusion = "failure" if failed or len(job.steps) < 2 else "success"
        log, path = self._log()
        log.line(now(), "Cleaning up orphan processes")
        log.close()
        job.steps.append(Step(name="Complete job", number=len(job.steps) + 1, log=path.read_text()))


def _step_of(plan: dict[str, Any], name: str) -> dict[str, Any]:
    steps = plan.get("steps", [])
    found = [s for s in steps if s.get("id") == name]
    return dict(found[0] if found else steps[int(name)] if name.isdigit() and int(name) < len(steps) else {})
