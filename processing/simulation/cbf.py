"""One frame as a PILATUS writes it: CBF with byte-offset compression and a header of ``# key value`` lines."""

import base64
import hashlib
from collections.abc import Iterable

import numpy as np
from fabio.compression import compByteOffset
from numpy.typing import NDArray

PADDING = 4095
BINARY_BEGINS = b"\x0c\x1a\x04\xd5"
BOUNDARY = "--CIF-BINARY-FORMAT-SECTION--"


def cbf_bytes(counts: NDArray[np.int32], name: str, header: Iterable[str]) -> bytes:
    """The file's bytes. counts: (rows, columns). name: of the data block. header: lines without ``# ``."""
    data = compByteOffset(counts)
    rows, columns = counts.shape
    checksum = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode("ascii")
    lines = [
        "###CBF: VERSION 1.5, CBFlib v0.7.8 - PILATUS detectors",
        "",
        f"data_{name}",
        "",
        '_array_data.header_convention "PILATUS_1.2"',
        "_array_data.header_contents",
        ";",
        *(f"# {line}" for line in header),
        ";",
        "",
        "_array_data.data",
        ";",
        BOUNDARY,
        "Content-Type: application/octet-stream;",
        '     conversions="x-CBF_BYTE_OFFSET"',
        "Content-Transfer-Encoding: BINARY",
        f"X-Binary-Size: {len(data)}",
        "X-Binary-ID: 1",
        'X-Binary-Element-Type: "signed 32-bit integer"',
        "X-Binary-Element-Byte-Order: LITTLE_ENDIAN",
        f"Content-MD5: {checksum}",
        f"X-Binary-Number-of-Elements: {counts.size}",
        f"X-Binary-Size-Fastest-Dimension: {columns}",
        f"X-Binary-Size-Second-Dimension: {rows}",
        f"X-Binary-Size-Padding: {PADDING}",
        "",
        "",
    ]
    end = f"\r\n{BOUNDARY}--\r\n;\r\n\r\n".encode("ascii")
    return b"".join(["\r\n".join(lines).encode("ascii"), BINARY_BEGINS, data, bytes(PADDING), end])
