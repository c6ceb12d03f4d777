"""What is made anew from a journal, what is kept of it, and what is said; beside ``test_damaged_journal``."""

import os
import stat
from dataclasses import replace
from pathlib import Path

import h5py
import pytest

from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.series import Row
from latticewatch.processing.record.run_file.journal import Kind, frame
from latticewatch.processing.record.run_file.journal_content import COMMIT
from latticewatch.processing.record.run_file.names import journal_path
from latticewatch.processing.record.run_file.nexus import NexusFile
from latticewatch.processing.record.run_file.reader import read_run
from latticewatch.processing.record.run_file.row_codec import encode_row
from latticewatch.processing.record.run_file.writer import RunWriter
from tests.record import runs
from tests.record.equality import assert_same_rows
from tests.record.test_crash import _abandon
from tests.record.test_damaged_journal import entries, flip, killed


def test_a_whole_journal_does_not_keep_a_run_file_that_only_lost_a_part(tmp_path: Path) -> None:
    """It says which run it is of, and everything in it is in the journal."""
    path = tmp_path / "run.h5"
    recorded = killed(path)
    with h5py.File(path, "r+") as file:
        del file["entry/map/two_theta"]
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded)
    assert [each.name for each in tmp_path.iterdir()] == ["run.h5"]


def test_damaged_bytes_within_entries_and_between_them_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    recorded = killed(path)
    content, said_nothing = journal_path(path).read_bytes(), b"\5\0\0\0{}"
    journal_path(path).write_bytes(content + b"?" * 100 + frame(Kind.NOTE, said_nothing) + frame(Kind.NOTE, b"["))
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded)
        assert "; 107 bytes within it are damaged; no row is lost" in run.notices[0]


def test_a_journal_without_a_beginning_that_differs_from_the_run_file_late_is_none_of_it(tmp_path: Path) -> None:
    path, other = tmp_path / "run.h5", tmp_path / "other.h5"
    recorded = runs.write_run(path, 40)
    writer = RunWriter(other, runs.header(), runs.two_theta())
    for row in recorded:
        of_other = replace(row, name="other.cbf") if row.index == 30 else row
        writer._journal.append([(Kind.ROW, encode_row(of_other)), (Kind.COMMIT, COMMIT.pack(row.recorded_s, 1))])
    _abandon(writer)
    journal_path(other).rename(journal_path(path))
    flip(path, entries(path)["HEADER"][0] + 9)
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded)
        assert "its journal cannot be read" in run.notices[0]


def test_entries_that_contradict_each_other_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.h5"
    killed(path)
    content = journal_path(path).read_bytes()

    def contradicts(file: NexusFile, rows: list[Row]) -> None:
        raise ValueError(f"{len(rows)} rows do not fit")

    monkeypatch.setattr(NexusFile, "append", contradicts)
    with pytest.raises(UserError, match="the entries of the journal contradict each other; give an intact journal"):
        read_run(path)
    assert journal_path(path).read_bytes() == content


def test_why_a_journal_cannot_be_read_is_said_in_a_few_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.h5"
    killed(path)

    def refused(_: Path) -> object:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("latticewatch.processing.record.run_file.rebuild.open_regular", refused)
    with pytest.raises(UserError) as told:
        read_run(path)
    assert str(told.value) == f"{journal_path(path)}: cannot be read (Input/output error); make it readable"


def test_a_run_file_that_stays_unreadable_is_read_twice_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.h5"
    killed(path)
    flip(path, entries(path)["ROW"][0])
    seen = []

    def never(stored: Path) -> object:
        seen.append(stored)
        raise UserError(f"{stored}: the file is damaged")

    with monkeypatch.context() as broken:
        broken.setattr("latticewatch.processing.record.run_file.rebuild.read_stored", never)
        read_run(path).close()
    assert seen == [path, path]
    assert path.with_name("run.h5.damaged").exists()


def test_a_run_file_that_is_made_anew_is_as_readable_as_any(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    killed(path)
    before = os.umask(0o022)
    try:
        read_run(path).close()
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_run_of_the_shortest_grid_there_is_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    grid = runs.two_theta(2)
    writer = RunWriter(path, runs.header(), grid)
    recorded = [writer.append(runs.row(0, grid))]
    _abandon(writer)
    path.unlink()
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded)
