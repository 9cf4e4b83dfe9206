from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.intake.commands import MOST, Command, Mistake, Verb, commands_of, parse_command, usage
from bot.model import Constraints

LOGIN = "regreen[bot]"
WHY = 'revert -m "it broke the build"'
FIX = Command(verb="fix")
# Every place where a line is not what somebody says: `%` stands for the command.
NOT_OWN = {
    "quote": "> %",
    "quote that goes on": "> said\n%",
    "quote of a quote": ">> %",
    "quote in HTML": "<blockquote>\n\n%\n\n</blockquote>",
    "fence": "```\n%\n```",
    "fence of tildes": "~~~\n%\n~~~",
    "fence with a language": "```sh\n%\n```",
    "long fence": "`````\n```\n%\n```\n`````",
    "fence that never ends": "```\n%",
    "fence that another does not end": "~~~~\n%\n~~~\n%",
    "indented fence": "  ```\n  %\n  ```",
    "fence in a list": "- ```\n  %\n  ```",
    "indented code": "    %",
    "code by a tab": "\t%",
    "inline code": "`%`",
    "inline code over lines": "see `a\n%\n` there",
    "longer inline code": "see ``a\n%\n`` there",
    "comment in HTML": "<!--\n%\n-->",
    "comment in HTML that never ends": "<!--\n%",
    "comment in a paragraph": "see <!-- a\n%\n--> there",
    "HTML": "<pre>\n%\n</pre>",
    "HTML in a paragraph": "see <code>\n%\n</code>",
    "HTML behind a tag that was not open": "see </b> <code>\n%\n</code>",
    "HTML around paragraphs": "<code>\n\n%\n\n</code>",
    "folded away": "<details>\n\n%\n\n</details>",
    "attribute": 'see <i title="\n%\n">there</i>',
    "list": "- %",
    "list that goes on": "- said\n%",
    "numbered list": "1. %",
    "heading": "# %",
    "underlined heading": "%\n===",
    "table": "%|x\n-|-\n%|y",
    "link": "[a\n%\n](https://a.example)",
    "image": "![a\n%\n](https://a.example)",
    "title of a link": '[a](https://a.example "\n%\n")',
    "title of a reference": '[a]: https://a.example "\n%\n"',
    "in a sentence": "say %",
    "bold": "**%**",
    "link of the command": "[%](https://a.example)",
    "escaped": "\\%",
    "entity": "&#47;regreen fix",
    "other name": "/regreenx fix",
    "other bot": "@regreener fix",
    "mail": "x@regreen fix",
    "path": "/regreen/fix",
    "no-break space": "/regreen\N{NO-BREAK SPACE}fix",
    "full width": "\N{FULLWIDTH SOLIDUS}regreen fix",
    "Cyrillic": "/r\N{CYRILLIC SMALL LETTER IE}green fix",
    "long s": "/regreen\N{COMBINING ACUTE ACCENT} fix",
    "Kelvin": "@\N{KELVIN SIGN} fix",
    "zero width": "%\N{ZERO WIDTH SPACE}",
    "zero width inside": "/re\N{ZERO WIDTH NON-JOINER}green fix",
    "turned writing": "% \N{RIGHT-TO-LEFT OVERRIDE}elpmas",
    "turned away": "\N{LEFT-TO-RIGHT ISOLATE}%",
    "control": "%\x07",
    "form feed": "/regreen\x0cfix",
    "line separator": "a\N{LINE SEPARATOR}%",
    "tag characters": "%\U000e0041",
    "half a character": "% \ud800",
}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("fix", {"verb": "fix"}),
        (
            "fix --tier small --max-cost 1.50 --prefer speed --agent",
            {
                "verb": "fix",
                "constraints": Constraints(tier="small", max_usd=Decimal("1.50"), prefer="speed", agent=True),
            },
        ),
        ("fix --max-cost=0", {"verb": "fix", "constraints": Constraints(max_usd=Decimal(0))}),
        ("diagnose", {"verb": "diagnose"}),
        ("explain", {"verb": "diagnose"}),
        ("apply", {"verb": "apply"}),
        ("retry", {"verb": "retry"}),
        ("replay", {"verb": "replay"}),
        ("revert", {"verb": "revert"}),
        (WHY, {"verb": "revert", "text": "it broke the build"}),
        ("status", {"verb": "status"}),
        ("stop", {"verb": "stop"}),
        ("resume", {"verb": "resume"}),
        ("feedback good", {"verb": "feedback", "good": True}),
        (
            "feedback bad it's *slow* --and `wide`",
            {"verb": "feedback", "good": False, "text": "it's *slow* --and `wide`"},
        ),
        (
            "feedback good see <https://a.example>",
            {"verb": "feedback", "good": True, "text": "see <https://a.example>"},
        ),
        ("feedback bad #12 had C:\\x", {"verb": "feedback", "good": False, "text": "#12 had C:\\x"}),
        ("ignore", {"verb": "ignore"}),
        ("help", {"verb": "help"}),
    ],
)
def test_every_verb_is_read_in_both_forms(words: str, told: dict[str, Any]) -> None:
    for said in (
        f"/regreen {words}",
        f"@regreen {words}",
        f"@Regreen[bot]\t{words}",
        f"Please:\r\n/regreen  {words} \r\n",
    ):
        assert commands_of(said, LOGIN) == (Command(**told),)


