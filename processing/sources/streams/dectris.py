"""DECTRIS stream v2: what its CBOR messages say.

One map a message, by ``type``: start, image, end (github.com/dectris/documentation, stream_v2). Pixels are a
multi-dimensional array (tag 40) of a typed array (tags 64 to 87, RFC 8746), whose bytes may be packed (tag 56500).
"""

import contextlib
import math
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, NoReturn

import cbor2
import numpy as np

from latticewatch.processing.flow.frame import Image, NoResult
from latticewatch.processing.formats.header_text import LONGEST_VALUE, MOST_LINES
from latticewatch.processing.formats.image_file import LARGEST_FILE, NAN, Unreadable
from latticewatch.processing.sources.streams.messages import Broken, Message, SeriesEnd, SeriesStart, StreamImage
from latticewatch.processing.sources.streams.pixels import bitshuffled, lz4, plain

ROW_MAJOR, COLUMN_MAJOR, PACKED = 40, 1040, 56500
TYPES = {
    64: "u1", 65: ">u2", 66: ">u4", 67: ">u8", 68: "u1", 69: "<u2", 70: "<u4", 71: "<u8",
    72: "i1", 73: ">i2", 74: ">i4", 75: ">i8", 77: "<i2", 78: "<i4", 79: "<i8",
    81: ">f4", 82: ">f8", 85: "<f4", 86: "<f8",
}  # fmt: skip
UNWANTED = (2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 256, 258, 260, 261, 1004, 43000)
"""Tags that a general decoder acts on (patterns, mail, shared and computed values); a detector sends none of them."""
MOST_ITEMS, DEEPEST = 100_000, 16
LARGEST_NUMBER = 2**62
LENGTHS = {24: 1, 25: 2, 26: 4, 27: 8}


def decode_message(data: bytes, channels: dict[str, tuple[str, ...]]) -> Message | None:
    """What this message says; None for a type that is not known, which a later version may send.

    channels: by series, in the detector's order; filled by start messages. Never raises on data.
    """
    try:
        return _decoded(data, channels)
    except Unreadable as error:
        return Broken(str(error))
    except Exception as error:  # whatever a spoiled message leads the decoder to: it costs one image, not the run
        return Broken(f"not a sound message ({type(error).__name__})")


def _decoded(data: bytes, channels: dict[str, tuple[str, ...]]) -> Message | None:
    check_bounds(data)

    def refuse(*_: object) -> NoReturn:
        raise Unreadable("it holds a kind of value that no detector sends")

    refused = dict.fromkeys(UNWANTED, refuse)
    fields = cbor2.loads(data, semantic_decoders=refused, max_depth=DEEPEST, strict_hashable_types=True)
    if not isinstance(fields, dict):
        raise Unreadable("not a message of DECTRIS stream v2")
    match fields.get("type"):
        case "start":
            return _start(fields, channels)
        case "image":
            return _image(fields, channels)
        case "end":
            return SeriesEnd(_identity(fields))
        case str():
            return None
    raise Unreadable("not a message of DECTRIS stream v2")


def check_bounds(data: bytes) -> None:
    """Raises Unreadable for a message that would unpack to more objects than any detector's, or ends too early."""
    at, items = 0, 0
    while at < len(data):
        items += 1
        kind, extra = data[at] >> 5, data[at] & 31
        at += 1
        length = extra
        if extra in LENGTHS:
            length = int.from_bytes(data[at : at + LENGTHS[extra]], "big")
            at += LENGTHS[extra]
        if kind in (2, 3) and extra != 31:
            at += length
        if items > MOST_ITEMS:
            raise Unreadable(f"more than {MOST_ITEMS} items in one message")
    if at > len(data):
        raise Unreadable("its message is cut short")


def _start(fields: Mapping[str, Any], channels: dict[str, tuple[str, ...]]) -> SeriesStart:
    identity = _identity(fields)
    named = fields.get("channels")
    channels.clear()
    channels[identity] = tuple(str(name) for name in named[:100]) if isinstance(named, list) else ()
    images = fields.get("number_of_images")
    return SeriesStart(
        identity=identity,
        label=_label(fields),
        images=images if isinstance(images, int) and 0 <= images < LARGEST_NUMBER else None,
        header=MappingProxyType(dict(scalars(fields))),
    )


