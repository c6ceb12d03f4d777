"""Calls that fail in turn while a run is recorded, closed, opened, resumed, exported; all of them on demand."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.operations import OPERATIONS

CHECKOUT = Path(__file__).parents[2]
LONG = bool(os.environ.get("LATTICEWATCH_LONG"))
RECORDED = ("record", "close", "fill", "note", "change", "change with a fallback", "fallback", "record with a fallback")
TOGETHER = (
    [(name,) for name in OPERATIONS] if LONG else [RECORDED, tuple(name for name in OPERATIONS if name not in RECORDED)]
)


@pytest.mark.parametrize("operations", TOGETHER, ids=[names[0] for names in TOGETHER])
def test_no_call_that_fails_ends_in_a_crash_a_lost_row_or_silence(operations: tuple[str, ...]) -> None:
    """Each call of the operation in turn; in short the first from each place of the program, in several at once."""
    how = [] if LONG else ["--places"]
    command = [sys.executable, "-m", "tests.faults.injection", *operations, *how, "--json"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name, found in json.loads(done.stdout).items():
        assert found["points"] >= 2, name
        assert found["wrong"] == []
        assert (found["crashes"], found["lost"], found["silent"]) == (0, 0, 0)


def test_the_harness_sees_what_it_is_for() -> None:
    """Faults of its own making: a crash, a lost row, a silent end."""
    program = """
import os, signal
from tests.faults import injection
from tests.faults.injection import every, tally
from tests.faults.operations import OPERATIONS, Operation, closed

def crash(place):
    place.arm()
    try:
        open(place.folder / "out" / "x", "wb").close()
    except OSError:
        os.kill(os.getpid(), signal.SIGSEGV)

def lose(place):
    place.arm()
    try:
        open(place.folder / "out" / "x", "wb").close()
    except OSError:
        place.run.unlink()

def hush(place):
    place.arm()
    try:
        open(place.folder / "out" / "x", "wb").write(b"x")
    except OSError:
        pass

def written(folder):
    path = folder / "out" / "x"
    return path.exists() and path.read_bytes() == b"x"

for work, done in ((crash, lambda folder: True), (lose, lambda folder: True), (hush, written)):
    OPERATIONS["own"] = Operation(closed, work, done)
    found = tally("own", ["open"], every(1))
    print(found.points, found.crashes, found.lost, found.silent, flush=True)  # children have a copy of what is kept
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["2 2 0 0", "2 0 2 0", "2 0 0 2"], done.stderr
