"""What the stages ask of the world, as Protocols; adapters fulfil them and app.py wires them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from socket import socket
from typing import Any, Protocol

from bot.llm import Passage, Reply, Turn
from bot.model import Attempt, Candidate, Diagnosis, Incident, Model, Reservation, Step, Sums


class Git(Protocol):
    """Plumbing in one git directory, with the caller's and the repository's configuration kept from running code.

    Hooks, fsmonitor, filters and external diffs are off; only plumbing subcommands are let through.
    """

    @property
    def git_dir(self) -> Path:
        """The absolute git directory."""
        ...

    def run(self, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None, timeout: float = 600) -> bytes:
        """Run `git ARGS` and return its standard output.

        Raises `GitFailed` when git exits with an error; `Transient` when it gave no answer: it needed longer than
        `timeout` seconds, was killed, or found a lock.
        """
        ...

    def try_run(self, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> bytes | None:
        """Like `run`, but None when git exits with an error: for questions whose answer may be no."""
        ...


class Checkout(Model):
    """A git checkout on this machine.

    `git_dir` holds its index, `common_dir` its objects and refs (another folder in a linked work tree); `head` is a
    commit, `branch` empty when HEAD is detached; `origin` is the URL of the remote, if any.
    """

    root: Path
    git_dir: Path
    common_dir: Path
    head: str
    branch: str
    default_branch: str
    origin: str = ""


class Limits(Model):
    """What a sandbox may use: processes (a count), memory and disk (bytes), time (seconds)."""

    processes: int = 4096
    memory: int = 8 * 1024**3
    disk: int = 20 * 1024**3
    seconds: float = 6 * 3600


class SandboxSpec(Model):
    """One sandboxed process.

    `read_only` and `writable` map paths inside to paths of the host. `env` is all that the process gets. A writable
    path may have `layers` below it, the lowest first: it shows what is in them, and takes all writes.
    Only with the `network` `all` it has that of the machine; with `registries` its loopback has the `addresses`, too.
    `host` is what it calls its machine.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str
    read_only: Mapping[str, Path] = {}
    writable: Mapping[str, Path] = {}
    network: str = "none"
    limits: Limits = Limits()
    addresses: tuple[str, ...] = ()
    layers: Mapping[str, tuple[Path, ...]] = {}
    host: str = "runner"


class Sandboxed(Protocol):
    """A running sandbox."""

    @property
    def output(self) -> int:
        """The descriptor of its standard output and error, readable until it ends."""
        ...

    @property
    def exited(self) -> int:
        """A descriptor that becomes readable when the sandbox's own process has ended; `wait` closes it."""
        ...

    def kill(self, reason: str) -> None:
        """End everything in it now, what outlived the sandbox's own process included. The first reason is kept."""
        ...

    def wait(self) -> int:
        """Wait for its end; its exit code, negative for the signal that ended it."""
        ...

    @property
    def killed(self) -> str:
        """Why it was ended from outside (a limit, an interrupt), or the empty string."""
        ...


class Sandbox(Protocol):
    """Starts untrusted programs so that they can reach nothing but what they are given."""

    def start(self, spec: SandboxSpec) -> Sandboxed:
        """Start a sandbox. Raises `MachineError` when there is none that works: then nothing has run."""
        ...

    def nested(self, overlays: Mapping[str, tuple[str, str]], argv: Sequence[str], *, pid_namespace: bool) -> list[str]:
        """The command that, inside a sandbox, runs `argv` with writes to some folders going elsewhere.

        `overlays` maps a folder to the (upper, work) folders that take its writes; all are paths inside.
        """
        ...

    def stacks(self, folder: Path) -> bool:
        """Whether sandboxes can have layers in a folder, and `nested` still works on top of them."""
        ...

    @property
    def inner_mounts(self) -> Mapping[str, Path]:
        """What must be readable inside for `nested` to work."""
        ...


