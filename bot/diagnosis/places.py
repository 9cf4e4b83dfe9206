"""Which places in the repository a log names: files and lines, relative to its root, the repository's own first."""

from collections.abc import Iterable, Sequence

from bot.diagnosis.survey import Hit
from bot.model import Location
from bot.text.paths import inside

MOST = 20

_LIBRARIES = (  # whose frames are not the repository's, whatever it is
    "java/", "javax/", "jdk/", "sun/", "com/sun/", "kotlin/", "kotlinx/", "scala/", "groovy/", "org/codehaus/groovy/",
    "org/junit/", "junit/", "org/testng/", "org/opentest4j/", "org/hamcrest/", "org/assertj/", "org/mockito/",
    "org/gradle/", "worker/org/gradle/", "org/apache/maven/", "org/spockframework/", "io/kotest/", "org/scalatest/",
)  # fmt: skip


def locations(hits: Iterable[Hit]) -> tuple[Location, ...]:
    """Return the places in the repository that hits name, in their order (the best first), each once."""
    found: dict[tuple[str, int], Location] = {}
    hits = tuple(hits)
    for hit in hits:
        fields = hit.fields
        name = fields.get("file") or fields.get("path") or (_above(hit, hits) if "line" in fields else "")
        if not (file := inside(_of_class(name, fields.get("symbol", "")) or _of_test(hit.test))):
            continue
        line = _number(fields.get("line") or fields.get("row", ""))
        message = fields.get("message") or fields.get("other") or fields.get("text", "")
        found.setdefault(
            (file, line),
            Location(file=file, line=line, column=_number(fields.get("column", "")), message=message[:300]),
        )
    sure = [place for place in found.values() if place.line or not _named_again(place, found)]
    return tuple(sure[:MOST])


def _above(hit: Hit, hits: Sequence[Hit]) -> str:
    """Return the file that a list of complaints has as its heading, where they themselves only give lines."""
    named = ((h.line.number, h.fields["file"]) for h in hits if "file" in h.fields and "line" not in h.fields)
    return max((n, file) for n, file in (*named, (0, "")) if n < hit.line.number)[1]


def _of_class(file: str, symbol: str) -> str:
    """Put the package before the file of a Java frame, which gives only its name: `com/acme/Cart.java`."""
    if "/" in file or not file.endswith((".java", ".kt", ".scala", ".groovy")):
        return file
    packages = symbol.rsplit("/", 1)[-1].split(".")[:-2]  # before it: a class loader or a module
    path = "/".join([*(name for name in packages if name[:1].islower()), file])
    return "" if path.startswith(_LIBRARIES) else path


def _of_test(test: str) -> str:
    """Return the file that stands in the id of a test, as in `tests/a_test.py::test_b`."""
    file, parts, _ = test.partition("::")
    return file if parts and "." in file and "/" in file else ""


def _named_again(place: Location, found: dict[tuple[str, int], Location]) -> bool:
    return any(file == place.file and line for file, line in found)


def _number(text: str) -> int:
    return int(text) if text.isdigit() and len(text) < 10 else 0
