"""Whose failure comes out and whose is dropped, in code that is no test: counted by the names of calls."""

from collections.abc import Iterator, Sequence

import re2
from tree_sitter import Node

from bot.repair.guard.facts import Heed
from bot.repair.guard.returned import returned
from bot.repair.guard.rules import listed
from bot.repair.guard.trees import field as child
from bot.repair.guard.trees import line_of, text_of, walk

CALLS = frozenset(
    {"call_expression", "new_expression", "method_invocation", "object_creation_expression", "call"}
    | {"function_call_expression", "member_call_expression", "scoped_call_expression"}
)
TRIES = frozenset({"try_statement", "try_with_resources_statement", "try_expression", "begin", "body_statement"})
HANDLERS = frozenset({"catch_clause", "catch_block", "rescue"})
AFTER = frozenset({"finally_clause", "finally_block", "ensure", "else"})
BLOCKS = frozenset({"statement_block", "block", "compound_statement", "then", "statements", "declaration_list"})
JUMPS = frozenset({"continue_statement", "break_statement", "next", "break", "empty_statement", "jump_expression"})
COMMENTS = frozenset({"comment", "line_comment", "block_comment", "multiline_comment"})
LOOPS = frozenset(
    {"for_statement", "for_in_statement", "enhanced_for_statement", "while_statement", "foreach_statement"}
)
LITERALS = re2.compile(
    r"^(?:null|nil|undefined|None|true|0|0\.0|\"\"|''|\[\]|\{\}|\(\)|nullptr|Unit|listOf\(\)|emptyList\(\)|array\(\))?;?$"
)
ANY = re2.compile(r"^\W*(?:[\w.:\\]*\b)?(?:Throwable|Exception|RuntimeException|StandardError|exception)\b")
LOGS = re2.compile(r"(?i)^(?:this\.|self\.|\$this->)?_?(?:log|logger|logging|slog|Rails\.logger|timber)\b")
PRINTS = re2.compile(
    r"^(?:console\.|print\b|println\b|puts\b|warn\b|p\b|printf\b|fmt\.|System\.(?:out|err)\.|Log\.|error_log\b|echo\b|"
    r"std::c(?:err|out|log)\b|\w+\.printStackTrace\b|eprintln|pp\b)"
)
EXPECTED_TO_FAIL = frozenset(
    {
        "JSON.parse",
        "URL",
        "decodeURIComponent",
        "decodeURI",
        "getItem",
        "setItem",
        "removeItem",
        "require",
        "import",
        "close",
    }
)
"""What is tried because only its failure tells that something is not so."""
HANDED = frozenset(
    {"expression_list", "field_expression", "call_expression", "await_expression", "generic_function"}
    | {"closure_expression", "arguments"}
)
CLIMB = 16  # nodes above a call in which its error may be handled
MADE_UP = frozenset({"unwrap_or_default", "unwrap_or"})
"""What Rust calls on a result to go on with a value of its own; `ok` keeps what became of it."""
ADAPTERS = frozenset({"map_err", "map", "and_then", "context", "with_context", "or_else", "ok", "ok_or", "ok_or_else"})
FILTERS, PASSED = frozenset({"filter_map", "flat_map"}), frozenset({"(Result::ok)", "(|x|x.ok())", "(|r|r.ok())"})
OPTIONS = frozenset(
    listed(
        "get get_mut first last next next_back nth peek position find min max min_by_key max_by_key pop pop_front "
        "pop_back remove strip_prefix strip_suffix split_once to_str file_name parent extension var "
        "checked_add checked_sub checked_mul checked_div"
    )
)
"""Calls of Rust that may have nothing to give back, which is no failure."""
NULLED = frozenset({"getOrNull", "getOrDefault", "isSuccess", "isFailure"})
"""What Kotlin asks of a `runCatching` to go on without its failure."""
STREAMS = frozenset({">>", "<<"})
"""Operators of C++ that read and write, and may throw."""
RECORD = re2.compile(r"^[\[{(][\w\s\"'`:,.=>-]{1,200}[\]})];?$")
"""What a handler gives back that is made of literals and names."""
CAST = re2.compile(r"\s+(?:as|satisfies)\s+[\w.<>\[\]| ]+;?$")
WORD = re2.compile(r"[A-Za-z_]\w*")
TELLING = re2.compile(r"(?i)\bfalse\b|err|fail|\bok\b|status|success|reason|message|invalid|missing")
TELLS = re2.compile(r"^(?:eprintln|println|eprint|dbg|(?:log|tracing)::\w+|warn|error|info|debug)!")
ERROR = re2.compile(r"^(?:\w*[eE]rr(?:or)?|ok)$")


