"""Files made to choke a reader: every one gets an answer, never an exception, and none keeps the test run waiting."""

import pytest

from bot.repair.guard import Change, judge

PYTHON, SCRIPT = "tests/test_a.py", "src/a.test.ts"


def nested(start: str, end: str, times: int, middle: str = "") -> str:
    return start * times + middle + end * times


SAMPLED = 3
"""Every third is part of `make test`, the others are of `make campaign`."""
BOMBS: dict[str, tuple[str, str | bytes]] = {
    "python parentheses": (PYTHON, "x=" + "(" * 50_000),
    "python signs": (PYTHON, "x=" + "-" * 50_000 + "1"),
    "python attributes": (PYTHON, "x=a" + ".b" * 9000),
    "python sums": (PYTHON, "x=1" + "+1" * 9000),
    "python comparisons": (PYTHON, "assert a" + "<b" * 9000),
    "python sums over lines": (PYTHON, "x=(1" + "\n+1" * 50_000 + ")"),
    "python blocks": (PYTHON, "".join(" " * i + "if x:\n" for i in range(99)) + " " * 99 + "pass\n"),
    "python raises in raises": (PYTHON, "def test_a():\n" + "".join(" " * i + "with pytest.raises(X):\n" for i in range(1, 90)) + " " * 90 + "f()\n"),
    "python assertions": (PYTHON, "def test_a():\n" + " assert f() == [1]\n" * 6000),
    "python assertions that do not parse": (PYTHON, "def test_a(:\n" + " assert f() == [1]\n" * 9000),
    "python functions": (PYTHON, "def test_a():\n assert f(x)==1\n" * 4000),
    "python large constant in many checks": (PYTHON, "X=[" + "f(1),\n" * 9000 + "]\ndef test_a():\n" + " assert g() == X\n" * 2000),
    "python large local in many checks": (PYTHON, "def test_a():\n X=[" + "f(1),\n" * 9000 + "]\n" + " assert g() == X\n" * 2000),
    "python assignments": (PYTHON, "def test_a():\n" + " x = [1,2]\n" * 4000 + " assert x == x.y\n" * 2000),
    "python pieces of a string": (PYTHON, 'x = f"' + "{a}" * 30_000 + '"'),
    "python directives": (PYTHON, "x=1 # noqa\n" * 9000),
    "python comments": (PYTHON, "# x\n" * 60_000),
    "python lambdas": (PYTHON, "def test_a():\n x = " + nested("(lambda: ", ")", 60, "self.assertEqual(1, 1)")),
    "python choices": (PYTHON, "def test_a():\n x = " + "f() if a else " * 500 + "0"),
    "python digits": (PYTHON, "x=" + "9" * 9000),
    "python zero byte": (PYTHON, b"x\0" * 100),
    "python not UTF-8": (PYTHON, b"# \xff\xfe\ndef test_a():\n    assert f() == '\xe9'\n" * 2000),
    "python one line": (PYTHON, "x='" + "a" * 250_000 + "'"),
    "python too large": ("src/a.py", "x = 1\n" * 200_000),
    "python decorators": (PYTHON, "@a.b(1)\n" * 9000 + "def test_a(): pass\n"),
    "script brackets": (SCRIPT, "(" * 150_000),
    "script look-ahead": (SCRIPT, 'a=/[(<"' * 20_000),
    "script look-ahead by lines": (SCRIPT, ('a=/[(<"' * 200 + "\n") * 100),
    "script stack": (SCRIPT, ("'${=" * 30 + "\n") * 1500),
    "script tags": ("src/a.test.tsx", "<a>\n" * 20_000),
    "script tests in tests": (SCRIPT, nested("test('a',()=>{", "})", 2000)),
    "script checks in checks": (SCRIPT, nested("expect(()=>{", "}).toBe(1)", 1000)),
    "script helpers in helpers": (SCRIPT, nested("verifyX(()=>{\n", "})", 1500)),
    "script chain": (SCRIPT, "a" + ".b()\n" * 30_000),
    "script sum": (SCRIPT, "expect(1" + "+a\n" * 30_000 + ").toBe(1)"),
    "script array": (SCRIPT, 'test("a",()=>{expect(x).toEqual([' + "1,\n" * 30_000 + "])})"),
    "script tests": (SCRIPT, "test('a',()=>{expect(f(1)).toBe(1)});\n" * 4000),
    "script large constant in many checks": (SCRIPT, "const X=[" + "f(1),\n" * 9000 + "];\ntest('a',()=>{" + "expect(g()).toBe(X);\n" * 2000 + "})"),
    "script comments": (SCRIPT, "// eslint-disable-line\n" * 6000),
    "script open comment": (SCRIPT, "/*" * 90_000),
    "JSON brackets": ("package.json", "[" * 200_000),
    "JSON objects": ("tsconfig.json", '{"a":' * 40_000),
    "JSON digits": (".eslintrc.json", "[" + "9" * 90_000 + "]"),
    "JSON quotes": ("tsconfig.json", '"' * 200_000),
    "JSON scripts that call each other": ("package.json", '{"scripts":{' + ",".join(f'"s{i}":"npm run s{i + 1} && npm run s{i + 2}"' for i in range(900)) + "}}"),
    "JSON test data": ("tests/data/a.json", "[" * 200_000),
    "TOML brackets": ("pyproject.toml", "a = " + "[" * 50_000),
    "TOML dots": ("pyproject.toml", "a" + ".a" * 20_000 + "=1"),
    "TOML digits": ("ruff.toml", "a=" + "9" * 90_000),
    "TOML tables": ("pyproject.toml", "\n".join(f"[tool.a{i}]" for i in range(9000))),
    "YAML brackets": (".pre-commit-config.yaml", "[" * 200_000),
    "YAML dashes": (".pre-commit-config.yaml", "- " * 90_000),
    "YAML levels": ("codecov.yml", "".join(" " * i + "a:\n" for i in range(500))),
    "YAML laughs": (".pre-commit-config.yaml", "a: &a [x,x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1 if i else ''},*a{i - 1 if i else ''}]\n" for i in range(40))),
    "YAML keys": (".eslintrc.yml", "\n".join(f"a{i}: 1" for i in range(9000))),
    "YAML controls": ("codecov.yml", "a: \x01\x02\n"),
    "YAML broken": ("codecov.yml", "a: [\nb: {\n"),
    "YAML complex keys": ("codecov.yml", "? [a, b]\n: c\n? {d: e}\n: f\n"),
    "YAML too large": ("codecov.yml", "a: b\n" * 90_000),
    "XML entities": ("phpunit.xml", '<!DOCTYPE a [<!ENTITY b0 "b">' + "".join(f'<!ENTITY b{i + 1} "&b{i};&b{i};">' for i in range(60)) + "]><a>&b60;</a>"),
    "XML levels": ("phpunit.xml", "<a>" * 90_000),
    "XML elements": ("phpunit.xml", "<a>" + "<b>c</b>" * 35_000 + "</a>"),
    "INI blanks": ("setup.cfg", "a" + " " * 250_000),
    "INI sections": ("setup.cfg", "[a]\n" * 50_000),
    "makefile targets": ("Makefile", "a " * 9000 + ": b\n" + "\tx\n" * 900),
    "makefile recipes": ("Makefile", "a: b\n\tpytest\n" * 9000),
    "shell operators": ("ci.sh", "&&" * 90_000),
    "shell quotes": ("ci.sh", '"' * 200_000),
    "shell parentheses": ("ci.sh", "(" * 200_000),
    "shell commands": ("ci.sh", "pytest tests || true\n" * 9000),
    "shell wrappers": ("ci.sh", "sudo " * 9000 + "pytest"),
    "shell documents": ("ci.sh", "cat <<A\n" * 9000),
    "shell too large": ("ci.sh", "pytest\n" * 60_000),
    "workflow steps": (".github/workflows/a.yml", "on: push\njobs:\n a:\n  steps:\n" + "   - run: pytest\n" * 9000),
    "workflow levels": (".github/workflows/a.yml", "[" * 9000),
    "session file": ("noxfile.py", "def a(s):\n" + " s.run('pytest')\n" * 6000),
    "session levels": ("noxfile.py", "x = " + "-" * 90_000 + "1"),
    "configuration script": ("eslint.config.js", "export default [" + "{rules:{a:1}},\n" * 9000 + "]"),
    "configuration script levels": ("eslint.config.js", "export default " + "{a:\n" * 9000),
    "ignore list": (".eslintignore", "a\n" * 60_000),
    "go tests": ("a_test.go", "func TestA(t *testing.T) {\n" * 6000),
    "rust brackets": ("tests/a.rs", "#[" * 90_000),
    "go conjunctions": ("a_test.go", "package a\nfunc TestA(t *testing.T) { if a" + " && a\n" * 9000 + " { t.Fatal() } }"),
    "go blocks": ("a_test.go", "package a\nfunc TestA(t *testing.T) {" + nested("if x {", "}", 3000) + "}"),
    "go rows": ("a_test.go", "package a\nvar r = []int{" + "1,\n" * 9000 + "}\nfunc TestA(t *testing.T) {\n" + "for _, x := range r { f() }\n" * 300 + "}"),
    "rust macros in macros": ("tests/a.rs", "fn a() { " + nested("assert!(", ")", 2000) + " }"),
    "rust examples": ("src/a.rs", "/// ```\n/// a();\n" * 3000),
    "java links": ("src/test/A.java", "class A { @Test void a() { assertThat(x)\n" + ".isEqualTo(1)\n" * 9000 + "; } }"),
    "java annotations": ("src/test/A.java", "class A { " + "@Disabled\n" * 9000 + " @Test void a() { } }"),
    "kotlin lambdas": ("src/test/A.kt", "fun a() " + nested("{ f ", "}", 2000)),
    "cpp sections": ("tests/a.cc", nested('SECTION("a") {\n', "}", 1000)),
    "cpp conditions": ("tests/a.cc", "#if 0\n" * 9000),
    "ruby blocks": ("spec/a_spec.rb", nested('it "a" do\n', "end\n", 1000)),
    "ruby methods": ("test/a_test.rb", "class A\n" + "def test_a; x; end\n" * 3000 + "end"),
    "php brackets": ("tests/ATest.php", "<?php $x = " + "[" * 50_000),
    "style comments": ("a.css", "/*" * 90_000),
    "rust macros of tests": ("tests/b.rs", "macro_rules! a { ($n:ident) => { #[test] fn $n() {} } }\n" * 2000 + "a!(xx);\n" * 2000),
    "go errors": ("a.go", "package a\nfunc f() error {\n if x {\n" + "return e\n" * 8000 + "}\nreturn nil}\n"),
    "automake conditions": ("tests/Makefile.am", "TESTS = $(A)\nA = $(TESTS)\n" + "if A\nTESTS += a\n" * 9000),
    "excluded legs": (".github/workflows/a.yml", "on: push\njobs:\n  a:\n    strategy:\n      matrix:\n        os: [a]\n        exclude:\n" + "".join(f"          - {{os: a{i}}}\n" for i in range(5000))),
    "script returns": (SCRIPT, "describe('a', () => {\n if (" + "a+" * 9000 + "1) {\n" + "return;\n" * 8000 + "}\nit('x', () => {expect(f()).toBe(2)})\n})\n"),
    "doctest examples": ("a.py", '"""\n' + ">>> f()\n1\n" * 9000 + '"""\n'),
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "content"),
    [
        pytest.param(*bomb, id=name, marks=() if number % SAMPLED == 0 else pytest.mark.campaign)
        for number, (name, bomb) in enumerate(BOMBS.items())
    ],
)
def test_every_bomb_gets_an_answer(path: str, content: str | bytes) -> None:
    bomb = content if isinstance(content, bytes) else content.encode()
    found = judge([Change(path, bomb, bomb[: len(bomb) * 9 // 10])])
    assert all(r.file == path and r.message for r in found)


@pytest.mark.parametrize(
    "name",
    ["python parentheses", "python signs", "python too large", "shell too large", "script look-ahead by lines", "script tests", "YAML brackets", "TOML brackets", "TOML dots",
     "JSON objects", "makefile targets", "shell parentheses", "workflow levels", "session levels", "ignore list"],
)  # fmt: skip
def test_a_bomb_in_place_of_a_good_file_is_refused(name: str) -> None:
    path, content = BOMBS[name]
    old = {"ci.sh": b"pytest tests\n", "Makefile": b"test:\n\tpytest\n"}.get(path, b"")
    found = judge([Change(path, old, content if isinstance(content, bytes) else content.encode())])
    assert {r.rule for r in found} & {"unreadable", "syntax", "loosened-config"}, [str(r) for r in found]


def test_a_large_file_may_still_be_repaired() -> None:
    """Above the limit of careful reading only what differs is read, by lines."""
    lines = [f"value_{i} = compute({i})" for i in range(40_000)]
    old = "\n".join(lines)
    repaired = "\n".join([*lines[:20_000], "value = 1", *lines[20_001:]])
    assert judge([Change("shop/large.py", old.encode(), repaired.encode())]) == ()
    hidden = "\n".join([*lines[:20_000], "value = 1  # noqa", *lines[20_001:]])
    found = judge([Change("shop/large.py", old.encode(), hidden.encode())])
    assert [(r.rule, r.line) for r in found] == [("suppression", 20_001)]


def test_a_large_file_that_is_written_anew_is_refused() -> None:
    found = judge([Change("shop/large.py", b"a = 1\n" * 90_000, b"b = 2\n" * 90_000)])
    assert {r.rule for r in found} == {"unreadable"}


def test_a_large_test_file_may_still_be_repaired() -> None:
    tests = [f"def test_{i}():\n    assert compute({i}) == {i}\n" for i in range(9000)]
    old = "\n\n".join(tests)
    assert (
        judge([Change("tests/test_large.py", old.encode(), old.replace("compute(77)", "compute(77, size=1)").encode())])
        == ()
    )
    found = judge(
        [
            Change(
                "tests/test_large.py",
                old.encode(),
                old.replace("    assert compute(77) == 77\n", "    pass\n").encode(),
            )
        ]
    )
    assert {r.rule for r in found} & {"removed-assertion", "emptied-test"}
