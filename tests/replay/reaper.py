"""Runs a command, sends it a signal after a while, and waits until nothing that it had started is left.

`reaper.py SIGNAL SECONDS COMMAND...`: every orphan becomes a child of this process (prctl(2), PR_SET_CHILD_SUBREAPER), in
whatever session or namespace it is. Prints what is left after `PATIENCE_SECONDS`.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time

import psutil

PR_SET_CHILD_SUBREAPER = 36
PATIENCE_SECONDS = 20.0


def main(number: str, seconds: str, *command: str) -> None:
    assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1) == 0
    os.environ.pop("COVERAGE_PROCESS_CONFIG", None)  # a Ctrl-C in its code would leave its lock taken for ever
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        child.wait(float(seconds))
    except subprocess.TimeoutExpired:
        child.send_signal(int(number))
    child.wait()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.01)
        except ChildProcessError:
            return
    print(*(p.cmdline() or p.name() for p in psutil.Process().children(recursive=True)), sep="\n")


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main(*sys.argv[1:])