class Egress(Protocol):
    """What one leg reaches through the proxy."""

    def denied(self) -> tuple[str, ...]:
        """What was refused since this was asked last, in words that follow "the step", each once."""
        ...

    def close(self) -> None:
        """End its connections."""
        ...


class Contained(Model):
    """What a leg may have of a container engine: the image of its job, its `network` (as in the settings), and limits.

    `shares_loopback`: its containers have one loopback, as the services of a job that runs on the runner itself.
    """

    image: str
    network: str
    limits: Limits
    shares_loopback: bool = False


class Engine(Protocol):
    """A container engine, of which each leg sees what it made itself."""

    @property
    def problem(self) -> str:
        """Why it cannot be used, or the empty string."""
        ...

    def lacks(self, image: str, *, pull: bool, check: Callable[[], None]) -> str:
        """Why an image cannot be had, or the empty string. With `pull` it is asked for where the engine has it not.

        `check` is called with each word of progress; what it raises ends the pull.
        """
        ...

    def serve(self, listener: socket, leg: Contained) -> Egress:
        """Serve a listening unix socket as an engine, until it is closed; then all that was made there is removed.

        Raises `Unavailable` when the engine refuses what a leg needs.
        """
        ...


class Release(Model):
    """A version of a package, and when it appeared in its index."""

    package: str
    version: str
    released: datetime


class Proxy(Protocol):
    """Lets sandboxes reach the hosts that the network setting `registries` allows, and no others."""

    @property
    def certificates(self) -> Path:
        """The certificates (PEM) that a sandbox has to trust; it waits until they are made."""
        ...

    @property
    def loopback(self) -> Mapping[int, str]:
        """The indexes on this machine's own loopback: port -> `host:port`."""
        ...

    @property
    def hosts(self) -> Sequence[tuple[str, int]]:
        """Host and port of what else is allowed."""
        ...

    def serve(self, listener: socket) -> Egress:
        """Serve a listening unix socket until it is closed."""
        ...

    def notes(self) -> tuple[str, ...]:
        """What travelled in time and what did not, in words for people; nothing when nothing had to."""
        ...

    def releases(self) -> tuple[Release, ...]:
        """All releases, hidden ones included, of the packages that travelled."""
        ...

    def close(self) -> None:
        """End everything."""
        ...


class Toolchain(Model):
    """A tool that this machine has: its version, the folder of its programs, and what must be mounted for it."""

    kind: str
    version: str
    bin: Path
    program: str
    roots: tuple[Path, ...]
    wheels: tuple[Path, ...] = ()


class Toolchains(Protocol):
    """What this machine has to run jobs with."""

    def found(self) -> tuple[Toolchain, ...]:
        """Every toolchain, the preferred one of each kind first."""
        ...


class Sources(Protocol):
    """Git repositories of others, fetched without credentials into a cache that all replays share and none can write.

    Only what the setting `replay.sources` names is fetched, and no branch or tag is asked for twice. All methods raise
    `Unavailable` with the reason, in words, when something cannot be had.
    """

    def files(self, url: str, ref: str) -> Path:
        """A folder with the files of a branch, a tag or a commit (by all its 40 digits). It must not be written."""
        ...

    def repository(self, url: str, copy: Path) -> None:
        """Make a bare repository with all branches and tags. It shares packs with the cache: not to be written."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What people should know of what was served: what could not be asked for, and came from the cache."""
        ...


class Clock(Protocol):
    """Time, so that tests can have their own."""

    def now(self) -> datetime:
        """The time in UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait that many seconds."""
        ...


