"""What a run knows of itself: the `github` context, the event's payload, and the variables that act takes them from."""

from collections.abc import Iterable, Mapping
from typing import Any

from bot.model import Model
from bot.replay.expressions import Scope

SERVER = "https://github.com"
API = "https://api.github.com"


class Run(Model):
    """One run of a workflow, as GitHub would have started it.

    `sha` is the commit that is checked out; `ref` is full (`refs/heads/main`, `refs/pull/1/merge`); `base_ref` and
    `head_ref` are branch names and only set for pull requests.
    """

    repository: str
    sha: str
    ref: str
    event: str
    payload: Mapping[str, Any]
    default_branch: str = "main"
    actor: str = "octocat"
    base_ref: str = ""
    head_ref: str = ""
    run_id: str = "1"
    run_number: str = "1"
    workflow: str = ""
    workflow_path: str = ""
    variables: Mapping[str, str] = {}
    inputs: Mapping[str, Any] = {}

    @property
    def owner(self) -> str:
        """The owner of the repository."""
        return self.repository.split("/")[0]

    @property
    def ref_name(self) -> str:
        """The short name of the ref."""
        return self.ref.removeprefix("refs/heads/").removeprefix("refs/tags/").removeprefix("refs/pull/")

    def github(self) -> dict[str, Any]:
        """The `github` context, as far as it is known before a job starts."""
        return {
            "event_name": self.event,
            "event": dict(self.payload),
            "repository": self.repository,
            "repository_owner": self.owner,
            "sha": self.sha,
            "ref": self.ref,
            "ref_name": self.ref_name,
            "ref_type": "tag" if self.ref.startswith("refs/tags/") else "branch",
            "ref_protected": False,
            "base_ref": self.base_ref,
            "head_ref": self.head_ref,
            "actor": self.actor,
            "triggering_actor": self.actor,
            "run_id": self.run_id,
            "run_number": self.run_number,
            "run_attempt": "1",
            "workflow": self.workflow,
            "server_url": SERVER,
            "api_url": API,
            "graphql_url": f"{API}/graphql",
            "token": "",
        }

    def scope(self, needs: Mapping[str, Any], results: Iterable[str] | None = None) -> Scope:
        """What an expression of a job may name before the job starts.

        `results` are those of all jobs that it depends on, however far off: they decide the status functions. Without
        them those of `needs` do.
        """
        results = [need["result"] for need in needs.values()] if results is None else list(results)
        functions = {
            "success": lambda *_: all(r == "success" for r in results),
            "failure": lambda *_: any(r == "failure" for r in results),
            "always": lambda: True,
            "cancelled": lambda: False,
        }
        contexts = {
            "github": self.github(),
            "needs": dict(needs),
            "vars": dict(self.variables),
            "inputs": dict(self.inputs),
        }
        return Scope(contexts, functions)

    def act_variables(self) -> dict[str, str]:
        """The variables by which act is told what it would else make up."""
        github = self.github()
        names = (
            "event_name",
            "repository",
            "repository_owner",
            "ref",
            "ref_name",
            "ref_type",
            "base_ref",
            "head_ref",
            "actor",
            "triggering_actor",
            "run_id",
            "run_number",
            "run_attempt",
            "server_url",
            "api_url",
            "graphql_url",
            "sha",
        )
        told = {f"GITHUB_{name.upper()}": str(github[name]) for name in names}
        return told | {
            "SHA_REF": self.sha,
            "GITHUB_WORKFLOW_REF": f"{self.repository}/{self.workflow_path}@{self.ref}",
            "GITHUB_WORKFLOW_SHA": self.sha,
            "GITHUB_RETENTION_DAYS": "90",
            "GITHUB_REF_PROTECTED": "false",
            "RUNNER_NAME": "GitHub Actions 1",
            "RUNNER_ENVIRONMENT": "github-hosted",
        }


class History(Model):
    """What a payload tells of the commits: the one before (zeros when there is none), the message, the base's tip."""

    before: str
    message: str
    base_sha: str


def payload(event: str, repository: str, sha: str, ref: str, default_branch: str, history: History) -> dict[str, Any]:
    """A payload for an event of which none was given: its commonest fields, as GitHub documents them."""
    owner, name = repository.split("/", 1)
    user = {"login": owner, "type": "User"}
    told = {
        "repository": {
            "name": name,
            "full_name": repository,
            "private": False,
            "fork": False,
            "owner": user,
            "default_branch": default_branch,
            "html_url": f"{SERVER}/{repository}",
            "clone_url": f"{SERVER}/{repository}.git",
        },
        "sender": user,
    }
    if event.startswith("pull_request"):
        branch = ref.removeprefix("refs/heads/")
        repo = told["repository"]
        request = {
            "number": 1,
            "state": "open",
            "draft": False,
            "merged": False,
            "title": "",
            "body": "",
            "labels": [],
            "user": user,
            "head": {"ref": branch, "sha": sha, "repo": repo},
            "base": {"ref": default_branch, "sha": history.base_sha, "repo": repo},
        }
        return {"action": "synchronize", "number": 1, "pull_request": request, **told}
    if event == "push":
        commit = {"id": sha, "message": history.message, "author": {"name": owner, "email": ""}}
        return {
            "ref": ref,
            "before": history.before,
            "after": sha,
            "head_commit": commit,
            "commits": [commit],
            "created": False,
            "deleted": False,
            "forced": False,
            "pusher": {"name": owner},
            **told,
        }
    return told
