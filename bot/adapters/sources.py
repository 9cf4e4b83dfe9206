"""Git repositories of others, in a cache of this user: fetched without credentials, bounded, checked when used.

Whoever wrote a repository may mean harm, and so may who serves it. git sees no configuration, credentials or home of
the user; files and memory that it uses are bounded; nothing is checked out: files come from `git archive`, as GitHub
itself makes the archives that its runners download. A sandbox sees what is here through read-only mounts.

    <cache>/<hash of the URL>/files.git    single commits, for `files`
    <cache>/<hash of the URL>/all.git      all branches and tags, for `repository`
    <cache>/files/<commit>/tree            the files of a commit, and `digest`, which tells whether they are whole
"""

import hashlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import re2

from bot.adapters.git_plumbing import GitPlumbing
from bot.errors import CorruptCache, GitFailed, Transient, Unavailable
from bot.text.urls import canonical

if sys.version_info >= (3, 12):
    import tarfile
else:  # 3.11.0 to 3.11.3 cannot filter what they extract
    from backports import tarfile

MAX_BYTES = 1_000_000_000  # of a repository's pack, and of the files of a commit
MAX_MEMORY_BYTES = 1_500_000_000
MAX_FILES = 100_000
MIN_FREE_BYTES = 4_000_000_000  # of the disk: below, nothing more is fetched
ASK_SECONDS, FETCH_SECONDS = 60.0, 600.0
KEPT_SECONDS = 30 * 24 * 3600.0
COMMIT = re2.compile(r"^[0-9a-f]{40}$")
BOUNDED = 'ulimit -f "$1" && ulimit -v "$2" && ulimit -c 0 && shift 2 && exec "$@"'
ALONE = {  # neither the settings nor the credentials of the user: tokens are for people, not for what a workflow names
    "HOME": "/nonexistent",
    "XDG_CONFIG_HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ASKPASS": "",
}
CONFIG = {
    "core.packedGitWindowSize": "16m",
    "core.packedGitLimit": "256m",
    "pack.threads": "1",
    "core.bigFileThreshold": "16m",  # larger files go through index-pack in pieces instead of as a whole
    "fetch.unpackLimit": "1",  # packs end in a digest of their own
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "30",
    "protocol.allow": "never",
    "transfer.bundleURI": "false",
}
ATTRIBUTES = "* -export-subst -filter\n"  # export-subst may ask for the signature of a commit, and so start gpg
DOWN = ("Could not resolve", "Failed to connect", "timed out", "Connection refused", "too slow")
TOO_LARGE = ("File too large", "ut of memory", "mmap failed", "signal 25")  # SIGXFSZ
T = TypeVar("T")


