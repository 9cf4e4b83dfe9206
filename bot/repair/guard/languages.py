"""The languages that the guard reads, most specific first. Adding one is one module and one line here."""

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


def language_of(path: str) -> Language | None:
    """The language of a file by its name; None when it holds no code that the guard knows."""
    return next((language for language in LANGUAGES if language.claims(path)), None)
