"""Checks the commit out where act copies the workspace of a container from, then becomes act."""

import json
import os
import sys
from pathlib import Path

from bot.replay.inside import checkout


def main(variables: str, *command: str) -> None:
    """Check out and become the command. `variables` is a JSON object: what the checkout needs, and act must not see."""
    before = dict(os.environ)
    os.environ.update(json.loads(variables))
    folder = Path(os.environ["GITHUB_WORKSPACE"])
    folder.parent.mkdir(parents=True, exist_ok=True)
    os.environ["GITHUB_OUTPUT"] = f"{folder.parent}/outputs"
    checkout.main()
    checkout.git(folder, "repack", "-a", "-d", "--quiet")  # in a container the objects of the clone are not to be had
    (folder / ".git" / "objects" / "info" / "alternates").unlink()
    sys.stdout.flush()
    os.execve(command[0], command, before)
