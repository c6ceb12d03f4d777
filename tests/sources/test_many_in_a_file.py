"""Files of several images: every one of them is a frame, recorded or watched, and can be looked at again."""

import io
import struct
import subprocess
import sys
import threading
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image as Picture

from latticewatch.processing.config.frame_selection import FrameSelection
from latticewatch.processing.flow.frame import Frame, Image, NoResult
from latticewatch.processing.formats.decode import decode
from latticewatch.processing.formats.image_file import NotWhole, Unreadable
from latticewatch.processing.sources.folder.candidate import Patience
from latticewatch.processing.sources.folder.recorded import RecordedFolder
from latticewatch.processing.sources.folder.watched import WatchedFolder
from latticewatch.processing.sources.hdf5.stack import HDF5Stack
from latticewatch.processing.sources.live import LiveScan
from latticewatch.processing.sources.recorded_scan import open_scan
from latticewatch.processing.sources.reread_image import read_again
from tests.sources import frame_files

PAGES = [frame_files.counts(seed).clip(0, 60_000).astype(np.uint16) for seed in range(4)]


def stack(pages: list[np.ndarray], compression: str | None = None) -> bytes:
    """A TIFF of these images, as a library writes it."""
    images = [Picture.fromarray(page) for page in pages]
    images[0].save(file := io.BytesIO(), "TIFF", save_all=True, append_images=images[1:], compression=compression)
    return file.getvalue()


def big_tiff(pages: list[np.ndarray], order: str = "<") -> bytes:
    """A BigTIFF of these images, one strip each."""
    data = (b"II+\x00" if order == "<" else b"MM\x00+") + struct.pack(f"{order}HHQ", 8, 0, 16)
    for number, page in enumerate(pages):
        rows, columns = page.shape
        numbers = {256: columns, 257: rows, 258: 16, 259: 1, 262: 1, 277: 1, 278: rows, 279: page.nbytes, 339: 1}
        size = 8 + 20 * (len(numbers) + 1) + 8
        place = len(data) + size
        following = place + page.nbytes if number < len(pages) - 1 else 0
        entries = [
            struct.pack(f"{order}HHQQ", tag, 16, 1, value) for tag, value in sorted({**numbers, 273: place}.items())
        ]
        data += struct.pack(f"{order}Q", len(entries)) + b"".join(entries) + struct.pack(f"{order}Q", following)
        data += page.astype(page.dtype.newbyteorder(order)).tobytes()
    return data


def image_j(pages: list[np.ndarray]) -> bytes:
    """As ImageJ writes a large stack: tags of the first image alone."""
    said = f"ImageJ=1.53t\nimages={len(pages)}\nslices={len(pages)}\n"
    return frame_files.tiff(pages[0], description=said) + b"".join(page.tobytes() for page in pages[1:])


@pytest.mark.parametrize("kind", ["plain", "lzw", "big", "big_endian", "image_j", "edf"])
def test_all_images_are_read(kind: str) -> None:
    data = {
        "plain": lambda: stack(PAGES),
        "lzw": lambda: stack(PAGES, "tiff_lzw"),
        "big": lambda: big_tiff(PAGES),
        "big_endian": lambda: big_tiff(PAGES, ">"),
        "image_j": lambda: image_j(PAGES),
        "edf": lambda: b"".join(frame_files.edf(page) for page in PAGES),
    }[kind]()
    image = decode("a.edf" if kind == "edf" else "a.tif", data)
    assert len(image.more) == 3
    for read, page in zip((image, *image.more), PAGES, strict=True):
        np.testing.assert_array_equal(read.counts, page)
    for length in np.linspace(10, len(data) - 1, 60).astype(int):
        try:
            cut = decode("a.edf" if kind == "edf" else "a.tif", data[:length])
        except Unreadable:
            continue
        # Nothing in an EDF says that more images follow; what is behind the last image of a TIFF is no pixel.
        assert len(cut.more) < 3 if kind == "edf" else np.array_equal(cut.more[-1].counts, PAGES[-1])


def test_directories_in_circles_are_refused() -> None:
    data = bytearray(big_tiff(PAGES[:1]))
    data[16 + 8 + 200 : 16 + 8 + 208] = struct.pack("<Q", 16)
    with pytest.raises(Unreadable, match="circles"):
        decode("a.tif", bytes(data))


def test_images_that_are_more_than_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from latticewatch.processing.formats import image_file

    monkeypatch.setattr(image_file, "LARGEST_FILE", 3 * PAGES[0].nbytes)
    with pytest.raises(Unreadable, match="more bytes"):
        decode("a.tif", stack(PAGES, "tiff_lzw"))


def numbers_of(frames: list[Frame]) -> list[int]:
    """Which page each frame shows."""
    pages = [np.asarray(frame.content.counts) for frame in frames if isinstance(frame.content, Image)]
    return [next(number for number, page in enumerate(PAGES) if np.array_equal(page, shown)) for shown in pages]


