"""Secrets in text: known values however they are encoded or broken up, and what has the form of a secret."""

import base64
import html
import json
import shlex
import string
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.text.redact import MASK, Redactor

VALUE = "hunter2/with+odd&chars'\"$ end"
LETTERS = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0"


def part(length: int, alphabet: str = LETTERS) -> str:
    return (alphabet * (length // len(alphabet) + 1))[:length]


HEX = "0123456789abcdef"
TOKENS = {
    "github classic": "ghp_" + part(36),
    "github oauth": "gho_" + part(36),
    "github user": "ghu_" + part(36),
    "github refresh": "ghr_" + part(76),
    "github installation": "ghs_" + part(36),
    "github installation, 2026": "ghs_" + ".".join([part(60), part(400), part(43) + "-_"]),
    "github fine-grained": "github_pat_" + part(22) + "_" + part(59),
    "anthropic": "sk-ant-api03-" + part(93),
    "openai": "sk-proj-" + part(48),
    "openai, old": "sk-" + part(48),
    "aws": "AKIA" + part(16, "ABCDEFGH234567"),
    "aws, temporary": "ASIA" + part(16, "ABCDEFGH234567"),
    "slack": "xoxb-123456789012-" + part(24),
    "npm": "npm_" + part(36),
    "pypi": "pypi-AgEIcHlwaS5vcmc" + part(60),
    "google": "AIza" + part(35),
    "stripe": "sk_live_" + part(24),
    "sendgrid": "SG." + part(22) + "." + part(43),
    "gitlab": "glpat-" + part(20),
    "telegram": "123456789:AA" + part(33),
    "jwt": "eyJ" + part(20) + ".eyJ" + part(40) + "." + part(43),
    "huggingface": "hf_" + part(34),
    "docker": "dckr_pat_" + part(27),
    "digitalocean": "dop_v1_" + part(64, HEX),
    "vault": "hvs." + part(24),
    "rubygems": "rubygems_" + part(48, HEX),
    "grafana": "glsa_" + part(32) + "_" + part(8, HEX),
    "age": "AGE-SECRET-KEY-1" + part(58, string.ascii_uppercase),
}
CONTEXTS = [
    "{}", "token={}", "TOKEN: {}", '"token": "{}"', "https://x/?t={}&b=1", "https://x/?sig={}", "({})", "`{}`",
    "--token {} --verbose", "export T='{}'", "{}\nnext line", "a,{},b", "2026-03-01T12:00:00.1234567Z echo {}",
]  # fmt: skip


@pytest.mark.parametrize("kind", TOKENS)
def test_a_token_is_taken_out_wherever_it_stands(kind: str) -> None:
    token = TOKENS[kind]
    for context in CONTEXTS:
        assert Redactor()(context.format(token)) == context.format(MASK)


@pytest.mark.parametrize("kind", ["github classic", "aws", "jwt", "slack"])
@pytest.mark.parametrize("gap", ["\x1b[31m", "\u200b", "\x1b]8;;x\x07", "\u2060", "\ufeff", "\x1b(B", "\0", "\xad"])
def test_a_token_is_found_although_something_invisible_stands_inside(kind: str, gap: str) -> None:
    token = TOKENS[kind]
    text = f"before {token[:7]}{gap}{token[7:15]}{gap}{token[15:]} after"
    assert Redactor()(text) == f"before {MASK} after"
    assert Redactor([VALUE])(f"{VALUE[:4]}{gap}{VALUE[4:]}!") == f"{MASK}!"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("https://user:s3cret@host/x", "https://user:***@host/x"),
        ("https://0123456789abcdef0123@host/x", "https://***@host/x"),
        ("Authorization: Bearer abc.def.ghi", "Authorization: Bearer ***"),
        ('{"authorization": "Basic dXNlcjpwYXNz"}', '{"authorization": "Basic ***"}'),
        ("X-Api-Key: " + part(24), "X-Api-Key: ***"),
        ("AWS_SECRET_ACCESS_KEY=" + part(40), "AWS_SECRET_ACCESS_KEY=***"),
        ("//index.invalid/:_authToken=" + part(30), "//index.invalid/:_authToken=***"),
        ("machine x login y password hunter2", "machine x login y password ***"),
        ("curl -sS -u me:hunter2 https://x", "curl -sS -u me:*** https://x"),
        ("https://hooks.slack.com/services/T00/B00/" + part(24), "https://hooks.slack.com/services/***"),
        ("https://b.invalid/f?se=1&sig=" + part(44), "https://b.invalid/f?se=1&sig=***"),
        ("DB_PASSWORD: " + part(32), "DB_PASSWORD: ***"),
        ("::add-mask::some words here", "::add-mask::***"),
    ],
)
def test_what_stands_where_only_secrets_stand(text: str, left: str) -> None:
    assert Redactor()(text) == left


