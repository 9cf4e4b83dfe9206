"""Which files are the repository's own."""

from bot.diagnosis.places import locations
from bot.diagnosis.signatures import Signature
from bot.diagnosis.survey import Hit
from bot.text.log import Line


def places(*fields: dict[str, str]) -> list[tuple[str, int]]:
    signature = Signature("a.b", "frame", None, 1, (), "")
    found = locations(Hit(signature, one, Line(1, 0, ""), 0) for one in fields)
    return [(place.file, place.line) for place in found]


def test_the_file_of_a_java_frame_stands_in_its_package() -> None:
    assert places(
        {"file": "Cart.java", "line": "12", "symbol": "com.acme.Cart.total"},
        {"file": "CartTest.kt", "line": "7", "symbol": "app//com.acme.CartTest$Inner.adds"},
        {"file": "ArrayList.java", "line": "659", "symbol": "java.base/java.util.ArrayList.get"},
        {"file": "Assertions.java", "line": "134", "symbol": "org.junit.jupiter.api.Assertions.fail"},
        {"file": "Cart.java", "line": "3"},
    ) == [("com/acme/Cart.java", 12), ("com/acme/CartTest.kt", 7), ("Cart.java", 3)]


def test_each_place_comes_once_and_a_line_says_more_than_none() -> None:
    assert places({"file": "a.py"}, {"file": "a.py", "line": "3"}, {"file": "a.py", "line": "3"}, {"file": "b.py"}) == [
        ("a.py", 3),
        ("b.py", 0),
    ]
    assert places({"test": "tests/a.py::test_b"}, {"test": "alone::x"}, {"file": "MSBUILD"}) == [("tests/a.py", 0)]
    assert len(places(*({"file": f"a{n}.py"} for n in range(50)))) == 20


def test_a_complaint_without_a_file_belongs_to_the_heading_above_it() -> None:
    signature = Signature("a.b", "cause", None, 1, (), "")
    rows: list[tuple[int, dict[str, str]]] = [
        (7, {"line": "3"}),
        (2, {"line": "1"}),
        (1, {"file": "src/a.js"}),
        (5, {"file": "src/b.js"}),
    ]
    found = locations(Hit(signature, fields, Line(number, 0, ""), 0) for number, fields in rows)
    assert [(place.file, place.line) for place in found] == [("src/b.js", 3), ("src/a.js", 1)]
