"""Configuration that is JavaScript or TypeScript: the literals in it, keyed by where they stand. Nothing is run."""

from tree_sitter import Node

from bot.repair.guard.config.readers import Setting
from bot.repair.guard.facts import TooComplex
from bot.repair.guard.javascript.tree import parse, string_of
from bot.repair.guard.javascript.values import normal
from bot.repair.guard.trees import line_of, text_of

MOST = 20_000
ITEMS = "items"  # the key of what stands in a list at the top, such as `...js.configs.recommended`


def script_settings(path: str, text: str) -> list[Setting]:
    """Read the objects and arrays of a configuration module; what is no literal counts as its source.

    Raises `Unparsable` and `TooComplex`.
    """
    found: list[Setting] = []
    stack: list[tuple[str, Node]] = [("", parse(path, text))]
    while stack:
        key, node = stack.pop()
        kind = node.type
        if len(found) > MOST:
            raise TooComplex("too many values")
        if kind == "pair":
            name, value = node.child_by_field_name("key"), node.child_by_field_name("value")
            if name is not None and value is not None:
                told = string_of(name) if name.type == "string" else text_of(name)
                stack.append((f"{key}.{told}" if key else told, value))
        elif kind == "string":
            found.append(Setting(key, string_of(node), line_of(node)))
        elif kind in {"number", "true", "false", "null", "undefined", "regex", "template_string"}:
            found.append(Setting(key, normal(node).removesuffix(".0"), line_of(node)))
        elif kind in {"identifier", "member_expression", "spread_element", "shorthand_property_identifier"} and key:
            found.append(Setting(key, normal(node), line_of(node)))
        elif kind not in {"import_statement", "comment"}:
            members = [c for c in reversed(node.named_children) if c.type != "comment"]
            listed = kind in {"array", "arguments"} and not key
            stack += [(ITEMS if listed and c.type not in {"object", "array"} else key, c) for c in members]
    return [s for s in found if s.key]
