"""The shell of every step: runs the step as GitHub's runner would, keeps a copy of its output, holds it when it fails.

Called as `step KIND {0}` (a derived workflow's `shell:`) or under the name of a shell (`bash`, `sh`, `python`, `pwsh`)
or of `node` from the folder of shims that stands first on act's PATH, which is how the steps of composite actions, and
JavaScript actions, get here.
Prints one marker line first, by which the host finds the step that a call belongs to. Every step pays for what is
imported here, so that is little.
"""

import os
import sys
import time

from bot.replay.inside import control, places

TYPE_CHECKING = False  # `typing` is slow to import
if TYPE_CHECKING:
    from typing import NoReturn

SHELLS = {  # https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell
    "default": ("bash", "-e", "{0}"),
    "bash": ("bash", "--noprofile", "--norc", "-eo", "pipefail", "{0}"),
    "sh": ("sh", "-e", "{0}"),
    "python": ("python", "{0}"),
    "pwsh": ("pwsh", "-command", ". '{0}'"),
}
SUFFIXES = {"default": ".sh", "bash": ".sh", "sh": ".sh", "python": ".py", "pwsh": ".ps1"}
NOT_GITHUBS = ("ACT", "SHA_REF", control.NO_NEWS)
HIDDEN = ("CI", "GITHUB_ACTIONS")  # from the expressions of a step, by an empty value; the step itself has them
TOOL_CACHE = "/opt/hostedtoolcache"
FIXED = {"RUNNER_TOOL_CACHE": TOOL_CACHE, "AGENT_TOOLSDIRECTORY": TOOL_CACHE, "ImageOS": "ubuntu24"}
SHIMS = f"{os.path.dirname(control.FOLDER)}/shims"
ADAPTER = f"{control.FOLDER}/../bin/run"
DRAIN_SECONDS = 0.2  # how long a background child is listened to after the step's own process has ended
GRACE_SECONDS = 2.0  # between asking a step to end and ending it
NOT_FOUND = 127
SIGTERM, SIGKILL = 15, 9  # the module `signal` is slow to import
MAX_SHOWN = 20_000
DISABLED = (b"::set-env ", b"::add-path::")
NOT_FOUND_AFTER = (": command not found", ": Command not found", ": not found", ": No such file or directory")
NOT_FOUND_BEFORE = "No such file or directory: "  # as Python says it
NO_TOOLCHAIN = (  # what uv, rustup, go and corepack say where they would have to download one
    "error: No interpreter found for ",
    "Python downloads are not allowed",
    "is externally managed, and indicates",
    "error: toolchain '",
    "error: could not download file from 'https://static.rust-lang.org/",
    "go: download go1",
    "Error when performing the request to http",
    "No compatible signature found in package metadata",
    "toolchain not available",
)
LAST_WORDS = 8  # lines of a failed step in which the missing command is looked for
LAST_STACK = 40  # and those in which a toolchain is: corepack prints a stack behind it
IMAGE = "/regreen/plan/image"  # the commands of GitHub's image, by spaces
SCRIPTS = "/act/workflow/"  # where act puts the scripts of steps
NO_DAEMON = (  # what docker, podman and what is built on them say where no engine answers
    "Cannot connect to the Docker daemon",
    "failed to connect to the docker API at",
    "error during connect: ",
    "Cannot connect to Podman",
    "Could not find a valid Docker environment",
)


def environment() -> dict[str, str]:
    """The step's own environment: what act gives, without what act and we added."""
    kept = {k: v for k, v in os.environ.items() if k not in NOT_GITHUBS and not k.startswith("REGREEN_")}
    kept |= {name: "true" for name in HIDDEN if not kept.get(name)}
    if action := os.environ.get("REGREEN_ACTION"):
        kept["GITHUB_ACTION"] = action
    path = [p for p in kept.get("PATH", "").split(":") if p != SHIMS]
    return kept | FIXED | {"PATH": ":".join(path)}


