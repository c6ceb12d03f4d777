"""A folder that is written to: order, waiting, ends, and the same frames as when it is read afterwards."""

import math
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from latticewatch.processing.config.frame_selection import FrameSelection
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.frame import Frame, Image, NoResult
from latticewatch.processing.sources.folder import candidate as candidate_module
from latticewatch.processing.sources.folder import listing as listing_module
from latticewatch.processing.sources.folder import watched as watched_module
from latticewatch.processing.sources.folder.candidate import Patience
from latticewatch.processing.sources.folder.recorded import RecordedFolder
from latticewatch.processing.sources.folder.watched import WatchedFolder
from tests.sources import frame_files

NAMES = [f"br_0001p_{number:05d}.cbf" for number in range(1, 7)]
QUICK = Patience(settle_s=0.1, give_up_s=0.3, longest_s=5.0)


def put(folder: Path, number: int, *, seed: int | None = None) -> Path:
    path = folder / f"br_0001p_{number:05d}.cbf"
    image = frame_files.counts(number if seed is None else seed)
    path.write_bytes(frame_files.cbf(image, stamp=frame_files.stamp(2.5 * number)))
    return path


def watch(folder: Path, missing_wait_s: float = 0.3, **options: Any) -> WatchedFolder:
    settings = {"until_idle_s": 0.5, "poll_s": 0.01, "first_wait_s": 10.0, **options}
    chosen = settings.pop("selection", FrameSelection()).model_copy(update={"missing_wait_s": missing_wait_s})
    return WatchedFolder(folder, selection=chosen, patience=QUICK, **settings)


def numbers(found: list[Frame]) -> list[int]:
    return [int(frame.name.split("_")[-1].removesuffix(".cbf")) for frame in found]


def run(source: WatchedFolder, after: dict[int, Callable[[], object]] | None = None) -> list[Frame]:
    """All frames; ``after`` n frames something is done."""
    found: list[Frame] = []
    for frame in source.frames(threading.Event()):
        found.append(frame)
        (after or {}).get(len(found), lambda: None)()
    return found


def same(one: Frame, other: Frame) -> bool:
    plain = [(frame.index, frame.name, repr(frame.time_s), frame.mtime_s, dict(frame.header)) for frame in (one, other)]
    assert isinstance(one.content, Image)
    assert isinstance(other.content, Image)
    return plain[0] == plain[1] and np.array_equal(one.content.counts, other.content.counts)


@pytest.mark.parametrize("kind", ["cbf", "tif", "tif_copied", "edf"])
def test_watched_and_recorded_give_the_same_frames(tmp_path: Path, kind: str) -> None:
    writers = {
        "cbf": lambda n: frame_files.cbf(frame_files.counts(n), stamp=frame_files.stamp(0.1 * n)),
        "tif": lambda n: frame_files.tiff(frame_files.counts(n)),
        "tif_copied": lambda n: frame_files.tiff(frame_files.counts(n)),
        "edf": lambda n: frame_files.edf(frame_files.counts(n)),
    }
    for number in (1, 2, 3, 4, 7, 8, 10):
        path = tmp_path / f"scan_{number}.{kind[:3]}"
        path.write_bytes(writers[kind](number))
        spacing = 0.001 if kind == "tif_copied" else 2.5
        os.utime(path, (1.6e9 + spacing * number, 1.6e9 + spacing * number))
    watched = run(watch(tmp_path, period_s=3.0))
    recorded = list(RecordedFolder(tmp_path, period_s=3.0).frames(threading.Event()))
    assert len(watched) == len(recorded) == 7
    assert all(same(one, other) for one, other in zip(watched, recorded, strict=True))


def test_order_is_that_of_exposure_not_of_arrival(tmp_path: Path) -> None:
    for number in (3, 1, 2):
        put(tmp_path, number)
    after = {3: lambda: [put(tmp_path, 6), put(tmp_path, 5)], 4: lambda: None}
    source = watch(tmp_path, missing_wait_s=5.0)
    playing = threading.Timer(0.5, lambda: put(tmp_path, 4))
    playing.start()
    assert numbers(run(source, after)) == [1, 2, 3, 4, 5, 6]
    playing.join()


