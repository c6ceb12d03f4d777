"""Changes of a running scan's settings in the run file: there whatever happens, and rows say which they have."""

import dataclasses
from pathlib import Path

import h5py
import pytest

from latticewatch.processing.flow.row_fields import Crystal, Kept, columns_of
from latticewatch.processing.flow.series import Row
from latticewatch.processing.record.run_file.changes import (
    Change,
    Difference,
    alike_segments,
    fits_alike,
    lost_segments,
)
from latticewatch.processing.record.run_file.fallback import Fallback
from latticewatch.processing.record.run_file.header import Decision, InputFile
from latticewatch.processing.record.run_file.journal import Kind, index
from latticewatch.processing.record.run_file.names import journal_path
from latticewatch.processing.record.run_file.reader import Run, read_run
from latticewatch.processing.record.run_file.writer import RunWriter
from tests.record import runs
from tests.record.equality import assert_same_rows
from tests.record.test_crash import _abandon


def change(segment: int, *, keeps_fits: bool = False, is_undo: bool = False) -> Change:
    """The start cell of the first component becomes another one."""
    setup = runs.setup()
    first = dataclasses.replace(setup.components[0], lattice_parameter_A=5.8 + 0.01 * segment)
    return Change(
        segment=segment,
        frame=10 * segment,
        time_s=25.0 * segment - 2.5,
        changed_s=1_700_000_100.125 + segment,
        why="the wrong cell",
        what=(Difference("[[component]] Br lattice_parameter_A", "5.842", f"{5.8 + 0.01 * segment:g}"),),
        is_undo=is_undo,
        keeps_fits=keeps_fits,
        setup=dataclasses.replace(setup, components=(first, *setup.components[1:])),
        experiment_toml="# changed\n",
        inputs=(InputFile("mask", "other.npz", "ef" * 32),),
        decided=(Decision("mask", "other.npz", "command line"),),
    )


def rows_of(segment: int, count: int = 10) -> list[Row]:
    return [dataclasses.replace(row, segment=segment) for row in runs.rows(10 * segment + count)[10 * segment :]]


def record(writer: RunWriter, segments: int = 3) -> list[Row]:
    """Ten rows of each segment, a change before each but the first."""
    recorded: list[Row] = []
    for segment in range(segments):
        if segment:
            writer.append_change(change(segment))
        recorded += writer.append_many(rows_of(segment))
    return recorded


def assert_whole(run: Run, recorded: list[Row], changes: int = 2) -> None:
    assert_same_rows(run.rows, recorded)
    assert run.changes == tuple(change(segment) for segment in range(1, changes + 1))
    assert run.latest.setup == change(changes).setup
    assert run.latest.inputs == change(changes).inputs
    assert run.header.setup == runs.setup()


