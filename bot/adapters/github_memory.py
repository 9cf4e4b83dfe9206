"""What a gateway remembers of GitHub: answers by their ETag, and what it made a moment ago."""

import hashlib
import json
import os
import shutil
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from bot.adapters.github_politeness import MAIN

MOST_ANSWERS = 500
MOST_CHARACTERS = 20_000_000
JUST_NOW = timedelta(minutes=1)
MOST_FILES = 200  # of one token, of up to this many characters each
MOST_IN_FILE = 1_000_000
MOST_TOKENS = 5
QUERY = '{"query": "query'  # GraphQL is always a POST
KEPT_HEADERS = ("etag", "link")


@dataclass(frozen=True)
class Call:
    """A request; `url` is absolute. `follow`: also to where downloads lie; `fresh`: never from memory."""

    verb: str
    url: str
    body: str = ""
    follow: bool = True
    fresh: bool = False

    @property
    def path(self) -> str:
        """The path of its URL."""
        return urlsplit(self.url).path

    @property
    def resource(self) -> str:
        """Which of GitHub's limits it counts against."""
        return "graphql" if self.path.endswith("/graphql") else MAIN

    @property
    def writes(self) -> bool:
        """Whether it may change something."""
        return self.verb not in ("GET", "HEAD") and not self.body.startswith(QUERY)


@dataclass(frozen=True)
class Answer:
    """An answer; `headers` have small letters."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""

    @cached_property
    def said(self) -> Any:
        """Its JSON, None when it is none."""
        try:
            return json.loads(self.text)
        except ValueError:
            return None


class Kept(msgspec.Struct, frozen=True):
    """An answer as a file holds it."""

    url: str
    headers: dict[str, str]
    text: str


class Shelf:
    """Answers that outlive the process: one file each, in a folder that only its owner can read.

    GitHub's ETags hold for one token only, so each token (`identity` says which) has a folder of its own. What does not
    read is as good as not there, and what cannot be written is not kept.
    """

    def __init__(self, root: Path, identity: str) -> None:
        self._root = root
        self._folder = root / hashlib.sha256(identity.encode()).hexdigest()[:32]

    def get(self, url: str) -> Answer | None:
        """The answer that was kept of a URL."""
        try:
            with self._file(url).open("rb") as file:
                kept = msgspec.json.decode(file.read(2 * MOST_IN_FILE), type=Kept)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return None
        return Answer(200, kept.headers, kept.text) if kept.url == url and "etag" in kept.headers else None

    def put(self, url: str, answer: Answer) -> None:
        """Keep an answer; the oldest ones, and those of other tokens, give way."""
        if len(answer.text) > MOST_IN_FILE:
            return
        headers = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, fresh = tempfile.mkstemp(dir=self._folder)  # 0600
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.encode(Kept(url, headers, answer.text)))
            Path(fresh).replace(self._file(url))
            self._tidy()

    def _file(self, url: str) -> Path:
        return self._folder / f"{hashlib.sha256(url.encode()).hexdigest()[:32]}.json"

    def _tidy(self) -> None:
        for file in _newest(self._folder)[MOST_FILES:]:
            file.unlink(missing_ok=True)
        self._folder.touch()
        for folder in _newest(self._root)[MOST_TOKENS:]:
            shutil.rmtree(folder, ignore_errors=True)


def _newest(folder: Path) -> list[Path]:
    return [Path(e.path) for e in sorted(os.scandir(folder), key=lambda e: e.stat().st_mtime, reverse=True)]


class Memory:
    """Bounded, and gone with the process but for what lies on a shelf."""

    def __init__(self, shelf: Shelf | None = None) -> None:
        self._shelf = shelf
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._characters = 0
        self._made: dict[str, datetime] = {}

    def answer(self, call: Call) -> Answer | None:
        """The last answer to the same question."""
        if call.verb != "GET" or call.fresh or not call.follow:
            return None
        if self._shelf and call.url not in self._answers and (kept := self._shelf.get(call.url)):
            self._answers[call.url] = kept
            self._characters += len(kept.text)
        return self._answers.get(call.url)

    def keep(self, call: Call, answer: Answer, now: datetime) -> None:
        """Keep what a question was answered with, and of what was made where it lies."""
        if call.verb == "GET" and "etag" in answer.headers and answer.status == 200:
            is_new = self._answers.get(call.url) is not answer
            self._forget(call.url)
            self._answers[call.url] = answer
            self._characters += len(answer.text)
            if self._shelf and is_new:
                self._shelf.put(call.url, answer)
            while len(self._answers) > MOST_ANSWERS or self._characters > MOST_CHARACTERS:
                self._forget(next(iter(self._answers)))
        if call.verb == "POST" and answer.status == 201 and isinstance(answer.said, dict):
            urls = (v for k, v in answer.said.items() if k.endswith("url") and isinstance(v, str))
            self._made |= {urlsplit(url).path: now for url in urls}

    def fact(self, name: str, find: Callable[[], str]) -> str:
        """What never changes for a token: as it was found once."""
        kept = self._shelf.get(name) if self._shelf else None
        found = kept.text if kept else find()
        if self._shelf and kept is None:
            self._shelf.put(name, Answer(200, {"etag": ""}, found))
        return found

    def just_made(self, call: Call, now: datetime) -> bool:
        """Whether it is about something that we made a moment ago, which GitHub may not see everywhere yet."""
        self._made = {path: at for path, at in self._made.items() if now - at < JUST_NOW}
        return any(call.path == path or call.path.startswith(f"{path}/") for path in self._made)

    def _forget(self, url: str) -> None:
        if known := self._answers.pop(url, None):
            self._characters -= len(known.text)
