"""The run file: written, read back, refused."""

import dataclasses
import hashlib
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from threading import Thread

import h5py
import numpy as np
import pytest

from latticewatch.processing.errors import UserError
from latticewatch.processing.record.run_file.header import input_file
from latticewatch.processing.record.run_file.reader import read_run
from latticewatch.processing.record.run_file.writer import RecordingStopped, RunWriter
from tests.record import runs
from tests.record.equality import assert_same_row, assert_same_rows


def test_a_run_comes_back_bit_for_bit(tmp_path: Path) -> None:
    written = runs.write_run(tmp_path / "run.h5", 300)
    with read_run(tmp_path / "run.h5") as run:
        assert run.header == runs.header()
        assert run.setup == runs.setup()
        assert run.notices == ()
        np.testing.assert_array_equal(run.two_theta, runs.two_theta())
        assert_same_rows(run.rows, written)
        assert_same_rows(run.rows[-3:], written[-3:])
        assert [note.text for note in run.notes] == ["pumps started"]
    assert [each.name for each in tmp_path.iterdir()] == ["run.h5"]


def test_rows_without_patterns_are_the_same_otherwise(tmp_path: Path) -> None:
    runs.write_run(tmp_path / "run.h5", 40)
    with read_run(tmp_path / "run.h5") as run:
        for bare, full in zip(run.traced, run.rows, strict=True):
            assert bare.pattern is None
            assert_same_row(bare, dataclasses.replace(full, pattern=None))


def test_rows_outlive_the_run(tmp_path: Path) -> None:
    written = runs.write_run(tmp_path / "run.h5", 70)
    with read_run(tmp_path / "run.h5") as run:
        rows = list(run.rows)
    assert_same_rows(rows, written)


def test_map_rows_are_nan_where_a_frame_gave_no_pattern(tmp_path: Path) -> None:
    written = runs.write_run(tmp_path / "run.h5", 20)
    with read_run(tmp_path / "run.h5") as run:
        image = run.intensity(2, 5)
    assert image.shape == (3, runs.BINS)
    assert np.isnan(image[1]).all()
    assert written[2].pattern is not None
    np.testing.assert_array_equal(image[0], written[2].pattern.intensity)


def test_one_by_one_and_many_at_once_make_the_same_run(tmp_path: Path) -> None:
    rows = runs.rows(25)
    with RunWriter(tmp_path / "one.h5", runs.header(), runs.two_theta()) as writer:
        recorded = [writer.append(row) for row in rows]
    clocks = [row.recorded_s for row in recorded]
    assert clocks == sorted(clocks)
    assert np.isfinite(clocks).all()
    with read_run(tmp_path / "one.h5") as run:
        assert_same_rows(run.rows, recorded)


def test_a_run_without_rows_and_one_of_gaps_alone_can_be_read(tmp_path: Path) -> None:
    runs.write_run(tmp_path / "empty.h5", 0)
    with RunWriter(tmp_path / "gaps.h5", runs.header(), runs.two_theta()) as writer:
        recorded = [writer.append(runs.row(3, runs.two_theta()))]
    with read_run(tmp_path / "empty.h5") as run:
        assert len(run.rows) == 0
    with read_run(tmp_path / "gaps.h5") as run:
        assert_same_rows(run.rows, recorded)


def test_defects_are_kept(tmp_path: Path) -> None:
    hot, dead = np.array([[3, 4], [1000, 2]]), np.empty((0, 2), np.int64)
    with RunWriter(tmp_path / "run.h5", runs.header(), runs.two_theta()) as writer:
        writer.set_defects(hot[:1], dead)
        writer.set_defects(hot, dead)
    with read_run(tmp_path / "run.h5") as run:
        np.testing.assert_array_equal(run.hot, hot)
        assert run.dead.shape == (0, 2)


def test_states_stand_with_the_time_each_was_declared(tmp_path: Path) -> None:
    written = runs.write_run(tmp_path / "run.h5", 100)
    expected = [
        (str(row.verdict.state), row.time_s)
        for number, row in enumerate(written)
        if number == 0 or row.verdict.state != written[number - 1].verdict.state
    ]
    with h5py.File(tmp_path / "run.h5") as file:
        group = file["entry/states"]
        found = list(zip(group["state"].asstr()[:], group["declared_s"][:], strict=True))
    assert found == expected
    assert len(expected) > 5


