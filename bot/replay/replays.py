"""All replays of one incident: the clone they check out from, the plan they share, and the benches that they hold."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path

from bot.model import JobResult, ReplayResult
from bot.ports import Release
from bot.replay.caches import Given, Shelf
from bot.replay.layout import remove
from bot.replay.replayer import Plan, Progress, Replay, Tools
from bot.replay.source import Origin, Snapshot
from bot.replay.workbench import Benches, Look
from bot.replay.workflow import needs


class Replays:
    """Replays commits of one clone. `folder` is theirs alone; `close` removes all of it but the logs."""

    def __init__(
        self,
        folder: Path,
        origin: Origin,
        snapshot: Snapshot,
        plan: Callable[[str], Plan],
        tools: Tools,
        progress: Progress,
        check_time: Callable[[], None],
    ) -> None:
        self.folder, self.origin, self.snapshot = folder, origin, snapshot
        self._plan, self._tools, self._progress, self._check_time = plan, tools, progress, check_time
        self._numbers = count(1)
        self._open: list[Replay] = []
        self._shelf: Shelf | None = None

    def run(
        self, commit: str, *, hold: bool = False, only: str = "", look: Look | None = None
    ) -> tuple[ReplayResult, Benches]:
        """Replay a commit; the result, and what gives the bench of a leg that is held. See `Look`."""
        folder = self.folder / f"replay-{next(self._numbers)}"
        plan = self._plan(commit)
        given = Given(self._shelf_of(plan), trusted=commit == self.snapshot.commit)
        replay = Replay(folder, self.origin, plan, self._tools, self._progress, self._check_time, given)
        self._open.append(replay)
        return replay.run(hold=hold, only=only, look=look), replay.bench

    @property
    def workers(self) -> int:
        """How many legs run side by side."""
        return self._tools.workers

    def needs(self, commit: str) -> Mapping[str, frozenset[str]]:
        """The jobs that each job of the workflows of a commit needs, by the names of `job_of`."""
        found = self._plan(commit).workflows
        return {
            f"{workflow.path}:{job_id}": frozenset(f"{workflow.path}:{need}" for need in needs(job))
            for workflow, _ in found
            for job_id, job in workflow.jobs.items()
        }

    @staticmethod
    def job_of(leg: JobResult) -> str:
        """The job of the workflow that the event started which a leg belongs to, if only by a call."""
        return f"{leg.workflow}:{leg.id.split('/')[0]}"

    def _shelf_of(self, plan: Plan) -> Shelf | None:
        """The caches of these replays; none with secrets, which code of a shelf must not see nor leave there.

        What they hold depends on the files of the commit and on the options, not on what is filtered.
        """
        if plan.secrets or plan.options.network != "registries" or not self._tools.caches.max_bytes:
            return None
        if self._shelf is None:
            options = plan.options.changed(workflows=(), jobs=(), matrix=(), committed=False).as_json()
            repository = plan.workflows[0][1].repository
            self._shelf = self._tools.caches.shelf(f"{repository}\0{self.snapshot.tree}\0{json.dumps(options)}")
        return self._shelf

    def releases(self) -> tuple[Release, ...]:
        """What the indexes have told of, where packages travel in time."""
        proxy = self._tools.machine.proxy
        return proxy.releases() if proxy else ()

    def close(self) -> None:
        """End what is held and remove the workspaces; logs stay."""
        for replay in self._open:
            replay.close()
        self._open.clear()
        if self._shelf:
            self._shelf.close()
            if self._shelf.grown:
                self._tools.caches.prune()
            self._shelf = None
        if self._tools.machine.proxy:
            self._tools.machine.proxy.close()
        discard(self.folder)


def discard(folder: Path) -> None:
    """Remove everything but the logs from the folder of some `Replays`; what has gone already is no matter."""
    with suppress(FileNotFoundError):
        for part in list(folder.iterdir()):
            log = part / "log"
            for path in [p for p in part.iterdir() if p != log] if log.is_dir() else [part]:
                remove(path)
