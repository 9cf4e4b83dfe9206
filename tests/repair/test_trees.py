"""Diffs of ours, as the record of an incident kept them, and the files that they make."""

import pytest

from bot.adapters.git_plumbing import GitPlumbing
from bot.ports import Written
from bot.repair.trees import written_by
from tests.projects import Make

NEW = "diff --git a/{0} b/{0}\nnew file mode {1}\n--- /dev/null\n+++ b/{0}\n@@ -0,0 +1 @@\n+{2}\n"


@pytest.mark.parametrize(
    ("diff", "files"),
    [
        (NEW.format("b.py", "100755", "b = 1"), (Written("b.py", b"b = 1\n", executable=True),)),
        (NEW.format("a.py", "100644", "b = 1"), ()),
        (NEW.format("sub", "160000", f"Subproject commit {'1' * 40}"), ()),
        (NEW.format("../b.py", "100644", "b = 1"), ()),
        ("no diff", ()),
    ],
    ids=["it fits", "it does not", "a submodule", "a place outside", "none at all"],
)
def test_a_diff_gives_its_files_or_none(project: Make, diff: str, files: tuple[Written, ...]) -> None:
    made = project({"a.py": "a = 1\n"})
    assert written_by(GitPlumbing(made.root / ".git"), made.git("rev-parse", "HEAD"), diff) == files
