"""Frames of an HDF5 stack as they are packed in the file, where the integration can unpack them itself."""

import h5py
import numpy as np

from latticewatch.processing.flow.packed_images import TYPES, Bitshuffled

BITSHUFFLE, LZ4 = 32008, 2


def packed_chunk(dataset: h5py.Dataset, place: int) -> Bitshuffled | None:
    """Image ``place`` of (frames, rows, columns); None where it is not one chunk of bitshuffled LZ4 integers."""
    if dataset.ndim != 3 or dataset.is_virtual or dataset.dtype.str not in TYPES:
        return None
    rows, columns = dataset.shape[1:]
    if dataset.chunks != (1, rows, columns) or not _is_bitshuffled(dataset):
        return None
    skipped, data = dataset.id.read_direct_chunk((place, 0, 0))
    if skipped:
        return None
    return Bitshuffled(np.frombuffer(data, np.uint8), (rows, columns), dataset.dtype)


def _is_bitshuffled(dataset: h5py.Dataset) -> bool:
    filters = dataset.id.get_create_plist()
    if filters.get_nfilters() != 1:
        return False
    code, _, values, _ = filters.get_filter(0)
    return bool(code == BITSHUFFLE and len(values) > 4 and values[4] == LZ4)
