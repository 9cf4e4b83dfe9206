"""What a gateway remembers of GitHub: answers by their ETag, and what it made a moment ago."""

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from bot.adapters.github_politeness import MAIN

MOST_ANSWERS = 500
MOST_CHARACTERS = 20_000_000
JUST_NOW = timedelta(minutes=1)


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
        return self.verb not in ("GET", "HEAD")


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


class Memory:
    """Bounded, and gone with the process."""

    def __init__(self) -> None:
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._characters = 0
        self._made: dict[str, datetime] = {}

    def answer(self, call: Call) -> Answer | None:
        """The last answer to the same question."""
        if call.verb != "GET" or call.fresh or not call.follow:
            return None
        return self._answers.get(call.url)

    def keep(self, call: Call, answer: Answer, now: datetime) -> None:
        """Keep what a question was answered with, and of what was made where it lies."""
        if call.verb == "GET" and "etag" in answer.headers and answer.status == 200:
            self._forget(call.url)
            self._answers[call.url] = answer
            self._characters += len(answer.text)
            while len(self._answers) > MOST_ANSWERS or self._characters > MOST_CHARACTERS:
                self._forget(next(iter(self._answers)))
        if call.verb == "POST" and answer.status == 201 and isinstance(answer.said, dict):
            urls = (v for k, v in answer.said.items() if k.endswith("url") and isinstance(v, str))
            self._made |= {urlsplit(url).path: now for url in urls}

    def just_made(self, call: Call, now: datetime) -> bool:
        """Whether it is about something that we made a moment ago, which GitHub may not see everywhere yet."""
        self._made = {path: at for path, at in self._made.items() if now - at < JUST_NOW}
        return any(call.path == path or call.path.startswith(f"{path}/") for path in self._made)

    def _forget(self, url: str) -> None:
        if known := self._answers.pop(url, None):
            self._characters -= len(known.text)
