"""What a candidate's file names and text may look like: nothing that means one thing to a reader and another to a tool.

File names: git's own refusals (read-cache.c `verify_path`, path.c `is_ntfs_dotgit`, utf8.c `is_hfs_dotgit`), widened to
all names that start with `.git` and to names that Windows or macOS would read as another one.

Text: the bidirectional controls of Trojan Source (CVE-2021-42574; Unicode TR36 and UAX #9), and the code points that
Unicode calls Default_Ignorable or that draw nothing (DerivedCoreProperties.txt, UTS #39), controls included.
"""

from collections import Counter
from collections.abc import Iterator

import re2

BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
INVISIBLE = frozenset(
    chr(c)
    for first, last in (
        (0x00, 0x08),  # C0 controls without tab, line feed, form feed and carriage return
        (0x0B, 0x0B),
        (0x0E, 0x1F),
        (0x7F, 0x9F),  # delete and the C1 controls
        (0xAD, 0xAD),  # soft hyphen
        (0x34F, 0x34F),  # combining grapheme joiner
        (0x115F, 0x1160),  # Hangul fillers
        (0x17B4, 0x17B5),  # Khmer inherent vowels
        (0x180B, 0x180F),  # Mongolian selectors and vowel separator
        (0x200B, 0x200D),  # zero width space, non-joiner, joiner
        (0x2028, 0x2029),  # line and paragraph separator: a line end to JavaScript, not to git
        (0x2060, 0x2065),  # word joiner and invisible operators
        (0x206A, 0x206F),  # deprecated format characters
        (0x3164, 0x3164),  # Hangul filler
        (0xFE00, 0xFE0E),  # variation selectors; 16 (emoji style) is in everyday text
        (0xFEFF, 0xFEFF),  # byte order mark inside the text
        (0xFFA0, 0xFFA0),  # halfwidth Hangul filler
        (0xFFF0, 0xFFFB),  # interlinear annotation
        (0x1BCA0, 0x1BCA3),  # shorthand format controls
        (0x1D173, 0x1D17A),  # musical format controls
        (0xE0000, 0xE0FFF),  # tags and the variation selectors that smuggle bytes
    )
    for c in range(first, last + 1)
)
FORBIDDEN = BIDI | INVISIBLE
MAX_PATH, MAX_NAME = 1024, 255  # bytes; git and Linux allow 4096 and 255
ALLOWED_GIT_FILES = frozenset({".gitignore", ".gitattributes", ".gitkeep", ".git-blame-ignore-revs"})
SHORT_NAME = re2.compile(r"(?i)^gi[a-z0-9]{0,4}~[0-9]+$")  # how FAT and NTFS abbreviate .git and .gitmodules
RESERVED = re2.compile(r"(?i)^(con|prn|aux|nul|com[0-9]|lpt[0-9]|conin\$|conout\$)$")


def path_problems(path: str, allow: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yield (rule, what is wrong) for a file name of a candidate; nothing when it may be touched.

    Rules: `path`, `git-file` and `workflow`; the latter two are not yielded for what `allow` names. `.git` itself and
    `.gitmodules` are refused whatever is allowed.
    """
    wrong = _malformed(path)
    if wrong:
        yield "path", wrong
        return
    for name in path.split("/"):
        yield from _git_names(name, allow)
    if path.split("/")[0].casefold() == ".github" and "workflow" not in allow:
        yield "workflow", "the folder .github/ steers CI and is not for candidates"


def _malformed(path: str) -> str:
    names = path.split("/")
    if any(name in {"", ".", ".."} for name in names):  # an empty path and a leading slash, too
        return "not a path inside the repository"
    if any("\udc80" <= c <= "\udcff" for c in path):
        return "the name is not UTF-8"
    if any(c in FORBIDDEN or c in "\t\n\r\f" for c in path):
        return "control, bidirectional or invisible characters in the name"
    if "\\" in path or ":" in path:
        return "a backslash or colon, which Windows reads as folder, drive or stream"
    if any(name.endswith((" ", ".")) for name in names):
        return "a name that ends in a space or dot, which Windows drops"
    if any(RESERVED.search(name.split(".")[0]) for name in names):
        return "a device name of Windows"
    if len(path.encode()) > MAX_PATH or any(len(name.encode()) > MAX_NAME for name in names):
        return "the name is too long"
    return ""


def _git_names(name: str, allow: frozenset[str]) -> Iterator[tuple[str, str]]:
    folded = name.casefold()
    if folded in {".git", ".gitmodules"} or SHORT_NAME.search(name):
        yield "git-file", f"{name} is git's own"
    elif (
        folded.startswith(".git")
        and folded != ".github"
        and not ("git-file" in allow and folded in ALLOWED_GIT_FILES and folded == name)
    ):
        yield "git-file", f"{name} steers git and is not for candidates"


def hidden_text(old: str, new: str) -> Iterator[tuple[int, str]]:
    """Yield (line from 1, what) for each bidi or invisible code point of which `new` has more than `old`.

    A byte order mark at the very start of `new` counts only when `old` has none.
    """
    before = Counter(c for c in old if c in FORBIDDEN)
    after = Counter(c for c in new if c in FORBIDDEN)
    known = set(old.split("\n"))
    for character, count in sorted(after.items()):
        if count <= before[character]:
            continue
        lines = [n for n, line in enumerate(new.split("\n"), 1) if character in line and line not in known]
        kind = "bidirectional" if character in BIDI else "invisible"
        yield (lines[0] if lines else 1), f"adds the {kind} character U+{ord(character):04X}"
