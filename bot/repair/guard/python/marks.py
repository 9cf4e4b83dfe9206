"""Whatever in Python tests hides a failure and is no assertion: skips, early exits, fakes, tampering with the runner.

Names come from the documentation of pytest and its plugins, unittest, nose, twisted.trial, Django and hypothesis.
"""

import ast
from collections.abc import Iterator, Sequence

import re2

from bot.repair.guard.facts import Mark
from bot.repair.guard.python.names import Names, last
from bot.repair.guard.python.values import constant, is_literal, text_of
from bot.repair.guard.python.vocabulary import METHODS
from bot.repair.guard.rules import listed

OFF = frozenset(
    listed(
        "skip skipif skipIf skipUnless skip_if skip_unless skipTest SkipTest Skipped skipped xfail "
        "expectedFailure importorskip skipIfDBFeature skipUnlessDBFeature known_failure knownfailureif "
        "assume"
    )
)
FAILING = frozenset({"xfail", "expectedFailure"})
"""Those of a test that is run, and known to fail: in a new one they tell of a defect that nobody asked for before."""
FEATURES = frozenset({"skipIfDBFeature", "skipUnlessDBFeature"})
CONDITIONAL = frozenset(
    listed("skipif skipIf skipUnless skip_if skip_unless skipIfDBFeature skipUnlessDBFeature xfail")
)
"""Those whose first argument is the condition under which they hold."""
OFF_OWNERS = re2.compile(
    r"^(pytest|_pytest|unittest2?|nose\w*|django|twisted|testtools|absl|hypothesis|mark|self|cls|tests?)(\.|$)"
)
UNLESS = re2.compile(r"(?i)^(skip_?)?(unless|if_?no|if_?not|if_?missing)_")
"""How decorators of projects begin that ask for what must be there."""
RETRIES = frozenset(listed("flaky rerun_on_failure retry repeat_on_failure flaky_test"))
SLOW_MARKS = re2.compile(
    r"(?i)^(slow|integration|network|manual|nightly|weekly|wip|todo|broken|quarantined?|disabled?|optional|benchmark|e2e|online|"
    r"offline|remote_data|extended|large|local(_only)?|no_ci|not_ci|skip\w*|ignore\w*|exclude\w*|unstable|known_\w+|xdist_skip|gpu)$"
)
DECORATORS = re2.compile(
    r"(?i)^_?(skip|xfail|expect(ed)?_?fail|disabled?|ignored?|todo|wip|quarantine|known_?(bug|fail)|broken|requires?_|needs?_|only_on|"
    r"not_on|unless_|nottest|no_?test|never|deselect)"
)
PATIENCE_SECONDS = 600
EXAMPLES = 100  # what hypothesis tries by default
EXITS = frozenset({"sys.exit", "os._exit", "os.abort", "exit", "quit", "pytest.exit"})
HOOKS = re2.compile(
    r"^pytest_(collect|itemcollected|ignore|pycollect|generate_tests|runtest|pyfunc|fixture_setup|report|sessionfinish|sessionstart|"
    r"exception|assert|terminal_summary|unconfigure|deselected|make|cmdline|load|keyboard|internalerror|warning|markeval|plugin|configure)"
)
RUNNER = re2.compile(
    r"^(pytest|_pytest|unittest|doctest|builtins|__builtins__)(\.|$)|\.(assert[A-Z]\w*|failureException|wasSuccessful|testsfailed)$|"
    r"(^|\.)(rep\w*|call\w*|item|session|result|outcome|config|terminalreporter)\.(exitstatus|outcome|excinfo|runtest|obj|failed|passed)$"
)
REPLACED = frozenset(METHODS) - {"fail"} | {
    "expect",
    "approx",
    "pytest",
    "unittest",
    "AssertionError",
    "isclose",
    "allclose",
}
RUNNER_NAMES = frozenset({"pytest", "unittest", "TestCase", "approx", "raises", "AssertionError"})
RUNNER_HOMES = frozenset(
    listed("pytest unittest unittest2 django twisted testtools _pytest asynctest aiounittest nose numpy absl")
)
WARNINGS = frozenset({"warnings.simplefilter", "warnings.filterwarnings", "pytest.mark.filterwarnings"})
UNCOLLECT = frozenset({"collect_ignore", "collect_ignore_glob", "__test__", "pytestmark"})
SYSTEM_UNDER_TEST = frozenset(
    listed("PYTEST_CURRENT_TEST PYTEST_VERSION GITHUB_ACTIONS CI CONTINUOUS_INTEGRATION TOX_ENV_NAME TRAVIS")
)
EVERYWHERE = frozenset({"no_type_check", "_called_from_test"})  # names that say something in any file
BROAD = frozenset({"Exception", "BaseException", "AssertionError", "UnittestError", "Failed", "SystemExit"})


