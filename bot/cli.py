"""The command line: arguments in, exit code and text out. Results go to standard output, all else to standard error.

Only what `--help` needs is imported at the top; the rest waits until a command runs.
"""

import atexit
import errno
import gc
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import click

from bot import __version__
from bot.errors import MachineError, RegreenError, UsageError

if TYPE_CHECKING:
    from decimal import Decimal

    from bot.app import App
    from bot.github import Run
    from bot.hosted import OnGitHub
    from bot.model import Constraints, Diagnosis, Incident, ReplayOptions, ReplayResult
    from bot.view import View

F = TypeVar("F", bound=Callable[..., Any])
OK, HONEST_NO, USAGE, BUG, INTERRUPTED = 0, 1, 2, 4, 130
CODES = {"success": OK, "failure": HONEST_NO}  # of replays, by their result
OF_THE_MACHINE = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS, errno.EMFILE, errno.ENFILE),
    *(errno.ENOMEM, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EIO),
}
FOLDER = click.Path(path_type=Path)
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
PATH = click.argument("path", type=FOLDER, default=Path())
CHECKOUT = click.option("--path", type=FOLDER, default=Path(), help="The checkout.")
RUN = click.option("--run", metavar="URL|ID", default="", help="A failed run on GitHub (with GITHUB_TOKEN).")
REPO = click.option(
    "--repo", metavar="OWNER/NAME", default="", help="The repository on GitHub (default: of the checkout)."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")


def _minutes(text: str) -> float:
    """The minutes of `90s`, `10m`, `1h`, or of a number of minutes."""
    from bot.settings import MOST_MINUTES

    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)([smh]?)", text.strip())
    minutes = float(match[1]) * {"s": 1 / 60, "h": 60}.get(match[2], 1) if match else 0
    if not 0 < minutes <= MOST_MINUTES:
        raise click.BadParameter(f"'{text}' is no time: 90s, 10m, 1h, or a number of minutes")
    return minutes


def _dollars(text: str) -> "Decimal":
    from bot.intake.commands import dollars

    return dollars(text)


def main() -> None:
    """Run the command line; the error boundary of the program."""
    gc.set_threshold(50_000)  # hardly any garbage is made by imports, and looking for it takes a tenth of their time
    atexit.register(gc.freeze)  # nor is there a point in looking for it at the end
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # else importing GitPython fails where there is no git
    try:
        code = cli.main(prog_name="regreen", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else OK)
    except RegreenError as e:
        _die(str(e), e.exit_code)
    except click.exceptions.Abort:
        _die("interrupted", INTERRUPTED)
    except click.exceptions.NoArgsIsHelpError as e:
        e.show()
        sys.exit(USAGE)
    except click.ClickException as e:
        command = e.ctx.command_path if isinstance(e, click.UsageError) and e.ctx else "regreen"
        _die(f"{e.format_message().rstrip('.')} (see {command} --help)", USAGE)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # who read our output has gone; the interpreter must not complain
        sys.exit(OK)
    except KeyboardInterrupt:
        _die("interrupted", INTERRUPTED)
    except OSError as e:
        if e.errno not in OF_THE_MACHINE:
            _report_bug(e)
        _die(f"{e.filename or 'this machine'}: {e.strerror}", MachineError.exit_code)
    except Exception as e:  # noqa: BLE001 - the edge: what is not expected is a bug, and says so in one line
        _report_bug(e)


def _die(text: str, code: int) -> None:
    click.echo(f"regreen: {' '.join(text.split())}", err=True)
    sys.exit(code)


def _report_bug(error: BaseException) -> None:
    from bot.bug_report import write_bug_report

    path = write_bug_report(error)
    _die(f"this is a bug in regreen ({type(error).__name__}); the report to send is {path}", BUG)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="regreen")
def cli() -> None:
    """Turn a red CI run green, and prove it.

    Start in a checkout whose CI is red:

    \b
        regreen fix
    """


