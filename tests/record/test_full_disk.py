"""A disk or a quota that is full ends in one line, never in a crash, and reading never needs to write."""

import ast
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from latticewatch.processing.record.run_file.names import journal_path
from latticewatch.processing.record.run_file.reader import read_run
from latticewatch.processing.record.run_file.writer import RunWriter
from tests.record import runs
from tests.record.equality import assert_same_rows
from tests.record.test_crash import _abandon

CHECKOUT = Path(__file__).parents[2]
LARGEST = 150_000  # bytes of a file: less than the run, more than a message
RECORDER = [sys.executable, "-m", "tests.record.recorder"]
COMMAND = [sys.executable, "-m", "latticewatch.app"]


def limited(
    words: list[str], largest: int = LARGEST, env: dict[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run this where no file may grow beyond a size: the system says so as it says that a quota is full."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    return subprocess.run(words, cwd=CHECKOUT, capture_output=True, text=True, check=False, preexec_fn=limit, env=env,
                          timeout=300)  # fmt: skip


def assert_no_crash(done: "subprocess.CompletedProcess[str]", *statuses: int) -> None:
    assert done.returncode != -signal.SIGSEGV, done.stderr[-500:]
    assert done.returncode in statuses, done.stderr[-1000:]
    assert "Traceback" not in done.stderr


@pytest.fixture
def killed(tmp_path: Path) -> tuple[Path, list[runs.Row]]:
    """A killed run of 530 kB, and its rows."""
    path = tmp_path / "run.h5"
    writer = RunWriter(path, runs.header(), runs.two_theta())
    recorded = [writer.append(row) for row in runs.rows(40)]
    writer.flush()
    _abandon(writer)
    assert path.stat().st_size + journal_path(path).stat().st_size > 3 * LARGEST
    return path, recorded


def test_a_killed_run_is_shown_from_memory(tmp_path: Path, killed: tuple[Path, list[runs.Row]]) -> None:
    path, recorded = killed
    done = limited([*COMMAND, "export", str(path), "--trace", str(tmp_path / "lp.csv")])
    assert_no_crash(done, 0)
    assert "40 rows are there from its journal" in done.stderr
    assert len((tmp_path / "lp.csv").read_text().splitlines()) == 41
    assert journal_path(path).exists()
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded)


def test_a_killed_run_that_cannot_be_resumed_is_left_as_it_is(killed: tuple[Path, list[runs.Row]]) -> None:
    path, recorded = killed
    before = {each.name: each.read_bytes() for each in path.parent.iterdir()}
    done = limited([*RECORDER, "resume", str(path)])
    assert_no_crash(done, 2)
    assert done.stderr.startswith("latticewatch: ")
    assert "cannot be written (File too large)" in done.stderr
    assert {each.name: each.read_bytes() for each in path.parent.iterdir()} == before
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded)


@pytest.mark.parametrize("largest", [1000, 20_000, 60_000, 90_000, 150_000, 300_000, 500_000])
@pytest.mark.parametrize("what", ["record", "fill", "note"])
def test_a_run_that_cannot_be_completed_keeps_every_row(tmp_path: Path, largest: int, what: str) -> None:
    path = tmp_path / "run.h5"
    done = limited([*RECORDER, what, str(path)], largest)
    assert_no_crash(done, 0, 2)
    reported = len(set(done.stdout.splitlines()))
    if path.exists() or journal_path(path).exists():
        with read_run(path) as run:
            assert len(run.rows) >= reported
    else:
        assert not reported


@pytest.mark.parametrize("largest", [60_000, 150_000])
def test_a_fallback_that_is_full_as_well_ends_in_one_line(tmp_path: Path, largest: int) -> None:
    done = limited([*RECORDER, "fallback", str(tmp_path / "run.h5")], largest)
    assert_no_crash(done, 2)
    assert len([line for line in done.stderr.splitlines() if line.startswith("latticewatch: ")]) == 1


def state_with_log(folder: Path, content: bytes | None) -> dict[str, str]:
    """A state folder whose log file holds this; None: a pipe is in its place."""
    log = folder / "state" / "latticewatch" / "log" / "latticewatch.log"
    log.parent.mkdir(parents=True)
    if content is None:
        os.mkfifo(log)
    else:
        log.write_bytes(content)
    return {**os.environ, "XDG_STATE_HOME": str(folder / "state")}


def test_a_log_file_that_takes_no_more_is_said_once(tmp_path: Path, killed: tuple[Path, list[runs.Row]]) -> None:
    full = state_with_log(tmp_path, bytes(LARGEST))
    done = limited([*COMMAND, "export", str(killed[0]), "--trace", str(tmp_path / "lp.csv")], env=full)
    assert_no_crash(done, 0)
    assert done.stderr.count("the log file cannot be written (File too large)") == 1
    assert "Logging error" not in done.stderr


def test_a_pipe_in_the_place_of_the_log_file_blocks_nothing(
    tmp_path: Path, killed: tuple[Path, list[runs.Row]]
) -> None:
    done = limited([*COMMAND, "export", str(killed[0]), "--trace", str(tmp_path / "lp.csv")],
                   env=state_with_log(tmp_path, None))  # fmt: skip
    assert_no_crash(done, 0)


@pytest.mark.parametrize("suffix", [".h5", ".npz", ".csv", ".png"])
def test_an_export_that_finds_no_room_is_refused_in_one_line(tmp_path: Path, suffix: str) -> None:
    runs.write_run(tmp_path / "run.h5", 60)
    target = tmp_path / f"map{suffix}"
    done = limited([*COMMAND, "export", str(tmp_path / "run.h5"), "--map", str(target)], 20_000)
    assert_no_crash(done, 2)
    assert done.stderr.splitlines()[-1].endswith("cannot be written (File too large); choose another file")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["run.h5"]


def test_a_killed_run_is_shown_where_there_is_no_place_for_temporary_files(
    killed: tuple[Path, list[runs.Row]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, recorded = killed

    def none(*_: object, **__: object) -> None:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr("tempfile.TemporaryFile", none)
    monkeypatch.setattr("latticewatch.processing.record.run_file.reader.try_acquire", none_to_lock)
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded)


def none_to_lock(_: Path) -> None:
    raise OSError(30, "Read-only file system")


def test_hdf5_is_written_only_through_a_file_that_does_not_fail() -> None:
    """Every other way of writing ends the process with SIGSEGV on a full disk."""
    writing = set()
    for path in sorted((CHECKOUT / "processing").rglob("*.py")) + sorted((CHECKOUT / "app").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "h5py.File":
                words = [ast.unparse(each) for each in (*node.args[1:2], *(k.value for k in node.keywords))]
                file = ast.unparse(node.args[0])
                if "'r'" not in words and "open_file_image" not in file:  # in memory
                    writing.add((path.name, file))
    assert writing == {("closed_hdf5.py", "handle"), ("closed_hdf5.py", "file_id")}
