"""The languages that the guard reads, most specific first. Adding one is one module and one line here."""

import re2

from bot.repair.guard import javascript, other, python
from bot.repair.guard.facts import Language
from bot.repair.guard.syntax import cfamily, go, java, kotlin, php, ruby, rust

LANGUAGES: tuple[Language, ...] = (
    python,
    javascript,
    go.GO,
    rust.RUST,
    java.JAVA,
    kotlin.KOTLIN,
    cfamily.C,
    cfamily.CPP,
    ruby.RUBY,
    php.PHP,
    other,
)


SHEBANG = re2.compile(r"^#![^\n]*\b(python|node|ruby|php|(?:ba|da|k|z)?sh)(?:[0-9.]*)(?:\s|$)")
ENDINGS = {"python": "py", "node": "js", "ruby": "rb", "php": "php"}


def language_of(path: str, text: str = "") -> Language | None:
    """The language of a file by its name, of a program without an ending by its first line; None when it is no code."""
    found = next((language for language in LANGUAGES if language.claims(path)), None)
    if found is not None or "." in path.rpartition("/")[2]:
        return found
    started = SHEBANG.search(text)
    return language_of(f"{path}.{ENDINGS.get(started.group(1), 'sh')}") if started else None
