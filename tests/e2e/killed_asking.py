"""Runs the command line and dies by SIGKILL around a question to a model: `killed_asking.py MOMENT NUMBER ARGS...`."""

import sys
from collections.abc import Callable
from typing import Any

from bot.cli import main
from bot.model import Incident
from bot.state.checkpoints import Checkpoints
from tests.e2e.dying import Death

MOMENT, death = sys.argv.pop(1), Death(int(sys.argv.pop(1)))


def around(method: Callable[..., Any]) -> Callable[..., Any]:
    def called(self: Checkpoints, *args: Any) -> Any:
        if f"before {method.__name__}" == MOMENT:
            death.reached()
        found = method(self, *args)
        if f"after {method.__name__}" == MOMENT:
            death.reached()
        return found

    return called


def saved(method: Callable[[Checkpoints, Incident], Incident]) -> Callable[[Checkpoints, Incident], Incident]:
    def called(self: Checkpoints, incident: Incident) -> Incident:
        found = method(self, incident)
        last = incident.attempts[-1] if incident.attempts else None
        put_down = {"attempt": last, "step": last and last.steps, "candidate": last and last.diff and not last.verdict}
        if put_down.get(MOMENT):
            death.reached()
        return found

    return called


Checkpoints.reserve = around(Checkpoints.reserve)  # type: ignore[method-assign]
Checkpoints.settle = around(Checkpoints.settle)  # type: ignore[method-assign]
Checkpoints.save = saved(Checkpoints.save)  # type: ignore[assignment, method-assign]
main()
