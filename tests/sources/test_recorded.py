"""A complete folder: order, times, gaps, refusals."""

import math
import os
import threading
from pathlib import Path

import numpy as np
import pytest

from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.frame import Frame, Image, NoResult
from latticewatch.processing.sources.folder.recorded import RecordedFolder
from latticewatch.processing.sources.recorded_scan import open_scan
from tests.sample_data import sample
from tests.sources import frame_files


def frames(folder: Path, period_s: float | None = None) -> list[Frame]:
    return list(RecordedFolder(folder, period_s=period_s).frames(threading.Event()))


def write_tiffs(folder: Path, spacing_s: float, numbers: tuple[int, ...] = (1, 2, 3, 10)) -> None:
    for number in numbers:
        path = folder / f"frame_{number}.tif"
        path.write_bytes(frame_files.tiff(frame_files.counts(number)))
        os.utime(path, (1.7e9 + spacing_s * number, 1.7e9 + spacing_s * number))


def test_stamps_give_the_time_and_numbers_the_order(tmp_path: Path) -> None:
    for number in (10, 9, 2, 1):
        data = frame_files.cbf(frame_files.counts(number), stamp=frame_files.stamp(2.5 * number))
        (tmp_path / f"br_{number:04d}p.cbf").write_bytes(data)
    found = frames(tmp_path)
    assert [frame.name for frame in found] == [f"br_{number:04d}p.cbf" for number in (1, 2, 9, 10)]
    assert [frame.time_s for frame in found] == [0.0, 2.5, 20.0, 22.5]
    assert [frame.index for frame in found] == [0, 1, 2, 3]
    for frame, number in zip(found, (1, 2, 9, 10), strict=True):
        assert isinstance(frame.content, Image)
        np.testing.assert_array_equal(frame.content.counts, frame_files.counts(number))


def test_the_map_of_real_frames_has_its_own_times() -> None:
    found = frames(sample("map_pilatus1m"))
    assert len(found) == 6
    steps = np.diff([frame.time_s for frame in found])
    assert ((steps[[0, 1, 3, 4]] > 31.0) & (steps[[0, 1, 3, 4]] < 32.0)).all()
    assert 94.0 < steps[2] < 95.0


def test_without_stamps_the_files_give_the_time(tmp_path: Path) -> None:
    write_tiffs(tmp_path, spacing_s=2.5)
    for period_s in (None, 2.0):
        assert [frame.time_s for frame in frames(tmp_path, period_s)] == [0.0, 2.5, 5.0, 22.5]


def test_files_that_were_copied_do_not(tmp_path: Path) -> None:
    write_tiffs(tmp_path, spacing_s=0.01)
    assert [frame.time_s for frame in frames(tmp_path, 2.5)] == [0.0, 2.5, 5.0, 22.5]
    times = [frame.time_s for frame in frames(tmp_path)]
    assert times[0] == 0.0
    assert all(math.isnan(time_s) for time_s in times[1:])


def test_the_period_in_the_header_goes_before_the_experiments(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        path = tmp_path / f"f_{number}.cbf"
        path.write_bytes(frame_files.cbf(frame_files.counts(number), Exposure_period="0.5 s"))
        os.utime(path, (1.7e9, 1.7e9))
    assert [frame.time_s for frame in frames(tmp_path, 9.0)] == [0.0, 0.5, 1.0]


def test_a_file_that_cannot_be_read_is_a_gap_with_its_reason(tmp_path: Path) -> None:
    for number in (1, 2, 3, 4):
        data = frame_files.cbf(frame_files.counts(number), stamp=frame_files.stamp(2.5 * number))
        (tmp_path / f"f_{number}.cbf").write_bytes(data[: 900 if number in (1, 3) else None])
    found = frames(tmp_path)
    reasons = [frame.content.reason for frame in found if isinstance(frame.content, NoResult)]
    assert len(reasons) == 2
    assert all(reason.startswith("unreadable: cut short") for reason in reasons)
    assert [frame.time_s for frame in found][1::2] == [0.0, 5.0]
    assert math.isnan(found[0].time_s)
    assert math.isnan(found[2].time_s)
    assert all(frame.mtime_s > 1e9 for frame in found)


def test_links_and_pipes_are_gaps_and_folders_are_nothing(tmp_path: Path) -> None:
    (tmp_path / "f_1.cbf").write_bytes(frame_files.cbf(frame_files.counts(1)))
    (tmp_path / "f_2.cbf").symlink_to("f_1.cbf")
    os.mkfifo(tmp_path / "f_3.cbf")
    (tmp_path / "f_4.cbf").mkdir()
    (tmp_path / "f_5.cbf").symlink_to(".")
    contents = [frame.content for frame in frames(tmp_path)]
    assert [type(content) for content in contents[:3]] == [Image, NoResult, NoResult]
    assert all(isinstance(content, NoResult) for content in contents[1:])
    assert len(contents) == 3


def test_progress_counts_down(tmp_path: Path) -> None:
    write_tiffs(tmp_path, spacing_s=2.5)
    source = RecordedFolder(tmp_path)
    waiting = [source.progress().waiting for _ in source.frames(threading.Event())]
    assert waiting == [3, 2, 1, 0]
    assert source.progress().found == 4
    assert source.progress().newest_mtime_s == pytest.approx(1.7e9 + 25.0)


def test_files_that_are_read_side_by_side_stay_in_order(tmp_path: Path) -> None:
    for number in range(1, 30):
        content = frame_files.cbf(frame_files.counts(number), stamp=frame_files.stamp(float(number)))
        (tmp_path / f"scan_{number:03d}.cbf").write_bytes(content if number % 7 else content[:1000])
    frames = list(RecordedFolder(tmp_path).frames(threading.Event()))
    assert [frame.name for frame in frames] == [f"scan_{number:03d}.cbf" for number in range(1, 30)]
    for number, frame in enumerate(frames, start=1):
        if number % 7 == 0:
            assert isinstance(frame.content, NoResult)
        else:
            assert isinstance(frame.content, Image)
            np.testing.assert_array_equal(np.asarray(frame.content.counts), frame_files.counts(number))


@pytest.mark.parametrize("drawn", [1, 2, 5])
def test_a_source_that_is_left_early_leaves_no_thread(tmp_path: Path, drawn: int) -> None:
    for number in range(1, 10):
        (tmp_path / f"scan_{number:03d}.cbf").write_bytes(frame_files.cbf(frame_files.counts(number)))
    before = threading.active_count()
    frames = RecordedFolder(tmp_path).frames(threading.Event())
    for _ in range(drawn):
        next(frames)
    del frames
    assert threading.active_count() == before


def test_stop_is_obeyed_between_frames(tmp_path: Path) -> None:
    write_tiffs(tmp_path, spacing_s=2.5)
    stop = threading.Event()
    found = RecordedFolder(tmp_path).frames(stop)
    next(found)
    stop.set()
    assert list(found) == []


@pytest.mark.parametrize("make", ["missing", "empty", "text", "only_mask"])
def test_a_scan_that_is_none_is_refused_in_one_line(tmp_path: Path, make: str) -> None:
    path = tmp_path / make
    if make == "text":
        path.write_text("no scan")
    elif make != "missing":
        path.mkdir()
    if make == "only_mask":
        (path / "mask_1.tif").write_bytes(b"II")
    with pytest.raises(UserError) as refused:
        open_scan(path)
    assert str(path) in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1
