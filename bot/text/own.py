"""By what Regreen knows its own branches, commits and comments again.

Anybody can write the like: they only find an incident, whose record tells what is really its own.
"""

from bot.text.patterns import compile_pattern

BRANCHES = "regreen/"
TRAILER = "Regreen-Incident"
MARKER = "<!-- regreen:"
"""How the hidden line begins that each comment of ours has."""

_BRANCH = compile_pattern(rf"^{BRANCHES}([0-9a-f]{{12}})(?:-|$)")
_OWN = compile_pattern(rf"^{BRANCHES}([0-9a-f]{{12}})-[a-z0-9]+(?:-[a-z0-9]+)*$")
_TRAILER = compile_pattern(rf"(?m)^{TRAILER}: ([0-9a-f]{{12}})\s*$")
_ID = compile_pattern(r"^[0-9a-f]{12}$")


def is_incident(text: str) -> bool:
    """Whether a text has the form of the id of an incident."""
    return _ID.match(text.encode("utf-8", "replace")) is not None


def incident_of_branch(name: str) -> str:
    """The id of the incident that a branch of ours belongs to; empty for every other branch."""
    match = _BRANCH.match(name.encode("utf-8", "replace"))
    return (match.group(1) or b"").decode() if match else ""


def is_branch_of(name: str, incident: str) -> bool:
    """Whether a branch has a name that proposals of this very incident have."""
    match = _OWN.match(name.encode("utf-8", "replace"))
    return match is not None and (match.group(1) or b"").decode() == incident


def incident_of_message(message: str) -> str:
    """The id of the incident that a commit of ours belongs to, by its trailer; empty for every other commit."""
    match = _TRAILER.search(message.encode("utf-8", "replace"))
    return (match.group(1) or b"").decode() if match else ""
