"""Languages that have no module of their own yet, read by lines: suppressions, and tests in coarse outline."""

import re2

from bot.repair.guard import textual
from bot.repair.guard.facts import Facts, Patterns
from bot.repair.guard.kinds import in_test_folder, is_other_test
from bot.repair.guard.rules import listed

NAME = "other"
FAMILIES = {  # how comments are written, by the ending of the file name
    **dict.fromkeys(
        listed(
            "go rs java kt kts c h cc cpp cxx hh hpp cs swift scala dart groovy php m mm proto zig v sol gradle glsl"
        ),
        "slash",
    ),
    **dict.fromkeys(listed("css scss sass less styl vue svelte astro"), "script"),
    **dict.fromkeys(
        listed("rb rake gemspec pl pm r jl nim cr ex exs tcl ps1 psm1 cmake sh bash zsh ksh bats fish mk"),
        "hash",
    ),
    **dict.fromkeys(listed("html htm xml xhtml md markdown rst"), "markup"),
    **dict.fromkeys(listed("sql lua hs elm ada"), "dash"),
    **dict.fromkeys(listed("tf tfvars hcl yml yaml toml dockerfile"), "hash"),
}
PATTERNS = Patterns(
    test=r"^\s*(?:func\s+(?:\([^)]*\)\s*)?((?:Test|Benchmark|Fuzz|Example)\w*)|#\[(?:\w+::)*test\b|@(?:Parameterized)?Test\b|"
    r"(?:it|test|specify|describe|context|scenario)\s*[ (\"']|def\s+(test_\w+)|"
    r"public\s+function\s+(test\w+)|TEST(?:_[FP])?\s*\(|"
    r"fun\s+(test\w+)|BOOST_AUTO_TEST_CASE)",
    check=r"(?:^|[^\w.])(?:[\w.:>-]*\.)?(?:assert\w*!?|debug_assert\w*!|expect\w*|(?:assert|require|Assert)\.\w+|should\w*|verify\w*|ASSERT_\w+|"
    r"EXPECT_\w+|CHECK\w*|REQUIRE\w*|BOOST_\w+|t\.(?:Error|Errorf|Fatal|Fatalf|Fail|FailNow)|fail)\s*[(!{ ]",
    off=r"(?:#\[ignore|#\[cfg_attr|@Disabled|@Ignore\b)|\b(?:t\.Skip\w*|DISABLED_|GTEST_SKIP|markTestSkipped|markTestIncomplete|xit|"
    r"xdescribe|pending\b|skip\b|assumeTrue|assumeFalse)",
    comments="slash",
)


BATS = Patterns(
    test=r"""^\s*@test\s+["']?([^"'{]+)""",
    check=r"^\s*(?:\[\[?\s|test\s|assert\w*\b|refute\w*\b|diff\s|cmp\s|grep\s|!\s)",
    off=r"^\s*skip\b",
    comments="hash",
)


_STATUS = r"(?m)^([ \t]*)\[\[? \"?\$\{?status\}?\"? "
_OUTPUT = r"(?m)^([ \t]*)\[\[? \"?\$\{?output\}?\"? ==? "
_MATCHED = _OUTPUT.replace("==?", "=~")
RESPELLED = (
    (re2.compile(_STATUS + r"(?:-eq|==?) \"?0\"? \]\]?"), r"\1assert_success"),
    (re2.compile(_STATUS + r"(?:-ne|!=) \"?0\"? \]\]?"), r"\1assert_failure"),
    (re2.compile(_STATUS + r"(?:-eq|==?) (\"?[1-9]\d*\"?) \]\]?"), r"\1assert_failure \2"),
    (re2.compile(_OUTPUT + r"(\"[^\"\n*]*\"|'[^'\n]*') \]\]?"), r"\1assert_output \2"),
    (re2.compile(_OUTPUT + r"\*(\"[^\"\n*]*\"|'[^'\n]*')\* \]\]"), r"\1assert_output --partial \2"),
    (re2.compile(_MATCHED + r"(\"[^\"\n]*\"|'[^'\n]*') \]\]"), r"\1assert_output --regexp \2"),
    (re2.compile(_MATCHED + r"([^'\n]*) \]\]"), r"\1assert_output --regexp '\2'"),
    (re2.compile(r"(?m)^([ \t]*(?:assert|refute)_\w+ )-p "), r"\1--partial "),
    (re2.compile(r"(?m)^([ \t]*(?:assert|refute)_\w+ )-e "), r"\1--regexp "),
)


def claims(path: str) -> bool:
    """Whether it is source of a language known only by its comments."""
    return _ending(path) in FAMILIES


def _ending(path: str) -> str:
    return path.rpartition("/")[2].lower().rpartition(".")[2]


def is_test(path: str) -> bool:
    """Whether the name or folder says test."""
    code = FAMILIES.get(_ending(path)) in {"slash", "hash"} and _ending(path) not in {
        "yml",
        "yaml",
        "toml",
        "proto",
        "gradle",
    }
    return code and (is_other_test(path) or in_test_folder(path))


def collected(path: str) -> bool:
    """Whether a test runner looks for tests in it."""
    return is_test(path)


def _respelled(text: str) -> str:
    """What bats asks of the status and output of a command, in the words of bats-assert."""
    for pattern, told in RESPELLED:
        text = pattern.sub(told, text)
    return text


def read(path: str, text: str) -> Facts:
    """Read one side of the file; see `Language.read`."""
    family = FAMILIES.get(_ending(path), "hash")
    patterns = Patterns(PATTERNS.test, PATTERNS.check, PATTERNS.off, family)
    patterns = BATS if _ending(path) == "bats" else patterns
    text = _respelled(text) if patterns is BATS else text
    return textual.read(text, patterns, test=is_test(path), collected=collected(path))
