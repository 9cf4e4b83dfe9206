"""Benchmarks are run on demand only: here the one that puts most of Regreen together, so that it cannot rot unseen."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_what_a_question_takes_is_measured() -> None:
    words = [sys.executable, "-m", "benchmarks.latency", "--files", "20", "--megabytes", "1"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "from the last byte to a candidate" in done.stdout, done.stderr
    assert "Traceback" not in done.stderr
