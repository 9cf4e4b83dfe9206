"""What is imported and declared nowhere, on real repositories, with an index of the test's own."""

import json
from collections.abc import Iterator

import pytest

from bot.config_files import config_root
from bot.yaml12 import load
from strategies import undeclared_python
from strategies.typosquats import look_alike, words
from strategies.undeclared_others import missing
from tests.index import Index, Release
from tests.projects import CHECKOUT, SETUP_PYTHON, WORKFLOW, Make, workflow

NETWORK = {"REGREEN_REPLAY_NETWORK": "registries"}
KNOWN = load((config_root() / "well_known.yaml").read_bytes(), "well_known.yaml")
IMPORTS = load((config_root() / "imports.yaml").read_bytes(), "imports.yaml")
RELEASES = [
    *(Release("loose", f"1.{n}.0", f"2024-0{n + 1}-05T00:00:00Z", "ANSWER = 42") for n in range(4)),
    *(Release("pyyaml", f"6.{n}.0", f"2024-0{n + 1}-05T00:00:00Z", "ANSWER = 42", module="yaml") for n in range(4)),
    Release("steady", "1.0.0", "2023-01-01T00:00:00Z", "ANSWER = 42"),
    Release("reqeusts", "1.0.0", "2023-01-01T00:00:00Z"),
    Release("hollow", "1.0.0", "2023-01-01T00:00:00Z", module="other"),
    Release("click", "8.0.0", "2023-01-01T00:00:00Z", "ANSWER = 42"),
    Release("helpers", "1.0.0", "2023-01-01T00:00:00Z", "ANSWER = 42"),
]
AS_OF = ("--as-of", "2024-03-20")


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name)
    with Index(RELEASES) as served:
        monkeypatch.setenv("PIP_INDEX_URL", f"{served.url}/simple")
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"{served.url}/simple")
        monkeypatch.setenv("npm_config_registry", f"{served.url}/npm/")
        yield served


PIP = ("run: pip install -r requirements.txt -r requirements-dev.txt", "run: python -m unittest")
TEST = "import unittest, yaml\nclass T(unittest.TestCase):\n    def test_a(self): self.assertTrue(yaml.ANSWER)\n"
PYPROJECT = (
    '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = [\n    "steady>=1.0",  # why\n]\n'
)
UV_LOCK = 'version = 1\nrevision = 3\nrequires-python = ">=3.11"\n\n[[package]]\nname = "x"\nversion = "1"\nsource = { virtual = "." }\n'
PACKAGE = '{\n    "name": "x",\n    "dependencies": {\n        "steady": "~1.0.0"\n    }\n}\n'


@pytest.mark.parametrize(
    ("files", "steps", "changed"),
    [
        pytest.param(
            {"requirements.txt": "steady==1.0.0\n", "requirements-dev.txt": "loose==1.0.0\n", "test_a.py": TEST},
            (SETUP_PYTHON, *PIP),
            {"requirements-dev.txt": "loose==1.0.0\nPyYAML==6.2.0"},
            id="a module with another name, of tests",
        ),
        pytest.param(
            {"pyproject.toml": PYPROJECT, "uv.lock": UV_LOCK, "a.py": "import loose, steady\nprint(loose.ANSWER)\n"},
            (SETUP_PYTHON, "uses: astral-sh/setup-uv@v6", "run: uv run python a.py"),
            {
                "pyproject.toml": PYPROJECT.replace('    "steady', '    "loose>=1.2.0",\n    "steady').strip(),
                "uv.lock": "",
            },
            id="pyproject and its lock file",
        ),
        pytest.param(
            {"package.json": PACKAGE, "src/a.js": "const { x } = require('loose')\n"},
            ("uses: actions/setup-node@v4", "run: npm install --no-package-lock && node src/a.js"),
            {"package.json": PACKAGE.replace('        "steady', '        "loose": "~1.2.0",\n        "steady').strip()},
            id="node",
        ),
    ],
)
def test_it_is_declared_where_the_project_does(
    project: Make, index: Index, files: dict[str, str], steps: tuple[str, ...], changed: dict[str, str]
) -> None:
    made = project({WORKFLOW: workflow(CHECKOUT, *steps), **files, ".gitignore": ".venv\nnode_modules\n"})
    done = made.here("fix", "--json", *AS_OF, env=NETWORK)
    assert (done.json["verdict"], done.json["strategy"]) == ("FIXED", "undeclared dependency"), done.out
    assert made.git("diff", "--name-only", "main", done.json["branch"]).split() == list(changed)
    for path, text in changed.items():
        assert text in ("", made.git("show", f"{done.json['branch']}:{path}"))
    assert "which the index has" in done.json["attempts"][0]["notes"][0]


