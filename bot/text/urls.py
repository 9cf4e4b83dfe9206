"""URLs of git repositories."""

from urllib.parse import urlsplit

import re2

SCP = re2.compile(r"^(?:ssh://)?git@([\w.-]+)[:/](.+)$")


def canonical(url: str) -> str:
    """A repository's URL as the keys of the settings have it: https, without credentials, `git+`, `.git` and fragment.

    >>> canonical("git+https://token@github.com/acme/thing.git/#v1"), canonical("git@github.com:acme/thing.git")
    ('https://github.com/acme/thing', 'https://github.com/acme/thing')
    """
    if (short := SCP.search(url)) and not url.startswith("http"):
        url = f"https://{short[1]}/{short[2]}"
    parts = urlsplit(url.removeprefix("git+"))
    path = parts.path.rstrip("/").removesuffix(".git")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2].lower()}{path}"
