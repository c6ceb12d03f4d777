"""TIFF and BigTIFF as detectors write them: usually one image in one plain strip; PILATUS and EPICS tags.

All images of a file are read, but no thumbnails; ImageJ announces in words those that have no tags of their own.
Strips are read here, plain or packed by LZW or Deflate, because fabio gives no data and no error for a file cut short,
hides the tags that hold the time, and needs a process of its own. Tiled files, and those packed in other ways, go to
fabio once their declared size is found sane.
"""

import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.codecs.lzw import unpack_lzw
from latticewatch.processing.formats.fabio_process import read_with_fabio
from latticewatch.processing.formats.header_text import LONGEST_VALUE, number, pilatus_lines, stamp_s
from latticewatch.processing.formats.image_file import NAN, ImageFile, NotWhole, Unreadable, check_shape, one_file

ORDERS = {b"II*\x00": "<", b"MM\x00*": ">", b"II+\x00": "<", b"MM\x00+": ">"}
SIZES = {1: "B", 2: "c", 3: "H", 4: "I", 6: "b", 7: "c", 8: "h", 9: "i", 11: "f", 12: "d", 16: "Q", 17: "q"}
KINDS = {1: "u", 2: "i", 3: "f"}
SUBFILE_TYPE = 254
WIDTH, LENGTH, BITS, COMPRESSION, DESCRIPTION = 256, 257, 258, 259, 270
OFFSETS, SAMPLES, STRIP_ROWS, COUNTS, DATE_TIME, PREDICTOR, FORMAT = 273, 277, 278, 279, 306, 317, 339
LZW = 5
DRIVER_S, EPICS_S, EPICS_NS, FIRST_ATTRIBUTE = 65000, 65002, 65003, 65010
READ = {
    *(WIDTH, LENGTH, BITS, COMPRESSION, DESCRIPTION, OFFSETS, SAMPLES, COUNTS, DATE_TIME, FORMAT),
    *(SUBFILE_TYPE, STRIP_ROWS, PREDICTOR, DRIVER_S, EPICS_S, EPICS_NS),
    *range(FIRST_ATTRIBUTE, FIRST_ATTRIBUTE + 300),
}
EPICS_EPOCH_S = 631152000.0
MOST_IMAGES, MOST_TAGS, MOST_STRIPS, LONGEST_TEXT = 100_000, 1000, 1_000_000, 65_536
IMAGEJ = re.compile(r"ImageJ=[^\n]*\n(?:[^\n]*\n)*?images=(\d{1,6})\b")
Tags = Mapping[int, Any]


@dataclass(frozen=True, slots=True)
class _Words:
    """How the numbers of a directory lie in the file: their order, its length, those of a tag, and of an offset."""

    order: str
    count: str
    entry: str
    offset: str


@dataclass(frozen=True, slots=True)
class _Form:
    """How the pixels lie in the file."""

    rows: int
    columns: int
    dtype: np.dtype[Any]


def decode_tiff(data: bytes) -> ImageFile:
    """The images in the bytes of a TIFF file. Raises NotWhole or Unreadable."""
    order = ORDERS[data[:4]]
    big = data[:4] in (b"II+\x00", b"MM\x00+")
    words = (
        _Words(order, f"{order}Q", f"{order}HHQ8s", f"{order}Q")
        if big
        else _Words(order, f"{order}H", f"{order}HHI4s", f"{order}I")
    )
    try:
        directories = list(_directories(data, words, 8 if big else 4))
    except struct.error:
        raise NotWhole("cut short") from None
    images = [tags for tags in directories if LENGTH in tags and tags.get(SUBFILE_TYPE, 0) != 1] or directories[:1]
    alone = len(images) == 1
    return one_file(image for tags in images for image in _images(data, tags, order, alone=alone))


