"""The journal by itself: what is appended is there once, whole, or not at all."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from latticewatch.processing.record.run_file.journal import (
    FRAME,
    MAGIC,
    SYNC,
    Entry,
    Index,
    Journal,
    Kind,
    frame,
    index,
)
from latticewatch.processing.record.run_file.names import journal_path
from latticewatch.processing.record.run_file.reader import read_run
from latticewatch.processing.record.run_file.writer import RecordingStopped, RunWriter
from tests.record import runs
from tests.record.equality import assert_same_rows

NOTES = [(Kind.NOTE, b"first"), (Kind.NOTE, b"the second"), (Kind.NOTE, b"")]


def found_in(path: Path) -> Index:
    with path.open("rb") as handle:
        found = index(handle)
    assert found is not None
    return found


def failing(real: Callable[..., Any], *numbers: int) -> Callable[..., Any]:
    """The calls of these numbers fail; a write has written half."""
    seen = 0

    def call(handle: int, *rest: Any) -> Any:
        nonlocal seen
        seen += 1
        if seen not in numbers:
            return real(handle, *rest)
        if real is os.pwrite:
            real(handle, bytes(rest[0])[: len(rest[0]) // 2], rest[1])
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    return call


def test_entries_lie_where_the_index_says(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path / "j")
    assert journal.end == len(MAGIC)
    journal.append(NOTES)
    journal.close()
    content = (tmp_path / "j").read_bytes()
    found = found_in(tmp_path / "j")
    assert [content[each.offset : each.offset + each.length] for each in found.entries] == [
        b"first",
        b"the second",
        b"",
    ]
    assert [each.kind for each in found.entries] == [Kind.NOTE] * 3
    assert found.entries[0] == Entry(Kind.NOTE, len(MAGIC) + FRAME.size, 5)
    assert (found.end, found.unreadable_bytes, found.torn_bytes) == (len(content), 0, 0)


@pytest.mark.parametrize("hit", range(len(SYNC) + 20))
def test_every_byte_of_an_entry_is_guarded(tmp_path: Path, hit: int) -> None:
    journal = Journal.create(tmp_path / "j")
    journal.append([(Kind.NOTE, b"before")])
    start = journal.end
    journal.append([(Kind.NOTE, b"x" * 20)])
    stop = journal.end
    journal.append([(Kind.NOTE, b"after")])
    journal.close()
    content = bytearray((tmp_path / "j").read_bytes())
    content[start + hit] ^= 0x20
    (tmp_path / "j").write_bytes(content)
    found = found_in(tmp_path / "j")
    assert [each.length for each in found.entries] == [6, 5]
    assert (found.unreadable_bytes, found.torn_bytes) == (stop - start, 0)


@pytest.mark.parametrize("cut", [1, 3, 4, 15, 16, 17, 30])
def test_a_torn_tail_is_counted_byte_by_byte(tmp_path: Path, cut: int) -> None:
    journal = Journal.create(tmp_path / "j")
    journal.append(NOTES)
    end = journal.end
    journal.close()
    with (tmp_path / "j").open("ab") as file:
        file.write(frame(Kind.NOTE, b"y" * 20)[:cut])
    found = found_in(tmp_path / "j")
    assert (found.end, found.torn_bytes, found.unreadable_bytes) == (end, cut, 0)


def test_a_mark_within_a_payload_is_no_entry(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path / "j")
    journal.append([(Kind.NOTE, frame(Kind.ROW, b"inside")), (Kind.NOTE, b"next")])
    journal.close()
    assert [each.kind for each in found_in(tmp_path / "j").entries] == [Kind.NOTE, Kind.NOTE]


def test_a_failed_append_leaves_nothing_even_where_it_cannot_be_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal.create(tmp_path / "j")
    journal.append(NOTES[:1])
    with monkeypatch.context() as broken:
        broken.setattr(os, "pwrite", failing(os.pwrite, 1))
        broken.setattr(os, "ftruncate", failing(os.ftruncate, 1, 2))
        with pytest.raises(OSError, match="Input/output error"):
            journal.append([(Kind.NOTE, b"z" * 1000)])
        with pytest.raises(OSError, match="Input/output error"):  # what is left there cannot be cut off yet
            journal.append(NOTES[1:2])
        journal.append(NOTES[1:])
    journal.close()
    assert [each.length for each in found_in(tmp_path / "j").entries] == [5, 10, 0]
    assert found_in(tmp_path / "j").torn_bytes == 0


@pytest.mark.parametrize("fails", [1, 2])
def test_a_row_that_is_appended_again_is_there_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: int
) -> None:
    """The row or its mark cannot be written, what was written of it cannot be cut off, and then all is well again."""
    path = tmp_path / "run.h5"
    writer = RunWriter(path, runs.header(), runs.two_theta())
    recorded = [writer.append(row) for row in runs.rows(3)]
    with monkeypatch.context() as broken:
        broken.setattr(os, "pwrite", failing(os.pwrite, fails))
        broken.setattr(os, "ftruncate", failing(os.ftruncate, 1, 2, 3))
        with pytest.raises(RecordingStopped):
            writer.append(runs.row(3, runs.two_theta()))
    recorded.append(writer.append(runs.row(3, runs.two_theta())))
    writer._leave_file()
    writer._journal.close()
    writer._lock_file.release()
    path.unlink()
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded)
        assert "damaged" not in run.notices[0]
    assert not journal_path(path).exists()


def test_it_is_synchronised_only_when_something_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal.create(tmp_path / "j")
    synced = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    journal.sync()
    journal.sync()
    assert len(synced) == 1
    journal.append(NOTES)
    assert journal.unsynced
    journal.sync()
    assert len(synced) == 2
    assert not journal.unsynced


def test_a_sync_that_takes_long_is_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one is due when twenty times as long has passed."""
    clock = [100.0]
    journal = Journal.create(tmp_path / "j")
    monkeypatch.setattr("latticewatch.processing.record.run_file.journal.monotonic", lambda: clock[0])
    synced = []

    def slow(handle: int) -> None:
        synced.append(handle)
        clock[0] += 0.1

    monkeypatch.setattr(os, "fdatasync", slow)
    journal.sync_if_due()
    for later_s, count in ((1.0, 1), (0.9, 1), (0.2, 2)):
        clock[0] += later_s
        journal.append(NOTES)
        journal.sync_if_due()
        assert len(synced) == count
    journal.close()