def replay_options(command: F) -> F:
    """The options that say what is replayed, and how; `replay` and `fix` share them."""
    for option in reversed(
        (
            PATH,
            click.option(
                "--workflow", "workflows", multiple=True, metavar="FILE", help="Only this workflow; may be repeated."
            ),
            click.option("--job", "jobs", multiple=True, metavar="ID", help="Only this job, and what it needs."),
            click.option("--matrix", multiple=True, metavar="KEY:VALUE", help="Only legs with this matrix value."),
            click.option("--event", metavar="NAME", default="", help="The event (default: push, else pull_request)."),
            click.option("--event-file", type=FILE, help="JSON payload of the event."),
            click.option("--repository", metavar="OWNER/NAME", default="", help="What github.repository is."),
            click.option("--ref", metavar="REF", default="", help="What github.ref is."),
            click.option("--input", "inputs", multiple=True, metavar="K=V", help="Input of a dispatched workflow."),
            click.option(
                "--secret",
                "secrets",
                multiple=True,
                metavar="NAME",
                help="Secret; its value is taken from the environment.",
            ),
            click.option("--secret-file", "secret_files", multiple=True, type=FILE, help="Secrets, as K=V lines."),
            click.option("--var", "variables", multiple=True, metavar="K=V", help="Configuration variable (vars.K)."),
            click.option(
                "--local-action",
                "local_actions",
                multiple=True,
                metavar="OWNER/NAME@REF=DIR",
                help="Action from a folder.",
            ),
            click.option(
                "--as-of",
                metavar="TIME",
                default="now",
                help="With packages as they were then: 2026-01-31, 2026-01-31T12:00Z (default: now).",
            ),
            click.option(
                "--network", type=click.Choice(["none", "registries", "all"]), help="What replayed code may reach."
            ),
            click.option(
                "--backend", type=click.Choice(["host", "docker", "github"]), help="Where jobs run (default: host)."
            ),
            click.option("--committed", is_flag=True, help="Leave uncommitted changes out."),
            JSON,
        )
    ):
        command = option(command)
    return command


@cli.command()
@replay_options
@click.option("--junit", type=FOLDER, metavar="FILE", help="Write the result to a file as JUnit XML, too.")
@click.option(
    "--compare", type=(FILE, FILE), metavar="A B", help="Replay nothing; compare two results of replay --json."
)
@click.option(
    "--drift",
    metavar="COMMIT",
    default="",
    help="Which release broke this commit, that was green when it was made (or --as-of)?",
)
def replay(**given: Any) -> int:
    """Replay the checkout's workflow in a sandbox.

    \b
    Example:  regreen replay --workflow ci.yml --job test --matrix python:3.12
              regreen replay --json > after.json; regreen replay --compare before.json after.json
              regreen replay --drift v1.2.0

    Exit code 0 when every job succeeded or was skipped, 1 when one failed, 3 when it cannot be replayed here. With
    --compare, 1 when something got worse from A to B.
    """
    with _view(as_json=given["as_json"]) as view:
        if given["compare"]:
            return _compare(view, *given["compare"])
        app, options = _app(given, view)
        if options.backend != "github":
            view.announce(options)
        if given["drift"]:
            report = app.drift(options, given["drift"])
            view.drift(report)
            return CODES.get(report.result_now or report.result_then, MachineError.exit_code)
        if options.backend == "github":
            result, why = _there(app, options, view)
        else:
            result = app.replay(options)
            why = app.explain(result)
        if given["junit"]:
            from bot.junit import junit

            given["junit"].write_bytes(junit(result, why))
        view.replay_result(result, app.cache, why)
    return CODES.get(result.result, MachineError.exit_code)


def _there(app: "App", options: "ReplayOptions", view: "View") -> "tuple[ReplayResult, dict[str, Diagnosis]]":
    from bot.hosted import connect, name_on_github

    name = options.repository or name_on_github(app, os.environ)
    if not name:
        raise UsageError("--backend github: the checkout has no repository there", hint="give --repository OWNER/NAME")
    return connect(name, os.environ, view.voices).replay_there(app, options)


def _compare(view: "View", first: Path, second: Path) -> int:
    from bot.arguments import told_result
    from bot.replay.compare import compare

    changes = compare(told_result(first), told_result(second))
    view.changes(changes)
    return HONEST_NO if any(c.worse for c in changes) else OK