def heed_of(nodes: Sequence[Node], *, results: bool = False) -> Heed:
    """Read all nodes of a file in any language that tree-sitter reads, parents first.

    `results` says that failures are given back (Go, Rust), not thrown.
    """
    heeded: list[str] = []
    dropped: list[tuple[str, int]] = []
    within: dict[int, int] = {}
    for node in nodes:
        for body, line in _droppers(node, results=results) if node.id not in within else ():
            within.update((n.id, line) for n in walk(body))
    for node in nodes:
        name = _name(node) if node.type in CALLS else _streamed(node)
        if not name:
            continue
        if node.id in within:
            dropped.append((name, within[node.id]))
        elif not results or _is_heeded(node):
            heeded.append(name)
    for told, line, given_back in returned(nodes) if results else ():
        heeded += [told] if given_back else []
        dropped += [] if given_back else [(told, line)]
    return Heed(tuple(heeded), tuple(dropped))


def _name(node: Node) -> str:
    """The last part of what is called."""
    one = child(node, "function", "name", "method", "constructor", "type") or next(iter(node.named_children), None)
    one = child(one, "function") if one is not None and one.type == "generic_function" else one
    while one is not None and one.named_child_count and one.type not in {"identifier", "arguments"}:
        last = one.named_children[-1]
        if last.end_byte != one.end_byte:
            return ""
        one = last
    return text_of(one)[:80]


def _streamed(node: Node) -> str:
    operator = text_of(child(node, "operator")) if node.type == "binary_expression" else ""
    return operator if operator in STREAMS else ""


def _asked(node: Node) -> str:
    """What is called, by its last name; `JSON.parse` by both, since most else that parses may not fail."""
    name, called = _name(node), child(node, "function")
    if name == "import" and (called is None or called.type != "import"):
        return ""  # a function of that name; `import(...)` of JavaScript is no identifier
    return text_of(called)[:80] if name == "parse" else name


def _droppers(node: Node, *, results: bool) -> Iterator[tuple[Node, int]]:
    """(what is tried, line of the handler) when a node drops any failure."""
    if node.type in TRIES:
        yield from _tried(node)
    elif node.type == "rescue_modifier" and _is_nothing(node.named_children[-1]):
        yield node.named_children[0], line_of(node)
    elif node.type == "call_expression" and not results and _name(node) == "catch":
        handler = child(node, "arguments")
        target = child(child(node, "function"), "object")
        if handler is not None and target is not None and _is_idle_function(handler):
            yield target, line_of(node)
    elif node.type == "call_expression" and not results and (caught := _caught(node)) is not None:
        yield caught, line_of(node)
    elif results and node.type == "call_expression" and (gone := _replaced(node)) is not None:
        yield gone, line_of(node)
    elif results and node.type == "if_statement" and _gives_nil(node):
        yield from ((n, line_of(node)) for n in _before(node) if n is not None)
    elif (tried := _cast_away(node) or (_told_only(node) if results else None)) is not None:
        yield tried, line_of(node)
    elif results and node.type in {"let_declaration", "assignment_statement", "short_var_declaration"}:
        left = text_of(child(node, "pattern", "left")).replace(" ", "")
        right = child(node, "value", "right")
        if right is not None and (left in {"", "_"} or left.endswith(",_")) and not _is_heeded(right):
            yield right, line_of(node)


