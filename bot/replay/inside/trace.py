"""Watch what a command starts: every program with its arguments, folder, environment and exit code, by ptrace(2).

This sees through make, npm, shell scripts, `python -m` and absolute paths alike, because it looks at what is executed
and not at how it was written down. When this process ends, the kernel ends all that it watches.

    trace.py RESULT COMMAND...    one JSON object per executed program, one a line, in the order of their ends
"""

import ctypes
import json
import os
import signal
import sys
from pathlib import Path
from typing import IO, Any

# <linux/ptrace.h>
PTRACE_CONT, PTRACE_SEIZE, PTRACE_LISTEN = 7, 0x4206, 0x4208
EVENT_FORK, EVENT_VFORK, EVENT_CLONE, EVENT_EXEC, EVENT_STOP = 1, 2, 3, 4, 128
OPTIONS = 1 << EVENT_FORK | 1 << EVENT_VFORK | 1 << EVENT_CLONE | 1 << EVENT_EXEC | 0x100000  # PTRACE_O_EXITKILL
WALL = 0x40000000  # <linux/wait.h> __WALL
PR_SET_DUMPABLE = 4  # <linux/prctl.h>
UNSUPPORTED = 125
MAX_ARGUMENTS = 200_000

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
libc.ptrace.restype = ctypes.c_long


def ptrace(request: int, pid: int, data: int) -> bool:
    """One ptrace call; whether it went well (a process that is gone by now did not)."""
    return bool(libc.ptrace(request, pid, None, data) == 0)


def words(path: str) -> list[str]:
    """The zero-separated words of a /proc file."""
    try:
        return Path(path).read_bytes()[:MAX_ARGUMENTS].decode("utf-8", "replace").split("\0")[:-1]
    except OSError:
        return []


def look(pid: int) -> dict[str, Any]:
    """What a process has just begun to execute."""
    try:
        cwd = str(Path(f"/proc/{pid}/cwd").readlink())
        program = str(Path(f"/proc/{pid}/exe").readlink())
    except OSError:
        cwd = program = ""
    env = dict(word.split("=", 1) for word in words(f"/proc/{pid}/environ") if "=" in word)
    return {"argv": words(f"/proc/{pid}/cmdline"), "cwd": cwd, "program": program, "env": env}


class Tracer:
    """All processes below one command."""

    def __init__(self, result: IO[str]) -> None:
        self.result = result
        self.running: dict[int, dict[str, Any]] = {}

    def ended(self, pid: int, code: int | None) -> None:
        """Write down a program that has ended; None when another took its place in the process."""
        if found := self.running.pop(pid, None):
            self.result.write(json.dumps({**found, "code": code}) + "\n")

    def stopped(self, pid: int, status: int) -> None:
        """Let a stopped process go on, in the way that its stop asks for."""
        number, event = os.WSTOPSIG(status), status >> 16
        if event == EVENT_EXEC:
            self.ended(pid, None)
            self.running[pid] = look(pid)
        if event == EVENT_STOP and number != signal.SIGTRAP:
            ptrace(PTRACE_LISTEN, pid, 0)
        else:
            ptrace(PTRACE_CONT, pid, 0 if event else number)

    def watch(self, pid: int) -> int:
        """Watch until the first process has ended; its exit code."""
        while True:
            found, status = os.waitpid(-1, WALL)
            if os.WIFSTOPPED(status):
                self.stopped(found, status)
                continue
            code = os.waitstatus_to_exitcode(status)
            code = 128 - code if code < 0 else code
            self.ended(found, code)
            if found == pid:
                return code


def start(command: tuple[str, ...]) -> None:
    """Become the command."""
    try:
        os.execvp(command[0], command)
    except OSError:
        os._exit(127)


def main(result: str, *command: str) -> None:
    """Run and watch the command; exit with its code, or with 125 where watching is not permitted."""
    reader, writer = os.pipe()
    libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # the program of this process cannot be read, so nor could a copy be traced
    pid = os.fork()
    if pid == 0:
        os.close(writer)
        start(command) if os.read(reader, 1) else os._exit(UNSUPPORTED)
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    permitted = ptrace(PTRACE_SEIZE, pid, OPTIONS)
    if permitted:
        os.write(writer, b"!")
    os.close(writer)
    with Path(result).open("w") as out:
        code = Tracer(out).watch(pid)
    sys.exit(code)