def _directories(data: bytes, words: _Words, at: int) -> Iterator[Tags]:
    """The tags of each image. Raises NotWhole or struct.error where they lie behind the end of the file."""
    seen: set[int] = set()
    (start,) = struct.unpack_from(words.offset, data, at)
    while start or not seen:
        (count,) = struct.unpack_from(words.count, data, start)
        if start < 8 or not 0 < count <= MOST_TAGS:
            raise NotWhole("its directory is not written yet")
        if start in seen or len(seen) >= MOST_IMAGES:
            raise Unreadable("its directories go in circles")
        seen.add(start)
        first, size = start + struct.calcsize(words.count), struct.calcsize(words.entry)
        entries = (struct.unpack_from(words.entry, data, first + size * k) for k in range(count))
        known = ((tag, _value(data, words, *value)) for tag, *value in entries if value[0] in SIZES and tag in READ)
        yield {tag: value for tag, value in known if value is not None}
        (start,) = struct.unpack_from(words.offset, data, first + size * count)


def _images(data: bytes, tags: Tags, order: str, *, alone: bool) -> list[ImageFile]:
    """The image of these tags; alone: and those that ImageJ says follow it."""
    form = _form(tags, order)
    match _integer(tags, COMPRESSION, 1), OFFSETS in tags, _integer(tags, PREDICTOR, 1):
        case 1, True, _:
            counts = _plain(data, tags, form)
        case (5 | 8 | 32946) as packing, True, (1 | 2) as predictor if predictor == 1 or form.dtype.kind in "iu":
            counts = _unpacked(data, tags, form, packing, predictor)
        case _ if alone:
            counts = _packed(data, form)
        case _:
            raise Unreadable("holds several images, packed in a way that is not known; split or unpack it")
    header, stamp = _described(tags)
    image = ImageFile(
        counts=counts,
        header=MappingProxyType(header),
        stamp_s=stamp,
        exposure_s=number(header, ["Exposure_time", "Exposure time(s)"]),
        period_s=number(header, ["Exposure_period"]),
    )
    found = IMAGEJ.match(str(tags.get(DESCRIPTION, ""))) if alone else None
    many = int(found[1]) if found else 1
    if many <= 1:
        return [image]
    size, first = counts.nbytes, int(np.min(tags[OFFSETS]))
    if first + many * size > len(data):
        raise NotWhole(f"cut short: {many} images are announced")
    others = np.frombuffer(data, form.dtype, many * counts.size, first).reshape(many, *counts.shape)
    return [image, *(replace(image, counts=each.astype(counts.dtype, copy=False)) for each in others[1:])]


def _value(data: bytes, words: _Words, kind: int, many: int, raw: bytes) -> Any:
    if many > (LONGEST_TEXT if SIZES[kind] == "c" else MOST_STRIPS):
        return None
    size = struct.calcsize(SIZES[kind]) * many
    if size > len(raw):
        (start,) = struct.unpack(words.offset, raw)
        raw = data[start : start + size]
    if len(raw) < size:
        raise NotWhole("cut short")
    if SIZES[kind] == "c":
        return raw[:size].split(b"\x00")[0].decode("utf-8", "replace")
    values = np.frombuffer(raw, f"{words.order}{np.dtype(SIZES[kind]).str[1:]}", many)
    return values[0].item() if many == 1 else values


