"""From bytes of a message to the pixels of an image; sizes are checked before anything is unpacked."""

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.codecs.lz4 import unpack_framed, unpack_raw
from latticewatch.processing.flow.frame import Image
from latticewatch.processing.flow.packed_images import TYPES, Bitshuffled, PackingError
from latticewatch.processing.formats.image_file import Unreadable, check_shape

BITSHUFFLE_TARGET_BYTES, BITSHUFFLE_LEAST = 8192, 128


def plain(data: bytes | NDArray[Any], shape: tuple[int, int], dtype: np.dtype[Any]) -> Image:
    """Pixels as they are. Raises Unreadable where the bytes are not as many as the shape says."""
    check_shape(*shape, dtype.itemsize)
    size = data.nbytes if isinstance(data, np.ndarray) else len(data)
    if size != shape[0] * shape[1] * dtype.itemsize:
        raise Unreadable(f"{size} bytes are not {shape[0]} x {shape[1]} pixels")
    return Image(_native(np.frombuffer(data, dtype).reshape(shape)))


def bitshuffled(data: bytes | NDArray[np.uint8], shape: tuple[int, int], dtype: np.dtype[Any]) -> Image:
    """Bitshuffle and LZ4 with the header of HDF5; left packed where the integration can unpack it.

    Raises Unreadable where its header contradicts the shape, or where it is broken and had to be unpacked here.
    """
    check_shape(*shape, dtype.itemsize)
    if dtype.itemsize not in (1, 2, 4):
        raise Unreadable(f"{8 * dtype.itemsize} bits a pixel in bitshuffle are not known")
    packed = np.frombuffer(data, np.uint8)
    unsigned = np.dtype(f"<u{dtype.itemsize}")
    image = Bitshuffled(packed, shape, dtype if dtype.str in TYPES else unsigned)
    try:
        image.block_elements()
        return Image(image if dtype.str in TYPES else _native(image.unpacked().astype(unsigned).view(dtype)))
    except PackingError as error:
        raise Unreadable(str(error)) from None


def bitshuffled_bare(data: NDArray[np.uint8], shape: tuple[int, int], dtype: np.dtype[Any]) -> Image:
    """The same without a header, in blocks of the library's own choice."""
    check_shape(*shape, dtype.itemsize)
    elements = max(BITSHUFFLE_TARGET_BYTES // dtype.itemsize // 8 * 8, BITSHUFFLE_LEAST)
    header = struct.pack(">QI", shape[0] * shape[1] * dtype.itemsize, elements * dtype.itemsize)
    return bitshuffled(header + data.tobytes(), shape, dtype)


def lz4(data: bytes | NDArray[np.uint8], shape: tuple[int, int], dtype: np.dtype[Any], *, framed: bool) -> Image:
    """LZ4 alone; framed: in blocks as HDF5's filter writes them. Raises Unreadable where it is broken."""
    check_shape(*shape, dtype.itemsize)
    unpack = unpack_framed if framed else unpack_raw
    counts = unpack(np.frombuffer(data, np.uint8), shape[0] * shape[1] * dtype.itemsize)
    if counts is None:
        raise Unreadable(f"its packed pixels are broken, or not {shape[0]} x {shape[1]}")
    return Image(_native(counts.view(dtype).reshape(shape)))


def _native(counts: NDArray[Any]) -> NDArray[Any]:
    """In the machine's byte order; 64 bits as they are."""
    return counts if counts.dtype.isnative else counts.astype(counts.dtype.newbyteorder("="))
