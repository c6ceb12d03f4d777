"""Which counts of an image are valid: below saturation, above the codes for pixels without data."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.flow.packed_images import Bitshuffled, ByteOffset
from latticewatch.processing.integration.kernels.one_frame import lowest_valid
from latticewatch.processing.integration.kernels.sums import flattened

LARGEST_COUNT = 2.0**32 - 2  # detectors mark gaps and dead pixels by 2^32 - 1 and 2^32 - 2
CUTOFF_KEYS = ("count_cutoff", "countrate_correction_count_cutoff", "saturation_value")


def least_valid(counts: NDArray[Any] | ByteOffset | Bitshuffled) -> float:
    """The least valid count: 0, unless an image of floats holds negative numbers that are values and no codes."""
    return float(lowest_valid(flattened(np.asarray(counts)))) if counts.dtype.kind == "f" else 0.0


def largest_valid(dtype: np.dtype[Any], header: Mapping[str, str]) -> float:
    """The count at which a pixel of this type is saturated or a mask code."""
    limits = [LARGEST_COUNT]
    if dtype.kind in "iu":
        limits.append(float(np.iinfo(dtype).max - 1))
    for key in CUTOFF_KEYS:
        cutoff = header_number(header, key)
        if cutoff is not None and cutoff > 0.0:
            limits.append(cutoff)
    return min(limits)


def header_number(header: Mapping[str, str], key: str) -> float | None:
    """The number that a header line gives for this key, whatever its case and unit; None without one."""
    wanted = key.lower()
    text = next((value for name, value in header.items() if name.lower() == wanted), "")
    words = str(text).replace("=", " ").split()
    try:
        number = float(words[0]) if words else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None
