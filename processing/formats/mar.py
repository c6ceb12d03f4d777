"""mar345 image plates (.mar1200 to .mar3450); fabio unpacks the pixels once the header is found sane."""

import struct
from dataclasses import replace

from latticewatch.processing.formats.fabio_process import read_with_fabio
from latticewatch.processing.formats.header_text import number, stamp_s
from latticewatch.processing.formats.image_file import ImageFile, NotWhole, Unreadable, check_shape

HEADER, MARK = 4096, b"CCP4 packed image"


def decode_mar(data: bytes) -> ImageFile:
    """The image in the bytes of a mar345 file. Raises NotWhole or Unreadable."""
    if len(data) < HEADER:
        raise NotWhole("cut short within its header")
    _check_header(data)
    image = read_with_fabio(data, "mar345image")
    return replace(image, stamp_s=stamp_s(image.header.get("DATE", "")), exposure_s=number(image.header, ["TIME"]))


def _check_header(data: bytes) -> None:
    order = "<" if data[:4] == struct.pack("<i", 1234) else ">"
    side, high, kind, mode, pixels = struct.unpack(f"{order}5i", data[4:24])
    check_shape(side, side, 4)
    if kind not in (1, 2) or mode not in (0, 1) or not 0 <= high <= pixels or pixels != side * side:
        raise Unreadable("its header contradicts itself")
    if data.find(MARK, HEADER + 8 * high) < 0:
        raise NotWhole("cut short before its pixels")