def marks_in(found: Sequence[ast.AST], names: Names, *, test: bool) -> Iterator[Mark]:
    """Yield the marks of expressions, given flat. In a file that is no `test` only what counts everywhere."""
    for node in found:
        if isinstance(node, ast.Call):
            yield from _of_call(node, names, test=test)
        elif isinstance(node, ast.Compare):
            yield from _detection(node, names)
        if isinstance(node, (ast.Attribute, ast.Name)) and (test or last(names.dotted(node)) in EVERYWHERE):
            yield from _of_name(node, names)


def decorators(
    nodes: Sequence[ast.expr], names: Names, *, owner: str, own: frozenset[str] = frozenset()
) -> Iterator[Mark]:
    """Yield the marks of the decorators of a test or test class; a condition is part of what must not change.

    `own` are the functions of the file itself: used as decorators they may do anything.
    """
    for node in nodes:
        call = node if isinstance(node, ast.Call) else None
        dotted = names.dotted(call.func if call else node)
        name = last(dotted)
        told = ", ".join([text_of(a) for a in call.args] + _keywords(call)) if call else ""
        if name in OFF or DECORATORS.search(name):
            text = f"@{name} keeps a test from running or failing"
            held = name in CONDITIONAL and any(constant(a) is ... for a in (call.args[:1] if call else ()))
            held |= name in FEATURES | FAILING or (bool(call and call.args) and UNLESS.search(name) is not None)
            yield Mark("disabled-test", f"{owner}@{name}({told})", node.lineno, text, conditional=held)
        elif dotted.startswith("pytest.mark.") and SLOW_MARKS.search(name):
            yield Mark("disabled-test", f"{owner}@{name}", node.lineno, f"the mark {name} may deselect a test")
        elif name == "parametrize" and call and any(_empty(a) for a in call.args[1:2]):
            yield Mark("disabled-test", f"{owner}@no cases", node.lineno, "a test without cases never runs")
        elif name == "settings" and call and any(k.arg == "max_examples" and _few(k.value) for k in call.keywords):
            yield Mark("removed-case", f"{owner}@{told}", node.lineno, "fewer examples than hypothesis tries by itself")
        elif (
            name == "timeout" and call and any(_is_patience(a) for a in [*call.args, *(k.value for k in call.keywords)])
        ):
            yield Mark("loosened-tolerance", f"{owner}@timeout {told}", node.lineno, "a time limit that is none")
        elif dotted in own:
            yield Mark(
                "disabled-test", f"own @{dotted}", node.lineno, f"@{dotted} of this file may keep the test from running"
            )
        elif name in RETRIES:
            yield Mark("retried-test", f"{owner}@{name}({told})", node.lineno, f"@{name} runs a failing test again")
        elif dotted in WARNINGS and call and _ignores(call):
            yield Mark("suppression", f"{owner}@{told}", node.lineno, "warnings are ignored")


def _empty(node: ast.expr) -> bool:
    return isinstance(node, (ast.List, ast.Tuple, ast.Set)) and not node.elts


def _few(node: ast.expr) -> bool:
    value = constant(node)
    return isinstance(value, int) and value < EXAMPLES


def _is_patience(node: ast.expr) -> bool:
    value = constant(node)
    return isinstance(value, (int, float)) and (value >= PATIENCE_SECONDS or value == 0)


def _keywords(call: ast.Call | None) -> list[str]:
    return [f"{k.arg}={text_of(k.value)}" for k in call.keywords if k.arg != "reason"] if call else []


def _of_name(node: ast.Attribute | ast.Name, names: Names) -> Iterator[Mark]:
    dotted = names.dotted(node)
    name = last(dotted)
    if name in OFF and (OFF_OWNERS.search(dotted) or (name == dotted and name not in {"skip", "assume", "skipped"})):
        yield Mark("disabled-test", f"use {name}", node.lineno, f"{dotted} keeps tests from running or failing")
    elif name == "no_type_check":
        yield Mark("suppression", name, node.lineno, "no_type_check switches the type checker off")
    elif dotted == "sys._called_from_test":
        yield Mark("test-detection", dotted, node.lineno, "the code looks whether it is tested")


