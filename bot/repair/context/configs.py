"""Which configuration a failure is about: what the tool reads that failed, and the workflow of the job."""

import posixpath
from collections.abc import Iterator, Sequence

import re2

from bot.model import Category, Diagnosis
from bot.repair.context.resolve import nearest
from bot.repair.context.tree import Tree

READS = {
    r"npm|yarn|pnpm|npx|node|jest|vitest|mocha|webpack|vite|next|turbo|lerna|pn": ("package.json",),
    r"tsc|vue-tsc|ts-node|ts-jest|TS\d{4,5}": ("tsconfig.json", "tsconfig.base.json", "package.json"),
    r"eslint|prettier": ("eslint.config.js", "eslint.config.mjs", "eslint.config.ts", ".eslintrc.json", ".eslintrc.js",
                         ".eslintrc.cjs", ".eslintrc.yml", ".eslintrc", "package.json"),
    r"mypy|pyright": ("mypy.ini", ".mypy.ini", "pyrightconfig.json", "pyproject.toml", "setup.cfg"),
    r"tox": ("tox.ini", "pyproject.toml", "setup.cfg"),
    r"nox": ("noxfile.py",),
    r"pytest|pip3?|poetry|uv|pdm|hatch|python3?|setuptools|ruff|black|isort|build|ModuleNotFoundError|No module named":
        ("pyproject.toml", "requirements.txt", "setup.cfg", "setup.py", "requirements-dev.txt"),
    r"cargo|rustc|clippy|rustfmt": ("Cargo.toml",),
    r"go": ("go.mod",),
    r"golangci-lint": (".golangci.yml", ".golangci.yaml", ".golangci.toml"),
    r"mvnw?|maven": ("pom.xml",),
    r"gradlew?|gradle": ("build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts"),
    r"docker|buildx|docker-compose": ("Dockerfile", "docker/Dockerfile", "docker-compose.yml", "compose.yaml"),
    r"bundle|rake|rspec|rubocop": ("Gemfile",),
    r"composer|phpunit|phpstan": ("composer.json",),
    r"g?make": ("Makefile", "GNUmakefile", "makefile"),
    r"cmake|ctest|ninja": ("CMakeLists.txt",),
    r"pre-commit": (".pre-commit-config.yaml",),
    r"dotnet|msbuild": ("Directory.Build.props", "global.json"),
}  # fmt: skip
TOOLS = tuple(
    (re2.compile(rf"(?m)(?:^|[\s;&|(/\"'`:=]|\./)(?:{words})(?:$|[\s;&|):.,\"'`])"), files)
    for words, files in READS.items()
)
FOLDER = re2.compile(r"(?:\bcd|--(?:prefix|cwd|dir|project|manifest-path|workspace)|-C)[ =]([\w./-]+)")
WORKFLOWS = ".github/workflows"
MOST = 3
BY_CONFIG = frozenset(
    {Category.DEPENDENCY_INSTALL, Category.GITHUB_ACTIONS_CONFIG, Category.DOCKER_BUILD, Category.PERMISSION_OR_SECRET}
)
"""Failures that are put right in configuration more often than in code."""
BY_WORKFLOW = frozenset({Category.GITHUB_ACTIONS_CONFIG, Category.PERMISSION_OR_SECRET, Category.TIMEOUT_OR_OOM})
LACKS = re2.compile(
    r"No module named|ModuleNotFoundError|Cannot find (?:module|package)|package .{0,80} is not in|no required module"
)


def folders_of(diagnosis: Diagnosis) -> tuple[str, ...]:
    """The folders in which the command of the step works, as it says itself."""
    told = (m.group(1) for m in FOLDER.finditer(diagnosis.command))
    return tuple(dict.fromkeys(posixpath.normpath(f) for f in told if not f.startswith(("/", ".."))))


def configs(tree: Tree, diagnosis: Diagnosis, near: Sequence[str]) -> Iterator[str]:
    """The files that the tools which failed read, the nearest to what failed; the surest tool first."""
    texts = [diagnosis.error, diagnosis.command, diagnosis.step]
    folders = [*folders_of(diagnosis), *near]
    seen: dict[str, None] = {}
    for text in texts:
        for pattern, files in TOOLS:
            if pattern.search(text) and (path := nearest(tree, files, folders)):
                seen[path] = None
    yield from list(seen)[:MOST]


def about_config(diagnosis: Diagnosis) -> bool:
    """Whether the configuration is what has to change, as far as the diagnosis tells."""
    said = (diagnosis.error, *(line.text for line in diagnosis.excerpt.lines[:100]))
    return diagnosis.category in BY_CONFIG or any(LACKS.search(text) for text in said)


def workflow_of(tree: Tree, diagnosis: Diagnosis, workflow: str) -> tuple[str, tuple[int, ...]]:
    """The workflow of the job, and the lines of it that speak of the failing step."""
    files = [workflow] if workflow in tree else [p for p in tree.inside(WORKFLOWS) if p.endswith(("yml", "yaml"))]
    tree.read(files)
    told = [
        diagnosis.command.strip().partition("\n")[0].removeprefix("##[group]Run "),
        diagnosis.step.removeprefix("Run "),
    ]
    for wanted in (t.strip() for t in told):
        for path in files if len(wanted) > 3 else ():
            if lines := tuple(n for n, line in enumerate(tree.lines(path), 1) if wanted in line):
                return path, lines[:2]
    return (files[0], ()) if len(files) == 1 else ("", ())
