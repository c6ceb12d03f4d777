"""Bytes of small detector files, written independently of the readers."""

import base64
import hashlib
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from fabio.compression import compByteOffset
from numpy.typing import NDArray

KINDS = {"int32": "signed 32-bit integer", "uint32": "unsigned 32-bit integer", "int16": "signed 16-bit integer"}
EDF_KINDS = {"uint16": "UnsignedShort", "int32": "SignedInteger", "float32": "FloatValue"}


def counts(seed: int, rows: int = 40, columns: int = 50) -> NDArray[np.int32]:
    """An image that differs for every seed, with a masked column and a few bright pixels."""
    generator = np.random.default_rng(seed)
    image = generator.poisson(20.0, (rows, columns)).astype(np.int32)
    image[:, columns // 2] = -1
    image[generator.integers(rows, size=5), generator.integers(columns, size=5)] = 70_000 + seed
    return image


def stamp(seconds: float) -> str:
    """The time stamp of a frame that many seconds after nine o'clock."""
    minutes, rest = divmod(seconds, 60.0)
    return f"2016-03-05T09:{int(minutes):02d}:{rest:06.3f}"


def cbf(image: NDArray[Any], *, stamp: str = "", md5: str | None = None, **header: str) -> bytes:
    """A PILATUS CBF. md5: another checksum than the right one; empty for none."""
    binary = bytes(compByteOffset(image))
    checksum = base64.b64encode(hashlib.md5(binary, usedforsecurity=False).digest()).decode() if md5 is None else md5
    rows, columns = image.shape
    lines = ["# Detector: PILATUS 300K", *([f"# {stamp}"] if stamp else [])]
    lines += [f"# {key} {value}" for key, value in header.items()]
    fields = [
        "--CIF-BINARY-FORMAT-SECTION--",
        "Content-Type: application/octet-stream;",
        '     conversions="x-CBF_BYTE_OFFSET"',
        "Content-Transfer-Encoding: BINARY",
        f"X-Binary-Size: {len(binary)}",
        "X-Binary-ID: 1",
        f'X-Binary-Element-Type: "{KINDS[image.dtype.name]}"',
        "X-Binary-Element-Byte-Order: LITTLE_ENDIAN",
        *([f"Content-MD5: {checksum}"] if checksum else []),
        f"X-Binary-Number-of-Elements: {rows * columns}",
        f"X-Binary-Size-Fastest-Dimension: {columns}",
        f"X-Binary-Size-Second-Dimension: {rows}",
        "X-Binary-Size-Padding: 4095",
    ]
    text = "\r\n".join(
        [
            "###CBF: VERSION 1.5, CBFlib v0.7.8 - PILATUS detectors",
            "",
            "data_frame",
            "",
            '_array_data.header_convention "PILATUS_1.2"',
            "_array_data.header_contents",
            ";",
            *lines,
            ";",
            "",
            "_array_data.data",
            ";",
            *fields,
            "",
            "",
        ]
    )
    tail = b"\x00" * 4095 + b"\r\n--CIF-BINARY-FORMAT-SECTION----\r\n;\r\n\r\n"
    return text.encode() + b"\x0c\x1a\x04\xd5" + binary + tail


def tiff(image: NDArray[Any], *, description: str = "", order: str = "<", date: str = "") -> bytes:
    """A plain TIFF of one strip; pixels behind the tags, as PILATUS writes it."""
    rows, columns = image.shape
    texts = {270: description.encode() + b"\x00" if description else b"", 306: date.encode() + b"\x00" if date else b""}
    start = 4096
    numbers = {
        256: columns,
        257: rows,
        258: image.dtype.itemsize * 8,
        259: 1,
        262: 1,
        273: start,
        277: 1,
        278: rows,
        279: image.nbytes,
        339: {"u": 1, "i": 2, "f": 3}[image.dtype.kind],
    }
    entries, extra = [], b""
    place = 8 + 2 + 12 * 12 + 4
    for tag in sorted([*numbers, *(tag for tag, text in texts.items() if text)]):
        if tag in numbers:
            entries.append(struct.pack(f"{order}HHII", tag, 4, 1, numbers[tag]))
        else:
            entries.append(struct.pack(f"{order}HHII", tag, 2, len(texts[tag]), place + len(extra)))
            extra += texts[tag]
    head = (b"II*\x00" if order == "<" else b"MM\x00*") + struct.pack(f"{order}I", 8)
    directory = struct.pack(f"{order}H", len(entries)) + b"".join(entries) + b"\x00\x00\x00\x00"
    text = (head + directory).ljust(place, b"\x00") + extra
    return text.ljust(start, b"\x00") + image.astype(image.dtype.newbyteorder(order)).tobytes()


def edf(image: NDArray[Any], header: Mapping[str, str] | None = None) -> bytes:
    """An EDF with one image."""
    rows, columns = image.shape
    fields = {
        "HeaderID": "EH:000001:000000:000000",
        "Image": "1",
        "ByteOrder": "LowByteFirst",
        "DataType": EDF_KINDS[image.dtype.name],
        "Dim_1": str(columns),
        "Dim_2": str(rows),
        "Size": str(image.nbytes),
        **(header or {}),
    }
    text = "{\n" + "".join(f"{key} = {value} ;\n" for key, value in fields.items())
    return (text.ljust(1022) + "}\n").encode("latin-1") + image.astype(image.dtype.newbyteorder("<")).tobytes()
