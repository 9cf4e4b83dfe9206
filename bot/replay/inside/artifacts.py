"""Stand-ins for actions/upload-artifact and actions/download-artifact: a folder that the jobs of one replay share.

The folder holds only what jobs have uploaded; a job of the replay reads and writes it as it could on GitHub.
"""

import fnmatch
import shutil
from glob import glob
from pathlib import Path

from bot.replay.inside.adapter import ROOT, fail, inputs, set_output, truth, workspace

STORE = ROOT / "artifacts"


def main(direction: str) -> None:
    """`up` or `down`."""
    upload(inputs()) if direction == "up" else download(inputs())


def upload(given: dict[str, str]) -> None:
    """Copy the files that the patterns name, below their least common ancestor, as the original does."""
    name = given.get("name") or "artifact"
    files = sorted(matching(given.get("path", ""), hidden=truth(given.get("include-hidden-files", "false"))))
    if not files:
        message = f"No files were found with the provided path: {given.get('path', '')}. No artifacts will be uploaded."
        if given.get("if-no-files-found", "warn") == "error":
            fail(message)
        print(f"##[warning]{message}")
        return
    target = STORE / name
    if target.exists():
        if not truth(given.get("overwrite", "false")):
            fail("Failed to CreateArtifact: Received non-retryable error: Conflict: an artifact with this name exists")
        shutil.rmtree(target)
    root = common_root(files, given.get("path", ""))
    for file in files:
        destination = target / file.relative_to(root)
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, destination)
    set_output("artifact-id", "1")
    print(f"Artifact {name} has been successfully uploaded! {len(files)} files")


def matching(patterns: str, *, hidden: bool) -> set[Path]:
    """The files of a list of patterns; `!` takes away."""
    found: set[Path] = set()
    for line in filter(None, map(str.strip, patterns.splitlines())):
        hits = set(expand(line.removeprefix("!"), hidden=hidden))
        found = found - hits if line.startswith("!") else found | hits
    return found


def expand(pattern: str, *, hidden: bool) -> list[Path]:
    """The files of one pattern; a folder means all below it."""
    full = str(workspace() / Path(pattern).expanduser())
    files: list[Path] = []
    for entry in map(Path, glob(full, recursive=True, include_hidden=hidden)):
        below = entry.rglob("*") if entry.is_dir() else [entry]
        files.extend(p for p in below if p.is_file() and (hidden or not is_hidden(p, entry)))
    return files


def is_hidden(path: Path, root: Path) -> bool:
    """Whether a part of the path below the root begins with a dot."""
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def common_root(files: list[Path], patterns: str) -> Path:
    """One pattern that names a folder: that folder; else the least common ancestor."""
    lines = [x for x in patterns.split("\n") if x.strip() and not x.strip().startswith("!")]
    if len(lines) == 1:
        entry = workspace() / Path(lines[0].strip()).expanduser()
        if entry.is_dir():
            return entry
    root = files[0].parent
    while not all(file.is_relative_to(root) for file in files):
        root = root.parent
    return root


def download(given: dict[str, str]) -> None:
    """Copy one artifact into the folder, or every matching one into folders of their names."""
    target = workspace() / Path(given.get("path", "")).expanduser()
    if name := given.get("name", ""):
        if not (STORE / name).is_dir():
            fail(f"Unable to download artifact(s): Artifact not found for name: {name}")
        shutil.copytree(STORE / name, target, dirs_exist_ok=True)
    else:
        merge = truth(given.get("merge-multiple", "false"))
        pattern = given.get("pattern") or "*"
        for artifact in sorted(p for p in STORE.iterdir() if fnmatch.fnmatch(p.name, pattern)):
            shutil.copytree(artifact, target if merge else target / artifact.name, dirs_exist_ok=True)
    set_output("download-path", str(target))
    print("Download artifact has finished successfully")
