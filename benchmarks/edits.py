"""What comes of models' answers as models really spoil them: `python -m benchmarks.edits [--blind] [--kinds] [--list]`.

Applies every case of the corpus (tests/repair/edit_cases.py) and prints, for each level, how many blocks were applied
at it, and how many answers were applied rightly, refused (where that is right or allowed) and applied wrongly. `missed`:
what had to be applied was refused, or a refusal does not say what it must. `--blind`: only the cases that were written
before the code; `--kinds`: a row for each kind of answer; `--list`: every case that is wrong or missed. Ends with 1 when
one is.
"""

import argparse
import time
from collections import Counter, defaultdict

from tests.repair.edit_cases import Outcome, corpus, outcome

RESULTS = ("right", "refused", "missed", "wrong")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--blind", "--kinds", "--list"):
        parser.add_argument(name, action="store_true")
    asked = parser.parse_args()
    cases = [case for case in corpus() if case.blind or not asked.blind]
    started = time.perf_counter()
    told = [(case, outcome(case)) for case in cases]
    seconds = time.perf_counter() - started
    levels: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for _, found in told:
        for level in found.levels:
            levels[level][found.result] += 1
    print(f"{'level':15}" + "".join(f"{name:>9}" for name in RESULTS) + "   (blocks)")
    for level, counts in levels.items():
        print(f"{level:15}" + "".join(f"{counts[name]:9}" for name in RESULTS))
    if asked.kinds:
        print_kinds([(case.kind, found) for case, found in told])
    if asked.list:
        for case, found in told:
            if found.result in RESULTS[2:]:
                print(f"{found.result}: {case.name} {found.levels}\n    {found.detail}")
    counts = Counter(found.result for _, found in told)
    print(
        f"{len(cases)} answers with {sum(c.blocks for c in cases)} blocks in {seconds:.1f} s: "
        + ", ".join(f"{counts[r]} {r}" for r in RESULTS)
    )
    return int(counts["missed"] + counts["wrong"] > 0)


def print_kinds(told: list[tuple[str, Outcome]]) -> None:
    kinds: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for kind, found in told:
        kinds[kind][found.result] += 1
    print(f"\n{'kind':20}" + "".join(f"{name:>9}" for name in RESULTS) + "   (answers)")
    for kind, counts in kinds.items():
        print(f"{kind:20}" + "".join(f"{counts[name]:9}" for name in RESULTS))


if __name__ == "__main__":
    raise SystemExit(main())
