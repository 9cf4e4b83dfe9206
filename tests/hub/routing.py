"""A request, what may be answered to it, and which function answers what."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import unquote, urlencode

from tests.hub.world import ROLES, Account, Repository, Token

if TYPE_CHECKING:
    from tests.hub.hub import Hub

DOCUMENTATION = "https://docs.github.com/rest"
_LEVELS = ("none", "read", "write", "admin")
_ROLE_OF_LEVEL = {"read": "read", "write": "write", "admin": "admin"}
_MANY_SEGMENTS = {"ref", "path"}


@dataclass
class Answer:
    """`body` is sent as JSON, `raw` as it is; None for both sends nothing."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None


class Failure(Exception):
    """GitHub's form of a no."""

    def __init__(self, status: int, message: str, *, errors: Any = None, headers: dict[str, str] | None = None) -> None:
        body = {"message": message, "documentation_url": DOCUMENTATION, "status": str(status)}
        self.answer = Answer(status, body | ({"errors": errors} if errors else {}), headers or {})
        super().__init__(message)


def not_found() -> NoReturn:
    raise Failure(404, "Not Found")


def invalid(resource: str, field_name: str, message: str = "", code: str = "custom") -> Failure:
    """The answer to what cannot be done as it was asked for."""
    error = {"resource": resource, "field": field_name, "code": code} | ({"message": message} if message else {})
    return Failure(422, "Validation Failed", errors=[error])


@dataclass
class Request:
    """`path` is as it came, `values` are what stands in the places of the route's template."""

    hub: "Hub"
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    token: Token | None
    values: dict[str, str] = field(default_factory=dict)
    template: str = ""

    @property
    def account(self) -> Account:
        """Who asks. Raises a 401."""
        if not self.token:
            raise Failure(401, "Requires authentication")
        return self.token.account

    @property
    def repository(self) -> Repository:
        """That of the path. Raises a 404 where the token may not see it, and a 301 when it has another name now."""
        name = f"{self.values['owner']}/{self.values['repo']}"
        if name in self.hub.moved:
            target = self.hub.url + self.path.replace(name, self.hub.moved[name], 1)
            body = {"message": "Moved Permanently", "url": target, "documentation_url": DOCUMENTATION}
            failure = Failure(301, "Moved Permanently", headers={"location": target})
            failure.answer.body = body
            raise failure
        found = self.hub.repositories.get(name)
        if not found or not sees(self.token, found):
            not_found()
        return found

    def number(self, name: str) -> int:
        """A number of the path."""
        return int(self.values[name]) if self.values[name].isdigit() else not_found()

    def page(self, items: Iterable[Any], shape: Callable[[Any], Any], key: str = "") -> Answer:
        """One page of a list; `key` is where it stands in an object with its count."""
        whole = list(items)
        size = min(100, int(self.query.get("per_page", "30")))
        page, last = int(self.query.get("page", "1")), max(1, -(-len(whole) // size))
        part = [shape(item) for item in whole[(page - 1) * size : page * size]]
        targets = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
        shown = [n for n in targets if (n in ("prev", "first") and page > 1) or (n in ("next", "last") and page < last)]
        at = f"{self.hub.url}{self.path}"
        links = [f'<{at}?{urlencode({**self.query, "page": targets[n]})}>; rel="{n}"' for n in shown]
        body = {"total_count": len(whole), key: part} if key else part
        return Answer(body=body, headers={"link": ", ".join(links)} if links else {})


def sees(token: Token | None, repository: Repository) -> bool:
    """Whether the token may know that the repository is there."""
    if not repository.private:
        return True
    if token and token.permissions is not None:
        return token.repository in ("", repository.name)
    return repository.role(token.account if token else None) != "none"


def permits(token: Token, repository: Repository, permission: str, role: str = "") -> bool:
    """Whether a token may do what needs `permission` (for instance `issues:write`), a person what needs `role`."""
    name, _, level = permission.partition(":")
    if token.permissions is not None:
        reading = level == "read" and (name == "metadata" or not repository.private)
        here = token.repository in ("", repository.name)
        return reading or (here and _LEVELS.index(token.permissions.get(name, "none")) >= _LEVELS.index(level))
    return ROLES.index(repository.role(token.account)) >= ROLES.index(role or _ROLE_OF_LEVEL[level])


@dataclass
class Route:
    """`needs` are permissions of which one is enough; `role` is what a person must have for it."""

    method: str
    template: str
    answer: Callable[[Request], Answer]
    needs: tuple[str, ...]
    role: str

    def __post_init__(self) -> None:
        parts = re.split(r"\{(\w+)\}", self.template)
        odd = (f"(?P<{n}>{'.+?' if n in _MANY_SEGMENTS else '[^/]+'})" for n in parts[1::2])
        pattern = "".join(re.escape(text) + next(odd, "") for text in parts[::2])
        self.pattern = re.compile(pattern + "$")

    def serve(self, request: Request) -> Answer:
        """Answer, if the token may."""
        if "{repo}" in self.template:
            self._check(request, request.repository)
        return self.answer(request)

    def _check(self, request: Request, repository: Repository) -> None:
        writes = request.method != "GET"
        if writes:
            _ = request.account
        if writes and repository.archived:
            raise Failure(403, "Repository was archived so is read-only.")
        if not self.needs or not (request.token or repository.private or writes):
            return
        token = request.token
        if not token or not any(permits(token, repository, need, self.role) for need in self.needs):
            by = "integration" if token and token.permissions is not None else "personal access token"
            accepted = "; ".join(need.replace(":", "=") for need in self.needs)
            raise Failure(403, f"Resource not accessible by {by}", headers={"x-accepted-github-permissions": accepted})


ROUTES: list[Route] = []


def route(
    method: str, template: str, *needs: str, role: str = ""
) -> Callable[[Callable[[Request], Answer]], Callable[[Request], Answer]]:
    """Make a function the answer to a method and a path, written as in GitHub's description."""

    def add(answer: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
        ROUTES.append(Route(method, template, answer, needs, role))
        return answer

    return add


def find_route(request: Request) -> Route:
    """The route of a request, whose values it gets. Raises a 404."""
    for one in sorted(ROUTES, key=lambda route: route.template.count("{")):  # words before what stands for any
        match = one.pattern.match(request.path)
        if match and one.method == request.method:
            request.values = {name: unquote(value) for name, value in match.groupdict().items()}
            request.template = one.template
            return one
    not_found()
