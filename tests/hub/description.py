"""GitHub's published description of its API: what the hub is asked and what it answers is held against it."""

import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from tests.hub.routing import Answer, Request

FILE = Path(__file__).parents[2] / ".cache" / "github" / "api.github.com.json"
_BASE = "urn:github"
_ABOUT_FAILURES = {"message": "string", "documentation_url": "string"}
_NULL_ALL_THE_SAME = ("head", "repo")  # of a pull request whose fork is gone; the description says it never is
_GRAPHQL = "/graphql"  # which has a schema of its own


class Description:
    """Tells in what a request or an answer departs from the description."""

    def __init__(self, document: Any) -> None:
        self._paths = document["paths"]
        self._webhooks = document["x-webhooks"]
        self._components = document["components"]
        registry = jsonschema_rs.Registry([(_BASE, {"components": _with_null(self._components)})])
        self._registry = registry
        self._validators: dict[tuple[str, ...], Any] = {}

    def request_problems(self, request: Request) -> list[str]:
        """What is wrong with the query and the body of a request."""
        if request.template == _GRAPHQL:
            return []  # what answers it tells
        where, operation = self._operation(request)
        parameters = [self._resolved(p) for p in operation.get("parameters", ())]
        known = {p["name"] for p in parameters if p["in"] == "query"}
        problems = [f"{where}: no parameter {name!r}" for name in request.query if name not in known]
        schema = _json_of(self._resolved(operation.get("requestBody", {})))
        if schema is None:
            return problems + ([f"{where}: takes no body"] if request.body else [])
        body = {} if request.body is None else request.body
        problems += self._against((request.method, request.template, "request"), schema, body, where)
        properties = self._resolved(schema).get("properties")
        if properties and isinstance(body, dict):
            problems += [f"{where}: no property {name!r}" for name in body if name not in properties]
        return problems

    def answer_problems(self, request: Request, answer: Answer) -> list[str]:
        """What is wrong with the status and the body of an answer."""
        if request.template == _GRAPHQL:
            return [f"{_GRAPHQL}: {e['message']}" for e in answer.body.get("errors", ()) if "type" not in e]
        where, operation = self._operation(request)
        where = f"{where} {answer.status}"
        if answer.status >= 400:
            body = answer.body if isinstance(answer.body, dict) else {}
            return [f"{where}: no {name}" for name in _ABOUT_FAILURES if not isinstance(body.get(name), str)]
        described = self._resolved(operation["responses"].get(str(answer.status), {}))
        if not described and answer.status not in (301, 304):
            return [f"{where}: no such status"]
        schema = _json_of(described)
        if schema is None:
            return [f"{where}: no body is described"] if answer.body and answer.status != 301 else []
        key = (request.method, request.template, str(answer.status))
        return list(self._against(key, schema, answer.body, where))

    def delivery_problems(self, event: str, payload: Any) -> list[str]:
        """What is wrong with the payload of a webhook."""
        name = "-".join(filter(None, (event, payload.get("action", "")))).replace("_", "-")
        if name not in self._webhooks:
            return [f"no webhook {name}"]
        schema = _json_of(self._webhooks[name]["post"]["requestBody"])
        return list(self._against(("webhook", name), schema, payload, name))

    def _operation(self, request: Request) -> tuple[str, Any]:
        method, template = request.method, request.template
        return f"{method} {template}", self._paths[template][method.lower()]

    def _resolved(self, node: Any) -> Any:
        while "$ref" in node:
            _, _, kind, name = node["$ref"].split("/")
            node = self._components[kind][name]
        return node

    def _against(self, key: tuple[str, ...], schema: Any, value: Any, where: str) -> Iterator[str]:
        if key not in self._validators:
            whole = {"$schema": "http://json-schema.org/draft-07/schema#", "allOf": [_absolute(_with_null(schema))]}
            self._validators[key] = jsonschema_rs.validator_for(whole, registry=self._registry)
        for error in self._validators[key].iter_errors(value):
            at = tuple(error.instance_path)
            if at[-2:] == _NULL_ALL_THE_SAME and error.instance is None:
                continue
            yield f"{where}: {'/'.join(map(str, at))}: {error.message[:300]}"


@lru_cache(maxsize=1)
def official() -> Description:
    """The description of github.com."""
    return Description(json.loads(FILE.read_bytes()))


def _json_of(described: Any) -> Any:
    return described.get("content", {}).get("application/json", {}).get("schema")


def _with_null(node: Any) -> Any:
    """The `nullable` of OpenAPI 3.0, said in JSON Schema."""
    if isinstance(node, list):
        return [_with_null(item) for item in node]
    if not isinstance(node, dict):
        return node
    told = {name: _with_null(value) for name, value in node.items() if name != "example"}
    return {"anyOf": [told, {"type": "null"}]} if told.get("nullable") is True else told


def _absolute(node: Any) -> Any:
    if isinstance(node, list):
        return [_absolute(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {k: f"{_BASE}{v}" if k == "$ref" else _absolute(v) for k, v in node.items()}
