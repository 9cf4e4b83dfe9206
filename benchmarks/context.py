"""What a model would be shown: `python benchmarks/context.py [--logs FOLDER] [--files N] [--budget N]`.

For the repositories of `context.yaml`, each among `--noise` other files: whether the file to change is in the first
attempt's context, and the whole of its enclosing function, apart for logs that name the file and logs that name only the
test; tokens (characters / 4) per attempt. With `--logs` the same for labelled logs (`labels.jsonl` and the logs beside
it) in trees that hold the files which the labels name among others of the same name. Ends with the time from a
diagnosis to the first attempt's text in a repository of `--files` files: that which passes, and that of the processors.
"""

import argparse
import gc
import json
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bot.adapters.git_plumbing import GitPlumbing  # noqa: E402
from bot.diagnosis import diagnose  # noqa: E402
from bot.model import Category, Diagnosis, Location  # noqa: E402
from bot.repair.context import Layer, gather  # noqa: E402
from bot.repair.context.outline import outline  # noqa: E402
from bot.text.redact import Redactor  # noqa: E402
from bot.yaml12 import load  # noqa: E402

FUNCTIONS = 40  # of no interest, for each `$FILL`
FILLERS = {
    ".py": "def filler_{n}(value):\n    total = value * {n}\n    for item in range({n}):\n        total += item\n    return total\n\n",
    ".ts": "export function filler{n}(value: number): number {{\n  let sum = value;\n  sum += {n};\n  return sum;\n}}\n",
    ".js": "function filler{n}(value) {{\n  let sum = value;\n  sum += {n};\n  return sum;\n}}\n",
    ".go": "func filler{n}(value int) int {{\n\tsum := value\n\tsum += {n}\n\treturn sum\n}}\n",
    ".rs": "fn filler_{n}(value: u32) -> u32 {{\n    let sum = value;\n    sum + {n}\n}}\n",
    ".java": "int filler{n}(int value) {{\n    int sum = value;\n    return sum + {n};\n}}\n",
    ".kt": "fun filler{n}(value: Int): Int {{\n    val sum = value\n    return sum + {n}\n}}\n",
    ".rb": "def filler_{n}(value)\n  sum = value\n  sum + {n}\nend\n",
    ".php": "public function filler{n}(int $value): int\n{{\n    $sum = $value;\n    return $sum + {n};\n}}\n",
    ".c": "static int filler_{n}(int value)\n{{\n    int sum = value;\n    return sum + {n};\n}}\n",
    ".sh": "filler_{n}() {{\n  local sum=$1\n  echo $((sum + {n}))\n}}\n",
}
LIKE = {".cc": ".c", ".cpp": ".c", ".hpp": ".c", ".h": ".c", ".tsx": ".ts", ".pyi": ".py", ".groovy": ".java"}
CLASS = re.compile(r"\(([a-z][\w.]*\.[A-Z]\w*)[$\w]*\)$")
MODULE = re.compile(r"^((?:\w+\.)*test_?\w+)::")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logs", type=Path)
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--noise", type=int, default=500)
    parser.add_argument("--budget", type=int, default=60_000)
    asked = parser.parse_args()
    gc.set_threshold(50_000)  # as the command line does
    with tempfile.TemporaryDirectory(prefix="regreen-bench-") as folder:
        written(Path(folder), asked.noise, asked.budget)
        if asked.logs:
            labelled(Path(folder), asked.logs, asked.noise, asked.budget)
        if asked.files:
            timed(Path(folder), asked.files, asked.budget)
    return 0


