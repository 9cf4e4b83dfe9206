from typing import cast, get_args

import pytest

from bot.errors import Transient
from bot.github import GitHub, Pull, Role
from bot.intake.commands import Verb
from bot.intake.rights import Asker, Denied, Granted, may, may_raise
from bot.settings import Settings, read_settings
from tests.intake.payloads import REPOSITORY

VERBS: tuple[Verb, ...] = get_args(Verb)
DEFAULTS = read_settings(None, "", {})
GO, PATCH = Granted(), Granted(patch_only=True)
ANNA = Asker(login="anna")
APP = Asker(login="helper[bot]", is_bot=True)
LEAST: dict[Role, set[Verb]] = {
    "read": {"status", "help"},
    "triage": {"status", "help", "diagnose", "stop"},
    "write": set(VERBS),
    "maintain": set(VERBS),
    "admin": set(VERBS),
    "none": set(),
}


class Roles:
    """GitHub, as far as it is asked here: who has which role now. It counts the questions."""

    def __init__(self, roles: dict[str, Role]) -> None:
        self.roles, self.asked = roles, 0

    def role(self, login: str) -> Role:
        self.asked += 1
        return self.roles.get(login, "none")


def pull(author: str = "bert", head: str = REPOSITORY) -> Pull:
    return Pull(
        number=4, title="Change it", state="open", author=author, head_sha="a" * 40, head_ref="feature",
        head_repository=head, base_sha="b" * 40, base_ref="main",
    )  # fmt: skip


def asked(
    verb: Verb, asker: Asker, roles: Roles, *, on: Pull | None = None, settings: Settings = DEFAULTS
) -> Granted | Denied:
    return may(verb, asker, cast("GitHub", roles), settings, repository=REPOSITORY, pull=on)


@pytest.mark.parametrize("role", get_args(Role))
@pytest.mark.parametrize("verb", VERBS)
def test_the_role_decides(verb: Verb, role: Role) -> None:
    found = asked(verb, ANNA, Roles({"anna": role}), on=pull())
    assert (found == GO) is (verb in LEAST[role])
    if isinstance(found, Denied):
        assert (verb in found.reason, role in found.reason, "anna" in found.reason) == (True, True, True)


@pytest.mark.parametrize("role", get_args(Role))
def test_maintainers_alone_may_let_it_cost_more_than_somebody_has_said(role: Role) -> None:
    assert may_raise(ANNA, cast("GitHub", Roles({"anna": role}))) is (role in ("maintain", "admin"))
    assert not may_raise(APP, cast("GitHub", Roles({APP.login: role})))


def test_the_role_is_asked_each_time() -> None:
    roles = Roles({"anna": "write"})
    assert asked("fix", ANNA, roles) == GO
    roles.roles["anna"] = "read"
    assert isinstance(asked("fix", ANNA, roles), Denied)
    assert roles.asked == 2


def test_settings_choose_the_least_role() -> None:
    settings = read_settings("roles:\n  fix: admin\n  apply: read\n", ".regreen.yml", {})
    assert isinstance(asked("fix", ANNA, Roles({"anna": "maintain"}), settings=settings), Denied)
    assert asked("apply", ANNA, Roles({"anna": "read"}), settings=settings) == GO
    assert isinstance(asked("retry", ANNA, Roles({"anna": "read"}), settings=settings), Denied)


@pytest.mark.parametrize("verb", VERBS)
def test_authors_may_have_their_own_pull_requests_explained(verb: Verb) -> None:
    allowed = verb in {"diagnose", "status", "help"}
    assert isinstance(asked(verb, ANNA, Roles({}), on=pull("anna")), Granted) is allowed
    assert isinstance(asked(verb, ANNA, Roles({}), on=pull("bert")), Denied)
    assert isinstance(asked(verb, ANNA, Roles({}), on=None), Denied)


@pytest.mark.parametrize("verb", VERBS)
def test_bots_have_no_rights_unless_they_are_listed(verb: Verb) -> None:
    roles = Roles({"helper[bot]": "admin"})
    assert isinstance(asked(verb, APP, roles, on=pull("helper[bot]")), Denied)
    listed = read_settings(
        'commands:\n  allowed_bots: ["helper[bot]"]\nroles:\n  revert: maintain\n', ".regreen.yml", {}
    )
    assert isinstance(asked(verb, APP, roles, on=pull(), settings=listed), Granted) is (verb != "revert")
    assert roles.asked == 0


@pytest.mark.parametrize("head", ["anna/shop", ""])
@pytest.mark.parametrize("verb", VERBS)
def test_forks_get_a_patch_only(verb: Verb, head: str) -> None:
    found = asked(verb, ANNA, Roles({"anna": "admin"}), on=pull("anna", head))
    assert found == (PATCH if verb in {"fix", "apply"} else GO)


def test_a_role_that_cannot_be_asked_grants_nothing() -> None:
    class Away(Roles):
        def role(self, login: str) -> Role:
            raise Transient(f"GitHub gave no answer about {login}")

    with pytest.raises(Transient):
        asked("fix", ANNA, Away({}))
