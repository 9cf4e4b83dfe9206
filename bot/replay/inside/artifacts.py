"""Stand-ins for upload-artifact, upload-pages-artifact and download-artifact: a folder that the jobs of a replay share.

The folder holds only what jobs have uploaded; a job of the replay reads and writes it as it could on GitHub.
"""

import fnmatch
import itertools
import os
import shutil
from glob import glob
from pathlib import Path

from bot.replay.inside.adapter import ROOT, call, fail, inputs, set_output, truth, unreplayable, workspace

STORE = ROOT / "artifacts"
FORBIDDEN = set('":<>|*?\r\n\\/')  # in the name of an artifact, as the toolkit has it


def main(direction: str) -> None:
    """`up`, `down`, or `pages` for what is to be a site."""
    {"up": upload, "down": download, "pages": pages}[direction](inputs())


def pages(given: dict[str, str]) -> None:
    """Upload a folder as one archive, as actions/upload-pages-artifact does."""
    archive = f"{os.environ['RUNNER_TEMP']}/artifact.tar"
    hidden = [] if truth(given["include-hidden-files"]) else ["--exclude=.[^/]*"]
    leave_out = ["--exclude=.git", "--exclude=.github", *hidden]
    call("tar", "--dereference", "--hard-dereference", "--directory", given["path"], "-cvf", archive, *leave_out, ".")
    upload({"name": given["name"], "path": archive, "if-no-files-found": "error"})
    set_output("artifact_id", "1")


def upload(given: dict[str, str]) -> None:
    """Copy the files that the patterns name, below the root that the original finds, without their modes."""
    name, patterns = given.get("name") or "artifact", given.get("path", "")
    if not patterns.strip():
        fail("Input required and not supplied: path")
    if wrong := sorted(set(name) & FORBIDDEN):
        fail(f"The artifact name is not valid: {name}. Contains the following character: {wrong[0]}")
    files = sorted(matching(patterns, hidden=truth(given.get("include-hidden-files", "false"))))
    if not files:
        message = f"No files were found with the provided path: {patterns}. No artifacts will be uploaded."
        if given.get("if-no-files-found", "warn") == "error":
            fail(message)
        print(f"##[warning]{message}")
        return
    target = STORE / name
    if target.exists():
        if not truth(given.get("overwrite", "false")):
            fail("Failed to CreateArtifact: Received non-retryable error: Conflict: an artifact with this name exists")
        shutil.rmtree(target)
    root = root_of(files, patterns)
    for file in files:
        destination = target / file.relative_to(root)
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, destination)
    set_output("artifact-id", "1")
    print(f"Artifact {name} has been successfully uploaded! {len(files)} files")


def lines_of(patterns: str) -> list[str]:
    """The patterns of an input, comments left out."""
    lines = (line.strip() for line in patterns.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def matching(patterns: str, *, hidden: bool) -> set[Path]:
    """The files of a list of patterns; `!` takes away."""
    found: set[Path] = set()
    for line in lines_of(patterns):
        hits = set(expand(line.removeprefix("!"), hidden=hidden))
        found = found - hits if line.startswith("!") else found | hits
    return found


def expand(pattern: str, *, hidden: bool) -> list[Path]:
    """The files of one pattern; a folder means all below it. A hidden name counts from where the search begins."""
    full = workspace() / Path(pattern).expanduser()
    above = search_path(pattern).parent
    files: list[Path] = []
    for entry in map(Path, glob(str(full), recursive=True, include_hidden=True)):
        below = entry.rglob("*") if entry.is_dir() else [entry]
        files.extend(p for p in below if p.is_file() and (hidden or not is_hidden(p, above)))
    return files


def is_hidden(path: Path, root: Path) -> bool:
    """Whether a part of the path below the root begins with a dot."""
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def search_path(pattern: str) -> Path:
    """Where the search for a pattern begins: its parts before the first wildcard."""
    parts = (workspace() / Path(pattern).expanduser()).parts
    plain = itertools.takewhile(lambda part: not set(part) & set("*?["), parts)
    return Path(os.path.normpath(Path(*plain)))


def root_of(files: list[Path], patterns: str) -> Path:
    """The folder that the artifact begins at: what the searches have in common."""
    starts = list(dict.fromkeys(search_path(line) for line in lines_of(patterns) if not line.startswith("!")))
    starts = [s for s in starts if not any(s != other and s.is_relative_to(other) for other in starts)]
    if len(starts) > 1:
        return Path(os.path.commonpath(starts))
    return files[0].parent if files == starts else starts[0]


def download(given: dict[str, str]) -> None:
    """Copy one artifact into the folder, or every matching one into folders of their names."""
    target = workspace() / Path(given.get("path", "")).expanduser()
    for name in ("artifact-ids", "run-id"):
        if given.get(name):
            unreplayable(f"actions/download-artifact is asked for {name}, which only GitHub knows")
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
