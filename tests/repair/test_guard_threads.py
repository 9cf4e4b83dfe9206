"""Candidates of several legs meet the guard at once: a parser that two threads share crashes the process."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from tree_sitter import Parser

from bot.repair.guard.javascript.tree import parser_of
from bot.repair.guard.syntax import cfamily, go, java, kotlin, php, ruby, rust

PARSERS: dict[str, Callable[[], Parser]] = {
    **{ending: partial(parser_of, ending) for ending in ("js", "ts", "tsx")},
    **{one.__name__: one.parser for one in (go, java, kotlin, php, ruby, rust)},
    "c": cfamily.c_parser,
    "cpp": cfamily.cpp_parser,
}


@pytest.mark.parametrize("name", PARSERS)
def test_each_thread_has_parsers_of_its_own(name: str) -> None:
    parser = PARSERS[name]
    with ThreadPoolExecutor(1) as pool:
        theirs, again = pool.submit(parser).result(), pool.submit(parser).result()
    assert theirs is again
    assert parser() is parser()
    assert parser() is not theirs
