"""Whether the worker that holds a lease is still there."""

import subprocess
import sys

from bot.adapters.workers import is_gone, this_worker


def test_gone_and_not_gone() -> None:
    command = [sys.executable, "-c", "from bot.adapters.workers import this_worker; print(this_worker(), end='')"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert is_gone(ended)
    assert not is_gone(this_worker())
    host, pid, began = this_worker().split(":")
    assert is_gone(f"{host}:{pid}:{float(began) - 5:.2f}")  # the number is another process' by now
    assert not is_gone(f"elsewhere:{ended.split(':')[1]}:1")
    assert not is_gone("no such name")
