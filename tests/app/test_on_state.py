"""The user's command is told of every change of state, once."""

import logging
import math
import shutil
import time
from collections.abc import Callable
from itertools import groupby, pairwise
from pathlib import Path

import pytest

from latticewatch.app.run.state_command import state_command
from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.series import Progress, Row
from latticewatch.processing.flow.verdict import State, Verdict
from latticewatch.processing.record.run_file.reader import read_run
from tests.app.conftest import Said
from tests.reaction.runs import fit_of

Command = Callable[..., Said]


def watched(latticewatch: Command, scan: Path, tmp_path: Path, command: str, *, named: bool = True) -> Said:
    """Watch a copy of the scan with this on_state, its experiment.toml named or found."""
    copy = Path(shutil.copytree(scan, tmp_path / "copy"))
    with (copy / "experiment.toml").open("a") as file:
        file.write(f"\n[alarm]\non_state = {command}\n")
    named = ("--experiment", copy / "experiment.toml") if named else ()
    return latticewatch("watch", copy, "--headless", "--frames", 12, *named)


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


def test_a_command_of_a_file_that_was_found_is_not_run(
    latticewatch: Command, scan: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ran = tmp_path / "ran"
    said = watched(latticewatch, scan, tmp_path, f'["touch", "{ran}"]', named=False)
    assert said.status == 0
    assert not ran.exists()
    assert "on_state is not run" in caplog.text
    assert "--experiment" in caplog.text


def test_the_command_is_said_before_the_first_frame_and_writes_to_standard_error(
    latticewatch: Command, scan: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    said = watched(latticewatch, scan, tmp_path, '["echo", "heard"]')
    lines = [record.getMessage() for record in caplog.records]
    assert lines.index("run when the state changes: echo heard") < next(
        n for n, line in enumerate(lines) if "reacting" in line
    )
    assert "heard" not in said.out
    assert "heard waiting" in said.err


def told(
    command: Callable[[Callable[[Row], None]], None],
    tmp_path: Path,
    progress: Callable[[], Progress] = Progress,
    resumed: int = 0,
) -> list[str]:
    """What the user's command was told while ``command`` was called with what tells it of rows."""
    heard, script = tmp_path / "heard", tmp_path / "hear"
    script.write_text(f'#!/bin/sh\necho "$1: $2" >> {heard}\n')
    script.chmod(0o755)
    with state_command([str(script)], progress, resumed) as tell:
        command(tell)
    return sorted(heard.read_text().splitlines()) if heard.exists() else []


def row_of(number: int, period_s: float, fit: Fit | NoResult, state: State = State.REACTING) -> Row:
    """One row of a run."""
    return Row(number, f"{number}.cbf", number * period_s, math.nan, None, fit, Verdict(state, why="It moves."))


def test_five_refused_fits_are_told_once(tmp_path: Path) -> None:
    def run(tell: Callable[[Row], None]) -> None:
        for number in range(9):
            tell(row_of(number, 1e3, NoResult("fit refused: lost")))

    assert told(run, tmp_path) == ["fits failing: fit refused: lost", "reacting: It moves."]


def test_a_silent_detector_is_told_once_and_again_after_it_spoke(tmp_path: Path) -> None:
    heard = tmp_path / "heard"

    def silences() -> int:
        return heard.read_text().count("silent") if heard.exists() else 0

    def run(tell: Callable[[Row], None]) -> None:
        for number in range(3):
            tell(row_of(number, 0.01, fit_of(5.9)))
        wait_for(lambda: silences() == 1)
        tell(row_of(3, 0.01, fit_of(5.9)))
        wait_for(lambda: silences() == 2)

    said = told(run, tmp_path)
    assert said[:2] == ["detector silent: No frame for more than 2 s."] * 2
    assert said[2:] == ["reacting: It moves."]


def test_a_folder_that_is_gone_is_told_as_such(tmp_path: Path) -> None:
    heard = tmp_path / "heard"

    def run(tell: Callable[[Row], None]) -> None:
        tell(row_of(0, 2.5, fit_of(5.9)))
        wait_for(lambda: heard.exists() and "gone" in heard.read_text())

    said = told(run, tmp_path, lambda: Progress(found=1, gone_since_s=1.7e9))
    assert said == ["folder gone: The folder cannot be listed.", "reacting: It moves."]


def test_what_was_told_before_a_run_was_resumed_is_not_told_again(tmp_path: Path) -> None:
    states = [State.REACTING, State.PAUSED, State.PAUSED, State.REACTING]

    def run(tell: Callable[[Row], None]) -> None:
        for number, state in enumerate(states):
            tell(row_of(number, 1e3, fit_of(5.9), state))

    assert told(run, tmp_path, resumed=3) == ["reacting: It moves."]
    (tmp_path / "heard").unlink()
    assert told(run, tmp_path, resumed=4) == []


def test_a_command_that_is_not_there_stops_nothing(
    latticewatch: Command, scan: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    said = watched(latticewatch, scan, tmp_path, '["/no/such/command"]')
    assert said.status == 0
    assert "on_state command /no/such/command cannot be started" in caplog.text


def test_a_command_that_cannot_be_is_said_and_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with state_command(["no\0command"], Progress) as tell:
        tell(row_of(0, 1.0, fit_of(5.9)))
    assert "on_state command no%00command cannot be started: embedded null byte" in caplog.text


def test_a_thread_that_fails_is_said_and_the_rows_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def progress() -> Progress:
        raise RuntimeError("nobody expected this")

    def run(tell: Callable[[Row], None]) -> None:
        wait_for(lambda: "nobody expected this" in caplog.text)
        tell(row_of(0, 1.0, fit_of(5.9)))

    assert told(run, tmp_path, progress) == ["reacting: It moves."]
    assert "are no longer told to the on_state command" in caplog.text
