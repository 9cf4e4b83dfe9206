"""A GitHub small enough to run in a test: real HTTP, real git repositories, real workflow runs, faults on demand.

    def test_it(hub: Hub) -> None:
        one = hub.repository("octo/app", {".github/workflows/ci.yml": CI, "app.py": "..."}, bob="write")
        hub.push(one, {"app.py": "broken"}, by="bob")     # or a real `git push` to f"{hub.url}/octo/app.git"
        [run] = hub.settle()                               # runs what waits to run, with act
        api = hub.client(hub.token("bob"))                 # or anything that speaks to GITHUB_API_URL=hub.url
        hub.fault(faults.dropped(after=True), "POST */comments")
        assert hub.counted() <= 25

- `hub.url` is the API's address, that of pages, and that of git: `{hub.url}/owner/name.git`.
- Tokens: `hub.token(login)`, `hub.job_token(repository, permissions)` (as GITHUB_TOKEN: what it does starts no runs),
  `hub.app(slug, permissions)`; `hub.tokens[value].expires` and `.limit` can be set.
- Runs: `hub.settle()` runs what waits, in the test's thread; `with hub.runner():` does it in one of its own;
  `hub.add_run(repository, log)` puts a finished one there without running anything. `hub.actions` maps actions that
  workflows use (`owner/name`) to folders; `hub.runner_environment` is what the runner's machine has set.
- Webhooks: `hub.webhooks.deliveries`, `.url` to have them sent, `.hold()` and `.release(order)`, `.send(delivery)` again.
- What is asked and answered is held against GitHub's published description: `hub.violations`, which the fixture `hub`
  wants to be empty at the end.

Where it differs from GitHub: one token for all jobs of a run, with the permissions of all of them together; the jobs
that passed stand in a re-run as copies; `concurrency`, environments and approvals are not known; of GraphQL's schema it
fills in what a query and a mutation give. A new repository's Actions may open no pull requests, as on GitHub: set `actions_may_open_pulls`.
"""

from tests.hub import faults
from tests.hub.hub import Hub

__all__ = ["Hub", "faults"]
