"""Whatever in tests hides a failure and is no assertion: skips, conditions, retries, exits, dropped failures, fakes."""

from collections.abc import Iterable, Iterator

import re2
from tree_sitter import Node

from bot.repair.guard.directives import CODE_WORD, words_of
from bot.repair.guard.facts import Directive, Mark
from bot.repair.guard.lexer import without_comments
from bot.repair.guard.syntax.grammar import Annotation, Chain, Grammar, Vocabulary, chain_of
from bot.repair.guard.syntax.values import normal, string_of, stripped
from bot.repair.guard.trees import line_of, text_of, walk

SUPPRESSIONS = frozenset(
    {"allow", "expect", "SuppressWarnings", "Suppress", "SuppressLint", "SuppressFBWarnings", "Generated"}
    | {"ExcludeFromCodeCoverage", "ExcludeFromJacocoGeneratedReport", "NoCoverage", "CodeCoverageIgnore", "coverage"}
    | {"rustfmt::skip"}
)
ALWAYS = frozenset({"Disabled", "Ignore", "Ignored", "ignore", "Skip"})  # a reason is all that they are told
RETRIED = re2.compile(r"(?i)^(retry\w*|flak[ye]\w*|RepeatedIfExceptionsTest|RetryingTest|.*retry)$")
RETRY_RULES = frozenset({"Retry", "RetryRule", "RetryTestRule", "RetryAnalyzer", "FlakyRule", "FlakyTestRule"})
TIME_LIMIT = re2.compile(r"\btimeout\s*=\s*([0-9]{1,9})")
PATIENCE = 300_000  # milliseconds
UNFAILING = frozenset({"DoesNotPerformAssertions", "doesNotPerformAssertions"})
ON_CI = (
    r"(?:CI|GITHUB_ACTIONS|GITLAB_CI|CONTINUOUS_INTEGRATION|TRAVIS|JENKINS_URL|BUILDKITE|CIRCLECI|RUNNER_OS|GITHUB_\w+)"
)
DETECT = re2.compile(
    r"(?:getenv|Getenv|LookupEnv|env::var(?:_os)?|env!|option_env!|ENV\.fetch|ENV\.key\?|ENV\.has_key\?|Env\.get)\s*\(\s*[\"']"
    + ON_CI
    + r"[\"']|(?:ENV|\$_ENV|\$_SERVER|getenv\(\))\[[\"']"
    + ON_CI
    + r"[\"']\]|\btesting\.Testing\(\)|flag\.Lookup\(\"test\.|os\.Args\[0\],\s*\"(?:\.test|_test)"
    r"|cfg!\(test\)|cfg\(not\(test\)\)"
    r"|defined\?\(?\s*(?:::)?(?:RSpec|Minitest|Test::Unit|MiniTest)|Rails\.env\.test\?|PHPUNIT_COMPOSER_INSTALL|__PHPUNIT_PHAR__"
    r"|runningUnitTests\(\)|Class\.forName\(\"org\.junit|class_exists\([^)]*PHPUnit|getStackTrace\(\).{0,80}[jJ]unit"
    r"|(?m:^\s*#\s*if.*\b(?:UNIT_TESTS?|UNITTEST|TESTING|RUNNING_TESTS|GTEST_API_|UNDER_TEST|TEST_BUILD)\b)"
)


def detection(text: str, family: str) -> list[Mark]:
    """A mark for each place where code asks whether it is tested, or runs on CI."""
    bare = without_comments(text, family)
    found = []
    for match in DETECT.finditer(bare):
        told = " ".join(match.group(0).split())
        found.append(Mark("test-detection", told, bare.count("\n", 0, match.start()) + 1, f"the code asks for {told}"))
    return found


def of_annotation(told: Annotation, vocabulary: Vocabulary) -> Iterator[Mark]:
    """The marks of an annotation of a test or of what it stands in."""
    if vocabulary.switches.search(told.name):  # type: ignore[attr-defined]  # re2 has no types
        always = told.name in ALWAYS
        yield Mark(
            "disabled-test",
            "off" if always else f"{told.name} {' '.join(told.text.split())}",
            told.line,
            f"{told.name} keeps tests from running",
        )
    elif told.name in {"Test", "test"} and "enabled=false" in "".join(told.text.split()):
        yield Mark("disabled-test", "enabled=false", told.line, "a test is switched off")
    elif RETRIED.search(told.name) or "retryAnalyzer" in told.text:
        yield Mark("retried-test", told.name, told.line, "failing tests are run again")
    elif any(int(n) >= PATIENCE for n in TIME_LIMIT.findall(told.text) if told.name in {"Test", "Timeout"}):
        yield Mark("loosened-tolerance", f"timeout {told.text}", told.line, "a time limit that is none")
    elif told.name in UNFAILING:
        yield Mark("disabled-test", "asserts nothing", told.line, "a test is told to do without assertions")
    elif told.name in {"should_panic", "expectedException"} or (told.name == "Test" and "expected" in told.text):
        yield Mark("swallowed-failure", "own expects failure", told.line, "a test is expected to fail")


