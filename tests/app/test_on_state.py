"""The user's command is told of every change of state, once."""

import logging
import shutil
import time
from collections.abc import Callable
from itertools import groupby, pairwise
from pathlib import Path

import pytest

from latticewatch.processing.record.run_file import read_run
from tests.app.conftest import Said

Command = Callable[..., Said]


def watched(latticewatch: Command, scan: Path, tmp_path: Path, command: str) -> Said:
    """Watch a copy of the scan with this on_state."""
    copy = Path(shutil.copytree(scan, tmp_path / "copy"))
    with (copy / "experiment.toml").open("a") as file:
        file.write(f"\n[alarm]\non_state = {command}\n")
    return latticewatch("watch", copy, "--headless", "--frames", 12)


def changes(run: Path) -> int:
    """How often the state of a run changed, its first state included."""
    with read_run(run) as recorded:
        return len(list(groupby(row.verdict.state for row in recorded.traced)))


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait for what another process does; fails after 30 s."""
    deadline = time.monotonic() + 30.0
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_each_change_once(latticewatch: Command, scan: Path, tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    script = tmp_path / "hear"
    script.write_text(f'#!/bin/sh\necho "$2" >> {heard}\n')
    script.chmod(0o755)
    said = watched(latticewatch, scan, tmp_path, f'["{script}", "said"]')
    assert said.status == 0
    wait_for(lambda: heard.exists() and len(heard.read_text().split()) >= changes(tmp_path / "copy.h5"))
    states = heard.read_text().split()
    assert states[0] == "waiting"
    assert all(first != second for first, second in pairwise(states))


def test_a_command_that_is_not_there_stops_nothing(
    latticewatch: Command, scan: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    said = watched(latticewatch, scan, tmp_path, '["/no/such/command"]')
    assert said.status == 0
    assert "on_state command /no/such/command cannot be started" in caplog.text
