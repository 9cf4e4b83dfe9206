"""What Java and Kotlin share: JUnit 3 to 5, TestNG, AssertJ, Hamcrest, Truth, Mockito, kotlin.test."""

import re2

from bot.repair.guard.kinds import name_of
from bot.repair.guard.syntax.grammar import Vocabulary, names, table

ASSERTS = table(
    """
    eq 2: assertEquals assertSame assertArrayEquals assertIterableEquals assertLinesMatch assertContentEquals
    eq 2: assertJsonEquals
    ne 2: assertNotEquals assertNotSame assertArrayNotEquals
    true 1: assertTrue
    false 1: assertFalse
    truthy 1: assert check require
    none 1: assertNull
    not-none 1: assertNotNull
    raises 2: assertThrows assertThrowsExactly expectThrows assertFailsWith shouldThrow shouldThrowExactly
    raises 1: assertFails shouldThrowAny
    not-raises 1: assertDoesNotThrow shouldNotThrowAny shouldNotThrow
    instance 2: assertInstanceOf assertIs
    in 2: assertContains
    call=timeout 2: assertTimeout assertTimeoutPreemptively
    call=verify 9: verifyNoMoreInteractions verifyNoInteractions verifyZeroInteractions confirmVerified verifyAll
    call=verify 9: verifySequence verifyOrder
    fail 0: fail
    """
)
TESTS = names(
    "Test ParameterizedTest RepeatedTest TestFactory TestTemplate Property Theory ArchTest ParameterizedRobolectricTest"
)
HOOKED = names("Before BeforeEach BeforeAll BeforeClass BeforeMethod BeforeTest setUp DataProvider Parameters")
SWITCHES = re2.compile(
    r"^(Disabled\w*|Enabled\w*|Ignore\w*|Skip\w*|EnabledIf|Requires\w*|IgnoreIf|Category|SuppressTest)$"
)
SKIPS = names("assumeTrue assumeFalse assumeThat assumeNotNull assumeNoException assumingThat abort assumeThatCode")
TABLES = names(
    "CsvSource ValueSource EnumSource CsvFileSource MethodSource ArgumentsSource NullSource Parameters "
    "CartesianTest Values "
    "withData forAll NullAndEmptySource EmptySource JsonSource "
)
LISTERS = names("listOf of asList arrayOf setOf mapOf sequenceOf intArrayOf arrayListOf mutableListOf table rows")
ROWS = names("arguments row Arguments")
EXITS = names("System.exit exitProcess Runtime.getRuntime.exit Runtime.getRuntime.halt")
FAKERS = names(
    "when whenever every coEvery given willReturn doReturn doNothing doThrow doAnswer mockStatic mockkStatic "
    "mockkObject"
)
FAILERS = names("Assert Assertions Assertions2 AssertJUnit Truth TestCase this super org")


def is_test_path(path: str) -> bool:
    """Whether the build tools take the file for a test or for what tests use."""
    stem = name_of(path).partition(".")[0]
    folder = any(
        f"/{part}/" in f"/{path}"
        for part in ("test", "androidTest", "commonTest", "jvmTest", "testFixtures", "integrationTest", "it")
    )
    return folder or stem.endswith(("Test", "Tests", "TestCase", "Spec", "IT")) or stem.startswith("Test")


def collected(path: str) -> bool:
    """Whether the runner looks for tests in it: not in the sources of the program."""
    return is_test_path(path) and "/main/" not in f"/{path}"


VOCABULARY = Vocabulary(
    asserts=ASSERTS,
    subjects=names(
        "assertThat assertThatThrownBy assertThatExceptionOfType assertThatIllegalArgumentException "
        "assertThatCode that expectThat verifyThat assertWithMessage expect then assertThatObject"
    ),
    verbs={},
    fails=names("fail"),
    tests=names("test it should expect scenario Then then xtest xit xshould ftest"),
    suites=names("describe context given Given When feature Feature xdescribe xcontext xgiven xfeature"),
    hooks=names("beforeTest beforeEach beforeSpec afterTest beforeAny"),
    off=names("xtest xit xshould xdescribe xcontext xgiven xfeature xscenario"),
    skips=SKIPS,
    modifiers=names("enabled enabledIf enabledOrReasonIf ignored"),
    marked=TESTS,
    named=re2.compile(r"^test[A-Z_0-9]"),
    switches=SWITCHES,
    hooked=HOOKED,
    tables=TABLES,
    rows=ROWS,
    listers=LISTERS,
    exits=EXITS,
    retries=names("retryAnalyzer retries"),
    swallowers=names("runCatching suppressing"),
    fakers=FAKERS,
)
