"""The words of assertions in Python, as data: which operator of `checks.py` each of them is.

From the documentation of unittest (with the aliases that Python 3.12 removed), pytest, numpy.testing, pandas.testing,
unittest.mock, nose and Django.
"""

import re2

from bot.repair.guard.rules import listed

METHODS = {  # name -> (op, number of arguments that matter)
    **dict.fromkeys(listed("assertEqual assertEquals failUnlessEqual eq_ assert_equal assert_equals"), ("eq", 2)),
    **dict.fromkeys(
        listed(
            "assertListEqual assertTupleEqual assertSetEqual assertDictEqual assertSequenceEqual "
            "assertMultiLineEqual assertXMLEqual assertHTMLEqual assertJSONEqual assert_array_equal "
            "assert_frame_equal assert_series_equal assert_index_equal assert_string_equal"
        ),
        ("eq", 2),
    ),
    **dict.fromkeys(listed("assertNotEqual assertNotEquals failIfEqual"), ("ne", 2)),
    **dict.fromkeys(listed("assertTrue assert_ failUnless ok_"), ("truthy", 1)),
    **dict.fromkeys(listed("assertFalse failIf"), ("falsy", 1)),
    "assertIs": ("is", 2),
    "assertIsNot": ("is-not", 2),
    "assertIsNone": ("none", 1),
    "assertIsNotNone": ("not-none", 1),
    "assertIn": ("in", 2),
    "assertNotIn": ("not-in", 2),
    "assertContains": ("in", 2),
    "assertNotContains": ("not-in", 2),
    "assertDictContainsSubset": ("subset", 2),
    "assertIsInstance": ("instance", 2),
    "assertNotIsInstance": ("not-instance", 2),
    "assertGreater": ("gt", 2),
    "assertGreaterEqual": ("ge", 2),
    "assertLess": ("lt", 2),
    "assertLessEqual": ("le", 2),
    **dict.fromkeys(listed("assertRegex assertRegexpMatches"), ("match", 2)),
    **dict.fromkeys(listed("assertNotRegex assertNotRegexpMatches"), ("not-match", 2)),
    **dict.fromkeys(
        listed("assertCountEqual assertItemsEqual assertQuerySetEqual assertQuerysetEqual"), ("same-items", 2)
    ),
    **dict.fromkeys(listed("assertAlmostEqual assertAlmostEquals failUnlessAlmostEqual"), ("approx", 2)),
    **dict.fromkeys(
        listed("assert_allclose assert_almost_equal assert_array_almost_equal assert_approx_equal"), ("approx", 2)
    ),
    **dict.fromkeys(listed("assertNotAlmostEqual assertNotAlmostEquals"), ("not-approx", 2)),
    **dict.fromkeys(listed("assertRaises failUnlessRaises assertRaisesMessage raises assert_raises"), ("raises", 1)),
    **dict.fromkeys(listed("assertRaisesRegex assertRaisesRegexp assert_raises_regex"), ("raises", 2)),
    **dict.fromkeys(listed("assertWarns assertWarnsRegex warns deprecated_call assertWarnsMessage"), ("warns", 1)),
    **dict.fromkeys(listed("assertLogs assertNoLogs"), ("logs", 2)),
    "assert_called": ("called", 9),
    "assert_called_once": ("called-once", 9),
    "assert_called_with": ("called-with", 9),
    "assert_called_once_with": ("called-once-with", 9),
    "assert_any_call": ("any-call", 9),
    "assert_has_calls": ("has-calls", 9),
    "assert_not_called": ("not-called", 9),
    "fail": ("fail", 0),
}
CONTEXTS = frozenset({"raises", "warns", "logs"})
COMPARED = frozenset({"eq", "ne", "is", "is-not", "gt", "ge", "lt", "le"})
DEEPEST = 20  # guards that are counted
SHOWN = 5  # statements of a block under `raises` that tell it from others
MOCK = 9  # stands for the methods of mocks, all of whose arguments matter
OWNED = frozenset({"raises", "warns", "deprecated_call", "fail"})  # everyday words: an assertion only of these owners
OWNERS = ("pytest.", "self.", "cls.", "unittest.", "nose.")
HELPER = re2.compile(r"^_?(assert|expect|verify|check|ensure|should|must|validate)(_|[A-Z]|s_|$)")
NOT_HELPERS = frozenset({"check_output", "check_call", "assert_never", "assert_type", "validate_call", "verify_mode"})
MIRROR = {"lt": "gt", "gt": "lt", "le": "ge", "ge": "le"}
OPPOSITE = {"eq": "ne", "is": "is-not", "in": "not-in", "lt": "ge", "gt": "le", "truthy": "falsy", "none": "not-none"}
OPPOSITE |= {"instance": "not-instance", "approx": "not-approx", "true": "false", "match": "not-match"}
NEGATED = OPPOSITE | {b: a for a, b in OPPOSITE.items()}
TOLERANCES = {  # keyword -> sign: a larger value of sign * number accepts more
    **dict.fromkeys(listed("rel abs rtol atol rel_tol abs_tol delta tol tolerance eps epsilon"), 1),
    **dict.fromkeys(("places", "decimal", "significant"), -1),
}
CLOSE = frozenset({"isclose", "allclose", "is_close", "all_close"})
LOSSY = frozenset(
    listed(
        "set frozenset sorted len type bool any int round abs lower upper strip casefold keys "
        "startswith endswith rstrip lstrip max min next hash filter issubset"
    )
)
SWITCHES = re2.compile(r"^(check_|strict|exact|ordered|equal_nan$)")  # keywords that make a comparison strict
EVERYTHING = frozenset({"object", "ANY", "mock.ANY", "unittest.mock.ANY"})
BROAD = frozenset({"Exception", "BaseException"})
SAME_ERRORS = dict.fromkeys(("IOError", "EnvironmentError", "WindowsError", "socket.error", "select.error"), "OSError")
SAME_ERRORS |= {"socket.timeout": "TimeoutError", "asyncio.TimeoutError": "TimeoutError"}
