"""The repositories that git finds inside of a replay: the checkout's own, and those of others that the tree names.

Code inside may ask for any URL, and so could tell something to the outside by what it asks for. Therefore only what the
tree of the checkout names is fetched, not what a candidate names that was made in a sandbox.
"""

import shutil
import threading
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from bot.errors import Unavailable
from bot.ports import Git, Sources
from bot.replay.context import SERVER, Run
from bot.replay.layout import ORIGIN, SOURCES
from bot.replay.source import OURS, SNAPSHOT, Origin
from bot.text.urls import canonical

CONFIG = """[core]
\trepositoryformatversion = 0
\tbare = true
[uploadpack]
\tallowAnySHA1InWant = true
\tallowFilter = true
"""  # as GitHub has it
MODULES = ".gitmodules"


class Repositories:
    """Those of one replay, in a folder that its sandboxes see at `layout.SOURCES`."""

    def __init__(self, folder: Path, origin: Origin, run: Run, sources: Sources) -> None:
        self.folder, self._origin, self._run, self._sources = folder, origin, run, sources
        self._own = run.repository.lower()
        self._lock = threading.Lock()
        self._served: dict[str, str] = {}
        folder.mkdir()

    def serve(self, url: str) -> str:
        """Where a repository stands inside. Raises `Unavailable`, naming it, when it cannot be had."""
        plain = canonical(url)
        with self._lock:
            if plain not in self._served:
                self._served[plain] = self._make(plain)
        return self._served[plain]

    def _make(self, plain: str) -> str:
        name = str(len(self._served))
        if plain.lower() == f"{SERVER}/{self._own}":
            self._make_own(self.folder / name)
        elif not self.is_named(plain):
            raise Unavailable(f"a step needs the repository {plain}, which is not fetched: the tree does not name it")
        else:
            try:
                self._sources.repository(plain, self.folder / name)
            except Unavailable as e:
                raise Unavailable(f"a step needs the repository {plain}, which cannot be had here: {e.message}") from e
        (self.folder / name / "config").write_text(CONFIG)
        return f"{SOURCES}/{name}"

    def _make_own(self, folder: Path) -> None:
        """The server's side of the checkout's own repository; its objects are those of the clone."""
        clone = self._origin.git_dir
        (folder / "objects" / "info").mkdir(parents=True)
        (folder / "refs").mkdir()
        (folder / "objects" / "info" / "alternates").write_text(f"{ORIGIN}/objects\n")
        if (clone / "shallow").exists():
            shutil.copy(clone / "shallow", folder / "shallow")
        known = self._origin.refs()
        refs = {
            name.replace("refs/remotes/origin/", "refs/heads/"): commit
            for name, commit in known.items()
            if not name.startswith(OURS)
        }
        refs[self._run.ref] = self._run.sha
        lines = "".join(f"{commit} {name}\n" for name, commit in sorted(refs.items()))
        (folder / "packed-refs").write_text(f"# pack-refs with: sorted\n{lines}")
        (folder / "HEAD").write_text(f"ref: refs/heads/{self._run.default_branch}\n")

    def is_named(self, plain: str) -> bool:
        """Whether the tree, or what is served already, names a repository: as `owner/name`, or as a neighbour."""
        owner, _, name = urlsplit(plain).path.strip("/").rpartition("/")
        words = (f"{owner}/{name}", *([f"../{name}"] if owner.lower() == self._own.partition("/")[0] else ()))
        ours = self._origin.git
        if _names(ours, words[:1], SNAPSHOT) or _names(ours, words, SNAPSHOT, "--", MODULES):
            return True
        for served, place in self._served.items():
            theirs = self._origin.open(self.folder / Path(place).name, None)
            tips = theirs.run("for-each-ref", "--format=%(objectname)").decode().split()
            is_neighbour = served.rpartition("/")[0] == plain.rpartition("/")[0]
            neighbour = (f"../{name}",) if is_neighbour else ()
            if _names(theirs, (words[0], *neighbour), *tips, "--", MODULES):
                return True
        return False


def _names(git: Git, words: Iterable[str], *where: str) -> bool:
    """Whether files of commits have one of the words."""
    options = (option for word in words for option in ("-e", word))
    return git.try_run("grep", "--quiet", "--fixed-strings", "--ignore-case", "-I", *options, *where) is not None