def watched(folder: Path) -> WatchedFolder:
    quick = Patience(settle_s=0.1, give_up_s=0.3, longest_s=5.0)
    selection = FrameSelection(missing_wait_s=0.1)
    return WatchedFolder(folder, selection=selection, until_idle_s=0.5, poll_s=0.01, patience=quick, period_s=2.0)


def test_watched_and_recorded_give_the_same_frames(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"s_{number}.tif").write_bytes(stack(PAGES))
    for source in (RecordedFolder(tmp_path, period_s=2.0), watched(tmp_path)):
        found = list(source.frames(threading.Event()))
        assert numbers_of(found) == [0, 1, 2, 3] * 2
        assert [frame.index for frame in found] == list(range(8))
        assert [frame.time_s for frame in found] == [2.0 * number for number in range(8)]
        assert [frame.name for frame in found[3:6]] == ["s_1.tif::000003", "s_2.tif", "s_2.tif::000001"]
        assert (source.progress().found, source.progress().waiting) == (8, 0)
    for name, number in (("s_2.tif", 0), ("s_1.tif::000003", 3)):
        np.testing.assert_array_equal(read_again(tmp_path, name), PAGES[number])


def test_a_stack_that_fills_its_gap_fills_it_with_its_first_image(tmp_path: Path) -> None:
    path = tmp_path / "s_1.tif"
    path.write_bytes(stack(PAGES)[:1000])
    (tmp_path / "s_2.tif").write_bytes(stack(PAGES[:1]))
    found = []
    for frame in watched(tmp_path).frames(threading.Event()):
        found.append(frame)
        if frame.name == "s_2.tif":
            path.write_bytes(stack(PAGES))
    assert isinstance(found[0].content, NoResult)
    assert [frame.name for frame in found] == [
        "s_1.tif",
        "s_2.tif",
        "s_1.tif",
        *(f"s_1.tif::00000{n}" for n in (1, 2, 3)),
    ]


def test_images_that_are_added_to_a_file_are_frames_and_those_before_are_none_again(tmp_path: Path) -> None:
    path = tmp_path / "s_1.tif"
    path.write_bytes(stack(PAGES[:1]))
    found = []
    for frame in watched(tmp_path).frames(threading.Event()):
        found.append(frame)
        if len(found) in (1, 3):
            path.write_bytes(stack(PAGES[: len(found) + (2 if len(found) == 1 else 1)]))
    assert numbers_of(found) == [0, 1, 2, 3]
    assert [frame.index for frame in found] == [0, 1, 2, 3]


def one_image(path: Path, number: int, **more: object) -> None:
    with h5py.File(path, "w") as file:
        file["entry/data/data"] = PAGES[number % 4][np.newaxis]
        for name, value in more.items():
            file[f"entry/data/{name}"] = value


def test_hdf5_files_of_one_image_have_their_own_times_masks_and_gaps(tmp_path: Path) -> None:
    mask = np.zeros(PAGES[0].shape, np.uint32)
    mask[3, 4] = 1
    for number in range(8):
        one_image(tmp_path / f"m_{number:03d}.h5", number, timestamp=[1e9 + 2.5 * number], pixel_mask=mask)
    whole = (tmp_path / "m_002.h5").read_bytes()
    (tmp_path / "m_002.h5").write_bytes(whole[:2000])
    found = list(open_scan(tmp_path).frames(threading.Event()))
    assert [frame.time_s for frame in found] == pytest.approx([2.5 * number for number in range(8)])
    assert [type(frame.content) for frame in found] == [Image, Image, NoResult, *[Image] * 5]
    contents = [frame.content for frame in found if isinstance(frame.content, Image)]
    assert all(content.masked is not None and content.masked.sum() == 1 for content in contents)
    live, names = [], [f"m_{number:03d}.h5::000000" for number in range(8)]
    source = LiveScan(tmp_path, selection=FrameSelection(settle_s=0.1, give_up_s=0.2), until_idle_s=0.5)
    for frame in source.frames(threading.Event()):
        live.append(frame)
        if frame.name == names[7]:
            (tmp_path / "m_002.h5").write_bytes(whole)
    assert [frame.name for frame in live] == [*names, names[2]]
    assert isinstance(live[-1].content, Image)
    assert live[-1].time_s == 5.0
    np.testing.assert_array_equal(read_again(tmp_path, names[5]), PAGES[1])


def test_a_run_file_beside_hdf5_frames_is_none(tmp_path: Path) -> None:
    one_image(tmp_path / "m_001.h5", 1)
    one_image(tmp_path / "m_002.h5", 2)
    found = []
    source = LiveScan(tmp_path, selection=FrameSelection(settle_s=0.1), until_idle_s=0.5, period_s=2.0)
    for frame in source.frames(threading.Event()):
        found.append(frame)
        one_image(tmp_path / "run.h5", 3)
    assert numbers_of(found) == [1, 2]