def _of_call(node: ast.Call, names: Names, *, test: bool) -> Iterator[Mark]:
    dotted = names.dotted(node.func)
    name = last(dotted)
    first = node.args[0] if node.args else None
    value = first.value if isinstance(first, ast.Constant) else None
    if dotted in EXITS and _is_success(node, dotted, test=test):
        yield Mark("early-exit", f"exit {dotted}", node.lineno, f"{dotted} ends the run with success")
    elif name in {"get", "getenv", "pop"} and value in SYSTEM_UNDER_TEST and "env" in dotted:
        yield Mark("test-detection", f"{value}", node.lineno, f"the code asks for {value}")
    elif dotted in {"typing.cast", "cast"} and first is not None and text_of(first) in {"Any", "typing.Any", "'Any'"}:
        yield Mark("suppression", "cast(Any)", node.lineno, "a cast to Any switches the type checker off")
    if not test:
        return
    if name == "register_profile" and any(k.arg == "max_examples" and _few(k.value) for k in node.keywords):
        yield Mark("removed-case", text_of(node), node.lineno, "fewer examples than hypothesis tries by itself")
    if name in {"getattr", "add_marker", "applymarker"} and any(_is_off(a) for a in node.args):
        yield Mark("disabled-test", f"{name} by name", node.lineno, "a test is switched off by name")
    elif dotted in WARNINGS and _ignores(node):
        yield Mark("suppression", f"{dotted} {text_of(node)}", node.lineno, "warnings are ignored")
    elif (
        name == "setattr"
        and len(node.args) > 2
        and RUNNER.search(f"{names.dotted(node.args[0])}.{_string(node.args[1])}")
    ):
        yield Mark("patched-runner", text_of(node.args[1]), node.lineno, "replaces a part of the test runner")
    elif dotted in {"unittest.main", "pytest.main"}:
        yield from _own_runner(node, dotted)


def _is_success(node: ast.Call, dotted: str, *, test: bool) -> bool:
    if dotted in {"os._exit", "os.abort", "pytest.exit"}:
        return True
    code = constant(node.args[0]) if node.args else None
    return test and code in (0, None, False)


