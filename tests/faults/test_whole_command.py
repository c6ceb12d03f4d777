"""The command as a process, under faults, bursts and kills, against an undisturbed run; long on demand."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.bench import QUEUE

CHECKOUT = Path(__file__).parents[2]
LONG = bool(os.environ.get("LATTICEWATCH_LONG"))
SCANS = ("--seeds", 20, "--frames", 700) if LONG else ("--every", "--frames", 92)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where scans are played; the undisturbed one is made once."""
    return tmp_path_factory.mktemp("bench")


def bench(folder: Path, *options: object) -> dict[str, object]:
    """The bench's last line: ``fine`` where nothing was lost, invented, counted twice or different."""
    command = [sys.executable, "-m", "tests.faults.bench", str(folder), *map(str, options)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=20_000, check=False)
    lines = done.stdout.splitlines()
    assert lines, done.stderr
    found: dict[str, object] = json.loads(lines[-1])
    return found


def test_every_frame_is_recorded_or_a_gap_and_no_number_differs(folder: Path) -> None:
    found = bench(folder, *SCANS)
    assert found["fine"], found
    assert found["kinds"] >= 40
    assert found["filled"]


def test_the_same_with_file_system_events_switched_off(folder: Path) -> None:
    found = bench(folder, *SCANS, "--events", "off")
    assert found["fine"], found


@pytest.mark.skipif(not LONG, reason="on demand")
def test_the_same_with_an_inotify_queue_of_64(folder: Path) -> None:
    if not os.access(QUEUE, os.W_OK):
        pytest.skip("the length of the kernel's queue can only be set by root")
    found = bench(folder, "--seeds", 5, "--frames", 700, "--queue", 64)
    assert found["fine"], found


def test_a_burst_is_recorded_whole(folder: Path) -> None:
    found = bench(folder, "--frames", SCANS[-1], "--burst", 5000 if LONG else 200)
    assert found["fine"], found


def test_a_run_that_was_killed_again_and_again_is_that_of_an_undisturbed_one(folder: Path) -> None:
    found = bench(folder, "--frames", SCANS[-1], "--kills", 50 if LONG else 2)
    assert found["fine"], found