def _image(fields: Mapping[str, Any], channels: dict[str, tuple[str, ...]]) -> StreamImage:
    number = fields.get("image_id")
    if not isinstance(number, int) or not 0 <= number < LARGEST_NUMBER:
        raise Unreadable("an image without its number")
    identity = _identity(fields)
    content: Image | NoResult
    try:
        content = _pixels(fields.get("data"), channels.get(identity, ()))
    except (Unreadable, ValueError, TypeError) as error:
        content = NoResult(f"unreadable: {error if isinstance(error, Unreadable) else 'its pixels are not sound'}")
    return StreamImage(
        identity=identity,
        label=_label(fields),
        number=number,
        content=content,
        stamp_s=_stamp_s(fields),
        header=MappingProxyType(dict(scalars(fields))),
    )


def _pixels(data: Any, order: tuple[str, ...]) -> Image:
    """The first channel (threshold) in the detector's order."""
    if not isinstance(data, dict) or not data:
        raise Unreadable("an image without pixels")
    name = next((name for name in order if name in data), next(iter(data)))
    array = data[name]
    if not isinstance(array, cbor2.CBORTag) or array.tag != ROW_MAJOR:
        raise Unreadable("its pixels are not an array in rows")
    shape, typed = array.value
    if not isinstance(typed, cbor2.CBORTag) or typed.tag not in TYPES:
        raise Unreadable("its pixels are of a type that is not known")
    if len(shape) != 2 or not all(isinstance(side, int) and 0 < side < LARGEST_FILE for side in shape):
        raise Unreadable("its pixels are not rows and columns")
    return _unpacked(typed.value, (shape[0], shape[1]), np.dtype(TYPES[typed.tag]))


def _unpacked(content: Any, shape: tuple[int, int], dtype: np.dtype[Any]) -> Image:
    if isinstance(content, bytes):
        return plain(content, shape, dtype)
    if not isinstance(content, cbor2.CBORTag) or content.tag != PACKED:
        raise Unreadable("its pixels are packed in a way that is not known")
    algorithm, size, packed = content.value
    if not isinstance(packed, bytes):
        raise Unreadable("its pixels are packed in a way that is not known")
    if algorithm == "bslz4" and size == dtype.itemsize:
        return bitshuffled(packed, shape, dtype)
    if algorithm == "lz4":
        return lz4(packed, shape, dtype, framed=True)
    raise Unreadable("its pixels are packed in a way that is not known")


def _identity(fields: Mapping[str, Any]) -> str:
    number, unique = fields.get("series_id"), fields.get("series_unique_id")
    if not isinstance(number, int) or not 0 <= number < LARGEST_NUMBER:
        raise Unreadable("a message without its series")
    return f"{number} {unique[:200] if isinstance(unique, str) else ''}"


def _label(fields: Mapping[str, Any]) -> str:
    return f"series_{fields['series_id']}"


def _stamp_s(fields: Mapping[str, Any]) -> float:
    """Start of the exposure: the series' date and the time since then."""
    date, since = fields.get("series_date"), fields.get("start_time")
    if not isinstance(date, datetime) or not isinstance(since, list | tuple) or len(since) != 2:
        return NAN
    with contextlib.suppress(TypeError, ZeroDivisionError, OverflowError, ValueError, OSError):
        return date.timestamp() + float(since[0] / since[1])
    return NAN


def scalars(fields: Mapping[Any, Any]) -> list[tuple[str, str]]:
    """Names and values as a header has them; those of ``user_data`` too, which may hold a monitor's counts."""
    found: list[tuple[str, str]] = []
    for key, value in fields.items():
        if isinstance(value, str | int | float | datetime) and not (isinstance(value, float) and math.isnan(value)):
            found.append((str(key)[:200], str(value)[:LONGEST_VALUE]))
        elif key == "user_data" and isinstance(value, dict):
            found += scalars(value)
    return found[:MOST_LINES]
