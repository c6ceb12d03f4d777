"""A journal that is damaged costs no row that the run file beside it holds."""

import shutil
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.series import Filled, Row
from latticewatch.processing.record.run_file.journal import FRAME, Kind, frame, index
from latticewatch.processing.record.run_file.names import journal_path
from latticewatch.processing.record.run_file.reader import read_run, read_while_written
from latticewatch.processing.record.run_file.stored_run import RunRows, read_stored
from latticewatch.processing.record.run_file.writer import RunWriter
from tests.record import runs
from tests.record.equality import assert_same_rows
from tests.record.test_crash import _abandon

ROWS = 20
KEPT = "run.h5.journal.damaged"


def killed(path: Path, count: int = ROWS) -> list[Row]:
    """A run that was killed when all of it was in both files."""
    writer = RunWriter(path, runs.header(), runs.two_theta())
    recorded = writer.append_many(runs.rows(count))
    recorded[3] = writer.append(filling(recorded[3]))
    writer.append_note(5.0, "pumps started")
    writer.set_defects(np.array([[3, 4]]), np.array([[5, 6], [7, 8]]))
    writer.flush()
    _abandon(writer)
    return recorded


def filling(gap: Row) -> Row:
    whole = runs.row(gap.index + 2, runs.two_theta())
    return replace(whole, index=gap.index, verdict=gap.verdict, filled=Filled("unreadable: cut", gap.time_s))


def assert_whole(path: Path, recorded: list[Row]) -> None:
    with read_stored(path) as run:
        assert_same_rows(run.rows, recorded)
        assert [note.text for note in run.notes] == ["pumps started"]
        assert run.hot.tolist() == [[3, 4]]
        assert run.dead.tolist() == [[5, 6], [7, 8]]
    with h5py.File(path) as file:
        assert file["entry/fills/frame"][:].tolist() == [3]


def entries(path: Path) -> dict[str, tuple[int, int]]:
    """Where the journal's entries lie, the first of each kind, and its first bytes."""
    with journal_path(path).open("rb") as handle:
        found = index(handle)
    assert found is not None
    places = {Kind(entry.kind).name: (entry.offset, entry.length) for entry in reversed(found.entries)}
    return {"MAGIC": (0, 20), **places}


def flip(path: Path, place: int) -> bytes:
    content = bytearray(journal_path(path).read_bytes())
    content[place] ^= 0x10
    journal_path(path).write_bytes(content)
    return bytes(content)


@pytest.mark.parametrize("kind", ["MAGIC", "HEADER", "ROW", "COMMIT", "FILL", "NOTE", "DEFECTS"])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_damaged_byte_costs_nothing(tmp_path: Path, kind: str, share: float) -> None:
    path = tmp_path / "run.h5"
    recorded = killed(path)
    start, length = entries(path)[kind]
    damaged = flip(path, start + int(share * length))
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded)
        (notice,) = run.notices
    assert "no row is lost" in notice
    assert "\n" not in notice
    assert notice.endswith(f"the damaged journal is kept as {KEPT}")
    assert_whole(path, recorded)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["run.h5", KEPT]
    assert path.with_name(KEPT).read_bytes() == damaged
    with read_run(path) as run:
        assert run.notices == ()


def test_the_mark_that_fills_a_gap_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    recorded = killed(path)
    start, length = entries(path)["FILL"]
    flip(path, start + length + 20)
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded)


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def emptied(_: bytes) -> bytes:
    return b""


def overwritten(_: bytes) -> bytes:
    return b"somebody's thesis"


def zeroed(content: bytes) -> bytes:
    return bytes(len(content))


def beheaded(content: bytes) -> bytes:
    return content[9000:]


@pytest.mark.parametrize("spoil", [cut, emptied, overwritten, zeroed, beheaded])
def test_a_journal_that_is_not_whole_costs_nothing(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "run.h5"
    recorded = killed(path)
    journal_path(path).write_bytes(spoil(journal_path(path).read_bytes()))
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded)
        assert len(run.notices) == 1
        assert f"kept as {KEPT}" in run.notices[0]
    assert_whole(path, recorded)
    assert path.with_name(KEPT).exists()
    assert not journal_path(path).exists()


def test_rows_after_a_damaged_beginning_are_taken_where_the_others_are_those_of_the_run_file(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    recorded = _ahead(path)
    flip(path, entries(path)["HEADER"][0] + 9)
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded)


def _ahead(path: Path) -> list[Row]:
    """A run whose journal holds more rows than the run file."""
    writer = RunWriter(path, runs.header(), runs.two_theta())
    recorded = writer.append_many(runs.rows(10))
    writer.flush()
    recorded += writer.append_many(runs.rows(ROWS)[10:])
    _abandon(writer)
    with h5py.File(path) as file:
        assert len(file["entry/trace/frame"]) == 10
    return recorded


