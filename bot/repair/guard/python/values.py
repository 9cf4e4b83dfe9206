"""What literals stand in a Python expression, however they are written."""

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import re2

from bot.repair.guard.python.names import Names

PLACEHOLDER = re2.compile(r"%(?:\([^)]*\))?[-#0 +]*[0-9*]*(?:\.[0-9]+)?[sdrifgxac]|\{[^{}]*\}")
DISPLAYS = (ast.List, ast.Tuple, ast.Set)
SUMS = (ast.BinOp, ast.operator)
DIGESTED = 300  # literals of one variable above which only their digest is kept
DEFAULTS = frozenset({"'utf-8'", "'r'", "'utf8'"})  # arguments that modernisers drop because they are the default


@dataclass(slots=True)
class Literals:
    """The literals of an expression (keyword arguments as `name=value`) and how many members its displays have."""

    found: list[str] = field(default_factory=list)
    elements: int = 0


def literals(node: ast.expr, names: Names) -> Literals:
    """Collect the literals of `node`; a name stands for what is assigned to it, one step, and for literals two."""
    out = Literals()
    _collect(node, names, out, "", 2)
    return out


def text_of(node: ast.expr) -> str:
    """Source of an expression in one fixed layout and quoting."""
    return ast.unparse(node)


def constant(node: ast.expr | None) -> object:
    """The value of a literal number, string, bool or None, with its sign; Ellipsis when it is no such literal."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = constant(node.operand)
        return -value if isinstance(value, (int, float)) else ...
    return ...


def is_literal(node: ast.expr) -> bool:
    """Whether the expression is made of constants only."""
    return all(
        isinstance(
            n, (ast.Constant, *DISPLAYS, ast.Dict, ast.UnaryOp, ast.expr_context, ast.unaryop, ast.JoinedStr, *SUMS)
        )
        for n in ast.walk(node)
    )


def same_text(pieces: str) -> str:
    """A string with its placeholders made equal, so that `%s`, `{}` and an f-string read the same."""
    return repr(PLACEHOLDER.sub("{}", pieces))


def _collect(start: ast.expr, names: Names, out: Literals, prefix: str, steps: int) -> None:
    stack: list[tuple[ast.AST, str]] = [(start, prefix)]
    while stack:
        node, tag = stack.pop()
        text = _text(node)
        if text is not None:
            out.found.append(tag + same_text(text))
            if isinstance(node, ast.JoinedStr):
                stack += [(v.value, tag) for v in node.values if isinstance(v, ast.FormattedValue)]
        elif isinstance(node, ast.expr) and constant(node) is not ...:
            out.found.append(tag + repr(constant(node)))
        elif isinstance(node, (ast.Name, ast.Attribute)) and steps and _known(node, names):
            own = isinstance(node, ast.Name) and node.id in names.values
            for value in _known(node, names):
                if steps > 1 and (own or names.remember(is_literal, value)):
                    out.found += [tag + x for x in _told(value, names)]
                elif constant(value) is not ...:
                    out.found.append(tag + repr(constant(value)))
        else:
            out.elements += _members(node)
            stack += list(_children(node, tag))


def _told(value: ast.expr, names: Names) -> list[str]:
    """The literals of what is assigned to a name; of something very large only a digest."""
    if id(value) not in names.told:
        out = Literals()
        _collect(value, names, out, "", 1)
        many = len(out.found) > DIGESTED
        names.told[id(value)] = [hashlib.sha256(repr(out.found).encode()).hexdigest()] if many else out.found
    return names.told[id(value)]


def _known(node: ast.Name | ast.Attribute, names: Names) -> list[ast.expr]:
    if isinstance(node, ast.Name):
        return names.values_of(node.id)
    return names.values_of(f"{node.value.id}.{node.attr}") if isinstance(node.value, ast.Name) else []


def _children(node: ast.AST, tag: str) -> Iterator[tuple[ast.AST, str]]:
    if isinstance(node, ast.Call):
        yield node.func, tag
        yield from ((a, tag) for a in node.args if not (isinstance(a, ast.Constant) and repr(a.value) in DEFAULTS))
        built = isinstance(node.func, ast.Name) and node.func.id == "dict"  # reads as the display it stands for
        for keyword in node.keywords:
            yield keyword.value, "" if built else f"{keyword.arg}="
            if built and keyword.arg:
                yield ast.Constant(keyword.arg), ""
    else:
        yield from ((child, tag) for child in ast.iter_child_nodes(node))


def _members(node: ast.AST) -> int:
    if isinstance(node, DISPLAYS):
        return len(node.elts)
    return len(node.keys) if isinstance(node, ast.Dict) else 0


def _text(node: ast.AST) -> str | None:
    """The text of a string expression: constant, f-string or a sum of such; None for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(v.value) if isinstance(v, ast.Constant) else "{}" for v in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left = _text(node.left)
        right = _text(node.right) if left is not None else None
        return left + right if left is not None and right is not None else None
    return None
