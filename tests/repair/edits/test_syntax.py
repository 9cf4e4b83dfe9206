"""Files that parsed and do no more, in every language, and files that are let pass."""

import pytest

from bot.repair.edits.syntax import new_fault

BROKEN = {
    "a.py": ("def f():\n    return 1\n", "def f():\n    return (1\n", 2),
    "a.pyi": ("x: int\n", "x: \n", 1),
    "a.js": ("f(1);\n", "f(1;\n", 1),
    "a.mjs": ("export const a = 1;\n", "export const a = ;\n", 1),
    "a.ts": ("const a: number = 1;\n", "const a: = 1;\n", 1),
    "a.tsx": ("const a = <p>b</p>;\n", "const a = <p>b</q>;\n", 1),
    "a.go": ("package a\n\nfunc f() {\n}\n", "package a\n\nfunc f( {\n}\n", 3),
    "a.rs": ("fn f() {\n    g();\n}\n", "fn f() {\n    g(;\n}\n", 2),
    "A.java": ("class A {\n    int a;\n}\n", "class A {\n    int a\n}\n", 2),
    "a.kt": ("fun f() {\n    g()\n}\n", "fun f() {\n    g(\n}\n", 2),
    "a.c": ("int f(void)\n{\n    return 1;\n}\n", "int f(void)\n{\n    return 1\n}\n", 3),
    "a.h": ("int f(void);\n", "int f(void;\n", 1),
    "a.cpp": ("class A {\n    int a;\n};\n", "class A {\n    int a\n};\n", 2),
    "a.rb": ("def f\n  1\nend\n", "def f(\n  1\nend\n", 1),
    "a.php": ("<?php\nf(1);\n", "<?php\nf(1;\n", 2),
    "a.yaml": ("a: 1\nb: 2\n", "a: 1\n b: 2\n", 2),
    "a.yml": ("a: 1\nb: 2\n", "a: 1\na: 2\n", 2),
    "a.toml": ('a = "1"\n', 'b = 1\na = "1\n', 2),
    "a.json": ('{\n  "a": 1\n}\n', '{\n  "a": 1,\n}\n', 3),
    "a.ipynb": ('{\n  "cells": []\n}\n', '{\n  "cells": [\n}\n', 3),
}


@pytest.mark.parametrize("path", BROKEN)
def test_a_new_error_is_told_with_its_line(path: str) -> None:
    old, new, line = (one if isinstance(one, int) else one.encode() for one in BROKEN[path])
    assert isinstance(old, bytes)
    assert isinstance(new, bytes)
    fault = new_fault(path, old, new)
    assert fault is not None
    assert (fault.line, bool(fault.what)) == (line, True)
    assert new_fault(path, None, new) is not None
    assert new_fault(path, new, old) is None
    assert new_fault(path, new, new) is None


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("a.txt", "(", "(("),
        ("Makefile", "all:\n", "all\n"),
        ("a.vue", "<a>", "<"),
        ("a.json", "// a\n{}\n", "// a\n{'a': 1,}\n"),
        ("a.yaml", "a: 1\n---\na: 2\n", "a: 1\n---\na: 3\n"),
        ("a.py", "\ufeffx = 1\n", "\ufeffx = 2\n"),
        ("a.json", '\ufeff{"a": 1}\n', '\ufeff{"a": 2}\n'),
        ("a.py", "x = 1\n", 'x = f"{d["n"]}"\n'),
        ("a.py", "x = 1\n", 'x = f"""{\n    a  # why\n}""" \'b\'\n'),
        (
            "a.py",
            "x = 1\n",
            "type X = list[\n    int\n]\n\n\ndef f[T](x: T) -> X:\n    return x\n\n\nclass A[\n    T\n]:\n    pass\n",
        ),
        ("a.py", "x = 1\n", "try:\n    x = t'{a}'\nexcept A, B, C:\n    pass\n"),
        ("a.py", "x = 1\n", "x = t'abc'\n"),
        ("a.py", "x = 1\n", "class A[T: int = str, *Ts, **P](B[T]):\n    pass\n"),
        ("a.py", "x = 1\n", "lazy import json\nx = [*a for a in b]\n"),
        ("a.yaml", "", "A: !Ref b\nB: [!reference [a, b]]\nC: !!python/name:a.b\n"),
        ("a.yaml", "a: 1\n", "{{- if .Values.a }}\na: 1\n{{- end }}\n"),
        ("a.yaml", "a: 1\n", 'a: {{ .Release.Name }}-x\nb: {{ include "x" . }}:80\n'),
        ("a.yaml", "a: 1\n", "{{- toYaml .Values.x | nindent 8 }}\na: 1\n"),
        ("a.yaml", "a: 1\n", "{% if a %}\na: 1\n{% endif %}\n"),
        ("a.yaml", "", "a: 1\n---\nb: 2\n"),
        ("tsconfig.json", "{}\n", '{\n  // why\n  "a": 1,\n}\n'),
        (".vscode/settings.json", "{}\n", '{\n  // why\n  "a": 1,\n}\n'),
        ("a.ts", "a();\n", "export type * from './x';\na();\n"),
        ("a.ts", "a();\n", "export type * as X from './x';\na();\n"),
        ("biome.json", "{}\n", '{\n  // why\n  "a": 1\n}\n'),
        ("a.h", "int f(void);\n", "API_EXPORT int f(void);\nstatic __init int g(void);\n"),
        ("a.kt", "fun f() {}\n", "class A {\n    private fun interface B { fun c(x: Int): List<Int> }\n}\n"),
        ("a.c", "int f(void);\n", "int f(va_list v)\n{\n  return *va_arg(v, int *);\n}\n"),
        (
            "a.c",
            "int f(void);\n",
            "int f(void)\n{\n#ifdef X\n  if (a) {\n#else\n  if (!a) {\n#endif\n    return 1;\n  }\n}\n",
        ),
        ("a.c", "int f(void);\n", "int f(void);\nEXPORT_SYMBOL(f)\n"),
        ("a.cpp", "class A {};\n", "class API_EXPORT A final : public B {\n};\n"),
        ("a.cpp", "int f();\n", "export module m;\nimport std;\nexport int f();\n"),
        ("a.kt", "fun f() {}\n", "fun interface F {\n    fun g(): Int\n}\n"),
    ],
)
def test_what_is_let_pass(path: str, old: str, new: str) -> None:
    assert new_fault(path, old.encode(), new.encode()) is None


