"""Signed deliveries: collected, and sent where somebody listens; held, repeated and reordered on demand."""

import hashlib
import hmac
import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from tests.hub import shapes
from tests.hub.world import Account, Repository

if TYPE_CHECKING:
    from tests.hub.hub import Hub


@dataclass(frozen=True)
class Delivery:
    """One delivery; redelivered it is the same, its id included."""

    id: str
    event: str
    body: bytes
    headers: dict[str, str]

    @property
    def payload(self) -> Any:
        return json.loads(self.body)


@dataclass
class Webhooks:
    """`url`, when set, gets each delivery; `answers` are the statuses that came back."""

    hub: "Hub"
    secret: str = "the secret of the webhook"
    url: str = ""
    deliveries: list[Delivery] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    held: list[Delivery] | None = None
    _sender: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    _sent: list[Future[None]] = field(default_factory=list)

    def emit(self, event: str, payload: dict[str, Any], one: Repository, sender: Account) -> None:
        """Make a delivery of an event, and send it unless deliveries are held."""
        told = {**payload, "repository": shapes.repository(self.hub, one), "sender": shapes.user(self.hub, sender)}
        for app in self.hub.apps.values():
            told["installation"] = {"id": app.installation, "node_id": ""}
        self.hub.violations += self.hub.description.delivery_problems(event, told)
        body = json.dumps(told).encode()
        delivery = Delivery(str(uuid.uuid4()), event, body, {})
        delivery.headers.update(self._headers(delivery))
        self.deliveries.append(delivery)
        if self.held is not None:
            self.held.append(delivery)
        else:
            self.send(delivery)

    def _headers(self, delivery: Delivery) -> dict[str, str]:
        digest = hmac.new(self.secret.encode(), delivery.body, hashlib.sha256).hexdigest()
        return {
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/hub",
            "X-GitHub-Event": delivery.event,
            "X-GitHub-Delivery": delivery.id,
            "X-GitHub-Hook-ID": "1",
            "X-Hub-Signature-256": f"sha256={digest}",
        }

    def send(self, delivery: Delivery) -> None:
        """Send a delivery, once more if it was sent before: GitHub's redelivery keeps the id."""
        if self.url:
            self._sent.append(self._sender.submit(self._post, delivery))

    def _post(self, delivery: Delivery) -> None:
        answer = httpx.post(self.url, content=delivery.body, headers=delivery.headers, timeout=10, trust_env=False)
        self.answers.append(answer.status_code)

    def flush(self) -> None:
        """Wait until all is sent. Raises what went wrong with it."""
        while self._sent:
            self._sent.pop(0).result()

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Send, one after the other, beside whatever causes it."""
        with self._sender:
            yield

    def hold(self) -> None:
        """Keep deliveries back until `release`."""
        self.held = []

    def release(self, order: Callable[[list[Delivery]], Sequence[Delivery]] = list) -> None:
        """Send what was kept back, in the order and as often as `order` says."""
        held, self.held = self.held or [], None
        for delivery in order(held):
            self.send(delivery)

    def of(self, event: str, action: str = "") -> list[Delivery]:
        """The deliveries of an event so far."""
        found = [d for d in self.deliveries if d.event == event]
        return [d for d in found if not action or d.payload.get("action") == action]
