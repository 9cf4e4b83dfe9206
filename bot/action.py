"""Regreen as a GitHub Action: the event of the runner in; outputs, a summary and a record out."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from bot import handover
from bot.adapters.system_clock import SystemClock
from bot.app import Voices
from bot.errors import Conflict, Gone, RateLimited, RegreenError, Transient, UsageError
from bot.github import Usage
from bot.handover import Orders
from bot.hosted import OnGitHub, connect
from bot.intake import events
from bot.intake.decide import Identity, Tick, decide, idle
from bot.model import Incident
from bot.proposal import facts, hosted, texts
from bot.reactions import Done, Reactions, tell_mistake
from bot.stages import Analysing, Analysis, Publishing, replayed
from bot.text.cut import cut
from bot.text.inert import log_line

STAGES = {"all": OnGitHub, "analyse": Analysing, "replay": OnGitHub, "publish": Publishing}
INPUTS = {"command": ("auto", "sweep"), "dry-run": ("false", "true"), "stage": tuple(STAGES)}
"""What inputs may say; where they are empty the first is meant. Others are read as settings."""
NOT_THEIR_FAULT = (Transient, RateLimited, Gone, Conflict)
"""What no user can mend: the Action's own run does not turn red for it."""
MAX_SUMMARY = 900_000  # of the 1 MiB that GitHub takes


def act(environ: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Do what the event of the runner asks for. Raises `RegreenError` for what the caller has to mend."""
    try:
        _act(environ, say)
    except RegreenError as e:
        _append(environ.get("GITHUB_STEP_SUMMARY"), f"{texts.line(str(e))}\n")
        raise


def _act(environ: Mapping[str, str], say: Callable[[str], None]) -> None:
    command, dry_run, stage = (_input(environ, name) for name in INPUTS)
    if not environ.get("GITHUB_REPOSITORY"):
        raise UsageError(
            "GITHUB_REPOSITORY is not set", hint="this is what the Action runs; here: regreen fix --run URL"
        )
    voices = Voices(lambda text: say(log_line(text)), lambda *_: None)
    if stage == "replay":
        done, usage = _replayed(environ, voices), Usage()
    else:
        on = connect(environ["GITHUB_REPOSITORY"], environ, voices, STAGES[stage])
        try:
            done = _done(on, environ, sweep=command == "sweep", dry_run=dry_run == "true")
        except NOT_THEIR_FAULT as e:
            done = Done(told=str(e), well=False)
        usage = on.github.usage
    say(log_line(done.told))
    _report(environ, done, usage)


def _input(environ: Mapping[str, str], name: str) -> str:
    """What an input says. Raises `UsageError` for what it cannot be."""
    value = environ.get(f"REGREEN_{name.upper().replace('-', '_')}") or INPUTS[name][0]
    if value not in INPUTS[name]:
        raise UsageError(f"{name}: '{value}' is not {' or '.join(INPUTS[name])}", hint="it is an input of the Action")
    return value


def _done(on: OnGitHub, environ: Mapping[str, str], *, sweep: bool, dry_run: bool) -> Done:
    event = None if sweep else _event(environ)
    if event and (skip := idle(event, on.workflow)):
        return Done(told=skip.reason)
    app, me = on.app(), Identity(login=on.github.login, workflow=on.workflow)
    try:
        decision = decide(event, app.settings, me) if event else Tick()
    except UsageError as e:
        if event and not dry_run and not isinstance(on, Analysing):
            tell_mistake(on, event, me, e)
        raise
    if dry_run:
        return Done(told=f"dry run; what would be done: {decision}")
    if not isinstance(on, Analysing):
        return Reactions(on, app, SystemClock()).to(decision)
    done = Analysis(on, app).to(decision)
    if on.orders:
        handover.write(Orders(repository=on.repository, orders=tuple(on.orders)), _handed(environ, "orders"))
    return done


def _replayed(environ: Mapping[str, str], voices: Voices) -> Done:
    """Do what another job has ordered, and write the replies to it."""
    file = _handed(environ, "orders")
    try:
        orders = handover.read(file.read_bytes(), Orders)
    except OSError as e:
        told = f"{file} cannot be read: {e.strerror}"
        raise UsageError(told, hint="the stage analyse writes it, in a job before") from e
    replies = replayed(orders, environ, voices)
    handover.write(replies, _handed(environ, "replies"))
    return Done(told="; ".join(reply.told for reply in replies.replies))


def _handed(environ: Mapping[str, str], name: str) -> Path:
    """The file that action.yml uploads, or has downloaded."""
    return Path(environ.get("RUNNER_TEMP") or ".") / "regreen" / f"{name}.json"


def _event(environ: Mapping[str, str]) -> events.Event | events.Ignored:
    name, path = environ.get("GITHUB_EVENT_NAME", ""), Path(environ.get("GITHUB_EVENT_PATH", ""))
    try:
        payload = path.read_bytes()
    except OSError as e:
        raise UsageError(f"GITHUB_EVENT_PATH: {path} cannot be read: {e.strerror}") from e
    return events.read(name, payload)


def _report(environ: Mapping[str, str], done: Done, usage: Usage) -> None:
    """Write the outputs, the summary of the job, and the records as JSON."""
    report = Path(environ.get("RUNNER_TEMP") or ".") / "regreen.json"
    rows = [one.as_json() for one in done.incidents]
    whole = {"told": done.told, "incidents": rows, "github": usage.as_json()}
    report.write_text(json.dumps(whole, default=str, indent=1), encoding="utf-8")
    outputs = _outputs(done) | {"report": str(report), "next": done.next}
    _append(environ.get("GITHUB_OUTPUT"), "".join(f"{k}={' '.join(v.split())}\n" for k, v in outputs.items()))
    summary = [texts.comment(one, hosted.coming(one)) for one in done.incidents] or [f"{texts.line(done.told)}\n"]
    _append(environ.get("GITHUB_STEP_SUMMARY"), cut("\n".join(summary), MAX_SUMMARY))


def _outputs(done: Done) -> dict[str, str]:
    """Outputs of the Action; of several incidents the last one counts, without any they are empty."""
    last = done.incidents[-1] if done.incidents else None
    number = facts.request_of(last) if last else ""
    proposal = last.proposal if last else None
    url = facts.page_of(last.failed_run) if last and last.failed_run else ""
    tokens = [call.tokens for one in done.incidents for attempt in one.attempts for call in attempt.calls]
    return {
        "conclusion": _conclusion(done, last),
        "incident-id": last.id if last else "",
        "verdict": str(last.verdict or "") if last else "",
        "pull-request-url": f"{url}/pull/{number}" if number else "",
        "branch": proposal.target if proposal and proposal.kind == "pull-request" else "",
        "cost-usd": str(sum(one.cost_usd for one in done.incidents)),
        "input-tokens": str(sum(one.prompt for one in tokens)),
        "output-tokens": str(sum(one.output for one in tokens)),
    }


def _conclusion(done: Done, last: Incident | None) -> str:
    if last is None:
        return "neutral"
    return hosted.CONCLUSIONS.get(last.verdict, "neutral") if done.well else "failure"


def _append(path: str | None, text: str) -> None:
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)
