"""The commands in comments: lines `/regreen VERB` or `@BOTNAME VERB` that somebody wrote in their own words."""

import re
import shlex
import unicodedata
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Literal, get_args

import click

from bot.intake.own_lines import own_lines
from bot.model import Constraints, Model, Prefer, TierName, refuse_amount
from bot.text.inert import fenced, markdown

MOST = 5
"""How many commands of one comment are carried out."""
WIDTH = 100
UNSEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
"""Kinds of characters that can make a line look like another one: controls, turned writing, no width, no meaning."""
Verb = Literal[
    "fix", "diagnose", "apply", "retry", "replay", "revert", "status", "stop", "resume", "feedback", "ignore", "help"
]


class Command(Model, kw_only=True):
    """What somebody asks for. Only `fix` has `constraints`.

    `text` is what they say with it: why to revert, or their feedback, for which `good` is set.
    """

    verb: Verb
    constraints: Constraints = Constraints()
    text: str = ""
    good: bool | None = None


class Mistake(Model, kw_only=True):
    """A command that cannot be understood; `text` is the answer, in Markdown, with the usage."""

    text: str


def is_addressed(comment: str) -> bool:
    """Whether a comment may have a command at all, whatever the bot is called: most have none."""
    return "/regreen" in comment.lower() or "@" in comment


def commands_of(comment: str, login: str) -> tuple[Command | Mistake, ...]:
    """The commands of a comment to the bot of that login, in order, and a mistake where there are more than `MOST`."""
    told = tuple(_told(comment, login))
    found = tuple(map(parse_command, told[:MOST]))
    return (*found, Mistake(text=f"Only the first {MOST} commands of a comment are read.")) if told[MOST:] else found


def parse_command(words: str) -> Command | Mistake:
    """What the words behind `/regreen` ask for."""
    try:
        with _GROUP.make_context("/regreen", _split(words)) as context:
            found: Command = _GROUP.invoke(context)
            return found
    except click.UsageError as e:
        return Mistake(text=f"{markdown(e.format_message())}\n\n{fenced(e.ctx.get_help()) if e.ctx else usage()}")


def usage() -> str:
    """All commands, in Markdown."""
    return fenced(click.Context(_GROUP, info_name="/regreen", terminal_width=WIDTH).get_help())


def _told(comment: str, login: str) -> Iterator[str]:
    """What stands behind `/regreen` or the mention, of each line that is a command."""
    name = re.escape(login.removesuffix("[bot]"))
    address = re.compile(rf"(?:/regreen|@{name}(?:\[bot\])?)(?=\s|$)", re.IGNORECASE | re.ASCII)
    if not address.search(comment):
        return  # most comments are none, and need not be parsed
    for line in own_lines(comment):
        if (match := address.match(line)) and not any(unicodedata.category(c) in UNSEEN for c in line if c != "\t"):
            yield line[match.end() :]


def _split(words: str) -> list[str]:
    """The words, of which `"` holds some together. An apostrophe does not: people write them in their feedback."""
    lexer = shlex.shlex(words, posix=True)
    lexer.whitespace_split, lexer.commenters, lexer.quotes, lexer.escape = True, "", '"', ""
    try:
        return list(lexer)
    except ValueError:
        raise click.UsageError('A quotation mark (") is not closed.') from None


def dollars(text: str) -> Decimal:
    """The amount of an option. Raises `click.BadParameter` for what nobody can spend."""
    try:
        amount = Decimal(text)
        refuse_amount(amount)
    except (ArithmeticError, ValueError):
        raise click.BadParameter(f"'{text}' is no amount of dollars.") from None
    return amount


class _Aliases(click.Group):
    """Knows `explain` as another word for `diagnose`."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, "diagnose" if cmd_name == "explain" else cmd_name)


def _verb(verb: Verb, help_text: str, *parameters: click.Parameter) -> click.Command:
    def command(**given: Any) -> Command:
        wanted = {name: given.pop(name) for name in Constraints.__struct_fields__ if name in given}
        return Command(verb=verb, constraints=Constraints(**wanted), **given)

    return click.Command(
        verb,
        callback=command,
        params=list(parameters),
        help=help_text,
        options_metavar="[OPTIONS]" if any(isinstance(p, click.Option) for p in parameters) else None,
        add_help_option=False,  # it would print
        context_settings={"ignore_unknown_options": verb == "feedback"},  # what looks like one is text there
    )


_GROUP = _Aliases(
    "regreen",
    [
        _verb(
            "fix",
            "Fix the failure and propose the fix.",
            click.Option(["--tier"], type=click.Choice(get_args(TierName)), help="The tier of models to begin with."),
            click.Option(
                ["--max-cost", "max_usd"], type=dollars, metavar="DOLLARS", help="What it may cost, in US dollars."
            ),
            click.Option(
                ["--prefer"], type=click.Choice(get_args(Prefer)), help="What decides which model is asked first."
            ),
            click.Option(["--agent"], is_flag=True, help="Let every model work in several steps."),
        ),
        _verb("diagnose", "Say why it is red (also: explain)."),
        _verb("apply", "Push the proposed fix onto this pull request's branch."),
        _verb("retry", "Run the failed jobs again."),
        _verb("replay", "Replay the failing run and say what it showed."),
        _verb(
            "revert",
            "Propose to revert the change that broke it.",
            click.Option(["-m", "text"], default="", metavar='"WHY"', help="Why, for the pull request."),
        ),
        _verb("status", "Say how far it has come."),
        _verb("stop", "Do nothing more here, until resume."),
        _verb("resume", "Go on where it stopped."),
        _verb(
            "feedback",
            "Say what you think of the proposal.",
            click.Argument(
                ["good"], metavar="good|bad", type=click.Choice(["good", "bad"]), callback=lambda _c, _p, v: v == "good"
            ),
            click.Argument(["text"], nargs=-1, type=click.UNPROCESSED, callback=lambda _c, _p, v: " ".join(v)),
        ),
        _verb("ignore", "Leave failures like this one alone from now on."),
        _verb("help", "Show this."),
    ],
    help="Commands in comments on GitHub.",
    add_help_option=False,
    no_args_is_help=False,
    options_metavar=None,
    subcommand_metavar="VERB [ARGS]...",
    context_settings={"terminal_width": WIDTH},
)
