"""Whatever in JavaScript tests hides a failure and is no assertion: skips, focus, fakes, tampering with the runner.

Names come from the documentation of Jest, Vitest, Mocha, Jasmine, Playwright, node:test, AVA, tap, sinon and Cypress.
"""

from collections.abc import Iterable, Iterator, Mapping

import re2
from tree_sitter import Node

from bot.repair.guard.facts import Mark
from bot.repair.guard.javascript.tree import FUNCTIONS, Chain, arguments, string_of
from bot.repair.guard.javascript.values import is_constant, normal
from bot.repair.guard.rules import listed
from bot.repair.guard.trees import line_of, size_of, text_of, walk

OFF = frozenset(listed("skip only todo failing fails fail fixme skipIf runIf skipTest pend ignore slow"))
FAILING = frozenset({"failing", "fails", "todo"})
"""Those of a test that is known to fail, or is still to be written: where it is new they take nothing away."""
RUNNERS = frozenset(
    listed("it test describe context suite specify bench this t ctx xit fit tap QUnit Deno scenario feature")
)
SWITCHED = frozenset(listed("xit xtest xspecify xdescribe xcontext fit ftest fdescribe fcontext pending"))
OPTIONS = frozenset({"skip", "todo", "only", "ignore", "fails"})
GLOBALS = frozenset(listed("expect assert test it describe jest vi chai sinon beforeEach specify suite"))
MOCKERS = frozenset(listed("mock doMock unstable_mockModule setMock"))
STUBS = frozenset(listed("spyOn stub replace method"))
FAKED = frozenset(
    listed(
        "mockReturnValue mockReturnValueOnce mockResolvedValue mockResolvedValueOnce mockImplementation "
        "mockImplementationOnce mockRejectedValue returns resolves callsFake withArgs"
    )
)
DETECT = re2.compile(
    r"process\.env(?:\.|\[['\"])(JEST_WORKER_ID|VITEST|VITEST_WORKER_ID|VITEST_POOL_ID|CI|GITHUB_ACTIONS|PLAYWRIGHT_TEST\w*|CYPRESS\w*|MOCHA\w*)\b"
)
NODE_ENV = re2.compile(
    r"(process\.env\.NODE_ENV|import\.meta\.env\.MODE)\s*[!=]==?\s*['\"]test['\"]|typeof\s+(jest|vi|describe|it)\s*[!=]==?"
    r"|['\"]test['\"]\s*[!=]==?\s*(process\.env\.NODE_ENV|import\.meta\.env\.MODE)"
)
NODES = frozenset(
    listed(
        "assignment_expression variable_declarator function_declaration try_statement member_expression "
        "subscript_expression binary_expression"
    )
)
PATIENCE_MS = 300_000
RETRIES = frozenset({"retryTimes", "retries", "retry"})


def imports_of(nodes: Iterable[Node]) -> dict[str, str]:
    """What imported names stand for: `module.name`, or `module` for a whole module; the module by its file's stem."""
    found = {}
    for node in nodes:
        if node.type == "import_statement":
            source = node.child_by_field_name("source")
            stem = _stem(string_of(source)) if source else ""
            for one in walk(node):
                if one.type == "import_specifier":
                    name = text_of(one.child_by_field_name("name"))
                    found[text_of(one.child_by_field_name("alias")) or name] = f"{stem}.{name}"
                elif (
                    one.type == "identifier" and one.parent and one.parent.type in {"namespace_import", "import_clause"}
                ):
                    found[text_of(one)] = stem
        elif node.type == "variable_declarator":
            found |= _required(node)
    return found


def imported(imports: Mapping[str, str], nodes: Iterable[Node]) -> Iterator[Mark]:
    """Yield a mark for each name of the runner that a test file takes from a file of the project."""
    for node in nodes:
        source = node.child_by_field_name("source") if node.type == "import_statement" else None
        if source is not None and string_of(source).startswith("."):
            for name in sorted(GLOBALS & imports.keys()):
                if imports[name].partition(".")[0] == _stem(string_of(source)):
                    yield Mark(
                        "patched-runner", f"import {name}", line_of(node), f"{name} comes from {string_of(source)}"
                    )


def _required(node: Node) -> dict[str, str]:
    value, name = node.child_by_field_name("value"), node.child_by_field_name("name")
    if value is None or name is None or text_of(value.child_by_field_name("function")) != "require":
        return {}
    told = [a for a in arguments(value.child_by_field_name("arguments") or value) if a.type == "string"]
    stem = _stem(string_of(told[0])) if told else ""
    if name.type == "identifier":
        return {text_of(name): stem}
    return {text_of(n): f"{stem}.{text_of(n)}" for n in walk(name) if n.type == "shorthand_property_identifier_pattern"}


def _stem(module: str) -> str:
    last = module.rstrip("/").rpartition("/")[2]
    return last.partition(".")[0] or last


