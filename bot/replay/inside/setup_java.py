"""Stand-in for actions/setup-java: a Java that this machine has, of whatever vendor."""

import re
from pathlib import Path

from bot.replay.inside import control, versions
from bot.replay.inside.adapter import (
    add_path,
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

CACHE = Path("/opt/hostedtoolcache")
VENDORS = {  # what their `release` files say
    "temurin": "Eclipse Adoptium",
    "corretto": "Amazon.com Inc.",
    "liberica": "BellSoft",
    "microsoft": "Microsoft",
    "oracle": "Oracle Corporation",
    "zulu": "Azul Systems, Inc.",
}
LOCKS = {
    "maven": ["**/pom.xml"],
    "gradle": [
        *("**/*.gradle*", "**/gradle-wrapper.properties", "buildSrc/**/Versions.kt", "buildSrc/**/Dependencies.kt"),
        *("gradle/*.versions.toml", "**/versions.properties"),
    ],
    "sbt": ["**/*.sbt", "**/project/build.properties", "**/project/**.scala", "**/project/**.sbt"],
}


def main() -> None:
    """Set up the versions that are asked for; the last is the one that the job uses."""
    given = inputs()
    wishes = [line.strip() for line in given["java-version"].splitlines() if line.strip()]
    if not wishes and not given["java-version-file"]:
        fail("java-version or java-version-file input expected")
    if not given["distribution"]:
        fail("distribution input is required")
    if given["distribution"] == "jdkfile":
        unreplayable("actions/setup-java is asked for a jdkFile, which cannot be had here")
    for wish in wishes or [from_file(given["java-version-file"])]:
        take(given, re.sub(r"\+.*", "", wish.removeprefix("1.")))
    check_cache(given, LOCKS)
    if given["cache"]:
        set_output("cache-hit", "false")


def take(given: dict[str, str], wish: str) -> None:
    """Set up one version."""
    toolchain = versions.taken("java", wish, "Java")
    version, root, package = toolchain["version"], Path(toolchain["bin"]).parent, given["java-package"]
    if package not in ("jdk", "jre") or (package == "jdk" and not (root / "bin" / "javac").exists()):
        unreplayable(f"the {package} of Java {version} is not installed here")
    found = re.search(r'^IMPLEMENTOR="(.*)"', (root / "release").read_text(), re.MULTILINE)
    vendor = found[1] if found else "another vendor"
    if vendor != VENDORS.get(given["distribution"]):
        control.note(f"Java {version} of {vendor} was taken for {given['distribution']}")
    folder = CACHE / f"Java_{given['distribution']}_{package}" / version / "x64"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.symlink_to(root)
    if truth(given["set-default"]):
        set_env("JAVA_HOME", str(folder))
        add_path(f"{folder}/bin")
    set_env(f"JAVA_HOME_{version.split('.')[0]}_X64", str(folder))
    set_output("distribution", given["distribution"])
    set_output("version", version)
    set_output("path", str(folder))
    print(f"Java {version} ({vendor}): {folder}")


def from_file(name: str) -> str:
    """What a .java-version, .tool-versions or .sdkmanrc asks for."""
    path = workspace() / name
    if not path.is_file():
        fail(f"ENOENT: no such file or directory, open '{name}'")
    text = from_tool_versions(path, "java") if path.name == ".tool-versions" else path.read_text()
    found = re.search(r"(?:^|[\s=-])v?(\d+(?:\.\d+)*)", text)
    return found[1] if found else fail(f"No supported version was found in file {name}")