@pytest.mark.parametrize("other", ["run.h5", "dark.h5"])
def test_single_hdf5_files_beside_a_series_are_none_of_it(tmp_path: Path, other: str) -> None:
    for number in range(3):
        one_image(tmp_path / f"m_{number}.h5", number)
    one_image(tmp_path / other, 3)
    assert numbers_of(list(open_scan(tmp_path, period_s=1.0).frames(threading.Event()))) == [0, 1, 2]


def test_a_link_out_of_a_file_of_one_image_is_a_gap(tmp_path: Path) -> None:
    for number in range(3):
        one_image(tmp_path / f"m_{number}.h5", number)
    (tmp_path / "m_1.h5").unlink()
    with h5py.File(tmp_path / "m_1.h5", "w") as file:
        file["entry/data/data"] = h5py.ExternalLink("m_2.h5", "/entry/data/data")
    found = list(open_scan(tmp_path, period_s=1.0).frames(threading.Event()))
    assert [type(frame.content) for frame in found] == [Image, NoResult, Image]


def test_links_to_the_root_or_to_a_group_of_the_same_place_in_another_file(tmp_path: Path) -> None:
    for name, path in (("plain.h5", "images"), ("grouped.h5", "entry/images")):
        with h5py.File(tmp_path / name, "w") as file:
            file[path] = np.stack(PAGES)
    links = {"root.h5": ("plain.h5", "/"), "group.h5": ("grouped.h5", "/entry"), "bare.h5": ("grouped.h5", "entry")}
    for name, (target, path) in links.items():
        with h5py.File(tmp_path / name, "w") as file:
            file["entry"] = h5py.ExternalLink(target, path)
        found = list(HDF5Stack(tmp_path / name, period_s=1.0).frames(threading.Event()))
        assert numbers_of(found) == [0, 1, 2, 3], name


# Another process: this one has the file open for reading.
WRITE_LATE = """
import sys, h5py, numpy
with h5py.File(sys.argv[1], "r+", locking=False) as file:
    file["entry/data/data"][1] = numpy.load(sys.argv[2])
"""


def test_an_image_that_was_never_written_holds_up_no_later_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from latticewatch.processing.sources.hdf5 import stack as stack_module

    monkeypatch.setattr(stack_module, "hold_s", lambda _: 0.0)
    monkeypatch.setattr(stack_module, "POLL_S", 0.01)
    path = tmp_path / "s.h5"
    np.save(tmp_path / "late.npy", PAGES[1])
    with h5py.File(path, "w") as file:
        data = file.create_dataset("entry/data/data", (4, *PAGES[0].shape), np.uint16, chunks=(1, *PAGES[0].shape))
        for number in (0, 2, 3):
            data[number] = PAGES[number]
    found = []
    for frame in HDF5Stack(path, follow_s=3.0, period_s=1.0).frames(threading.Event()):
        found.append(frame)
        if len(found) == 4:
            subprocess.run([sys.executable, "-c", WRITE_LATE, str(path), str(tmp_path / "late.npy")], check=True)
    assert [type(frame.content) for frame in found] == [Image, NoResult, Image, Image, Image]
    assert numbers_of(found) == [0, 2, 3, 1]
    assert [frame.index for frame in found] == [0, 1, 2, 3, 4]
    assert found[4].name == found[1].name


def test_a_data_file_that_is_missing_holds_up_no_later_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from latticewatch.processing.sources.hdf5 import stack as stack_module

    monkeypatch.setattr(stack_module, "hold_s", lambda _: 0.0)
    monkeypatch.setattr(stack_module, "POLL_S", 0.01)

    def write(number: int) -> None:
        with h5py.File(tmp_path / f"x_data_{number:06d}.h5", "w") as file:
            file["entry/data/data"] = PAGES[number][np.newaxis]

    for number in (1, 3):
        write(number)
    with h5py.File(tmp_path / "x_master.h5", "w") as file:
        for number in (1, 2, 3):
            link = h5py.ExternalLink(f"x_data_{number:06d}.h5", "/entry/data/data")
            file[f"entry/data/data_{number:06d}"] = link
    found = []
    for frame in HDF5Stack(tmp_path / "x_master.h5", follow_s=0.5, period_s=1.0).frames(threading.Event()):
        found.append(frame)
        if len(found) == 3:
            write(2)
    assert numbers_of(found) == [1, 3, 2]


def test_bytes_that_are_no_hdf5_file_are_not_whole() -> None:
    with pytest.raises(NotWhole):
        decode("m_1.h5", b"\x89HDF\r\n\x1a\n" + bytes(3000))
