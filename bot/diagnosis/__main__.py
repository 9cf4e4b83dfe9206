"""`python -m bot.diagnosis --log FILE [--max-tokens N]`: the diagnosis of one log as JSON, for development."""

import argparse
import json
import sys
from pathlib import Path

from bot.diagnosis import diagnose
from bot.errors import RegreenError


def main() -> int:
    """Print the diagnosis as JSON; return the exit code."""
    parser = argparse.ArgumentParser(prog="bot.diagnosis")
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--max-tokens", type=int, default=2000)
    parser.add_argument("--json", action="store_true", help="is the only form")
    args = parser.parse_args()
    try:
        found = diagnose(args.log, max_tokens=args.max_tokens)
    except RegreenError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stdout.write(f"{json.dumps(found.as_json())}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