class GitSources:
    """See `bot.ports.Sources`. `places` maps beginnings of URLs to what they are fetched from."""

    def __init__(self, cache: Path, places: Mapping[str, str]) -> None:
        self._cache, self._places = cache, dict(places)
        self._opened: dict[Path, GitPlumbing] = {}
        self._folders: dict[tuple[str, str], Path] = {}
        self._fetched: set[str] = set()
        self._failed: dict[str, str] = {}
        self._notes: dict[str, None] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """See `bot.ports.Sources.notes`."""
        return tuple(self._notes)

    def files(self, url: str, ref: str) -> Path:
        """See `bot.ports.Sources.files`."""
        place = self._place(url)
        if (place, ref) not in self._folders:
            with self._using(place) as folder:
                found = self._retried(folder, lambda: self._exported(folder, place, self._commit(folder, place, ref)))
                self._folders[place, ref] = found
        return self._folders[place, ref]

    def repository(self, url: str, copy: Path) -> None:
        """See `bot.ports.Sources.repository`."""
        place = self._place(url)
        with self._using(place) as folder:
            git_dir = self._retried(folder, lambda: self._everything(folder, place))
            shutil.copytree(git_dir, copy, copy_function=_shared)

    # --- where from ---

    def _place(self, url: str) -> str:
        """What a URL is fetched from: the longest beginning decides, as with git's own `insteadOf`."""
        plain = canonical(url)
        begin = max((b for b in self._places if plain.startswith(b)), key=len, default=None)
        if begin is None:
            raise Unavailable(f"{plain} is not among the sources of the settings (replay.sources)")
        place = self._places[begin] + plain.removeprefix(begin)
        if urlsplit(place).scheme not in ("https", "file"):
            raise Unavailable(f"{plain} would be fetched by other means than https")
        return place

    @contextmanager
    def _using(self, place: str) -> Iterator[Path]:
        """The folder of one repository, for one thread of one process at a time."""
        from filelock import FileLock  # slow to import, and most replays fetch nothing

        folder = self._cache / hashlib.sha256(place.encode()).hexdigest()[:32]
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "lock"):
            os.utime(folder)
            self._tidy()
            yield folder

    def _tidy(self) -> None:
        """Remove what was not used for a month."""
        for entry in [*self._cache.glob("*/"), *self._cache.glob("files/*/")]:
            with suppress(OSError):
                if entry.name != "files" and time.time() - entry.stat().st_mtime > KEPT_SECONDS:
                    shutil.rmtree(entry)

    def _retried(self, folder: Path, work: Callable[[], T]) -> T:
        """Do it, once more from the start when what is in the cache turns out not to be whole."""
        try:
            return work()
        except (CorruptCache, GitFailed):
            for name in ("files.git", "all.git"):
                shutil.rmtree(folder / name, ignore_errors=True)
                self._opened.pop(folder / name, None)
        try:
            return work()
        except (CorruptCache, GitFailed) as e:
            raise Unavailable(e.message) from e

    # --- git ---

    def _git(self, git_dir: Path, place: str) -> GitPlumbing:
        """One of our repositories, made if need be. Raises `CorruptCache` when it is damaged."""
        if git_dir in self._opened:
            return self._opened[git_dir]
        bounds = (str(MAX_BYTES // 512), str(MAX_MEMORY_BYTES // 1024))  # the units of ulimit -f, by POSIX, and of -v
        within = ["sh", "-c", BOUNDED, "sh", *bounds]
        allowed = {f"protocol.{urlsplit(place).scheme}.allow": "always"}
        git = GitPlumbing(git_dir, env=ALONE, within=within, config={**CONFIG, **allowed})
        if not (git_dir / "HEAD").is_file():
            shutil.rmtree(git_dir, ignore_errors=True)
            git.run("init", "--bare", "--quiet", "--template=", str(git_dir))
            (git_dir / "info").mkdir()
            (git_dir / "info" / "attributes").write_text(ATTRIBUTES)
        if not all(map(_ends_in_its_digest, git_dir.glob("objects/pack/pack-*"))):
            raise CorruptCache(f"{git_dir} is damaged")
        self._opened[git_dir] = git
        return git

    def _ask(self, git: GitPlumbing, place: str, *args: str, seconds: float = FETCH_SECONDS) -> bytes:
        """One command that talks to a server; one that is down is not asked again. Raises `Unavailable`."""
        server = urlsplit(place).netloc
        if server in self._failed:
            raise Unavailable(self._failed[server])
        if shutil.disk_usage(git.git_dir).free < MIN_FREE_BYTES:
            raise Unavailable(f"less than {MIN_FREE_BYTES:,} bytes are free on the disk of the cache")
        try:
            return git.run(*args, timeout=seconds)
        except (GitFailed, Transient) as e:
            told = e.stderr if isinstance(e, GitFailed) else e.message
            rests = list(git.git_dir.glob("objects/pack/tmp_*"))
            is_full = any(rest.stat().st_size >= MAX_BYTES // 512 * 512 for rest in rests)
            for rest in rests:
                rest.unlink()
            if is_full or any(word in told for word in TOO_LARGE):
                raise Unavailable(f"it is larger than {MAX_BYTES:,} bytes") from e
            hangs = isinstance(e, Transient)
            reason = f"git {args[0]} had no answer within {seconds:g} s" if hangs else _reason(told)
            if server and (any(word in told for word in DOWN) or (hangs and args[0] == "ls-remote")):
                self._failed[server] = f"{server} cannot be reached"
            raise Unavailable(reason) from e

    def _has(self, git: GitPlumbing, commit: str) -> bool:
        return git.try_run("cat-file", "-e", f"{commit}^{{commit}}") is not None

    # --- single commits ---

    def _commit(self, folder: Path, place: str, ref: str) -> str:
        """The commit that a ref means, which the repository has afterwards."""
        git = self._git(folder / "files.git", place)
        commit = ref if COMMIT.match(ref) else self._resolved(git, place, ref)
        if not self._has(git, commit):
            self._ask(git, place, "fetch", "--quiet", "--depth=1", "--no-tags", "--", place, commit)
        if ref != commit:
            git.run("update-ref", _kept(ref), commit)
        return commit

    def _resolved(self, git: GitPlumbing, place: str, ref: str) -> str:
        names = (f"refs/tags/{ref}^{{}}", f"refs/tags/{ref}", f"refs/heads/{ref}")
        if git.try_run("check-ref-format", names[1]) is None:
            raise Unavailable(f"'{ref}' is no branch, tag or full commit")
        try:
            listing = self._ask(git, place, "ls-remote", "--", place, *names, seconds=ASK_SECONDS).decode()
        except Unavailable as e:
            known = (
                (git.try_run("rev-parse", "--verify", "--quiet", f"{_kept(ref)}^{{commit}}") or b"").decode().strip()
            )
            if not known:
                raise
            self._notes[f"{place} at {ref} was taken from the cache ({known[:9]}): {e.message}"] = None
            return known
        found = {name: sha for sha, _, name in (line.partition("\t") for line in listing.splitlines())}
        commit = next((found[name] for name in names if name in found), None)
        if commit is None:
            raise Unavailable(f"it has no branch or tag '{ref}'")
        return commit

    def _exported(self, folder: Path, place: str, commit: str) -> Path:
        """The files of a commit: from the cache where they are whole, else written there."""
        kept = self._cache / "files" / commit
        if kept.is_dir() and _is_whole(kept):
            os.utime(kept)
            return kept / "tree"
        shutil.rmtree(kept, ignore_errors=True)
        fresh = self._cache / "files" / f".{os.getpid()}-{os.urandom(4).hex()}"
        fresh.mkdir(parents=True)
        try:
            self._export(self._git(folder / "files.git", place), commit, fresh)
            fresh.replace(kept)
        except OSError:  # another process was quicker
            if not kept.is_dir():
                raise
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        return kept / "tree"

    def _export(self, git: GitPlumbing, commit: str, folder: Path) -> None:
        archive = folder / "archive.tar"
        try:
            git.run("archive", "--format=tar", f"--output={archive}", commit)
        except (GitFailed, Transient) as e:
            told = e.stderr if isinstance(e, GitFailed) else TOO_LARGE[0]  # killed by a signal, or endless
            if any(word in told for word in TOO_LARGE):
                raise Unavailable(f"its files are larger than {MAX_BYTES:,} bytes") from e
            raise CorruptCache(f"{git.git_dir}: {e.message}") from e
        try:
            with tarfile.open(archive) as members:
                for number, member in enumerate(members):
                    if number >= MAX_FILES:
                        raise Unavailable(f"it has more than {MAX_FILES:,} files")
                    with suppress(tarfile.FilterError):  # a link that leads outside
                        members.extract(member, folder / "tree", filter="data")
        except (OSError, tarfile.TarError) as e:
            raise Unavailable(f"its files cannot be written: {e}") from e
        archive.unlink()
        (folder / "digest").write_text(_digest(folder / "tree"))

    # --- whole repositories ---

    def _everything(self, folder: Path, place: str) -> Path:
        """The repository with all branches and tags, as it is now or, when it cannot be asked, as it was."""
        git = self._git(folder / "all.git", place)
        if place in self._fetched:
            return git.git_dir
        try:
            head = self._ask(git, place, "ls-remote", "--symref", "--", place, "HEAD", seconds=ASK_SECONDS).decode()
            refs = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
            self._ask(
                git, place, "fetch", "--quiet", "--prune", "--no-tags", "--no-write-fetch-head", "--", place, *refs
            )
        except Unavailable as e:
            if not git.run("for-each-ref", "--count=1"):
                raise
            self._notes[f"{place} was taken from the cache: {e.message}"] = None
        else:
            branch = head.removeprefix("ref: ").split("\t")[0] if head.startswith("ref: refs/heads/") else ""
            if branch:
                git.run("symbolic-ref", "HEAD", branch)
        self._fetched.add(place)
        return git.git_dir


def _reason(told: str) -> str:
    """What git said, in one line: the first that is an error."""
    if "could not read Username" in told:
        return "it does not exist, or needs credentials"
    lines = [line.removeprefix("fatal: ") for line in told.splitlines() if line.startswith("fatal: ")]
    return (lines or told.splitlines()[-1:] or ["git gave no reason"])[0]


def _kept(ref: str) -> str:
    """Where we note what a ref meant: no name of a ref can be in the way of another."""
    return f"refs/regreen/{hashlib.sha256(ref.encode()).hexdigest()}"


def _shared(source: str, target: str) -> None:
    """A second name of a pack or its index, which nobody changes, where the file system can; a copy of other files."""
    if Path(source).parent.name == "pack":
        with suppress(OSError):
            os.link(source, target)
            return
    shutil.copy2(source, target)


def _rows(root: Path) -> Iterator[str]:
    """What there is below a folder: each path with its mode and content."""
    for path in sorted(root.rglob("*")):
        if path.is_symlink():
            yield f"link {path.readlink()} {path}"
        elif path.is_file():
            yield f"{path.stat().st_mode & 0o111:o} {hashlib.sha256(path.read_bytes()).hexdigest()} {path}"


def _digest(root: Path) -> str:
    return hashlib.sha256(
        "\0".join(row.replace(str(root), "") for row in _rows(root)).encode("utf-8", "surrogateescape")
    ).hexdigest()


def _is_whole(kept: Path) -> bool:
    try:
        return (kept / "digest").read_text() == _digest(kept / "tree")
    except OSError:
        return False


def _ends_in_its_digest(pack: Path) -> bool:
    """https://git-scm.com/docs/gitformat-pack: packs and their indexes end in the SHA-1 of all that is before it."""
    found, left = hashlib.sha1(usedforsecurity=False), pack.stat().st_size - 20
    with pack.open("rb") as file:
        while left > 0 and (data := file.read(min(left, 1 << 20))):
            found.update(data)
            left -= len(data)
        return file.read() == found.digest()
