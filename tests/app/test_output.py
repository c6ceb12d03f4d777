"""What is written and not read: it is kept for whoever reads later, and nobody waits for it."""

import contextlib
import fcntl
import os
import pty
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from latticewatch.app import output
from latticewatch.app.output import PatientOutput
from latticewatch.processing.record.run_file.names import journal_path
from latticewatch.processing.record.run_file.reader import read_run

LINES = [f"line {number}\n".encode() for number in range(3000)]


@pytest.fixture
def small_pipe() -> Iterator[tuple[int, int]]:
    """One that is full after a page."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    yield reading, writing
    for number in (reading, writing):
        with contextlib.suppress(OSError):  # closed by the test
            os.close(number)


def write_all(patient: PatientOutput) -> None:
    for line in LINES:
        assert patient.write(line) == len(line)


def test_a_reader_that_reads_nothing_delays_nothing_and_gets_everything_later(small_pipe: tuple[int, int]) -> None:
    reading, writing = small_pipe
    patient = PatientOutput(writing, "standard output")
    write_all(patient)
    os.set_blocking(reading, False)
    found = b""
    while piece := os.read(reading, 1000):
        found += piece
        patient.write(b"")
        if found.endswith(LINES[-1]):
            break
    assert found == b"".join(LINES)
    assert os.get_blocking(writing)


def test_a_terminal_that_was_stopped_goes_on(capfd: pytest.CaptureFixture[str]) -> None:
    """Ctrl-S, and Ctrl-Q."""
    keyboard, terminal = pty.openpty()
    patient = PatientOutput(terminal, "standard output")
    termios.tcflow(terminal, termios.TCOOFF)
    write_all(patient)
    termios.tcflow(terminal, termios.TCOON)
    os.set_blocking(keyboard, False)
    found = b""
    while not found.endswith(LINES[-1].replace(b"\n", b"\r\n")):
        patient.write(b"")
        try:
            found += os.read(keyboard, 1000)
        except BlockingIOError:
            time.sleep(0.01)
    assert found.replace(b"\r\n", b"\n") == b"".join(LINES)
    os.close(keyboard)
    os.close(terminal)


def test_what_nobody_reads_is_given_up_and_said_once(
    small_pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(output, "MOST_KEPT", 1000)
    patient = PatientOutput(small_pipe[1], "standard output")
    write_all(patient)
    patient.finish()
    assert caplog.text.count("standard output can no longer be written (nobody reads it)") == 1


def test_a_run_does_not_wait_for_whoever_reads_its_rows(
    scan: Path, tmp_path: Path, small_pipe: tuple[int, int]
) -> None:
    reading, writing = small_pipe
    run = tmp_path / "run.h5"
    command = [sys.executable, "-m", "latticewatch.app", "watch", scan, "--headless", "--json", "--frames", "12"]
    with subprocess.Popen([*command, "--out", run], stdout=writing) as process:
        while process.poll() is None and (not run.exists() or journal_path(run).exists()):
            time.sleep(0.1)
        with read_run(run) as opened:
            assert len(opened.traced) == 12
        os.close(writing)
        with os.fdopen(os.dup(reading), "rb") as pipe:
            found = pipe.read()
    assert found.count(b"\n") == 12
    assert len(found) > 4096
    assert process.returncode == 0


@pytest.mark.parametrize("command", ["doctor", "--version", "process --help"])
@pytest.mark.parametrize("listener", ["> /dev/full", "| true"])
def test_whoever_listens_does_not_decide_the_exit_status(command: str, listener: str, tmp_path: Path) -> None:
    shell = f"set -o pipefail; {sys.executable} -m latticewatch.app {command} {listener}"
    names = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "QT_QPA_PLATFORM": "offscreen"}
    ended = subprocess.run(["bash", "-c", shell], env=names, cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    if listener == "> /dev/full":
        (line,) = [line for line in ended.stderr.splitlines() if "standard output" in line]
        assert line.startswith("standard output can no longer be written (No space left on device)")
