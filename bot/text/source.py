"""Whatever holds a log, as one seekable file of plain lines: a log, a zip of a run, gzip, `act --json`, a pipe.

What is not a plain file already is written to an unnamed temporary file, so memory stays small whatever the size.
"""

import codecs
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple
from zipfile import ZipFile

from bot.errors import UsageError
from bot.text import act, archive

ERROR = b"##[error]"
CANCELLED = ERROR + b"The operation was canceled."  # because another leg has failed
_READ = 1 << 20
_HEAD = 1 << 16
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_NOT_TEXT = bytes({*range(0x20)} - {*b"\t\n\x0b\x0c\r\x08\x1b\x1c\x1d\x1e"}) + b"\x7f"
_STRAY = 16  # bytes that are no text and yet make no log binary

Source = Path | Iterable[bytes]


class Part(NamedTuple):
    """Where a step begins in the joined text of a zip: offset in bytes, number of the step and its name."""

    offset: int
    number: int
    step: str


class Opened(NamedTuple):
    """A log ready to be read: its file, the name of its job and the beginnings of its steps where they are known."""

    file: BinaryIO
    job: str = ""
    parts: tuple[Part, ...] = ()


@contextmanager
def open_source(source: Source, *, job: str = "") -> Iterator[Opened]:
    """Open a path or an iterable of blocks of bytes.

    `job` chooses a job of a zip by its name; without it, it is the first of `failed_jobs`. Raises `UsageError` when
    there is nothing to read, when what is there is no text, or when it unpacks to more than the caps allow.
    """
    with ExitStack() as stack:
        file = _file(source, stack)
        head = _peek(file)
        if _is_zip(head):
            yield _unzip(file, stack.enter_context(_spool()), job)
            return
        if head[:2] == b"\x1f\x8b":
            file = _fill(stack.enter_context(_spool()), archive.gunzip(_blocks(file)))
            head = _peek(file)
        if head[:2] in _UTF16:
            file = _fill(stack.enter_context(_spool()), _from_utf16(_blocks(file)))
            head = _peek(file)
        if act.looks_like_act(head):
            chosen = act.failing_job(_lines(file))
            file.seek(0)
            file = _fill(stack.enter_context(_spool()), act.plain(_lines(file), chosen))
        elif len(head) - len(head.translate(None, _NOT_TEXT)) > max(_STRAY, len(head) // 10):
            raise UsageError("this is not a text log", hint="give a log, a zip of a run's logs, or the output of act")
        yield Opened(file)


def failed_jobs(source: Path) -> list[str]:
    """The names of the jobs of a zip that show an error, the cancelled left out; none for anything but a zip in a file.

    What comes through a pipe can be read once only. Raises `UsageError` as `open_source`.
    """
    if not source.is_file():
        return []
    with ExitStack() as stack:
        file = _file(source, stack)
        if not _is_zip(_peek(file)):
            return []
        with archive.open_archive(file) as zipped:
            meter, spool = archive.Meter(), stack.enter_context(_spool())
            joined = (_join(zipped, members, spool, meter) for members in archive.members(zipped))
            return [opened.job for opened, failed in joined if failed]


def _file(source: Source, stack: ExitStack) -> BinaryIO:
    if not isinstance(source, Path):
        return _fill(stack.enter_context(_spool()), source)
    try:
        file = stack.enter_context(source.open("rb"))
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return file
        return _fill(stack.enter_context(_spool()), _blocks(file))
    except OSError as error:
        raise UsageError(f"cannot read the log {source}: {error.strerror or error}") from None


def _spool() -> BinaryIO:
    return tempfile.TemporaryFile()


def _fill(file: BinaryIO, blocks: Iterable[bytes]) -> BinaryIO:
    file.writelines(blocks)
    file.seek(0)
    return file


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(_READ):
        yield block


def _lines(file: BinaryIO) -> Iterator[bytes]:
    while line := file.readline(act.MAX_LINE):
        yield line


def _peek(file: BinaryIO) -> bytes:
    head = file.read(_HEAD)
    file.seek(0)
    return head


def _is_zip(head: bytes) -> bool:
    return head[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def _from_utf16(blocks: Iterable[bytes]) -> Iterator[bytes]:
    decode = codecs.getincrementaldecoder("utf-16")("replace").decode
    for block in blocks:
        yield decode(block).encode("utf-8", "replace")


def _unzip(file: BinaryIO, spool: BinaryIO, wanted: str) -> Opened:
    """Write one job of the archive into `spool`: the wanted one, else the first that failed, else the first."""
    with archive.open_archive(file) as zipped:
        jobs = archive.members(zipped)
        if wanted:
            jobs = [job for job in jobs if archive.same_name(job[0].job, wanted)]
        if not jobs:
            raise UsageError(f"the zip has no log of a job{f' {wanted!r}' if wanted else ''}")
        meter = archive.Meter()
        for members in jobs:
            opened, failed = _join(zipped, members, spool, meter)
            if failed or len(jobs) == 1:
                return opened
        return _join(zipped, jobs[0], spool, meter)[0]


def _join(zipped: ZipFile, members: list[archive.Member], spool: BinaryIO, meter: archive.Meter) -> tuple[Opened, bool]:
    spool.seek(0)
    spool.truncate()
    parts, failed, last = [], False, b"\n"
    for member in members:
        if last != b"\n":
            spool.write(b"\n")
        if member.step:
            parts.append(Part(spool.tell(), member.number, member.step))
        for block in archive.read(zipped, member, meter):
            spool.write(block)
            failed = failed or block.count(ERROR) > block.count(CANCELLED)
            last = block[-1:]
    spool.seek(0)
    return Opened(spool, members[0].job, tuple(parts)), failed
