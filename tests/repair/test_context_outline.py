"""The functions, classes and titled tests of files in many languages."""

import pytest

from bot.repair.context.outline import enclosing, imports_of, outline

PYTHON = '''"""def no(): pass"""
import os
from a import (
    b,
)

@dec
@dec(1)
async def f(
    x: int,
) -> int:
    """Text.
at the margin
    """
    return 1  # comment

class A(B):
    x = 1

    def g(self):
        if x:
            pass

    def h(self):
        return (1
'''
SCRIPT = """import {a} from "./a";
import {
  b,
} from './b';

export const total = (rows: Row[]) => {
  return rows.length;
};
class Cart<T> {
  add(item: T): void {
    this.x++;
  }
}
describe("cart", () => {
  it("adds one", async () => {
    expect(1).toBe(2);
  });
});
"""
RUST = """use std::fmt;
impl A {
    pub fn new() -> Self {
        A { x: 1 }
    }
}
#[cfg(test)]
mod tests {
    #[test]
    fn it_works() {
        assert_eq!(1, 2);
    }
}
"""
CASES = [
    ("a.py", PYTHON, [("f", 7, 15), ("A", 17, 25), ("g", 20, 22), ("h", 24, 25)]),
    ("a.ts", SCRIPT, [("total", 6, 8), ("Cart", 9, 13), ("add", 10, 12), ("cart", 14, 18), ("adds one", 15, 17)]),
    ("a.rs", RUST, [("A", 2, 6), ("new", 3, 5), ("tests", 7, 13), ("it_works", 9, 12)]),
    ("a.go", "package a\n\nfunc (c *Cart) Add(n int) {\n\tc.n += n\n}\n\ntype Row struct {\n\tn int\n}\n", [("Add", 3, 5), ("Row", 7, 9)]),
    ("A.java", "class A {\n  @Override\n  int size() {\n    return 1;\n  }\n}\n", [("A", 1, 6), ("size", 2, 5)]),
    ("A.kt", "data class A(val x: Int) {\n    fun total() =\n        1\n}\n", [("A", 1, 4), ("total", 2, 3)]),
    ("a.rb", "class A\n  def total\n    1\n  end\nend\nit \"is fine\" do\n  x\nend\n", [("A", 1, 5), ("total", 2, 4), ("is fine", 6, 8)]),
    ("a.php", "<?php\nclass A\n{\n    function total()\n    {\n    }\n}\n", [("A", 2, 7), ("total", 4, 6)]),
    ("a.c", "struct row {\n  int a;\n};\nstatic int *add(int a)\n{\n  return 0;\n}\n", [("row", 1, 3), ("add", 4, 7)]),
    ("a.cc", "TEST(Suite, Case) {\n  EXPECT_EQ(1, 2);\n}\n", [("Suite.Case", 1, 3)]),
    ("a.sh", "foo() {\n  echo 1\n}\nfunction bar {\n  echo 2\n}\n", [("foo", 1, 3), ("bar", 4, 6)]),
    ("A.cs", "class A {\n  public int Total(int x) {\n    return 1;\n  }\n}\n", [("A", 1, 5), ("Total", 2, 4)]),
    ("broken.go", "package a\n\nfunc A() {\n\tx := (\n}\n\nfunc B() {\n\ty()\n}\n", [("B", 7, 9)]),
    ("a.txt", "nothing\n", []),
]  # fmt: skip


@pytest.mark.parametrize(("path", "text", "blocks"), CASES, ids=[case[0] for case in CASES])
def test_blocks_have_their_names_and_lines(path: str, text: str, blocks: list[tuple[str, int, int]]) -> None:
    found = [(b.name, b.first, b.last) for b in outline(path, text)]
    assert [row for row in found if row in blocks] == blocks
    assert path == "broken.go" or found == blocks


def test_the_innermost_function_or_test_is_around_a_line() -> None:
    blocks = outline("a.ts", SCRIPT)
    assert [getattr(enclosing(blocks, n), "name", "") for n in (7, 9, 11, 16, 18, 1)] == [
        "total",
        "Cart",
        "add",
        "adds one",
        "cart",
        "",
    ]


def test_imports_at_the_top_are_one_window() -> None:
    assert imports_of(SCRIPT.split("\n"), outline("a.ts", SCRIPT)) == (1, 4)
    assert imports_of(PYTHON.split("\n"), outline("a.py", PYTHON)) == (2, 5)
    assert imports_of(["x = 1"], ()) is None


@pytest.mark.parametrize("path", ["a.py", "a.ts", "a.cs", "a.rb"])
def test_hostile_files_take_no_long_time_and_raise_nothing(path: str) -> None:
    for text in ("def f(" * 20_000, '"""' * 20_001, "{" * 50_000, "'" * 60_001, " " * 60_000 + "def x():\n" * 3000):
        outline(path, text)
