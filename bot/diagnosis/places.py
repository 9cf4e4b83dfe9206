"""Which places in the repository a log names: files and lines, relative to its root, the repository's own first."""

from collections.abc import Iterable, Sequence

from bot.diagnosis.survey import Hit
from bot.model import Location
from bot.text.patterns import compile_pattern

MOST = 20

_ROOTS = compile_pattern(
    r"^(?:file://)?(?:/(?:home|Users)/[^/]+/work/[^/]+/[^/]+/|/__w/[^/]+/[^/]+/|/github/workspace/|/builds/[^/]+/[^/]+/"
    r"|/home/[^/]+/project/|/root/project/|/home/travis/build/[^/]+/[^/]+/|[A-Za-z]:/a/[^/]+/[^/]+/"
    r"|[A-Za-z]:/actions-runner/_work/[^/]+/[^/]+/|/home/runner/_work/[^/]+/[^/]+/|\./)"
)
_FOREIGN = compile_pattern(
    r"(?:^|/)(?:site-packages|dist-packages|node_modules|\.tox|\.nox|\.venv|venv|\.cargo/registry|\.rustup|rustc|hostedtoolcache"
    r"|go/pkg/mod|\.pyenv|\.nvm|\.gem|gems|vendor/bundle|Cellar|miniconda\d?|conda|_temp|setup-pnpm|\.m2|\.gradle|dotnet/sdk"
    r"|usr/(?:lib|include|share|local/lib)|lib/python\d[\d.]*|toolchains|internal/modules|node:internal)/"
    r"|^(?:node:|<|internal/|https?:|webpack:|\[|\(|native\b|/rustc/)|^/(?:usr|lib|opt|nix|proc|var|tmp|etc|Library|System|Applications)/"
)

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


def inside(name: str) -> str:
    """Return a path relative to the root of the repository; nothing when it is none of the repository's own files."""
    path = name.replace("\\", "/").strip().strip("'\"")
    if "_work/" in path or "/work/" in path or ":" in path[:3]:
        match = _ROOTS.match(path.encode())
        path = path[match.end() :] if match else path
    elif match := _ROOTS.match(path.encode()):
        path = path[match.end() :]
    path = path.removeprefix("./")
    while path.startswith("../"):
        path = path[3:]
    if not path or "\n" in path or len(path) > 300 or path.startswith("/"):
        return ""
    named = "/" in path or "." in path or path.endswith("file")  # Makefile, Dockerfile; not MSBUILD, LINK, ld
    return path if named and not _FOREIGN.search(path.encode()) else ""


def _named_again(place: Location, found: dict[tuple[str, int], Location]) -> bool:
    return any(file == place.file and line for file, line in found)


def _number(text: str) -> int:
    return int(text) if text.isdigit() and len(text) < 10 else 0