def test_the_journal_of_another_run_with_a_damaged_beginning_gives_no_row(tmp_path: Path) -> None:
    path, other = tmp_path / "run.h5", tmp_path / "other.h5"
    recorded = runs.write_run(path, 10)
    _ahead(other)
    journal_path(other).rename(journal_path(path))
    flip(path, entries(path)["HEADER"][0] + 9)
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded)
        assert "its journal cannot be read" in run.notices[0]
        assert run.notices[0].endswith("; 10 rows are there from the run file")
    assert path.with_name(KEPT).exists()


def test_one_row_that_both_have_shows_that_a_journal_without_a_beginning_is_of_this_run(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    writer = RunWriter(path, runs.header(), runs.two_theta())
    recorded = [writer.append(runs.rows(1)[0])]
    writer.flush()
    recorded.append(writer.append(runs.rows(2)[1]))  # in the journal alone
    _abandon(writer)
    flip(path, entries(path)["HEADER"][0] + 9)
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded)


def test_a_damaged_journal_of_a_run_without_a_row_loses_none(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    writer = RunWriter(path, runs.header(), runs.two_theta())
    writer.append_note(1.0, "before the first frame")
    writer.append_note(2.0, "still none")
    _abandon(writer)
    flip(path, entries(path)["NOTE"][0])
    with read_run(path) as run:
        assert len(run.rows) == 0
        assert [note.text for note in run.notes] == ["still none"]
        assert "0 rows are there" in run.notices[0]
        assert "no row is lost" in run.notices[0]
        assert "torn" not in run.notices[0]


def test_an_entry_that_is_whole_and_says_nothing_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    recorded = killed(path)
    with journal_path(path).open("ab") as journal:
        for kind in (Kind.ROW, Kind.FILL, Kind.NOTE, Kind.DEFECTS, Kind.ACCOUNT, Kind.COMMIT):
            journal.write(frame(kind, b"\5\0\0\0{}"))
        journal.write(frame(Kind.COMMIT, struct.pack("<dI", 1.7e9, 2)))
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded)
        assert f"kept as {KEPT}" in run.notices[0]


def test_what_neither_has_is_said(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    recorded = _ahead(path)
    content = journal_path(path).read_bytes()
    place = content.index(b"scan_0015p.cbf")
    flip(path, place)
    flip(path, content.index(b"scan_0002p.cbf"))
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded[:15] + recorded[16:])
        assert "taken from the run file: 1 rows; rows lost: 1;" in run.notices[0]


def test_a_run_with_a_damaged_journal_is_resumed_with_a_whole_one(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    recorded = killed(path)
    flip(path, entries(path)["ROW"][0])
    writer = RunWriter.resume(path)
    recorded.append(writer.append(runs.row(ROWS, runs.two_theta())))
    with read_while_written(path) as run:
        assert_same_rows(run.rows, recorded)
    _abandon(writer)
    path.unlink()  # the journal alone has all of it
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded)
        assert [note.text for note in run.notes] == ["pumps started"]
    assert path.with_name(KEPT).exists()


def test_a_second_damaged_journal_does_not_replace_the_first(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    path.with_name(KEPT).write_text("the first")
    killed(path)
    flip(path, entries(path)["ROW"][0])
    read_run(path).close()
    assert path.with_name(KEPT).read_text() == "the first"
    assert path.with_name(f"{KEPT}_2").exists()


def test_a_second_damaged_run_file_does_not_replace_the_first(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    path.with_name("run.h5.damaged").write_text("the first")
    killed(path)
    path.write_bytes(b"not HDF5")
    read_run(path).close()
    assert path.with_name("run.h5.damaged").read_text() == "the first"
    assert path.with_name("run.h5.damaged_2").read_bytes() == b"not HDF5"


@pytest.mark.parametrize("kind", ["HEADER", "ROW"])
def test_where_nothing_can_be_written_the_same_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    path = tmp_path / "run.h5"
    recorded = killed(path)
    flip(path, entries(path)[kind][0])
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}

    def read_only(_: Path) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("latticewatch.processing.record.run_file.reader.try_acquire", read_only)
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded)
        assert len(run.notices) == 1
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before


def test_a_journal_without_a_beginning_and_without_a_run_file_is_said(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    killed(path)
    flip(path, entries(path)["HEADER"][0])
    path.unlink()
    with pytest.raises(UserError, match=r"^[^\n]*run\.h5\.journal: the journal has no beginning[^\n]*$"):
        read_run(path)
    assert journal_path(path).exists()


def test_the_journal_of_a_copy_that_was_resumed_apart_gives_no_row(tmp_path: Path) -> None:
    """The first rows of both are the same, clock for clock; the later ones have the same frames and are others."""
    path, copy = tmp_path / "run.h5", tmp_path / "copy.h5"
    recorded = runs.write_run(path, 10)
    shutil.copy(path, copy)
    with RunWriter.resume(path) as writer:
        recorded += writer.append_many(runs.rows(ROWS)[10:15])
    apart = RunWriter.resume(copy)
    apart.append_many(runs.rows(ROWS)[10:])
    _abandon(apart)
    journal_path(copy).rename(journal_path(path))
    flip(path, entries(path)["HEADER"][0] + 9)
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded)


