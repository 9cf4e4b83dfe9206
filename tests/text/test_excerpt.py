"""Choosing lines within a budget."""

from hypothesis import given
from hypothesis import strategies as st

from bot.text.excerpt import Candidate, choose, spread
from bot.text.log import Line


def candidate(number: int, score: float, text: str) -> Candidate:
    return Candidate(score, Line(number, 0, text))


@given(
    st.lists(st.tuples(st.integers(1, 30), st.floats(0, 100), st.text("ab ", max_size=80)), max_size=40),
    st.integers(0, 120),
)
def test_the_budget_holds_and_lines_come_in_order(rows: list[tuple[int, float, str]], tokens: int) -> None:
    lines = choose([candidate(*row) for row in rows], tokens).lines
    assert sum(len(line.text) + 1 for line in lines) <= max(1, tokens * 4)
    assert [line.line for line in lines] == sorted({line.line for line in lines})


def test_the_best_come_first_and_a_smaller_one_may_fill_the_rest() -> None:
    offered = [
        candidate(1, 10, "x" * 19),
        candidate(2, 90, "y" * 19),
        candidate(3, 50, "z" * 39),
        candidate(4, 5, "w" * 9),
    ]
    assert [line.line for line in choose(offered, 10).lines] == [1, 2]
    assert [line.line for line in choose(offered, 8).lines] == [2, 4]


def test_a_line_offered_twice_counts_with_its_better_score() -> None:
    offered = [candidate(1, 1, "a" * 15), candidate(2, 50, "b" * 15), candidate(1, 60, "a" * 15)]
    assert [line.line for line in choose(offered, 4).lines] == [1]


def test_the_best_line_is_shown_even_when_only_a_part_of_it_fits() -> None:
    assert choose([candidate(7, 1, "abcdefghij")], 2).lines[0].text == "abcdefg"
    assert len(choose([candidate(7, 1, "x" * 5000)], 4000).lines[0].text) == 600


def test_lines_further_away_are_worth_less_and_empty_ones_least() -> None:
    lines = [Line(n, 0, text) for n, text in enumerate(["a", "b", "CENTER", "", "d"], 1)]
    scores = {c.line.number: c.score for c in spread(lines, 3, 50, before=10, after=5)}
    assert scores == {1: 30, 2: 40, 3: 50, 4: 30, 5: 40}
