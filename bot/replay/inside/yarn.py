"""`yarn` of a job: the machine's own, or else the one that GitHub's image has, by corepack."""

import os
import shutil
import sys

from bot.replay.inside import control

CLASSIC = "yarn@1.22.22+sha1.ac34549e6aa8e7ead463a7407e1c7390f61a6610"  # of GitHub's images, with corepack's own hash
OURS = f"{control.ROOT}/tools"


def main(name: str, arguments: list[str]) -> None:
    """Become the program."""
    path = os.pathsep.join(folder for folder in os.environ["PATH"].split(os.pathsep) if folder != OURS)
    if own := shutil.which(name, path=path):
        os.execv(own, [name, *arguments])
    if corepack := shutil.which("corepack", path=path):
        os.execv(corepack, ["corepack", CLASSIC, *arguments])
    control.unreplayable("a step needs yarn, which GitHub's runner has and this machine has not")
    sys.exit(f"{name}: command not found")
