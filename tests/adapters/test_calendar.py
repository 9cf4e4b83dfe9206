"""Pages of indexes as they were, and the times that are not believed."""

import json
from datetime import UTC, datetime

import pytest

from bot.adapters.calendar import JSON, LOCAL, MIRRORED, NEWER, NO_TIMES, Calendar, as_html
from tests.index import Index, Release

THEN = datetime(2022, 6, 1, tzinfo=UTC)
RELEASES = [
    Release("one", "1.0", "2021-01-01T00:00:00Z"),
    Release("one", "1.1", "2022-01-01T00:00:00Z"),
    Release("one", "2.0", "2023-01-01T00:00:00Z"),
    Release("one", "1.2", "2022-06-01T00:00:00Z"),
]


def seen(calendar: Calendar, times: str, releases: list[Release], accept: str = JSON) -> list[str]:
    """The files of the package that are left."""
    index = Index(releases, times=times)
    kind, body = index.answer("/simple/one/", accept) or ("", b"")
    project = index.answer("/pypi/one/json", "")
    found = calendar.python("one", kind, body, lambda: project[1] if project else None)
    assert found is not None
    return [f["filename"].split("-")[1] for f in found]


@pytest.mark.parametrize("times", ["json", "html", "project"])
def test_later_files_are_hidden_wherever_the_index_keeps_their_times(times: str) -> None:
    calendar = Calendar(THEN)
    assert seen(calendar, times, RELEASES) == ["1.0", "1.1", "1.2"]
    assert [r.version for r in calendar.releases()] == ["1.0", "1.1", "2.0", "1.2"]
    assert len(calendar.notes()) == 1


@pytest.mark.parametrize(
    ("times", "releases", "why"),
    [
        ("", RELEASES, NO_TIMES),
        ("json", [Release("one", f"1.{n}", f"2021-01-0{9 - n % 4}T00:00:00Z") for n in range(8)], MIRRORED),
        ("json", [Release("one", "1.0", "2022-06-01T00:00:01Z")], NEWER),
    ],
)
def test_times_that_cannot_be_believed_hide_nothing(times: str, releases: list[Release], why: str) -> None:
    calendar = Calendar(THEN)
    assert len(seen(calendar, times, releases)) == len(releases)
    assert calendar.notes()[1:] == (f"as of now, because {why}: one",)
    assert calendar.releases() == ()


def test_files_of_a_folder_travel_by_the_times_that_an_index_has_for_them() -> None:
    files = [{"filename": r.wheel_name} for r in RELEASES] + [{"filename": "one-9.0-py3-none-any.whl"}]
    kind, body = Index(RELEASES).answer("/simple/one/", JSON) or ("", b"")
    calendar = Calendar(THEN)
    left = [f["filename"].split("-")[1] for f in calendar.local(files, kind, body, lambda: None)]
    assert left == ["1.0", "1.1", "1.2", "9.0"]
    assert calendar.notes()[1:] == (f"as of now, because {LOCAL}: one-9.0-py3-none-any.whl",)


def test_a_page_keeps_what_belongs_to_its_files() -> None:
    file = {
        "filename": "one-1.0-py3-none-any.whl", "url": "https://a.example/?a=1&b=2", "hashes": {"sha256": "ab"},
        "requires-python": ">=3.8,<4", "yanked": "it's \"broken\"", "core-metadata": {"sha256": "cd"},
    }  # fmt: skip
    page = as_html([file, {"filename": "one-1.1.tar.gz", "url": "one-1.1.tar.gz", "yanked": False}])
    read = Calendar(THEN).python("one", "text/html", page, lambda: None)
    assert read is not None
    assert read[0] == file
    assert read[1]["url"] == "one-1.1.tar.gz"


def test_npm_packages_as_they_were() -> None:
    with Index(RELEASES) as index:
        body = (index.answer("/npm/one", "") or ("", b""))[1]
    calendar = Calendar(THEN)
    document = json.loads(calendar.npm(body) or b"")
    assert set(document["versions"]) == {"1.0", "1.1", "1.2"}
    assert document["dist-tags"] == {"latest": "1.2"}
    assert calendar.npm(b'{"no": "package"}') is None
    without = {**json.loads(body), "time": {}}
    assert len(json.loads(calendar.npm(json.dumps(without).encode()) or b"")["versions"]) == 4
    assert calendar.notes()[1:] == (f"as of now, because {NO_TIMES}: one",)


def test_pages_that_are_none_pass_as_they_are() -> None:
    assert Calendar(THEN).python("one", JSON, b"{", lambda: None) is None
    assert Calendar(THEN).npm(b"[" * 100_000) is None
