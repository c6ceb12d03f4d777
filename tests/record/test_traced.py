"""Writes that kill or find no space, injected into the system calls themselves."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.app.conftest import scan as scan
from tests.record.traced import can_trace

CHECKOUT = Path(__file__).parents[2]
STEP = 1 if os.environ.get("LATTICEWATCH_LONG") else 75

pytestmark = pytest.mark.skipif(not can_trace(), reason="needs strace and the right to trace")


def counts(folder: Path, *options: object) -> dict[str, object]:
    command = [sys.executable, "-m", "tests.record.traced", str(folder), *map(str, options)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=7200, check=True)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def bad(found: dict[str, object]) -> dict[str, object]:
    """What went wrong, and that no write was met where none was."""
    wrong = {key: found[key] for key in ("lost", "unopened", "crashed", "loud", "resumed_wrong") if found[key]}
    return wrong if found["hit"] else {**wrong, "hit": 0}


def test_kills_at_consecutive_writes(tmp_path: Path) -> None:
    assert bad(counts(tmp_path, "--kills", 300, "--step", STEP)) == {}


def test_no_space_at_each_write_in_turn(tmp_path: Path) -> None:
    assert bad(counts(tmp_path, "--full", 200, "--step", STEP)) == {}


def test_no_space_at_each_write_of_the_whole_command_in_turn(tmp_path: Path, scan: Path) -> None:
    assert bad(counts(tmp_path, "--full", 200, "--step", STEP, "--first", 30, "--command", scan)) == {}
