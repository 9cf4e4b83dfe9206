"""How many secrets the redactor finds by their form alone: `python -m benchmarks.redaction [FOLDER OF LOGS] [--tokens N]`.

N tokens of 20 kinds, drawn at random in the form that their issuer gives them, stand in each of 12 contexts; printed is
the recall of every cell, of all, and of tokens that were transformed. With a folder also what is found in its logs,
where every find is either a secret that somebody printed, or false.
"""

import argparse
import base64
import random
import string
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.diagnosis import read  # noqa: E402
from bot.text.redact import MASK, Redactor  # noqa: E402

ALNUM = string.ascii_letters + string.digits
URL = ALNUM + "-_"
HEX = "0123456789abcdef"
KINDS: dict[str, list[tuple[str, int]]] = {  # literal texts and alphabets; a length of 0 is a literal
    "github classic": [("ghp_", 0), (ALNUM, 36)],
    "github installation": [("ghs_", 0), (ALNUM, 36)],
    "github fine-grained": [("github_pat_", 0), (ALNUM, 22), ("_", 0), (ALNUM, 59)],
    "gitlab": [("glpat-", 0), (URL, 20)],
    "aws key id": [("AKIA", 0), (string.ascii_uppercase + "234567", 16)],
    "anthropic": [("sk-ant-api03-", 0), (URL, 93), ("AA", 0)],
    "openai": [("sk-proj-", 0), (URL, 60), ("T3BlbkFJ", 0), (URL, 60)],
    "slack bot": [("xoxb-", 0), (string.digits, 12), ("-", 0), (string.digits, 12), ("-", 0), (ALNUM, 24)],
    "npm": [("npm_", 0), (ALNUM, 36)],
    "pypi": [("pypi-AgEIcHlwaS5vcmc", 0), (URL, 120)],
    "google api": [("AIza", 0), (URL, 35)],
    "stripe": [("sk_live_", 0), (ALNUM, 24)],
    "sendgrid": [("SG.", 0), (URL, 22), (".", 0), (URL, 43)],
    "telegram": [(string.digits[1:], 9), (":AA", 0), (URL, 33)],
    "jwt": [("eyJhbGciOiJIUzI1NiJ9.eyJ", 0), (URL, 60), (".", 0), (URL, 43)],
    "huggingface": [("hf_", 0), (ALNUM, 34)],
    "docker": [("dckr_pat_", 0), (URL, 27)],
    "digitalocean": [("dop_v1_", 0), (HEX, 64)],
    "vault": [("hvs.", 0), (URL, 95)],
    "twilio": [("SK", 0), (HEX, 32)],
}
CONTEXTS = {
    "alone": "{}",
    "name=": "API_TOKEN={}",
    "yaml": "  token: {}",
    "json": '{{"token": "{}", "ok": true}}',
    "query": "GET https://x.example/a?key={}&b=1",
    "user:": "https://bot:{}@git.example/a.git",
    "header": "> Authorization: Bearer {}",
    "option": "tool --token {} --verbose",
    "export": "export T='{}'",
    "sentence": "the token ({}), was refused.",
    "stamped": "2026-03-01T12:00:00.1234567Z ##[debug]{}",
    "colour": "\x1b[31m{}\x1b[0m rejected",
}
TRANSFORMS: dict[str, Callable[[str], str]] = {
    "split by colour": lambda token: f"{token[:9]}\x1b[0m{token[9:]}",
    "zero-width inside": lambda token: f"{token[:9]}\u200b{token[9:]}",
    "percent-encoded": lambda token: quote(token, safe=""),
    "base64": lambda token: base64.b64encode(token.encode()).decode(),
    "reversed": lambda token: token[::-1],
}


def draw(kind: str, chance: random.Random) -> str:
    """Return a token of a kind."""
    return "".join(text if not size else "".join(chance.choices(text, k=size)) for text, size in KINDS[kind])


def gone(token: str, text: str, redact: Redactor) -> bool:
    """Tell whether a redacted text holds nothing that would help to guess the token: not 8 of its last characters."""
    return token[-8:] not in redact(text)


def finds(folder: Path, redact: Redactor) -> Counter[str]:
    """Return the lines of logs in which something was found, cut around the mask."""
    found: Counter[str] = Counter()
    for path in sorted(folder.rglob("*.log*")):
        text = read(path).decode("utf-8", "replace")
        lines, told = text.split("\n"), redact(text).split("\n")
        for line, kept in zip(lines, told, strict=True):
            if line != kept:
                at = next(i for i, (a, b) in enumerate(zip(line, kept, strict=False)) if a != b)
                found[f"{path.name}: {kept[max(0, at - 40) : at + 20]}"] += 1
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--tokens", type=int, default=1000)
    args = parser.parse_args()
    chance, redact = random.Random(20), Redactor()
    tokens = {kind: [draw(kind, chance) for _ in range(max(1, args.tokens // len(KINDS)))] for kind in KINDS}
    print(f"{'':20} {' '.join(f'{name:>8}' for name in CONTEXTS)}")
    everything = []
    for kind, drawn in tokens.items():
        cells = [[gone(t, text.format(t), redact) for t in drawn] for text in CONTEXTS.values()]
        everything += [one for cell in cells for one in cell]
        print(f"{kind:20} {' '.join(f'{sum(cell) / len(cell):8.2f}' for cell in cells)}")
    print(f"all, of {len(everything)}: {sum(everything) / len(everything):.4f}")
    for name, change in TRANSFORMS.items():
        hits = [change(t)[-8:] not in redact(f"token {change(t)} refused") for drawn in tokens.values() for t in drawn]
        print(f"transformed, {name}: {sum(hits) / len(hits):.4f} of {len(hits)}")
    if args.folder:
        found = finds(args.folder, redact)
        print(f"found in {args.folder.name}: {sum(found.values())} lines ({MASK} is the mask)")
        for line, count in found.most_common(25):
            print(f"  {count:5} {line!r}")


if __name__ == "__main__":
    main()
