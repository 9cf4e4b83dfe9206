"""The templates in config/templates, which whatever tells people is made with."""

from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.config_files import config_root


def rendered(name: str, **values: Any) -> str:
    """A template with its values, and the functions that it calls; those that it includes have them, too."""
    return _environment().get_template(f"{name}.j2").render(values)


@cache
def _environment() -> Environment:
    return Environment(  # noqa: S701 - Markdown and plain text, in which what it is given escapes
        loader=FileSystemLoader(config_root() / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
