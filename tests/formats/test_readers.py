"""Reading one image file: real files to the last figure, and refusal of everything that is not whole."""

import bz2
import gzip
import io
import math
import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latticewatch.processing.formats import file_bytes
from latticewatch.processing.formats.decode import decode, read_image
from latticewatch.processing.formats.fabio_process import read_with_fabio
from latticewatch.processing.formats.image_file import ImageFile, NotWhole, Unreadable
from tests.sample_data import sample
from tests.sources import frame_files

IMAGE = frame_files.counts(1)
WRITERS: dict[str, Callable[[], bytes]] = {
    "a.cbf": lambda: frame_files.cbf(IMAGE),
    "a.tif": lambda: frame_files.tiff(IMAGE),
    "a.edf": lambda: frame_files.edf(IMAGE),
    "a.edf.gz": lambda: gzip.compress(frame_files.edf(IMAGE)),
    "a.cbf.bz2": lambda: bz2.compress(frame_files.cbf(IMAGE)),
}
FIGURES = [
    ("readers/F2K_Seb_Lyso0675.edf.bz2", (2048, 2048), 982, 17467, 1504.29, 217.61),
    ("readers/example.mar2300", (2300, 2300), 0, 999999, 180.15, 4122.67),
]


@pytest.mark.parametrize(("name", "shape", "least", "most", "mean", "deviation"), FIGURES)
def test_real_files_have_the_figures_of_their_source(
    name: str, shape: tuple[int, int], least: int, most: int, mean: float, deviation: float
) -> None:
    counts = np.asarray(read_image(sample(name)).counts)
    assert counts.shape == shape
    assert (counts.min(), counts.max()) == (least, most)
    assert counts.mean() == pytest.approx(mean, abs=0.005)
    assert counts.std() == pytest.approx(deviation, abs=0.005)


def test_pilatus_cbf_tells_time_exposure_and_period() -> None:
    first = read_image(sample("readers/l-cyst_01_00001.cbf"))
    second = read_image(sample("readers/l-cyst_01_00002.cbf"))
    assert first.counts.shape == (1679, 1475)
    assert first.counts.dtype == np.int32
    assert (first.exposure_s, first.period_s) == (0.0964, 0.1)
    assert first.stamp_s % 60.0 == pytest.approx(45.613, abs=5e-4)
    assert second.stamp_s - first.stamp_s == pytest.approx(0.1, abs=5e-4)
    assert first.header["Flux"] == "0.000000"
    assert first.header["Threshold_setting"] == "9000 eV"
    assert first.proven


def test_pilatus_tiff_tells_time_and_exposure() -> None:
    image = read_image(sample("ceo2_pilatus1m/CeO2_Pilatus1M.tif"))
    assert image.counts.shape == (1043, 981)
    assert image.exposure_s == 3.0
    assert image.stamp_s % 3600.0 == 33 * 60 + 9


def test_the_readers_agree_with_fabio() -> None:
    import fabio

    for name in ("readers/l-cyst_01_00001.cbf", "pixium_i12/pixium_03150.tif", "lab6_pilatus300kw/lab6_0023.tif"):
        path = sample(name)
        np.testing.assert_array_equal(read_image(path).counts, fabio.open(str(path)).data)


def test_an_epics_stamp_counts_only_beside_epics_own_clock() -> None:
    first = read_image(sample("map_pilatus1m/Fe3O4C_M1_map_1_P1_E1_001.tif"))
    second = read_image(sample("map_pilatus1m/Fe3O4C_M1_map_2_P1_E1_001.tif"))
    assert second.stamp_s - first.stamp_s == pytest.approx(31.554, abs=1e-3)
    assert first.exposure_s == pytest.approx(29.999)
    assert math.isnan(read_image(sample("pixium_i12/pixium_03150.tif")).stamp_s)


@pytest.mark.parametrize("name", WRITERS)
def test_written_is_read(name: str) -> None:
    np.testing.assert_array_equal(decode(name, WRITERS[name]()).counts, IMAGE)


def test_number_types_and_byte_order_stay() -> None:
    for kind in (np.uint16, np.int32, np.float32):
        image = IMAGE.astype(kind)
        for order in "<>":
            counts = decode("a.tif", frame_files.tiff(image, order=order)).counts
            np.testing.assert_array_equal(counts, image)
            assert counts.dtype == np.dtype(kind)


