"""The first process of the sandbox: starts act, and the forwarder where there is a proxy, and ends with act's code.

It is ours and not bubblewrap's because a step may look into that one: there are act's output, to which it could write
results, and the program on the host. This one cannot be read, so nobody of the same user may.
"""

import os
import sys
from _signal import SIG_DFL, SIGINT, signal  # type: ignore[import-not-found]  # `signal` makes enums, and act waits

from bot.replay.inside.control import NO_NEWS


def main(told: str, *command: str) -> None:
    """Run the command; `told` is what the forwarder has to know (see `forward`), empty where there is none."""
    forwarder = None
    if told:
        from bot.replay.inside.forward import Forwarder

        forwarder = Forwarder(told)
    act = os.fork()
    if act == 0:
        os.execve(command[0], command, os.environ | {NO_NEWS: "1"})
    signal(SIGINT, SIG_DFL)  # no handler: an init does not get it from inside then; Python's own would end it
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    if forwarder and os.fork() == 0:
        forwarder.run()
    while (ended := os.wait())[0] != act:
        continue
    code = os.waitstatus_to_exitcode(ended[1])
    sys.exit(128 - code if code < 0 else code)
