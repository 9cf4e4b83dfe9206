"""Names that a fix takes away from under other files of the repository."""

from pathlib import Path

import pytest

from bot.repair.lost_names import lost_names
from tests.repair.helpers import commit_files, make_repository

HAD, HAS = b"from shop.core import Client, Shop\n\nX = 1\n", b"from shop.core import Shop\n\nX = 1\n"
API = "src/shop/api.py"


def told(
    folder: Path,
    user: bytes,
    *,
    path: str = API,
    by: str = "examples/demo.py",
    more: str = "",
    change: tuple[bytes, bytes] = (HAD, HAS),
) -> list[str]:
    """What is told when the module at `path` is changed and the file that uses it, and one `more`, stay."""
    files = {by: user, **({more: b""} if more else {})}
    git, before = make_repository(folder, {path: change[0], **files})
    after = commit_files(git, {path: change[1], **files}, before)
    return list(lost_names(git, before, after))


@pytest.mark.parametrize(
    ("by", "user"),
    [
        pytest.param("examples/demo.py", b"from shop.api import Client\n", id="the name"),
        pytest.param("examples/demo.py", b"def f():\n    from src.shop.api import Client as C\n", id="from the root"),
        pytest.param("examples/demo.py", b"from shop import api\n\napi.Client()\n", id="of the module"),
        pytest.param("examples/demo.py", b"import shop.api\n\nshop.api.Client()\n", id="of the dotted module"),
        pytest.param("examples/demo.py", b"import shop.api as a\n\na.Client()\n", id="of the module by another name"),
        pytest.param("src/shop/cli.py", b"from .api import Client\n", id="beside it"),
        pytest.param("src/shop/sub/cli.py", b"from ..api import Client\n", id="from below"),
    ],
)
def test_a_name_that_others_take(tmp_path: Path, by: str, user: bytes) -> None:
    assert told(tmp_path, user, by=by) == [f"{by} takes Client from {API}, which has it no more"]


def test_a_function_of_another_name(tmp_path: Path) -> None:
    user = b"from shop import api\n\napi.recieve()\n"
    change = (b"def recieve():\n    pass\n", b"def receive():\n    pass\n")
    assert told(tmp_path, user, change=change) == [f"examples/demo.py takes recieve from {API}, which has it no more"]


@pytest.mark.parametrize(
    ("path", "user", "more"),
    [
        pytest.param(API, b"from shop.core import Client\n", "", id="from where it is"),
        pytest.param(API, b"from shop.api import Shop\n\nClient = Shop\n", "", id="what is still there"),
        pytest.param(API, b"def Client(:\n", "", id="no Python"),
        pytest.param(API, b"from api import Client\n", "src/shop/__init__.py", id="another module of that name"),
        pytest.param("src/shop/typing.py", b"from typing import Client\n", "", id="the standard library"),
        pytest.param("shop/__init__.py", b"from shop import Client\n", "shop/Client.py", id="a module of the package"),
    ],
)
def test_what_nobody_misses(tmp_path: Path, path: str, user: bytes, more: str) -> None:
    assert told(tmp_path, user, path=path, more=more) == []


@pytest.mark.parametrize("has", [b"from shop.core import *\n", b"def __getattr__(name):\n    pass\n", b"def (\n"])
def test_a_module_that_may_still_have_it(tmp_path: Path, has: bytes) -> None:
    assert told(tmp_path, b"from shop.api import Client\n", change=(HAD, has)) == []


ORDER = b'def total(order):\n    return order["recieved"]\n'


@pytest.mark.parametrize(
    ("by", "user"),
    [
        pytest.param("data/a.json", b'{"recieved": 1}\n', id="JSON"),
        pytest.param("data/a.yaml", b"a:\n  recieved: 1\n", id="YAML"),
        pytest.param("web/a.js", b"let x = order['recieved']\n", id="another language"),
    ],
)
def test_a_key_that_others_have(tmp_path: Path, by: str, user: bytes) -> None:
    change = (ORDER, ORDER.replace(b"recieved", b"received"))
    expected = [f"{by} has the key 'recieved', which is another one in {API}"]
    assert told(tmp_path, user, by=by, change=change) == expected


@pytest.mark.parametrize(
    ("user", "new"),
    [
        pytest.param(b"it was recieved\n", ORDER.replace(b"recieved", b"received"), id="a word of a sentence"),
        pytest.param(b'{"recieved": 1}\n', ORDER.replace(b'"recieved"', b"recieved"), id="only without quotes"),
        pytest.param(b'{"recieved": 1}\n', ORDER.replace(b'"', b"'"), id="in other quotes"),
        pytest.param(b'{"recieved": 1}\n', b"def total(order):\n    pass\n", id="gone without another"),
        pytest.param(b'{"recieved": 1}\n', ORDER.replace(b"recieved", b"sent"), id="another one"),
    ],
)
def test_no_other_key(tmp_path: Path, user: bytes, new: bytes) -> None:
    assert told(tmp_path, user, by="data/a.json", change=(ORDER, new)) == []
