"""`sudo` of a job: runs the command with the job's own rights, because a sandbox has no others.

What fails that way might have passed with the rights of root, so the job cannot be replayed. As on GitHub's runners,
the command gets the system's PATH and an environment of its own; HOME stays that of the job.
"""

import getopt
import os
import re
import shlex
import subprocess
import sys
from typing import NoReturn

from bot.replay.inside import control

SHORT = "ABbC:D:Eg:HhiKklnPp:R:r:SsT:t:U:u:Vv"
LONG = ["askpass", "background", "bell", "chdir=", "chroot=", "close-from=", "command-timeout=", "edit", "group="]
LONG += ["help", "host=", "list", "login", "non-interactive", "other-user=", "preserve-env", "preserve-env-list="]
LONG += ["preserve-groups", "prompt=", "remove-timestamp", "reset-timestamp", "role=", "set-home", "shell", "stdin"]
LONG += ["type=", "user=", "validate", "version"]
WITHOUT_EFFECT = ["-A", "-B", "-H", "-K", "-k", "-n", "-P", "-p", "-S", "-v", "--askpass", "--bell", "--set-home"]
WITHOUT_EFFECT += ["--remove-timestamp", "--reset-timestamp", "--non-interactive", "--preserve-groups", "--prompt"]
WITHOUT_EFFECT += ["--stdin", "--validate"]
SECURE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
KEPT = ["COLORS", "COLORTERM", "DISPLAY", "HOSTNAME", "KRB5CCNAME", "LANG", "LANGUAGE", "LINGUAS", "LS_COLORS", "PS1"]
KEPT += ["PS2", "TERM", "TZ", "XAUTHORITY", "XAUTHORIZATION", "XDG_CURRENT_DESKTOP"]
"""What sudo keeps: its own default tables (plugins/sudoers/env.c), with every LC_*."""
MACHINE = "/regreen/plan/environment"  # names of what a machine gives to all its programs, as /etc/environment does
ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")


def main(_: str, arguments: list[str]) -> None:
    """Run the command; exit with its code."""
    env = {k: v for k, v in os.environ.items() if k in kept_names() or k.startswith("LC_")}
    in_shell, folder = False, None
    words = [w.replace("--preserve-env=", "--preserve-env-list=", 1) for w in arguments]
    try:
        options, command = getopt.getopt(words, SHORT, LONG)  # which ends at the first word that is no option
    except getopt.GetoptError as e:
        sys.exit(f"sudo: {e}")
    for option, value in options:
        if option in ("-E", "--preserve-env"):
            env = {**os.environ, **env}
        elif option == "--preserve-env-list":
            env |= {k: os.environ[k] for k in value.split(",") if k in os.environ}
        elif option in ("-D", "--chdir"):
            folder = value
        elif option in ("-s", "--shell"):
            in_shell = True
        elif option in ("-u", "--user") and value not in ("root", "#0"):
            refuse(f"a step runs a command as the user {value} (sudo -u), which this machine has not")
        elif option not in (*WITHOUT_EFFECT, "-u", "--user"):
            refuse(f"a step uses sudo {option}, which cannot be had here")
    env |= {"PATH": f"{control.ROOT}/tools:{SECURE_PATH}", "USER": "root", "LOGNAME": "root"}
    env |= {"SUDO_USER": "runner", "SUDO_UID": str(os.getuid()), "SUDO_GID": str(os.getgid())}
    while command and ASSIGNMENT.match(command[0]):
        name, _, value = command.pop(0).partition("=")
        env[name] = value
    if in_shell:
        command = ["/bin/bash", *(["-c", shlex.join(command)] if command else [])]
    if command:
        sys.exit(run(command, env | {"SUDO_COMMAND": shlex.join(command)}, folder))


def kept_names() -> set[str]:
    """The variables that the command sees of the job's."""
    with open(MACHINE, encoding="utf-8") as file:
        return {*KEPT, *file.read().split()}


def run(command: list[str], env: dict[str, str], folder: str | None) -> int:
    """Run it; the exit code."""
    try:
        code = subprocess.run(command, env=env, cwd=folder, check=False).returncode
    except OSError as e:
        missing = isinstance(e, FileNotFoundError)
        print(f"sudo: {command[0]}: {'command not found' if missing else e.strerror}", file=sys.stderr, flush=True)
        code = 1
    if code:
        control.unreplayable(f"'sudo {shlex.join(command)[:80]}' failed, and here it has not the rights of root")
    return 128 - code if code < 0 else code


def refuse(reason: str) -> NoReturn:
    """End: this cannot be had here."""
    control.unreplayable(reason)
    sys.exit(f"sudo: {reason}")
