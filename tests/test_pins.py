import json

import pytest

from bot.pins import is_read, pins

FILES = {
    "uv.lock": ('[[package]]\nname = "Left"\nversion = "1.2"\n[[package]]\nname = "own"\n', {"left": "1.2", "own": ""}),
    "a/Cargo.lock": ('[[package]]\nname = "serde"\nversion = "1.0.1"\n', {"serde": "1.0.1"}),
    "Pipfile.lock": (json.dumps({"default": {"left": {"version": "==1"}}, "develop": {}}), {"left": "==1"}),
    "package-lock.json": (
        json.dumps({"packages": {"": {"version": "9"}, "node_modules/@a/b": {"version": "2.0.0"}}}),
        {"@a/b": "2.0.0"},
    ),
    "composer.lock": (json.dumps({"packages": [{"name": "a/b", "version": "v1"}]}), {"a/b": "v1"}),
    "package.json": (json.dumps({"devDependencies": {"jest": "^29"}}), {"jest": "^29"}),
    "pyproject.toml": (
        ('[project]\ndependencies = ["left>=1", "right[x]==2; python_version > \'3\'"]\n'
        '[dependency-groups]\ndev = ["pytest", {include-group = "x"}]\n'
        '[tool.poetry.group.dev.dependencies]\nruff = {version = "^0.1"}\n'),
        {"left": ">=1", "right": "==2", "pytest": "", "ruff": "^0.1"},
    ),
    "yarn.lock": ('"@a/b@^1.0.0", "@a/b@^1.1":\n  version "1.2.3"\n\nleft@^1:\n  version "1.0.0"\n', {"@a/b": "1.2.3", "left": "1.0.0"}),
    "pnpm-lock.yaml": ("packages:\n\n  '@a/b@1.0.0':\n    resolution: {}\n\n  left@2.1.0(x@1):\n    resolution: {}\n", {"@a/b": "1.0.0", "left": "2.1.0"}),
    "go.mod": ("module m\nrequire (\n\tgithub.com/a/b v1.2.3\n)\nrequire golang.org/x/c v0.1.0\n", {"github.com/a/b": "v1.2.3", "golang.org/x/c": "v0.1.0"}),
    "Gemfile.lock": ("GEM\n  specs:\n    rake (13.0)\n      dep (>= 1)\n", {"rake": "13.0"}),
    "requirements/dev-requirements.txt": ("-r base.txt\nLeft[extra] == 1.0 \\\n  --hash=x\nright>=2,<3  # why\n", {"left": "== 1.0", "right": ">=2,<3"}),
}  # fmt: skip


@pytest.mark.parametrize("path", FILES)
def test_what_a_file_asks_for(path: str) -> None:
    text, asked = FILES[path]
    assert is_read(path)
    assert pins(path, text) == asked


@pytest.mark.parametrize("path", [p for p in FILES if not p.endswith((".txt", ".mod")) and "yarn" not in p])
def test_what_does_not_parse_asks_for_nothing(path: str) -> None:
    assert pins(path, "]{") == {}


def test_other_files_ask_for_nothing() -> None:
    assert not is_read("src/lock.py")
    assert pins("src/lock.py", "left==1") == {}