def test_what_is_never_declared(project: Make, index: Index) -> None:
    """A look-alike of a well-known name, what no index has, what does not hold the module, and a module of our own.

    And what may be a module that was forgotten: it has not what the code takes of it, the code takes nothing of it, or
    its name is one that projects give their own; nor what the code does without.
    """
    users = {
        name: f"import {name}\nprint({name}.ANSWER)\n" for name in ("reqeusts", "nowhere", "hollow", "ours", "helpers")
    }
    users |= {"loose": "from loose import OTHER\n", "steady": "import steady\n", "click": "from click import OTHER\n"}
    users["yaml"] = "try:\n    import yaml\nexcept ImportError as error:\n    print(error)\nassert 1 == 2\n"
    head = f"strategy: {{fail-fast: false, matrix: {{name: {json.dumps([*users])}}}}}"
    steps = (CHECKOUT, SETUP_PYTHON, "run: cd run && python ${{ matrix.name }}_user.py")
    files = {f"run/{name}_user.py": text for name, text in users.items()}
    made = project({WORKFLOW: workflow(*steps, job=head), **files, "requirements.txt": "other\n", "lib/ours.py": "\n"})
    done = made.here("fix", "--json", env=NETWORK).json
    assert (done["verdict"], done["attempts"], len(done["parts"])) == ("NOT_FIXED", [], 9), done["attempts"]


@pytest.mark.parametrize(
    ("ecosystem", "name", "other"),
    [
        ("python", "requestss", "requests"),
        ("python", "reqeusts", "requests"),
        ("python", "python_dateutils", "python-dateutil"),
        ("python", "requests", ""),
        ("python", "Flask_Cors", ""),
        ("python", "my-very-own-tools", ""),
        ("npm", "lodahs", "lodash"),
        ("npm", "crossenv", "cross-env"),
        ("npm", "left-pad", ""),
        ("go", "github.com/stretchr/testfy", "github.com/stretchr/testify"),
        ("rust", "serdes", "serde"),
    ],
)
def test_names_that_nearly_are_well_known(ecosystem: str, name: str, other: str) -> None:
    assert look_alike(name, words(KNOWN[ecosystem])) == other


@pytest.mark.parametrize(
    ("module", "distribution"),
    [("yaml", "PyYAML"), ("google.cloud.storage.blob", "google-cloud-storage"), ("some_thing", "some-thing")],
)
def test_the_longest_name_of_the_table_counts(module: str, distribution: str) -> None:
    assert undeclared_python.distribution_of(module, IMPORTS) == distribution


@pytest.mark.parametrize(
    "line",
    [
        "Error: Cannot find module '@scope/x/deep'",
        "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'x' imported from /a.js",
        "a.go:4:2: no required module provides package example.com/x/y; to add it:",
        "error[E0432]: unresolved import `rand`",
        "error[E0433]: failed to resolve: use of unresolved module or unlinked crate `rand`",
    ],
)
def test_what_logs_of_other_languages_miss(line: str) -> None:
    assert missing(line)
    assert not missing("Error: Cannot find module './x'")