def _cast_away(node: Node) -> Node | None:
    """What C's `(void)f()` calls without heed of what it gives back."""
    is_void = node.type == "cast_expression" and text_of(child(node, "type")) == "void"
    return child(node, "value") if is_void else None


def _told_only(node: Node) -> Node | None:
    """What Rust's `if let Err(e) = f() { eprintln!("{e}") }` asks for its failure, and only tells of it."""
    condition, body = child(node, "condition"), child(node, "consequence")
    if (
        node.type != "if_expression"
        or condition is None
        or condition.type != "let_condition"
        or body is None
        or child(node, "alternative") is not None
    ):
        return None
    statements = [s for s in body.named_children if s.type not in COMMENTS]
    told = all(TELLS.search(text_of(s)[:80]) for s in statements)
    return child(condition, "value") if told and text_of(child(condition, "pattern")).startswith("Err(") else None


def _caught(node: Node) -> Node | None:
    """What Kotlin's `runCatching { ... }.getOrNull()` tries; None for any other call."""
    one: Node | None = node if _name(node) in NULLED else None
    while one is not None and one.type in {"call_expression", "navigation_expression"}:
        if one.type == "call_expression" and _name(one) in {"onFailure", "recoverCatching", "recover"}:
            return None
        if one.type == "call_expression" and _name(one).startswith("runCatching"):
            names = {_name(n) for n in walk(one) if n.type in CALLS}
            return None if names & EXPECTED_TO_FAIL else one.named_children[-1]
        one = next(iter(one.named_children), None)
    return None


def _replaced(node: Node) -> Node | None:
    """What gives back a failure that gives way, in Rust, to a made up value or to a shorter list."""
    name = _name(node)
    value = child(child(node, "function"), "value")
    if name in FILTERS and "".join(text_of(child(node, "arguments"))[:40].split()) in PASSED:
        return value
    around = node.parent.parent.parent if name == "ok" and node.parent and node.parent.parent else None
    filtered = node.parent is not None and node.parent.type == "closure_expression" and _name_of(around) in FILTERS
    while (name in MADE_UP or filtered) and value is not None and _name_of(value) in ADAPTERS:
        value = child(child(value, "function"), "value")
    return value if (name in MADE_UP or filtered) and _name_of(value) not in OPTIONS | {""} else None


def _name_of(node: Node | None) -> str:
    return _name(node) if node is not None and node.type == "call_expression" else ""


def _gives_nil(node: Node) -> bool:
    """Go's `if err != nil { return x, nil }`."""
    body = child(node, "consequence")
    if "".join(text_of(child(node, "condition"))[:40].split()) != "err!=nil" or body is None:
        return False
    told = " ".join(text_of(body)[:200].strip("{} \n\t").split())
    return told.startswith("return ") and "err" not in told and (told == "return nil" or told.endswith(", nil"))


def _before(node: Node) -> tuple[Node | None, ...]:
    """What gave back the error that an `if` asks for."""
    made = child(node, "initializer") or node.prev_named_sibling
    return (child(made, "right"),)


def _tried(node: Node) -> Iterator[tuple[Node, int]]:
    handlers = [c for c in node.named_children if c.type in HANDLERS]
    body = [c for c in node.named_children if c.type not in HANDLERS | AFTER]
    for handler in handlers:
        if _is_broad(handler) and (idle := _idle(handler, looped=_in_loop(node))):
            names = {_asked(n) for b in body for n in walk(b) if n.type in CALLS}
            if idle == "empty" or not names & EXPECTED_TO_FAIL:
                yield from ((b, line_of(handler)) for b in body)
            return


