"""Bedrock and Vertex as their clients speak on the wire: paths, credentials and streams, before the server with models.

They need libraries of those clouds (boto3, google-auth), and are left out where these are not installed.
"""

import base64
import binascii
import json
import struct
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.adapters.anthropic_api import AnthropicLLM
from bot.llm import Passage, Request, Turn, Unanswered
from tests.llm import LLMServer, answer, faults
from tests.llm.server import MESSAGES, Received
from tests.servers import LoopbackServer, serving

HAIKU = "claude-haiku-5-5"
ASKED = Request(HAIKU, 500, (Passage("Rules."),), (Turn("user", ({"type": "text", "text": "Why?"},)),))
VERTEX = f"/projects/acme/locations/europe-west1/publishers/anthropic/models/{HAIKU}:streamRawPredict"
BEDROCK = f"/model/{HAIKU}/invoke-with-response-stream"


class Cloud(LoopbackServer):
    """Passes on what a cloud's client asks to the server with models, and back in the cloud's own form."""

    def __init__(self, llm: LLMServer) -> None:
        self.llm = llm
        self.asked: list[tuple[str, str]] = []
        super().__init__(_Handler, llm.violations)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Cloud

    def log_message(self, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        data, path = self.rfile.read(int(self.headers["content-length"])), unquote(self.path)
        if path == "/token":
            self._send(200, json.dumps({"access_token": "of-google", "expires_in": 3600}).encode(), "application/json")
            return
        self.server.asked.append((path, self.headers["authorization"]))
        body = json.loads(data)
        headers = {"x-api-key": self.server.llm.key, "anthropic-version": body.pop("anthropic_version")}
        if path not in (VERTEX, BEDROCK):
            self._send(404, b"{}", "application/json")
            return
        sent = self.server.llm.receive(Received(MESSAGES, headers, {**body, "model": HAIKU, "stream": True}), len(data))
        if sent.fault:
            self._send(sent.fault.status, sent.fault.body, "application/json")
        elif path == VERTEX:
            self._send(200, b"".join(sent.pieces), "text/event-stream")
        else:
            self._send(200, b"".join(map(frame, sent.pieces)), "application/vnd.amazon.eventstream")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def frame(piece: bytes) -> bytes:
    """An event in the form of https://smithy.io/2.0/aws/amazon-eventstream.html."""
    said = piece.partition(b"data: ")[2].strip()
    payload = json.dumps({"bytes": base64.b64encode(said).decode()}).encode()
    headers = b"".join(
        bytes([len(name)]) + name + b"\x07" + struct.pack(">H", len(value)) + value
        for name, value in (
            (b":message-type", b"event"),
            (b":event-type", b"chunk"),
            (b":content-type", b"application/json"),
        )
    )
    start = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    start += struct.pack(">I", binascii.crc32(start))
    whole = start + headers + payload
    return whole + struct.pack(">I", binascii.crc32(whole))


@pytest.fixture
def cloud(llm_server: LLMServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    for name in ("http_proxy", "https_proxy", "all_proxy", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    server = Cloud(llm_server)
    with serving(server):
        yield server


def bedrock(cloud: Cloud, **more: str) -> dict[str, str]:
    return {"ANTHROPIC_BEDROCK_BASE_URL": cloud.url, "AWS_REGION": "eu-west-1", **more}


@pytest.fixture
def vertex(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """A service account whose tokens come from the server of the test."""
    key = rsa.generate_private_key(65537, 2048)
    formats = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    account = {"type": "service_account", "project_id": "acme", "client_email": "ci@acme.invalid"}
    account |= {"token_uri": f"{cloud.url}/token", "private_key": key.private_bytes(*formats).decode()}
    path = tmp_path / "account.json"
    path.write_text(json.dumps(account))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    place = {"CLOUD_ML_REGION": "europe-west1", "ANTHROPIC_VERTEX_PROJECT_ID": "acme"}
    return {"ANTHROPIC_VERTEX_BASE_URL": cloud.url, **place}


def told(llm_server: LLMServer, llm: AnthropicLLM) -> Any:
    """An answer comes whole, with its usage; and a refusal becomes the error that it is everywhere."""
    llm_server.script = [answer("Here it is."), faults.too_long()]
    reply = llm.ask(ASKED)
    assert (reply.text, reply.stop, reply.tokens) == ("Here it is.", "end_turn", llm_server.bills[0].tokens)
    with pytest.raises(Unanswered) as caught:
        llm.ask(ASKED)
    assert caught.value.kind == "too-large"
    assert llm.models() is None


def test_bedrock_by_a_bearer_token(cloud: Cloud, llm_server: LLMServer) -> None:
    llm = AnthropicLLM(bedrock(cloud, AWS_BEARER_TOKEN_BEDROCK="of-aws"), "bedrock")
    told(llm_server, llm)
    assert llm.count(ASKED) is None  # which Bedrock does not do
    assert cloud.asked == [(BEDROCK, "Bearer of-aws")] * 2


def test_bedrock_by_keys_of_the_environment(
    cloud: Cloud, llm_server: LLMServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    told(llm_server, AnthropicLLM(bedrock(cloud), "bedrock"))
    [(path, signed), _] = cloud.asked
    assert path == BEDROCK
    assert signed.startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert "/eu-west-1/bedrock/aws4_request" in signed


def test_vertex_by_a_service_account(cloud: Cloud, vertex: Mapping[str, str], llm_server: LLMServer) -> None:
    told(llm_server, AnthropicLLM(vertex, "vertex"))
    assert cloud.asked == [(VERTEX, "Bearer of-google")] * 2
