"""Which paths are the repository's own."""

import pytest

from bot.text.paths import inside


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("src/cart.py", "src/cart.py"),
        ("./src/cart.py", "src/cart.py"),
        ("../doc/guide.rst", "doc/guide.rst"),
        ("/home/runner/work/app/app/src/cart.py", "src/cart.py"),
        ("/Users/runner/work/app/app/src/cart.py", "src/cart.py"),
        ("/__w/app/app/src/cart.py", "src/cart.py"),
        ("/github/workspace/src/cart.py", "src/cart.py"),
        ("/builds/acme/app/src/cart.py", "src/cart.py"),
        (r"D:\a\app\app\src\cart.cs", "src/cart.cs"),
        (r"src\cart.cs", "src/cart.cs"),
        ("file:///home/runner/work/app/app/src/Cart.kt", "src/Cart.kt"),
        ("/home/runner/work/app/app/.venv/lib/python3.12/site-packages/x.py", ""),
        ("/opt/hostedtoolcache/Python/3.12/x64/lib/python3.12/json/decoder.py", ""),
        ("node_modules/jest/build/index.js", ""),
        ("node:internal/modules/cjs/loader", ""),
        ("<frozen importlib._bootstrap>", ""),
        ("/usr/include/c++/13/vector", ""),
        ("/rustc/59807616e1fa/library/core/src/ops/function.rs", ""),
        ("https://example.com/a.js", ""),
        ("/root/.cargo/registry/src/x/lib.rs", ""),
        ("", ""),
        ("x" * 400, ""),
    ],
)
def test_a_path_relative_to_the_root_or_none(name: str, path: str) -> None:
    assert inside(name) == path
