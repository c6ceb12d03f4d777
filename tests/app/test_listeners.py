"""Whoever listens to a run can go away, or never have been there: everything is recorded all the same."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from latticewatch.app.run.decisions import decide
from latticewatch.app.run.given import Given
from latticewatch.app.run.open_session import run_session
from latticewatch.app.run.request import Request
from latticewatch.processing.flow.series import Row
from latticewatch.processing.record.run_file.reader import read_run

COMMAND = f"{sys.executable} -m latticewatch.app"


def recorded(shell: str, tmp_path: Path, **environment: str) -> tuple[subprocess.CompletedProcess[str], int]:
    """What became of this shell command, and how many rows run.h5 holds."""
    names = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), **environment}
    names.pop("PYTHONUNBUFFERED", None)  # what is kept back and cannot be written at the end must do no harm either
    ended = subprocess.run(
        ["bash", "-o", "pipefail", "-c", shell.replace("latticewatch", COMMAND)],
        cwd=tmp_path,
        env=names,
        capture_output=True,
        text=True,
    )
    with read_run(tmp_path / "run.h5") as run:
        return ended, len(run.traced)


@pytest.mark.parametrize("listener", ["| head -n 1", ">&-", "> /dev/full", "2>&-", "2> /dev/full", "> /dev/full 2>&1"])
def test_a_listener_that_goes_away_stops_nothing(listener: str, scan: Path, tmp_path: Path) -> None:
    watch = f"latticewatch watch {scan} --headless --frames 12 --json --out run.h5 {listener}"
    ended, rows = recorded(watch, tmp_path)
    assert rows == 12
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    if listener == "> /dev/full":
        assert ended.stderr.count("standard output can no longer be written") == 1


@pytest.mark.parametrize(
    "names",
    [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}],
    ids=["ascii", "no UTF-8 mode"],
)
def test_an_output_without_our_letters_stops_nothing(scan: Path, tmp_path: Path, names: dict[str, str]) -> None:
    process = f"latticewatch process {scan} --out run.h5"
    ended, rows = recorded(process, tmp_path, **names)
    assert rows == 12
    assert ended.returncode == 0, ended.stderr
    assert "\\xb1" in ended.stdout


def test_what_others_wrote_and_nobody_takes_is_no_failure(tmp_path: Path) -> None:
    program = (
        "import sys; from latticewatch.app import main; main.run = lambda _: sys.stderr.write('x') - 1; main.main()"
    )
    shell = f'{sys.executable} -c "{program}" 2> /dev/full'
    names = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}
    names.pop("PYTHONUNBUFFERED", None)
    assert subprocess.run(["bash", "-c", shell], cwd=tmp_path, env=names, capture_output=True).returncode == 0


def test_a_listener_that_fails_is_said_once_and_all_is_recorded(
    scan: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[int] = []

    def fails(row: Row) -> None:
        raise RuntimeError(f"nobody expected {row.name}")

    plan = decide(Request(scan, Given(), out=tmp_path / "run.h5"))
    run_session(plan, threading.Event(), lambda _: None, fails, lambda row: heard.append(row.index))
    with read_run(tmp_path / "run.h5") as run:
        assert len(run.traced) == 12
    assert heard == list(range(12))
    assert caplog.text.count("has failed, and is told no more") == 1