@pytest.mark.parametrize(
    ("path", "old", "new", "line"),
    [
        ("a.py", "type X = int\ny = f(1)\n", "type X = int\ny = f(1\n", 2),
        ("a.py", "type X = int\nif x:\n    pass\n", "type X = int\nif x:\npass\n", 3),
        ("a.py", 'x = f"{d["n"]}"\n', 'x = f"{d["n"}"\n', 1),
        ("a.py", "def f[\n    T\n](x: T):\n    return x\n", "def f[\n    T\n](x: T):\n    return x x\n", 4),
        ("a.py", "try:\n    a()\nexcept A:\n    b()\n", "try:\n    a()\nexcept A, B as e:\n    b()\n", 3),
        ("a.py", "def f(x): pass\n", "x = 1\ndef f[T U](x): pass\n", 2),
        ("a.yaml", "a: 1\n", "a: 1\nb: ${{ x }}\nc: {{ x }}-y\n", 3),
        ("a.ts", "a();\n", "export type * from './x';\na(;\n", 2),
        ("a.kt", "fun f() {}\n", "fun interface F { fun g() }\n}\n", 2),
        ("a.yaml", "A: !Ref b\n", "A: !Ref b\nA: !Ref c\n", 2),
        ("a.yaml", "A: !Ref b\n", "A: !Ref b\n B: 1\n", 2),
        ("tsconfig.json", "{}\n", '{\n  "a": \n}\n', 2),
        ("a.c", "int f(void);\n", "#ifdef X\nint f(void) {\n#else\nint f(int a) {\n#endif\n}\nint h(;\n", 7),
    ],
)
def test_what_is_let_pass_hides_nothing_else(path: str, old: str, new: str, line: int) -> None:
    fault = new_fault(path, old.encode(), new.encode())
    assert fault is not None
    assert fault.line == line


def test_more_errors_than_before_are_told_and_the_new_one_is_named() -> None:
    old = "function f( {\n  return 1;\n}\n\nfunction g() {\n  return 2;\n}\n"
    fault = new_fault("a.js", old.encode(), old.replace("return 2", "return ) 2").encode())
    assert fault is not None
    assert fault.line == 6


def test_an_error_before_the_one_that_was_there_is_told() -> None:
    fault = new_fault("a.toml", b"a = 1\nb = 2\nc = \n", b"a = = 1\nb = 2\nc = \n")
    assert fault is not None
    assert fault.line == 1


def test_the_next_error_behind_a_mended_one_is_let_pass() -> None:
    assert new_fault("a.toml", b"a = \nb = 2\nc = \n", b"a = 1\nb = 2\nc = \n") is None


def test_python_in_an_encoding_of_its_own() -> None:
    head = "# -*- coding: latin-1 -*-\n"
    assert new_fault("a.py", f"{head}a = 'é'\n".encode("latin-1"), f"{head}a = 'éé'\n".encode("latin-1")) is None


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", "x = " + "(" * 5000 + ")" * 5000 + "\n"),
        ("a.js", "x = " + "[" * 100_000 + "\n"),
        ("a.json", "[" * 100_000),
        ("a.toml", "a = " + "[" * 100_000),
        ("a.go", "a" * 300_000),
    ],
)
def test_bombs_are_not_read(path: str, text: str) -> None:
    assert new_fault(path, None, text.encode()) is None


def test_a_bomb_of_yaml_is_told_by_its_depth() -> None:
    fault = new_fault("a.yaml", None, b"[" * 100_000)
    assert fault is not None
    assert fault.what.startswith("nested deeper")


def test_an_old_error_that_a_mended_one_has_hidden_is_let_pass() -> None:
    assert new_fault("a.py", b"x = = 1\ny = 'abc\n", b"x = = 1\ny = 'abc'\n") is None