def settled(env: dict[str, str], program: str) -> dict[str, str]:
    """The environment with the job's folders where GitHub has them, and without the inputs of a composite action."""
    where = places.settle()
    env = {k: places.moved(v, where) for k, v in env.items()}
    env |= {"RUNNER_WORKSPACE": os.path.dirname(env["GITHUB_WORKSPACE"]), "PWD": os.getcwd()}
    if program not in ("step", "node"):
        own = action_file()
        env = {k: v for k, v in env.items() if not k.startswith("INPUT_") or k in own}
    return env


def action_file() -> str:
    """The definition of the action that the step belongs to, or the empty string."""
    folder = os.environ.get("GITHUB_ACTION_PATH", "")
    for path in (f"{folder}/action.yml", f"{folder}/action.yaml"):
        if folder and os.path.isfile(path):
            with open(path, encoding="utf-8", errors="replace") as file:
                return file.read()
    return ""


def script_copy(source: str, suffix: str) -> str:
    """Give the script the name and the line numbers that it has on GitHub; act puts an empty line before it."""
    os.makedirs(places.TEMP, exist_ok=True)
    copy = f"{places.TEMP}/{os.urandom(8).hex()}{suffix}"
    where = {old.encode(): new.encode() for old, new in places.settle().items()}
    with open(source, "rb") as old, open(copy, "wb") as new:
        text = old.read().removeprefix(b"\n")
        for act, github in where.items():
            text = text.replace(act, github)
        new.write(text)
    return copy


def command_of(program: str, arguments: list[str]) -> list[str]:
    """What to start for what act was told to start; a stand-in of an action is the name of its module."""
    if program == "node":
        return [os.environ.get("REGREEN_NODE") or "node", *arguments]
    if program != "step":  # a shim: the shell itself, with its own flags, the script last
        return [program, *arguments[:-1], script_copy(arguments[-1], SUFFIXES[program])]
    kind, script = arguments[0], script_of(arguments)
    if kind == "shell":  # what came of an expression: a template with the script in it, a name, or nothing
        words = arguments[1 : arguments.index("--")]
        template = any(SCRIPTS in word for word in words)
        kind = "custom" if template else words[0] if words else "default"
        arguments = ["custom", *words]
    if kind == "adapter":
        return [sys.executable, "-IS", ADAPTER, *arguments[1:-1]]
    if kind == "custom":
        copy = script_copy(script, "")
        return [word.replace(script, copy) for word in arguments[1:]]
    copy = script_copy(script, SUFFIXES[kind])
    return [word.replace("{0}", copy) for word in SHELLS[kind]]


def script_of(arguments: list[str]) -> str:
    """Where act has put the step's script; in a custom shell that may be anywhere, even inside of a word."""
    words = (part for word in reversed(arguments) for part in word.split())
    return next((w.strip("'\"") for w in words if SCRIPTS in w), arguments[-1])


def is_acts(program: str, arguments: list[str]) -> bool:
    """Whether act called for a step, and not a program that a JavaScript action started."""
    ours = program in ("step", "node")
    return ours or (bool(arguments) and SCRIPTS in arguments[-1] and os.path.isfile(arguments[-1]))


def pass_on(program: str, arguments: list[str]) -> None:
    """Become the program that was meant, as if the shims were not there."""
    env = environment()
    place = found(program, env["PATH"])
    if not place:
        sys.exit(NOT_FOUND)
    os.execve(place, [program, *arguments], env)


def found(program: str, path: str) -> str:
    """The program's full path, or the empty string."""
    spots = [program] if "/" in program else [f"{folder or '.'}/{program}" for folder in path.split(":")]
    return next((spot for spot in spots if os.path.isfile(spot) and os.access(spot, os.X_OK)), "")


def script_text(command: list[str]) -> str:
    """The beginning of the script that the command runs, for the log; empty for a stand-in of an action."""
    path = next((w for w in reversed(command) if w.startswith(places.TEMP) and os.path.isfile(w)), "")
    if ADAPTER in command or not path:
        return ""
    with open(path, "rb") as file:
        return file.read(MAX_SHOWN).decode("utf-8", "replace").rstrip("\n")


