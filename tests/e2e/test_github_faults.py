"""Whatever goes wrong at whatever call to GitHub: one pull request, one comment, and nothing that is lost."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.e2e.desk import Desk
from tests.e2e.stories import STORIES, Story
from tests.e2e.test_github_action import BOT
from tests.hub import Hub, faults
from tests.hub.faults import What
from tests.hub.routing import Request

WHATS: dict[str, Callable[[], What]] = {
    "500": lambda: faults.unavailable(500),
    "502 after the effect": lambda: faults.unavailable(502, after=True),
    "dropped": faults.dropped,
    "dropped after the effect": lambda: faults.dropped(after=True),
    "primary limit": faults.primary_limit,
    "secondary limit": faults.secondary_limit,
    "secondary limit, unnamed": lambda: faults.secondary_limit(None, 429),
    "missing permission": faults.missing_permission,
    "may not open pulls": faults.may_not_open_pulls,
    "against a rule": faults.against_a_rule,
    "not there yet": faults.not_yet_there,
    "exists already": faults.already_exists,
    "expired token": faults.expired_token,
    "gone": faults.logs_gone,
}
OF_GIT = ("500", "502 after the effect", "dropped", "dropped after the effect")
OF_PEOPLE = ("missing permission", "may not open pulls", "against a rule", "exists already")
"""What people have to mend: what needs the permission is left out, or they do it by hand."""
REFUSALS = (*OF_PEOPLE, "not there yet", "expired token", "gone")
"""What a command may be answered with instead of being carried out; all others pass."""
GIT = (".git/info/refs", "/git-upload-pack", "/git-receive-pack")
SMOKE = [
    ("event", "dropped after the effect", 7),
    ("event", "expired token", 8),
    ("below", "502 after the effect", 10),
    ("apply", "secondary limit, unnamed", 3),
]


def api(request: Request) -> bool:
    return not request.path.endswith(GIT)


def git(request: Request) -> bool:
    return request.path.endswith(GIT)


def told(done: CompletedProcess[str], about: str) -> str:
    """What a program said; it has ended well, or with one clear line."""
    whole = f"{about}: {done.returncode}\n{done.stdout}{done.stderr}"
    assert "Traceback" not in done.stderr, whole
    assert done.returncode in (0, 1, 2, 3), whole
    if done.returncode:
        assert len([line for line in done.stderr.splitlines() if line.startswith("regreen: ")]) == 1, whole
    return whole


def survives(story: Story, what: str, call: int, when: Callable[[Request], bool] = api) -> bool:
    """Whether there was such a call at all. A fault there is made good by a sweep, or by who has asked."""
    about = f"{type(story).__name__}, {what} at {call}"
    fault = story.hub.fault(WHATS[what](), when, nth=call)
    whole = told(story.start(), about)
    fault.times = 0
    if not fault.struck:
        return False
    if not story.whole:
        whole += told(story.sweep() if story.swept else story.start(), "again")
    assert story.whole or what in OF_PEOPLE, whole
    assert not story.refused or what in REFUSALS, whole
    whole += told(story.start(), "once more")
    try:
        story.check()
    except AssertionError as e:
        raise AssertionError(whole) from e
    return True


@pytest.mark.parametrize(("name", "what", "call"), SMOKE)
def test_a_fault_is_survived(desk: Desk, name: str, what: str, call: int) -> None:
    assert survives(STORIES[name](desk), what, call)


def archived(story: Story) -> None:
    story.desk.one.archived = True


def moved(story: Story) -> None:
    story.hub.push(story.desk.one, {"more": "\n"}, by="bob", branch=branch_of(story), message="More [skip ci]\n")


def rewritten(story: Story) -> None:
    git, ref = story.desk.one.git, f"refs/heads/{branch_of(story)}"
    git("update-ref", ref, git.commit({"copy": b"old\n"}, "Anew\n", "bob", [git.resolve(f"{ref}~1")]))


def deleted(story: Story) -> None:
    story.desk.one.git("update-ref", "-d", f"refs/heads/{branch_of(story)}")


def closed(story: Story) -> None:
    client = story.hub.client(story.hub.token("octo"))
    for pull in story.desk.pulls():
        client.patch(f"/repos/octo/app/pulls/{pull.number}", json={"state": "closed"})


def stopped(story: Story) -> None:
    client = story.hub.client(story.hub.token("octo"))
    for pull in story.desk.pulls():
        client.post(f"/repos/octo/app/issues/{pull.number}/labels", json={"labels": ["regreen: stop"]})


def branch_of(story: Story) -> str:
    return str(story.ended.payload["workflow_run"]["head_branch"])


HAPPENINGS = {
    ("event", "archived"): archived,
    ("event", "moved"): moved,
    ("event", "rewritten"): rewritten,
    ("event", "closed"): closed,
    ("below", "archived"): archived,
    ("below", "moved"): moved,
    ("below", "rewritten"): rewritten,
    ("below", "deleted"): deleted,
    ("below", "closed"): closed,
    ("below", "stopped"): stopped,
    ("apply", "moved"): moved,
    ("apply", "rewritten"): rewritten,
    ("apply", "deleted"): deleted,
    ("apply", "closed"): closed,
}
"""What people do meanwhile, and in which story."""
SMOKE_OF_HAPPENINGS = [("event", "archived", 12), ("below", "deleted", 9), ("apply", "rewritten", 6)]


def abandoned(story: Story, what: str, call: int) -> bool:
    """Whether there was such a call at all. What people do behind it is respected, and told in one line at most."""
    happens = HAPPENINGS[story.name, what]
    fault = story.hub.fault(What(change=lambda body: (happens(story), body)[1]), api, nth=call)
    about = f"{story.name}, {what} behind {call}"
    whole = told(story.start(), about)
    fault.times = 0
    if not fault.struck:
        return False
    head = story.desk.one.git.resolve(branch_of(story))
    for again in (story.sweep, story.start):
        whole += told(again(), "again")
    ours = [pull for pull in story.desk.pulls() if pull.author.login == BOT]
    assert (len(ours) <= 1, len(story.branches()) <= 1) == (True, True), whole
    assert all(len(story.comments(pull.number)) <= 1 for pull in story.desk.pulls()), whole
    assert len(story.checks(story.ended.payload["workflow_run"]["head_sha"])) <= 1, whole
    assert story.desk.one.git.resolve(branch_of(story)) == head, whole  # what people have pushed stays as it is
    return True


@pytest.mark.parametrize(("name", "what", "call"), SMOKE_OF_HAPPENINGS)
def test_what_people_do_meanwhile_is_respected(desk: Desk, name: str, what: str, call: int) -> None:
    assert abandoned(STORIES[name](desk), what, call)


def campaign(name: str, survives: Callable[[Story, int], bool], root: Path, patch: pytest.MonkeyPatch) -> None:
    """What may happen at the first call, at the second ... until there are no more; all that is wrong is told."""
    wrong, call, more = [], 0, True
    while more:
        call += 1
        patch.setenv("XDG_CACHE_HOME", str(root / f"cache{call}"))
        with Hub(root / f"hub{call}").serving() as hub:
            try:
                more = survives(STORIES[name](Desk(hub, root)), call)
            except AssertionError as e:
                wrong.append(str(e))
    print(f"{name}: {call - 1} calls, {len(wrong)} not survived")
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.campaign
@pytest.mark.parametrize("what", WHATS)
@pytest.mark.parametrize("name", STORIES)
def test_every_fault_at_every_call(name: str, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign(name, lambda story, call: survives(story, what, call), tmp_path, monkeypatch)


@pytest.mark.campaign
@pytest.mark.parametrize("what", OF_GIT)
@pytest.mark.parametrize("name", STORIES)
def test_every_fault_of_git(name: str, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign(name, lambda story, call: survives(story, what, call, git), tmp_path, monkeypatch)


@pytest.mark.campaign
@pytest.mark.parametrize(("name", "what"), HAPPENINGS)
def test_people_at_every_call(name: str, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign(name, lambda story, call: abandoned(story, what, call), tmp_path, monkeypatch)
