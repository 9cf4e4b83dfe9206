"""GitHub's published schema of its GraphQL API: what the hub is asked is held against it, and answered by it."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from graphql import GraphQLError, GraphQLSchema, build_ast_schema, graphql_sync, parse

FILE = Path(__file__).parents[2] / ".cache" / "github" / "schema.graphql"


@lru_cache(maxsize=1)
def official() -> GraphQLSchema:
    """The schema of github.com; as it is published it is not looked through for mistakes of its own."""
    document = parse(FILE.read_text("utf-8"), no_location=True)
    return build_ast_schema(document, assume_valid=True, assume_valid_sdl=True)


def no(kind: str, message: str) -> GraphQLError:
    """An error of GitHub's own, to be raised by what answers a field."""
    return GraphQLError(message, extensions={"type": kind})


def answer(body: Any, fields: Mapping[str, Any]) -> dict[str, Any]:
    """What a document selects of the fields, in GitHub's form.

    An error without a type is not from `no`: the document, its variables or the fields depart from the schema.
    """
    done = graphql_sync(official(), body.get("query", ""), fields, variable_values=body.get("variables"))
    errors = [{**(e.extensions or {}), "path": e.path, "message": e.message} for e in done.errors or ()]
    return {"data": done.data} | ({"errors": errors} if errors else {})
