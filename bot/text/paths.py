"""Which paths that a log names are those of the repository, relative to its root."""

from bot.text.patterns import compile_pattern

_ROOTS = compile_pattern(
    r"^(?:file://)?(?:/(?:home|Users)/[^/]+/work/[^/]+/[^/]+/|/__w/[^/]+/[^/]+/|/github/workspace/|/builds/[^/]+/[^/]+/"
    r"|/home/[^/]+/project/|/root/project/|/home/travis/build/[^/]+/[^/]+/|[A-Za-z]:/a/[^/]+/[^/]+/"
    r"|[A-Za-z]:/actions-runner/_work/[^/]+/[^/]+/|/home/runner/_work/[^/]+/[^/]+/|\./)"
)
_FOREIGN = compile_pattern(
    r"(?:^|/)(?:site-packages|dist-packages|node_modules|\.tox|\.nox|\.venv|venv|\.cargo/registry|\.rustup|rustc|hostedtoolcache"
    r"|go/pkg/mod|\.pyenv|\.nvm|\.gem|gems|vendor/bundle|Cellar|miniconda\d?|conda|_temp|setup-pnpm|\.m2|\.gradle|dotnet/sdk"
    r"|usr/(?:lib|include|share|local/lib)|lib/python\d[\d.]*|toolchains|internal/modules|node:internal)/"
    r"|^(?:node:|<|internal/|https?:|webpack:|\[|\(|native\b|/rustc/)|^/(?:usr|lib|opt|nix|proc|var|tmp|etc|Library|System|Applications)/"
)


def inside(name: str) -> str:
    """Return a path relative to the root of the repository; nothing when it is none of the repository's own files."""
    path = name.replace("\\", "/").strip().strip("'\"")
    if "_work/" in path or "/work/" in path or ":" in path[:3]:
        match = _ROOTS.match(path.encode())
        path = path[match.end() :] if match else path
    elif match := _ROOTS.match(path.encode()):
        path = path[match.end() :]
    path = path.removeprefix("./")
    while path.startswith("../"):
        path = path[3:]
    if not path or "\n" in path or len(path) > 300 or path.startswith("/"):
        return ""
    named = "/" in path or "." in path or path.endswith("file")  # Makefile, Dockerfile; not MSBUILD, LINK, ld
    return path if named and not _FOREIGN.search(path.encode()) else ""
