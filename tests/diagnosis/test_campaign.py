"""A long sweep of damaged logs: always an answer or a typed error, within a second each, in bounded memory.

`INPUTS=N make campaign ARGS=tests/diagnosis/test_campaign.py` sets how many there are.
"""

import multiprocessing
import os
import random
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from bot.diagnosis import diagnose
from bot.errors import RegreenError
from tests.diagnosis.samples import CASES

INPUTS = int(os.environ.get("INPUTS", "100000"))
WORKERS = int(os.environ.get("WORKERS", "1"))
BATCH = 20_000
LONGEST_SECONDS = 1.0
MOST_BYTES = 200_000_000
PIECES = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\x1b[31m", b"\x1b]8;;", b"\xe2\x80\xa8", b"PK\x03\x04", b"\x1f\x8b",
    b"##[error]", b"##[group]Run ", b"##[endgroup]\n", b"{\"level\":", b"(" * 50, b"=" * 3000, b"1" * 400, b"\n" * 200,
    b"Tests: " + b"9" * 30 + b" failed\n", b"-----BEGIN RSA PRIVATE KEY-----\n", b" \xe2\x80\xba " * 200,
)  # fmt: skip


def damaged(log: bytes, other: bytes, chance: random.Random) -> bytes:
    """Return a log with some cuts, repetitions, pieces of another and bytes that stand in no log."""
    for _ in range(chance.randint(1, 6)):
        at = chance.randint(0, len(log))
        size = chance.choice((1, 3, 40, 400))
        piece = chance.choice(
            (b"", log[at : at + size] * chance.randint(1, 20), chance.choice(PIECES), other[at:][:size])
        )
        log = log[:at] + piece + log[at + chance.choice((0, 0, size)) :]
    return log


def diagnosed(seed: int) -> tuple[float, int, int]:
    """Diagnose a batch of damaged logs: the slowest (seconds of the processor), typed errors, peak memory (bytes)."""
    chance = random.Random(seed)
    logs = [case.log for case in CASES]
    slowest, errors = 0.0, 0
    for _ in range(BATCH):
        log = damaged(chance.choice(logs), chance.choice(logs), chance)
        start = time.process_time()
        try:
            diagnose([log], max_tokens=chance.choice((1, 50, 2000)))
        except RegreenError:
            errors += 1
        slowest = max(slowest, time.process_time() - start)
    peak = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024
    return slowest, errors, peak


@pytest.mark.campaign
def test_every_damaged_log_gets_an_answer_or_a_typed_error_in_bounds() -> None:
    """Each batch has a process of its own: the bound is for one log, and what the automata of re2 leave unused in the
    heap adds up over hundreds of thousands."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(WORKERS, mp_context=spawn, max_tasks_per_child=1) as pool:
        done = list(pool.map(diagnosed, range(max(1, INPUTS // BATCH))))
    slowest, errors, peak = max(s for s, _, _ in done), sum(e for _, e, _ in done), max(p for _, _, p in done)
    print(f"{len(done) * BATCH} inputs, {errors} typed errors, slowest {slowest:.3f} s, peak {peak / 1e6:.0f} MB")
    assert slowest < LONGEST_SECONDS
    assert peak < MOST_BYTES
