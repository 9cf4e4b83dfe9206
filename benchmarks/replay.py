"""What replaying costs: `python benchmarks/replay.py`, about a minute on two cores.

Prints medians and ratios of one run on one machine; ends with 1 when a figure misses its target.
"""

import io
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar, Literal

from bot.app import App, Voices
from bot.model import ReplayOptions
from bot.replay.replays import Replays

STEPS = 10
RUNS = 7
PACKAGES, ANSWER_SECONDS = 20, 0.3
HELD = "      - run: exit 1\n"


def seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def median(call: Callable[[], object], runs: int = RUNS) -> float:
    call()
    return statistics.median(seconds(call) for _ in range(runs))


def project(folder: Path, steps: str, files: int = 0) -> Path:
    (folder / ".github" / "workflows").mkdir(parents=True)
    head = "on: push\njobs:\n  job:\n    runs-on: ubuntu-latest\n    steps:\n"
    (folder / ".github" / "workflows" / "ci.yml").write_text(head + steps)
    for number in range(files):
        path = folder / f"d{number % 50}" / f"f{number}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{number}\n" * 100)
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.invalid")
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], [*identity, "commit", "-qm", "first"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


@contextmanager
def replays(folder: Path, network: Literal["none", "registries"] = "none") -> Iterator[Replays]:
    app = App(folder, os.environ, Voices(lambda _: None, lambda *_: None))
    opened = app.replays(ReplayOptions(network=network))
    try:
        yield opened
    finally:
        opened.close()


def startup() -> float:
    return median(lambda: subprocess.run(["regreen", "--help"], capture_output=True, check=True))


def request(folder: Path) -> tuple[float, float]:
    """(a trivial request to the workbench, the command alone), in seconds."""
    with replays(project(folder, HELD)) as opened:
        result, benches = opened.run(opened.snapshot.commit, hold=True)
        bench = benches(result.jobs[0].key)
        assert bench
        session = bench.session()
        return median(lambda: session.run(["true"]), 20), median(lambda: subprocess.run(["true"], check=True), 20)


def added(folder: Path, script: str, steps: int, files: int) -> tuple[float, float]:
    """(a replay, the same lines in a bare shell), in seconds."""
    lines = "".join(f"      - run: {script}\n" for _ in range(steps))
    root = project(folder, "      - uses: actions/checkout@v4\n" + lines, files)
    with replays(root) as opened:
        replayed = median(lambda: opened.run(opened.snapshot.commit), 5)
    bare = median(lambda: [subprocess.run(["bash", "-e", "-c", script], cwd=root, check=True) for _ in range(steps)], 3)
    return replayed, bare


class SlowIndex(BaseHTTPRequestHandler):
    """An index of small packages that takes its time over every answer, like one that is far away."""

    protocol_version = "HTTP/1.1"
    wheels: ClassVar[dict[str, bytes]] = {}

    def do_GET(self) -> None:
        time.sleep(ANSWER_SECONDS)
        name = self.path.strip("/").rpartition("/")[2]
        body = (
            self.wheels.get(name)
            or f'<a href="/files/{name}-1.0-py3-none-any.whl">{name}-1.0-py3-none-any.whl</a>'.encode()
        )
        self.send_response(200)
        self.send_header("Content-Type", "application/zip" if name in self.wheels else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "max-age=31536000, immutable")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


def wheel(name: str) -> bytes:
    made, info = io.BytesIO(), f"{name}-1.0.dist-info"
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return made.getvalue()


def installing(folder: Path) -> tuple[float, float]:
    """(the first replay of a job that installs packages, the second one of the same command), in seconds."""
    names = [f"package{n}" for n in range(PACKAGES)]
    SlowIndex.wheels = {f"{name}-1.0-py3-none-any.whl": wheel(name) for name in names}
    server = ThreadingHTTPServer(("127.0.0.1", 0), SlowIndex)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.environ |= {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": f"http://127.0.0.1:{server.server_address[1]}/simple",
    }
    with replays(project(folder, f"      - run: pip install {' '.join(names)}\n"), network="registries") as opened:
        return tuple(seconds(lambda: opened.run(opened.snapshot.commit)) for _ in range(2))  # type: ignore[return-value]


def main() -> int:
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    missed = 0

    def report(name: str, figure: str, good: bool) -> None:
        nonlocal missed
        missed += not good
        print(f"{'ok    ' if good else 'MISSED'} {name}: {figure}", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        os.environ["XDG_CACHE_HOME"] = str(root / "cache")
        took = startup()
        report("regreen --help", f"{took * 1000:.0f} ms (target 300)", took < 0.3)
        served, alone = request(root / "held")
        extra = served - alone
        report(
            "a trivial request to the workbench",
            f"{extra * 1000:.0f} ms more than the command (target 50)",
            extra < 0.05,
        )
        for name, steps, files in (
            ("one step", 1, 0),
            (f"{STEPS} steps", STEPS, 0),
            ("one step, 2,000 files", 1, 2000),
        ):
            replayed, bare = added(root / name.replace(" ", "-"), "'true'", steps, files)
            report(
                f"replay of {name}",
                f"{replayed - bare:.2f} s more than a bare shell (target 0.5)",
                replayed - bare < 0.5,
            )
        replayed, bare = added(root / "long", "sleep 5.2", 2, 0)
        report(
            "replay of a job of 10 s", f"{replayed / bare:.3f} times a bare shell (target 1.10)", replayed / bare < 1.10
        )
        first, second = installing(root / "installing")
        report(
            f"a second replay that installs {PACKAGES} packages of an index that answers after {ANSWER_SECONDS} s",
            f"{second / first:.2f} times the first, {first:.1f} s (target 0.5)",
            second / first < 0.5,
        )
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