@pytest.mark.parametrize("kind", [Kind.ROW, Kind.FILL])
def test_a_mark_that_is_cut_off_is_taken_from_the_run_file(tmp_path: Path, kind: Kind) -> None:
    path = tmp_path / "run.h5"
    writer = RunWriter(path, runs.header(), runs.two_theta())
    recorded = writer.append_many(runs.rows(5))
    if kind is Kind.FILL:
        recorded[3] = writer.append(filling(recorded[3]))
    writer.flush()
    _abandon(writer)
    content = journal_path(path).read_bytes()
    journal_path(path).write_bytes(content[:-5])
    with read_run(path) as run:
        if kind is Kind.ROW:  # one mark for all five
            assert [row.recorded_s for row in run.rows] == [row.recorded_s for row in recorded]
        assert_same_rows(run.rows, recorded)
        assert f"kept as {KEPT}" in run.notices[0]


def test_a_row_that_the_run_file_does_not_give_either_leaves_both_files(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    recorded = killed(path)
    flip(path, journal_path(path).read_bytes().index(b"scan_0005p.cbf"))
    with h5py.File(path, "r+") as file:
        file["entry/map/intensity"][5] = np.nan  # as a block that was not written whole
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded[:5] + recorded[6:])
        assert "rows lost: 1" in run.notices[0]
        assert run.notices[0].endswith("the old file is kept as run.h5.damaged")
    assert path.with_name("run.h5.damaged").exists()


def test_a_whole_entry_in_the_place_of_a_row_costs_nothing(tmp_path: Path) -> None:
    """Its checksum holds, as many rows as in the run file seem to be there, and one of them cannot be read."""
    path = tmp_path / "run.h5"
    recorded = killed(path)
    content = journal_path(path).read_bytes()
    with journal_path(path).open("rb") as handle:
        found = index(handle)
    assert found is not None
    row = [entry for entry in found.entries if entry.kind == Kind.ROW][5]
    journal_path(path).write_bytes(
        content[: row.offset - FRAME.size] + frame(Kind.ROW, bytes(row.length)) + content[row.offset + row.length :]
    )
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded)
        assert f"{row.length} bytes within it are damaged; taken from the run file: 1 rows; no row" in run.notices[0]


@pytest.mark.parametrize("missing", ["format", "run_id", "header"])
def test_a_beginning_without_one_of_its_parts_is_damaged(tmp_path: Path, missing: str) -> None:
    path = tmp_path / "run.h5"
    recorded = killed(path)
    content = journal_path(path).read_bytes()
    start, length = entries(path)["HEADER"]
    spoilt = content[start : start + length].replace(f'"{missing}"'.encode(), f'"{missing[::-1]}"'.encode(), 1)
    journal_path(path).write_bytes(
        content[: start - FRAME.size] + frame(Kind.HEADER, spoilt) + content[start + length :]
    )
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded)
    assert path.with_name(KEPT).exists()


def test_where_the_new_file_cannot_be_put_in_its_place_the_old_one_is_there_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.h5"
    recorded = killed(path)
    path.write_bytes(b"somebody's thesis")

    def refused(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr("os.replace", refused)
        with read_run(path) as run:
            assert_same_rows(run.rows, recorded)
    assert path.read_bytes() == b"somebody's thesis"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["run.h5", "run.h5.journal"]


def test_a_row_of_the_run_file_that_cannot_be_read_leaves_both_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.h5"
    recorded = killed(path)
    flip(path, journal_path(path).read_bytes().index(b"scan_0005p.cbf"))
    real = RunRows.__getitem__

    def unread(rows: RunRows, number: int) -> object:
        if rows._patterns and number == 5:
            raise UserError("the file is damaged")
        return real(rows, number)

    with monkeypatch.context() as broken:
        broken.setattr(RunRows, "__getitem__", unread)
        read_run(path).close()
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded[:5] + recorded[6:])
    assert path.with_name("run.h5.damaged").exists()
    assert path.with_name(KEPT).exists()


def test_a_filled_row_that_the_journal_lost_is_filled_once(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    recorded = killed(path)
    flip(path, journal_path(path).read_bytes().index(b"scan_0003p.cbf"))  # as a gap; what filled it is whole
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded)
    assert_whole(path, recorded)


def test_an_error_that_is_gone_the_second_time_costs_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.h5"
    recorded = killed(path)
    flip(path, entries(path)["ROW"][0])
    seen = []

    def once(stored: Path) -> object:
        seen.append(stored)
        if len(seen) == 1:
            raise UserError(f"{stored}: the file is damaged (Cannot allocate memory); give an unharmed run file")
        return read_stored(stored)

    monkeypatch.setattr("latticewatch.processing.record.run_file.rebuild.read_stored", once)
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded)
    assert not path.with_name("run.h5.damaged").exists()