def test_a_run_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    path.write_bytes(b"something else")
    with pytest.raises(UserError, match=r"run\.h5: exists already and is not overwritten"):
        RunWriter(path, runs.header(), runs.two_theta())
    assert path.read_bytes() == b"something else"
    assert [each.name for each in tmp_path.iterdir()] == ["run.h5"]


def test_a_link_to_nowhere_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "run.h5").symlink_to(tmp_path / "elsewhere.h5")
    with pytest.raises(UserError, match="exists already"):
        RunWriter(tmp_path / "run.h5", runs.header(), runs.two_theta())
    assert not (tmp_path / "elsewhere.h5").exists()


def test_the_second_writer_is_refused_in_one_line(tmp_path: Path) -> None:
    with RunWriter(tmp_path / "run.h5", runs.header(), runs.two_theta()) as writer:
        writer.append(runs.row(0, runs.two_theta()))
        with pytest.raises(UserError, match="not closed"):
            RunWriter(tmp_path / "run.h5", runs.header(), runs.two_theta())
        with pytest.raises(UserError, match=r"another process \(\d+ on \S+\) is writing this run; wait"):
            RunWriter.resume(tmp_path / "run.h5")
        writer.append(runs.row(1, runs.two_theta()))
    with read_run(tmp_path / "run.h5") as run:
        assert len(run.rows) == 2


def test_a_reader_does_not_disturb_the_writer(tmp_path: Path) -> None:
    with RunWriter(tmp_path / "run.h5", runs.header(), runs.two_theta()) as writer:
        recorded = writer.append_many(runs.rows(5))
        with read_run(tmp_path / "run.h5") as run:
            assert_same_rows(run.rows, recorded)
            assert "is being written; 5 rows" in run.notices[0]
        recorded.append(writer.append(runs.row(5, runs.two_theta())))
    with read_run(tmp_path / "run.h5") as run:
        assert_same_rows(run.rows, recorded)


def test_a_closed_run_is_gone_on_with(tmp_path: Path) -> None:
    written = runs.write_run(tmp_path / "run.h5", 33)
    with RunWriter.resume(tmp_path / "run.h5") as writer:
        assert writer.names == {row.name for row in written}
        written += [writer.append(runs.row(number, runs.two_theta())) for number in range(33, 50)]
    with read_run(tmp_path / "run.h5") as run:
        assert_same_rows(run.rows, written)
        assert [note.text for note in run.notes] == ["pumps started"]
    assert [each.name for each in tmp_path.iterdir()] == ["run.h5"]


def test_what_is_closed_takes_nothing_more(tmp_path: Path) -> None:
    writer = RunWriter(tmp_path / "run.h5", runs.header(), runs.two_theta())
    writer.close()
    writer.close()
    with pytest.raises(RecordingStopped, match="closed"):
        writer.append(runs.row(0, runs.two_theta()))


def test_an_input_is_kept_with_its_hash_and_its_text(tmp_path: Path) -> None:
    (tmp_path / "a.poni").write_text("Distance: 1\n")
    (tmp_path / "mask.npy").write_bytes(b"\x93NUMPY\0\0")
    poni, mask = input_file("poni", tmp_path / "a.poni"), input_file("mask", tmp_path / "mask.npy")
    assert (poni.text, mask.text) == ("Distance: 1\n", None)
    assert poni.sha256 == hashlib.sha256(b"Distance: 1\n").hexdigest()
    with pytest.raises(UserError, match=r"nothing\.poni: cannot be read \(No such file"):
        input_file("poni", tmp_path / "nothing.poni")


def test_a_flushed_run_is_up_to_date_in_its_file(tmp_path: Path) -> None:
    with RunWriter(tmp_path / "run.h5", runs.header(), runs.two_theta()) as writer:
        writer.append_many(runs.rows(3))
        writer.append_many(runs.rows(7))
        writer.flush()
        with h5py.File(tmp_path / "run.h5", locking=False) as file:
            assert len(file["entry/trace/frame"]) == 10


def test_control_codes_in_a_file_do_not_reach_a_terminal(tmp_path: Path) -> None:
    runs.write_run(tmp_path / "run.h5", 5)
    with h5py.File(tmp_path / "run.h5", "r+") as file:
        file["entry/trace/file"][1] = "\x1b[2J\nframe.cbf"
    with read_run(tmp_path / "run.h5") as run:
        assert run.rows[1].name == "%1B[2J%0Aframe.cbf"


