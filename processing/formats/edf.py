"""EDF, as the ESRF's detectors write it: one image a file or several, not packed inside.

Read here and not by fabio, which pads a file cut short with zeros and follows ``EDF_BinaryFileName`` to other files.
"""

import math
from types import MappingProxyType

import numpy as np

from latticewatch.processing.formats.header_text import LONGEST_VALUE, MOST_LINES, number, stamp_s, whole_number
from latticewatch.processing.formats.image_file import NAN, ImageFile, NotWhole, Unreadable, check_shape, one_file

LONGEST_HEADER, MOST_DIGITS, LONGEST_GAP, MOST_IMAGES = 1_000_000, 12, 4096, 100_000
DATA_TYPES = {
    **dict.fromkeys(("SignedByte", "Signed8"), "i1"),
    **dict.fromkeys(("UnsignedByte", "Unsigned8"), "u1"),
    **dict.fromkeys(("SignedShort", "Signed16"), "i2"),
    **dict.fromkeys(("UnsignedShort", "Unsigned16", "UnsignedShortInteger"), "u2"),
    **dict.fromkeys(("SignedInteger", "Signed32", "SignedLong"), "i4"),
    **dict.fromkeys(("UnsignedInteger", "Unsigned32", "UnsignedLong"), "u4"),
    **dict.fromkeys(("Signed64",), "i8"),
    **dict.fromkeys(("Unsigned64",), "u8"),
    **dict.fromkeys(("FloatValue", "FLOATVALUE", "FLOAT", "Float", "FloatIEEE32", "Float32"), "f4"),
    **dict.fromkeys(("Double", "DoubleValue", "FloatIEEE64", "DoubleIEEE64"), "f8"),
}
DATES = ("time", "Date", "DATE", "date", "time_of_frame")
EXPOSURES = ("acq_expo_time", "exposure_time", "ExposureTime", "count_time")
PERIODS = ("acq_latency_period", "frame_period")


def decode_edf(data: bytes) -> ImageFile:
    """The images in the bytes of an EDF file. Raises NotWhole or Unreadable."""
    images, at = [], 0
    while at < len(data):
        image, at = _image(data, at)
        images.append(image)
        following = data[at : at + LONGEST_GAP].lstrip(b"\r\n\x00 ")
        if not following.startswith(b"{"):
            break
        at = data.index(b"{", at)
        if len(images) >= MOST_IMAGES:
            raise Unreadable("holds more images than any scan")
    return one_file(images)


def _image(data: bytes, begin: int) -> tuple[ImageFile, int]:
    """The image whose header begins here, and where it ends."""
    end = data.find(b"}", begin, begin + LONGEST_HEADER)
    if end < 0:
        raise (NotWhole if len(data) < begin + LONGEST_HEADER else Unreadable)("its header has no end")
    text = data[begin:end].decode("latin-1").lstrip("{\r\n ")
    fields = (line.split("=", 1) for line in text.split(";")[:MOST_LINES] if "=" in line)
    header = {key.strip(): value.strip()[:LONGEST_VALUE] for key, value in fields}
    folded = {key.lower(): value for key, value in header.items()}
    start = _start(data, begin, end, folded)
    dtype = _dtype(folded)
    rows, columns = (whole_number(folded, key, MOST_DIGITS) for key in ("dim_2", "dim_1"))
    check_shape(rows, columns, dtype.itemsize)
    size = rows * columns * dtype.itemsize
    if len(data) - start < size:
        raise NotWhole(f"cut short: {len(data) - start} of {size} bytes")
    counts = np.frombuffer(data, dtype, rows * columns, start).reshape(rows, columns)
    image = ImageFile(
        counts=counts.astype(dtype.newbyteorder("="), copy=False),
        header=MappingProxyType(header),
        stamp_s=_stamp(header),
        exposure_s=number(header, EXPOSURES),
        period_s=number(header, PERIODS),
    )
    return image, start + size


def _start(data: bytes, begin: int, end: int, folded: dict[str, str]) -> int:
    if "edf_binaryfilename" in folded:
        raise Unreadable("points to another file for its data")
    if not folded.get("compression", "none").lower().startswith("no"):
        raise Unreadable("packed inside the EDF; unpack it")
    start = end + 1 + (2 if data[end + 1 : end + 3] == b"\r\n" else 1)
    return max(start, begin + whole_number(folded, key, MOST_DIGITS)) if (key := "edf_headersize") in folded else start


def _dtype(folded: dict[str, str]) -> np.dtype[np.generic]:
    kind = DATA_TYPES.get(folded.get("datatype", ""))
    if kind is None:
        raise Unreadable(f"holds a type of number that is not known ({folded.get('datatype', 'none given')[:40]})")
    dtype: np.dtype[np.generic] = np.dtype(kind)
    return dtype.newbyteorder(">" if "high" in folded.get("byteorder", "low").lower() else "<")


def _stamp(header: dict[str, str]) -> float:
    stamp = number(header, ["time_of_day"])
    if not math.isnan(stamp):
        return round(stamp, 3)
    return next((found for key in DATES if not math.isnan(found := stamp_s(header.get(key, "")))), NAN)
