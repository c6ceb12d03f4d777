"""The first look at real, wrong, empty and unfinished scans."""

import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from latticewatch.app.run.given import Given
from latticewatch.app.start import first_look as first_look_module
from latticewatch.app.start.first_look import first_look, glance
from latticewatch.app.start.judging import Level
from latticewatch.app.start.profiles import Choice, profile_text
from latticewatch.app.start.recent import remember
from latticewatch.app.start.run_place import run_folder, run_place
from latticewatch.processing.config.frame_selection import ALL
from latticewatch.processing.errors import UserError
from latticewatch.processing.record.run_file.lock import acquire
from latticewatch.processing.record.run_file.writer import RunWriter
from latticewatch.processing.simulation.scan import write_scan
from latticewatch.processing.text import printable
from tests.record.runs import header, rows, two_theta, write_run
from tests.sample_data import sample

GO = threading.Event()


@pytest.fixture(scope="module")
def halide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scan whose first frames are of solvent alone; treat as read-only."""
    folder = tmp_path_factory.mktemp("halide") / "scan"
    write_scan("iodide", folder, frames=12, detector="pilatus300k")
    return folder


def given_of(scan: Path, **more: object) -> Given:
    return replace(Given(geometry=scan / "geometry.poni", experiment=scan / "experiment.toml"), **more)


def only(scan: Path, folder: Path, numbers: tuple[int, ...]) -> Path:
    """A copy of the scan with these frames alone."""
    folder.mkdir()
    frames = sorted(scan.glob("*.cbf"))
    for path in (*(frames[number] for number in numbers), scan / "geometry.poni", scan / "experiment.toml"):
        shutil.copy(path, folder)
    return folder


def test_what_a_run_needs_is_compiled_before_the_first_look(halide: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[int] = []
    monkeypatch.setattr(first_look_module, "is_cold", lambda: not compiled)
    monkeypatch.setattr(first_look_module, "warm_up", lambda: compiled.append(1))
    first_look(halide, given_of(halide), GO)
    first_look(halide, given_of(halide), GO)
    assert compiled == [1]


def test_the_newest_frame_that_fits_is_judged_and_all_orientations_are_told(halide: Path) -> None:
    look = first_look(halide, given_of(halide), GO)
    assert look.judgement.level is Level.GOOD
    assert look.seen is not None
    assert look.seen.name.endswith("00012.cbf")
    assert look.seen.curves is not None
    assert (look.frames, look.newest) == glance(halide, look.selection)
    assert look.frames == 12
    for number in ("1 no fit", "2 no fit", "3 0.", "4 "):
        assert number in look.judgement.text


@pytest.mark.parametrize("wrong", [2, 4])
def test_a_wrong_orientation_is_told_with_the_right_one(halide: Path, wrong: int) -> None:
    """4 fits too, six times as badly: it must not be recommended, nor be content with itself."""
    look = first_look(halide, given_of(halide, orientation=wrong), GO)
    assert (look.judgement.level, look.judgement.better) == (Level.WRONG, 3)


@pytest.mark.parametrize("orientation", [None, 2])
def test_solvent_alone_cannot_be_judged(halide: Path, tmp_path: Path, orientation: int | None) -> None:
    scan = only(halide, tmp_path / "solvent", (0, 1, 2))
    look = first_look(scan, given_of(scan, orientation=orientation), GO)
    assert look.judgement.level is Level.UNKNOWN
    assert look.judgement.better is None
    assert "Cannot be judged from this frame" in look.judgement.text
    assert look.seen is not None


def test_an_empty_folder_waits_for_its_first_frame(halide: Path, tmp_path: Path) -> None:
    scan = only(halide, tmp_path / "empty", ())
    look = first_look(scan, given_of(scan), GO)
    assert (look.judgement.level, look.frames, look.seen) == (Level.UNKNOWN, 0, None)
    assert {"geometry", "experiment", "Br", "I"} <= {each.name for each in look.used}
    assert glance(scan, look.selection) == (0, "")
    shutil.copy(sorted(halide.glob("*.cbf"))[5], scan)
    assert glance(scan, look.selection)[0] == 1


def test_a_frame_that_is_not_whole_yet_is_no_reason_to_refuse(halide: Path, tmp_path: Path) -> None:
    scan = only(halide, tmp_path / "growing", ())
    whole = sorted(halide.glob("*.cbf"))[5]
    (scan / whole.name).write_bytes(whole.read_bytes()[:2000])
    look = first_look(scan, given_of(scan), GO)
    assert (look.judgement.level, look.seen) == (Level.UNKNOWN, None)
    assert "can be read yet" in look.judgement.text


def test_source_settings_of_the_set_up_hold(halide: Path, tmp_path: Path) -> None:
    """Sub-folders and the name pattern, of the set-up or as they were chosen."""
    scan = only(halide, tmp_path / "deep", ())
    (scan / "inner").mkdir()
    for number in (5, 6):
        shutil.copy(sorted(halide.glob("*.cbf"))[number], scan / "inner")
    assert first_look(scan, given_of(scan), GO).frames == 0
    assert first_look(scan, given_of(scan, recursive=True), GO).frames == 2
    text = (scan / "experiment.toml").read_text()
    (scan / "experiment.toml").write_text(f'{text}\n[source]\nrecursive = true\ninclude = "*00006.cbf"\n')
    look = first_look(scan, given_of(scan), GO)
    assert look.frames == 1
    assert glance(scan, look.selection)[0] == 1


def test_the_other_series_of_a_file_are_named() -> None:
    case = sample("field/bliss-two-scans")
    given = Given(geometry=case / "g.poni", experiment=case / "experiment.toml")
    assert [each.partition(" (")[2] for each in first_look(case / "sample_0001.h5", given, GO).others] == ["3 images)"]


def test_a_wrong_flip_is_seen_at_a_real_frame(tmp_path: Path) -> None:
    shutil.copy(sample("ceo2_pilatus1m/CeO2_Pilatus1M.tif"), tmp_path)
    poni = sample("ceo2_pilatus1m/CeO2_Pilatus1M.poni")
    (tmp_path / "experiment.toml").write_text(profile_text([Choice("CeO2", "CeO2")]), encoding="utf-8")
    right = first_look(tmp_path, Given(geometry=poni, orientation=2), GO)
    assert right.seen is not None
    assert right.seen.curves is not None
    assert "CeO2 5.41" in right.judgement.text
    assert "far above 1" in right.judgement.text
    wrong = first_look(tmp_path, Given(geometry=poni), GO)
    assert wrong.seen is not None
    assert wrong.seen.curves is None
    assert (wrong.judgement.level, wrong.judgement.better) == (Level.WRONG, 2)


def test_a_mask_of_another_shape_is_an_error(halide: Path, tmp_path: Path) -> None:
    import numpy as np

    np.save(tmp_path / "mask.npy", np.zeros((3, 4), np.int8))
    with pytest.raises(UserError, match="mask"):
        first_look(halide, given_of(halide, mask=tmp_path / "mask.npy"), GO)


def test_the_run_goes_beside_the_folder_and_the_earlier_one_is_found(tmp_path: Path) -> None:
    scan = tmp_path / "br_i_004"
    scan.mkdir()
    inputs, names = header().inputs, ["scan_0000p.cbf"]
    assert run_place(scan, inputs, names).new == tmp_path / "br_i_004.h5"
    write_run(tmp_path / "br_i_004.h5", 6)
    place = run_place(scan, inputs, names)
    assert place.new == tmp_path / "br_i_004_2.h5"
    assert place.earlier is not None
    assert (place.earlier.path, place.earlier.frames, place.earlier.why_not) == (tmp_path / "br_i_004.h5", 6, "")
    assert run_place(scan, inputs[:1], names).earlier.why_not == "it was made with another geometry or set-up"
    assert run_place(scan, inputs, ["other.cbf"]).earlier.why_not == "its frames are not in this folder"
    (tmp_path / "br_i_004_2.h5").write_bytes(b"no run")
    newest = run_place(scan, inputs, names)
    assert newest.new == tmp_path / "br_i_004_3.h5"
    assert newest.earlier.why_not.startswith("it cannot be read")


def test_the_run_that_was_watched_last_is_found_wherever_it_was_recorded(tmp_path: Path) -> None:
    scan, elsewhere = tmp_path / "scans" / "br_i_004", tmp_path / "elsewhere" / "mine.h5"
    for folder in (scan, elsewhere.parent):
        folder.mkdir(parents=True)
    inputs, names = header().inputs, ["scan_0000p.cbf"]
    write_run(scan.with_suffix(".h5"), 3)
    remember(scan, Given(), elsewhere)
    assert run_place(scan, inputs, names).earlier.path == scan.with_suffix(".h5")
    write_run(elsewhere, 6)
    place = run_place(scan, inputs, names)
    assert (place.new, place.earlier.path) == (tmp_path / "scans" / "br_i_004_2.h5", elsewhere)
    assert place.earlier.why_not == ""


def test_names_that_cannot_be_printed_are_those_of_the_run(tmp_path: Path) -> None:
    """The run file holds them percent-escaped."""
    scan = tmp_path / "br_i_004"
    scan.mkdir()
    name = "scan\n_0000p.cbf"
    with RunWriter(tmp_path / "br_i_004.h5", header(), two_theta()) as writer:
        writer.append_many([replace(rows(1)[0], name=printable(name))])
    assert run_place(scan, header().inputs, [name]).earlier.why_not == ""


def test_a_run_that_is_being_recorded_is_not_offered(tmp_path: Path) -> None:
    scan = tmp_path / "br_i_004"
    scan.mkdir()
    write_run(tmp_path / "br_i_004.h5", 6)
    lock = acquire(tmp_path / "br_i_004.h5")
    try:
        earlier = run_place(scan, header().inputs, ["scan_0000p.cbf"]).earlier
        assert earlier is not None
        assert earlier.why_not == "it is being recorded by another process"
    finally:
        lock.release()


def test_where_nothing_may_be_written_the_run_goes_to_the_users_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr("os.access", lambda *_: False)
    assert run_folder(tmp_path / "locked" / "scan") == tmp_path / "data" / "latticewatch" / "runs"
    assert ALL.recursive is False
