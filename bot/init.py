"""`regreen init`: what a repository needs to have Regreen on GitHub, written into a checkout of it."""

import difflib
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import click
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.app import App, Voices
from bot.config_files import config_root
from bot.errors import UsageError
from bot.replay.selection import SUFFIXES, repository_of
from bot.replay.workflow import FOLDER, event_of, parse
from bot.settings import REPOSITORY_FILES

WORKFLOW = f"{FOLDER}regreen.yml"
SETTINGS = REPOSITORY_FILES[0]
MODES = ("pull-request", "suggest", "push")
ACTION = re.compile(r"[\w.-]+/[\w.-]+@[\w./-]+", re.ASCII)
USES = re.compile(rf"^ +(?:- )?uses: ({ACTION.pattern})$", re.ASCII | re.MULTILINE)
ON_GITHUB = ("https://github.com/", "git@github.com:", "ssh://git@github.com/")


def init(app: App, action: str, mode: str, *, yes: bool, own: str = "", hardened: bool = False) -> None:
    """Write the workflow and the settings, after asking, and say so on standard output; nothing is replaced unasked.

    `action` is `owner/name@ref` of the Action and `mode` what becomes of fixes, empty to ask; where the workflow names
    an Action already that one stays, else `own` is taken, which this installation is. `yes` asks nothing. `hardened`
    divides the workflow into jobs, so that what runs code has no token. Raises `UsageError` where the checkout has
    nothing that runs in CI.
    """
    root = app.checkout.root
    names = _workflows(root)
    click.echo(f"Regreen will look after: {', '.join(names)}")
    chosen = _action(action or _used(root) or own, yes=yes)
    workflow = _rendered("init_workflow", workflows=_flow(names), action=chosen, hardened=hardened)
    _offer(root, WORKFLOW, workflow, yes=yes)
    if there := next((name for name in REPOSITORY_FILES if (root / name).exists()), None):
        click.echo(f"{there}: is there already, and stays as it is")
    else:
        asked = "What shall become of fixes?"
        mode = mode or (MODES[0] if yes else click.prompt(asked, MODES[0], type=click.Choice(MODES)))
        _offer(root, SETTINGS, _rendered("init_settings", mode=mode), yes=yes)
    click.echo(
        f"It begins when these files are on the branch {app.checkout.default_branch}. To open pull requests it must be"
    )
    click.echo(
        "allowed to on GitHub: Settings, Actions, General, Allow GitHub Actions to create and approve pull requests."
    )


def own_action(environ: Mapping[str, str], voices: Voices) -> str:
    """The Action that this installation is, at its very commit, where it is a checkout from GitHub; else empty."""
    home = Path(__file__).resolve().parent.parent
    try:
        checkout = App(home, environ, voices).checkout
    except UsageError:
        return ""
    is_ours = checkout.root == home and checkout.origin.startswith(ON_GITHUB)
    return f"{repository_of(checkout)}@{checkout.head}" if is_ours else ""


def _workflows(root: Path) -> list[str]:
    """The names of the workflows that run on pushes or pull requests, as GitHub knows them."""
    names = []
    for file in sorted((root / FOLDER).glob("*")):
        path = f"{FOLDER}{file.name}"
        if file.suffix not in SUFFIXES or path == WORKFLOW:
            continue
        try:
            workflow = parse(file.read_bytes(), path)
        except UsageError as e:
            click.echo(f"left out: {e}", err=True)
            continue
        if event_of(workflow):
            names.append(workflow.name)
    if not names:
        hint = f"first let one in {FOLDER} check what is pushed"
        raise UsageError("no workflow here runs on pushes or pull requests", hint=hint)
    return list(dict.fromkeys(names))


def _used(root: Path) -> str:
    """The Action that the workflow uses already."""
    there = root / WORKFLOW
    found = USES.search(there.read_text("utf-8", "replace")) if there.exists() else None
    return found[1] if found else ""


def _action(given: str, *, yes: bool) -> str:
    if not given and yes:
        raise UsageError("which Action shall the workflow use?", hint="give it with --action OWNER/NAME@COMMIT")
    found: str = given or click.prompt("The Action that the workflow uses (OWNER/NAME@COMMIT)")
    if not ACTION.fullmatch(found):
        raise UsageError(f"--action: '{found}' is not OWNER/NAME@COMMIT")
    return found


def _flow(names: list[str]) -> str:
    """A list of texts in YAML; names of workflows may hold anything."""
    return json.dumps(names, ensure_ascii=False)


def _offer(root: Path, name: str, text: str, *, yes: bool) -> None:
    path = root / name
    if not path.resolve().is_relative_to(root.resolve()):
        raise UsageError(f"{name} leads out of the checkout", hint="a folder of it is a link")
    before = path.read_text("utf-8", "replace") if path.exists() else ""
    if before == text:
        click.echo(f"{name}: nothing changes")
        return
    click.echo("".join(difflib.unified_diff(before.splitlines(True), text.splitlines(True), name, name)))
    if not (not before if yes else click.confirm(f"Write {name}?", default=not before)):
        click.echo(f"{name}: stays as it is")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    click.echo(f"{name}: written")


def _rendered(name: str, **values: str | bool) -> str:
    return _templates().get_template(f"{name}.j2").render(**values)


@cache
def _templates() -> Environment:
    """As GitHub's own expressions stand in braces, what is filled in stands in brackets."""
    return Environment(  # noqa: S701 - YAML
        loader=FileSystemLoader(config_root() / "templates"),
        undefined=StrictUndefined,
        variable_start_string="[[",
        variable_end_string="]]",
        trim_blocks=True,
        keep_trailing_newline=True,
    )
