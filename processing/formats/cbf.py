"""CBF with byte-offset packing, as PILATUS and EIGER detectors write it.

fabio has the decoder; the headers are read here because fabio 2026.6 loops for ever on a file cut within its
binary header, and only logs a wrong checksum. To this program the checksum is binding: a file that got its
final size before its content is not an image yet.
"""

import base64
import hashlib
import re
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.flow.packed_images import ByteOffset, PackingError
from latticewatch.processing.formats.header_text import number, pilatus_lines, whole_number
from latticewatch.processing.formats.image_file import ImageFile, NotWhole, Unreadable, check_shape

BOUNDARY = b"--CIF-BINARY-FORMAT-SECTION--"
END_OF_HEADER = b"\x0c\x1a\x04\xd5"
LONGEST_HEADER = 1_000_000
LONGEST_FIELDS, MOST_DIGITS = 16_384, 15
DATA_TYPES = {
    f"{sign}signed {bits}-bit integer": f"{sign[:1]}int{bits}" for sign in ("", "un") for bits in (8, 16, 32, 64)
}
FIELD = re.compile(rb"[ \t]*([A-Za-z0-9-]{1,60})[ \t]*[:=](.*)")


def decode_cbf(data: bytes) -> ImageFile:
    """The image in the bytes of a CBF file. Raises NotWhole or Unreadable."""
    begin = data.find(BOUNDARY, 0, LONGEST_HEADER)
    end = data.find(END_OF_HEADER, begin, begin + LONGEST_HEADER) if begin >= 0 else -1
    if end < 0:
        if len(data) >= LONGEST_HEADER:
            raise Unreadable("a CBF file without a binary section")
        raise NotWhole("cut short within its header")
    if end - begin > LONGEST_FIELDS:
        raise Unreadable("its binary header is longer than any")
    found = (FIELD.match(line) for line in data[begin:end].splitlines())
    fields = {line[1].decode(): line[2].decode("latin-1").strip(' \t;"') for line in found if line}
    binary, proven = _binary(data, end + len(END_OF_HEADER), fields)
    header, stamp = pilatus_lines(data[:begin].decode("utf-8", "replace"))
    return ImageFile(
        counts=_counts(binary, fields, proven),
        header=MappingProxyType(header),
        stamp_s=stamp,
        exposure_s=number(header, ["Exposure_time"]),
        period_s=number(header, ["Exposure_period"]),
        proven=proven,
        checksum=fields.get("Content-MD5", ""),
    )


def _binary(data: bytes, start: int, fields: dict[str, str]) -> tuple[memoryview, bool]:
    size = whole_number(fields, "X-Binary-Size", MOST_DIGITS)
    if len(data) - start < size:
        raise NotWhole(f"cut short: {len(data) - start} of {size} bytes")
    binary = memoryview(data)[start : start + size]
    checksum = fields.get("Content-MD5")
    if checksum:
        found = base64.b64encode(hashlib.md5(binary, usedforsecurity=False).digest()).decode()
        if found != checksum:
            raise NotWhole("its content does not match its checksum")
    return binary, bool(checksum)


def _counts(binary: memoryview, fields: dict[str, str], proven: bool) -> NDArray[Any] | ByteOffset:
    """Left packed where the checksum vouches for it: the integration needs nothing else."""
    rows = whole_number(fields, "X-Binary-Size-Second-Dimension", MOST_DIGITS)
    columns = whole_number(fields, "X-Binary-Size-Fastest-Dimension", MOST_DIGITS)
    kind = DATA_TYPES.get(fields.get("X-Binary-Element-Type", ""))
    if kind is None or fields.get("conversions") != "x-CBF_BYTE_OFFSET":
        raise Unreadable("packed in a way other than byte-offset integers")
    if fields.get("X-Binary-Element-Byte-Order", "LITTLE_ENDIAN") != "LITTLE_ENDIAN":
        raise Unreadable("its integers are not little-endian")
    check_shape(rows, columns, np.dtype(kind).itemsize)
    elements, third = rows * columns, fields.get("X-Binary-Size-Third-Dimension", "1")
    if fields.get("X-Binary-Number-of-Elements", str(elements)) != str(elements) or third.strip() not in ("0", "1"):
        raise Unreadable("its header contradicts itself about the number of pixels")
    counts = ByteOffset(np.frombuffer(binary, np.uint8), (rows, columns), np.dtype(kind))
    if proven and kind == "int32" and len(binary) >= elements:
        return counts
    try:
        return counts.unpacked()
    except PackingError as error:
        raise (Unreadable if proven else NotWhole)(str(error)) from None
