"""Stand-in for actions/setup-python: a fresh installation of an interpreter that this machine has.

GitHub unpacks a whole interpreter per version into the tool cache; here one that borrows its standard library stands at
the same path, with the pip that the interpreter bundles, so that what one job installs no other job sees.
"""

import os
import shutil
import tomllib
import zipfile
import zlib
from pathlib import Path
from typing import Any

from bot.replay.inside import versions
from bot.replay.inside.adapter import (
    add_path,
    call,
    check_cache,
    fail,
    from_tool_versions,
    inputs,
    set_env,
    set_output,
    truth,
    unreplayable,
    workspace,
)

CACHE = Path("/opt/hostedtoolcache/Python")
LOCKS = {
    "pip": ["**/requirements.txt", "**/pyproject.toml"],
    "pipenv": ["**/Pipfile.lock"],
    "poetry": ["**/poetry.lock"],
}


def main() -> None:
    """Set up the versions that are asked for; the last is the one on PATH first."""
    given = inputs()
    if truth(given.get("freethreaded", "false")):
        unreplayable("a free-threaded Python is asked for, which cannot be had here")
    for wish in wishes(given):
        toolchain = versions.taken("python", wish, "Python")
        folder = CACHE / toolchain["version"] / "x64"
        if not folder.exists():
            make(folder, toolchain)
        announce(folder, toolchain["version"], update=given.get("update-environment", "true") == "true")
    check_cache(given, LOCKS)


def wishes(given: dict[str, str]) -> list[str]:
    """The versions that the inputs or the repository's files ask for, in setup-python's own order."""
    if given.get("python-version"):
        return [x.strip() for x in given["python-version"].splitlines() if x.strip()]
    file = given.get("python-version-file")
    if file:
        path = workspace() / file
        if not path.is_file():
            fail(f"The specified python version file at: {path} doesn't exist.")
        return from_file(path)
    default = workspace() / ".python-version"
    return from_file(default) if default.is_file() else [""]


def from_file(path: Path) -> list[str]:
    """What a .python-version, .tool-versions, pyproject.toml or Pipfile asks for."""
    text = path.read_text()
    if path.name == "pyproject.toml":
        document = tomllib.loads(text)
        poetry: dict[str, Any] = document.get("tool", {}).get("poetry", {}).get("dependencies", {})
        return [str(document.get("project", {}).get("requires-python") or poetry.get("python") or "")]
    if path.name == "Pipfile":
        requires = tomllib.loads(text).get("requires", {})
        return [str(requires.get("python_full_version") or requires.get("python_version") or "")]
    if path.name == ".tool-versions":
        return [from_tool_versions(path, "python")]
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")] or [""]


def make(folder: Path, toolchain: dict[str, Any]) -> None:
    """Make an installation of its own for the job, and unpack the bundled pip into it.

    It has the interpreter's own program, and links to its standard library: to uv and others it is no virtual
    environment, as GitHub's is none. What a distribution has changed for itself only works as one.
    """
    minor = ".".join(toolchain["version"].split(".")[:2])
    program = Path(toolchain["bin"], toolchain["program"])
    library = program.parent.parent / "lib" / f"python{minor}"
    if program.parent == Path("/usr/bin") or not (library / "os.py").is_file():
        call(str(program), "-I", "-m", "venv", "--without-pip", str(folder), quiet=True)
    else:
        install(folder, program, library)
    for name in ("python3", "python", library.name):
        if not (folder / "bin" / name).exists():
            (folder / "bin" / name).symlink_to(library.name if name != library.name else "python")
    packages = folder / "lib" / library.name / "site-packages"
    for wheel in toolchain["wheels"]:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(packages)
            take_compiled(archive, library / "site-packages", packages)
    if toolchain["wheels"]:
        script(folder, "pip", "pip._internal.cli.main")


def install(folder: Path, program: Path, library: Path) -> None:
    """Copy the program to where it finds the links to its library, and its packages' own folder, beside it."""
    (folder / "bin").mkdir(parents=True)
    shutil.copy(program, folder / "bin" / library.name)
    (folder / "lib" / library.name / "site-packages").mkdir(parents=True)
    (folder / "include").symlink_to(library.parent.parent / "include")
    for above in (library.parent, library):
        for entry in above.iterdir():
            place = folder / "lib" / entry.relative_to(library.parent)
            if not place.exists() and entry.name != "EXTERNALLY-MANAGED":
                place.symlink_to(entry)


def take_compiled(archive: zipfile.ZipFile, known: Path, packages: Path) -> None:
    """Take along what the interpreter's own installation (its packages are `known`) has compiled of the same files.

    On GitHub pip is compiled, too; here it would be anew in each job, which takes half a second.
    """
    suffix = f".cpython-{packages.parent.name.removeprefix('python').replace('.', '')}.pyc"
    for entry in archive.infolist():
        folder, _, name = entry.filename.rpartition("/")
        twin, compiled = f"{known}/{entry.filename}", f"{folder}/__pycache__/{name.removesuffix('.py')}{suffix}"
        if not (os.access(twin, os.R_OK) and os.access(f"{known}/{compiled}", os.R_OK)):
            continue
        with open(twin, "rb") as file:
            if zlib.crc32(file.read()) != entry.CRC:
                continue
        os.makedirs(f"{packages}/{folder}/__pycache__", exist_ok=True)
        shutil.copyfile(f"{known}/{compiled}", f"{packages}/{compiled}")
        modified = os.stat(twin).st_mtime_ns  # by which Python knows what belongs to a file
        os.utime(f"{packages}/{entry.filename}", ns=(modified, modified))


def script(folder: Path, name: str, module: str) -> None:
    """Write the console scripts of pip."""
    minor = ".".join(Path(next((folder / "lib").glob("python*"))).name.removeprefix("python").split(".")[:2])
    for alias in (name, f"{name}3", f"{name}{minor}"):
        path = folder / "bin" / alias
        path.write_text(f"#!{folder}/bin/python\nimport sys\nfrom {module} import main\nsys.exit(main())\n")
        path.chmod(0o755)


def announce(folder: Path, version: str, *, update: bool) -> None:
    """Outputs, variables and PATH, as the original sets them."""
    if update:
        set_env("pythonLocation", str(folder))
        set_env("PKG_CONFIG_PATH", f"{folder}/lib/pkgconfig")
        for name in ("Python_ROOT_DIR", "Python2_ROOT_DIR", "Python3_ROOT_DIR"):
            set_env(name, str(folder))
        set_env("LD_LIBRARY_PATH", os.pathsep.join(filter(None, (f"{folder}/lib", os.environ.get("LD_LIBRARY_PATH")))))
        add_path(str(folder))
        add_path(f"{folder}/bin")
    set_output("python-version", version)
    set_output("python-path", f"{folder}/bin/python")
    set_output("cache-hit", "false")
    print(f"Successfully set up CPython ({version})")
