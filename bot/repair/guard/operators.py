"""The operators of assertions, as data: which may stand in for which, and which say the reverse."""

from bot.repair.guard.rules import listed

# What may stand in for an operator without asking less. Everything else counts as weaker.
SPECIFIC = frozenset(
    listed(
        "eq eq-strict eq-deep eq-loose is true in not-in ne is-not match instance not-instance gt ge lt le approx "
        "subset length property same-items raises called-with inline-snapshot"
    )
)
EQUAL = frozenset({"eq", "is", "eq-strict", "eq-deep", "eq-loose"})
STRONGER = {
    "truthy": SPECIFIC,
    "true": SPECIFIC | {"truthy"},
    "falsy": frozenset({"false", "none", "eq", "not-in", "is", "eq-strict", "length", "undefined"}),
    "false": frozenset({"falsy", "not-in", "ne", "is-not", "not-instance", "not-match", "none"}),
    "none": frozenset({"is", "eq", "empty"}),
    "not-none": SPECIFIC | {"truthy"},
    "defined": SPECIFIC | {"truthy", "not-none"},
    "undefined": frozenset({"is", "eq"}),
    "eq": frozenset({"is", "eq-strict", "eq-deep", "eq-loose", "length", "subset-eq", "inline-snapshot"}),
    "is": frozenset({"eq-strict", "length", "eq"}),
    "eq-strict": frozenset({"is", "eq-deep"}),
    "eq-deep": frozenset({"is", "eq", "eq-strict", "length", "inline-snapshot"}),
    "eq-loose": frozenset({"is", "eq", "eq-deep", "eq-strict", "length", "subset-eq", "inline-snapshot"}),
    "ne": frozenset({"gt", "lt"}),
    "in": EQUAL | {"match"},
    "match": EQUAL | {"in"},
    "ge": frozenset({"gt", "eq", "is", "length"}),
    "le": frozenset({"lt", "eq", "is", "length"}),
    "gt": frozenset({"eq", "is", "length"}),
    "lt": frozenset({"eq", "is", "length"}),
    "approx": EQUAL,
    "subset": EQUAL | {"property"},
    "property": EQUAL | {"subset"},
    "same-items": EQUAL,
    "instance": frozenset({"eq", "is", "exact-type"}),
    "length": EQUAL,
    "snapshot": EQUAL | {"inline-snapshot"},
    "inline-snapshot": EQUAL,
    "called": frozenset(
        {
            "called-once",
            "called-with",
            "called-once-with",
            "called-times",
            "nth-with",
            "last-with",
            "any-call",
            "has-calls",
        }
    ),
    "called-once": frozenset({"called-once-with", "called-times"}),
    "called-times": frozenset({"called-once", "called-once-with"}),
    "any-call": frozenset({"called-with", "called-once-with", "has-calls"}),
    "empty": EQUAL | {"length", "none"},
    "not-empty": SPECIFIC,
    "not-raises": SPECIFIC,
    "fail": frozenset({"raises"}),
    "called-with": frozenset({"called-once-with", "last-with", "nth-with"}),
    "warns": frozenset({"raises"}),
}
FLIPPED = {
    frozenset(pair)
    for pair in (
        ("truthy", "falsy"),
        ("true", "false"),
        ("eq", "ne"),
        ("is", "is-not"),
        ("in", "not-in"),
        ("none", "not-none"),
        ("lt", "gt"),
        ("lt", "ge"),
        ("gt", "le"),
        ("le", "ge"),
        ("instance", "not-instance"),
        ("match", "not-match"),
        ("truthy", "false"),
        ("true", "falsy"),
        ("called", "not-called"),
        ("raises", "not-raises"),
        ("defined", "undefined"),
        ("empty", "not-empty"),
    )
}
