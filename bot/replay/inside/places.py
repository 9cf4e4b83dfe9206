"""The folders of a job where GitHub has them; act makes its own, below a name that it draws by lot."""

import os

WORK = "/home/runner/work"
TEMP = f"{WORK}/_temp"


def settle() -> dict[str, str]:
    """Move act's workspace and temporary folder to GitHub's places, and leave links; from where to where.

    Only the first step of a job finds something to move.
    """
    name = os.environ["GITHUB_REPOSITORY"].rsplit("/", 1)[-1]
    places = {os.environ["GITHUB_WORKSPACE"]: f"{WORK}/{name}/{name}", os.environ["RUNNER_TEMP"]: TEMP}
    for old, new in places.items():
        if old != new and not os.path.islink(old):
            os.makedirs(os.path.dirname(new), exist_ok=True)
            os.makedirs(old, exist_ok=True)
            os.rename(old, new)
            os.symlink(new, old)
    return places


def moved(text: str, places: dict[str, str]) -> str:
    """A text with the places instead of act's folders."""
    for old, new in places.items():
        text = text.replace(old, new)
    return text
