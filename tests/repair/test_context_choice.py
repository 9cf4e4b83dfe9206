"""Which files a log means, where failing tests stand, and what they exercise."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from bot.model import Category, Diagnosis, Location
from bot.repair.context.choice import choice
from bot.repair.context.failing import failing
from bot.repair.context.imports import imported
from bot.repair.context.resolve import resolve
from bot.repair.context.scene import Scene
from bot.repair.context.tree import Tree
from tests.repair.helpers import make_repository

PATHS = (
    "src/shop/cart.py",
    "src/shop/models.py",
    "web/src/cart.ts",
    "web/src/ui/index.tsx",
    "core/src/main/java/com/acme/Cart.java",
    "core/src/test/java/com/acme/CartTest.java",
    "other/src/main/java/org/acme/Cart.java",
    "pkg/a/queue.go",
    "pkg/b/queue.go",
    "setup.py",
    "tests/test_cart.py",
    "pages/[id].js",
)


def tree_of(folder: Path, files: dict[str, str]) -> Tree:
    return Tree(*make_repository(folder / "git", {p: t.encode() for p, t in files.items()}))


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return tree_of(tmp_path_factory.mktemp("tree"), dict.fromkeys(PATHS, "x\n"))


@pytest.mark.parametrize(
    ("name", "near", "paths"),
    [
        ("src/shop/cart.py", (), ["src/shop/cart.py"]),
        ("/home/runner/work/shop/shop/src/shop/cart.py", (), ["src/shop/cart.py"]),
        ("/__w/shop/shop/src/shop/cart.py", (), ["src/shop/cart.py"]),
        (r"D:\a\shop\shop\src\shop\cart.py", (), ["src/shop/cart.py"]),
        ("/app/src/shop/cart.py", (), ["src/shop/cart.py"]),
        ("shop/cart.py", (), ["src/shop/cart.py"]),
        ("/opt/python/lib/python3.12/site-packages/shop/cart.py", (), ["src/shop/cart.py"]),
        ("/opt/python/lib/python3.12/site-packages/requests/models.py", (), []),
        ("/usr/lib/tool/setup.py", (), []),
        ("/opt/python/lib/python3.12/site-packages/setup.py", (), []),
        ("requests/models.py", (), []),
        ("webpack:///./src/cart.ts?1f2e", ("web",), ["web/src/cart.ts"]),
        ("dist/cart.js", ("web",), ["web/src/cart.ts"]),
        ("web/dist/ui/index.js", (), ["web/src/ui/index.tsx"]),
        ("com/acme/Cart.java", (), ["core/src/main/java/com/acme/Cart.java"]),
        ("net/acme/Cart.java", (), []),
        ("queue.go", ("pkg/b",), ["pkg/b/queue.go"]),
        ("queue.go", (), ["pkg/a/queue.go", "pkg/b/queue.go"]),
        ("pages/[id].js", (), ["pages/[id].js"]),
        ("nowhere.py", (), []),
    ],
)
def test_what_a_log_names_is_found_in_the_tree(tree: Tree, name: str, near: Sequence[str], paths: list[str]) -> None:
    assert list(resolve(tree, name, near)) == paths


@pytest.mark.parametrize(
    ("test", "path", "name"),
    [
        ("tests/test_cart.py::CartTest::test_total[a-1]", "tests/test_cart.py", "test_total"),
        ("test_total (tests.test_cart.CartTest.test_total)", "tests/test_cart.py", "test_total"),
        ("test_total (tests.test_cart.CartTest)", "tests/test_cart.py", "test_total"),
        ("com.acme.CartTest.isEmpty", "java/com/acme/CartTest.java", "isEmpty"),
        ("isEmpty(com.acme.CartTest)", "java/com/acme/CartTest.java", "isEmpty"),
        ("CartTest > isEmpty()", "java/com/acme/CartTest.java", "isEmpty"),
        (r"Acme\Tests\VoucherTest::testValid", "tests/VoucherTest.php", "testValid"),
        ("TestPop/when_empty", "queue/queue_test.go", "TestPop"),
        ("wrap::tests::wraps_lines", "src/wrap.rs", "wraps_lines"),
        ("Cart \u203a adds up \u203a counts rows", "web/cart.test.ts", "counts rows"),
        ("Cart adds up counts rows", "web/cart.test.ts", "Cart adds up counts rows"),
    ],
)
def test_failing_tests_are_found_by_what_runners_call_them(tmp_path: Path, test: str, path: str, name: str) -> None:
    files = {
        "tests/test_cart.py": "class CartTest:\n    def test_total(self): ...\n",
        "java/com/acme/CartTest.java": "class CartTest { void isEmpty() {} }\n",
        "tests/VoucherTest.php": "<?php class VoucherTest { function testValid() {} }\n",
        "queue/queue_test.go": "package queue\n\nfunc TestPop(t *testing.T) {\n}\n",
        "queue/more_test.go": "package queue\n\nfunc TestPopAll(t *testing.T) {\n}\n",
        "src/wrap.rs": "mod tests {\n    fn wraps_lines() {}\n}\n",
        "web/cart.test.ts": 'describe("Cart", () => {\n  it("counts rows", () => {});\n});\n',
        "web/till.test.ts": 'it("rows", () => {});\n',
    }
    (found,) = failing(tree_of(tmp_path, files), [test], ())
    assert found.paths == (path,)
    assert name in found.names


@pytest.mark.parametrize(
    ("path", "text", "paths"),
    [
        ("tests/test_a.py", "from shop import cart\nimport shop.till\n", ["src/shop/cart.py", "src/shop/__init__.py", "src/shop/till.py"]),
        ("src/shop/x.py", "from .cart import (\n    total,\n)\nfrom ..util import y\n", ["src/shop/cart.py", "src/util.py"]),
        ("src/shop/y.py", '"""\nfrom shop import cart\n"""\n', []),
        ("web/a.test.ts", 'import { a } from "./a";\nconst b = require("./lib");\n', ["web/a.ts", "web/lib/index.js"]),
        ("web/c.ts", 'import { a } from "@/a";\nimport x from "@acme/ui";\n', ["web/a.ts", "packages/ui/src/index.ts"]),
        ("web/d.ts", "export * from './a.js';\n", ["web/a.ts"]),
        ("go/pkg/x_test.go", 'package x\n\nimport (\n\t"testing"\n\n\t"acme.org/m/go/other"\n)\n', ["go/pkg/x.go", "go/other/o.go"]),
        ("j/src/test/java/com/acme/CartTest.java", "package com.acme;\nimport org.x.Row;\nclass CartTest { Cart cart; }\n",
         ["j/src/main/java/com/acme/Cart.java", "j/src/main/java/org/x/Row.java"]),
        ("k/src/test/kotlin/acme/TillTest.kt", "package acme\n", ["k/src/main/kotlin/acme/-Till.kt"]),
        ("spec/acme/cart_spec.rb", 'require "acme/cart"\nAcme::LineItem\n', ["lib/acme/cart.rb", "lib/acme/line_item.rb"]),
        ("tests/CartTest.php", "<?php\nuse Acme\\Shop\\Cart;\n", ["app/Shop/Cart.php", "app/Other/Cart.php"]),
        ("crate/tests/it.rs", "use acme::cart::total;\n", ["crate/src/cart.rs", "crate/src/lib.rs"]),
        ("crate/src/lib.rs", "mod cart;\n", ["crate/src/cart.rs"]),
        ("c/test/t.c", '#include "../src/ring.h"\n#include <stdio.h>\n', ["c/src/ring.h", "c/src/ring.c"]),
    ],
)  # fmt: skip
def test_imports_are_followed_to_files(tmp_path: Path, path: str, text: str, paths: list[str]) -> None:
    others = [
        "src/shop/__init__.py",
        "src/shop/cart.py",
        "src/shop/till.py",
        "src/util.py",
        "web/a.ts",
        "web/lib/index.js",
        "packages/ui/src/index.ts",
        "go/pkg/x.go",
        "go/other/o.go",
        "j/src/main/java/com/acme/Cart.java",
        "j/src/main/java/org/x/Row.java",
        "x/org/acme/Cart.java",
        "k/src/main/kotlin/acme/-Till.kt",
        "lib/acme/cart.rb",
        "lib/acme/line_item.rb",
        "app/Shop/Cart.php",
        "app/Other/Cart.php",
        "crate/Cargo.toml",
        "crate/src/lib.rs",
        "crate/src/cart.rs",
        "c/src/ring.h",
        "c/src/ring.c",
    ]
    found = tree_of(tmp_path, {**dict.fromkeys(others, "x\n"), path: text})
    assert list(imported(found, path, text)) == paths


def told(**fields: object) -> Diagnosis:
    base = Diagnosis(
        category=Category.TEST_ASSERTION, error="AssertionError", error_line=1, fingerprint="f", confidence=1
    )
    return base.changed(**fields)


def chosen(folder: Path, files: dict[str, str], diagnosis: Diagnosis) -> list[tuple[str, str]]:
    """The files and the names of the blocks that are chosen, in their order."""
    scene = Scene(tree_of(folder, files), diagnosis)
    return [(w.path, b.name) for w in choice(scene) for b in scene.chosen(w)]


def test_what_a_package_passes_on_is_followed_to_where_it_is_defined(tmp_path: Path) -> None:
    files = {
        "shop/__init__.py": "from .cart import Cart\n",
        "shop/cart.py": "from .tax import gross\n\n\nclass Cart:\n    def total(self):\n        return gross(1)\n\n    def other(self): ...\n",
        "shop/tax.py": "def gross(net):\n    return net\n\n\ndef unused():\n    return 1\n",
        "tests/test_cart.py": "import shop\n\n\ndef test_total():\n    assert shop.Cart().total() == 2\n",
    }
    found = chosen(tmp_path, files, told(failing_tests=("tests/test_cart.py::test_total",)))
    assert found[0] == ("tests/test_cart.py", "test_total")
    assert {("shop/cart.py", "total"), ("shop/tax.py", "gross")} <= set(found)
    assert ("shop/tax.py", "unused") not in found


def test_what_only_passes_names_on_puts_nothing_further_away(tmp_path: Path) -> None:
    files = {
        "near/__init__.py": "from .inner import load\n",
        "near/inner/__init__.py": "from .real import load\n",
        "near/inner/real.py": "def load():\n    return 1\n",
        "far.py": "import behind\n\n\ndef other():\n    x = 1\n    y = 2\n    return behind.load(x, y)\n",
        "behind.py": "def load(x, y):\n    return 2\n",
        "test_load.py": "import far\nimport near\n\n\ndef test_it():\n    assert near.load() == 2\n",
    }
    found = chosen(tmp_path, files, told(failing_tests=("test_load.py::test_it",)))
    assert found[:3] == [("test_load.py", "test_it"), ("near/inner/real.py", "load"), ("behind.py", "load")]


def test_a_test_that_is_called_like_a_function_exercises_it(tmp_path: Path) -> None:
    files = {
        "shop.py": "def merge_slashes(path):\n    return path\n\n\ndef split_hosts(path):\n    return path\n\n\ndef run(path):\n    return 1\n",
        "test_shop.py": "import shop\n\n\ndef test_slashes_are_merged():\n    assert shop.run('//')\n",
    }
    found = chosen(tmp_path, files, told(failing_tests=("test_shop.py::test_slashes_are_merged",)))
    assert ("shop.py", "merge_slashes") in found
    assert ("shop.py", "split_hosts") not in found


def test_names_that_are_missing_lead_to_what_defines_them(tmp_path: Path) -> None:
    files = {
        "a/main.go": "package a\n\nfunc Run() int {\n\treturn prot(1)\n}\n",
        "deep/down/port.go": "package down\n\nfunc prot(x int) int {\n\treturn x\n}\n",
        "notes.md": "func prot(x int)\n",
    }
    diagnosis = told(
        category=Category.COMPILE_ERROR,
        error="a/main.go:4:9: undefined: prot",
        locations=(Location(file="a/main.go", line=4, message="undefined: prot"),),
    )
    assert chosen(tmp_path, files, diagnosis) == [("a/main.go", "Run"), ("deep/down/port.go", "prot")]


def test_words_that_a_test_compares_are_not_taken_for_names(tmp_path: Path) -> None:
    files = {
        "a/color.py": "def orange():\n    return 1\n",
        "b/test_x.py": "def test_x():\n    assert f() == 'orange'\n",
    }
    places = (Location(file="b/test_x.py", line=2),)
    assert chosen(tmp_path, files, told(error="assert 'apple' == 'orange'", locations=places)) == [
        ("b/test_x.py", "test_x")
    ]
    error = "NameError: name 'orange' is not defined"
    assert ("a/color.py", "orange") in chosen(tmp_path / "two", files, told(error=error, locations=places))
