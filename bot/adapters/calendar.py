"""Time travel: hides from the pages of package indexes what was uploaded after a moment.

Pages are those of https://packaging.python.org/en/latest/specifications/simple-repository-api/ (JSON and HTML), with
times from `upload-time`, `data-upload-time` or the project's JSON page (`/pypi/NAME/json`), and those of
https://github.com/npm/registry/blob/main/docs/responses/package-metadata.md. A package whose times cannot be believed
stays as it is now, and that is said.
"""

import html
import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from bot.model import utc
from bot.ports import Release

JSON = "application/vnd.pypi.simple.v1+json"
NO_TIMES = "their index gives no times"
MIRRORED = "the times of their index are those of a mirror"
NEWER = "by its times, their index had none of them"
LOCAL = "no index knows when these files of this machine appeared"
OTHER = "nothing is known of their times"
# The share of versions that came before the one that they follow by number. Measured: 0 to 7 % in 12 packages with the
# times of publishing (backports do it), 41 to 50 % in 5 of a mirror that is filled when somebody first asks.
MAX_BACKWARDS = 0.25
MAX_NAMED = 10


class Calendar:
    """What indexes have served up to a moment. Used by several threads."""

    def __init__(self, as_of: datetime) -> None:
        self.as_of = as_of
        self._stayed: dict[str, dict[str, None]] = {}
        self._releases: dict[Release, None] = {}
        self._lock = threading.Lock()

    def notes(self) -> tuple[str, ...]:
        """What travelled and what did not, in words for people."""
        with self._lock:
            begin = f"as of {self.as_of:%Y-%m-%d %H:%M} UTC are Python and npm packages, and nothing else"
            stayed = (f"as of now, because {why}: {_listed(names)}" for why, names in self._stayed.items())
            return begin, *stayed

    def releases(self) -> tuple[Release, ...]:
        """The releases that pages of packages which travel have told of, hidden ones included."""
        with self._lock:
            return tuple(self._releases)

    def untold(self, place: str) -> None:
        """Note that something was asked for that does not travel."""
        self._stay(OTHER, place)

    def python(
        self, name: str, kind: str, body: bytes, project: Callable[[], bytes | None]
    ) -> list[dict[str, Any]] | None:
        """The files of an index page that were there, as JSON pages list them; None when it cannot be read.

        `kind` is the page's content type; `project` gets the project's JSON page, None where the index has none.
        """
        try:
            files = _json_files(body) if "json" in kind else html_files(body)
            times = _times(files)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        if len(times) < len(files):
            times |= _project_times(project())
        if any(f["filename"] not in times for f in files):
            self._stay(NO_TIMES, name)
            return files
        pairs = [(release_of(f["filename"])[1], times[f["filename"]]) for f in files]
        if not self._believe(name, [(v, t) for v, t in pairs if v]):
            return files
        return [f for f in files if times[f["filename"]] <= self.as_of]

    def local(
        self, files: Sequence[dict[str, Any]], kind: str, body: bytes, project: Callable[[], bytes | None]
    ) -> list[dict[str, Any]]:
        """The files of a folder that were there, by the times that the page of an index has for their names."""
        try:
            known = _times(_json_files(body) if "json" in kind else html_files(body))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            known = {}
        if any(f["filename"] not in known for f in files):
            known |= _project_times(project())
        for file in files:
            if file["filename"] not in known:
                self._stay(LOCAL, file["filename"])
        return [f for f in files if known.get(f["filename"], self.as_of) <= self.as_of]

    def npm(self, body: bytes) -> bytes | None:
        """A package's metadata as it was, or None when it is none."""
        try:
            document = json.loads(body)
            versions, times = document["versions"], document.get("time", {})
            name, tags = str(document["name"]), document.get("dist-tags", {})
            known = {v: utc(times[v]) for v in versions if v in times}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        if len(known) < len(versions):
            self._stay(NO_TIMES, name)
            return body
        if not self._believe(name, list(known.items())):
            return body
        kept = {v: row for v, row in versions.items() if known[v] <= self.as_of}
        newest = max(kept, key=lambda v: (not _order(v).is_prerelease, _order(v)))
        tags = {tag: v for tag, v in tags.items() if v in kept}
        return json.dumps({**document, "versions": kept, "dist-tags": {"latest": newest, **tags}}).encode()

    def _believe(self, name: str, rows: Sequence[tuple[str, datetime]]) -> bool:
        """Whether the times are those of publishing, and leave something; what is believed is a release."""
        first: dict[str, datetime] = {}
        for version, moment in rows:
            first[version] = min(moment, first.get(version, moment))
        moments = [first[v] for v in sorted(first, key=_order)]
        backwards = sum(later < earlier for earlier, later in pairwise(moments))
        if backwards > MAX_BACKWARDS * max(1, len(moments) - 1):
            self._stay(MIRRORED, name)
            return False
        if moments and min(moments) > self.as_of:
            self._stay(NEWER, name)
            return False
        with self._lock:
            self._releases |= {Release(name, version, moment): None for version, moment in first.items()}
        return True

    def _stay(self, why: str, name: str) -> None:
        with self._lock:
            self._stayed.setdefault(why, {})[name] = None