def suppression(told: Annotation, around: str) -> Directive | None:
    """The directive that an annotation is, when it switches a checker off; `around` is the code that it stands at."""
    name, text = told.name, told.text
    if name == "cfg_attr":
        inner = next((x for x in ("allow", "expect") if f"{x}(" in text.replace(" ", "")), "")
        name, text = (inner, text.partition(inner)[2]) if inner else (name, text)
    if name not in SUPPRESSIONS or (name == "coverage" and "off" not in text):
        return None
    words = CODE_WORD.findall(text.replace('"', " ").replace("'", " "))
    codes = frozenset(w for w in words if w not in {"value", "reason", "justification"})
    name = {"expect": "allow"}.get(name, name)
    return Directive(
        f"@{name}", codes, words_of(around[:300]), told.line, f"{told.name}({' '.join(told.text.split())[:60]})"
    )


def of_chain(chain: Chain, grammar: Grammar, vocabulary: Vocabulary, condition: str) -> Iterator[Mark]:
    """The marks of a chain of calls in a test file; `condition` is what it depends on."""
    line, called = chain.line, [x for x in chain.links if x.call]
    last = chain.links[-1] if chain.links else None
    for link in called:
        if link.name in vocabulary.skips:
            given = " ".join(
                normal(a, grammar) for a in (link.call.arguments if link.call else ()) if not _text(a, grammar)
            )
            key = f"{link.name} {given} {condition}".strip()
            yield Mark("disabled-test", key, line, f"{link.name} keeps a test from running or failing")
        elif link.name in vocabulary.retries or (link.name in RETRY_RULES and not condition and _is_field(chain.node)):
            yield Mark("retried-test", normal(chain.node, grammar)[:200], line, "failing tests are run again")
        elif link.name in vocabulary.off:
            yield Mark("disabled-test", link.name, line, f"{link.name} keeps tests from running or failing")
    if last is None or last.call is None:
        return
    if last.name in vocabulary.statuses and chain.node.parent is not None and "statement" in chain.node.parent.type:
        dropped = chain.node.parent.type not in grammar.returns
        if dropped:
            yield Mark("early-exit", last.name, line, f"what {last.name} gives back is dropped")
    if last.name in vocabulary.catchers and not _acts_around(chain.node, grammar, vocabulary):
        yield Mark("swallowed-failure", last.name, line, f"{last.name} drops what fails")
    if chain.dotted in vocabulary.exits or last.name in vocabulary.exits:
        status = last.call.arguments
        if not status or normal(status[0], grammar) in {"0.0", "true", "EXIT_SUCCESS"}:
            yield Mark("early-exit", chain.dotted, line, f"{chain.dotted} ends the run")


def _is_field(node: Node) -> bool:
    """Whether it is the value of a field of a class."""
    around = node.parent.parent if node.parent is not None else None
    return around is not None and around.type in {"field_declaration", "class_body", "property_declaration"}


def _text(node: Node, grammar: Grammar) -> bool:
    return stripped(node, grammar).type in grammar.strings


NAMES = frozenset({"identifier", "name", "field_identifier"})
PAIRS = frozenset({"pair", "value_argument"})
SWITCHED = ("!", "f:")
"""How titles begin that Kotest takes for switches: off, and nothing else on."""


def modifiers(chain: Chain, title: str, grammar: Grammar, vocabulary: Vocabulary) -> Iterator[Mark]:
    """The marks of a call that defines a test or suite: `xit`, `.skip()`, `:pending`, no body at all."""
    if title.startswith(SWITCHED):
        yield Mark("disabled-test", f"title {title[0]}", chain.line, f"{title}: the title switches tests off")
    for link in chain.links:
        if link.name in vocabulary.off or link.name in vocabulary.modifiers:
            given = " ".join(
                normal(a, grammar) for a in (link.call.arguments if link.call else ()) if not _text(a, grammar)
            )
            key = link.name if link.name in vocabulary.off else f"{link.name} {given}".strip()
            yield Mark("disabled-test", key, chain.line, f"{title}: {link.name} keeps tests from running or failing")
        if link.name in vocabulary.retries:
            yield Mark("retried-test", link.name, chain.line, f"{title} is run again when it fails")
        for node in link.call.arguments if link.call else ():
            yield from _options(node, title, grammar, vocabulary)