def test_a_closed_run_holds_its_changes_for_every_reader(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    with RunWriter(path, runs.header(), runs.two_theta()) as writer:
        recorded = record(writer)
    with read_run(path) as run:
        assert_whole(run, recorded)
        assert [row.index for row in run.traced_alike] == list(range(20, 30))
    with h5py.File(path) as file:
        group = file["entry/changes"]
        assert group["frame"][:].tolist() == [10, 20]
        assert group["time_s"][:].tolist() == [22.5, 47.5]
        assert group["why"].asstr()[:].tolist() == ["the wrong cell"] * 2
        assert group["what"].asstr()[0] == "[[component]] Br lattice_parameter_A: 5.842 → 5.81"
        assert file["entry/trace/segment"][:].tolist() == [0] * 10 + [1] * 10 + [2] * 10


def test_a_run_without_changes_has_no_such_group(tmp_path: Path) -> None:
    runs.write_run(tmp_path / "run.h5", 5)
    with h5py.File(tmp_path / "run.h5") as file:
        assert "changes" not in file["entry"]
    with read_run(tmp_path / "run.h5") as run:
        assert run.changes == ()
        assert run.latest == run.header
        assert len(run.traced_alike) == 5


def test_changes_survive_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    writer = RunWriter(path, runs.header(), runs.two_theta())
    recorded = record(writer)
    _abandon(writer)
    with read_run(path) as run:
        assert_whole(run, recorded)


def test_a_change_that_the_journal_lost_comes_from_the_run_file(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    writer = RunWriter(path, runs.header(), runs.two_theta())
    recorded = record(writer)
    writer.flush()
    _abandon(writer)
    _spoil_first_change(path)
    with read_run(path) as run:
        assert_whole(run, recorded)
        assert "no row is lost" in run.notices[0]


def test_a_change_that_both_lost_is_said_and_its_rows_are_not_taken_for_those_before(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    writer = RunWriter(path, runs.header(), runs.two_theta())
    recorded = record(writer, 2)
    _abandon(writer)
    _spoil_first_change(path)
    path.unlink()
    with read_run(path) as run:
        assert_same_rows(run.rows, recorded)
        assert run.changes == ()
        assert "the settings of segment 1 are lost" in run.notices[-1]
        assert [row.index for row in run.traced_alike] == list(range(10, 20))


def _spoil_first_change(path: Path) -> None:
    journal = journal_path(path)
    with journal.open("rb") as handle:
        found = index(handle)
    assert found is not None
    entry = next(entry for entry in found.entries if entry.kind == Kind.CHANGE)
    content = bytearray(journal.read_bytes())
    content[entry.offset + 5] ^= 0xFF
    journal.write_bytes(content)


@pytest.mark.parametrize("closed", [True, False])
def test_changes_are_there_when_a_run_is_resumed_and_killed_again(tmp_path: Path, closed: bool) -> None:
    path = tmp_path / "run.h5"
    writer = RunWriter(path, runs.header(), runs.two_theta())
    recorded = record(writer, 2)
    (writer.close if closed else lambda: _abandon(writer))()
    writer = RunWriter.resume(path)
    writer.append_change(change(2))
    recorded += writer.append_many(rows_of(2))
    _abandon(writer)
    with read_run(path) as run:
        assert_whole(run, recorded)


def test_changes_go_along_to_the_fallback_folder_those_of_a_resumed_run_too(tmp_path: Path) -> None:
    place = tmp_path / "there"
    place.mkdir()
    path = place / "run.h5"
    with RunWriter(path, runs.header(), runs.two_theta()) as writer:
        recorded = record(writer, 2)
    writer = RunWriter.resume(path)
    with read_run(path) as run:
        fallback = Fallback(
            tmp_path / "fallback", run.header, run.two_theta, before=list(run.rows), changes=list(run.changes)
        )
    writer.use_fallback(fallback)
    place.rename(tmp_path / "gone")
    writer.append_change(change(2))
    writer._space_at = -1.0
    recorded += writer.append_many(rows_of(2))
    assert writer.path.parent == tmp_path / "fallback"
    writer.close()
    with read_run(writer.path) as run:
        assert_whole(run, recorded)


def test_what_is_computed_from_many_rows_is_of_those_that_were_fitted_alike() -> None:
    header = runs.header()
    wrong, other = change(1), dataclasses.replace(change(2), setup=change(2).setup)
    back = dataclasses.replace(change(2, is_undo=True), setup=header.setup, inputs=header.inputs)
    laxer = dataclasses.replace(back, segment=3, setup=dataclasses.replace(header.setup, tolerance=0.1))
    masked = dataclasses.replace(back, inputs=(*header.inputs[:1], InputFile("mask", "mask.npz", "00" * 32)))
    turned = dataclasses.replace(back, decided=(Decision("[geometry] polarization", "0.5", "experiment.toml"),))
    table: list[tuple[tuple[Change, ...], set[int]]] = [
        ((), {0}),
        ((wrong,), {1}),
        ((wrong, other), {2}),
        ((wrong, back), {0, 2}),
        ((wrong, back, laxer), {0, 2, 3}),
        ((wrong, masked), {2}),
        ((wrong, turned), {2}),
    ]
    for changes, alike in table:
        assert alike_segments(header, changes) == alike
    assert fits_alike(back, laxer)
    assert not fits_alike(wrong, back)


def test_segments_without_a_change_are_told() -> None:
    assert lost_segments((), (0, 0, -1)) == []
    assert lost_segments((change(1),), (0, 1, 1)) == []
    assert lost_segments((change(2),), (0, 1, 2, 3)) == [1, 3]


def test_a_change_is_told_in_one_line() -> None:
    told = "[[component]] Br lattice_parameter_A: 5.842 → 5.81 (the wrong cell)"
    assert str(change(1)) == f"changed: {told}"
    assert str(change(1, is_undo=True)) == f"undone: {told}"
    assert change(1).label == "changed: the wrong cell"
    without = dataclasses.replace(change(1, is_undo=True), why="", what=change(1).what * 3)
    assert without.label == "undone: Br lattice_parameter_A: 5.842 → 5.81 and 2 more"


def test_the_trace_says_which_segment_a_row_is_of() -> None:
    assert "trace/segment" in [column.path for column in columns_of(Kept((Crystal("Br"),)))]
