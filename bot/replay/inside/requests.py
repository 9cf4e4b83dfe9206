"""Runs one request of the host on the workbench."""

import os
import signal
import subprocess
import time
from pathlib import Path

NOT_STARTED = 127


def answer(request: list[str], env: dict[str, str]) -> tuple[int, float, int]:
    """Run a request: output file, time limit (seconds), folder, count of arguments, arguments, variables.

    Returns exit code, seconds, and whether the time ran out (0 or 1).
    """
    output, limit, cwd, count = request[0], float(request[1]), request[2], int(request[3])
    argv, more = request[4 : 4 + count], request[4 + count :]
    settings = env | dict(pair.split("=", 1) for pair in more)
    started, timed_out = time.monotonic(), False
    with Path(output).open("wb") as file:
        try:
            child = subprocess.Popen(
                argv, cwd=cwd, env=settings, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
            )
        except OSError as e:
            file.write(f"{e}\n".encode())
            return NOT_STARTED, 0.0, 0
        try:
            code = child.wait(timeout=limit)
        except subprocess.TimeoutExpired:
            timed_out = True
            os.killpg(child.pid, signal.SIGKILL)
            code = child.wait()
    return (128 - code if code < 0 else code), time.monotonic() - started, int(timed_out)
