"""The words of assertion libraries for JavaScript, as data: which operator of `checks.py` each of them is.

From the documentation of Jest, Vitest, Jasmine, Playwright, chai, should.js, sinon, node:assert, AVA, tap and QUnit.
"""

import re2

from bot.repair.guard.rules import listed

MATCHERS = {
    # Jest, Vitest, Jasmine, Playwright
    "toBe": "is",
    "toEqual": "eq",
    "toStrictEqual": "eq-strict",
    "toBeTruthy": "truthy",
    "toBeTrue": "true",
    "toBeFalsy": "falsy",
    "toBeFalse": "false",
    "toBeDefined": "defined",
    "toBeUndefined": "undefined",
    "toBeNull": "none",
    "toContain": "in",
    "toContainEqual": "in",
    "toMatch": "match",
    "toMatchObject": "subset",
    "toHaveLength": "length",
    "toHaveProperty": "property",
    "toBeCloseTo": "approx",
    "toBeGreaterThan": "gt",
    "toBeGreaterThanOrEqual": "ge",
    "toBeLessThan": "lt",
    "toBeLessThanOrEqual": "le",
    "toBeInstanceOf": "instance",
    **dict.fromkeys(
        listed("toThrow toThrowError toThrowErrorMatchingSnapshot toThrowErrorMatchingInlineSnapshot"), "raises"
    ),
    **dict.fromkeys(listed("toHaveBeenCalled toBeCalled"), "called"),
    "toHaveBeenCalledOnce": "called-once",
    **dict.fromkeys(listed("toHaveBeenCalledTimes toBeCalledTimes"), "called-times"),
    **dict.fromkeys(listed("toHaveBeenCalledWith toBeCalledWith"), "called-with"),
    "toHaveBeenCalledExactlyOnceWith": "called-once-with",
    "toHaveBeenCalledOnceWith": "called-once-with",
    **dict.fromkeys(listed("toHaveBeenLastCalledWith lastCalledWith"), "last-with"),
    **dict.fromkeys(listed("toHaveBeenNthCalledWith nthCalledWith"), "nth-with"),
    **dict.fromkeys(listed("toHaveText toHaveTextContent toHaveValue toHaveTitle toHaveURL"), "eq"),
    "toHaveCount": "length",
    "toMatchSnapshot": "snapshot",
    "toMatchInlineSnapshot": "inline-snapshot",
    # chai and should.js
    **dict.fromkeys(listed("equal equals"), "is"),
    **dict.fromkeys(listed("eql eqls"), "eq"),
    "true": "true",
    "false": "false",
    "ok": "truthy",
    "exist": "defined",
    "null": "none",
    "undefined": "undefined",
    **dict.fromkeys(listed("include includes contain contains"), "in"),
    **dict.fromkeys(listed("lengthOf length"), "length"),
    "property": "property",
    **dict.fromkeys(listed("above greaterThan gt"), "gt"),
    **dict.fromkeys(listed("least gte"), "ge"),
    **dict.fromkeys(listed("below lessThan lt"), "lt"),
    **dict.fromkeys(listed("most lte"), "le"),
    **dict.fromkeys(listed("closeTo approximately"), "approx"),
    **dict.fromkeys(listed("instanceof instanceOf instance a an"), "instance"),
    **dict.fromkeys(listed("throw throws Throw rejected rejectedWith"), "raises"),
    "members": "same-items",
    "called": "called",
    "calledOnce": "called-once",
    "calledWith": "called-with",
    "calledOnceWith": "called-once-with",
    "empty": "call:empty",
    "fulfilled": "call:fulfilled",
}
ASSERTS = {  # methods of `assert`, `t`, `chai.assert`, `sinon.assert`
    **dict.fromkeys(listed("equal equals strictEqual is strictSame same"), "is"),
    **dict.fromkeys(listed("notEqual notStrictEqual not isNot"), "is-not"),
    **dict.fromkeys(listed("deepEqual deepEquals looseEqual"), "eq-loose"),  # loose in node:assert only
    "deepStrictEqual": "eq-deep",
    **dict.fromkeys(listed("notDeepEqual notDeepStrictEqual"), "ne"),
    **dict.fromkeys(listed("ok truthy isOk assert"), "truthy"),
    **dict.fromkeys(listed("true isTrue"), "true"),
    **dict.fromkeys(listed("notOk falsy isNotOk"), "falsy"),
    **dict.fromkeys(listed("false isFalse"), "false"),
    **dict.fromkeys(listed("throws rejects throwsAsync isRejected"), "raises"),
    **dict.fromkeys(listed("doesNotThrow doesNotReject notThrows notThrowsAsync isFulfilled"), "not-raises"),
    **dict.fromkeys(listed("match regex"), "match"),
    **dict.fromkeys(listed("doesNotMatch notRegex"), "not-match"),
    **dict.fromkeys(listed("include includes"), "in"),
    "notInclude": "not-in",
    "isNull": "none",
    "isNotNull": "not-none",
    **dict.fromkeys(listed("isDefined exists"), "defined"),
    "isUndefined": "undefined",
    "lengthOf": "length",
    **dict.fromkeys(listed("instanceOf typeOf isArray isString isObject isNumber isFunction"), "instance"),
    **dict.fromkeys(["isAbove"], "gt"),
    **dict.fromkeys(["isAtLeast"], "ge"),
    **dict.fromkeys(["isBelow"], "lt"),
    **dict.fromkeys(["isAtMost"], "le"),
    **dict.fromkeys(listed("closeTo approximately"), "approx"),
    "like": "subset",
    "called": "called",
    "calledOnce": "called-once",
    "calledWith": "called-with",
    "calledOnceWithExactly": "called-once-with",
    **dict.fromkeys(listed("plan snapshot"), "call:plan"),
    "fail": "fail",
    "pass": "call:pass",
}
PROPERTIES = frozenset(
    listed(
        "true false ok null undefined exist empty called calledOnce calledTwice rejected fulfilled NaN "
        "finite extensible"
    )
)  # chai asserts by these without a call
OWNERS = frozenset({"assert", "t", "chai", "sinon", "test", "tap", "QUnit", "a", "is"})
FILLERS = frozenset(
    listed(
        "to be been is that which and has have with at of same but does still also deep nested own "
        "ordered any all itself not resolves rejects eventually soft poll"
    )
)
HELPER = re2.compile(r"^_?(assert|expect|verify|check|ensure|should|must)([A-Z_]|$)")
COUNTS = frozenset({"assertions", "hasAssertions", "unreachable"})
LOSSY = frozenset(
    listed(
        "length sort toLowerCase toUpperCase trim Boolean String Number parseInt floor round ceil keys "
        "typeof slice substring Set"
    )
)
WILD = re2.compile(
    r"\b(?:expect|jasmine|sinon\.match|vi)\.(?:anything|any|objectContaining|arrayContaining|stringContaining|stringMatching)\b|\bmatch\.any\b"
)
OPPOSITE = {
    "eq": "ne",
    "is": "is-not",
    "eq-strict": "ne",
    "eq-deep": "ne",
    "eq-loose": "ne",
    "in": "not-in",
    "truthy": "falsy",
    "true": "false",
    "none": "not-none",
    "defined": "undefined",
    "match": "not-match",
    "gt": "le",
    "ge": "lt",
    "instance": "not-instance",
    "raises": "not-raises",
    "called": "not-called",
}
NEGATED = OPPOSITE | {b: a for a, b in reversed(OPPOSITE.items())}
COMPARISONS = {
    "===": "is",
    "==": "is",
    "!==": "is-not",
    "!=": "is-not",
    ">": "gt",
    ">=": "ge",
    "<": "lt",
    "<=": "le",
    "instanceof": "instance",
}
SELF_EQUAL = frozenset({"is", "eq", "eq-strict", "eq-deep", "eq-loose", "ge", "le"})