@cli.command()
@replay_options
@click.option("--no-llm", is_flag=True, help="Ask no language model.")
@click.option(
    "--max-cost",
    type=_dollars,
    metavar="USD",
    help="Spend at most so much on language models (default 2.00).",
)
@click.option(
    "--max-duration",
    "--max-minutes",
    type=_minutes,
    metavar="TIME",
    help="Stop after so many minutes, or 90s, 10m, 1h (default 30).",
)
@click.option(
    "--prefer",
    type=click.Choice(["cost", "reliability", "speed"]),
    help="What decides which model is asked first (default cost).",
)
@click.option("--tier", type=click.Choice(["small", "medium", "large"]), help="The tier of models to begin with.")
@click.option("--agent", is_flag=True, help="Let every model work in several steps.")
@click.option(
    "--dry-run",
    "--explain-plan",
    is_flag=True,
    help="Only replay, and say what would be tried, in which order, at what chance, price and time.",
)
@click.option(
    "--branch", "delivery", flag_value="branch", default="branch", help="Leave the fix on a branch (default)."
)
@click.option("--apply", "delivery", flag_value="apply", help="Apply the fix to the working tree.")
@click.option("--patch", type=FOLDER, metavar="FILE", help="Write the fix to a file.")
@click.option(
    "--log",
    type=FILE,
    metavar="FILE",
    help="Log of the run that failed; it has to fail that way here.",
)
@click.option(
    "--green",
    metavar="COMMIT|TIME",
    default="",
    help="When it was green: look for the release of a dependency that broke it since, and leave that out.",
)
@RUN
@REPO
def fix(**given: Any) -> int:
    """Find out why the checkout's workflow is red, fix it, and prove the fix by replaying.

    \b
    Example:  regreen fix                       leaves the fix on a branch regreen/...
              regreen fix --workflow ci.yml --apply
              regreen fix --green 2026-01-31
              regreen fix --run URL             of a failed run on GitHub, and proposes the fix there

    Exit code 0 when it is green or fixed, 1 when it is not (the report says why).
    """
    from bot.model import Constraints, Delivery

    constraints = Constraints(
        max_usd=given["max_cost"], prefer=given["prefer"], tier=given["tier"], agent=given["agent"]
    )
    with _view(as_json=given["as_json"]) as view:
        if given["run"]:
            return _fix_on_github(given, constraints, view)
        app, options = _app(given, view)
        view.announce(options)
        if given["dry_run"]:
            result, plans = app.forecasts(options, constraints)
            view.plans(plans, app.settings.llm)
            if plans:
                return OK
            view.unplanned(result)
            return CODES.get(result.result, MachineError.exit_code)
        patch = given["patch"]
        delivery = Delivery(kind="patch", patch=str(patch.absolute())) if patch else Delivery(kind=given["delivery"])
        reported = app.diagnose(given["log"], app.settings.diagnosis.max_tokens) if given["log"] else None
        minutes = app.settings.fix.max_minutes
        incident = app.open_incident(options, delivery, minutes, green=given["green"], constraints=constraints)
        return _finish(app, view, incident, reported)


def _fix_on_github(given: dict[str, Any], constraints: "Constraints", view: "View") -> int:
    if given["dry_run"]:
        raise UsageError(
            "--dry-run goes with a checkout", hint="leave --run out, in a checkout of the commit of the run"
        )
    environ = {**os.environ, **_of_this_call(given)}
    on, run = _run_on_github(given["run"], given["repo"], given["path"], view, environ)
    return _shown(view, on.repair(on.failure(run), asked_by=on.github.login, constraints=constraints))


@cli.command()
@click.argument("url")
@click.option("-m", "why", metavar="WHY", default="", help="Why, for the pull request.")
@JSON
def revert(url: str, why: str, as_json: bool) -> int:
    """Find the commit that broke a branch on GitHub, prove its revert, and propose that as a pull request.

    URL is that of a red run, whose culprit is looked for, or of the merged pull request or the commit to revert.

    \b
    Example:  regreen revert https://github.com/owner/name/actions/runs/123
              regreen revert https://github.com/owner/name/pull/45 -m "it can wait"

    Exit code 0 when a revert is proposed that turns the branch green, 1 when not (the report says why).
    """
    from bot.arguments import change_of
    from bot.hosted import connect, server_of_environment

    with _view(as_json=as_json) as view:
        if change := change_of(url, server_of_environment(os.environ)):
            name, number, commit = change
            on = connect(name, os.environ, view.voices)
            pull = on.github.pull(number) if number else None
            return _shown(view, on.revert(pull=pull, commit=commit, why=why, asked_by=on.github.login))
        on, run = _run_on_github(url, "", Path(), view)
        return _shown(view, on.revert(run=run, why=why, asked_by=on.github.login))


