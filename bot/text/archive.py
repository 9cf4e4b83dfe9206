"""The zip of a run's logs, as GitHub hands it out: one job of it, as one log.

Layout (`GET /repos/{owner}/{repo}/actions/runs/{id}/logs`): per job a folder with `<number>_<step name>.txt`, often
`system.txt` beside them, and at the top `<number>_<job name>.txt` with the whole job. Either may be missing, and names
are shortened and have characters replaced, so they only label; what a job is comes from the folders.

An archive is hostile until shown otherwise: nothing is extracted to disk by name, and what comes out is counted as it
comes (the sizes that an archive declares can lie).
"""

import zipfile
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

from bot.errors import UsageError
from bot.text.patterns import compile_pattern

MAX_ENTRIES = 20_000
MAX_BYTES = 2_000_000_000
MAX_RATIO = 250  # logs compress 10 to 40 times; deflate can reach 1032, which only a bomb does over its whole length
FREE_BYTES = 20_000_000  # below this no ratio is asked for

_READ = 1 << 20
_BROKEN = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, ValueError, OSError, RuntimeError)
_STEP = compile_pattern(rb"^(?:.*/)?(\d{1,6})_([^/]*)\.txt$", raw=True)


class Member(NamedTuple):
    """One text of the archive: its job, its number there, and its step (empty for a whole job)."""

    job: str
    number: int
    step: str
    entry: zipfile.ZipInfo


def open_archive(file: BinaryIO) -> zipfile.ZipFile:
    """Open a zip. Raises `UsageError` when it is not one or has too many entries."""
    try:
        archive = zipfile.ZipFile(file)
    except _BROKEN as error:
        raise UsageError(f"the zip of logs cannot be read: {error}") from None
    if len(archive.infolist()) > MAX_ENTRIES:
        raise UsageError(f"the zip of logs has more than {MAX_ENTRIES} entries")
    return archive


def members(archive: zipfile.ZipFile) -> list[list[Member]]:
    """Return the logs of the archive: per job its steps in their order, or its one whole log where it has no steps."""
    whole: dict[str, Member] = {}
    steps: dict[str, list[Member]] = {}
    for entry in archive.infolist():
        folder, _, base = entry.filename.replace("\\", "/").rpartition("/")
        if not base.endswith(".txt") or entry.is_dir():
            continue
        match = _STEP.match(base.encode("utf-8", "replace"))
        number = int(match.group(1) or b"0") if match else 0
        name = (match.group(2) or b"").decode() if match else base.removesuffix(".txt")
        if folder:
            steps.setdefault(folder, []).append(Member(folder, number, name, entry))
        else:
            whole.setdefault(name, Member(name, number, "", entry))
    jobs = [sorted(part, key=lambda m: (m.step == "system", m.number)) for part in steps.values()]
    covered = {_letters(name) for name in steps}
    return jobs + [[member] for name, member in whole.items() if _letters(name) not in covered]


class Meter:
    """Counts what comes out of compressed data, and stops what grows without end."""

    def __init__(self) -> None:
        self.packed = 0
        self.unpacked = 0

    def count(self, size: int) -> None:
        """Add `size` bytes of unpacked data. Raises `UsageError` when the caps are passed."""
        self.unpacked += size
        if self.unpacked > MAX_BYTES:
            raise UsageError(f"the log unpacks to more than {MAX_BYTES // 1_000_000} MB")
        if self.unpacked > FREE_BYTES and self.unpacked > MAX_RATIO * self.packed:
            raise UsageError("the log is a bomb: it unpacks to more than any log does")


def read(archive: zipfile.ZipFile, member: Member, meter: Meter) -> Iterator[bytes]:
    """Yield the text of a member in blocks.

    Raises `UsageError` when the caps are passed, or the data is broken or encrypted.
    """
    meter.packed += member.entry.compress_size
    try:
        with archive.open(member.entry) as text:
            while block := text.read(_READ):
                meter.count(len(block))
                yield block
    except _BROKEN as error:
        raise UsageError(f"the zip of logs is broken at {member.entry.filename!r}: {error}") from None


def gunzip(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what gzipped blocks hold. Raises `UsageError` when the caps are passed or the data is broken."""
    meter = Meter()
    engine, begun = zlib.decompressobj(wbits=31), False
    for block in blocks:
        meter.packed += len(block)
        while block:
            begun = True
            try:
                text = engine.decompress(block, _READ)
            except zlib.error as error:
                raise UsageError(f"the gzipped log is broken: {error}") from None
            meter.count(len(text))
            yield text
            block = engine.unconsumed_tail
            if engine.eof:  # another file may be joined to it
                block, engine, begun = engine.unused_data, zlib.decompressobj(wbits=31), False
    if begun:
        raise UsageError("the gzipped log is broken: it ends in the middle")


def same_name(one: str, other: str) -> bool:
    """Compare job names by letters and digits: GitHub replaces other characters in the names of the zip."""
    return _letters(one) == _letters(other)


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name)).lower()
