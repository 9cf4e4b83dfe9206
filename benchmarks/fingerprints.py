"""Whether the same failure keeps its fingerprint, and different ones differ: `python -m benchmarks.fingerprints FOLDER`.

Each log of the folder is diagnosed as it is and again with other times and durations, other hashes and addresses, other
paths, and as another runner writes it. Printed: how many of those pairs are together, and how many pairs of different
logs are apart. Pairs of different logs that are together are named, as they may have failed alike.
"""

import argparse
import random
import re
import string
import sys
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.diagnosis import read  # noqa: E402
from bot.diagnosis import diagnose  # noqa: E402
from bot.errors import RegreenError  # noqa: E402

HEX = "0123456789abcdef"


def times(text: str, chance: random.Random) -> str:
    """Other times of day, dates and durations."""
    text = re.sub(r"\d{4}-\d\d-\d\d(?=[T ])", f"2026-11-{chance.randint(10, 28)}", text)
    text = re.sub(r"\b\d\d:\d\d:\d\d\b", lambda _: _clock(chance), text)
    return re.sub(r"\b\d+\.\d+(?= ?(?:s|ms|sec|secs|seconds)\b)", lambda _: f"{chance.uniform(0.1, 99):.2f}", text)


def hashes(text: str, chance: random.Random) -> str:
    """Other hashes, ids and addresses."""

    def other(match: re.Match[str]) -> str:
        return "".join(chance.choice(HEX) if char in HEX else char for char in match.group())

    address, uuid = r"(?<=0x)[0-9a-f]{4,16}\b", r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b"
    return re.sub(rf"{address}|{uuid}|\b[0-9a-f]{{32,64}}\b", other, text)


def paths(text: str, chance: random.Random) -> str:
    """Another workspace, another temporary folder."""
    text = re.sub(r"/home/runner/work/([\w.-]+)/([\w.-]+)", r"/__w/\1/\2", text)
    text = re.sub(r"/home/travis/build/([\w.-]+)/([\w.-]+)", r"/home/runner/work/\2/\2", text)
    return re.sub(r"/tmp/[\w.-]+", lambda _: "/tmp/" + "".join(chance.choices(string.ascii_lowercase, k=8)), text)


def runner(text: str, chance: random.Random) -> str:
    """Another runner: its number, ports, process numbers, seeds."""
    words = r"(GitHub Actions |localhost:|127\.0\.0\.1:|\bpid[= ]|\bseed[:=]? ?)\d+"
    return re.sub(words, lambda match: f"{match.group(1)}{chance.randint(1000, 60000)}", text)


def _clock(chance: random.Random) -> str:
    return f"{chance.randrange(24):02}:{chance.randrange(60):02}:{chance.randrange(60):02}"


def all_at_once(text: str, chance: random.Random) -> str:
    """All of them."""
    for change in (times, hashes, paths, runner):
        text = change(text, chance)
    return text


def marks(folder: Path) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield of each log its name, its fingerprint, and the fingerprints of its changed forms."""
    for path in sorted(folder.rglob("*.log*")):
        text = read(path).decode("utf-8", "surrogateescape")
        chance = random.Random(path.name)
        changed = {}
        for change in (times, hashes, paths, runner, all_at_once):
            changed[change.__name__] = mark(change(text, chance))
        yield path.name, mark(text), changed


def mark(text: str) -> str:
    try:
        return diagnose([text.encode("utf-8", "surrogateescape")]).fingerprint
    except RegreenError as error:
        return str(error)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args().folder
    found = list(marks(given))
    if len(found) < 2:
        parser.error(f"{given}: at least two logs are needed, there are {len(found)}")
    for change in found[0][2]:
        torn = [name for name, own, changed in found if changed[change] != own]
        print(f"same, {change:12} {1 - len(torn) / len(found):6.3f} of {len(found)}  {' '.join(torn[:6])}")
    pairs = list(combinations(found, 2))
    alike = [f"{a[0]}={b[0]}" for a, b in pairs if a[1] == b[1]]
    print(f"different          {1 - len(alike) / len(pairs):6.4f} of {len(pairs)}  {' '.join(alike[:8])}")


if __name__ == "__main__":
    main()