def test_the_first_frame_is_not_waited_for_where_none_can_come_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Number 0, and what has lain in the folder for longer than an earlier number would be waited for."""
    monkeypatch.setattr(watched_module, "START_WAIT_S", 1e9)
    put(tmp_path, 0)
    assert numbers(run(watch(tmp_path, missing_wait_s=1e9))) == [0]
    (tmp_path / "begun").mkdir()
    put(tmp_path / "begun", 5)
    late = SimpleNamespace(time=lambda: time.time() + 2e9, monotonic=time.monotonic)
    monkeypatch.setattr(candidate_module, "time", late)
    assert numbers(run(watch(tmp_path / "begun", missing_wait_s=1e9))) == [5]


def test_a_number_that_never_comes_is_waited_for_within_bounds_and_recorded_when_it_comes_after_all(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in (1, 2, 5):
        put(tmp_path, number)
    found = run(watch(tmp_path), {3: lambda: put(tmp_path, 4)})
    assert numbers(found) == [1, 2, 5, 4]
    assert [frame.time_s for frame in found] == [0.0, 2.5, 10.0, 7.5]
    assert "2 frame numbers are missing" in caplog.text
    assert "comes late" in caplog.text


def test_a_file_of_another_series_makes_no_frame_late(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A calibration between two frames, whose name comes after theirs."""
    for number in (1, 2):
        put(tmp_path, number)

    def calibrate() -> None:
        (tmp_path / "lab6_0001.cbf").write_bytes((tmp_path / "br_0001p_00001.cbf").read_bytes())

    after = {2: calibrate, 3: lambda: [put(tmp_path, number) for number in (3, 4, 6)]}
    source = watch(tmp_path)
    assert [frame.name for frame in run(source, after)][2:] == ["lab6_0001.cbf", *NAMES[2:4], NAMES[5]]
    assert "comes late" not in caplog.text
    assert source.progress().missing == 1


