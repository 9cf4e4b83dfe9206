"""Everything that one leg's sandbox is given: its files, its mounts, its environment, and the command line of act."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from bot.ports import Limits, Proxy, SandboxSpec, Toolchain
from bot.replay import layout
from bot.replay.context import Run
from bot.replay.derive import NAMED_SHELLS, PLATFORM
from bot.replay.expressions import to_string
from bot.replay.inside.image_tool import PROGRAMS
from bot.replay.inside.rust import PROXIES
from bot.replay.layout import LegFolder
from bot.replay.source import Origin

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ON_PATH = ("node", "go", "rust")
NOT_YAML = {c: f"\\u{c:04x}" for c in (*range(0x7F, 0xA0), 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF)}
TOOLS = dict.fromkeys(("python", "python3", "pip", "pip3"), "default_python") | {
    "sudo": "sudo",
    "apt": "apt",
    "apt-get": "apt",
    **dict.fromkeys(("yarn", *PROGRAMS), "image_tool"),
}
"""Commands that are ours in a job, and the programs below `inside` that they are."""
PATIENCE = {"PIP_RETRIES": "0", "npm_config_fetch_retries": "0"}
"""Nothing answers where there is no network: npm would wait for minutes."""
RUST_TOOLS = ("rustup", *PROXIES)
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"  # of Debian and Ubuntu: what programs trust that know no variable
TRUST = (  # the variables by which the others are told
    *("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *("NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO", "CARGO_HTTP_CAINFO"),
)
NODE = f"""#!/bin/sh
[ "$*" = '--no-warnings -e console.log(process.execPath)' ] && exec echo {layout.SHIMS}/node
case $1 in */act/workflow/*) exec '{{place}}' "$@";; esac
exec {layout.BIN}/node "$@"
"""
"""act asks for the path of node, which needs 40 ms to say it, and calls that; all but `hashFiles()` are steps."""
INSIDE = Path(__file__).parent / "inside"
IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
ETC = {
    "passwd": "root:x:0:0:root:/root:/bin/bash\nrunner:x:1001:1001::/home/runner:/bin/bash\n",
    "group": "root:x:0:\nrunner:x:1001:\nnogroup:x:65534:\n",
    "hosts": "127.0.0.1 localhost {host}\n::1 localhost\n",
    "hostname": "{host}\n",
}


@dataclass(frozen=True)
class Machine:
    """What all legs of a replay share: programs, toolchains, and what passes in from the user's own settings.

    `act` and `python` (which runs what is ours inside) are execute-only copies: a step that could read a program could
    also open the descriptors of its process, and forge results. `library` is the folder of `python`'s library.
    `settings` and `files` are package indexes and certificates: variables, and files or folders at their own paths.
    `image` are commands that GitHub's runners have; `transports` are git's own programs for http and https; `proxy` is
    there with the network `registries` alone. `host` is what the machine is called.
    """

    act: Path
    python: Path
    library: Path
    toolchains: tuple[Toolchain, ...]
    inner_mounts: Mapping[str, Path]
    settings: Mapping[str, str] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    network: str = "none"
    limits: Limits = field(default_factory=Limits)
    image: tuple[str, ...] = ()
    transports: tuple[Path, ...] = ()
    proxy: Proxy | None = None
    host: str = "runner"

    @cached_property
    def places(self) -> dict[Path, str]:
        """Where toolchains, indexes and certificates stand inside: at their own paths, where a job's own hide none."""
        outside = [*sorted({root for t in self.toolchains for root in t.roots}), *self.files]
        hidden = tuple(layout.OVERLAID.values())
        parents = list(dict.fromkeys(path.parent for path in outside))  # what lies side by side stays so
        return {
            path: f"{layout.ROOT}/moved/{parents.index(path.parent)}/{path.name}"
            if any(path.is_relative_to(h) for h in hidden)
            else str(path)
            for path in outside
        }

    def inside(self, text: object) -> str:
        """A path, or a text that holds some, as it reads inside."""
        found = str(text)
        for path, place in self.places.items():
            found = found.replace(str(path), place)
        return found


def write_shared(folder: Path, machine: Machine) -> None:
    """Write what is the same for every leg: the launchers of the wrapper, and a generated /etc."""
    for name in ("bin", "shims", "tools", "etc", "empty"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    begin = f"#!{layout.INTERPRETER} -IS\nimport sys\n"
    begin += f"sys.path.insert(0, {layout.PYTHON!r})\n"
    _script(
        folder / "bin" / "step",
        f'{begin}from bot.replay.inside.step import main\nmain(sys.argv[0].rsplit("/", 1)[-1], sys.argv[1:])\n',
    )
    run = 'from importlib import import_module\nimport_module(f"bot.replay.inside.{sys.argv[1]}").main(*sys.argv[2:])\n'
    _script(folder / "bin" / "run", begin + run)
    transport = f"from bot.replay.inside.transport import main\nmain({machine.network!r}, *sys.argv[1:])\n"
    _script(folder / "bin" / "transport", begin + transport)
    for shell in NAMED_SHELLS:
        (folder / "shims" / shell).symlink_to(f"{layout.BIN}/step")
    if node := next((t for t in machine.toolchains if t.kind == "node"), None):
        place = machine.inside(node.bin / node.program)
        _script(folder / "shims" / "node", NODE.format(place=place))
        (folder / "bin" / "node").symlink_to(f"{layout.BIN}/step")
    rust = dict.fromkeys(RUST_TOOLS, "rust") if any(t.kind == "rustup" for t in machine.toolchains) else {}
    for name, module in (TOOLS | rust).items():
        _script(
            folder / "tools" / name,
            f"{begin}from bot.replay.inside.{module} import main\nmain({name!r}, sys.argv[1:])\n",
        )
    etc = folder / "etc"
    for name, text in ETC.items():
        (etc / name).write_text(text.format(host=machine.host))
    resolver = Path("/etc/resolv.conf")
    outside = resolver.read_text() if machine.network == "all" and resolver.exists() else ""
    (etc / "resolv.conf").write_text("nameserver 127.0.0.1\n" if machine.proxy else outside)


def _script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def write_plan(
    folder: LegFolder,
    document: Mapping[str, Any],
    run: Run,
    machine: Machine,
    secrets: Mapping[str, str],
) -> list[str]:
    """Write what act reads and return its arguments, without the actions that it is given."""
    plan = folder.plan
    (plan / "workflow.yml").write_text(_as_yaml(document))
    (plan / "event.json").write_text(json.dumps(run.payload))
    rows = [
        {
            "kind": t.kind,
            "version": t.version,
            "bin": str(Path(machine.inside(t.bin / t.program)).parent),
            "program": t.program,
            "wheels": [machine.inside(w) for w in t.wheels],
        }
        for t in machine.toolchains
    ]
    (plan / "toolchains.json").write_text(json.dumps(rows))
    (plan / "image").write_text(" ".join(machine.image))
    (plan / "environment").write_text(" ".join([*_environment(machine), *(TRUST if machine.proxy else ())]))
    folder.secrets.touch(mode=0o600)
    folder.secrets.write_text(json.dumps({"GITHUB_TOKEN": "", **secrets}))  # else act asks `gh` for a token
    return _act(folder, run, machine)


def _as_yaml(document: Mapping[str, Any]) -> str:
    """JSON that is YAML: YAML knows no escapes of surrogates, and refuses some characters that JSON lets stand."""
    return json.dumps(document, ensure_ascii=False).translate(NOT_YAML)


def _act(folder: LegFolder, run: Run, machine: Machine) -> list[str]:
    """The command line of act, without the actions that it is given."""
    nothing = "/dev/null"
    options = {
        "--workflows": f"{layout.PLAN}/workflow.yml",
        "--platform": f"{PLATFORM}=-self-hosted",
        "--eventpath": f"{layout.PLAN}/event.json",
        "--secret-file": f"{layout.PLAN}/{folder.secrets.name}",
        "--env-file": nothing,
        "--var-file": nothing,
        "--input-file": nothing,
        "--action-cache-path": layout.WORK,
        "--cache-server-addr": "127.0.0.1",
        "--artifact-server-addr": "127.0.0.1",
        "--container-daemon-socket": "-",
        "--actor": run.actor,
        "--defaultbranch": run.default_branch,
    }
    words = [layout.ACT, run.event, "--json", "--no-skip-checkout", "--no-cache-server"]
    words += [word for option in options.items() for word in option]
    env = {**run.act_variables(), **(dict.fromkeys(TRUST, layout.CERTIFICATES) if machine.proxy else {})}
    for option, values in (("--env", env), ("--var", run.variables), ("--input", run.inputs)):
        words += [word for name, value in values.items() for word in (option, f"{name}={to_string(value)}")]
    return words


def spec(
    argv: Iterable[str],
    shared: Path,
    artifacts: Path,
    folder: LegFolder,
    origin: Origin,
    machine: Machine,
    sources: Mapping[str, Path],
) -> SandboxSpec:
    """The sandbox of a leg. `artifacts` is what its workflow shares; `sources` maps paths to code of others."""
    read_only = {
        layout.ACT: machine.act,
        layout.INTERPRETER: machine.python,
        layout.BIN: shared / "bin",
        layout.SHIMS: shared / "shims",
        layout.TOOLS: shared / "tools",
        layout.PLAN: folder.plan,
        layout.ORIGIN: origin.git_dir,
        layout.OBJECTS: origin.objects,
        f"{layout.ROOT}/empty": shared / "empty",
        f"{layout.PYTHON}/bot/replay/inside": INSIDE,
        **{f"/etc/{file.name}": file for file in (shared / "etc").iterdir()},
        **{str(p): p for p in origin.alternates()},
        **({} if machine.library.is_relative_to("/usr") else {str(machine.library): machine.library}),
        **{place: path for path, place in machine.places.items()},
        **machine.inner_mounts,
        **{str(place): shared / "bin" / "transport" for place in machine.transports},
        **({layout.TRANSPORT: machine.transports[0]} if machine.transports else {}),
        **sources,
    }
    forwarded, addresses = "", list[str]()
    if machine.proxy:
        read_only |= {layout.NETWORK: folder.network, layout.CERTIFICATES: machine.proxy.certificates}
        if Path(BUNDLE).exists():
            read_only[BUNDLE] = machine.proxy.certificates
        hosts, loopback = machine.proxy.hosts, machine.proxy.loopback
        addresses = sorted({host for host, _ in hosts if IPV4.fullmatch(host)})  # for these no name server is asked
        forwarded = json.dumps({"hosts": hosts, "addresses": addresses, "loopback": loopback})
    writable = {inside: folder.root / name for name, inside in layout.OVERLAID.items()}
    writable |= {layout.CONTROL: folder.control, layout.ARTIFACTS: artifacts}
    return SandboxSpec(
        (layout.INTERPRETER, "-IS", f"{layout.BIN}/run", "init", forwarded, *argv),
        _environment(machine),
        f"{layout.ROOT}/empty",
        read_only,
        writable,
        machine.network,
        machine.limits,
        tuple(addresses),
        {layout.HOME: folder.layers} if folder.layers else {},
        machine.host,
    )


def _environment(machine: Machine) -> dict[str, str]:
    first = {t.kind: machine.inside(t.bin) for t in reversed(machine.toolchains) if t.kind in ON_PATH}
    ours = [f"{layout.HOME}/.local/bin", f"{layout.HOME}/.cargo/bin"]
    ours += [f"{layout.TOOL_CACHE}/default/bin", f"{layout.TOOL_CACHE}/node/default/bin"]
    folders = [layout.SHIMS, *ours, layout.TOOLS]
    folders += [first[kind] for kind in ON_PATH if kind in first and first[kind] != "/usr/bin"]
    return {
        "HOME": layout.HOME,
        "USER": "runner",
        "LOGNAME": "runner",
        "SHELL": "/bin/bash",
        "LANG": "C.UTF-8",
        "PATH": ":".join([*folders, SYSTEM_PATH]),
        "XDG_CONFIG_HOME": f"{layout.HOME}/.config",
        "DEBIAN_FRONTEND": "noninteractive",
        "CARGO_NET_GIT_FETCH_WITH_CLI": "true",
        **({} if machine.network == "all" else {"UV_PYTHON_DOWNLOADS": "never"}),  # a Python that is missing is named
        "RUSTUP_AUTO_INSTALL": "0",
        **(PATIENCE if machine.network == "none" else {}),
        **({"REGREEN_NODE": f"{first['node']}/node"} if "node" in first else {}),
        "npm_config_prefix": f"{layout.TOOL_CACHE}/node/default",
        **{k: machine.inside(v) for k, v in machine.settings.items()},
    }
