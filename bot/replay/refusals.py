"""Whether a step has failed for want of the network that it was refused, or would have failed in any case.

Nobody knows what a step would have done with a host. But a failing test has a report of its own: where one of them says
nothing of a network, nor does the step outside of its reports, this test fails with a network, too.
"""

from collections.abc import Iterable, Sequence

import re2

NOT_ALLOWED = "does not allow"
"""How a refusal reads that is due to the setting, not to a server that did not answer."""
# as Python, Node.js, Go, Java, curl, git, browsers and the like say it; on purpose more than is needed
NETWORK = re2.compile(
    r"(?i)getaddrinfo|gaierror|EAI_AGAIN|ENOTFOUND|name resolution|name or service not known|no such host|unknown ?host"
    r"|(?:cannot|can.?t|could ?n.t|could not|unable to|failed to) (?:be )?(?:connect|resolve|reach|fetch|download)"
    r"|connect(?:ion)? ?error|connection refused|connection timed out|urlopen error|NAME_NOT_RESOLVED|dns error"
    r"|network is unreachable|max retries exceeded|temporary failure|offline"
)
HEADER = re2.compile(r"^(?:_{3,} .+ _{3,}|(?:FAIL|ERROR): \S.*)$")  # of a test's report: pytest, unittest
END = re2.compile(r"^(?:={3,}( .* )?={3,}|Ran \d+ tests? .*|={60,})$")


def is_owed(denied: Sequence[str], printed: Iterable[str]) -> bool:
    """Whether what a failed step printed leaves it open that a refusal is the reason. `denied`: what it was refused."""
    if any(NOT_ALLOWED not in what for what in denied):
        return True
    inside, outside, reports = False, False, list[bool]()
    for line in printed:
        if HEADER.match(line):
            inside = True
            reports.append(False)
        elif END.match(line):
            inside = False
        if NETWORK.search(line):
            outside = outside or not inside
            if inside:
                reports[-1] = True
    return outside or all(reports)
