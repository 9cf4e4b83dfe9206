"""Who works on an incident: a process that can be told from every other, and whether it is still there."""

import os
import socket


def this_worker() -> str:
    """The name of this process: host, process id, and when it began."""
    import psutil

    return f"{socket.gethostname()}:{os.getpid()}:{psutil.Process().create_time():.2f}"


def is_running(pid: str) -> bool:
    """Whether there is a process of that id, this one or another's."""
    import psutil

    return pid.isdigit() and psutil.pid_exists(int(pid))


def is_gone(worker: str) -> bool:
    """Whether a worker of this machine has ended. Of other machines' workers nothing is known: they are not gone."""
    host, _, rest = worker.partition(":")
    pid, _, began = rest.partition(":")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    import psutil

    try:
        return f"{psutil.Process(int(pid)).create_time():.2f}" != began
    except psutil.NoSuchProcess:
        return True
