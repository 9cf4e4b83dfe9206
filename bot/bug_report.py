"""What a bug leaves behind for people to send."""

import sys
import time
import traceback
from pathlib import Path

import platformdirs

from bot import __version__


def write_bug_report(error: BaseException) -> Path:
    """Write what a bug report needs to a file of its own; where that is."""
    folder = platformdirs.user_state_path("regreen") / "bugs"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{time.strftime('%Y%m%dT%H%M%S')}.txt"
    lines = [
        f"regreen {__version__}, Python {sys.version}",
        f"arguments: {sys.argv[1:2]}",
        *traceback.format_exception(error),
    ]
    path.write_text("\n".join(lines))
    return path