@cli.command()
@PATH
@click.option("--diff", type=click.File("rb"), metavar="FILE", help="Judge this diff (- is standard input).")
@click.option("--base", metavar="REV", help="Judge what changed since the checkout left this revision.")
@click.option("--committed", is_flag=True, help="Leave uncommitted changes out.")
@click.option("--allow", multiple=True, metavar="RULE", help="Do not hold the change to this rule; may be repeated.")
@click.option("--as-fix", is_flag=True, help="Hold it to what fixes of Regreen are held to: scope limits, files of CI.")
@JSON
def guard(
    path: Path,
    diff: BinaryIO | None,
    base: str | None,
    *,
    committed: bool,
    allow: tuple[str, ...],
    as_fix: bool,
    as_json: bool,
) -> int:
    """Say whether a change hides failures instead of repairing them: tests, checks or their settings weakened.

    \b
    Example:  git diff HEAD | regreen guard --diff -
              regreen guard --base origin/main

    Exit code 0 when it is accepted, 1 when it is refused; then each line says where, by which rule, and why.
    """
    from bot.review import MAX_DIFF_BYTES, Asked, refused_lines, refused_row, review

    if (diff is None) == (base is None):
        raise UsageError("give either --diff FILE or --base REV", hint="see regreen guard --help")
    content = diff.read(MAX_DIFF_BYTES + 1) if diff else None
    asked = Asked(content, base or "", committed=committed, allow=frozenset(allow), as_fix=as_fix)
    found = review(path, os.environ, asked)
    click.echo(json.dumps(refused_row(found)) if as_json else "\n".join(refused_lines(found)))
    return HONEST_NO if found else OK


@cli.command()
@click.argument("incident")
@CHECKOUT
@click.option("--secret", "secrets", multiple=True, metavar="NAME", help="Secret that the incident was opened with.")
@click.option("--secret-file", "secret_files", multiple=True, type=FILE, help="The same, as K=V lines.")
@JSON
def resume(incident: str, path: Path, secrets: tuple[str, ...], secret_files: tuple[Path, ...], as_json: bool) -> int:
    """Go on with an incident that was interrupted, from its last checkpoint.

    \b
    Example:  regreen resume 0123456789ab
    """
    from bot.app import App
    from bot.arguments import secrets_of

    with _view(as_json=as_json) as view:
        values = secrets_of(secrets, secret_files)
        record = _known(_plain_app(path, view), incident)
        if missing := set(record.options.secrets) - set(values):
            raise UsageError(
                f"the incident was opened with the secret {min(missing)}", hint="give it again with --secret"
            )
        local = {name: Path(folder) for name, folder in record.options.local_actions.items()}
        return _finish(App(path, os.environ, view.voices, secrets=values, local_actions=local), view, record)


def _finish(app: "App", view: "View", incident: "Incident", reported: Any = None) -> int:
    try:
        done = app.fix(incident, reported)
    except KeyboardInterrupt:
        view.say(f"everything up to here is saved; go on with: regreen resume {incident.id}")
        raise
    return _shown(view, done)


def _shown(view: "View", done: "Incident") -> int:
    from bot.model import Verdict

    view.incident(done)
    return OK if done.verdict in (Verdict.GREEN, Verdict.FIXED) else HONEST_NO


def _run_on_github(
    text: str, repo: str, path: Path, view: "View", environ: Mapping[str, str] = os.environ
) -> "tuple[OnGitHub, Run]":
    """Regreen on the repository of a run, and the run, by its URL or its id."""
    from bot.arguments import run_of
    from bot.hosted import connect, name_on_github, server_of_environment

    here = repo or name_on_github(_plain_app(path, view), environ)
    name, number, attempt = run_of(text, here, server_of_environment(environ))
    on = connect(name, environ, view.voices)
    return on, on.github.run(number, attempt)