class Output:
    """Passes the step's output on to act as it comes, and each line with its time to our copy."""

    def __init__(self, path: str) -> None:
        self.file, self.rest = open(path, "wb"), b""
        self.suspect = False  # a disabled command may be among the lines

    def write(self, data: bytes) -> None:
        """Pass bytes on."""
        write_all(data)
        text = self.rest + data
        self.suspect = self.suspect or any(command in text for command in DISABLED)
        *lines, self.rest = text.split(b"\n")
        now = time.time()
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f"{now % 1:.7f}Z "[1:]
        self.file.write(b"".join(moment.encode() + line + b"\n" for line in lines))
        self.file.flush()

    def end(self) -> None:
        """End a last line that has no end."""
        if self.rest:
            self.write(b"\n")


def write_all(data: bytes) -> None:
    """Write to act's terminal until all is written."""
    while data:
        data = data[os.write(1, data) :]


def start(command: list[str], env: dict[str, str], output: int) -> int:
    """Start the step's process with an empty input, in a session of its own; its id."""
    if ADAPTER in command:  # an interpreter of its own would have to start
        if child := os.fork():
            return child
        become_adapter(command[command.index(ADAPTER) + 1 :], env, output)
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, output, 1),
        (os.POSIX_SPAWN_DUP2, output, 2),
    ]
    return os.posix_spawn(command[0], command, env, file_actions=actions, setsid=True)


def become_adapter(arguments: list[str], env: dict[str, str], output: int) -> "NoReturn":
    """Be the stand-in of an action to the end of the process; its module is the first of the arguments."""
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    os.environ.clear()
    os.environ.update(env)
    sys.exit(__import__(f"bot.replay.inside.{arguments[0]}", fromlist=["main"]).main(*arguments[1:]))


