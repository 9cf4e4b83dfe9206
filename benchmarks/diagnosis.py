"""How fast a diagnosis is, and how much memory it takes: `python benchmarks/diagnosis.py [FOLDER OF LOGS] [--mb N]`.

Makes one log of N MB (from the logs of the folder, gzipped or not, over and over; without a folder from lines of its
own), diagnoses it in a fresh process, and prints MB/s, peak memory, and the ratio to `grep -c error` of the same file
in the same run, all in seconds of the processor, so that neighbours on the machine count for little. As lines that come
again are cheaper, the same once more with other digits in each copy of the logs. Also: start-up on a small log, the redactor on plain text, and how the time grows as signatures double.
"""

import argparse
import gc
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIGITS = b"0123456789"
ONCE = "import sys; sys.path.insert(0, {root!r}); from benchmarks.diagnosis import once; once({log!r})"


def own_lines() -> Iterator[bytes]:
    """Yield lines as a long job prints them, with an error among some thousands."""
    for number in range(200_000):
        yield b"2026-03-01T12:00:00.1234567Z tests/test_module_%d.py::test_case_%d PASSED    [ 12%%]\n" % (
            number % 97,
            number,
        )
        if number % 5000 == 0:
            yield b"2026-03-01T12:00:00.1234567Z ERROR    app.store:store.py:%d an error that a test expects\n" % number


def make_log(folder: Path | None, size: int, path: Path, *, fresh: bool = False) -> int:
    """Write a log of at least `size` bytes; return its size. `fresh`: with other digits in each copy."""
    if folder:
        data = b"".join(read(file).rstrip(b"\n") + b"\n" for file in sorted(folder.rglob("*.log*")))
    else:
        data = b"".join(own_lines())
    with path.open("wb") as file:
        copy = 0
        while file.tell() < size:
            file.write(data.translate(bytes.maketrans(DIGITS, DIGITS[copy:] + DIGITS[:copy])) if fresh else data)
            copy = (copy + 1) % len(DIGITS)
        return file.tell()


def read(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def once(log: str) -> None:
    """Diagnose a log in this process and print seconds and peak memory as JSON."""
    from bot.diagnosis import diagnose

    gc.set_threshold(50_000)  # as the command line does
    start = time.process_time()
    found = diagnose(Path(log))
    seconds = time.process_time() - start
    status = Path("/proc/self/status").read_text()  # getrusage would tell the parent's peak too
    peak = int(status.split("VmHWM:")[1].split()[0]) * 1024
    print(json.dumps({"seconds": seconds, "peak": peak, "error_line": found.error_line}))


def timed(act: Callable[[], object], times: int = 3) -> float:
    """Return the seconds of the fastest of some runs."""
    best = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        act()
        best = min(best, time.perf_counter() - start)
    return best


def processor_seconds(command: list[str]) -> float:
    """Return the least seconds of the processor that a command took of some runs."""
    best = float("inf")
    for _ in range(3):
        before = os.times()
        subprocess.run(command, capture_output=True, check=False)
        after = os.times()
        spent = after.children_user + after.children_system - before.children_user - before.children_system
        best = min(best, spent)
    return best


def run(log: Path) -> dict[str, float]:
    code = ONCE.format(root=str(ROOT), log=str(log))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return dict(json.loads(done.stdout))


def fastest(log: Path) -> dict[str, float]:
    """Diagnose a log in three fresh processes; return what the fastest tells."""
    return min((run(log) for _ in range(3)), key=lambda told: told["seconds"])


def growth(log: Path) -> float:
    """Return how many times as long the pass takes with every signature there twice, the second not quite the same."""
    from bot.diagnosis.signatures import Signatures, load
    from bot.diagnosis.survey import pass_over
    from bot.text.log import open_log

    def one_pass(signatures: Signatures) -> None:
        with open_log(log) as opened:
            pass_over(opened, signatures)

    single = load()
    more = [
        replace(e, id=f"{e.id}2", near=tuple(f"{n}!" for n in e.near), pattern=f"{e.pattern}~") for e in single.entries
    ]
    double = Signatures([*single.entries, *more])
    one_pass(single)  # both automata are warm then
    one_pass(double)
    return timed(lambda: one_pass(double)) / timed(lambda: one_pass(single))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--mb", type=int, default=200)
    args = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    from bot.text.redact import Redactor

    with tempfile.TemporaryDirectory() as folder:
        big, fresh, small, middle = (Path(folder) / name for name in ("big", "fresh", "small", "middle"))
        size = make_log(args.folder, args.mb * 1_000_000, big)
        make_log(args.folder, args.mb * 1_000_000, fresh, fresh=True)
        small.write_bytes(b"error: something broke\n" * 20)
        middle.write_bytes(big.read_bytes()[:20_000_000])
        tick = 1 / os.sysconf("SC_CLK_TCK")  # less is told as nothing
        grep = max(tick, processor_seconds(["grep", "-c", "error", str(big)]))
        best, other = fastest(big), fastest(fresh)
        start_up = timed(lambda: run(small))
        text = middle.read_text(errors="replace").replace("\x1b", "").replace("\0", "")
        redactor = Redactor(["a value that is secret", "another one"])
        redacted = len(text) / timed(lambda: redactor(text))
        print(f"log                 {size / 1e6:8.0f} MB")
        print(f"diagnosis           {size / 1e6 / best['seconds']:8.0f} MB/s   {best['seconds']:.2f} s")
        print(f"no copy alike       {size / 1e6 / other['seconds']:8.0f} MB/s   {other['seconds']:.2f} s")
        print(f"peak memory         {best['peak'] / 1e6:8.0f} MB")
        print(f"grep -c error       {size / 1e6 / grep:8.0f} MB/s   diagnosis / grep: {best['seconds'] / grep:.1f}")
        print(f"small log, process  {start_up:8.2f} s")
        print(f"redaction           {redacted / 1e6:8.0f} MB/s")
        print(f"signatures doubled  {growth(middle):8.2f} times the time")


if __name__ == "__main__":
    main()
