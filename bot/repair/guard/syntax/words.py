"""The words that assertion libraries of several languages share, as data: which operator of `checks.py` each is.

From the documentation of JUnit, TestNG, AssertJ, Hamcrest, Truth, Kotest, kotlin.test, PHPUnit, Pest, gomega, testify,
GoogleTest, Catch2, doctest, Boost.Test, Unity, RSpec, minitest and test-unit.
"""

from http import HTTPStatus

import re2

from bot.repair.guard.syntax.grammar import names, table

HELPER = re2.compile(r"^_?(assert|expect|verify|coVerify|check|ensure|should|must|require|refute)([A-Z_]|$)")
NO_HELPERS = frozenset({"require", "require_relative", "checkNotNull"})
OPPOSITE = {
    "eq": "ne",
    "is": "is-not",
    "in": "not-in",
    "truthy": "falsy",
    "true": "false",
    "none": "not-none",
    "match": "not-match",
    "gt": "le",
    "ge": "lt",
    "instance": "not-instance",
    "raises": "not-raises",
    "called": "not-called",
    "empty": "not-empty",
}
NEGATED = OPPOSITE | {b: a for a, b in reversed(OPPOSITE.items())}
MIRRORED = {"gt": "lt", "lt": "gt", "ge": "le", "le": "ge"}
COMPARISONS = {
    **dict.fromkeys(("==", "===", "eql?", "equal?"), "eq"),
    **dict.fromkeys(("!=", "!==", "<>"), "ne"),
    ">": "gt",
    ">=": "ge",
    "<": "lt",
    "<=": "le",
    **dict.fromkeys(("instanceof", "is"), "instance"),
    "=~": "match",
    "in": "in",
    "!in": "not-in",
}
ONE_SIDED = names("truthy true falsy false none not-none empty not-empty raises not-raises fail")
SELF_EQUAL = names("is eq ge le")
# Methods and functions that ask what an operator of their own asks: name -> (op, arguments with the receiver)
QUESTIONS = table(
    """
    eq 2: Is equals Equal EqualFold eq eql? equal? DeepEqual contentEquals isEqualTo SameElements
    in 2: contains Contains includes include? contains_key containsKey in_array has_value? member? str_contains
    in 2: ContainsKey
    empty 1: isEmpty is_empty empty empty? blank? isBlank
    not-empty 1: isNotEmpty any? present? isNotBlank
    none 1: is_none isNil IsNil nil? is_null isNull
    not-none 1: is_some isPresent has_value is_initialized
    not-raises 1: is_ok isSuccess ok?
    raises 1: is_err isFailure is_error
    match 2: matches MatchString HasPrefix HasSuffix startsWith endsWith starts_with ends_with start_with? end_with?
    match 2: match? preg_match
    instance 2: is_a? kind_of? instance_of? is_a isInstance
    approx 2: abs_diff_eq relative_eq
    """
)
BROAD = names("Exception Throwable RuntimeException StandardError Error BaseException exception any dyn Object")
ZERO_WHEN_SAME = names("Compare compare strcmp wcscmp compareTo cmp")
COMPARING = names("Diff DeepEqual Equal EqualValues equals compare memcmp strcmp strncmp")
LENGTHS = names("len length size count Len Length Size Count")
MATCHERS = table(
    """
    eq 1: Equals DeepEquals CmpEquals isEqualTo equalTo eq eql equal be toBe toEqual toBeEqual Equal Eq StrEq
    eq 1: BeEquivalentTo BeNumerically equals
    eq 1: BeIdenticalTo
    eq 1: isSameAs isSameInstanceAs sameInstance toMatchArray toMatchObject Ref
    eq 1: Equals
    eq 1: containsExactly ElementsAre containsExactlyElementsOf isEqualByComparingTo contentEquals eqv MatchJSON
    eq 1: hasToString
    ne 1: isNotEqualTo notEqualTo isNotSameAs Ne NotEqual
    same-items 1: containsExactlyInAnyOrder containsExactlyInAnyOrderElementsOf match_array ConsistOf
    same-items 1: UnorderedElementsAre contain_exactly
    same-items 1: containsInAnyOrder containsOnly toEqualCanonicalizing arrayContainingInAnyOrder
    same-items 1: UnorderedElementsAreArray
    true 1: isTrue toBeTrue BeTrue be_true IsTrue BeTrueBecause
    false 1: isFalse toBeFalse BeFalse be_false IsFalse BeFalseBecause
    truthy 1: toBeTruthy be_truthy
    falsy 1: toBeFalsy be_falsey be_falsy
    none 1: IsNil isNull toBeNull be_nil BeNil nullValue IsNull
    not-none 1: IsNotNil isNotNull notNullValue NotNull toBeDefined exist isPresent NotNil
    empty 1: isEmpty toBeEmpty be_empty BeEmpty empty IsEmpty isBlank be_blank BeZero isZero
    not-empty 1: isNotEmpty isNotBlank be_present be_any
    in 1: contains toContain include ContainElement ContainSubstring hasItem containsString hasItems Contains
    in 1: HasSubstr
    in 1: containsAll containsAllOf ContainElements isIn containsEntry hasEntry containsKey HaveKey HaveKeyWithValue
    in 1: hasKey have_key
    in 1: toContainEqual hasMessageContaining hasMessageThat ContainsSubstring Key toHaveKey toHaveKeys
    in 1: include_exactly
    not-in 1: doesNotContain isNotIn doesNotContainKey
    subset 1: have_attributes SatisfyAll MatchFields toMatchSubset hasFieldOrPropertyWithValue extracting MatchKeys
    property 1: toHaveProperty have_property HaveField hasProperty Field Property
    match 1: matches toMatch match MatchRegexp startsWith endsWith start_with end_with HavePrefix HaveSuffix
    match 1: toStartWith toEndWith
    match 1: MatchesRegex ContainsRegex StartsWith EndsWith matchesPattern containsPattern Matches
    length 1: HasLen hasSize toHaveCount toHaveLength HaveLen hasLength SizeIs have_length hasSameSizeAs HaveCap
    length 1: have_size
    gt 1: isGreaterThan greaterThan toBeGreaterThan Gt isPositive isAfter
    ge 1: isGreaterThanOrEqualTo isAtLeast greaterThanOrEqualTo toBeGreaterThanOrEqual Ge
    lt 1: isLessThan lessThan toBeLessThan Lt isNegative isBefore
    le 1: isLessThanOrEqualTo isAtMost lessThanOrEqualTo toBeLessThanOrEqual Le be_at_most
    approx 2: isCloseTo closeTo be_within BeNumericallyClose isWithin DoubleNear FloatNear DoubleEq FloatEq
    approx 2: toEqualWithDelta WithinAbs
    approx 2: WithinRel be_close within Approx
    instance 1: isInstanceOf instanceOf toBeInstanceOf be_a be_an be_kind_of be_instance_of isInstanceOfAny isA
    instance 1: BeAssignableToTypeOf isExactlyInstanceOf be_a_kind_of toBeArray toBeString toBeInt toBeObject
    instance 1: be_an_instance_of
    raises 1: raise_error toThrow MatchError HaveOccurred Panic PanicWith throw_symbol hasMessage Throws
    raises 1: ThrowsMessage raise_exception
    raises 1: isThrownBy doesThrow
    not-raises 1: doesNotThrowAnyException Succeed NoError
    called 1: have_received receive
    """
)
SPECIAL = {
    "true": "true",
    "false": "false",
    "nil": "none",
    "null": "none",
    "nullptr": "none",
    "Boolean . TRUE": "true",
    "Boolean . FALSE": "false",
    "None": "none",
    "NULL": "none",
}
"""Values that have operators of their own."""
NEGATORS = names("not Not isNot not_")
COMBINERS = names("allOf And SatisfyAll all_of AllOf both")
STATUS = "call:assertStatus"
STATUSES = {
    "call:assertUnprocessable": "422.0",
    **{f"call:assert{s.name.title().replace('_', '')}": f"{s.value}.0" for s in HTTPStatus},
}
"""Assertions of Laravel that name the status which `assertStatus` takes as a number."""
CHOICES = names("anyOf Or SatisfyAny AnyOf either or any_of")
THROWN = names("assertThatThrownBy thenThrownBy assertThatCode")
"""What is handed code, so that its type is that of what the code throws."""
TRANSPARENT = names("is describedAs as withMessage satisfies asList asString Is")
ANYTHING = names("anything any Any _ anyOf BeAnything Anything anyInt anyString anyLong ANY any_args A An")
# Assertions on the value itself: `x shouldBe y`, `x.must_equal y`
ON_VALUE = table(
    """
    eq 1: shouldBe shouldBeEqual must_equal shouldBeEqualTo must_be_same_as shouldBeSameInstanceAs
    eq 1: shouldContainExactly shouldEqual
    ne 1: shouldNotBe shouldNotBeEqual wont_equal shouldNotBeEqualTo
    same-items 1: shouldContainExactlyInAnyOrder must_match_array
    true 1: shouldBeTrue
    false 1: shouldBeFalse
    none 1: shouldBeNull must_be_nil
    not-none 1: shouldNotBeNull wont_be_nil
    empty 1: shouldBeEmpty must_be_empty shouldBeBlank
    not-empty 1: shouldNotBeEmpty wont_be_empty shouldNotBeBlank
    in 1: shouldContain must_include shouldContainAll shouldBeIn shouldContainKey
    not-in 1: shouldNotContain wont_include
    match 1: must_match shouldMatch shouldStartWith shouldEndWith
    length 1: shouldHaveSize shouldHaveLength
    gt 1: shouldBeGreaterThan
    ge 1: shouldBeGreaterThanOrEqual
    lt 1: shouldBeLessThan
    le 1: shouldBeLessThanOrEqual
    approx 2: must_be_close_to must_be_within_delta must_be_within_epsilon
    instance 1: must_be_kind_of must_be_instance_of shouldBeInstanceOf shouldBeTypeOf
    raises 1: must_raise
    """
)
LOSSY = names(
    "len length size count Len sort sorted sort_by toLowerCase toUpperCase lowercase uppercase downcase upcase "
    "ToLower ToUpper "
    "trim Trim TrimSpace strip chomp to_lowercase to_uppercase strtolower strtoupper floor ceil round abs to_i "
    "toInt intValue "
    "take takeLast drop dropLast subList "
    "first last is_some is_ok to_s keys isNotEmpty is_empty isEmpty distinct toSet toHashSet to_set array_unique"
)
SETS = names("HashSet TreeSet LinkedHashSet BTreeSet HashMultiset")
"""Types that know no order, or nothing that is there twice."""
PATCHED_PREFIX = re2.compile(r"^(?:[Mm]ock|[Ff]ake|[Ss]tub|[Dd]ummy|Nice|Strict)(?:[A-Z_]\w*)?$")
