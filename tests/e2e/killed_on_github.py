"""Runs the command line on a clock that does not wait, and dies by SIGKILL at the boundary of effects with the given
number: before or after a push, which saves of checkpoints are too, or before or after a write to GitHub's API.
"""

import sys
from collections.abc import Callable
from typing import Any

from bot.adapters.git_plumbing import GitPlumbing
from bot.adapters.github_wire import Wire
from bot.cli import main
from tests.e2e.dying import Death
from tests.e2e.hasty import be_hasty

death = Death(int(sys.argv.pop(1)))


def bounded(method: Any, is_effect: Callable[[Any], bool]) -> Any:
    def called(self: Any, first: Any, *args: Any, **more: Any) -> Any:
        if not is_effect(first):
            return method(self, first, *args, **more)
        death.reached()
        found = method(self, first, *args, **more)
        death.reached()
        return found

    return called


GitPlumbing.run = bounded(GitPlumbing.run, lambda word: word == "push")  # type: ignore[method-assign]
Wire.ask = bounded(Wire.ask, lambda call: call.writes and call.resource != "graphql")  # type: ignore[method-assign]
be_hasty(setattr, 0)
main()