def resolved(chain: Chain, imports: Mapping[str, str]) -> str:
    """The dotted name of a call, its first part replaced by what it was imported as."""
    head, dot, rest = chain.dotted.partition(".")
    return f"{imports.get(head, head)}{dot}{rest}"


def modifiers(chain: Chain, title: str) -> Iterator[Mark]:
    """The marks of a call that defines a test or suite: `.skip`, `xit`, `{ skip: true }`, no body at all."""
    line = line_of(chain.node)
    for name in [n for n in chain.names if n in OFF] + ([chain.root] if chain.root in SWITCHED else []):
        condition = next(
            (normal(a) for n, g in chain.calls() if n == name and n in {"skipIf", "runIf"} for a in arguments(g)), ""
        )
        text = f"{title}: {name} keeps tests from running or failing"
        held = condition not in {"", "true", "false"} or name in FAILING
        yield Mark("disabled-test", f"{name} {condition}".strip(), line, text, conditional=held)
    if any(normal(a) == "[ ]" for n, g in chain.calls() if n in {"each", "for"} for a in arguments(g)):
        yield Mark("disabled-test", "no cases", line, f"{title}: a test without cases never runs")
    if not chain.root:
        yield Mark(
            "disabled-test", f"choice {normal(chain.base)}", line, f"{title}: a condition chooses whether it runs"
        )
    given = arguments(list(chain.calls())[-1][1])
    if not any(a.type in FUNCTIONS or a.type == "identifier" for a in given[1:]):
        yield Mark("disabled-test", "pending", line, f"{title} has no body")
    yield from (m for a in given if a.type == "object" for m in _options(a, title))
    if any(a.type == "number" and _patient(a) for a in given[1:]):
        yield Mark("loosened-tolerance", f"patience {title}", line, f"{title}: a time limit that is none")


def _options(node: Node, title: str) -> Iterator[Mark]:
    for member in node.named_children:
        key = text_of(member.child_by_field_name("key")).strip("'\"")
        value = normal(member.child_by_field_name("value"))
        if key in OPTIONS and value not in {"false", "undefined"}:
            yield Mark(
                "disabled-test",
                f"{key}: {value}",
                line_of(member),
                f"{title}: {key} keeps tests from running or failing",
            )
        elif key in RETRIES and value != "0.0":
            yield Mark("retried-test", f"{key}: {value}", line_of(member), f"{title} is run again when it fails")


def of_chain(chain: Chain, imports: Mapping[str, str]) -> Iterator[Mark]:
    """The marks of any other chain of calls in a test file."""
    line, names = line_of(chain.node), chain.names
    called = {name for name, _ in chain.calls()}
    if chain.root in RUNNERS and any(n in OFF for n in names):
        name = next(n for n in names if n in OFF)
        told = ", ".join(normal(a) for n, g in chain.calls() if n == name for a in arguments(g)[:1])
        yield Mark(
            "disabled-test",
            f"{chain.root}.{name} {told}",
            line,
            f"{chain.root}.{name} keeps tests from running or failing",
        )
    elif chain.root in SWITCHED and not names:
        yield Mark("disabled-test", chain.root, line, f"{chain.root} keeps tests from running or failing")
    elif called & RETRIES and (chain.root in RUNNERS or chain.root in {"jest", "vi", "cy", "mocha"}):
        yield Mark("retried-test", normal(chain.node), line, "failing tests are run again")
    elif chain.root in {"jest", "vi"} and called & MOCKERS:
        yield from _mocked(chain, imports)
    elif chain.dotted in {"process.exit", "process.abort", "process.reallyExit"}:
        yield Mark("early-exit", chain.dotted, line, f"{chain.dotted} ends the run")
    elif chain.dotted in {"Cypress.on", "cy.on"} and any("uncaught:exception" in text_of(g) for _, g in chain.calls()):
        yield Mark("swallowed-failure", "uncaught", line, "exceptions of the page do not fail tests any more")
    elif chain.dotted in {"jest.setTimeout", "vi.setConfig"} and _patient(chain.node):
        yield Mark("loosened-tolerance", normal(chain.node), line, "a time limit that is none")
    elif chain.dotted == "expect.extend":
        yield Mark("patched-runner", normal(chain.node), line, "matchers are added or replaced")
    if "catch" in called and any(_drops(a) for n, g in chain.calls() if n == "catch" for a in arguments(g)):
        yield Mark("swallowed-failure", "catch", line, "a failure is caught and dropped")


def _patient(node: Node) -> bool:
    """Whether a number in it is a time limit of minutes."""
    numbers = (text_of(n).replace("_", "") for n in walk(node) if n.type == "number")
    return any(n.isdigit() and int(n) >= PATIENCE_MS for n in numbers)


