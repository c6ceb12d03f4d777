"""HDF5 stacks: every layout read to the pixel, every way out of the folder refused."""

import math
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
import pytest
from numpy.typing import NDArray

from latticewatch.processing.config.frame_selection import FrameSelection
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.frame import Frame, Image, NoResult
from latticewatch.processing.sources.hdf5.stack import HDF5Stack
from latticewatch.processing.sources.live import LiveScan
from latticewatch.processing.sources.recorded_scan import open_scan
from tests.sources import frame_files

IMAGES: NDArray[np.uint32] = np.random.default_rng(3).poisson(30.0, (6, 20, 30)).astype(np.uint32)
IMAGES[:, 3, 4] = 2**32 - 1


def frames(path: Path, period_s: float | None = None) -> list[Frame]:
    return list(HDF5Stack(path, period_s=period_s).frames(threading.Event()))


def assert_all_images(found: list[Frame]) -> None:
    assert len(found) == len(IMAGES)
    for frame, image in zip(found, IMAGES, strict=True):
        assert isinstance(frame.content, Image)
        np.testing.assert_array_equal(frame.content.counts, image)


def write_eiger(folder: Path, per_file: int = 2) -> Path:
    """A master with links to data files, as a DECTRIS file writer leaves them."""
    master = folder / "scan_1_master.h5"
    with h5py.File(master, "w") as file:
        file["entry/instrument/detector/count_time"] = 2.4
        file["entry/instrument/detector/frame_time"] = 2.5
        file["entry/instrument/detector/description"] = "Dectris EIGER2 CdTe 4M"
        for number in range(len(IMAGES) // per_file):
            name = f"scan_1_data_{number + 1:06d}.h5"
            file[f"entry/data/data_{number + 1:06d}"] = h5py.ExternalLink(name, "/entry/data/data")
            with h5py.File(folder / name, "w") as data:
                block = IMAGES[number * per_file : (number + 1) * per_file]
                data.create_dataset("entry/data/data", data=block, chunks=(1, 20, 30), **hdf5plugin.Bitshuffle())
    return master


def test_an_eiger_master_and_its_data_files(tmp_path: Path) -> None:
    master = write_eiger(tmp_path)
    found = frames(master)
    assert_all_images(found)
    assert [frame.time_s for frame in found] == [2.5 * number for number in range(6)]
    assert found[0].name == "scan_1_master.h5::000000"
    assert found[0].header["description"] == "Dectris EIGER2 CdTe 4M"
    assert_all_images(list(open_scan(tmp_path).frames(threading.Event())))


def test_frames_of_a_missing_data_file_are_gaps(tmp_path: Path) -> None:
    master = write_eiger(tmp_path)
    (tmp_path / "scan_1_data_000002.h5").unlink()
    found = frames(master)
    assert [isinstance(frame.content, NoResult) for frame in found] == [False, False, True, True, False, False]
    assert isinstance(found[2].content, NoResult)
    assert "scan_1_data_000002.h5" in found[2].content.reason
    assert isinstance(found[5].content, Image)
    np.testing.assert_array_equal(found[5].content.counts, IMAGES[5])


def test_a_nexus_signal_with_times(tmp_path: Path) -> None:
    path = tmp_path / "scan.nxs"
    with h5py.File(path, "w") as file:
        file.attrs["default"] = "entry"
        data = file.create_group("entry/data")
        file["entry"].attrs["default"] = "data"
        data.attrs["signal"] = "counts"
        data["counts"] = IMAGES
        data["larger"] = np.zeros((9, 40, 40))
        data["elapsed_time"] = 1000.0 * np.array([3.0, 5.0, 7.5, 9.0, 12.0, 15.0])
        data["elapsed_time"].attrs["units"] = "ms"
    found = frames(path)
    assert_all_images(found)
    assert [frame.time_s for frame in found] == [0.0, 2.0, 4.5, 6.0, 9.0, 12.0]


def test_a_detector_and_a_plain_stack(tmp_path: Path) -> None:
    detector, plain = tmp_path / "detector.h5", tmp_path / "plain.h5"
    with h5py.File(detector, "w") as file:
        group = file.create_group("entry/instrument/det_3")
        group.attrs["NX_class"] = "NXdetector"
        group["data"] = IMAGES
        file["elsewhere"] = np.zeros((9, 40, 40))
    with h5py.File(plain, "w") as file:
        file["a/b/images"] = IMAGES
        file["a/mask"] = np.zeros((20, 30))
    assert_all_images(frames(detector))
    found = frames(plain, period_s=4.0)
    assert_all_images(found)
    assert [frame.time_s for frame in found][:3] == [0.0, 4.0, 8.0]
    assert math.isnan(frames(plain)[1].time_s)


@pytest.mark.parametrize("options", [{}, {"chunks": (1, 1, 20, 30), **hdf5plugin.Bitshuffle()}])
def test_frames_of_one_module(tmp_path: Path, options: dict[str, Any]) -> None:
    """As areaDetector and some NeXus writers have them: frames x 1 x rows x columns."""
    with h5py.File(tmp_path / "one.h5", "w") as file:
        file.create_dataset("entry/data/data", data=IMAGES[:, None], **options)
    assert_all_images(frames(tmp_path / "one.h5"))


def test_virtual_and_soft_links_within_the_folder_are_followed(tmp_path: Path) -> None:
    write_eiger(tmp_path)
    layout = h5py.VirtualLayout((6, 20, 30), np.uint32)
    for number in range(3):
        source = h5py.VirtualSource(f"scan_1_data_{number + 1:06d}.h5", "/entry/data/data", (2, 20, 30))
        layout[2 * number : 2 * number + 2] = source
    path = tmp_path / "virtual.h5"
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("entry/all", layout)
        file["entry/images"] = h5py.SoftLink("/entry/all")
    assert_all_images(frames(path))
    (tmp_path / "scan_1_data_000003.h5").unlink()
    with pytest.raises(UserError, match="scan_1_data_000003"):
        frames(path)


def test_a_master_that_comes_before_its_data_is_followed(tmp_path: Path) -> None:
    source, folder = tmp_path / "source", tmp_path / "scan"
    source.mkdir()
    folder.mkdir()
    master = write_eiger(source).rename(folder / "scan_1_master.h5")
    with pytest.raises(UserError, match="not there yet"):
        frames(master)
    found = HDF5Stack(master, follow_s=60.0).frames(stop := threading.Event())
    received: list[Frame] = []
    for number in (1, 2, 3):
        name = f"scan_1_data_{number:06d}.h5"
        (source / name).rename(folder / name)
        received += [next(found), next(found)]
    stop.set()
    assert list(found) == []
    assert_all_images(received)


def test_a_watched_folder_in_which_a_master_appears(tmp_path: Path) -> None:
    source, folder = tmp_path / "source", tmp_path / "scan"
    source.mkdir()
    folder.mkdir()
    write_eiger(source)
    live = LiveScan(folder, until_idle_s=2.0)
    movers = [
        threading.Timer(0.2 * n, path.rename, (folder / path.name,)) for n, path in enumerate(_master_first(source))
    ]
    for mover in movers:
        mover.start()
    found = list(live.frames(threading.Event()))
    assert_all_images(found)
    assert live.progress().found == 6


def _master_first(folder: Path) -> list[Path]:
    return sorted(folder.iterdir(), key=lambda path: ("master" not in path.name, path.name))


def test_a_watched_folder_of_images_and_one_where_nothing_comes(tmp_path: Path) -> None:
    (tmp_path / "f_1.cbf").write_bytes(frame_files.cbf(frame_files.counts(1)))
    assert len(list(LiveScan(tmp_path, frame_limit=1).frames(threading.Event()))) == 1
    empty = tmp_path / "empty"
    empty.mkdir()
    assert list(LiveScan(empty, until_idle_s=0.1, first_wait_s=0.1).frames(threading.Event())) == []


WRITER = """
import sys, h5py, numpy as np
images = np.load(sys.argv[2], allow_pickle=False)
with h5py.File(sys.argv[1], "w", libver="latest") as file:
    dataset = file.create_dataset("entry/data/images", (0, 20, 30), np.uint32, maxshape=(None, 20, 30))
    file.swmr_mode = True
    for number, image in enumerate(images):
        dataset.resize(number + 1, axis=0)
        dataset[number] = image
        dataset.flush()
        sys.stdout.write("written\\n")
        sys.stdout.flush()
        sys.stdin.readline()
"""


def test_a_growing_swmr_file_is_followed(tmp_path: Path) -> None:
    path, images = tmp_path / "growing.h5", tmp_path / "images.npy"
    np.save(images, IMAGES)
    command = [sys.executable, "-c", WRITER, str(path), str(images)]
    stop, received = threading.Event(), []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        writer.stdout.readline()
        source = HDF5Stack(path, follow_s=20.0)
        found = source.frames(stop)
        for _ in IMAGES:
            received.append(next(found))
            writer.stdin.write("go on\n")
            writer.stdin.flush()
            writer.stdout.readline()
    stop.set()
    assert list(found) == []
    assert_all_images(received)
    assert source.progress().found == 6


def test_a_spoiled_chunk_is_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "stack.h5"
    with h5py.File(path, "w") as file:
        images = file.create_dataset("images", data=IMAGES, chunks=(1, 20, 30), fletcher32=True, compression="gzip")
        place = images.id.get_chunk_info(2)
    with path.open("r+b") as raw:
        raw.seek(place.byte_offset + 10)
        raw.write(b"spoiled")
    found = frames(path)
    assert [isinstance(frame.content, NoResult) for frame in found] == [False, False, True, False, False, False]


def test_a_frame_that_was_never_written_is_a_gap_and_waited_for_live(tmp_path: Path) -> None:
    path = tmp_path / "stack.h5"
    with h5py.File(path, "w") as file:
        images = file.create_dataset("images", (6, 20, 30), np.uint32, chunks=(1, 20, 30))
        images[:4] = IMAGES[:4]
    found = frames(path)
    assert [isinstance(frame.content, NoResult) for frame in found] == [False, False, False, False, True, True]
    assert len(list(HDF5Stack(path, follow_s=0.2).frames(threading.Event()))) == 4


def test_hdf5_files_of_one_image_each_as_they_come(tmp_path: Path) -> None:
    def write(number: int) -> None:
        draft = tmp_path / f".m_{number:03d}.h5"
        with h5py.File(draft, "w") as file:
            file["entry/data/data"] = np.full((1, 6, 8), number, np.int32)
        draft.rename(tmp_path / f"m_{number:03d}.h5")

    for number in (9, 10):
        write(number)
    selection = FrameSelection(settle_s=0.1)
    source = LiveScan(tmp_path, selection=selection, period_s=2.0, until_idle_s=1.0)
    found = []
    for frame in source.frames(threading.Event()):
        found.append(frame)
        if len(found) == 2:
            write(11)
    assert [frame.name for frame in found] == [f"m_{number:03d}.h5::000000" for number in (9, 10, 11)]
    assert [int(np.asarray(frame.content.counts)[0, 0]) for frame in found if isinstance(frame.content, Image)] == [
        9,
        10,
        11,
    ]
    recorded = list(open_scan(tmp_path, period_s=2.0).frames(threading.Event()))
    assert [(frame.index, frame.name) for frame in recorded] == [(frame.index, frame.name) for frame in found]


def with_attributes(path: Path, count: int = 8, **series: object) -> Path:
    """Images with areaDetector's attributes of each frame."""
    with h5py.File(path, "w") as file:
        file["entry/data/data"] = np.ones((count, 6, 8), np.uint16)
        for name, values in series.items():
            file[f"entry/instrument/NDAttributes/{name}"] = values
    return path


def test_times_of_areadetector_that_go_back_or_stand_still(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    true = [2.5 * number for number in range(8)]
    back = [1e9 + each - (3600.0 if each >= 10.0 else 0.0) for each in true]
    found = frames(with_attributes(tmp_path / "back.h5", NDArrayTimeStamp=back))
    assert [frame.time_s for frame in found] == pytest.approx(true)
    assert "clock of the time stamps was set by -3600 s" in caplog.text
    still = with_attributes(tmp_path / "still.h5", NDArrayTimeStamp=[1e9] * 8)
    assert [frame.time_s for frame in frames(still, period_s=2.5)] == pytest.approx(true)
    assert "its time stamp is that of the frame before; a period of 2.5 s is used" in caplog.text


def test_seconds_and_nanoseconds_of_epics(tmp_path: Path) -> None:
    true = [0.2 * number for number in range(8)]
    seconds = [int(1e9 + each + 1e-9) for each in true]
    rest = [round((1e9 + each - whole) * 1e9) for each, whole in zip(true, seconds, strict=True)]
    both = with_attributes(tmp_path / "both.h5", NDArrayEpicsTSSec=seconds, NDArrayEpicsTSnSec=rest)
    assert [frame.time_s for frame in frames(both)] == pytest.approx(true, abs=1e-6)
    coarse = with_attributes(tmp_path / "coarse.h5", NDArrayEpicsTSSec=seconds)
    assert [frame.time_s for frame in frames(coarse)] == pytest.approx(true, abs=0.3)


def test_frames_that_the_detector_dropped_leave_their_time(tmp_path: Path) -> None:
    path = with_attributes(tmp_path / "dropped.h5", NDArrayUniqueId=[7, 8, 9, 12, 13, 14, 15, 16])
    assert [frame.time_s for frame in frames(path, period_s=2.0)] == [0.0, 2.0, 4.0, 10.0, 12.0, 14.0, 16.0, 18.0]
