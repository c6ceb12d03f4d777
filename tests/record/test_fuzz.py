"""Spoilt run files and journals."""

import json
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]


def test_spoilt_files_are_read_or_refused_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.record.fuzz_loop", str(tmp_path), "--files", "100", "--seed", "5"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=280, check=True)
    endings = json.loads(done.stdout)
    assert set(endings) == {"read", "refused"}, done.stderr[-3000:]
    assert min(endings.values()) > 10
