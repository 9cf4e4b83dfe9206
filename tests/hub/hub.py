"""The hub itself: what a test sets up, what it asks, and what it lets happen."""

import itertools
import queue
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.hub import (
    events,
    rest_actions,
    rest_graphql,
    rest_issues,
    rest_pulls,
    rest_repositories,
    runs,
)
from tests.hub.archives import zip_of
from tests.hub.description import official
from tests.hub.faults import Fault, Faults, What, When
from tests.hub.git_store import GitStore
from tests.hub.routing import Request
from tests.hub.server import Server
from tests.hub.webhooks import Webhooks
from tests.hub.world import ACTIONS_BOT, Account, App, Artifact, Job, Pull, Repository, Run, Step, Token
from tests.servers import serving

ROUTED = (rest_actions, rest_graphql, rest_issues, rest_pulls, rest_repositories)  # importing them adds their routes
_WRITES = ("POST", "PATCH", "PUT", "DELETE")


@dataclass(frozen=True)
class Asked:
    """One request that the hub got; `status` is 0 where it gave no answer, a 304 and git's are not counted."""

    method: str
    path: str
    status: int
    counted: bool
    login: str
    template: str


class Hub:
    """See the package. `root` is a folder of its own, `beside` holds what else lives as long as it serves."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True)
        self.lock = threading.RLock()
        self.description = official()
        self.faults, self.webhooks = Faults(), Webhooks(self)
        self.accounts: dict[str, Account] = {}
        self.tokens: dict[str, Token] = {}
        self.apps: dict[str, App] = {}
        self.repositories: dict[str, Repository] = {}
        self.moved: dict[str, str] = {}
        self.blobs: dict[str, bytes] = {}
        self.actions: dict[str, Path] = {}
        self.runner_environment: dict[str, str] = {}
        self.queue: queue.SimpleQueue[tuple[Repository, Run]] = queue.SimpleQueue()
        self.requests: list[Asked] = []
        self.violations: list[str] = []
        self.beside = ExitStack()
        self._ids = itertools.count(1001)
        self.server = Server(self)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    @contextmanager
    def serving(self) -> Iterator["Hub"]:
        """Serve until the end."""
        with serving(self.server), self.webhooks.sending(), self.beside:
            yield self

    # --- what there is ---

    def user(self, login: str) -> Account:
        """The account of that name, made when there is none; `...[bot]` is a bot's."""
        if login not in self.accounts:
            kind = "Bot" if login.endswith("[bot]") else "User"
            self.accounts[login] = Account(self.next_id(), login, kind)
        return self.accounts[login]

    def token(self, login: str, **more: object) -> str:
        """A personal token of an account."""
        return self._token(Token(self.secret("ghp_"), self.user(login), **more))  # type: ignore[arg-type]

    def job_token(self, one: Repository, permissions: Mapping[str, str]) -> str:
        """A token as a job gets it (`GITHUB_TOKEN`), with permissions such as `{"contents": "write"}`."""
        own = {"metadata": "read", **permissions}
        return self._token(Token(self.secret("ghs_"), self.user(ACTIONS_BOT), own, one.name, job=True, limit=1000))

    def _token(self, token: Token) -> str:
        self.tokens[token.value] = token
        return token.value

    def app(self, slug: str, permissions: Mapping[str, str]) -> App:
        """A GitHub App that is installed for all repositories."""
        key = rsa.generate_private_key(65537, 2048)
        pem = serialization.Encoding.PEM
        private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
        own = {"metadata": "read", **permissions}
        self.apps[slug] = App(self.next_id(), slug, self.next_id(), private.decode(), public.decode(), own)
        return self.apps[slug]

    def repository(
        self, name: str, files: Mapping[str, str | bytes] | None = None, *, private: bool = False, **roles: str
    ) -> Repository:
        """A repository `owner/name` with a first commit of these files, which starts nothing; none leaves it empty.

        `roles` are those of others in it: read, triage, write, maintain, admin.
        """
        git = GitStore.made(self.root / "git" / f"{name}.git")
        owner = self.user(name.partition("/")[0])
        one = Repository(id=self.next_id(), owner=owner, name=name, git=git, private=private, roles=roles)
        for login in roles:
            self.user(login)
        self.repositories[name] = one
        if files:
            git("update-ref", "refs/heads/main", git.commit(files, "First\n", owner.login, []))
        return one

    def fork(self, one: Repository, login: str) -> Repository:
        """A fork of somebody."""
        name = f"{login}/{one.name.partition('/')[2]}"
        git = GitStore.made(self.root / "git" / f"{name}.git", source=one.git)
        self.repositories[name] = Repository(id=self.next_id(), owner=self.user(login), name=name, git=git, parent=one)
        return self.repositories[name]

    def delete(self, one: Repository) -> None:
        """Delete a repository; pull requests from it lose where they come from."""
        del self.repositories[one.name]
        for pull in (p for other in self.repositories.values() for p in other.pulls if p.head_repository is one):
            pull.head_repository = None

    def rename(self, one: Repository, name: str) -> None:
        """Give a repository another name; the old one leads there."""
        self.moved[one.name] = name
        self.repositories[name] = self.repositories.pop(one.name)
        one.name = name

    # --- what happens ---

    def push(
        self,
        one: Repository,
        files: Mapping[str, str | bytes | None],
        *,
        branch: str = "main",
        by: str = "",
        message: str = "Change\n",
        token: str = "",
    ) -> str:
        """Commit files on a branch (made from the default one when it is new) and let follow what follows a push."""
        with self.lock:
            before = one.git.refs()
            tip = before.get(f"refs/heads/{branch}") or before.get(f"refs/heads/{one.default_branch}")
            by = self.tokens[token].account.login if token else by or one.owner.login
            made = one.git.commit(files, message, by, [tip] if tip else [])
            one.git("update-ref", f"refs/heads/{branch}", made)
            self.refs_changed(one, before, self.tokens[token] if token else Token("", self.user(by)))
            return made

    def refs_changed(self, one: Repository, before: Mapping[str, str], token: Token | None) -> None:
        """Let follow what follows a push; `before` are the references as they were."""
        after = one.git.refs()
        for ref in sorted({*before, *after}):
            changed = before.get(ref) != after.get(ref) and ref.startswith(("refs/heads/", "refs/tags/"))
            if changed and token:
                events.pushed(self, one, ref, before.get(ref, ""), after.get(ref, ""), token)

    def schedule(self, one: Repository) -> list[Run]:
        """A tick of the clock for workflows with a schedule."""
        with self.lock:
            return events.happened(self, one, "schedule", {"schedule": "0 * * * *"}, None)

    def settle(self, most: int = 50) -> list[Run]:
        """Run what waits to run, and what follows from it, and send what is to be sent; the runs, in their order."""
        done: list[Run] = []
        while not self.queue.empty():
            one, run = self.queue.get()
            runs.execute(self, one, run)
            done.append(run)
            assert len(done) <= most, "runs start runs without end"
        self.webhooks.flush()
        return done

    @contextmanager
    def runner(self) -> Iterator[None]:
        """Run what waits to run at once, in a thread of its own, as long as this lasts."""
        stop = threading.Event()

        def work() -> None:
            while not stop.is_set():
                try:
                    one, run = self.queue.get(timeout=0.05)
                except queue.Empty:
                    continue
                runs.execute(self, one, run)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            self.settle()

    def add_run(
        self,
        one: Repository,
        log: str,
        *,
        sha: str = "",
        branch: str = "main",
        workflow: str = ".github/workflows/ci.yml",
        name: str = "CI",
        job: str = "test",
        conclusion: str = "failure",
        event: str = "push",
        pull: Pull | None = None,
        artifacts: Mapping[str, Mapping[str, bytes]] | None = None,
        then: Sequence[str] = (),
    ) -> Run:
        """A finished run of one job with that log, without running anything.

        `then` are the conclusions of further attempts.
        """
        head = sha or (pull.head_sha if pull else one.git.resolve(branch))
        source = (pull.head_repository if pull else one) or one
        run = Run(
            id=self.next_id(),
            number=1 + len(one.runs),
            name=name,
            workflow=workflow,
            event="pull_request" if pull else event,
            head_sha=head,
            head_branch=pull.head_ref if pull else branch,
            head_repository=source,
            actor=pull.author if pull else one.owner,
            sha=head,
            ref=f"refs/pull/{pull.number}/merge" if pull else f"refs/heads/{branch}",
        )
        one.runs[run.id] = run
        run.scripted = [[self._told(job, log, end, 2 + i)] for i, end in enumerate(then)]
        for title, files in (artifacts or {}).items():
            number = self.next_id()
            one.artifacts[number] = Artifact(id=number, run=run, name=title, zipped=zip_of(files))
        with self.lock:
            runs.finish(self, one, run, [self._told(job, log, conclusion, 1)])
        return run

    def _told(self, name: str, log: str, conclusion: str, attempt: int) -> Job:
        step = Step(name="Run tests", number=2, conclusion=conclusion, log=log if conclusion == "failure" else "")
        steps = [Step(name="Set up job", number=1), step]
        return Job(id=self.next_id(), attempt=attempt, name=name, conclusion=conclusion, steps=steps)

    def fault(self, what: What, when: When = "*", *, nth: int = 1, times: int = 1) -> Fault:
        """Let something go wrong at the `nth` request that fits, and at the next ones, `times` in all."""
        fault = Fault(when, what, nth, times)
        self.faults.planned.append(fault)
        return fault

    def client(self, token: str = "") -> httpx.Client:
        """Somebody who asks by hand, with a token or without."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return self.beside.enter_context(
            httpx.Client(base_url=self.url, headers=headers, trust_env=False, verify=False)
        )

    # --- what was asked ---

    def asked(self, request: Request, status: int, *, counted: bool) -> None:
        """Note a request."""
        login = request.token.account.login if request.token else ""
        self.requests.append(Asked(request.method, request.path, status, counted, login, request.template))

    def counted(self) -> int:
        """How many requests counted against limits so far."""
        return sum(asked.counted for asked in self.requests)

    def writes(self) -> int:
        """How many requests wrote something through the API so far."""
        return sum(asked.counted and asked.method in _WRITES for asked in self.requests)

    def pushes(self) -> int:
        """How many pushes of git there were so far."""
        return sum(asked.method == "POST" and asked.path.endswith("/git-receive-pack") for asked in self.requests)

    def forget_requests(self) -> None:
        """Count from here on."""
        self.requests.clear()

    # --- for the parts of the hub ---

    def next_id(self, count: int = 1) -> int:
        """A number that nothing has; the first of `count` such."""
        first, *_ = [next(self._ids) for _ in range(count)]
        return first

    def next_number(self, one: Repository) -> int:
        """The number of the next issue or pull request."""
        return len(one.issues) + 1

    def secret(self, prefix: str) -> str:
        """The value of a new token."""
        return prefix + secrets.token_hex(18)

    def blob(self, name: str, data: bytes) -> str:
        """The signed address of a file, on another host than the API's, as GitHub has it."""
        path = f"/_blobs/{secrets.token_hex(8)}/{name}"
        self.blobs[path] = data
        return f"http://localhost:{self.server.server_port}{quote(path)}?sig={secrets.token_hex(8)}"