def run(command: list[str], env: dict[str, str], output: Output, seconds: float) -> tuple[int, bool]:
    """Run the step's process; its exit code, and whether the time limit ended it (0 seconds: no limit)."""
    reader, writer = os.pipe()
    child = start(command, env, writer)
    os.close(writer)
    exited = os.pidfd_open(child)
    deadline = time.monotonic() + seconds if seconds else None
    timed_out = control.pump(reader, exited, output.write, deadline, DRAIN_SECONDS)
    if timed_out:
        os.killpg(child, SIGTERM)
        if control.pump(reader, exited, output.write, time.monotonic() + GRACE_SECONDS, DRAIN_SECONDS):
            os.killpg(child, SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    keep_draining(reader)
    return (128 - code if code < 0 else code), timed_out


def keep_draining(reader: int) -> None:
    """Leave a reader behind for background children, so that a write of theirs does not kill them."""
    os.set_blocking(reader, False)
    try:
        if os.read(reader, control.CHUNK) == b"":
            return
    except BlockingIOError:
        pass
    if os.fork() == 0:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        os.set_blocking(reader, True)
        while os.read(reader, control.CHUNK):
            pass
        os._exit(0)


def missing(log: str, path: str) -> str:
    """What a failed step did not find though GitHub's runner has it, as its last words say; else the empty string."""
    with open(log, "rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - MAX_SHOWN))
        lines = file.read().decode("utf-8", "replace").splitlines()
    for line in lines[-LAST_STACK:]:
        if any(words in line for words in NO_TOOLCHAIN):
            return f"a toolchain that this machine has not ({line.partition('Z ')[2].strip()[:120]})"
        if any(words in line for words in NO_DAEMON):
            return "a docker daemon, which GitHub's runner has and this backend has not"
    last = lines[-LAST_WORDS:]
    said = [line.split(marker)[0].split(" ")[-1] for line in last for marker in NOT_FOUND_AFTER if marker in line]
    said += [line.rpartition(NOT_FOUND_BEFORE)[2] for line in last if NOT_FOUND_BEFORE in line]
    names = [word.strip(":'\"`\u2018\u2019") for word in said]
    if not names:
        return ""
    with open(IMAGE, encoding="utf-8") as file:
        known = set(file.read().split())
    name = next((name for name in names if name in known and not found(name, path)), "")
    return f"{name}, which GitHub's runner has and this machine has not" if name else ""


def disabled(log: str, env: dict[str, str]) -> str:
    """What is wrong with a workflow command that GitHub's runner has disabled, or the empty string.

    https://github.blog/changelog/2020-10-01-github-actions-deprecating-set-env-and-add-path-commands/
    """
    if env.get("ACTIONS_ALLOW_UNSECURE_COMMANDS", "").lower() == "true":
        return ""
    with open(log, "rb") as file:
        stopped = b""
        for line in file:
            text = line.split(b"Z ", 1)[-1].strip()
            if text.startswith(b"::stop-commands::"):
                stopped = text[17:]
            elif stopped and text == b"::" + stopped + b"::":
                stopped = b""
            elif not stopped and text.startswith(DISABLED):
                name = text[2:].split(b":")[0].split()[0].decode()
                return f"Unable to process command '{name}'. The `{name}` command is disabled."
    return ""


def forbidden() -> str:
    """What is wrong with a variable that the runner does not let a step set, or the empty string."""
    path = os.environ.get("GITHUB_ENV", "")
    if os.path.isfile(path):
        with open(path, "rb") as file:
            if any(line.upper().startswith((b"NODE_OPTIONS=", b"NODE_OPTIONS<<")) for line in file):
                return "Unable to process file command 'env' successfully. Can't store NODE_OPTIONS in GITHUB_ENV."
    return ""


def keep_shims_first() -> None:
    """What a step adds to PATH comes first, for act, too; the shims stay before it."""
    path = os.environ.get("GITHUB_PATH", "")
    if os.path.isfile(path) and os.path.getsize(path):
        with open(path, "a", encoding="utf-8") as file:
            file.write(f"\n{SHIMS}\n")


def without_shell(program: str, arguments: list[str]) -> bool:
    """Whether a step of a composite action names no shell: act takes one of its own then, GitHub fails."""
    return program == "bash" and arguments[:-1] == ["-e"] and "bash -e" not in action_file()


def main(program: str, arguments: list[str]) -> None:
    """Run the step and exit with its own code, after the host has let it go."""
    if not is_acts(program, arguments):
        pass_on(program, arguments)
    seconds = float(os.environ.get("REGREEN_TIMEOUT_MINUTES") or 0) * 60
    goes_on = os.environ.get("REGREEN_CONTINUE_ON_ERROR", "").strip().lower() == "true"
    host = control.Host()
    host.tell("began", int(goes_on), program)
    call = host.hear()[1]
    write_all(f"{control.MARKER}{call}\n".encode())
    env = settled(environment(), program)
    command = command_of(program, arguments)
    log = f"{control.FOLDER}/calls/{call}.log"
    cache = 0
    if program == "node":
        from bot.replay.inside.cache_service import start as start_cache

        cache, env["ACTIONS_CACHE_URL"] = start_cache(host.socket)
    output = Output(log)
    timed_out, code = False, NOT_FOUND
    if program != "step" and without_shell(program, arguments):
        output.write(b"##[error]Required property is missing: shell\n")
        code = 1
    elif place := found(command[0], env["PATH"]):
        command[0] = place
        host.tell("command", script_text(command), *command)
        code, timed_out = run(command, env, output, seconds)
    else:
        output.write(f"##[error]{command[0]}: command not found\n".encode())
        if command[0] in ("pwsh", "node"):
            control.unreplayable(f"a step needs {command[0]}, which is not installed here")
    if timed_out:
        output.write(f"##[error]The action has timed out after {seconds / 60:g} minutes.\n".encode())
        code = code or 1
    output.end()
    if not code and (problem := (output.suspect and disabled(log, env)) or forbidden()):
        output.write(f"##[error]{problem}\n".encode())
        code = 1
    output.file.close()
    keep_shims_first()
    if code and (lacking := missing(log, env["PATH"])):
        control.unreplayable(f"a step needs {lacking}")
    host.tell("ended", code)
    if code:
        control.serve(host, env, command, seconds)
    if cache:
        os.kill(cache, SIGKILL)
    sys.exit(code)
