"""What is left of a run after the worst: kills, full disks, damage."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import pytest

from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.series import Row
from latticewatch.processing.record.run_file import reader as run_reader
from latticewatch.processing.record.run_file.names import journal_path
from latticewatch.processing.record.run_file.reader import read_run
from latticewatch.processing.record.run_file.writer import RecordingStopped, RunWriter
from tests.record import runs
from tests.record.equality import assert_same_rows

CHECKOUT = Path(__file__).parents[2]


def _kill_loop(folder: Path, *options: str) -> dict[str, int]:
    command = [sys.executable, "-m", "tests.record.kill_loop", str(folder), *options]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=280, check=True)
    counts: dict[str, int] = json.loads(done.stdout)
    return counts


def test_no_reported_row_is_lost_to_kills_at_any_moment(tmp_path: Path) -> None:
    counts = _kill_loop(tmp_path, "--kills", "5", "--seed", "7")
    assert counts["kills"] == 5
    assert counts["reported"] > 0
    assert (counts["lost"], counts["unopened"], counts["resumed_wrong"]) == (0, 0, 0)


@pytest.mark.parametrize(("first", "step", "kills"), [(1, 33, 15), (484, 1, 11)])
def test_no_reported_row_is_lost_to_kills_within_writes(tmp_path: Path, first: int, step: int, kills: int) -> None:
    """Over the whole life of a run, and at each of its last writes, which finish the file."""
    counts = _kill_loop(tmp_path, "--writes", "494", "--first", str(first), "--step", str(step))
    assert counts["kills"] == kills
    assert counts["reported"] > 0
    assert (counts["lost"], counts["unopened"], counts["resumed_wrong"]) == (0, 0, 0)


def _abandoned(path: Path, count: int) -> list[Row]:
    """A run whose writer is gone without a word."""
    writer = RunWriter(path, runs.header(), runs.two_theta())
    recorded = [writer.append(runs.row(number, runs.two_theta())) for number in range(count)]
    writer.append_note(5.0, "before the end")
    _abandon(writer)
    return recorded


def _abandon(writer: RunWriter) -> None:
    """Leave a writer as a kill does: nothing more is written, its descriptors are closed as the system closes them."""
    writer._file.failure = OSError("gone")
    assert writer._nexus is not None
    writer._nexus.close()
    writer._file.close()
    writer._journal.close()
    writer._lock_file.release()


def test_a_run_that_was_not_closed_is_mended_on_opening(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    recorded = _abandoned(path, 150)
    with h5py.File(path) as file:
        assert len(file["entry/trace/frame"]) < 150
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded)
        assert run.notices == (f"{path}: was not closed; 150 rows are there from its journal",)
        assert [note.text for note in run.notes] == ["before the end"]
    assert [each.name for each in tmp_path.iterdir()] == ["run.h5"]
    with h5py.File(path) as file:
        assert len(file["entry/trace/frame"]) == 150


def test_a_run_gone_on_with_and_left_again_keeps_the_time_of_every_row(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    recorded = runs.write_run(path, 300)
    writer = RunWriter.resume(path)
    recorded += writer.append_many([runs.row(number, runs.two_theta()) for number in range(300, 310)])
    _abandon(writer)
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded)
        assert [note.text for note in run.notes] == ["pumps started"]


@pytest.mark.parametrize("torn", [1, 7, 15, 16, 500])
def test_a_torn_tail_is_left_out_and_said(tmp_path: Path, torn: int) -> None:
    path = tmp_path / "run.h5"
    recorded = _abandoned(path, 10)
    whole = journal_path(path).read_bytes()
    with journal_path(path).open("ab") as journal:
        journal.write(whole[whole.rindex(b"\xabLW\n", 0, -100) :][:torn])
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded)
        assert f"its last entry is torn and left out ({torn} bytes)" in run.notices[0]


def test_a_torn_tail_is_cut_off_before_a_run_is_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    recorded = _abandoned(path, 10)
    with journal_path(path).open("ab") as journal:
        journal.write(b"\xabLW\n\x02\0\0\0")
    with RunWriter.resume(path) as writer:
        recorded.append(writer.append(runs.row(10, runs.two_theta())))
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded)
        assert run.notices == ()


def test_damage_in_the_middle_costs_the_rows_it_hit_and_is_said(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    recorded = _abandoned(path, 10)
    content = bytearray(journal_path(path).read_bytes())
    hit = content.index(b"scan_0005p.cbf")
    content[hit : hit + 4] = b"????"
    journal_path(path).write_bytes(content)
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded[:5] + recorded[6:])
        assert "bytes within it are damaged; rows lost: 1; the damaged journal is kept as" in run.notices[0]


def test_a_run_file_in_pieces_is_made_anew_from_its_journal(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    recorded = _abandoned(path, 30)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 3])
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded)
        assert run.notices[0].endswith("the old file is kept as run.h5.damaged")
    assert path.with_name("run.h5.damaged").read_bytes() == content[: len(content) // 3]
    assert not journal_path(path).exists()


def test_a_journal_alone_is_enough(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    recorded = _abandoned(path, 30)
    path.unlink()
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded)


def test_a_journal_of_another_run_changes_nothing(tmp_path: Path) -> None:
    _abandoned(tmp_path / "one.h5", 3)
    runs.write_run(tmp_path / "other.h5", 5)
    content = (tmp_path / "other.h5").read_bytes()
    journal_path(tmp_path / "one.h5").rename(journal_path(tmp_path / "other.h5"))
    with pytest.raises(UserError, match="belongs to another run"):
        read_run(tmp_path / "other.h5")
    assert (tmp_path / "other.h5").read_bytes() == content


def test_a_file_of_something_else_in_the_place_of_a_run_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    recorded = _abandoned(path, 3)
    path.write_bytes(b"somebody's thesis")
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded)
    assert path.with_name("run.h5.damaged").read_bytes() == b"somebody's thesis"


@pytest.mark.parametrize("content", [b"", b"no journal", b"LatticeWatch journal 1\n"])
def test_what_is_no_journal_is_said(tmp_path: Path, content: bytes) -> None:
    journal_path(tmp_path / "run.h5").write_bytes(content)
    with pytest.raises(UserError, match=r"^[^\n]*run\.h5\.journal: [^\n]*$"):
        read_run(tmp_path / "run.h5")


def test_where_nothing_can_be_written_a_run_is_mended_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.h5"
    recorded = _abandoned(path, 30)
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}

    def read_only(_: Path) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(run_reader, "try_acquire", read_only)
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded)
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before


def _full_from(number: int, once: bool) -> Callable[[int, bytes, int], int]:
    """A disk that takes nothing from this write on (or this write not, and the next again)."""
    real = os.pwrite
    seen = 0

    def pwrite(handle: int, content: bytes, offset: int) -> int:
        nonlocal seen
        seen += 1
        if seen == number or (seen > number and not once):
            if seen == number:
                real(handle, memoryview(content)[: len(content) // 2], offset)
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(handle, content, offset)

    return pwrite


def _record_on_full_disk(path: Path) -> tuple[list[Row], list[str]]:
    """Rows that were reported and what was said. About 230 writes make the file, 130 are the first row, 2 each of
    the others, 95 the end."""
    reported, said = [], []
    try:
        with RunWriter(path, runs.header(), runs.two_theta()) as writer:
            for number in range(20):
                reported.append(writer.append(runs.row(number, runs.two_theta())))
    except UserError as error:
        said.append(str(error))
    return reported, said


@pytest.mark.parametrize("once", [True, False])
@pytest.mark.parametrize("number", [*range(1, 360, 29), *range(360, 500, 7)])
def test_every_row_before_a_full_disk_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, once: bool
) -> None:
    path = tmp_path / "run.h5"
    with monkeypatch.context() as full:
        full.setattr(os, "pwrite", _full_from(number, once))
        reported, said = _record_on_full_disk(path)
    assert all("\n" not in line and "run.h5" in line for line in said)
    assert len(reported) == 20 or said
    if not path.exists() and not journal_path(path).exists():
        assert not reported
        return
    with read_run(path) as run:
        assert_same_rows(list(run.rows)[: len(reported)], reported)
        assert len(run.rows) == len(reported)


def test_recording_goes_on_once_there_is_room_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.h5"
    with RunWriter(path, runs.header(), runs.two_theta()) as writer:
        recorded = [writer.append(runs.row(number, runs.two_theta())) for number in range(5)]
        with monkeypatch.context() as full:
            full.setattr(os, "pwrite", _full_from(1, once=False))
            for _ in range(3):
                with pytest.raises(RecordingStopped, match=r"recording stopped \(No space left on device\)"):
                    writer.append(runs.row(5, runs.two_theta()))
        recorded += [writer.append(runs.row(number, runs.two_theta())) for number in range(5, 12)]
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded)
        assert run.notices == ()
    assert [each.name for each in tmp_path.iterdir()] == ["run.h5"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 6 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small file system can only be mounted by root, and not in every container")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def _fill(writer: RunWriter, recorded: list[Row]) -> None:
    for number in range(1000):
        recorded.append(writer.append(runs.row(number, runs.two_theta())))


def test_a_small_disk_that_fills_up_and_is_freed_ends_in_a_whole_run(small_disk: Path) -> None:
    path = small_disk / "run.h5"
    ballast = small_disk / "ballast"
    with RunWriter(path, runs.header(), runs.two_theta()) as writer:
        ballast.write_bytes(bytes(4_500_000))
        recorded: list[Row] = []
        with pytest.raises(RecordingStopped, match="recording stopped"):
            _fill(writer, recorded)
        assert recorded
        with read_run(path) as run:
            assert_same_rows(run.rows, recorded)
        ballast.unlink()
        writer._space_at = float("-inf")
        start = len(recorded)
        recorded += [writer.append(runs.row(number, runs.two_theta())) for number in range(start, start + 50)]
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded)
        assert run.notices == ()
    assert [each.name for each in small_disk.iterdir()] == ["run.h5"]
