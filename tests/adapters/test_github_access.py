"""Who the gateway is to GitHub, and where its token goes."""

import base64
import json
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from bot.adapters.github_access import PERMISSIONS
from bot.adapters.github_api import GitHubApi, server_of, with_app, with_token
from bot.errors import RegreenError, Unauthenticated, UsageError
from tests.adapters.scripted import NAME, REPO, TOKEN, Reply, Scripted, a_comment, a_run
from tests.state.helpers import NOON

OK = Reply(200, a_run())
FORMATS = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


@pytest.fixture(scope="module")
def key() -> str:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(*FORMATS).decode()


def a_token(token: str, minutes: float = 60) -> Reply:
    return Reply(201, {"token": token, "expires_at": (NOON + timedelta(minutes=minutes)).isoformat()})


def as_app(script: Scripted, key: str) -> GitHubApi:
    return with_app(NAME, 12, key, 34, script.clock, api_url=script.url)


def bearers(script: Scripted) -> list[str]:
    return [one.headers["authorization"].removeprefix("Bearer ") for one in script.asked]


def test_a_token_goes_with_every_request_and_nowhere_else(script: Scripted) -> None:
    script.answers(OK, Reply(201, a_comment("hello")))
    github = script.gateway()
    github.run(7)
    github.comment(1, "hello")
    assert bearers(script) == [TOKEN, TOKEN]
    assert not any(TOKEN in one.url for one in script.asked)
    assert TOKEN not in f"{github!r} {github.usage!r} {vars(github)!r}"
    assert script.asked[0].headers["x-github-api-version"] == "2022-11-28"
    assert script.asked[0].headers["user-agent"].startswith("regreen/")


def test_an_app_has_a_token_for_one_repository_with_the_least_permissions(script: Scripted, key: str) -> None:
    script.answers(a_token("ghs_one"), OK, OK)
    github = as_app(script, key)
    github.run(7)
    github.run(8)
    asked = script.asked[0]
    assert (asked.verb, asked.path) == ("POST", "/app/installations/34/access_tokens")
    assert asked.body == {"repositories": ["thing"], "permissions": PERMISSIONS}
    statement = json.loads(base64.urlsafe_b64decode(bearers(script)[0].split(".")[1] + "=="))
    assert str(statement["iss"]) == "12"
    assert statement["exp"] - statement["iat"] <= 600
    assert bearers(script)[1:] == ["ghs_one", "ghs_one"]


def test_a_token_of_an_app_is_renewed_before_it_is_55_minutes_old(script: Scripted, key: str) -> None:
    script.answers(a_token("ghs_one"), OK, OK, a_token("ghs_two", 115), OK)
    github = as_app(script, key)
    github.run(7)
    script.clock.time += timedelta(minutes=54)
    github.run(7)
    script.clock.time += timedelta(minutes=1)
    github.run(7)
    assert [one for one in bearers(script) if "." not in one] == ["ghs_one", "ghs_one", "ghs_two"]


def test_a_token_of_an_app_that_is_refused_is_renewed_once(script: Scripted, key: str) -> None:
    refused = Reply(401, {"message": "Bad credentials"})
    script.answers(a_token("ghs_one"), refused, a_token("ghs_two"), OK)
    github = as_app(script, key)
    assert github.run(7).id == 7
    script.answers(refused, a_token("ghs_three"), refused)
    with pytest.raises(Unauthenticated, match="does not accept the token"):
        github.run(7)
    assert not script.replies


def test_an_app_that_is_not_known_is_told_once(script: Scripted, key: str) -> None:
    script.answers(Reply(401, {"message": "A JSON web token could not be decoded"}))
    with pytest.raises(Unauthenticated):
        as_app(script, key).run(7)
    assert len(script.asked) == 1


@pytest.mark.parametrize("wrong", ["", "none", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"])
def test_a_key_that_is_none(script: Scripted, wrong: str) -> None:
    with pytest.raises(UsageError, match="no RSA key in PEM") as raised:
        as_app(script, wrong)
    assert "AAAA" not in str(raised.value)


def test_a_key_of_another_kind(script: Scripted) -> None:
    with pytest.raises(UsageError, match="no RSA key in PEM"):
        as_app(script, ec.generate_private_key(ec.SECP256R1()).private_bytes(*FORMATS).decode())


@pytest.mark.parametrize("wrong", ["", " ", "a b", "tök", "a\nb"])
def test_a_token_that_is_none(script: Scripted, wrong: str) -> None:
    with pytest.raises(UsageError, match="GITHUB_TOKEN"):
        with_token(NAME, wrong, script.clock)


@pytest.mark.parametrize("wrong", ["thing", "a/b/c", "a/..", "a/", "/b", "a/b?x", "a b/c", ""])
def test_a_repository_that_is_none(script: Scripted, wrong: str) -> None:
    with pytest.raises(UsageError, match="give owner/name"):
        with_token(wrong, TOKEN, script.clock)


@pytest.mark.parametrize(
    "wrong", ["", "github.com", "ftp://x", "https://", "https://me:pw@x", "http://x:port", "https://x?y"]
)
def test_an_api_that_is_none(script: Scripted, wrong: str) -> None:
    with pytest.raises(RegreenError, match="GITHUB_API_URL") as raised:
        with_token(NAME, TOKEN, script.clock, api_url=wrong)
    assert "pw" not in str(raised.value)


def test_who_a_token_speaks_for(script: Scripted, key: str) -> None:
    script.answers(Reply(200, {"login": "ann"}))
    github = script.gateway()
    assert (github.login, github.login) == ("ann", "ann")
    script.answers(Reply(403, {"message": "Resource not accessible by integration"}))
    script.answers(Reply(502), Reply(200, {"data": {"viewer": {"login": "github-actions[bot]"}}}))
    assert script.gateway().login == "github-actions[bot]"
    script.answers(Reply(200, {"slug": "regreen"}))
    assert as_app(script, key).login == "regreen[bot]"


def test_an_enterprise_server_has_its_paths(script: Scripted) -> None:
    script.answers(OK, Reply(403, {"message": "no"}), Reply(200, {"data": {"viewer": {"login": "x"}}}))
    github = with_token(NAME, TOKEN, script.clock, api_url=f"{script.url}/api/v3/")
    github.run(7)
    assert github.login == "x"
    paths = [one.path for one in script.asked]
    assert paths == [f"/api/v3{REPO}/actions/runs/7", "/api/v3/user", "/api/graphql"]
    assert server_of("https://api.github.com") == "https://github.com"
    assert server_of("https://api.acme.ghe.com") == "https://acme.ghe.com"
    assert server_of("https://ghe.example/api/v3") == "https://ghe.example"


def test_git_gets_the_token_by_its_environment_alone(script: Scripted, tmp_path: Path) -> None:
    """Also in a checkout whose own configuration has another one, as `actions/checkout` leaves it."""
    environment = script.gateway().git_environment()
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    old = f"http.{script.url}/.extraheader"
    subprocess.run(["git", "-C", str(tmp_path), "config", old, "AUTHORIZATION: basic b2xk"], check=True)
    command = ["git", "-C", str(tmp_path), "ls-remote", f"{script.url}/{NAME}.git"]
    subprocess.run(command, env=environment | {"PATH": "/usr/bin:/bin"}, capture_output=True)
    pair = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
    assert [one.headers["authorization"] for one in script.asked] == [f"basic {pair}"]
    assert script.asked[0].url == f"/{NAME}.git/info/refs?service=git-upload-pack"