def _is_broad(handler: Node) -> bool:
    """Whether a handler catches whatever there is."""
    if handler.type == "rescue":
        told = child(handler, "exceptions")
        return told is None or bool(ANY.search(text_of(told)))
    head = text_of(handler).partition("{")[0].partition("(")[2].strip()
    if not head or head.startswith("...") or " " not in head.partition(")")[0]:
        return True  # of JavaScript, or of C++ for everything
    bare, _, typed = head.removeprefix("const ").removeprefix("final ").partition(": ")
    return any(ANY.search(part.strip("( &")) for part in (typed or bare).split("|"))


def _idle(handler: Node, *, looped: bool) -> str:
    """`empty` or `told` when a handler does nothing with the failure but, perhaps, tell of it; else empty."""
    blocks = [c for c in handler.named_children if c.type in BLOCKS]
    one = child(handler, "body") or (blocks[-1] if blocks else None)
    inner = [one] if one is not None and one.type not in BLOCKS else list(one.named_children if one is not None else ())
    statements = [s for s in inner if s.type not in COMMENTS]
    if len(statements) == 1 and statements[0].type == "statements":
        statements = list(statements[0].named_children)
    if not statements:
        return "empty"
    bound = frozenset(WORD.findall(text_of(handler)[: statements[0].start_byte - handler.start_byte]))
    return "told" if all(_says_nothing(s, looped=looped, bound=bound) for s in statements) else ""


def _says_nothing(statement: Node, *, looped: bool, bound: frozenset[str] = frozenset()) -> bool:
    text = text_of(statement)[:400]
    if statement.type in JUMPS and not text.startswith("return"):
        return True
    if text.startswith("return"):
        told = CAST.sub("", text.removeprefix("return").strip())
        made_up = RECORD.search(told) and not TELLING.search(told) and not bound & set(WORD.findall(told))
        return bool(made_up or LITERALS.search("".join(told.split())))
    if LOGS.search(text):
        return not looped
    return bool(PRINTS.search(text)) or (statement.type not in CALLS and _is_nothing(statement))


def _is_nothing(node: Node) -> bool:
    return bool(LITERALS.search("".join(text_of(node)[:40].split())))


def _is_idle_function(arguments: Node) -> bool:
    """Whether the only argument is a function that does nothing."""
    given = arguments.named_children
    if len(given) != 1 or given[0].type not in {"arrow_function", "function_expression"}:
        return False
    body = child(given[0], "body")
    if body is None or body.type != "statement_block":
        return body is not None and (_is_nothing(body) or bool(PRINTS.search(text_of(body)[:80])))
    return all(_says_nothing(s, looped=False) for s in body.named_children if s.type not in COMMENTS)


def _in_loop(node: Node) -> bool:
    one = node.parent
    while one is not None and "function" not in one.type and "method" not in one.type:
        if one.type in LOOPS:
            return True
        one = one.parent
    return False


def _is_heeded(call: Node) -> bool:
    """In Go and Rust: whether the error that a call gives back is looked at, or handed on."""
    one, above = call, call.parent
    for _ in range(CLIMB):
        if above is None or above.type not in HANDED:
            break
        if above.type == "field_expression" and text_of(child(above, "field")) in {"unwrap", "expect"}:
            return True
        if above.type == "call_expression" and child(above, "function") != one and one.type != "arguments":
            return False
        if above.type == "arguments" and one.type != "closure_expression":
            return False
        if above.type == "call_expression" and _name(above) in MADE_UP:
            return False
        one, above = above, above.parent
    if above is None:
        return False
    around = above.parent
    if above.type == "block" and above.named_children[-1] == one and around is not None:
        return around.type == "function_item"  # what a function of Rust gives back
    if above.type in {"try_expression", "return_statement", "return_expression"}:
        return True
    if above.type in {"short_var_declaration", "assignment_statement"}:
        return any(ERROR.search(x.strip()) for x in text_of(child(above, "left")).split(","))
    return False
