"""What GitHub has switched off (`config/switched_off.yaml`): whether it was at the moment that is replayed."""

from collections.abc import Collection, Iterable
from datetime import datetime
from functools import cache
from typing import Any

from packaging.version import Version

from bot.config_files import config_root
from bot.ports import Toolchain
from bot.retired import is_over, version_that_is_off
from bot.yaml12 import load


def action_is_off(name: str, ref: str, as_of: datetime | None) -> str:
    """What GitHub says when it fails an action (`owner/name`) at that ref; empty where it does not.

    `as_of` is the moment, None is now.
    """
    row = _table()["actions"].get(name.lower(), {"off": {}})
    old = version_that_is_off(row, ref, as_of)
    if not old:
        return ""
    told = f"This request has been automatically failed because it uses a deprecated version of `{name}: {ref}`."
    return f"{told} {row.get('says', {}).get(old, '')}".strip()


def image_is_off(label: str, as_of: datetime | None) -> bool:
    """Whether a label of `runs-on` names an image that GitHub has removed; `as_of` None is now."""
    row = _table()["images"].get(label.lower())
    return bool(row) and is_over(row["off"], as_of)


def offered(toolchains: Collection[Toolchain], labels: Iterable[str], as_of: datetime | None) -> tuple[Toolchain, ...]:
    """The toolchains without the Pythons that setup-python does not find for the image that a job runs on.

    `as_of` is the moment; of others than now (None) that is not known, and all are offered.
    """
    oldest = next((old for label in labels if (old := _table()["pythons"].get(label))), None) if as_of is None else None
    too_old = {t for t in toolchains if oldest and t.kind == "python" and Version(t.version) < Version(oldest)}
    return tuple(t for t in toolchains if t not in too_old)


@cache
def _table() -> Any:
    return load((config_root() / "switched_off.yaml").read_bytes(), "switched_off.yaml")