def test_a_frame_of_a_later_scan_makes_no_frame_late(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One file of scan 2 among those of scan 1, as when a file is renamed: a missing number is still waited for."""
    for number in (1, 2, 3):
        put(tmp_path, number)
    stray = tmp_path / "br_0002p_00002.cbf"
    after = {
        3: lambda: stray.write_bytes(frame_files.cbf(frame_files.counts(77), stamp=frame_files.stamp(8.0))),
        4: lambda: [put(tmp_path, number) for number in (4, 5)],
        6: lambda: [put(tmp_path, 7), threading.Timer(0.2, lambda: put(tmp_path, 6)).start()],
    }
    source = watch(tmp_path, missing_wait_s=5.0)
    assert [frame.name for frame in run(source, after)] == [*NAMES[:3], stray.name, *NAMES[3:], "br_0001p_00007.cbf"]
    assert "comes late" not in caplog.text
    assert source.progress().missing == 0


def test_a_file_that_stays_broken_is_a_gap_and_its_good_version_a_row(tmp_path: Path) -> None:
    put(tmp_path, 1)
    put(tmp_path, 2).write_bytes(b"###CBF: cut")
    put(tmp_path, 3)
    found = run(watch(tmp_path), {3: lambda: put(tmp_path, 2)})
    assert numbers(found) == [1, 2, 3, 2]
    assert [type(frame.content) for frame in found] == [Image, NoResult, Image, Image]
    assert [frame.index for frame in found] == [0, 1, 2, 3]


def test_other_content_under_a_recorded_name_is_recorded_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for number in (1, 2):
        put(tmp_path, number)
    found = run(watch(tmp_path), {2: lambda: put(tmp_path, 1, seed=77)})
    assert numbers(found) == [1, 2, 1]
    assert isinstance(found[2].content, Image)
    np.testing.assert_array_equal(found[2].content.counts, frame_files.counts(77))
    assert "written again" in caplog.text


def test_a_header_patched_afterwards_is_not_another_frame(tmp_path: Path) -> None:
    put(tmp_path, 1)

    def patch() -> None:
        content = frame_files.cbf(frame_files.counts(1), stamp=frame_files.stamp(2.5), Flux="12345.0")
        (tmp_path / "br_0001p_00001.cbf").write_bytes(content)

    assert len(run(watch(tmp_path), {1: patch})) == 1


def test_a_frame_renamed_after_it_was_recorded_stays_one(tmp_path: Path) -> None:
    path = put(tmp_path, 1)
    put(tmp_path, 2)
    assert len(run(watch(tmp_path), {2: lambda: path.rename(tmp_path / "br_0001p_00003.cbf")})) == 2


def test_folder_removed_and_made_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "scan"
    folder.mkdir()
    for number in (1, 2):
        put(folder, number)

    def come_back() -> None:
        folder.mkdir()
        for number in (3, 4):
            put(folder, number)

    def leave() -> None:
        folder.rename(tmp_path / "gone")
        timer.start()

    timer = threading.Timer(0.3, come_back)
    assert numbers(run(watch(folder, until_idle_s=3.0), {2: leave})) == [1, 2, 3, 4]
    assert "folder gone since" in caplog.text
    assert "folder is back" in caplog.text


def test_limits_end_the_watch(tmp_path: Path) -> None:
    for number in range(1, 6):
        put(tmp_path, number)
    assert numbers(run(watch(tmp_path, frame_limit=3))) == [1, 2, 3]
    empty = tmp_path / "empty"
    empty.mkdir()
    assert run(watch(empty, first_wait_s=0.2, until_idle_s=0.1)) == []


def test_stop_ends_a_watch_that_waits(tmp_path: Path) -> None:
    put(tmp_path, 1)
    stop = threading.Event()
    thread = threading.Thread(target=lambda: list(WatchedFolder(tmp_path, poll_s=60.0).frames(stop)))
    thread.start()
    threading.Timer(0.3, stop.set).start()
    thread.join(20.0)
    assert not thread.is_alive()


def test_progress_adds_up(tmp_path: Path) -> None:
    for number in range(1, 6):
        put(tmp_path, number)
    source = watch(tmp_path)
    seen = [source.progress() for _ in source.frames(threading.Event())]
    assert [(progress.found, progress.waiting) for progress in seen] == [(5, 4), (5, 3), (5, 2), (5, 1), (5, 0)]
    assert seen[-1].newest_mtime_s == pytest.approx((tmp_path / "br_0001p_00005.cbf").stat().st_mtime)


def test_next_names_are_found_between_listings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (1, 2):
        put(tmp_path, number)
    monkeypatch.setattr(listing_module, "CPU_SHARE", 1e-9)
    monkeypatch.setattr(listing_module, "LONGEST_PAUSE_S", 1e9)
    found = run(watch(tmp_path, frame_limit=5), {2: lambda: [put(tmp_path, number) for number in (3, 4, 5)]})
    assert numbers(found) == [1, 2, 3, 4, 5]


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        WatchedFolder(tmp_path / "absent")


@pytest.mark.parametrize("kind", ["cbf", "tif", "edf"])
def test_a_file_of_final_size_is_not_taken_before_its_content_is_there(tmp_path: Path, kind: str) -> None:
    image = frame_files.counts(1)
    content = {"cbf": frame_files.cbf, "tif": frame_files.tiff, "edf": frame_files.edf}[kind](image)
    path = tmp_path / f"scan_1.{kind}"
    half = len(content) - 4095 - 800 if kind == "cbf" else len(content) // 2
    path.write_bytes(content[:half].ljust(len(content), b"\x00"))
    timer = threading.Timer(0.6, lambda: path.write_bytes(content))
    patience = Patience(settle_s=1.5, give_up_s=10.0)
    soon = FrameSelection(missing_wait_s=0.05)
    source = WatchedFolder(tmp_path, selection=soon, poll_s=0.01, frame_limit=1, patience=patience)
    timer.start()
    (frame,) = source.frames(threading.Event())
    timer.join()
    assert isinstance(frame.content, Image)
    np.testing.assert_array_equal(frame.content.counts, image)


@pytest.mark.parametrize("names", [[f"s_20261128_0155{n:02d}" for n in (58, 59)] + ["s_20261128_015601"], None])
def test_names_that_count_in_another_way_are_not_waited_for(tmp_path: Path, names: list[str] | None) -> None:
    """Date and time; or, once the step has repeated, a count by five."""
    stems = names or [f"a_{number:04d}" for number in (0, 5, 10, 15, 20)]

    def write(stem: str) -> None:
        (tmp_path / f"{stem}.cbf").write_bytes(frame_files.cbf(frame_files.counts(1), stamp=frame_files.stamp(0.1)))

    for stem in stems[: 2 if names else 3]:
        write(stem)
    source = watch(tmp_path, missing_wait_s=0.5 if names is None else 1e9)
    late = {len(stems[: 2 if names else 3]): lambda: [write(stem) for stem in stems[2 if names else 3 :]]}
    found = run(source, late)
    assert [frame.name for frame in found] == [f"{stem}.cbf" for stem in stems]
    assert source.progress().missing == 0


def wait_until(holds: Callable[[], bool]) -> None:
    """Raises TimeoutError where this does not come to hold."""
    for _ in range(2000):
        if holds():
            return
        time.sleep(0.01)
    raise TimeoutError


def test_while_its_folder_is_gone_it_says_since_when(tmp_path: Path) -> None:
    folder = tmp_path / "scan"
    folder.mkdir()
    put(folder, 1)
    source, stop = watch(folder, until_idle_s=None), threading.Event()
    frames = source.frames(stop)
    next(frames)
    assert math.isnan(source.progress().gone_since_s)
    began_s = time.time()
    folder.rename(tmp_path / "gone")
    drawn = threading.Thread(target=lambda: list(frames))
    drawn.start()
    try:
        wait_until(lambda: source.progress().gone_since_s >= began_s)
        (tmp_path / "gone").rename(folder)
        wait_until(lambda: math.isnan(source.progress().gone_since_s))
    finally:
        stop.set()
        drawn.join()


def test_a_disk_that_does_not_answer_is_said_while_the_reader_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watched_module, "UNANSWERED_S", 0.2)
    put(tmp_path, 1)
    source, stop, answers = watch(tmp_path, until_idle_s=None), threading.Event(), threading.Event()
    frames = source.frames(stop)
    next(frames)
    time.sleep(0.3)  # a slow loop is no slow disk
    assert not source.progress().stuck

    def listed(_: bool) -> list[object]:
        answers.wait()
        return []

    monkeypatch.setattr(source._listing, "new_frames", listed)
    drawn = threading.Thread(target=lambda: list(frames))
    drawn.start()
    try:
        wait_until(lambda: source.progress().stuck)
        assert source.progress().gone_since_s <= time.time() - 0.2
        answers.set()
        wait_until(lambda: not source.progress().stuck)
    finally:
        stop.set()
        answers.set()
        drawn.join()