def written(folder: Path, noise: int, budget: int) -> None:
    """The repositories of `context.yaml`."""
    rows: dict[str, list[tuple[bool, bool]]] = {"code": [], "test": []}
    tokens: dict[int, list[int]] = {1: [], 2: [], 3: []}
    path = Path(__file__).with_suffix(".yaml")
    for number, case in enumerate(load(path.read_bytes(), path.name)):
        files = {name: filled(name, text) for name, text in case["files"].items()}
        git, commit = repository(folder / str(number), {**decoys(noise), **files})
        told = diagnose([numbered(case["log"], files).encode()])
        for attempt, counts in tokens.items():
            layers = gather(git, commit, told, budget=budget, redact=Redactor(), attempt=attempt)
            counts.append(sum(len(layer.text) for layer in layers) // 4)
            if attempt == 1:
                found = case["file"] in shown(layers), has_function(case, files, layers)
                rows[case["names"]].append(found)
                if not all(found):
                    print(f"missed: {case['name']}: {', '.join(shown(layers))}")
    for names, places in rows.items():
        told_of = "the file" if names == "code" else "only the test"
        file, function = (sum(row[n] for row in places) / len(places) for n in (0, 1))
        print(
            f"logs that name {told_of}: {len(places)} cases, file inside {file:.2f}, enclosing function {function:.2f}"
        )
    for attempt, counts in tokens.items():
        print(f"attempt {attempt}: {statistics.median(counts):.0f} tokens in the median, {max(counts)} at most")


def shown(layers: tuple[Layer, ...]) -> list[str]:
    return [file for layer in layers if layer.name == "source" for file in layer.files]


def has_function(case: Mapping[str, Any], files: Mapping[str, str], layers: tuple[Layer, ...]) -> bool:
    """Whether the whole function stands in the context, as it stands in the file."""
    text = files[case["file"]]
    if "function" not in case:
        return case["file"] in shown(layers)
    block = next(b for b in outline(case["file"], text) if b.name == case["function"])
    body = "\n".join(text.split("\n")[block.first - 1 : block.last])
    return any(body in layer.text for layer in layers if layer.name == "source")


def filled(path: str, text: str) -> str:
    """A text with many functions where it says `$FILL`."""
    out, count = [], 0
    for line in text.split("\n"):
        if line.strip() == "$FILL":
            indent = line[: len(line) - len(line.lstrip())]
            body = filler(path, count, FUNCTIONS).split("\n")
            out += [f"{indent}{row}" if row else "" for row in body]
            count += FUNCTIONS
        else:
            out.append(line)
    return "\n".join(out)


def filler(path: str, first: int, count: int) -> str:
    ending = Path(path).suffix
    form = FILLERS.get(LIKE.get(ending, ending), "line {n}\n")
    return "\n".join(form.format(n=n) for n in range(first, first + count))


def numbered(log: str, files: Mapping[str, str]) -> str:
    """A log with the numbers of the lines that it names."""

    def number(match: re.Match[str]) -> str:
        lines = files[match.group(1)].split("\n")
        return str(next(n for n, line in enumerate(lines, 1) if match.group(2) in line))

    return re.sub(r"\{\{([^|}]+)\|([^}]+)\}\}", number, log)


def decoys(count: int) -> dict[str, str]:
    """Other files of a repository, in many languages."""
    endings = sorted(FILLERS)
    names = ("helpers", "index", "types", "cart", "main", "queue", "reader", "store")
    return {
        f"area_{n % 17}/part_{n % 5}/{names[n % len(names)]}_{n}{ending}": filler(f"x{ending}", n, 3)
        for n in range(count)
        for ending in [endings[n % len(endings)]]
    }


def labelled(folder: Path, logs: Path, noise: int, budget: int) -> None:
    """The logs whose labels name files, or tests whose files are told by their names."""
    every: list[float] = []
    some: list[bool] = []
    for line in (logs / "labels.jsonl").read_text().splitlines():
        row = json.loads(line)
        wanted = list(dict.fromkeys(label_files(row)))
        if not wanted:
            continue
        told = diagnose(logs / row["log"])
        files = {p: filler(p, 0, 1 + 5000 // len(wanted)) for p in wanted}
        files |= {f"elsewhere/{p.rpartition('/')[2]}": filler(p, 0, 50) for p in wanted}
        git, commit = repository(folder / f"log-{len(some)}", {**decoys(noise), **files})
        found = shown(gather(git, commit, told, budget=budget, redact=Redactor()))
        every.append(sum(p in found for p in wanted) / len(wanted))
        some.append(any(p in found for p in wanted))
        if every[-1] < 1:
            print(f"missed of {row['id']}: {', '.join(p for p in wanted if p not in found)}")
    print(
        f"labelled logs: {len(some)}; any file inside {statistics.mean(some):.2f}, share of files {statistics.mean(every):.2f}"
    )


def label_files(row: Mapping[str, Any]) -> Iterator[str]:
    yield from row.get("relevant_files") or ()
    for test in row.get("failing_tests", ())[:3] if row["source"] == "bugswarm" else ():
        if match := CLASS.search(test):
            yield f"src/test/java/{match.group(1).replace('.', '/')}.java"
        elif match := MODULE.match(test):
            yield f"{match.group(1).replace('.', '/')}.py"


def timed(folder: Path, files: int, budget: int) -> None:
    """A failing test in a large repository, from the diagnosis to the text, in this process."""
    tree = {}
    for n in range(files // 2):
        tree[f"shop/group_{n % 500}/part_{n}.py"] = filler("x.py", n, 10)
        tree[f"tests/group_{n % 500}/test_part_{n}.py"] = (
            f"from shop.group_{n % 500}.part_{n} import filler_{n}\n\n\ndef test_{n}():\n    assert filler_{n}(1) == {n}\n"
        )
    git, commit = repository(folder / "large", tree)
    test = "tests/group_7/test_part_7.py"
    told = Diagnosis(
        category=Category.TEST_ASSERTION,
        error="E       assert 28 == 7",
        error_line=1,
        command="pytest",
        locations=(Location(file=test, line=5),),
        failing_tests=(f"{test}::test_7",),
        fingerprint="0",
        confidence=1,
    )
    titled = told.changed(locations=(), failing_tests=("shop fails when nothing names the file",))
    missing = told.changed(error="NameError: name 'filler_20007' is not defined", category=Category.COMPILE_ERROR)
    for name, diagnosis in (("a test that is named", told), ("a title that is searched", titled), ("a name", missing)):
        rows = [once(git, commit, diagnosis, budget) for _ in range(7)]
        passed, worked = (statistics.median(row[n] for row in rows) for n in (0, 1))
        print(f"{files} files, {name}: {passed:.2f} s, at work {worked:.2f} s")


def once(git: GitPlumbing, commit: str, diagnosis: Diagnosis, budget: int) -> tuple[float, float]:
    """The seconds that pass, and those that the processors work, git's included."""
    start, before = time.perf_counter(), os.times()
    gather(git, commit, diagnosis, budget=budget, redact=Redactor())
    return time.perf_counter() - start, sum(os.times()[:4]) - sum(before[:4])


def repository(folder: Path, files: Mapping[str, str]) -> tuple[GitPlumbing, str]:
    """A bare repository with one commit of these files."""
    folder.mkdir()
    git = GitPlumbing(folder)
    git.run("init", "-q", "--bare", "--initial-branch=main", str(folder))
    out = [b"commit refs/heads/main\ncommitter B <b@example.org> 1700000000 +0000\ndata 1\nx\n"]
    for path, text in files.items():
        content = text.encode()
        out.append(b"M 644 inline %s\ndata %d\n%s\n" % (path.encode(), len(content), content))
    git.run("fast-import", "--quiet", stdin=b"".join(out))
    return git, git.run("rev-parse", "refs/heads/main").decode().strip()


if __name__ == "__main__":
    sys.exit(main())