@cli.command()
@click.argument("path", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--log",
    "logs",
    type=FILE,
    multiple=True,
    help="A log or a run's zip, may be repeated: what failed alike is told once. Without one, and without PATH, "
    "standard input.",
)
@click.option(
    "--max-tokens", type=click.IntRange(min=1), default=2000, help="Length of the excerpt, in tokens of 4 characters."
)
@click.option("--junit", "reports", type=FILE, multiple=True, help="A test report of the job, in JUnit's XML.")
@click.option("--passed", type=FILE, help="A log of a run that passed: what stands there too counts for little.")
@click.option("--green", metavar="COMMIT", default="", help="A commit that was green, for the suspects (with PATH).")
@click.option("--workflow", "workflows", multiple=True, metavar="FILE", help="Replay only this one (PATH, no --log).")
@RUN
@REPO
@JSON
def diagnose(
    path: Path | None,
    logs: tuple[Path, ...],
    max_tokens: int,
    reports: tuple[Path, ...],
    passed: Path | None,
    green: str,
    workflows: tuple[str, ...],
    run: str,
    repo: str,
    as_json: bool,
) -> int:
    """Say of a CI log why it is red: the cause, its place, the failing tests.

    With the PATH of a checkout of the commit that failed, say where that comes from, too: which commits are suspect,
    what became of such failures before, what is ruled out, and what to do. Without a log the checkout is replayed.

    \b
    Example:  regreen diagnose --log job.txt
              gh run view 123 --log-failed | regreen diagnose
              regreen diagnose --log job.txt --green v1.2 .
              regreen diagnose .
              regreen diagnose --run URL
    """
    with _view(as_json=as_json) as view:
        if run:
            on, found_run = _run_on_github(run, repo, path or Path(), view)
            jobs = [(job.name, one) for job, one in on.failure(found_run).jobs]
            view.diagnoses([(found_run.html_url, jobs)])
            return OK
        if path is None and (green or workflows):
            raise UsageError("--green and --workflow go with the PATH of a checkout", hint="for instance: .")
        app = _plain_app(path or Path(), view)
        if path and not logs:
            return _diagnose_checkout(app, view, workflows, green)
        if reports and len(logs) > 1:
            raise UsageError("--junit goes with one log", hint="diagnose one log at a time")
        source: Any = list(logs) or [iter(lambda: sys.stdin.buffer.read(1 << 20), b"")]
        found = [(str(one), app.diagnose_jobs(one, max_tokens, reports, passed)) for one in source]
        view.diagnoses(found, app.investigate([one for _, jobs in found for _, one in jobs], green) if path else ())
    return OK


def _diagnose_checkout(app: "App", view: "View", workflows: tuple[str, ...], green: str) -> int:
    from bot.model import ReplayOptions

    options = ReplayOptions(workflows=workflows, network=app.settings.replay.network)
    view.announce(options)
    result, found = app.diagnose_checkout(options, green)
    if not found:
        view.replay_result(result, Path(), {})
        return CODES.get(result.result, MachineError.exit_code)
    view.diagnoses([(name, [("", one)]) for name, one, _ in found], [where for *_, where in found])
    return OK


@cli.command()
@PATH
@REPO
@click.option("--api", is_flag=True, help="Say what that has cost of GitHub's limit, and what is left of it.")
@JSON
def status(path: Path, repo: str, api: bool, as_json: bool) -> int:
    """List the incidents of a checkout, or of a repository on GitHub, the newest first.

    \b
    Example:  regreen status
              regreen status --repo owner/name --api
    """
    if api and not repo:
        raise UsageError("--api: a checkout asks nothing of GitHub", hint="give --repo owner/name")
    with _view(as_json=as_json) as view:
        if repo:
            from bot.hosted import connect

            on = connect(repo, os.environ, view.voices)
            view.incidents(on.app().checkpoints.incidents())
            if api:
                view.voices.say(on.github.usage.told())
            return OK
        view.incidents(_plain_app(path, view).checkpoints.incidents())
    return OK


@cli.command()
@click.argument("incident")
@click.option("--trajectory", is_flag=True, help="Also every step of agents, and what came of it.")
@CHECKOUT
@JSON
def show(incident: str, trajectory: bool, path: Path, as_json: bool) -> int:
    """Show everything about one incident.

    \b
    Example:  regreen show 0123456789ab
    """
    with _view(as_json=as_json) as view:
        view.incident(_known(_plain_app(path, view), incident), everything=True, trajectory=trajectory)
    return OK


@cli.command()
@PATH
@JSON
def doctor(path: Path, as_json: bool) -> int:
    """Check what Regreen needs of this machine, and say how to get what is missing.

    \b
    Example:  regreen doctor
    """
    from bot.doctor import check_models, check_up

    with _view(as_json=as_json) as view:
        app = _plain_app(path, view)
        found = [*app.check_up(), *check_up(app, os.environ, view.voices), check_models(app, os.environ)]
        return OK if view.checks(found) else MachineError.exit_code