class Checkpoints(Protocol):
    """The records of all incidents, and the budgets, shared by every worker of the repository.

    Every write is one commit, there or not there. It raises `Transient` when the branch stays busy or its remote
    unreachable, `GitFailed` when git refuses, `UsageError` for an id or a name that is none.
    """

    def load(self, incident_id: str) -> Incident | None:
        """Read a record, None when there is none. One that does not validate is put aside, with a warning, and gone."""
        ...

    def incidents(self, *, waiting: bool = False) -> Iterator[Incident]:
        """All records as they are now, read as they are asked for, the one that was saved last first.

        `waiting`: those that have not ended, and no others are read.
        """
        ...

    def save(self, incident: Incident) -> Incident:
        """Save a record that descends from the saved one (`revision`), and return it as saved: redacted, revised.

        Raises `Conflict` when another worker changed it since: drop the own work, load, resume from there. Raises
        `Refused` when it cannot be saved without a secret or is too large.
        """
        ...

    def update(self, incident_id: str, change: Callable[[Incident], Incident]) -> Incident:
        """Save what `change` makes of the newest record, and return it; `change` is asked again after a lost race.

        What `change` raises ends it with nothing written. Raises `UsageError` when there is no such incident.
        """
        ...

    def claim(self, incident_id: str, owner: str, seconds: float) -> Incident:
        """Take the lease of an incident for that long, or prolong one's own; no two workers are the same `owner`.

        Raises `Conflict` while another holds it.
        """
        ...

    def release(self, incident_id: str, owner: str) -> Incident:
        """Give the lease back. Raises `Conflict` when another holds it by now."""
        ...

    def reserve(self, caps: Mapping[str, Decimal], incident_id: str, amount: Decimal, attempt: int = 0) -> Reservation:
        """Set dollars aside in several budgets at once: name, for instance `day/2026-11-20`, -> the most it may reach.

        Raises `OutOfMoney` when one of them forbids it; then nothing is set aside in any.
        """
        ...

    def settle(self, reservation: Reservation, actual: Decimal) -> None:
        """Replace a reservation by the dollars really spent, in all its budgets. Settling again changes nothing."""
        ...

    def reservations(self, budget: str) -> tuple[Reservation, ...]:
        """What is set aside and not settled; one whose incident has no live lease was left by a worker that died."""
        ...

    def spent(self, budget: str) -> Decimal:
        """The settled dollars of a budget."""
        ...

    def sums(self) -> Sums:
        """What all incidents add up to, dropped ones included."""
        ...

    def prune(self, older_than: datetime) -> int:
        """Drop incidents that are closed and were not changed since; their sums stay. Returns how many."""
        ...

    def compact(self, keep_days: float) -> bool:
        """Leave the branch's history behind when it reaches further back than that; the content stays."""
        ...


class Ran(Model):
    """What a request did: exit code, its output (the end of it, when it is long), seconds, and whether time ran out."""

    code: int
    output: str
    seconds: float
    timed_out: bool = False


class Executed(Model):
    """A program that the held step started: arguments, folder, environment; `code` is None when it became another."""

    argv: tuple[str, ...]
    cwd: str
    code: int | None
    program: str = ""
    env: Mapping[str, str] = {}


class Watched(Ran):
    """A run of the held step with every program that it started, in the order in which they ended."""

    programs: tuple[Executed, ...] = ()


class Written(Model):
    """A file of the workspace as a session left it; `content` is None where it, or all below it, was deleted."""

    path: str
    content: bytes | None
    executable: bool = False


class Session(Protocol):
    """A stack of writes over a job that is held at its failing step."""

    @property
    def workspace(self) -> str:
        """The checked out repository, as the job sees it."""
        ...

    @property
    def script(self) -> str:
        """The script of the held step, as its shell was given it."""
        ...

    def run(
        self, argv: Sequence[str], *, cwd: str = "", env: Mapping[str, str] | None = None, timeout: float = 600
    ) -> Ran:
        """Run a command, in the held step's folder and environment unless given others. Raises `Transient`."""
        ...

    def put(self, path: str, content: bytes | None) -> None:
        """Write a file of the repository, or (None) delete it. Raises `Transient`."""
        ...

    def rerun(self) -> Ran:
        """Run the held step again, within its own time limit."""
        ...

    def watch(self) -> Watched:
        """Run the held step again, within its own time limit, and see every program that it starts."""
        ...

    def written(self) -> tuple[Written, ...]:
        """What the session has changed in the repository."""
        ...