@pytest.mark.parametrize("content", [b"", b"not hdf5 at all", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_what_is_no_hdf5_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "run.h5").write_bytes(content)
    with pytest.raises(UserError, match=r"^[^\n]*run\.h5: not an HDF5 file[^\n]*$"):
        read_run(tmp_path / "run.h5")


def test_a_missing_run_and_another_hdf5_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such run file"):
        read_run(tmp_path / "run.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["entry/data"] = np.arange(3)
    with pytest.raises(UserError, match="not a run file of latticewatch"):
        read_run(tmp_path / "other.h5")


def _swap(path: Path, name: str, make: object) -> None:
    with h5py.File(path, "r+") as file:
        del file[name]
        make(file, name)  # type: ignore[operator]


def _external_link(file: h5py.File, name: str) -> None:
    file[name] = h5py.ExternalLink("/etc/hostname", "/")


def _soft_link(file: h5py.File, name: str) -> None:
    file[name] = h5py.SoftLink("/entry/title")


def _external_storage(file: h5py.File, name: str) -> None:
    file.create_dataset(name, (30,), "u1", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])


def _virtual(file: h5py.File, name: str) -> None:
    layout = h5py.VirtualLayout((30,), "f8")
    layout[:] = h5py.VirtualSource("other.h5", "x", (30,))
    file.create_virtual_dataset(name, layout)


def _huge(file: h5py.File, name: str) -> None:
    file.create_dataset(name, (1 << 40,), "f8", chunks=(1 << 16,))


def _text(file: h5py.File, name: str) -> None:
    file[name] = "text"


def _group(file: h5py.File, name: str) -> None:
    file.create_group(name)


@pytest.mark.parametrize("make", [_external_link, _soft_link, _external_storage, _virtual, _huge, _text, _group])
@pytest.mark.parametrize("name", ["entry/trace/time_s", "entry/map/intensity", "entry/map/two_theta"])
def test_a_file_that_leads_out_of_itself_or_lies_is_refused(tmp_path: Path, make: object, name: str) -> None:
    path = tmp_path / "run.h5"
    runs.write_run(path, 30)
    _swap(path, name, make)
    with pytest.raises(UserError, match=r"^[^\n]*run\.h5: [^\n]*$"):
        read_run(path)


def test_a_damaged_header_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    runs.write_run(path, 3)
    with h5py.File(path, "r+") as file:
        values = json.loads(file["entry/latticewatch/header"].asstr()[()])
        del file["entry/latticewatch/header"]
        values["setup"]["components"][0]["phase"]["cif_text"] = "no cif"
        file["entry/latticewatch/header"] = json.dumps(values)
    with pytest.raises(UserError, match=r"run\.h5"):
        read_run(path)
    with h5py.File(path, "r+") as file:
        del file["entry/latticewatch/header"]
        file["entry/latticewatch/header"] = "{}"
    with pytest.raises(UserError, match="header is damaged"):
        read_run(path)


def test_where_no_frames_come_the_file_is_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    real = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda handle: (synced.append(handle), real(handle))[1])
    with RunWriter(tmp_path / "run.h5", runs.header(), runs.two_theta()) as writer:
        writer.append_many(runs.rows(3))
        writer._block_at = writer._journal._synced_at = float("inf")
        writer.append_many([replace(row, index=row.index + 3) for row in runs.rows(4)])
        with h5py.File(tmp_path / "run.h5") as file:
            assert len(file["entry/trace/frame"]) == 3
        before = len(synced)
        assert writer.append_many([]) == []
        assert len(synced) == before + 1
        with h5py.File(tmp_path / "run.h5") as file:
            assert len(file["entry/trace/frame"]) == 7
        assert writer.append_many([]) == []
        assert len(synced) == before + 1


def test_a_note_is_handed_over_without_waiting_for_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    with RunWriter(path, runs.header(), runs.two_theta()) as writer:
        writer.append_many(runs.rows(2))
        hands_over = Thread(target=writer.hand_note, args=(3.0, "valve open"))
        with writer._mutex:  # as while the journal is synchronised
            hands_over.start()
            hands_over.join(timeout=60.0)
            assert not hands_over.is_alive()
        writer.append_many([])
        copied = Path(shutil.copytree(tmp_path, tmp_path.with_name("killed"))) / path.name
        with read_run(copied) as run:
            assert [note.text for note in run.notes] == ["valve open"]
        writer.hand_note(4.0, "valve closed")
    with read_run(path) as run:
        assert [(note.time_s, note.text) for note in run.notes] == [(3.0, "valve open"), (4.0, "valve closed")]
    with pytest.raises(RecordingStopped, match="closed"):
        writer.hand_note(5.0, "too late")