@cli.command()
@PATH
@click.option("--action", metavar="OWNER/NAME@COMMIT", default="", help="The Action that the workflow uses.")
@click.option(
    "--mode", type=click.Choice(["pull-request", "suggest", "push"]), help="What becomes of fixes (default: asked)."
)
@click.option("--hardened", is_flag=True, help="Divide the workflow: the job that runs code has no token.")
@click.option("--yes", is_flag=True, help="Ask nothing; what is there already stays as it is.")
def init(path: Path, action: str, mode: str | None, *, hardened: bool, yes: bool) -> int:
    """Write the workflow that runs Regreen on GitHub, and its settings, into a checkout.

    With GITHUB_TOKEN it also looks whether Actions may open pull requests. The hardened workflow has three jobs, makes
    fixes that cost nothing, and no reverts.

    \b
    Example:  regreen init
              regreen init --yes --action OWNER/NAME@COMMIT
              regreen init --hardened
    """
    from bot.doctor import check_up
    from bot.init import init as write
    from bot.init import own_action

    view = _view(as_json=False)
    app = _plain_app(path, view)
    write(app, action, mode or "", yes=yes, own=own_action(os.environ, view.voices), hardened=hardened)
    view.checks(check_up(app, os.environ, view.voices))
    return OK


@cli.command(hidden=True)
def action() -> int:
    """Do what the event of a GitHub Actions runner asks for; what the Action runs."""
    from bot.action import act

    # Not by the view, which breaks lines: none may become a command of the runner.
    act(os.environ, lambda text: click.echo(text, err=True))
    return OK


@cli.group()
def config() -> None:
    """Show or check the settings."""


@config.command("show")
@PATH
@JSON
def config_show(path: Path, as_json: bool) -> int:
    """Print every setting, its value, and where it came from.

    \b
    Example:  regreen config show
    """
    with _view(as_json=as_json) as view:
        view.settings(_plain_app(path, view).settings)
    return OK


@config.command("validate")
@click.argument("file", type=FILE, default=Path(".github/regreen.yml"))
def config_validate(file: Path) -> int:
    """Check a settings file; every mistake is named with its line.

    \b
    Example:  regreen config validate .github/regreen.yml
    """
    from bot.settings import read_settings

    read_settings(file.read_text("utf-8", "replace"), str(file), {})
    click.echo(f"{file}: valid")
    return OK


@cli.command()
@click.option(
    "--folder",
    type=FOLDER,
    help="Where to make the demo project (default: a new temporary folder).",
)
@JSON
def demo(folder: Path | None, as_json: bool) -> int:
    """Make a small project with a red workflow and fix it.

    \b
    Example:  regreen demo
    """
    from bot.demo import run_demo

    with _view(as_json=as_json) as view:
        return OK if run_demo(folder, os.environ, view).as_expected else HONEST_NO


def _view(*, as_json: bool) -> "View":
    from bot.view import View

    return View(as_json=as_json)


def _plain_app(path: Path, view: "View") -> "App":
    from bot.app import App

    return App(path, os.environ, view.voices)


def _app(given: dict[str, Any], view: "View") -> tuple["App", "ReplayOptions"]:
    from bot.app import App
    from bot.arguments import local_actions_of, options_of, secrets_of

    secrets = secrets_of(given["secrets"], given["secret_files"])
    local = local_actions_of(given["local_actions"])
    environ = {**os.environ, **_of_this_call(given)}
    app = App(given["path"], environ, view.voices, secrets=secrets, local_actions=local)
    return app, options_of(given, app.settings.replay.network, secrets, local)


def _of_this_call(given: dict[str, Any]) -> dict[str, str]:
    """What the call itself says, as settings of the environment."""
    told = {"REGREEN_LLM_USE": "never"} if given.get("no_llm") else {}
    bounds = {"REGREEN_LLM_MAX_USD_INCIDENT": "max_cost", "REGREEN_FIX_MAX_MINUTES": "max_duration"}
    return told | {name: str(given[key]) for name, key in bounds.items() if given.get(key) is not None}


def _known(app: "App", incident: str) -> "Incident":
    found = app.checkpoints.load(incident)
    if found is None:
        raise UsageError(f"there is no incident {incident}", hint="regreen status lists them")
    return found
