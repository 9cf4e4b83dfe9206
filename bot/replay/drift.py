"""Did only the date break a commit that was green, and which release of a dependency was it?"""

from collections.abc import Callable
from datetime import datetime

from bot.model import Drift, DriftReport, ReplayResult, Result
from bot.ports import Release
from bot.replay.replays import Replays

OpenReplays = Callable[[datetime], Replays]
"""What replays the commit with the packages of a moment."""


def find_drift(open_replays: OpenReplays, then: datetime, now: datetime) -> tuple[DriftReport, ReplayResult | None]:
    """Replay as of then and as of now; where only the date decides, halve the releases between.

    Takes at most log2(n) + 2 replays (rounded up), n being the number of moments between at which something was
    released. Returns the report, and the replay as of now where that was made.
    """
    before = _replay(open_replays, then)[0]
    report = DriftReport(told=_not_then(before, then), result_then=before.result, replays=1)
    if before.result is not Result.SUCCESS:
        return report, None
    after, releases = _replay(open_replays, now)
    report = report.changed(result_now=after.result, replays=2, notes=after.notes)
    if after.result is not Result.FAILURE:
        green = after.result is Result.SUCCESS
        told = "it is green as of now, too: no release broke it" if green else f"as of now: {after.reason}"
        return report.changed(told=told), after
    return _halved(open_replays, report, [r for r in releases if then < r.released <= now]), after


def _halved(open_replays: OpenReplays, report: DriftReport, releases: list[Release]) -> DriftReport:
    moments = sorted({r.released for r in releases})
    good, bad, count = -1, len(moments) - 1, report.replays
    while bad - good > 1:
        middle, count = (good + bad) // 2, count + 1
        result = _replay(open_replays, moments[middle])[0]
        if result.result is Result.UNREPLAYABLE:
            told = f"the date decides, but as of {moments[middle]:%Y-%m-%d} nothing is known: {result.reason}"
            return report.changed(told=told, replays=count)
        good, bad = (good, middle) if result.result is Result.FAILURE else (middle, bad)
    named = [r for r in releases if r.released == moments[bad]]
    drifts = tuple(
        Drift(package=r.package, version=r.version, released=r.released, newest=_is_newest(r, releases)) for r in named
    )
    return report.changed(told=_told(drifts), replays=count, drift=drifts)


def _is_newest(one: Release, releases: list[Release]) -> bool:
    return not any(r.package == one.package and r.released > one.released for r in releases)


def _replay(open_replays: OpenReplays, moment: datetime) -> tuple[ReplayResult, tuple[Release, ...]]:
    replays = open_replays(moment)
    try:
        return replays.run(replays.snapshot.commit)[0], replays.releases()
    finally:
        replays.close()


def _not_then(before: ReplayResult, then: datetime) -> str:
    if before.result is Result.UNREPLAYABLE:
        return f"as of {then:%Y-%m-%d}: {before.reason}"
    return f"it fails as of {then:%Y-%m-%d}, too: it is not the date that decides"


def _told(drifts: tuple[Drift, ...]) -> str:
    if not drifts:
        return "only the date decides, and no release of a package that travels is between: see the notes"
    names = " or ".join(f"{d.package} {d.version}" for d in drifts)
    return f"only the date decides: {names}, released {drifts[0].released:%Y-%m-%d %H:%M} UTC, broke it"