def _options(node: Node, title: str, grammar: Grammar, vocabulary: Vocabulary) -> Iterator[Mark]:
    """Metadata: `skip: true`, `:pending`, `enabled = false`, `[!mayfail]`, `disabled()`, `Label("x")`."""
    text = normal(node, grammar)
    told = text.replace("'", "")
    key = told.partition(" ")[0].lstrip(":")
    if node.type in grammar.lambdas or node.type in grammar.strings:
        tags = [t for t in ("[.", "[!", "[hide]") if f"{t}" in text]
        if tags and not text.startswith(("'[.]", '"[.')):
            yield Mark(
                "disabled-test", f"tag {tags[0]}", line_of(node), f"{title}: a tag hides the test or its failure"
            )
        elif tags:
            yield Mark("disabled-test", "tag [.", line_of(node), f"{title}: a tag hides the test")
        return
    inner = sorted({text_of(n) for n in walk(node) if n.type in NAMES} & vocabulary.modifiers)
    key = key if key in vocabulary.modifiers or not inner or node.type in PAIRS else inner[0]
    off = key in vocabulary.modifiers and not told.endswith((" false", " nil"))
    if off or "disabled" in told.split() or "enabled = false" in told or told.startswith("retry"):
        retried = told.startswith("retry")
        name = "retried-test" if retried else "disabled-test"
        message = "is run again when it fails" if retried else "keeps tests from running or failing"
        yield Mark(name, key if off else told, line_of(node), f"{title}: {told[:40]} {message}")


def swallows(node: Node, grammar: Grammar, vocabulary: Vocabulary) -> bool:
    """Whether a `try` has a handler that neither throws, fails nor asserts."""
    handlers = [c for c in node.named_children if c.type in grammar.handlers]
    return any(not acts(h, grammar, vocabulary) for h in handlers)


def acts(node: Node, grammar: Grammar, vocabulary: Vocabulary) -> bool:
    """Whether something below throws, fails or asserts."""
    for one in walk(node):
        if one.type in grammar.throws:
            return True
        call = grammar.call(one)
        name = call.name if call is not None else ""
        if name and (name in vocabulary.fails or name in vocabulary.asserts or name in vocabulary.subjects):
            return True
        if name in {"raise", "throw", "rethrow", "panic", "resume_unwind", "abort"}:
            return True
        if one.type == "identifier" and text_of(one) == "raise":
            return True
    return False


def _acts_around(node: Node, grammar: Grammar, vocabulary: Vocabulary) -> bool:
    """Whether the function that a call stands in fails, too."""
    one: Node | None = node
    while one is not None and one.type not in grammar.lambdas and one.type not in grammar.functions:
        one = one.parent
    return one is not None and acts(one, grammar, vocabulary)


def patched(chain: Chain, grammar: Grammar, vocabulary: Vocabulary) -> set[str]:
    """What a chain replaces by a fake, dotted: `when(cart.total()).thenReturn(6)`, `allow(cart).to receive(:total)`."""
    found: set[str] = set()
    for i, link in enumerate(chain.links):
        if link.call is None or link.name not in vocabulary.fakers:
            continue
        given = list(link.call.arguments)
        block = link.call.block
        told = [chain_of(n, grammar) for a in given[:1] for n in [stripped(a, grammar)]]
        told += [chain_of(n, grammar) for n in (walk(block) if block is not None else ()) if grammar.call(n)][:1]
        named = next(
            (string_of(a).strip(":'\"") for a in given[:1] if _text(a, grammar) or a.type == "simple_symbol"), ""
        )
        if named:
            owner = ".".join(x.name for x in chain.links[:i])
            found.add(f"{owner}.{named}")
        elif told and len(told[0].links) > 1:
            found.add(told[0].dotted)
        elif told and told[0].links and len(given) > 1:  # `ON_CALL(cart, total())`
            found.add(f"{told[0].dotted}.{chain_of(given[1], grammar).dotted}")
        elif told and told[0].links and i + 1 < len(chain.links):
            found |= {f"{told[0].dotted}.{name}" for name in _received(chain.links[i + 1 :], grammar)}
    return found


def _received(links: Iterable[object], grammar: Grammar) -> Iterator[str]:
    """The methods in `.to receive(:total)`, or the one that is called next: `doReturn(6).when(cart).total()`."""
    for link in links:
        call = getattr(link, "call", None)
        name = getattr(link, "name", "")
        inner = [grammar.call(n) for a in (call.arguments if call is not None else ()) for n in walk(a)]
        symbols = [
            string_of(a).strip(":'\"") for c in inner if c and c.name.startswith("receive") for a in c.arguments[:1]
        ]
        yield from symbols
        if not symbols and name not in {"to", "not_to", "to_not", "thenReturn", "thenThrow"}:
            yield name
        return