def test_a_journal_of_that_name_is_not_overwritten(tmp_path: Path) -> None:
    Journal.create(tmp_path / "j").close()
    with pytest.raises(FileExistsError):
        Journal.create(tmp_path / "j")


def test_it_continues_behind_the_last_whole_entry(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path / "j")
    journal.append(NOTES)
    end = journal.end
    journal.append([(Kind.NOTE, b"torn")])
    journal.close()
    again = Journal.reopen(tmp_path / "j", end)
    assert (tmp_path / "j").stat().st_size == end
    again.append([(Kind.NOTE, b"more")])
    again.close()
    assert [each.length for each in found_in(tmp_path / "j").entries] == [5, 10, 0, 4]


def test_it_knows_whether_its_name_still_leads_to_it(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path / "j")
    assert journal.is_there()
    (tmp_path / "j").rename(tmp_path / "k")
    assert not journal.is_there()
    (tmp_path / "j").write_bytes(b"another")
    assert not journal.is_there()
    journal.close()


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EACCES])
def test_where_its_name_leads_cannot_be_told_it_counts_as_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """A share that does not answer for a while is no reason to leave it."""
    journal = Journal.create(tmp_path / "j")

    def without_an_answer(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as share:
        share.setattr(Path, "stat", without_an_answer)
        assert journal.is_there()
    journal.close()


def test_it_knows_that_a_file_took_the_place_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    journal = Journal.create(tmp_path / "place" / "j")
    (tmp_path / "place").rename(tmp_path / "moved")
    (tmp_path / "place").write_bytes(b"")
    assert not journal.is_there()
    journal.close()


@pytest.mark.parametrize("length", range(20, 70))
def test_a_mark_is_found_wherever_the_search_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    """Damage is searched in blocks; the next mark may lie over the border of two."""
    monkeypatch.setattr("latticewatch.processing.record.run_file.journal.SEARCH_BYTES", 32)
    journal = Journal.create(tmp_path / "j")
    start = journal.end
    journal.append([(Kind.NOTE, b"." * length), (Kind.NOTE, b"after")])
    journal.close()
    content = bytearray((tmp_path / "j").read_bytes())
    content[start] ^= 1
    (tmp_path / "j").write_bytes(content)
    assert [each.length for each in found_in(tmp_path / "j").entries] == [5]


def test_a_journal_is_closed_once_and_its_handle_with_it(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path / "journal")
    handle = journal._handle
    journal.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(handle)
    journal.close()


def test_of_a_journal_that_cannot_be_begun_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "pwrite", failing(os.pwrite, 1))
    with pytest.raises(OSError, match="Input/output error"):
        Journal.create(tmp_path / "journal")
    assert list(tmp_path.iterdir()) == []


def test_bytes_of_a_damaged_beginning_are_counted(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path / "journal")
    journal.append(NOTES)
    journal.close()
    content = journal.path.read_bytes()
    journal.path.write_bytes(b"?" + content[1:])
    found = found_in(journal.path)
    assert len(found.entries) == len(NOTES)
    assert found.unreadable_bytes == len(MAGIC)
