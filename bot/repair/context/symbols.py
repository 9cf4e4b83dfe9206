"""Names that an error says are not there or are used wrongly, and where the tree defines them."""

import re
from collections.abc import Collection, Iterator, Sequence

import re2

from bot.model import Category, Diagnosis
from bot.repair.context.scene import Scene, Wanted, joined
from bot.repair.context.tree import Hit
from bot.repair.guard.rules import listed

MOST_NAMES = 8
MOST_FILES = 4  # that one name is defined in; above, it says too little
MOST_READ = 12  # files that may define it
AROUND = 12  # lines of the log around the error
SHORTEST = 3
LONGEST = 2000  # characters of a line of the log
QUOTED = re2.compile(
    r"""[`'"\x{2018}\x{201c}]#?<?([A-Za-z_$][\w$]*(?:(?:\.|::|->|\\|#)[\w$]+)*)[^`'"\x{2019}\x{201d}\n]{0,60}[`'"\x{2019}\x{201d}]"""
)
FORMS = (
    r"undefined: ([\w.]+)",  # Go
    r"has no field or method (\w+)",
    r"\(type \*?([\w.]+) has no",
    r"cannot use .{0,80} as (?:type )?\*?([\w.]+)",
    r"(?:not enough|too many) arguments in call to ([\w.]+)",
    r"unknown field (\w+)",
    r"symbol:\s+(?:class|method|variable|interface)\s+(\w+)",  # Java
    r"location:\s.*?(?:class|interface|of type)\s+([\w.]+)",
    r"no member named (\w+)",  # C++
    r"Call to undefined (?:method|function) ([\w\\:]+)",  # PHP
    r"uninitialized constant ([\w:]+)",  # Ruby
    r"\b(\w+)\(\) (?:takes|missing|got an unexpected)",  # Python
)
SAID = re2.compile("|".join(FORMS))
OF_NAMES = re2.compile(
    r"(?i)NameError|AttributeError|ImportError|ModuleNotFound|NoMethodError|ReferenceError|TypeError|undefined|"
    r"not defined|cannot (?:find|import|resolve)|has no |no attribute|does not exist|not found|unknown|unresolved|"
    r"unexpected keyword|no member"
)
"""What makes the names in quotes count where a test failed: else they may be any texts that it compared."""
DEFINES = re2.compile(
    r"\b(?:def|class|func|function|fn|type|struct|enum|interface|trait|const|let|var|val|fun|module|mod|namespace|object|"
    r"record|define|typedef|static|public|private|protected|export|abstract|union|macro_rules!|define_method|attr_\w+)\b"
    r"|^\s*[\w.\"'$]+\s*(?::[^=]*)?[:=][^=]|^[\w*&:<>, ]+\([^;]*$"
)
COMMON = frozenset(
    listed(
        "module attribute object function type class method string str int float bool list dict tuple None NoneType "
        "null undefined number boolean any void never unknown error Error self this true false True False import "
        "export default return expected found got value argument arguments property name file line test tests Object "
        "String Integer Array Promise"
    )
)


def defined(scene: Scene, known: Collection[str], endings: Collection[str]) -> list[Wanted]:
    """Where the names are defined around which the error turns, in files with these endings; not what is `known`."""
    names = [n for n in _missing(scene.diagnosis) if n not in known]
    where = [f"*{ending}" for ending in sorted(endings)]
    hits = [h for h in scene.tree.grep(names, where) if DEFINES.search(h.text)] if names and where else []
    return joined(Wanted(h.path, (h.line,)) for name in names for h in _definitions(scene, name, hits))


def _missing(diagnosis: Diagnosis) -> tuple[str, ...]:
    """The names around which an error turns, in the order in which it names them."""
    low, high = diagnosis.error_line - AROUND, diagnosis.error_line + AROUND
    lines = [line.text for line in diagnosis.excerpt.lines if low <= line.line <= high]
    told = [text[:LONGEST] for text in (diagnosis.error, *(p.message for p in diagnosis.locations[:10]), *lines)]
    if diagnosis.category is Category.TEST_ASSERTION:
        told = [text for text in told if OF_NAMES.search(text)]
    return tuple(dict.fromkeys(n for text in told for n in _names(text)))[:MOST_NAMES]


def _names(text: str) -> Iterator[str]:
    for match in (*SAID.finditer(text), *QUOTED.finditer(text)):
        told = next((g for g in match.groups() if g), "")
        for part in reversed(re.split(r"[^\w$]+", told)):
            if len(part) >= SHORTEST and part not in COMMON and not part.isdigit():
                yield part


def _definitions(scene: Scene, name: str, hits: Sequence[Hit]) -> list[Hit]:
    """The lines that define a name; none where too many files do."""
    own = [h for h in hits if _stands(name, h.text)]
    files = list(dict.fromkeys(h.path for h in own))
    if len(files) > MOST_READ:
        return []
    scene.tree.read(files)
    sure = [Hit(p, b.first, name) for p in files for b in scene.blocks(p) if b.name == name]
    kept = sure or [h for h in own if _stands(name, h.text, r"['\"]?\s*(?::[^=\n]{0,80})?[:=](?!=)")]
    return kept if len({h.path for h in kept}) <= MOST_FILES else []


def _stands(name: str, text: str, behind: str = r"(?![\w$])") -> bool:
    return re.search(rf"(?<![\w$.]){re.escape(name)}{behind}", text) is not None
