"""What a language model is shown of a failure: layers of text, from what lasts longest to what a late attempt adds.

The layers come in the order in which a cache of prompts profits most: the repository's conventions are the same for
many failures, the failure and its source for all attempts at it. So what an attempt is shown begins with exactly what
the one before was shown; each later one adds layers, as more facts are not better where fewer do. The same input makes
the same bytes. All of it is redacted; what others wrote stands in fences that it cannot close.
"""

from collections.abc import Callable
from dataclasses import dataclass

from bot.model import Diagnosis
from bot.ports import Git
from bot.repair.context import further, layers
from bot.repair.context.choice import choice
from bot.repair.context.scene import Scene
from bot.repair.context.tree import Tree
from bot.repair.context.windows import Windows

__all__ = ["SHARES", "Layer", "gather"]

SHARES = {"conventions": 4, "failure": 18, "difference": 12, "source": 46, "log": 5, "callers": 10, "docs": 5}
"""The share of the budget that each layer has, in hundredths; what one leaves over is for those behind it."""
SINCE = {"log": 2, "callers": 2, "docs": 3}
"""The attempt from which on there is a layer."""
SOURCE_TITLE = f"## Source, word for word\n{layers.FENCED}\n"


@dataclass(frozen=True)
class Layer:
    """A part of what a model is shown. `files` are those whose source stands in it, whole or in part."""

    name: str
    text: str
    files: tuple[str, ...] = ()


def gather(
    git: Git,
    commit: str,
    diagnosis: Diagnosis,
    *,
    budget: int,
    redact: Callable[[str], str],
    before: str = "",
    workflow: str = "",
    attempt: int = 1,
    more: Callable[[], str] | None = None,
) -> tuple[Layer, ...]:
    """Gather what a failure at `commit` is about, in `budget` characters at most, for the attempt of that number.

    `before` is the last commit that was green, `workflow` the path of the failing job's workflow, both empty where they
    are not known. `redact` takes secrets out of a text and leaves its lines in place. `more` gives the log at greater
    length. Layers that would be empty are left out. Raises `GitFailed` where `commit` is not in the repository.
    """
    scene = Scene(Tree(git, commit), diagnosis, layers.changed_paths(git, before, commit), workflow)
    chosen = choice(scene)
    windows = Windows(scene, redact)
    paths = [w.path for w in chosen]

    def source(room: int) -> layers.Shown:
        text, files = windows.show(chosen, room - len(SOURCE_TITLE))
        return (SOURCE_TITLE + text, files) if text else ("", ())

    makers: dict[str, Callable[[int], layers.Shown]] = {
        "conventions": lambda room: layers.conventions(scene, redact, room),
        "failure": lambda room: layers.failure(scene, redact, room),
        "difference": lambda room: layers.difference(scene, git, (before, commit), paths, redact, room),
        "source": source,
        "log": lambda room: further.log(scene, more, redact, room) if more else ("", ()),
        "callers": lambda room: further.callers(scene, git, commit, chosen, windows, room),
        "docs": lambda room: further.docs(scene, chosen, windows, room),
    }
    found, left = [], 0
    for name, share in SHARES.items():
        if attempt < SINCE.get(name, 1):
            continue
        left += budget * share // 100
        text, files = makers[name](left)
        left -= len(text)
        found += [Layer(name, text, files)] if text else []
    return tuple(found)
