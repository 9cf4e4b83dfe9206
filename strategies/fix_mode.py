"""Fix mode: the failing command is a checker that can fix what it complains of, so it is run in its fix mode.

The held step is watched, every checker in it is recognised by the table `fixers.yaml` whatever wrapper started it, and
is run again as the fix, in its own folder and environment. Then the step is watched anew: the next may complain now.
"""

from collections.abc import Iterator, Mapping, Sequence

from bot.model import Candidate, Category, Diagnosis, Incident
from bot.ports import Executed, Tools, Watched, Written
from strategies.commands import parsed, unwrap
from strategies.fixers import Fix, Fixer, complaints

NAME = "fix mode"
CATEGORIES = frozenset(Category) - {Category.DOCKER_BUILD, Category.TIMEOUT_OR_OOM}
SECONDS = 600
MAX_SECONDS = 1800
MAX_WATCHES = 50
PRESENT = 'for path; do test -e "$path" || exit 1; done'

Contents = Mapping[str, Written]


def applies(diagnosis: Diagnosis, tree: frozenset[str]) -> bool:
    """Whether a checker may be behind the failure; of those that no signature knows, the category is only a guess."""
    return diagnosis.category in CATEGORIES and bool(tree)


def propose(incident: Incident, tools: Tools) -> Iterator[Candidate]:
    """Fix until the step is green or nothing changes any more; at most one candidate.

    Where only unsafe fixes are left that people have not allowed, it is made of them, so that its refusal names them.
    """
    repair = Repair(tools, tools.table("fixers.yaml"), unsafe=tools.unsafe_fixes)
    repair.run()
    if not repair.fixed and repair.could_go_on:
        repair = Repair(tools, repair.fixers, unsafe=True)
        repair.run()
    for name in repair.doubtful if repair.green else ():
        less = Repair(tools, repair.fixers, repair.without | {name}, unsafe=repair.may_be_unsafe)
        if name in repair.used and len(repair.used) > 1 and less.run():
            repair = less
    if repair.fixed:
        summary = f"Run {' and '.join(repair.used)} in fix mode{' with unsafe fixes' if repair.unsafe else ''}"
        candidate = tools.candidate(repair.fixed, summary, safe=not repair.unsafe, step_green=repair.green)
        if candidate:
            yield candidate


class Repair:
    """One go at the held step: its checkers are run as fixes until it is green or nothing helps any more.

    `used` are the checkers whose fixes count, `fixed` is what these have changed, `unsafe` whether one of them is
    unsafe. `doubtful` are those that complained while the step went on to others: it may put up with their complaints.
    """

    def __init__(
        self, tools: Tools, fixers: Sequence[Fixer], without: frozenset[str] = frozenset(), *, unsafe: bool
    ) -> None:
        """`without` names the checkers to leave alone; `unsafe`: unsafe fixes are made when no others are left."""
        self.fixers, self.without, self.may_be_unsafe = fixers, without, unsafe
        self.used: tuple[str, ...] = ()
        self.fixed: tuple[Written, ...] = ()
        self.green = self.unsafe = False
        self.doubtful: dict[str, None] = {}
        self._tools, self._session = tools, tools.session(fresh_step=True)
        self._watched: Watched | None = None
        self._before: Contents = {}
        self._done: dict[tuple[str, ...], Fix] = {}
        self._touched: set[str] = set()
        self._useless: set[tuple[str, ...]] = set()

    def run(self) -> bool:
        """Whether the step is green in the end."""
        self._before = self._contents()
        spent, idle, unsafe = self._watch(), 0, False
        for _ in range(MAX_WATCHES):
            todo = () if self.green else self._todo(unsafe=unsafe)
            if not todo and not self.green and self.may_be_unsafe and not unsafe:
                unsafe = True  # only what is left when the safe fixes have done what they can
                todo = self._todo(unsafe=True)
            if not todo or idle > self._tools.max_rounds or spent > MAX_SECONDS:
                break
            if not self._fix(todo):
                self._useless.update(f.key for f in todo)
                continue
            idle = 0 if any(f.key not in self._done for f in todo) else idle + 1
            self._done |= {f.key: f for f in todo}
            spent += self._watch()
            if self.green or not todo[0].quiet or any(not f.quiet for f in self._todo(unsafe=unsafe)):
                self._count()
        return self.green

    @property
    def could_go_on(self) -> bool:
        """Whether there are unsafe fixes left, which this go was not to make."""
        return not self.green and not self.may_be_unsafe and any(f.unsafe for f in self._todo(unsafe=True))

    def _watch(self) -> float:
        self._watched = self._session.watch()
        self.green = self._watched.code == 0
        return self._watched.seconds

    def _todo(self, *, unsafe: bool) -> tuple[Fix, ...]:
        """What to run: the checkers that complain by their exit code; only when none is left, those that may."""
        assert self._watched
        programs = self._watched.programs or written_down(self._session.script)
        found = [f for f in complaints(programs, self.fixers, unsafe=unsafe) if f.name not in self.without]
        for at, fix in enumerate(found):
            if fix.command and any(f.command and f.name != fix.name for f in found[at + 1 :]):
                self.doubtful[fix.name] = None
        left = [f for f in found if f.key not in self._useless]
        return tuple([f for f in left if not f.quiet] or left)

    def _fix(self, todo: Sequence[Fix]) -> bool:
        """Run the fixes; whether they, or the checks that fix by themselves, have changed anything."""
        now = self._contents()
        touched = different(self._before, now) if any(f.command is None for f in todo) else set()
        for fix in todo:
            if fix.command:
                self._start(fix, fix.command)
        self._before = self._contents()
        touched |= different(now, self._before)
        self._touched |= touched
        return bool(touched)

    def _start(self, fix: Fix, command: Sequence[str]) -> None:
        """Run a fix; by way of the check's caller where the program of the check was there only while it ran."""
        own = [word for word in unwrap(fix.program.argv).start if word.startswith("/")]
        if fix.caller and self._session.run(["sh", "-c", PRESENT, "sh", *own]).code:
            caller = fix.caller
            self._session.run(caller.argv, cwd=caller.cwd, env=caller.env, timeout=SECONDS)
        else:
            self._session.run(command, cwd=fix.program.cwd, env=fix.program.env, timeout=SECONDS)

    def _count(self) -> None:
        """Take what has been done so far for good."""
        now = self._contents()
        self.fixed = tuple(now[path] for path in sorted(self._touched) if path in now)
        self.used = tuple(dict.fromkeys(f.name for f in self._done.values()))
        self.unsafe = any(f.unsafe for f in self._done.values())

    def _contents(self) -> Contents:
        return {w.path: w for w in self._session.written()}


def different(before: Contents, after: Contents) -> set[str]:
    """The paths whose content differs."""
    return {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}


def written_down(script: str) -> tuple[Executed, ...]:
    """What a script starts by its own words: the fallback where it cannot be watched."""
    return tuple(Executed(argv, cwd="", code=1) for argv in parsed(script))