def test_mask_codes_stay() -> None:
    assert (np.asarray(decode("a.cbf", frame_files.cbf(IMAGE)).counts)[:, 25] == -1).all()


@pytest.mark.parametrize("name", WRITERS)
def test_no_prefix_of_a_file_is_an_image(name: str) -> None:
    data = WRITERS[name]()
    whole = decode(name, data).counts
    content = data.rstrip(b"\x00") if name == "a.tif" else data
    for length in np.linspace(0, len(content) - 1, 150).astype(int):
        try:
            counts = decode(name, data[:length]).counts
        except Unreadable:
            continue
        assert name == "a.cbf"
        assert length > len(data) - 4200
        np.testing.assert_array_equal(counts, whole)


@pytest.mark.parametrize("name", ["a.cbf", "a.tif", "a.edf", "a.edf.gz"])
def test_a_cut_file_may_become_whole(name: str) -> None:
    data = WRITERS[name]()
    content = data[:-4200] if name == "a.cbf" else data
    for share in (0.3, 0.6, 0.9):
        with pytest.raises(NotWhole):
            decode(name, content[: int(share * len(content))])


def test_a_cbf_cut_within_its_binary_header_does_not_loop() -> None:
    data = frame_files.cbf(IMAGE)
    with pytest.raises(NotWhole, match="header"):
        decode("a.cbf", data[: data.index(b"Content-MD5")])


def test_a_preallocated_cbf_is_not_whole() -> None:
    data = frame_files.cbf(IMAGE)
    half = len(data) - 4095 - 600
    with pytest.raises(NotWhole, match="checksum"):
        decode("a.cbf", data[:half].ljust(len(data), b"\x00"))


def test_nothing_but_zeros_is_not_whole_yet() -> None:
    with pytest.raises(NotWhole):
        decode("a.tif", b"\x00" * 5000)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Fastest-Dimension: 50", b"Fastest-Dimension: 99999999"),
        (b"Second-Dimension: 40", b"Second-Dimension: 41"),
        (b"Number-of-Elements: 2000", b"Number-of-Elements: 1999"),
        (b"x-CBF_BYTE_OFFSET", b"x-CBF_PACKED"),
        (b"signed 32-bit integer", b"signed 128-bit real"),
        (b"Fastest-Dimension: 50", b"Fastest-Dimension: -5"),
        (b"LITTLE_ENDIAN", b"BIG_ENDIAN"),
    ],
)
def test_a_cbf_with_a_lying_header_is_refused(old: bytes, new: bytes) -> None:
    data = frame_files.cbf(IMAGE)
    assert old in data
    with pytest.raises(Unreadable):
        decode("a.cbf", data.replace(old, new))


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"EDF_BinaryFileName": "/etc/passwd"}, "another file"),
        ({"Compression": "GZIP"}, "packed"),
        ({"Dim_1": "4000000000"}, "more than any detector"),
        ({"Dim_2": "0"}, "0 x 50"),
        ({"DataType": "QuadrupleValue"}, "type of number"),
        ({"Dim_2": "80"}, "cut short"),
    ],
)
def test_an_edf_that_asks_too_much_is_refused(header: dict[str, str], reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        decode("a.edf", frame_files.edf(IMAGE, header))


def test_an_edf_of_two_images_has_both() -> None:
    data = frame_files.edf(IMAGE, {"time_of_day": "10.0"}) + b"\n" + frame_files.edf(IMAGE + 1, {"time_of_day": "12.5"})
    image = decode("a.edf", data)
    np.testing.assert_array_equal(image.counts, IMAGE)
    np.testing.assert_array_equal(image.more[0].counts, IMAGE + 1)
    assert [each.stamp_s for each in (image, *image.more)] == [10.0, 12.5]
    with pytest.raises(NotWhole, match="cut short"):
        decode("a.edf", data[:-100])


def test_an_edf_tells_its_time() -> None:
    header = {"time_of_day": "1107142684.1234", "acq_expo_time": "2.5"}
    image = decode("a.edf", frame_files.edf(IMAGE, header))
    assert (image.stamp_s, image.exposure_s) == (1107142684.123, 2.5)


def test_a_bomb_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_bytes, "LARGEST_FILE", 1_000_000)
    for name, bomb in (("a.edf.gz", gzip.compress(bytes(9_000_000))), ("a.edf.bz2", bz2.compress(bytes(9_000_000)))):
        with pytest.raises(Unreadable, match="more bytes"):
            decode(name, bomb)


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    image = tmp_path / "real.cbf"
    image.write_bytes(frame_files.cbf(IMAGE))
    (tmp_path / "link.cbf").symlink_to(image)
    (tmp_path / "loop.cbf").symlink_to("loop.cbf")
    (tmp_path / "zero.cbf").symlink_to("/dev/zero")
    (tmp_path / "folder.cbf").mkdir()
    os.mkfifo(tmp_path / "pipe.cbf")
    for name in ("link.cbf", "loop.cbf", "zero.cbf", "folder.cbf", "pipe.cbf"):
        with pytest.raises(Unreadable) as refused:
            read_image(tmp_path / name)
        assert not isinstance(refused.value, NotWhole)
    with pytest.raises(Unreadable):
        read_image(Path("/dev/null"))
    with pytest.raises(NotWhole):
        read_image(tmp_path / "absent.cbf")
    with pytest.raises(Unreadable):
        read_image(tmp_path / "nul\x00.cbf")


