"""Folders of packages on this machine, as the pages of an index: for time travel, which hides what came later."""

from pathlib import Path
from typing import Any
from urllib.parse import unquote

from packaging.utils import canonicalize_name

from bot.adapters.calendar import html_files, release_of


def listed(folder: Path, name: str) -> dict[str, Path]:
    """The files of a package, by their names: what the page of an index in files links to, or all that lie there."""
    page = folder / canonicalize_name(name) / "index.html"
    if page.is_file():
        links = html_files(page.read_bytes())
        found = [(page.parent / unquote(str(link["url"]).removeprefix("file://"))).resolve() for link in links]
        return {file.name: file for file in found if file.is_file()}
    if not folder.is_dir():
        return {}
    return {f.name: f for f in folder.iterdir() if f.is_file() and release_of(f.name)[0] == canonicalize_name(name)}


def as_files(number: int, name: str, files: dict[str, Path]) -> list[dict[str, Any]]:
    """The files as the page of an index lists them; `number` is that of their folder."""
    return [{"filename": file, "url": f"/{number}/files/{name}/{file}", "hashes": {}} for file in files]
