"""Runs the command line and dies by SIGKILL right after the checkpoint with the given number was saved."""

import sys
from typing import Any

from bot.cli import main
from bot.state.checkpoints import Checkpoints
from tests.e2e.dying import Death

death = Death(int(sys.argv.pop(1)))


def killing(method: Any) -> Any:
    def saved(self: Checkpoints, *args: Any) -> Any:
        found = method(self, *args)
        death.reached()
        return found

    return saved


Checkpoints.save = killing(Checkpoints.save)  # type: ignore[method-assign]
Checkpoints.update = killing(Checkpoints.update)  # type: ignore[method-assign]
main()
