"""The rules of the guard: their names (which `allow` lists and refusals carry) and what each is about."""

RULES = {
    "deleted-test": "a test is gone",
    "disabled-test": "a test is skipped, expected to fail, focused away or no longer found by the runner",
    "emptied-test": "a test does nothing any more",
    "removed-assertion": "an assertion is gone",
    "weakened-assertion": "an assertion accepts more than before",
    "hollow-assertion": "an assertion that cannot fail",
    "conditional-assertion": "an assertion that ran always now stands under a condition",
    "swallowed-failure": "a failing assertion, or a failure in the program, is caught and dropped",
    "early-exit": "a test ends before its assertions",
    "changed-expectation": "what a test feeds or expects is another value; people may allow this",
    "removed-case": "a test runs over fewer cases",
    "loosened-tolerance": "a comparison accepts a larger difference",
    "mocked-subject": "a test replaces what it tests by a fake",
    "patched-runner": "the test runner or a checker is replaced or steered from inside",
    "retried-test": "failing tests are run again until they pass",
    "test-detection": "code behaves differently when it is tested",
    "special-case": "code answers what a test asks with what the test expects, for this case alone",
    "suppression": "a comment or attribute that switches a checker off",
    "loosened-config": "a linter, type checker, formatter, test runner or coverage asks for less",
    "weakened-command": "a command that checks something is gone, narrower or more tolerant",
    "ignored-failure": "the failure of a command is ignored",
    "workflow": "a file that steers CI is changed",
    "lock-file": "a lock file is changed",
    "generated-file": "a generated file is changed",
    "snapshot": "a recorded expectation of a test is changed",
    "syntax": "a file that was valid is not any more",
    "unreadable": "a file is too large or too deeply nested to be judged",
}


def listed(text: str) -> list[str]:
    """The words of a table that is written as text, so that long lists of names stay short to read."""
    return text.split()
