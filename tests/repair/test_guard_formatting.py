"""What formatters do to tests is accepted: black and isort over test modules made up by hypothesis."""

import black
import isort
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.repair.guard import Change, judge

QUOTES = st.sampled_from(["'", '"'])
WORDS = st.sampled_from(["ada", "it's", 'say "hi"', "", "a\\nb", "%s of {}", "ünïcode", "x" * 70])
NUMBERS = st.sampled_from(["1", "0", "-3", "1.50", "1_000", "0xFF", "1E5", "True", "None"])
SPACES = st.sampled_from(["", " ", "  "])
OPERATORS = st.sampled_from(["==", "!=", "<", ">=", "is", "is not", "in", "not in"])


@st.composite
def literals(draw: st.DrawFn, depth: int = 2) -> str:
    if depth == 0 or draw(st.booleans()):
        quote = draw(QUOTES)
        word = draw(WORDS).replace(quote, "\\" + quote)
        return draw(st.one_of(NUMBERS, st.just(quote + word + quote)))
    parts = draw(st.lists(literals(depth - 1), max_size=4))
    shape = draw(st.sampled_from(["[{}]", "({},)", "[{},]", "dict(a={})"]))
    if shape == "dict(a={})" or (not parts and shape != "[{}]"):
        return shape.format(parts[0] if parts else "1") if shape.startswith("dict") else "[]"
    return shape.format(f",{draw(SPACES)}".join(parts)) if parts else "[]"


@st.composite
def calls(draw: st.DrawFn) -> str:
    arguments = draw(st.lists(literals(1), max_size=3))
    keywords = [
        f"{name}={draw(SPACES)}{draw(literals(1))}" for name in draw(st.sets(st.sampled_from(["size", "mode", "end"])))
    ]
    return f"shop.{draw(st.sampled_from(['add', 'total', 'find']))}({','.join([*arguments, *keywords])})"


@st.composite
def statements(draw: st.DrawFn) -> list[str]:
    call, value, space = draw(calls()), draw(literals()), draw(SPACES)
    operator = draw(OPERATORS)
    told = draw(
        st.sampled_from(["", ", 'it failed, and that is why we say so at length, more length than a line has'"])
    )
    return draw(
        st.sampled_from(
            [
                [f"assert {call} {operator} {value}{told}"],
                [f"assert ({call}){told}"],
                [f"assert not({call})"],
                [f"result{space}={space}{call}", f"assert result {operator} {value}{told}"],
                [f"with pytest.raises(KeyError, match={space}'x'):", f"  {call}"],
                [f"assert {call} == pytest.approx(1.5{space},{space}rel=0.1)"],
                [f"mock.assert_called_once_with({value},{space}{call})"],
                [f"for item in [{value},{value}]:", f"    assert item{space}!={space}{call}"],
                [f"x = {call}  # noqa: E501"],
                ["if shop.ready : ", f"      assert {call}"],
            ]
        )
    )


@st.composite
def modules(draw: st.DrawFn) -> str:
    imports = draw(st.permutations(["import shop", "import pytest", "from unittest import mock", "import os,sys"]))
    out = [*imports, ""]
    for number in range(draw(st.integers(1, 4))):
        rows = draw(st.lists(literals(1), min_size=1, max_size=3))
        marks = draw(
            st.sampled_from(
                ["", f"@pytest.mark.parametrize('row',[{','.join(rows)}])\n", "@pytest.mark.skip( reason='later' )\n"]
            )
        )
        body = [line for block in draw(st.lists(statements(), min_size=1, max_size=4)) for line in block]
        out.append(f"{marks}def test_{number}( row = None ) :\n" + "\n".join(f"    {line}" for line in body))
    if draw(st.booleans()):
        inner = [line for block in draw(st.lists(statements(), min_size=1, max_size=2)) for line in block]
        out.append("class TestAll(object) :\n  def test_in(self) :\n" + "\n".join(f"     {line}" for line in inner))
    return "\n".join(out) + "\n"


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(source=modules(), length=st.sampled_from([60, 88, 120]), keep=st.booleans())
def test_black_and_isort_over_tests_are_never_refused(source: str, length: int, keep: bool) -> None:
    mode = black.Mode(line_length=length, string_normalization=not keep)
    formatted = isort.code(black.format_str(source, mode=mode), profile="black")
    change = Change("tests/test_shop.py", source.encode(), formatted.encode())
    assert [str(r) for r in judge([change])] == []