def _is_off(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in OFF


def _string(node: ast.expr) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else ""


def _ignores(node: ast.Call) -> bool:
    return any(
        isinstance(a, ast.Constant) and isinstance(a.value, str) and a.value.startswith(("ignore", "default", "once"))
        for a in node.args
    )


def _own_runner(node: ast.Call, dotted: str) -> Iterator[Mark]:
    narrowing = [t for a in ast.walk(node) if isinstance(a, ast.Constant) and isinstance((t := a.value), str)]
    if any(t.startswith(("-k", "-m", "--ignore", "--deselect")) for t in narrowing):
        yield Mark("weakened-command", f"{dotted} {narrowing}", node.lineno, "the runner is told to leave tests out")
    if any(k.arg == "exit" and constant(k.value) is False for k in node.keywords):
        yield Mark("ignored-failure", f"{dotted} exit", node.lineno, "the runner's result is dropped")


def _detection(node: ast.Compare, names: Names) -> Iterator[Mark]:
    right = names.dotted(node.comparators[0]) if isinstance(node.ops[0], (ast.In, ast.NotIn)) else ""
    value = _string(node.left)
    if right in {"sys.modules", "sys.argv", "sys.argv.[]"} and value in {
        "pytest",
        "unittest",
        "_pytest",
        "nose",
        "doctest",
    }:
        yield Mark("test-detection", f"{value} in sys.modules", node.lineno, f"the code looks whether {value} runs")
    elif right == "os.environ" and value in SYSTEM_UNDER_TEST:
        yield Mark("test-detection", value, node.lineno, f"the code asks for {value}")


def tampering(statement: ast.stmt, names: Names) -> Iterator[Mark]:
    """Yield the marks of a statement of a test file that replaces parts of the runner or hides tests from it."""
    for target, value in _assigned(statement):
        dotted = names.dotted(target) if isinstance(target, (ast.Name, ast.Attribute)) else ""
        line = statement.lineno
        if dotted.endswith(("pytestmark", ".skip", ".todo")):
            told = _switches(value, names) if value else ""
            yield from [Mark("disabled-test", f"{dotted} = {told}", line, f"{dotted} is set")] if told else []
        elif last(dotted) in UNCOLLECT - {"pytestmark"} and not (
            last(dotted) == "__test__" and constant(value) is True
        ):
            rows = value.elts if isinstance(value, (ast.List, ast.Tuple)) else [value or target]
            for row in rows:
                yield Mark("disabled-test", f"{dotted} {text_of(row)}", line, f"{dotted} hides tests from the runner")
        elif isinstance(target, ast.Attribute) and RUNNER.search(dotted):
            yield Mark("patched-runner", dotted, line, f"{dotted} of the test runner is replaced")
        elif isinstance(target, ast.Name) and target.id in REPLACED:
            yield Mark("patched-runner", target.id, line, f"{target.id} is replaced")
        elif isinstance(target, ast.Subscript) and names.dotted(target.value) == "sys.modules":
            yield Mark("mocked-subject", text_of(target), line, "a module is replaced by something else")


def _switches(value: ast.expr, names: Names) -> str:
    """What of a value given to `pytestmark` or `test.skip` keeps tests from running; '' when nothing does."""
    if is_literal(value) and not isinstance(value, (ast.List, ast.Tuple)):
        return text_of(value) if constant(value) else ""
    parts = value.elts if isinstance(value, (ast.List, ast.Tuple)) else [value]
    dotted = {text_of(p): last(names.dotted(p.func if isinstance(p, ast.Call) else p)) for p in parts}
    return "; ".join(sorted(text for text, name in dotted.items() if name in OFF or SLOW_MARKS.search(name)))


def _assigned(statement: ast.stmt) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    if isinstance(statement, ast.Assign):
        yield from ((t, statement.value) for t in statement.targets)
    elif isinstance(statement, (ast.AnnAssign, ast.AugAssign)):
        yield statement.target, statement.value


def imported(names: Names) -> Iterator[Mark]:
    """Yield a mark for each name of the runner that a test file takes from somewhere else."""
    for name, dotted in names.imports.items():
        if name in RUNNER_NAMES and dotted.partition(".")[0] not in RUNNER_HOMES:
            yield Mark("patched-runner", f"import {name} {dotted}", 1, f"{name} comes from {dotted}")


def hook(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Mark]:
    """Yield a mark for a function that steers the runner: pytest hooks, `load_tests`, replaced assertions, `__eq__`."""
    steers = bool(HOOKS.search(node.name)) or node.name == "load_tests"
    if not (steers or node.name in REPLACED or node.name == "__eq__"):
        return
    body = "; ".join(ast.unparse(s) for s in node.body)
    registers_marks = node.name == "pytest_configure" and body.count("(") == body.count("addinivalue_line('markers'")
    if steers and not registers_marks:
        yield Mark("patched-runner", f"{node.name}: {body}", node.lineno, f"{node.name} steers the test runner")
    elif node.name in REPLACED:
        yield Mark("patched-runner", f"def {node.name}: {body}", node.lineno, f"{node.name} is replaced")
    elif body == "return True":
        yield Mark("hollow-assertion", f"__eq__ {body}", node.lineno, "everything is equal to this")


def swallowing(statement: ast.stmt, names: Names) -> bool:
    """Whether a statement catches a failing assertion and goes on: a broad `except` that does not fail, `suppress`."""
    if isinstance(statement, (ast.With, ast.AsyncWith)):
        return any(suppresses(item.context_expr, names) for item in statement.items)
    handlers = [*statement.handlers] if isinstance(statement, ast.Try) else []
    return any(is_broad(h.type, names) and not _fails(h.body) for h in handlers)


def catches(statement: ast.stmt) -> bool:
    """Whether a statement catches anything at all and goes on without failing."""
    return isinstance(statement, ast.Try) and any(not _fails(h.body) for h in statement.handlers)


def suppresses(node: ast.expr, names: Names) -> bool:
    """Whether a context manager suppresses whatever fails in it."""
    if not isinstance(node, ast.Call) or last(names.dotted(node.func)) != "suppress":
        return False
    return any(is_broad(a, names) for a in node.args)


def is_broad(node: ast.expr | None, names: Names) -> bool:
    """Whether an `except` of this catches whatever fails."""
    if node is None:
        return True
    parts = node.elts if isinstance(node, ast.Tuple) else [node]
    return any(last(names.dotted(p)) in BROAD for p in parts)


def _fails(body: list[ast.stmt]) -> bool:
    """Whether a handler raises or fails again."""
    nodes = [n for s in body for n in ast.walk(s)]
    return any(
        isinstance(n, (ast.Raise, ast.Assert))
        or (isinstance(n, ast.Call) and text_of(n.func).rpartition(".")[2].startswith(("fail", "assert")))
        for n in nodes
    )
