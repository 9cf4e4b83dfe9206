"""Reading package.json, and writing it as npm does: everything in its place, the indent kept."""

import json
from collections.abc import Mapping
from typing import Any

import re2

KINDS = ("dependencies", "devDependencies", "peerDependencies", "optionalDependencies")


def package_of(text: str) -> dict[str, Any]:
    """The object that a package.json holds; an empty one when it holds none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def package_text(document: Mapping[str, Any], before: str) -> str:
    """The text of a package.json, laid out as the text before it."""
    indent = re2.search(r"^\{\r?\n([ \t]+)", before)
    told = json.dumps(document, indent=indent.group(1) if indent else 2, ensure_ascii=False)
    return told + ("\n" if before.endswith("\n") else "")
