"""Estimates of tokens come from any text, and never over the network."""

import math
from pathlib import Path

import pytest
import tiktoken

from bot.adapters.token_estimate import CHARACTERS, FOLDER, RATIO, encoding_at_hand, estimate

WORDS = r"\p{L}+|\p{N}{1,3}|\s+(?!\S)|\s+|[^\s\p{L}\p{N}]+"
BYTES = tiktoken.Encoding(
    "bytes", pat_str=WORDS, mergeable_ranks={bytes([n]): n for n in range(256)}, special_tokens={"<|endoftext|>": 256}
)
TEXTS = {
    "blanks": " " * 1_000_000,
    "lines": "\n" * 300_000,
    "a special token": "<|endoftext|>",
    "nothing": "",
    "ä": "ä€",
}


@pytest.mark.parametrize("name", TEXTS)
def test_any_text_has_an_estimate(name: str) -> None:
    text = TEXTS[name]
    assert estimate(text, BYTES) == math.ceil(RATIO * len(text.encode()))
    assert estimate(text, None) == math.ceil(len(text) / CHARACTERS)


def test_a_vocabulary_that_is_not_whole_stays_as_it_is_and_is_not_used(tmp_path: Path) -> None:
    known = tmp_path / "fb374d419588a4632f3f557e76b4b70aebbca790"  # as tiktoken calls it
    assert encoding_at_hand({FOLDER: str(tmp_path)}) is None
    known.write_bytes(b"IQ== 0\n")
    assert encoding_at_hand({FOLDER: str(tmp_path)}) is None
    assert known.read_bytes() == b"IQ== 0\n"  # tiktoken would have removed it, and gone for another
    assert encoding_at_hand({}) is None
