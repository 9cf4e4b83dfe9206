"""What people read on GitHub: it says what it should, and what others have written stays words."""

import re
from collections.abc import Callable, Iterator

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.model import Culprit, FailedRun, Incident, Looked, Part, Verdict
from bot.proposal import hosted, texts
from bot.proposal.message import commit_message, revert_message
from bot.text.own import MARKER
from tests.proposal import samples

HOSTILE = {
    "ticks": "`` ` ``` ~~~",
    "a mention": "@org/team @bob",
    "a reference": "fixes #12, closes GH-3",
    "HTML": "<img src=x onerror=alert(1)></details><script>x</script><!-- regreen:comment -->",
    "a command of the runner": "::set-env name=A::b\n::error::x\n##[group]y",
    "a command of a bot": "x\n/merge\n  /lgtm\n/regreen apply",
    "turned writing": "a\u202eb\u2066c\x1b[31m",
    "links": "https://evil.example www.evil.example [l](http://evil.example) ![i](http://evil.example/i) <http://evil.example>",
    "Markdown": "# h\n\n- **b**\n\n---\n| a |\n|---|\n| b |\n> [!WARNING]\n```\nx",
    "a long name": "tests/test_" + "x" * 300,
    "nothing": "",
    "a quotation mark": "'; rm -rf ~; '",
}
TEXTS: dict[str, Callable[[Incident], str]] = {
    "pull request": lambda i: texts.pull_request(i, [hosted.NO_CI]),
    "revert": lambda i: texts.pull_request(i.changed(culprit=culprit(i.reason)), [hosted.NO_CI]),
    "comment": lambda i: texts.comment(i, hosted.coming(i)),
    "review": lambda i: texts.review(i, 2),
    "diagnosis": lambda i: texts.diagnosis(run_of(i), i.parts),
    "answer": lambda i: texts.answer("bob", [texts.line(i.reason)], texts.comment(i, hosted.coming(i))),
    "closing": lambda i: texts.closing(f"{texts.branch(run_of(i))} is green again"),
    "compare link": lambda i: hosted.coming(i.changed(proposal=i.proposal and i.proposal.changed(kind="pull-request"))),
}
OURS = r"</?(?:details|summary|sub|code)(?: open)?>|<!-- regreen:[a-z0-9=]+ -->"


def culprit(text: str) -> Culprit:
    looked = Looked(commit="d" * 40, mark="red", told=text, seconds=1)
    subject = " ".join(text.split())
    return Culprit(
        told=text, commit="d" * 40, commits=3, green="e" * 40, subject=subject, author=text, looked=(looked,)
    )


def run_of(incident: Incident) -> FailedRun:
    assert incident.failed_run
    return incident.failed_run


def tokens(text: str) -> Iterator[Token]:
    """All pieces of a Markdown text as they would be shown."""
    for block in MarkdownIt("commonmark", {"html": True}).enable("table").parse(text):
        yield block
        yield from block.children or ()


@pytest.mark.parametrize("what", TEXTS)
@pytest.mark.parametrize("name", HOSTILE)
def test_what_others_write_stays_words(name: str, what: str) -> None:
    text = TEXTS[what](samples.saying(HOSTILE[name]))
    assert not re.search(r"[\u202a-\u202e\u2066-\u2069\x1b]", text)
    for line in text.splitlines():
        assert not re.match(r"\s*(?:/\w|::|##\[)", line), line
    for token in tokens(text):
        if token.type.startswith("html_"):
            for tag in re.findall(r"<[^>]*>", token.content):
                assert re.fullmatch(OURS, tag), tag
        elif token.type == "text":  # in code nothing is live
            assert not re.search(r"[@#]\w|GH-\d|://|www\.", token.content.replace("#12.", "")), token.content
        elif token.type == "link_open":
            assert str(token.attrs["href"]).startswith("https://github.com/octo/app/")
        assert token.type not in ("image", "hr") or what == "answer"


@pytest.mark.parametrize("name", HOSTILE)
def test_texts_keep_their_form(name: str) -> None:
    """No text of others begins a heading, ends a list, or swallows what follows."""
    plain, hostile = samples.saying("x"), samples.saying(HOSTILE[name])
    for what, told in TEXTS.items():
        shape = [t.type for t in tokens(told(plain)) if t.type in ("heading_open", "table_open", "fence", "html_block")]
        assert [
            t.type for t in tokens(told(hostile)) if t.type in ("heading_open", "table_open", "fence", "html_block")
        ] == shape, what