def test_a_private_key_goes_and_its_lines_stay_lines() -> None:
    body = "\n".join(part(64) for _ in range(5))
    text = f"a\n-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----\nb"
    redacted = Redactor()(text)
    assert redacted.split("\n") == ["a", MASK, *[""] * 6, "b"]
    cut = Redactor()(f"-----BEGIN OPENSSH PRIVATE KEY-----\n2026-03-01T12:00:00.1234567Z {part(64)}\nordinary words")
    assert part(20) not in cut
    assert cut.endswith("\nordinary words")


@pytest.mark.parametrize(
    "text",
    [
        "Unexpected token: keyword in src/cart.js",
        "GITHUB_TOKEN: ***",
        "http.https://github.com/.extraheader AUTHORIZATION: basic ***",
        "git clone https://github.com/acme/app.git and mail me@example.com",
        "sha256:9c1185a5c5e9fc54612808977ee8f548b2258d31 done",
        "task-runner-with-a-rather-long-name-and-no-secret-inside",
        "Error: at disk-abcdefghijklmnopqrstuvwxyz0123456789",
        "FAILED tests/test_auth.py::test_token[password=None]",
        "key-value store, 12:34:56, a:b@c",
        "password: must be at least eight characters",
    ],
)
def test_ordinary_lines_stay_as_they_are(text: str) -> None:
    assert Redactor()(text) == text


@pytest.mark.parametrize(
    "encode",
    [
        lambda v: v,
        lambda v: quote(v),
        lambda v: quote(v, safe=""),
        lambda v: quote_plus(v),
        lambda v: json.dumps(v),
        lambda v: json.dumps(json.dumps({"k": v})),
        lambda v: shlex.quote(v),
        lambda v: "".join(c if c.isalnum() else "\\" + c for c in v),
        lambda v: html.escape(v),
        lambda v: v.encode().hex(),
        lambda v: v.encode().hex().upper(),
    ],
)
@pytest.mark.parametrize("value", [VALUE, "correct horse battery staple", "größe-ß-geheim", "p%40ss=w0rd?x"])
def test_a_known_value_is_found_in_its_encodings(encode: Callable[[str], str], value: str) -> None:
    coded = encode(value)
    redacted = Redactor([value])(f"<{coded}>")
    assert MASK in redacted
    assert value not in redacted
    assert len(redacted) < len(coded) / 2 + 20


@settings(max_examples=150, deadline=None)
@given(
    st.text(string.ascii_letters + string.digits + "+/ü", min_size=8, max_size=40),
    st.binary(max_size=5),
    st.binary(max_size=5),
)
def test_a_known_value_is_found_in_base64_at_each_shift(value: str, before: bytes, after: bytes) -> None:
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        coded = encode(before + value.encode() + after).decode()
        redacted = Redactor([value])(coded)
        inner = len(value.encode()) * 4 // 3 - 2
        assert MASK in redacted
        assert len(coded) - (len(redacted) - len(MASK)) >= inner


def test_both_alphabets_of_base64_are_known() -> None:
    value = "what?>~and?>~more?>~"
    plain, safe = base64.b64encode(value.encode()).decode(), base64.urlsafe_b64encode(value.encode()).decode()
    assert plain != safe
    for coded in (plain, safe):
        assert len(Redactor([value])(coded)) <= len(MASK) + 2


def test_the_longest_of_several_values_goes_first_and_short_ones_are_no_values() -> None:
    redact = Redactor(["secret", "secret-and-more", "ab", "", "   ", "***"])
    assert redact("secret-and-more, secret, ab, ***") == "***, ***, ab, ***"


def test_a_value_of_several_lines_is_found_line_by_line() -> None:
    redact = Redactor(["first line of it\nsecond line of it"])
    assert redact("x first line of it\n2026-03-01 second line of it") == "x ***\n2026-03-01 ***"


def test_values_do_not_show() -> None:
    assert "hunter2" not in repr(Redactor(["hunter2"]))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_any_text_keeps_its_number_of_lines(text: str) -> None:
    redacted = Redactor(["needle"])(text + " needle ")
    assert redacted.count("\n") == text.count("\n")
    assert "needle" not in redacted
