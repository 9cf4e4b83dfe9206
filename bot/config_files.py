"""Where the data files of `config/` stand: beside `bot/` in a checkout, inside it in an installed wheel."""

from pathlib import Path

from bot.errors import MachineError

_PACKAGE = Path(__file__).resolve().parent


def config_root() -> Path:
    """Return the folder that holds defaults.yaml, signatures/, prompts/ and the rest.

    Raises `MachineError` when neither place has it (a broken installation).
    """
    for folder in (_PACKAGE / "config", _PACKAGE.parent / "config"):
        if folder.is_dir():
            return folder
    raise MachineError("the configuration files of regreen are missing", hint="install it again")
