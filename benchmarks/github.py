"""What GitHub is asked for: `python -m benchmarks.github [--write]`, a minute on two cores.

Counts the requests of Regreen's own commands on a hub of the tests, and those of the same done with PyGithub as anybody
would write it. Ends with 1 when a figure misses its target; `--write` puts the table into benchmarks/github.md, too.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import github
import httpx
from github.Repository import Repository

from tests.e2e.desk import Desk
from tests.e2e.stories import Apply, Below, Event, Story
from tests.e2e.test_github_action import GRANTED
from tests.hub import Hub

HERE = Path(__file__).parent
MOST_REQUESTS, MOST_WRITES = 25, 8
TITLE, TEXT = "Fix CI", "Why, and how it was proven."
Naive = Callable[[github.Github, Story], None]


@dataclass(frozen=True)
class Row:
    name: str
    requests: int
    writes: int
    free: int
    pushes: int
    naive: tuple[int, int]
    most: tuple[int, int]

    @property
    def reached(self) -> bool:
        return self.requests <= self.most[0] and self.writes <= self.most[1]

    def told(self) -> str:
        at_most = f"{self.most[0]}, {self.most[1]}"
        ends = "yes" if self.reached else "**no**"
        naive = f"{self.naive[0]}, {self.naive[1]}"
        return f"| {self.name} | {self.requests}, {self.writes} | {self.free} | {self.pushes} | {naive} | {at_most} | {ends} |"


HEAD = [
    "| | requests, writes of them | 304s | git pushes | the same with PyGithub | at most | reached |",
    "|---|---|---|---|---|---|---|",
]


# --- the same, as anybody would write it ---


def pushed(story: Story, branch: str) -> None:
    """What `git push` does, which is no request to the API."""
    story.hub.push(story.desk.one, {"copy": "new\n"}, branch=branch, by="bob")


def checked(repo: Repository, commit: str) -> None:
    output: dict[str, str | list[dict[str, str | int]]] = {"title": TITLE, "summary": TEXT, "annotations": []}
    repo.create_check_run("naive", commit, status="completed", conclusion="success", output=output)


def naive_fix(hub: github.Github, story: Story) -> None:
    repo = hub.get_repo("octo/app")
    run = repo.get_workflow_run(story.ended.payload["workflow_run"]["id"])
    for job in run.jobs():
        if job.conclusion == "failure":
            httpx.get(job.logs_url(), follow_redirects=False)
    pushed(story, "naive")
    pull = repo.create_pull(base=repo.default_branch, head="naive", title=TITLE, body=TEXT)
    pull.add_to_labels("regreen")
    pull.create_issue_comment(TEXT)
    checked(repo, run.head_sha)


def naive_below(hub: github.Github, story: Story) -> None:
    repo = hub.get_repo("octo/app")
    run = repo.get_workflow_run(story.ended.payload["workflow_run"]["id"])
    for job in run.jobs():
        if job.conclusion == "failure":
            httpx.get(job.logs_url(), follow_redirects=False)
    for pull in repo.get_pulls(state="open"):
        if pull.head.sha == run.head_sha:
            for comment in pull.get_issue_comments():
                assert comment.body != TEXT
            pull.create_issue_comment(TEXT)
    checked(repo, run.head_sha)


def naive_poll(hub: github.Github, _: Story) -> None:
    repo = hub.get_repo("octo/app")
    for pull in repo.get_pulls(state="open"):
        for run in repo.get_workflow_runs(head_sha=pull.head.sha):
            assert run.conclusion
    for run in repo.get_workflow_runs(branch=repo.default_branch):  # type: ignore[arg-type]  # a name does as well
        assert run.status


def naive_apply(hub: github.Github, story: Story) -> None:
    repo = hub.get_repo("octo/app")
    pull = repo.get_pull(story.ended.payload["workflow_run"]["pull_requests"][0]["number"])
    repo.get_collaborator_permission("bob")
    pushed(story, pull.head.ref)
    comment = list(pull.get_issue_comments())[-1]
    comment.create_reaction("rocket")
    comment.edit(TEXT)


def naive_skip(hub: github.Github, story: Story) -> None:
    repo = hub.get_repo("octo/app")
    run = repo.get_workflow_run(story.ended.payload["workflow_run"]["id"])
    assert run.status


# --- what is counted ---


@contextmanager
def told(kind: type[Story]) -> Iterator[Story]:
    with tempfile.TemporaryDirectory(prefix="regreen-bench-") as name, Hub(Path(name) / "hub").serving() as hub:
        os.environ["XDG_CACHE_HOME"] = f"{name}/cache"
        yield kind(Desk(hub, Path(name)))


def counted(hub: Hub) -> tuple[int, int, int, int]:
    """Requests that count, writes among them, 304s, git pushes. A query of GraphQL is a POST that writes nothing."""
    queries = sum(asked.path == "/graphql" for asked in hub.requests)
    free = sum(asked.status == 304 for asked in hub.requests)
    return hub.counted(), hub.writes() - queries, free, hub.pushes()


def measured(
    name: str,
    kind: type[Story],
    work: Callable[[Story], object],
    naive: Naive,
    most: tuple[int, int],
    *,
    before: int = 0,
) -> Row:
    """`before`: how often the story is told first, by its own event and then by sweeps, before it is counted."""
    with told(kind) as story:
        for number in range(before):
            done = story.sweep() if number else story.start()
            assert done.returncode == 0, done.stderr
        story.hub.forget_requests()
        work(story)
        requests, writes, free, pushes = counted(story.hub)
    with told(kind) as story:
        client = github.Github(
            auth=github.Auth.Token(story.desk.token), base_url=story.hub.url, seconds_between_writes=0
        )
        story.hub.forget_requests()
        naive(client, story)
        return Row(name, requests, writes, free, pushes, counted(story.hub)[:2], most)


def skipped(story: Story) -> None:
    found = [d for d in story.hub.webhooks.deliveries if d.event == "workflow_run"]
    story.react(next(d for d in found if d.payload["action"] == "requested"), "hasty.py")


def swept_by_another(story: Story) -> None:
    """As the next job of Actions does it: its token is a new one."""
    story.desk.token = story.hub.job_token(story.desk.one, dict.fromkeys(GRANTED, "write"))
    story.sweep()


def rows() -> Iterator[Row]:
    limit = (MOST_REQUESTS, MOST_WRITES)
    yield measured("a fix, from the red run to its pull request", Event, lambda s: s.start(), naive_fix, limit)
    yield measured("a fix below a contributor's pull request", Below, lambda s: s.start(), naive_below, limit)
    yield measured("the command `apply`", Apply, lambda s: s.start(), naive_apply, limit)
    yield measured("an event that nothing follows from", Event, skipped, naive_skip, (0, 0))
    yield measured("an unchanged poll", Event, lambda s: s.sweep(), naive_poll, (0, 0), before=2)
    yield measured("the same by another job of Actions", Event, swept_by_another, naive_poll, limit, before=2)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    print("\n".join(HEAD))
    found = []
    for row in rows():
        found.append(row)
        print(row.told(), flush=True)
    if write:
        table = "\n".join([*HEAD, *(row.told() for row in found)])
        (HERE / "github.md").write_text(TEXT_OF_PAGE.format(table=table), encoding="utf-8")
    return 0 if all(row.reached for row in found) else 1


TEXT_OF_PAGE = """# What GitHub is asked for

`python -m benchmarks.github --write`, on a hub of the tests, with a token as a job has it.

{table}

- Requests are those that GitHub counts: a 304 is free, and git's own are not counted. The writes include the reactions.
- A fix keeps a checkpoint after each stage, and each of them is a push of git.
- An unchanged poll costs nothing where the token and the cache stay. ETags hold for one token only, and each job of Actions has a new
  one: there a poll costs its requests.
- With PyGithub there is no look whether a pull request, a comment or a check is there already, so that whatever happens twice is
  made twice; and what is proposed there is one file that is known beforehand.
"""

if __name__ == "__main__":
    sys.exit(main())