def test_holes_of_64_gib_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "hole.tif"
    with path.open("wb") as file:
        file.truncate(64 << 30)
    with pytest.raises(Unreadable, match="more than any image"):
        read_image(path)


def test_long_lines_take_no_long_time() -> None:
    data = frame_files.cbf(IMAGE)
    for spoiled in (
        data.replace(b"# Detector", b"# a" + b" " * 500_000),
        data.replace(b"Content-Type", b"\n" * 15_000 + b"Content-Type"),
        data.replace(b"X-Binary-ID", b" " * 15_000 + b"X-Binary-ID"),
    ):
        np.testing.assert_array_equal(decode("a.cbf", spoiled).counts, IMAGE)
    with pytest.raises(Unreadable, match="longer than any"):
        decode("a.cbf", data.replace(b"Content-Type", b" " * 500_000 + b"Content-Type"))


def test_strips_over_one_another_are_refused() -> None:
    data = bytearray(frame_files.tiff(IMAGE))
    many = 100_000
    at = len(data)
    data += np.full(many, 4096, "<u4").tobytes() + np.full(many, 8000, "<u4").tobytes()
    for tag, place in ((273, at), (279, at + 4 * many)):
        entry = data.index(struct.pack("<HHI", tag, 4, 1))
        data[entry : entry + 12] = struct.pack("<HHII", tag, 4, many, place)
    with pytest.raises(Unreadable, match="over one another"):
        decode("a.tif", bytes(data))


def test_a_packed_tiff_is_read_in_a_process_of_its_own() -> None:
    from PIL import Image

    image = IMAGE.clip(0, 60_000).astype(np.uint16)
    Image.fromarray(image).save(file := io.BytesIO(), "TIFF", compression="tiff_lzw")
    np.testing.assert_array_equal(decode("a.tif", file.getvalue()).counts, image)


def test_a_reader_that_hangs_costs_one_frame() -> None:
    data = frame_files.cbf(IMAGE)
    cut = data[: data.index(b"Content-MD5")]
    with pytest.raises(Unreadable, match="longer than"):
        read_with_fabio(cut, "cbfimage", limit_s=5.0)


def _decode_or_refuse(name: str, data: bytes) -> ImageFile | None:
    try:
        return decode(name, data)
    except Unreadable:
        return None


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_spoiled_files_are_read_or_refused_but_never_break(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["a.cbf", "a.tif", "a.edf"]))
    content = bytearray(WRITERS[name]())
    places = st.integers(0, min(len(content), 4200) - 1)
    for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=8)):
        content[place] = value
    image = _decode_or_refuse(name, bytes(content))
    assert image is None or len(image.counts.shape) == 2


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([b"###CBF", b"II*\x00", b"MM\x00*", b"{\n", b"\xd2\x04\x00\x00", b""]), st.binary(max_size=6000))
def test_noise_behind_a_known_start_is_refused(start: bytes, noise: bytes) -> None:
    image = _decode_or_refuse("a.img", start + noise)
    assert image is None or len(image.counts.shape) == 2


def test_what_fabio_says_of_a_file_is_in_the_answer_alone(capfd: pytest.CaptureFixture[str]) -> None:
    """A line for each frame would fill the terminal."""
    with pytest.raises(Unreadable, match="no image"):
        read_with_fabio(b"II*\x00" + bytes(2000), "tifimage")
    assert capfd.readouterr().err == ""
