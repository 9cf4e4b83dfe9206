"""`apt-get` and `apt` of a job: packages that this machine has are there already, others cannot be had.

Options for what is done and how it is told (`-y`, `-qq`, `--no-install-recommends`, ...) make no difference here.
"""

import argparse
import os
import re
import subprocess
import sys
from fnmatch import fnmatchcase

from bot.replay.inside import control

WITH_VALUE = (("-o", "--option"), ("-c", "--config-file"), ("-a", "--host-architecture"), ("-P", "--build-profiles"))
NOTHING_TO_DO = {"update", "upgrade", "full-upgrade", "dist-upgrade", "autoremove", "autopurge", "clean", "autoclean"}
REMOVING = {"remove", "purge"}
WISH = re.compile(r"([a-z0-9][a-z0-9+.-]*)(?::([a-z0-9]+))?(?:=(\S+))?")
QUERY = ("dpkg-query", "--show", "--showformat", "${Package} ${Architecture} ${Version} ${db:Status-Status}\\n")
PROBLEM = 100  # apt's exit code for every failure

Installed = dict[str, list[tuple[str, str]]]
"""Architecture and version of each installed package, by its name."""


def main(name: str, arguments: list[str]) -> None:
    """Do what apt would, where there is nothing to do; else say what is missing."""
    parser = argparse.ArgumentParser(prog=name, add_help=False, allow_abbrev=False)
    for flags in WITH_VALUE:
        parser.add_argument(*flags)
    parser.add_argument("-t", "--target-release", "--default-release", dest="release", default="")
    given, rest = parser.parse_known_args(arguments)
    verb, *wishes = [word for word in rest if not word.startswith("-")] or [""]
    if verb not in NOTHING_TO_DO | REMOVING | {"install"}:
        end(f"a step runs '{name} {' '.join(arguments)[:80]}', which cannot be had here")
    if "SUDO_UID" not in os.environ:
        lock = "/var/lib/apt/lists/lock" if verb == "update" else "/var/lib/dpkg/lock-frontend"
        print(f"E: Could not open lock file {lock} - open (13: Permission denied)")
        sys.exit(PROBLEM)
    known = installed()
    if verb in REMOVING and (there := [w for w in wishes if w.rstrip("*") in known]):
        end(f"a step removes {', '.join(there)} ({name}), which stays on this machine")
    if verb == "install" and given.release:
        end(f"a step installs {', '.join(wishes)} of the release {given.release} ({name}), which cannot be had here")
    if verb == "install" and (absent := [w for w in wishes if not has(known, w)]):
        end(f"a step installs {', '.join(absent)} ({name}), and this machine has no such package")
    print(f"0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded. ({name} {verb} in a replay)")


def installed() -> Installed:
    """What the machine's own database says."""
    found: Installed = {}
    try:
        rows = subprocess.run(QUERY, capture_output=True, text=True, check=False).stdout.splitlines()
    except FileNotFoundError:
        return found
    for package, architecture, version, status in (row.split(" ") for row in rows):
        if status == "installed":
            found.setdefault(package, []).append((architecture, version))
    return found


def has(known: Installed, wish: str) -> bool:
    """Whether a package is there as it is asked for (`name`, `name:arch`, `name=version` with wildcards), and say so.

    A name with `-` behind it is to be away. Files, tasks and patterns of names are never there.
    """
    if wish.endswith("-") and wish not in known:
        return wish[:-1] not in known
    parts = WISH.fullmatch(wish if wish in known else wish.removesuffix("+"))
    name, wanted, pattern = parts.groups() if parts else ("", None, None)
    for architecture, version in known.get(name, ()):
        fits = wanted in (None, "any", architecture) or architecture == "all"
        if fits and fnmatchcase(version, pattern or "*"):
            print(f"{name} is already the newest version ({version}).")
            return True
    return False


def end(reason: str) -> None:
    """End: this cannot be had here."""
    control.unreplayable(reason)
    sys.exit(PROBLEM)
