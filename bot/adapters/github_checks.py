"""Check runs: one for each name, external id and commit, with annotations in batches."""

from typing import Any

from bot.adapters.github_values import MOST_TITLE, annotations
from bot.adapters.github_wire import Rest
from bot.github import Check
from bot.text.cut import cut

BATCH = 50  # GitHub's
MOST_ANNOTATIONS = 200
MOST_SUMMARY = 65_535


class Checks:
    """Those of one repository, at its path."""

    def __init__(self, rest: Rest, path: str) -> None:
        self._rest = rest
        self._path = path
        self._known: dict[tuple[str, str, str], int] = {}

    def put(self, check: Check) -> int:
        """Make it or change it; its id. GitHub adds annotations to those that are there, so only new ones are sent."""
        key = (check.name, check.external_id, check.head_sha)
        wanted = annotations(check, MOST_ANNOTATIONS)
        found = self._find(check) if key not in self._known or wanted else {"id": self._known[key]}
        if found is None:
            found = self._rest.once(lambda: self._find(check), lambda: self._make(check, wanted[:BATCH]))
            there = self._annotated(found)
        else:
            there = self._annotated(found)
            found = self._change(check, found["id"], there, wanted)
            there = self._annotated(found)
        number: int = found["id"]
        while there < len(wanted) and (more := self._annotated(self._change(check, number, there, wanted))) > there:
            there = more
        self._known[key] = number
        return number

    def _find(self, check: Check) -> dict[str, Any] | None:
        path = f"{self._path}/commits/{check.head_sha}/check-runs"
        runs = self._rest.pages(path, "check_runs", check_name=check.name, filter="all")
        return next((run for run in runs if run["external_id"] == check.external_id), None)

    def _make(self, check: Check, batch: list[dict[str, Any]]) -> dict[str, Any]:
        body = {"head_sha": check.head_sha, **_body(check, batch)}
        made: dict[str, Any] = self._rest.write("POST", f"{self._path}/check-runs", body)
        return made

    def _change(self, check: Check, number: int, there: int, wanted: list[dict[str, Any]]) -> dict[str, Any]:
        path = f"{self._path}/check-runs/{number}"
        batch = wanted[there : there + BATCH]

        def changed() -> dict[str, Any] | None:
            now: dict[str, Any] = self._rest.get(path)
            return now if batch and self._annotated(now) > there else None

        def change() -> dict[str, Any]:
            told: dict[str, Any] = self._rest.write("PATCH", path, _body(check, batch))
            return told

        return self._rest.once(changed, change)

    def _annotated(self, run: dict[str, Any]) -> int:
        count: int = run.get("output", {}).get("annotations_count") or 0
        return count


def _body(check: Check, batch: list[dict[str, Any]]) -> dict[str, Any]:
    left = len(check.annotations) - MOST_ANNOTATIONS
    more = f"\n\n{left} more annotations are not shown." if left > 0 else ""
    output: dict[str, Any] = {
        "title": check.title[:MOST_TITLE],
        "summary": cut(check.summary, MOST_SUMMARY - len(more)) + more,
        **({"annotations": batch} if batch else {}),
    }
    body = {"name": check.name, "external_id": check.external_id, "status": check.status, "output": output}
    return body | ({"conclusion": check.conclusion} if check.conclusion else {})
