"""Compile the integration before the first frame comes: seconds on a fresh installation, from disk afterwards."""

from typing import Any

import numpy as np

from latticewatch.processing.flow.packed_images import Bitshuffled, ByteOffset
from latticewatch.processing.integration.defects import DefectFinder
from latticewatch.processing.integration.kernels.one_frame import lowest_valid
from latticewatch.processing.integration.kernels.sums import (
    EIGHT,
    empty_eight,
    empty_sums,
    flattened,
    sum_bitshuffled,
    sum_byte_offset,
    sum_eight,
    sum_image,
)
from latticewatch.processing.integration.outliers import Rings, find_outliers, leave_out
from latticewatch.processing.integration.plan import Corrections, finished_plan

SHAPE = (16, 16)
TYPES = (np.int32, np.uint16, np.uint32, np.float32)
LIMIT = 1e9


def warm_up() -> None:
    """Sum images of nothing by every path that frames usually take."""
    bins, weight = np.arange(SHAPE[0] * SHAPE[1]) // 32, np.ones(SHAPE[0] * SHAPE[1], np.float32)
    plan = finished_plan(SHAPE, np.linspace(1.0, 8.0, 8), bins.astype(np.uint16), weight, Corrections())
    sums, finder, rings = empty_sums(len(plan.two_theta) + 1), DefectFinder(plan), Rings(plan)
    for kind in TYPES:
        counts = np.zeros(SHAPE, kind)
        sum_image(plan, counts, LIMIT, sums)
        lowest_valid(flattened(counts))
        levels = rings.look(plan, flattened(counts), 0.0, LIMIT)
        finder.observe(levels)
        leave_out(sums, find_outliers(levels, plan), plan, flattened(counts))
    packed = ByteOffset(np.zeros(plan.bins.size, np.uint8), SHAPE, np.dtype(np.int32))
    sum_byte_offset(plan, packed, LIMIT, sums)
    eight = empty_eight(len(plan.two_theta) + 1)
    sum_eight(plan, [packed] * EIGHT, [LIMIT] * EIGHT, eight)
    for dtype in (np.dtype(np.uint16), np.dtype(np.uint32)):
        sum_bitshuffled(plan, _chunk(dtype), LIMIT, sums)
        sum_eight(plan, [_chunk(dtype)] * EIGHT, [LIMIT] * EIGHT, eight)


def _chunk(dtype: np.dtype[Any]) -> Bitshuffled:
    """Zeros in one block: an LZ4 literal, then a repetition of it."""
    size = SHAPE[0] * SHAPE[1] * dtype.itemsize
    more, rest = divmod(size - 1 - 5 - 4 - 15, 255)
    block = bytes([0x1F, 0, 1, 0]) + b"\xff" * more + bytes([rest, 0x50, 0, 0, 0, 0, 0])
    header = size.to_bytes(8, "big") + size.to_bytes(4, "big") + len(block).to_bytes(4, "big")
    return Bitshuffled(np.frombuffer(header + block, np.uint8), SHAPE, dtype)
