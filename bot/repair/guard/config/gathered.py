"""What the changed configuration files of a candidate say, gathered by folder, tool and key."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.repair.guard.change import Change
from bot.repair.guard.config.files import settings_of
from bot.repair.guard.config.readers import Setting
from bot.repair.guard.floors import Floors

SUCCESSORS = {  # tools whose work another one does, with what it must be told to do for that
    "black": ("ruff", "ruff-format", ""),
    "isort": ("ruff", "ruff-check", "I"),
    "flake8": ("ruff", "ruff-check", ""),
    "pycodestyle": ("ruff", "ruff-check", ""),
    "pydocstyle": ("ruff", "ruff-check", "D"),
    "pyupgrade": ("ruff", "ruff-check", "UP"),
    "autoflake": ("ruff", "ruff-check", ""),
    "bandit": ("ruff", "ruff-check", "S"),
    "prettier": ("biome", "biome-check", ""),
    "eslint": ("biome", "biome-check", ""),
}
SELECTS = frozenset({"select", "extend-select"})


@dataclass(slots=True)
class Values:
    """The values of one setting of one tool on both sides."""

    old: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    path: str = ""
    line: int = 1


@dataclass(slots=True)
class Tools:
    """Everything that the changed files of a candidate say about checkers: by folder, tool and key."""

    floors: Floors = ()
    """Versions that the candidate supports no more."""
    restyled: bool = False
    """Code was laid out anew."""
    values: dict[tuple[str, str, str], Values] = field(default_factory=dict)

    def take(self, change: Change, tool: str, found: Sequence[Setting], *, new: bool) -> None:
        """Add the settings of one side of a file."""
        folder = change.path.rpartition("/")[0]
        for name, setting in settings_of(tool, list(found)):
            slot = self.values.setdefault((folder, name, setting.key), Values(path=change.path))
            (slot.new if new else slot.old).append(setting.value)
            if new:
                slot.path = change.path
                slot.line = setting.line or change.find(setting.key.rpartition(".")[2])

    def selects(self, tool: str) -> set[str]:
        """The rules that a tool is told to check now."""
        rows = (values.new for (_, name, key), values in self.values.items() if name == tool and key in SELECTS)
        return {code for new in rows for code in split(new)}

    def succeeded(self, tool: str) -> bool:
        """Whether another tool does the work of one that is gone, and came with this change."""
        heir, _, wanted = SUCCESSORS.get(tool, ("", "", ""))
        gone = not any(values.new for (_, name, _), values in self.values.items() if name == tool)
        came = any(values.new for (_, name, _), values in self.values.items() if name == heir)
        return gone and came and not self.had(heir) and self._selects_all(heir, wanted)

    def hooked(self, folder: str, hook: str) -> bool:
        """Whether another hook of pre-commit does the work of one that is gone."""
        name = hook.partition("-")[0]
        heir, wanted_hook, wanted = SUCCESSORS.get(name, ("", "", ""))
        ids = self.values.get((folder, "pre-commit", f"repos.hooks[{wanted_hook}].id"))
        return ids is not None and bool(ids.new) and self._selects_all(heir, wanted)

    def _selects_all(self, heir: str, wanted: str) -> bool:
        return not wanted or wanted in self.selects(heir)

    def had(self, tool: str) -> bool:
        """Whether the tool was configured at all before."""
        return any(values.old for (_, name, _), values in self.values.items() if name == tool)


def split(values: Sequence[str]) -> Counter[str]:
    """The members of lists, which may be written in one value each or all in one."""
    parts = (p.strip() for v in values for p in v.replace("\n", ",").split(","))
    return Counter(p for p in parts if p and p not in {"[]", "{}"})


def is_true(values: Sequence[str]) -> bool | None:
    """The truth of the last value; None when there is none."""
    return (
        values[-1].strip().lower() not in {"false", "0", "no", "off", "none", "null", "", "[]", "{}"}
        if values
        else None
    )
