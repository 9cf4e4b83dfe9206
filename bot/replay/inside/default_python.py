"""Makes the Python that a job has without asking for one, when it is first used, and becomes it.

Lies as `python`, `python3`, `pip` and `pip3` behind the folder of that Python on PATH, so that it runs only once.
"""

import os
import sys
from pathlib import Path

from bot.replay.inside import versions
from bot.replay.inside.setup_python import make

FOLDER = Path("/opt/hostedtoolcache/default")


def main(name: str, arguments: list[str]) -> None:
    """Become the program."""
    if not FOLDER.exists():
        toolchain = versions.preferred("python")
        if toolchain is None:
            sys.exit(f"{name}: command not found")
        make(FOLDER, toolchain)
    os.execv(FOLDER / "bin" / name, [name, *arguments])
