"""`sudo` and apt of a job: what this machine has is there, what would need more is named."""

import shutil

import pytest

from bot.model import Result
from tests.projects import Replayed
from tests.replay.conftest import Replay

needs_dpkg = pytest.mark.skipif(shutil.which("dpkg-query") is None, reason="this machine has no dpkg")


def named(done: Replayed) -> str:
    """The reason for which a replay could not be."""
    assert done.result.result is Result.UNREPLAYABLE, done.log
    return done.result.reason or ""


def test_sudo_runs_commands_without_more_rights(replay: Replay) -> None:
    done = replay(
        "run: sudo -n true; sudo -E -H -u root -- id -u; sudo touch new; rm new",
        "run: \"sudo A=1 B=\\\"x y\\\" sh -c 'echo $A-$B-$KEPT-$USER'; sudo -E sh -c 'echo $KEPT'\"\nenv: {KEPT: kept}",
        "run: sudo --preserve-env=KEPT,NONE -D / sh -c 'echo $KEPT $PWD'; echo 'echo from $0' | sudo -s\nenv: {KEPT: kept}",
        'run: echo ${SUDO_USER-unset}; sudo env | grep -c -E "^(SUDO_USER=runner|LANG=)"; sudo -s echo "a  b"',
        "run: sudo rm -rf /usr/share/dotnet-that-is-not-there",
    )
    assert done.result.result is Result.SUCCESS, done.log
    assert done.printed() == [
        *("1001", "1-x y--root", "kept", "kept /", "from /bin/bash", "unset", "2", "a  b")
    ]  # fmt: skip


def test_sudo_has_the_systems_path(replay: Replay) -> None:
    """On GitHub sudo does not find what setup-* and `GITHUB_PATH` give."""
    tool = "run: mkdir t; printf '#!/bin/sh\\necho found' > t/mine; chmod +x t/mine; echo $PWD/t >> $GITHUB_PATH"
    done = replay(tool, "run: mine; sudo -E env PATH=$PATH mine; sudo -E mine")
    assert done.printed()[:2] == ["found", "found"]
    assert "'sudo mine' failed" in named(done)


def test_sudo_keeps_what_programs_need_to_reach_indexes(replay: Replay) -> None:
    """Whom to trust; on the runner that needs no variables."""
    tell = """run: sudo sh -c 'test -n "$PIP_CERT" && echo kept'"""
    assert replay(tell, options={"network": "registries"}).printed() == ["kept"]


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("sudo make install || true", "'sudo make install' failed, and here it has not the rights of root"),
        ("sudo -u postgres psql", "as the user postgres"),
        ("sudo -i", "sudo -i"),
        ("sudo add-apt-repository -y ppa:acme/tools", "'sudo add-apt-repository -y ppa:acme/tools' failed"),
        ("sudo apt-get -y install acme-tools", "a step installs acme-tools (apt-get), and this machine"),
        ("sudo apt source acme-tools", "a step runs 'apt source acme-tools'"),
    ],
)
def test_what_needs_more_than_a_sandbox_is_named(replay: Replay, command: str, reason: str) -> None:
    makefile = "install:\n\ttouch /usr/local/bin/acme\n"
    done = replay("uses: actions/checkout@v4", f"run: {command}", files={"Makefile": makefile})
    assert reason in named(done)


@needs_dpkg
def test_packages_of_this_machine_are_installed_already(replay: Replay) -> None:
    done = replay(
        "run: sudo apt-get update && DEBIAN_FRONTEND=noninteractive sudo -E apt-get -qq -y install bash --no-install-recommends",
        "run: sudo apt update -y; sudo apt install -o Dpkg::Use-Pty=0 -yqq bash=* coreutils:any dpkg+ acme-tools-",
        "run: |\n  V=$(dpkg-query -W -f '${Version}' bash)\n  sudo apt-get install -y bash=$V bash=${V%%-*}*",
        "run: sudo apt-get upgrade -y; sudo apt-get remove -y acme-tools; sudo apt-get clean",
    )
    assert done.result.result is Result.SUCCESS, done.log
    assert sum(line.startswith("bash is already the newest version (") for line in done.printed()) == 4


@needs_dpkg
@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        ("install bash acme-tools acme-more", "a step installs acme-tools, acme-more (apt-get)"),
        ("install bash=0.1*", "a step installs bash=0.1* (apt-get)"),
        ("install bash:armhf", "a step installs bash:armhf"),
        ("install -t sid bash", "a step installs bash of the release sid"),
        ("install ./bash.deb", "a step installs ./bash.deb"),
        ("install bash-", "a step installs bash- (apt-get)"),
        ("remove --purge bash", "a step removes bash (apt-get)"),
    ],
)
def test_packages_that_are_not_here_are_named(replay: Replay, arguments: str, absent: str) -> None:
    assert absent in named(replay(f"run: sudo apt-get {arguments} || true"))


def test_apt_without_sudo_fails_as_on_github(replay: Replay) -> None:
    done = replay("run: apt-get install -y bash || echo $?; apt-get update")
    assert done.result.result is Result.FAILURE, done.result.reason
    assert "Could not open lock file /var/lib/dpkg/lock-frontend" in done.printed()[0]
    assert done.printed()[1] == "100"
    assert done.printed()[2].startswith("E: Could not open lock file /var/lib/apt/lists/lock")