def test_every_verb_is_in_the_usage() -> None:
    assert all(f"\n  {verb} " in usage() for verb in get_args(Verb))


@pytest.mark.parametrize(
    "words", ["", "nope", "fi", "FIX", "fix other/repo#1", "f\N{CYRILLIC SMALL LETTER BYELORUSSIAN-UKRAINIAN I}x"]
)
def test_an_unknown_verb_gets_the_usage(words: str) -> None:
    (mistake,) = commands_of(f"/regreen {words}", LOGIN)
    assert isinstance(mistake, Mistake)
    assert "Usage: /regreen " in mistake.text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("fix --tier", "Option '--tier' requires an argument"),
        ("fix --tier ../x", "is not one of 'small', 'medium', 'large'"),
        ("fix --prefer luck", "is not one of 'cost', 'reliability', 'speed'"),
        ("fix --max-cost NaN", "no amount of dollars"),
        ("fix --max-cost -1", "no amount of dollars"),
        ("fix --max-cost 1e999999999", "no amount of dollars"),
        ("fix --max-cost much", "no amount of dollars"),
        ("fix --help", "No such option"),
        ("apply now", "unexpected extra argument"),
        ("feedback", "Missing argument"),
        ("feedback meh", "is not one of 'good', 'bad'"),
        ("revert -m it broke", "unexpected extra argument"),
        ('revert -m "it', "is not closed"),
    ],
)
def test_a_mistake_is_told_with_the_usage(words: str, told: str) -> None:
    mistake = parse_command(words)
    assert isinstance(mistake, Mistake)
    assert told in mistake.text
    assert "```\nUsage: /regreen" in mistake.text


def test_what_a_mistake_repeats_is_harmless() -> None:
    mistake = parse_command("@octo/all<img>")
    assert isinstance(mistake, Mistake)
    assert "@octo" not in mistake.text
    assert "<img>" not in mistake.text


@pytest.mark.parametrize("name", NOT_OWN)
def test_what_is_not_a_line_of_their_own_is_no_command(name: str) -> None:
    for said in ("/regreen fix", "@regreen fix"):
        assert commands_of(NOT_OWN[name].replace("%", said), LOGIN) == ()


@pytest.mark.parametrize("name", NOT_OWN)
def test_a_command_behind_it_counts_where_it_ends(name: str) -> None:
    goes_on = {"fence that never ends", "fence that another does not end", "comment in HTML that never ends"}
    before = NOT_OWN[name].replace("%", "/regreen help")
    assert commands_of(f"{before}\n\n/regreen fix", LOGIN) == (() if name in goes_on else (FIX,))


@pytest.mark.parametrize(
    "said",
    [
        "/regreen fix",
        "It is red again.\n/regreen fix\nThanks!",
        "`a` and `b`\n/regreen fix",
        "> quoted\n\n/regreen fix",
        "<!-- the <code> of a template -->\n\n/regreen fix",
        "<details><summary>Log</summary>\n\nred\n\n</details>\n\n/regreen fix",
        "one<br>\n/regreen fix",
        "one<BR>two\n/regreen fix",
        "/regreen fix <!-- hidden -->",
        "***\n/regreen fix",
        "   /regreen fix",
    ],
)
def test_a_line_of_a_paragraph_is_a_command(said: str) -> None:
    assert commands_of(said, LOGIN) == (FIX,)


def test_several_commands_are_read_in_order_up_to_a_limit() -> None:
    assert commands_of("/regreen stop\n/regreen nope\n\n@regreen fix", LOGIN)[::2] == (Command(verb="stop"), FIX)
    *read, last = commands_of("/regreen fix\n" * (MOST + 3), LOGIN)
    assert read == [FIX] * MOST
    assert isinstance(last, Mistake)
    assert str(MOST) in last.text


def test_a_person_whose_token_it_is_can_be_addressed() -> None:
    assert commands_of("@a.b fix", "a.b") == (FIX,)
    assert commands_of("@axb fix", "a.b") == ()


@settings(deadline=None)
@given(
    st.text(alphabet=st.characters())
    | st.lists(st.sampled_from([*NOT_OWN.values(), "/regreen ", "`", "<", "\n", '"', "-"])).map("".join)
)
@example("/regreen --")
@example("/regreen fix " + "\\" * 9)
def test_any_text_is_read(text: str) -> None:
    for said in (text, f"/regreen {text}", f"/regreen feedback good {text}"):
        assert all(isinstance(one, Command | Mistake) for one in commands_of(said, LOGIN))
