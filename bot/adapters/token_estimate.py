"""About how many tokens a text has, for people to read. Nothing is decided by it, and it never fails.

What is set aside for a question counts bytes, or the tokens as the server counts them: see `bot.planning.purse`. Nobody
but the server has the tokenizer of current models. That of tiktoken finds fewer tokens in a text, of logs and code by
the ratio below. Its vocabulary would be downloaded; it is used where it lies on this machine already. Two more things
would end it: names of special tokens in a text, and long runs of one character.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

NAME = "o200k_base"
ADDRESS = f"https://openaipublic.blob.core.windows.net/encodings/{NAME}.tiktoken"
DIGEST = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
FOLDER = "TIKTOKEN_CACHE_DIR"
"""The variable of the environment by which tiktoken finds vocabularies that were downloaded before."""
RATIO = 1.6
CHARACTERS = 1.8
"""Of a token, where there is no vocabulary."""
PIECE = 50_000
"""Characters that are encoded at once: a run of a million blanks ends the encoder with a stack overflow."""


class Encoding(Protocol):
    """What is needed of an encoding of tiktoken."""

    def encode_ordinary(self, text: str, /) -> Sequence[int]:
        """The tokens of a text in which no names of special tokens are known."""
        ...


def encoding_at_hand(environ: Mapping[str, str]) -> Encoding | None:
    """The encoding, where its vocabulary is here and whole; with another tiktoken would go and get it."""
    if not environ.get(FOLDER):
        return None
    path = Path(environ[FOLDER]) / hashlib.sha1(ADDRESS.encode(), usedforsecurity=False).hexdigest()
    try:
        whole = hashlib.sha256(path.read_bytes()).hexdigest() == DIGEST
    except OSError:
        return None
    if not whole:
        return None
    import tiktoken

    return tiktoken.get_encoding(NAME)


def estimate(text: str, encoding: Encoding | None) -> int:
    """About how many tokens a current model makes of a text."""
    if encoding is None:
        return math.ceil(len(text) / CHARACTERS)
    pieces = (text[at : at + PIECE] for at in range(0, len(text), PIECE))
    return math.ceil(RATIO * sum(len(encoding.encode_ordinary(piece)) for piece in pieces))
