"""In which order the parts of a run are worked on: first what others wait for, and of that what most jobs wait for.

Most of what waits for a red job never ran, and is no part: it begins once that job is green. But jobs run behind a red
one, too (`if: always()`), and may be red since it is.
"""

from collections.abc import Collection, Iterator, Mapping
from graphlib import TopologicalSorter

Needs = Mapping[str, Collection[str]]
"""The jobs that each job needs."""


def groups(parts: Needs, needs: Needs) -> Iterator[tuple[str, ...]]:
    """The names of the parts, group by group: a part comes behind those without which it may not be red at all.

    `parts` has the jobs that each part is red in. It waits for another part if each of these jobs needs, perhaps by way
    of others, a job of that part. In a group those come first which the longest path of jobs waits for.
    """
    behind, longest = _all_needs(needs), _longest(needs)
    waits = {part: [p for p in parts if p != part and _waits(parts[part], parts[p], behind)] for part in parts}
    sorter = TopologicalSorter(waits)
    sorter.prepare()
    while sorter.is_active():
        ready = sorter.get_ready()
        yield tuple(
            sorted(ready, key=lambda part: (-max(longest.get(j, 0) for j in parts[part]), [*parts].index(part)))
        )
        sorter.done(*ready)


def waiting(job: str, needs: Needs) -> tuple[str, ...]:
    """The jobs that need a job, also by way of others."""
    behind = _all_needs(needs)
    return tuple(other for other in needs if job in behind[other])


def _waits(jobs: Collection[str], others: Collection[str], behind: Needs) -> bool:
    return all(set(others) & set(behind.get(job, ())) for job in jobs)


def _all_needs(needs: Needs) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for job in TopologicalSorter(needs).static_order():
        own = needs.get(job, ())
        found[job] = set(own).union(*(found[n] for n in own))
    return found


def _longest(needs: Needs) -> dict[str, int]:
    """How many jobs, one after the other, wait for each job."""
    found: dict[str, int] = {}
    for job in reversed([*TopologicalSorter(needs).static_order()]):
        found.setdefault(job, 0)
        for other in needs.get(job, ()):
            found[other] = max(found.get(other, 0), found[job] + 1)
    return found