def as_json(name: str, files: Sequence[Mapping[str, Any]]) -> bytes:
    """A JSON page of these files."""
    return json.dumps({"meta": {"api-version": "1.1"}, "name": name, "files": files}).encode()


def as_html(files: Sequence[Mapping[str, Any]]) -> bytes:
    """An HTML page of these files."""
    lines = []
    for file in files:
        digest = next((f"#{k}={v}" for k, v in file.get("hashes", {}).items()), "")
        attributes = {"href": f"{file['url']}{digest}"}
        if file.get("requires-python"):
            attributes["data-requires-python"] = file["requires-python"]
        if file.get("yanked"):
            attributes["data-yanked"] = file["yanked"] if isinstance(file["yanked"], str) else ""
        core = file.get("core-metadata")
        if core:
            told = next((f"{k}={v}" for k, v in core.items()), "true") if isinstance(core, dict) else "true"
            attributes |= {"data-core-metadata": told, "data-dist-info-metadata": told}
        told = " ".join(f'{k}="{html.escape(str(v))}"' for k, v in attributes.items())
        lines.append(f"<a {told}>{html.escape(file['filename'])}</a><br>\n")
    return f"<!DOCTYPE html><html><body>\n{''.join(lines)}</body></html>".encode()


class _Links(HTMLParser):
    """The links of a page, with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[tuple[dict[str, str], str]] = []
        self._open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self._open = True
            self.links.append(({k: v or "" for k, v in attrs}, ""))

    def handle_endtag(self, tag: str) -> None:
        self._open = self._open and tag != "a"

    def handle_data(self, data: str) -> None:
        if self._open:
            attributes, text = self.links[-1]
            self.links[-1] = (attributes, text + data)


def html_files(body: bytes) -> list[dict[str, Any]]:
    """The files that an HTML page links to, as JSON pages list them."""
    parser = _Links()
    parser.feed(body.decode("utf-8", "replace"))
    files = []
    for attributes, text in parser.links:
        url, _, digest = attributes.get("href", "").partition("#")
        algorithm, _, value = digest.partition("=")
        file: dict[str, Any] = {"filename": text.strip(), "url": url, "hashes": {algorithm: value} if value else {}}
        if "data-requires-python" in attributes:
            file["requires-python"] = attributes["data-requires-python"]
        file["yanked"] = attributes["data-yanked"] or True if "data-yanked" in attributes else False
        core = attributes.get("data-core-metadata", attributes.get("data-dist-info-metadata"))
        if core is not None:
            kind, _, told = core.partition("=")
            file["core-metadata"] = {kind: told} if told else True
        if attributes.get("data-upload-time"):
            file["upload-time"] = attributes["data-upload-time"]
        files.append(file)
    return files


def _json_files(body: bytes) -> list[dict[str, Any]]:
    return [dict(file) for file in json.loads(body)["files"]]


def _times(files: Iterable[Mapping[str, Any]]) -> dict[str, datetime]:
    return {f["filename"]: utc(f["upload-time"]) for f in files if f.get("upload-time")}


def _project_times(body: bytes | None) -> dict[str, datetime]:
    try:
        rows = [file for files in json.loads(body or b"")["releases"].values() for file in files]
        return {f["filename"]: utc(f.get("upload_time_iso_8601") or f["upload_time"]) for f in rows}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def release_of(file: str) -> tuple[str, str]:
    """The normalized name and the version of a wheel or an sdist; both empty when it is neither."""
    try:
        name, version = parse_wheel_filename(file)[:2] if file.endswith(".whl") else parse_sdist_filename(file)
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return "", ""
    return name, str(version)


def _order(version: str) -> Version:
    try:
        return Version(version)
    except InvalidVersion:  # of npm's, those that Python knows no words for are all prereleases
        return Version(f"{version.partition('-')[0]}.dev0") if version[:1].isdigit() else Version("0.dev0")


def _listed(names: Iterable[str]) -> str:
    found = list(names)
    return ", ".join(found[:MAX_NAMED]) + (f" and {len(found) - MAX_NAMED} more" if len(found) > MAX_NAMED else "")
