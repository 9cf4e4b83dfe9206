"""Deliveries: signed, and held, repeated and reordered on demand."""

import hashlib
import hmac
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.hub import Hub
from tests.hub.world import Repository
from tests.servers import serving

Got = list[tuple[dict[str, str], bytes]]


@pytest.fixture
def listening(hub: Hub) -> Iterator[Got]:
    """What somebody who listens gets."""
    got: Got = []

    class Listener(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base has it
            pass

        def do_POST(self) -> None:
            got.append((dict(self.headers.items()), self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(202)
            self.end_headers()

    server = HTTPServer(("127.0.0.1", 0), Listener)
    hub.webhooks.url = f"http://127.0.0.1:{server.server_port}/"
    with serving(server):
        yield got


def test_a_delivery_is_signed_and_sent(hub: Hub, app: Repository, listening: Got) -> None:
    hub.push(app, {"a": "b"}, by="bob")
    hub.settle()
    headers, body = listening[0]
    digest = hmac.new(hub.webhooks.secret.encode(), body, hashlib.sha256).hexdigest()
    assert headers["X-Hub-Signature-256"] == f"sha256={digest}"
    assert (headers["X-GitHub-Event"], hub.webhooks.deliveries[0].payload["sender"]["login"]) == ("push", "bob")
    events = [headers["X-GitHub-Event"] for headers, _ in listening]
    assert events == ["push", "workflow_run", "workflow_job", "workflow_run"]
    assert hub.webhooks.answers == [202] * 4


def test_deliveries_come_late_twice_and_in_another_order(hub: Hub, app: Repository, listening: Got) -> None:
    hub.webhooks.hold()
    client = hub.client(hub.token("octo"))
    for title in ("one", "two"):
        client.post("/repos/octo/app/issues", json={"title": title})
    hub.webhooks.flush()
    assert listening == []
    hub.webhooks.release(lambda held: [*reversed(held), held[0]])
    hub.webhooks.flush()
    first, second = hub.webhooks.of("issues", "opened")
    assert [headers["X-GitHub-Delivery"] for headers, _ in listening] == [second.id, first.id, first.id]


def test_a_redelivery_has_the_same_id(hub: Hub, app: Repository, listening: Got) -> None:
    hub.client(hub.token("octo")).post("/repos/octo/app/issues", json={"title": "one"})
    [delivery] = hub.webhooks.deliveries
    hub.webhooks.send(delivery)
    hub.webhooks.flush()
    assert listening[0] == listening[1]


def test_a_payload_that_departs_is_noticed(hub: Hub, app: Repository) -> None:
    hub.client(hub.token("octo")).post("/repos/octo/app/issues", json={"title": "one"})
    [delivery] = hub.webhooks.deliveries
    assert hub.description.delivery_problems("issues", delivery.payload) == []
    assert hub.description.delivery_problems("issues", {**delivery.payload, "issue": {}})
    assert hub.description.delivery_problems("issue", delivery.payload) == ["no webhook issue-opened"]
