"""Types of numbers in headers: listed here so that a start need not import fabio, and the same as there."""

import fabio.cbfimage
import fabio.edfimage
import numpy as np

from latticewatch.processing.formats import cbf, edf


def test_types_are_fabios() -> None:
    assert cbf.DATA_TYPES == fabio.cbfimage.DATA_TYPES
    known = {name: np.dtype(kind) for name, kind in fabio.edfimage.DATA_TYPES.items()}
    usable = {name: kind for name, kind in known.items() if kind.itemsize <= 8}
    assert {name: np.dtype(kind) for name, kind in edf.DATA_TYPES.items()} == usable
