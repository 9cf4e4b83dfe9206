"""What replays work with, made of this machine, the settings and the tables of config: the composition root, too."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from bot.adapters.bubblewrap import Bubblewrap
from bot.adapters.container_engine import ContainerEngine
from bot.adapters.indexes import without_folders
from bot.adapters.limits import cores, free_memory, legs_at_once
from bot.adapters.machine import execute_only_act, execute_only_python, git_transports, passed_in
from bot.adapters.proxy import Proxy
from bot.adapters.system_clock import SystemClock
from bot.adapters.toolchains import LocalToolchains
from bot.adapters.workers import is_running
from bot.config_files import config_root
from bot.model import ReplayOptions, TestCounts
from bot.ports import Limits, Sandbox, Sources
from bot.replay.actions import StandIns
from bot.replay.backends import DOCKER, Backends
from bot.replay.caches import Caches
from bot.replay.layout import OVERLAID
from bot.replay.prepare import Machine
from bot.replay.replayer import Tools
from bot.replay.runs import tidy
from bot.replay.side_effects import SideEffects
from bot.settings import ReplaySettings
from bot.text.redact import Redactor
from bot.yaml12 import load

WHOLE = "it is for whole workflows alone: regreen replay --backend github"
"""Why no single job is given to GitHub: a push starts them all."""


@dataclass(frozen=True)
class Wiring:
    """Makes the tools of replays. `cache_folder` is where programs and packages are kept."""

    environ: Mapping[str, str]
    cache_folder: Path
    settings: ReplaySettings
    sources: Sources
    redactor: Redactor

    def backends(self, order: Iterable[str]) -> Backends:
        """The backends of an order of preference, and what keeps each from being used."""
        engine = ContainerEngine(self.environ)
        problems = {DOCKER: lambda: engine.problem, "github": lambda: WHOLE}
        return Backends(tuple(order), problems, engine, self.settings.images)

    def tools(self, checkout: Path, folder: Path, options: ReplayOptions, backends: Backends) -> Tools:
        """The tools of one replay in `folder`. Raises `MachineError` where this machine lacks something."""
        sandbox = Bubblewrap(outside=checkout, notes=self.cache_folder / "tools")
        return Tools(
            sandbox,
            self._machine(sandbox, checkout, folder, options),
            StandIns(_table("actions"), options.as_of),
            self._side_effects(),
            self.sources,
            _count_tests,
            _ran_tests,
            cache(lambda: _prepare(folder.parent)),
            self.redactor,
            self.settings.workers or legs_at_once(cores(), free_memory()),
            backends,
            Caches(self.cache_folder / "layers", _table("caches"), self.settings.max_cache_bytes, sandbox.stacks),
        )

    def _machine(self, sandbox: Sandbox, checkout: Path, folder: Path, options: ReplayOptions) -> Machine:
        settings, files = passed_in(self.environ, options.network)
        known = LocalToolchains(self.cache_folder / "toolchains.json", self.environ)
        toolchains = known.found()
        programs = self.cache_folder / "tools"
        hidden = tuple(OVERLAID.values())
        python, library = execute_only_python(programs, toolchains, hidden, config_root().parent)
        return Machine(
            execute_only_act(programs, checkout),
            python,
            library,
            toolchains,
            sandbox.inner_mounts,
            without_folders(settings) if options.as_of else settings,
            files,
            options.network,
            Limits(self.settings.max_processes, self.settings.max_memory_bytes, self.settings.max_disk_bytes),
            tuple(name for row in _table("runner_image")["commands"] for name in row),
            git_transports(),
            self._proxy(known.indexes(), folder, options) if options.network == "registries" else None,
        )

    def _proxy(self, defaults: Sequence[str], folder: Path, options: ReplayOptions) -> Proxy:
        packages = self.cache_folder / "packages"
        return Proxy.of(self.environ, defaults, self.settings.hosts, folder / "proxy", packages, options.as_of)

    def _side_effects(self) -> SideEffects:
        table = _table("side_effects")
        return SideEffects(
            (*table["actions"], *self.settings.side_effect_actions),
            (*table["commands"], *self.settings.side_effect_commands),
            tuple(table["building_actions"]),
            tuple(table["building_commands"]),
            tuple(table["harmless"]),
            table["inputs"],
            frozenset(self.settings.allow_side_effects),
        )


def _count_tests(log: Path | Iterable[bytes]) -> TestCounts:
    from bot.diagnosis import count_tests

    return count_tests(log)


def _ran_tests(lines: Iterable[bytes]) -> bool:
    from bot.diagnosis import ran_tests

    return ran_tests(lines)


def _prepare(runs: Path) -> None:
    """Do what a replay must not wait for: read the tables of diagnosis, import what its end needs, and tidy up after
    earlier commands."""
    import_module("tenacity")
    _count_tests([b"\n"])
    tidy(runs, SystemClock().now(), is_running)


def _table(name: str) -> Any:
    return load((config_root() / f"{name}.yaml").read_bytes(), f"{name}.yaml")
