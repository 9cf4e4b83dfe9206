import pytest

from bot.errors import UsageError
from bot.yaml12 import compose, load

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 30)
)


def test_the_core_schema() -> None:
    text = "on: [push]\na: yes\nb: 010\nc: 1.10\nd: 0x1F\ne: ~\nf:\ng: 1e3\nh: 0o17\ni: 2020-01-01\nj: .inf\nk: 'no'\nl: -3\n"
    assert load(text, "x") == {
        "on": ["push"], "a": "yes", "b": 10, "c": 1.1, "d": 31, "e": None, "f": None, "g": 1000.0, "h": 15,
        "i": "2020-01-01", "j": float("inf"), "k": "no", "l": -3,
    }  # fmt: skip
    assert load("", "x") is None
    assert load("x: &a {k: 1}\ny: {<<: *a, z: 2}\n", "x")["y"] == {"k": 1, "z": 2}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\na: 2\n", "f.yml:2:1: not valid YAML: the key 'a' stands twice"),
        ("a: [\nb", "f.yml:3:1"),
        ("a: b: c", "f.yml:1:5"),
        ("a:\n\tb: 1", "f.yml:2:1"),
        ("- 1\n---\n- 2\n", "another document"),
        ("[" * 200_000, "nested deeper than 100 levels"),
        ("{a: " * 5000, "nested deeper than 100 levels"),
        (BOMB, "more than 200,000 values once its aliases are written out"),
        ("a: &a [*a]", "more than 200,000 values"),
        (b"\xff\xfe\x00", "not valid YAML"),
        ("x: \x00", "not valid YAML"),
        ("? [1]\n: 2", "not valid YAML"),
        ("x: !!python/object:os.system 1", "not valid YAML"),
        ("x" * 2_000_000, "larger than 1,000,000 bytes"),
    ],
)
def test_bad_files_are_one_clear_line(text: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(text, "f.yml")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nodes_know_their_lines_and_are_bounded_too() -> None:
    node = compose("a: 1\nb:\n  c: 2\n", "f.yml")
    assert node
    assert node.value[1][0].start_mark.line == 1
    with pytest.raises(UsageError, match="nested deeper"):
        compose("[" * 200_000, "f.yml")