@pytest.mark.parametrize("is_revert", [False, True])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_commit_message_refers_to_nothing(name: str, *, is_revert: bool) -> None:
    incident = samples.saying(HOSTILE[name]).changed(culprit=culprit(HOSTILE[name]))
    fix = commit_message(incident, incident.parts, f"Run {HOSTILE[name]}")
    # A revert names the commit as git does: its subject is in the history already.
    message = revert_message(incident, ["e" * 40]).partition("\n")[2] if is_revert else fix
    assert not re.search(r"[@#]\w|GH-\d|://", message.replace("@users.noreply", ""))
    assert [line.split(" ")[:2] for line in message.splitlines() if re.match(r"[\w-]+: |\s*/|\s*::", line)] == [
        ["Regreen-Incident:", "a1b2c3d4e5f6"],
        ["Regreen-Evidence:", "B"],
        *([] if is_revert else [["Co-authored-by:", "bob"]]),
    ]


def test_a_title_names_what_is_proposed_and_not_what_was_tried_in_vain() -> None:
    assert texts.title(samples.fixed()) == "Fix CI: Run ruff in fix mode"


@pytest.mark.parametrize("name", HOSTILE)
def test_a_title_is_one_line(name: str) -> None:
    title = texts.title(samples.saying(HOSTILE[name]))
    assert title.isprintable()
    assert len(title) <= 120


def test_the_command_that_repeats_the_proof_is_safe_to_paste() -> None:
    text = texts.pull_request(samples.saying("a b; rm -rf ~"))
    assert "--workflow 'a b; rm -rf ~' --job 'a b; rm -rf ~' --matrix 'a b; rm -rf ~:a b; rm -rf ~'" in text


def test_why_nothing_could_be_replayed_is_told() -> None:
    assert "the job deploy runs on macos-15" in texts.comment(samples.unreplayable(), "")


def test_parts_tell_their_reason_once() -> None:
    text = texts.comment(samples.partly(), "")
    assert text.count("no strategy knows what to do about it") == 1
    assert "not fixed" in text
    assert "NOT" not in text


def test_runs_on_github_are_links() -> None:
    url = "https://github.com/octo/app/actions/runs/12"
    told = samples.fixed().changed(reason=f"its own CI is green: CI: success ({url}); see https://evil.example/runs/12")
    assert [t.attrs["href"] for t in tokens(texts.pull_request(told)) if t.type == "link_open"] == [
        samples.RUN.html_url,
        url,
    ]


def test_what_people_have_written_into_a_pull_request_stays() -> None:
    old, new = (texts.pull_request(samples.fixed().changed(reason=told)) for told in ("one", "two"))
    web = old.strip().replace("\n", "\r\n")  # as it comes when somebody has edited it there
    assert texts.renewed(f"Closes #3\r\n\r\n{web}\r\nNo hurry.", new) == f"Closes #3\r\n\r\n{new.strip()}\r\nNo hurry."
    assert texts.renewed(old, new).strip() == new.strip()


@pytest.mark.parametrize("left", ["", "Mine now.", samples.fixed().id])
def test_a_text_that_people_have_made_theirs_is_left_alone(left: str) -> None:
    text = texts.pull_request(samples.fixed())
    assert texts.renewed(left, text) == ""
    assert texts.renewed(text.replace(texts.END, left), text) == ""
    assert texts.renewed(text.replace(texts.marker(samples.fixed().id), left), text) == ""


def many(count: int) -> Incident:
    """As many failing legs."""
    legs = tuple(
        samples.part(samples.TESTS, Verdict.NOT_FIXED, job="test", matrix={"v": n}, reason="r" * 300)
        for n in range(count)
    )
    return samples.not_fixed().changed(parts=legs)


@pytest.mark.parametrize("what", ["pull request", "comment"])
def test_what_is_too_long_is_cut_with_a_link(what: str) -> None:
    incident = many(256).changed(proposal=samples.fixed("suggestion").proposal)
    text = TEXTS[what](incident)
    assert 60_000 < len(text) <= 65_000
    assert text.startswith(MARKER)
    assert text.rstrip().endswith(texts.END) or what == "comment"
    last = [t for t in tokens(text) if t.type == "inline"][-1]
    assert re.fullmatch(r"… cut here, [\d,]+ characters more: see \[the run\]\(\S+/runs/4711\)", last.content)


def test_a_place_that_many_legs_name_is_annotated_once() -> None:
    again = tuple(Part(workflow="w", job=f"lint {n}", diagnosis=samples.LINT) for n in range(60))
    (row,) = hosted.annotations(samples.fixed().changed(parts=again))
    assert (row.path, row.start_line, row.title) == ("shop/cart.py", 1, "lint 0")