class Consultation(Protocol):
    """What a strategy has of one tier of models, within the budget of one attempt."""

    @property
    def turns(self) -> int:
        """How often the model may be asked."""
        ...

    @property
    def earlier(self) -> Sequence[Attempt]:
        """What was tried before at the same failure, and what came of it."""
        ...

    @property
    def objection(self) -> str:
        """What somebody wants changed of a fix that is in the commit already."""
        ...

    def prompt(self, name: str, **values: object) -> str:
        """Fill in a template of config/prompts."""
        ...

    def context(self) -> Sequence[str]:
        """What the model is shown: of the repository, of the failure, and in later attempts more. Each may be empty."""
        ...

    def ask(self, system: Sequence[Passage], turns: Sequence[Turn], tools: Sequence[Mapping[str, Any]] = ()) -> Reply:
        """Ask. Raises `OutOfBudget`, `OutOfMoney`, `Unanswered`, `UsageError`."""
        ...

    def edited(self, answer: str, over: Mapping[str, bytes | None] | None = None) -> tuple[Sequence[Written], str]:
        """The files that an answer changes, each as a whole, and what it takes for the cause.

        `over` are files that are others by now than in the commit (None: deleted). Raises `Misfit` when not all of the
        answer can be applied, `NoFix` when it says that it cannot.
        """
        ...

    def excerpt(self, output: str) -> str:
        """The part of a command's output that tells why it failed; all of a short one."""
        ...

    @property
    def done(self) -> Sequence[Step]:
        """What an agent did in this attempt before its process was ended."""
        ...

    def draft(self) -> Sequence[Written]:
        """The files that it had edited by then, as they were."""
        ...

    def step(self, tool: str, told: str, came: str, edited: Sequence[Written]) -> None:
        """Put down what an agent did, what came of it, and all that it has edited so far: another process goes on."""
        ...


class Tools(Protocol):
    """All that a strategy may do: look at the pristine tree, work on the bench, and make candidates."""

    @property
    def diagnosis(self) -> Diagnosis:
        """Why the part is red."""
        ...

    @property
    def unsafe_fixes(self) -> bool:
        """Whether fixes may be made that their tool calls unsafe."""
        ...

    @property
    def max_rounds(self) -> int:
        """How often a fix that uncovers the next complaint may go on."""
        ...

    @property
    def paths(self) -> frozenset[str]:
        """The regular files of the commit."""
        ...

    def read(self, path: str) -> str:
        """The text of a file of the commit; empty where it has none of that name, or it is no UTF-8."""
        ...

    def table(self, name: str) -> Any:
        """A table of config/, by its file name."""
        ...

    def session(self, *, fresh_step: bool = False) -> Session:
        """A session. With `fresh_step`, what the failing step itself had changed in tracked files is undone in it."""
        ...

    def left_behind(self, *, new_files: bool = False) -> tuple[Written, ...]:
        """What the job, up to its failing step, has changed in tracked files, and in files that git would add."""
        ...

    @property
    def consultation(self) -> Consultation | None:
        """The model to ask, where one is asked at all."""
        ...

    def candidate(
        self,
        changes: Sequence[Written],
        summary: str,
        *,
        safe: bool = True,
        rules: Sequence[str] = (),
        new_files: bool = False,
        step_green: bool = False,
        notes: Sequence[str] = (),
    ) -> Candidate | None:
        """The candidate of these changes, or None when they change nothing. Files that git does not track yet are
        left out unless `new_files`.

        Snapshot files are marked in its notes. Unless people have set `fix.snapshots`, new ones are left out and the
        rule `snapshot` cannot be had, so that the guard refuses changed ones.
        """
        ...