def _form(tags: Tags, order: str) -> _Form:
    rows, columns, bits = (_integer(tags, tag) for tag in (LENGTH, WIDTH, BITS))
    kind = KINDS.get(_integer(tags, FORMAT, 1))
    if kind is None or bits not in (8, 16, 32, 64) or (kind == "f" and bits < 32) or _integer(tags, SAMPLES, 1) != 1:
        raise Unreadable("not one number a pixel")
    check_shape(rows, columns, bits // 8)
    return _Form(rows, columns, np.dtype(f"{order}{kind}{bits // 8}"))


def _integer(tags: Tags, tag: int, default: int | None = None) -> int:
    value = tags.get(tag, default)
    if not isinstance(value, int):
        raise Unreadable(f"its tag {tag} is missing or no single number")
    return value


def _plain(data: bytes, tags: Tags, form: _Form) -> NDArray[Any]:
    size = form.rows * form.columns * form.dtype.itemsize
    offsets = np.atleast_1d(tags[OFFSETS]).tolist()
    lengths = np.atleast_1d(tags.get(COUNTS, size)).tolist()
    if len(offsets) == 1 and lengths[0] < size <= len(data) - offsets[0]:
        lengths = [size]  # some writers put a long count into a short field; what the pixels need is there
    if len(offsets) != len(lengths) or sum(lengths) < size:
        raise Unreadable("its strips hold fewer bytes than its pixels need")
    if any(offset + length > len(data) for offset, length in zip(offsets, lengths, strict=True)):
        raise NotWhole("cut short")
    if sum(lengths) > len(data):
        raise Unreadable("its strips lie over one another")
    follow = all(here + length == there for here, length, there in zip(offsets, lengths, offsets[1:], strict=False))
    start, strips = offsets[0], data
    if not follow:
        start = 0
        strips = b"".join(data[offset : offset + length] for offset, length in zip(offsets, lengths, strict=True))
    counts = np.frombuffer(strips, form.dtype, form.rows * form.columns, start).reshape(form.rows, form.columns)
    return counts.astype(form.dtype.newbyteorder("="), copy=False)


def _unpacked(data: bytes, tags: Tags, form: _Form, packing: int, predictor: int) -> NDArray[Any]:
    """Strips packed by LZW (5) or Deflate. predictor 2: each number is its difference from the one to its left."""
    offsets, lengths = (np.atleast_1d(tags.get(tag, 0)).tolist() for tag in (OFFSETS, COUNTS))
    strip_rows = min(_integer(tags, STRIP_ROWS, form.rows), form.rows)
    if len(offsets) != len(lengths) or strip_rows < 1 or len(offsets) != -(-form.rows // strip_rows):
        raise Unreadable("its strips do not make up its rows")
    if any(offset + length > len(data) for offset, length in zip(offsets, lengths, strict=True)):
        raise NotWhole("cut short")
    counts = np.empty((form.rows, form.columns), form.dtype)
    for place, (offset, length) in enumerate(zip(offsets, lengths, strict=True)):
        rows = counts[place * strip_rows : (place + 1) * strip_rows]
        strip = _unpacked_strip(data[offset : offset + length], rows.nbytes, packing)
        if strip is None:
            raise NotWhole("cannot be unpacked")
        rows[...] = strip.view(form.dtype).reshape(rows.shape)
    native = counts.astype(form.dtype.newbyteorder("="), copy=False)
    return np.cumsum(native, axis=1, dtype=native.dtype) if predictor == 2 else native


def _unpacked_strip(packed: bytes, size: int, packing: int) -> NDArray[np.uint8] | None:
    if packing == LZW:
        return unpack_lzw(np.frombuffer(packed, np.uint8), size)
    try:
        content = zlib.decompressobj().decompress(packed, size)
    except zlib.error:
        return None
    return np.frombuffer(content, np.uint8) if len(content) == size else None


def _packed(data: bytes, form: _Form) -> NDArray[Any]:
    counts = np.asarray(read_with_fabio(data, "tifimage").counts)
    if counts.shape != (form.rows, form.columns):
        raise Unreadable("its pixels are not of the shape it declares")
    return counts


def _described(tags: Tags) -> tuple[dict[str, str], float]:
    """Header and time stamp: PILATUS's description, or else EPICS areaDetector's attributes."""
    header, stamp = pilatus_lines(str(tags.get(DESCRIPTION, "")))
    attributes = (value for tag, value in tags.items() if tag >= FIRST_ATTRIBUTE and isinstance(value, str))
    header |= {key: value[:LONGEST_VALUE] for key, _, value in (text.partition(":") for text in attributes) if key}
    if stamp != stamp:
        stamp = _epics_stamp(tags)
    if stamp != stamp:
        stamp = stamp_s(str(tags.get(DATE_TIME, "")))
    return header, stamp


def _epics_stamp(tags: Tags) -> float:
    """The driver's time of the exposure; only where EPICS's own clock stands beside it is its epoch known."""
    driver, epics = tags.get(DRIVER_S), tags.get(EPICS_S)
    if not isinstance(driver, float) or not isinstance(epics, int) or abs(driver - epics) > 86400.0:
        return NAN
    return round(driver + EPICS_EPOCH_S, 3)