def _mocked(chain: Chain, imports: Mapping[str, str]) -> Iterator[Mark]:
    for _, given in chain.calls():
        told = [a for a in arguments(given)[:1] if a.type == "string"]
        stems = {v.partition(".")[0] for v in imports.values()}
        if told and _stem(string_of(told[0])) in stems:
            path = string_of(told[0])
            yield Mark(
                "mocked-subject", path, line_of(chain.node), f"{path}, which the tests import, is replaced by a fake"
            )


def _drops(node: Node) -> bool:
    """Whether a callback does nothing with what it is given: no body, or one without calls and throws."""
    if node.type not in FUNCTIONS:
        return False
    body = node.child_by_field_name("body")
    return body is not None and not any(
        n.type in {"call_expression", "throw_statement", "new_expression"} for n in walk(body)
    )


def swallows(node: Node) -> bool:
    """Whether a `try` has a `catch` that neither throws nor fails."""
    handler = node.child_by_field_name("handler")
    return handler is not None and not _fails(handler)


def _fails(node: Node) -> bool:
    for one in walk(node):
        if one.type == "throw_statement":
            return True
        name = text_of(one.child_by_field_name("function")) if one.type == "call_expression" else ""
        if name.startswith(("expect", "assert", "fail", "t.fail", "done", "reject")) and one.child_count:
            return True
    return False


def patches(chain: Chain, imports: Mapping[str, str]) -> set[str]:
    """What is replaced by fakes: `jest.spyOn(calc, 'add').mockReturnValue(5)`, `sinon.stub(calc, 'add')`."""
    if chain.root not in {"jest", "vi", "sinon", "sandbox", "mock", "t"} or not set(chain.names) & STUBS:
        return set()
    if chain.root in {"jest", "vi"} and not set(chain.names) & FAKED:
        return set()
    given = next((arguments(g) for n, g in chain.calls() if n in STUBS), [])
    if len(given) < 2 or given[1].type != "string":
        return set()
    target = text_of(given[0])
    return {f"{imports.get(target, target)}.{string_of(given[1])}"}


def assigned(node: Node, imports: Mapping[str, str]) -> set[str]:
    """Members of imported modules that an assignment overwrites with something that is no plain value."""
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if node.type != "assignment_expression" or left is None or left.type != "member_expression" or is_constant(right):
        return set()
    owner = text_of(left.child_by_field_name("object"))
    return {f"{imports[owner]}.{text_of(left.child_by_field_name('property'))}"} if owner in imports else set()


def of_node(node: Node) -> Iterator[Mark]:
    """The marks of a node that is no call: globals of the runner replaced, handlers that swallow, exit codes."""
    line = line_of(node)
    if node.type in {"assignment_expression", "variable_declarator", "function_declaration"}:
        target = node.child_by_field_name("left") or node.child_by_field_name("name")
        name = text_of(target).removeprefix("globalThis.").removeprefix("global.").removeprefix("window.")
        value = node.child_by_field_name("right") or node.child_by_field_name("value")
        harmless = value is not None and _from_library(value)
        if name in GLOBALS and not harmless:
            yield Mark("patched-runner", name, line, f"{name} of the test runner is replaced")
        elif name == "process.exitCode":
            yield Mark("early-exit", name, line, "the exit code is set by hand")
    elif node.type == "try_statement" and swallows(node):
        yield Mark("swallowed-failure", "handler", line, "a failure is caught and dropped")
    yield from detection(node)


def _from_library(value: Node) -> bool:
    """`const assert = require('assert')`, `const { expect } = chai`, `const it = base.extend(...)` are everyday."""
    text = text_of(value)
    return value.type in {"identifier", "member_expression", "await_expression"} or text.startswith(
        ("require(", "base.", "test.", "import(")
    )


def detection(node: Node) -> Iterator[Mark]:
    """Yield a mark where code asks whether it is being tested."""
    if size_of(node) > 100:
        return
    if node.type in {"member_expression", "subscript_expression"}:
        match = DETECT.search(text_of(node))
        inner = text_of(node.child_by_field_name("object")).startswith("process.env.")
        if match and text_of(node).startswith("process.env") and not inner:
            yield Mark("test-detection", match.group(1), line_of(node), f"the code asks for {match.group(1)}")
    elif node.type == "binary_expression":
        match = NODE_ENV.search(text_of(node))
        if match and text_of(node).startswith(match.group(0)[:6]):
            key = next(filter(None, match.groups()))
            yield Mark("test-detection", key, line_of(node), "the code looks whether it is tested")


def escapes(node: Node) -> Iterator[Mark]:
    """Yield a mark for a cast that switches the type checker off: `as any`, `<any>x`, `as unknown as T`."""
    if node.type in {"as_expression", "type_assertion"}:
        told = {text_of(c) for c in node.children if c.type == "predefined_type"}
        told |= {text_of(a) for c in node.children if c.type == "type_arguments" for a in c.named_children}
        if told & {"any", "unknown", "never"}:
            yield Mark(
                "suppression", f"as {min(told)}", line_of(node), f"a cast to {min(told)} switches the type checker off"
            )
