"""How long the guard takes in a large repository: `python benchmarks/guard.py [--files N] [--lines N] [--runs N]`.

Makes a repository of 50,000 files with one commit, and a diff of 300 lines over tests, code and settings of it; then
runs `regreen guard --diff` and `--base`, each in a fresh process, so that all is in the figure that a person waits for.
Prints the median of the seconds that pass, and of those that the processors work (with git's), beside those of
`git status` and of `python -c pass` in the same minute: on a busy machine the former are its own story. Ends with 1 when a
median is over `--most` seconds (1 by default).
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

REGREEN = [str(Path(sys.executable).parent / "regreen")]
TEST = "from shop.part_{0} import price\n\n\ndef test_price_{0}():\n    assert price({0}) == {0} * 2\n"
CODE = "def price(count):\n    return count * 2\n\n\ndef rebate_{0}(count):\n    return count // 10\n"
FOLDERS = 500


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--lines", type=int, default=300)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--most", type=float, default=1.0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="regreen-bench-") as folder:
        root = Path(folder) / "repository"
        make(root, asked.files)
        change(root, asked.lines)
        diff = Path(folder) / "diff"
        diff.write_text(git(root, "diff", "HEAD"))
        told = git(root, "diff", "--shortstat", "HEAD").strip()
        print(f"{asked.files} files; {told}")
        seconds(["git", "-C", str(root), "status", "--short"], 1)  # the first one refreshes the index
        rows = {
            "regreen guard --base HEAD": [*REGREEN, "guard", str(root), "--base", "HEAD"],
            "regreen guard --diff FILE": [*REGREEN, "guard", str(root), "--diff", str(diff)],
            "git status": ["git", "-C", str(root), "status", "--short"],
            "python -c pass": [sys.executable, "-c", "pass"],
        }
        medians = {name: seconds(words, asked.runs) for name, words in rows.items()}
    for name, (passed, worked) in medians.items():
        print(f"{name:28} {passed:6.2f} s, at work {worked:6.2f} s")
    return int(max(v for k, (v, _) in medians.items() if k.startswith("regreen")) > asked.most)


def make(root: Path, files: int) -> None:
    """A repository of tests and code in equal parts, in folders of some hundred files."""
    for number in range(files // 2):
        folder = f"group_{number % FOLDERS}"
        for place, text in ((f"tests/{folder}/test_part", TEST), (f"shop/{folder}/part", CODE)):
            path = root / f"{place}_{number}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.format(number))
    (root / "pyproject.toml").write_text('[project]\nname = "shop"\n\n[tool.pytest.ini_options]\naddopts = "-ra"\n')
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", "--all")
    git(root, "-c", "user.name=B", "-c", "user.email=b@example.invalid", "commit", "--quiet", "--message=First")


def change(root: Path, lines: int) -> None:
    """Add assertions to tests and change code, ten lines of each file, and one setting."""
    for number in range(lines // 10 // 2):
        folder = f"group_{number % FOLDERS}"
        more = "".join(f"    assert price({i}) == {i * 2}\n" for i in range(10))
        with (root / f"tests/{folder}/test_part_{number}.py").open("a") as file:
            file.write(more)
        with (root / f"shop/{folder}/part_{number}.py").open("a") as file:
            file.write(
                "\n\ndef more(count):\n" + "".join(f"    count += {i}\n" for i in range(6)) + "    return count\n"
            )
    (root / "pyproject.toml").write_text('[project]\nname = "shop"\n\n[tool.pytest.ini_options]\naddopts = "-ra -v"\n')


def seconds(words: Sequence[str], runs: int) -> tuple[float, float]:
    """The medians of the seconds that a command takes and works. Raises when the guard refuses or fails."""
    passed, worked = [], []
    for _ in range(runs):
        start, before = time.perf_counter(), busy()
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
        passed.append(time.perf_counter() - start)
        worked.append(busy() - before)
    return statistics.median(passed), statistics.median(worked)


def busy() -> float:
    """Processor seconds of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def git(root: Path, *args: str) -> str:
    return subprocess.run(["git", *args], cwd=root, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
