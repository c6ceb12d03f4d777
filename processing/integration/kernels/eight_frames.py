"""Eight byte-offset images summed side by side: each bin's eight sums lie in one piece of memory.

Eight pixels of eight frames are taken at once while no difference needs more than a byte: their 64 bytes are
transposed, summed along the pixels and added to the bins in vector registers. LLVM's vector instructions are
written out here because its vectoriser does not find them; they run on any machine, faster on a wide one. What a
group cannot be summed by in this way (wide differences, invalid or large counts) is done pixel by pixel.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from latticewatch.processing.codecs.byte_offset import CUT_SHORT, DONE, LONGEST, OVERFLOW, unpack, unpack_near_end
from latticewatch.processing.codecs.njit import njit
from latticewatch.processing.integration.kernels.one_frame import SAFE, ZERO_SHIFT, subtract_invalid

# ruff: noqa: ARG001  numba calls these functions, and with arguments of its own

EIGHT = 8
POINTER: Any = types.CPointer
BYTE, SHORT, INT, LONG = (ir.IntType(bits) for bits in (8, 16, 32, 64))
BYTES = ir.VectorType(BYTE, EIGHT * EIGHT)
FRAMES = ir.VectorType(INT, EIGHT)
WIDE = ir.VectorType(LONG, EIGHT)


def _all(kind: Any, value: int) -> Any:
    return ir.Constant(kind, [value] * kind.count)


def _spread(builder: Any, value: Any) -> Any:
    """A vector of eight times this number."""
    one = builder.insert_element(ir.Constant(FRAMES, ir.Undefined), value, INT(0))
    return builder.shuffle_vector(one, one, ir.Constant(FRAMES, [0] * EIGHT))


def _any(builder: Any, bits: Any, kind: Any) -> Any:
    return builder.icmp_unsigned("!=", builder.bitcast(bits, kind), kind(0))


def _transposed(builder: Any, addresses: Any) -> tuple[Any, list[Any]]:
    """The 64 bytes at the eight addresses, and those of each pixel in all frames."""
    rows = ir.Constant(WIDE, ir.Undefined)
    for frame in range(EIGHT):
        address = builder.load(builder.gep(addresses, [LONG(frame)]))
        row = builder.load(builder.inttoptr(address, LONG.as_pointer()), align=1)
        rows = builder.insert_element(rows, row, INT(frame))
    packed = builder.bitcast(rows, BYTES)
    return packed, [
        builder.shuffle_vector(packed, packed, ir.Constant(FRAMES, [EIGHT * frame + pixel for frame in range(EIGHT)]))
        for pixel in range(EIGHT)
    ]


def _move_on(builder: Any, addresses: Any) -> None:
    where = builder.bitcast(addresses, WIDE.as_pointer())
    builder.store(builder.add(builder.load(where, align=8), _all(WIDE, EIGHT)), where, align=8)


def _refused(builder: Any, counts: list[Any], bins: Any, large: Any, unused: Any) -> Any:
    """Whether a count is invalid or large in a pixel that is in use, or near the end of 32 bits in any."""
    limit, one = _spread(builder, large), ir.IntType(1)
    flags = [builder.icmp_unsigned(">=", count, limit) for count in counts]
    suspect = flags[0]
    for flag in flags[1:]:
        suspect = builder.or_(suspect, flag)
    found = cgutils.alloca_once_value(builder, one(0))  # type: ignore[no-untyped-call]
    builder.store(one(0), found)
    with builder.if_then(_any(builder, suspect, BYTE), likely=False):
        result = one(0)
        for pixel, (count, flag) in enumerate(zip(counts, flags, strict=True)):
            used = builder.icmp_unsigned("!=", builder.load(builder.gep(bins, [LONG(pixel)])), unused)
            shifted = builder.add(count, _all(FRAMES, SAFE))
            far = builder.icmp_unsigned(">=", shifted, _all(FRAMES, 2 * SAFE))
            result = builder.or_(result, builder.and_(used, _any(builder, flag, BYTE)))
            result = builder.or_(result, _any(builder, far, BYTE))
        builder.store(result, found)
    return builder.load(found)


def _added(builder: Any, counts: list[Any], bins: Any, lanes: Any, widened: Any) -> None:
    for pixel, count in enumerate(counts):
        where = builder.zext(builder.load(builder.gep(bins, [LONG(pixel)])), LONG)
        place = builder.bitcast(builder.gep(lanes, [builder.mul(where, LONG(EIGHT))]), WIDE.as_pointer())
        zeros = builder.zext(builder.icmp_signed("==", count, _all(count.type, 0)), WIDE)
        both = builder.add(widened(count, WIDE), builder.shl(zeros, _all(WIDE, ZERO_SHIFT)))
        builder.store(builder.add(builder.load(place, align=8), both), place, align=8)


def _add_packed_typed(typing: Any, addresses: Any, values: Any, bins: Any, lanes: Any, large: Any, unused: Any) -> Any:
    """Add eight pixels from the bytes at ``addresses`` and move on; False, and nothing done, where that cannot be."""
    signature = types.boolean(
        POINTER(types.uint64), POINTER(types.int32), POINTER(types.uint16),
        POINTER(types.int64), types.int32, types.uint16,
    )  # fmt: skip

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        addresses, values, bins, lanes, large, unused = arguments
        packed, columns = _transposed(builder, addresses)
        escaped = _any(builder, builder.icmp_signed("==", packed, _all(BYTES, -0x80)), LONG)
        counts = [builder.sext(column, FRAMES) for column in columns]
        place = builder.bitcast(values, FRAMES.as_pointer())
        value = builder.load(place, align=4)
        for pixel in range(EIGHT):
            value = counts[pixel] = builder.add(value, counts[pixel])
        done = builder.not_(builder.or_(escaped, _refused(builder, counts, bins, large, unused)))
        with builder.if_then(done, likely=True):
            _added(builder, counts, bins, lanes, builder.sext)
            builder.store(value, place, align=4)
            _move_on(builder, addresses)
        return done

    return signature, generate


def _add_counts_typed(typing: Any, counts: Any, bins: Any, lanes: Any, large: Any, unused: Any) -> Any:
    """Add eight pixels whose counts (pixel by frame) are in memory; False, and nothing done, where that cannot be."""
    signature = types.boolean(
        POINTER(types.int32),
        POINTER(types.uint16),
        POINTER(types.int64),
        types.int32,
        types.uint16,
    )

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        counts, bins, lanes, large, unused = arguments
        place = builder.bitcast(counts, FRAMES.as_pointer())
        vectors = [builder.load(builder.gep(place, [LONG(pixel)]), align=4) for pixel in range(EIGHT)]
        done = builder.not_(_refused(builder, vectors, bins, large, unused))
        with builder.if_then(done, likely=True):
            _added(builder, vectors, bins, lanes, builder.sext)
        return done

    return signature, generate


def _add_bytes_typed(typing: Any, addresses: Any, bins: Any, lanes: Any) -> Any:
    """Add eight pixels of a byte each, all of them valid, from ``addresses``, and move on."""
    signature = types.void(POINTER(types.uint64), POINTER(types.uint16), POINTER(types.int64))

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        addresses, bins, lanes = arguments
        _, counts = _transposed(builder, addresses)
        _added(builder, counts, bins, lanes, builder.zext)
        _move_on(builder, addresses)
        return context.get_dummy_value()

    return signature, generate


def _from_typed(typing: Any, array: Any, first: Any) -> Any:
    """Where the array's element ``first`` is in memory."""
    signature = POINTER(array.dtype)(array, types.int64)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(array)(context, builder, arguments[0]).data
        return builder.gep(data, [arguments[1]])

    return signature, generate


_add_packed: Any = intrinsic(_add_packed_typed)
_add_counts: Any = intrinsic(_add_counts_typed)
_add_bytes: Any = intrinsic(_add_bytes_typed)
_from: Any = intrinsic(_from_typed)


@njit(nogil=True, cache=True)
def sum_eight(  # type: ignore[no-untyped-def]
    packed, bins, lanes, large, lowest, highest, weight, dark, limits, signal, lost_pixels, lost_weight, lost_dark
):
    """packed: eight arrays of bytes. lanes: (n + 1, 8), flat. limits: (8,). signal, lost_...: (8, n + 1).

    Returns DONE, or CUT_SHORT or OVERFLOW where one of the eight is broken; nothing of use is summed then.
    """
    unused = np.uint16(signal.shape[1] - 1)
    at, room = np.zeros(EIGHT, np.int64), np.zeros(EIGHT, np.int64)
    base, addresses = np.empty(EIGHT, np.uint64), np.empty(EIGHT, np.uint64)
    values, counts = np.zeros(EIGHT, np.int32), np.empty(EIGHT * EIGHT, np.int32)
    for frame in range(EIGHT):
        base[frame] = packed[frame].ctypes.data
    first, whole = 0, len(bins) // EIGHT * EIGHT
    while first < len(bins):
        for frame in range(EIGHT):
            addresses[frame] = base[frame] + np.uint64(at[frame])
            room[frame] = (len(packed[frame]) - at[frame]) // EIGHT
        start, last = first, min(whole, first + EIGHT * room.min())
        while first < last and _add_packed(
            _from(addresses, 0), _from(values, 0), _from(bins, first), _from(lanes, 0), np.int32(large), unused
        ):
            first += EIGHT
        at += first - start
        count = min(EIGHT, len(bins) - first)
        if count == 0:
            break
        result = _unpack_group(packed, at, values, counts, count, lowest, highest)
        if result != DONE:
            return result
        if count < EIGHT or not _add_counts(
            _from(counts, 0), _from(bins, first), _from(lanes, 0), np.int32(large), unused
        ):
            for frame in range(EIGHT):
                add_one_frame(
                    counts[frame : EIGHT * count : EIGHT], first, frame, bins, lanes, large, weight, dark,
                    limits[frame], signal[frame], lost_pixels[frame], lost_weight[frame], lost_dark[frame],
                )  # fmt: skip
        first += count
    return DONE


@njit(nogil=True, cache=True)
def _unpack_group(packed, at, values, counts, count, lowest, highest):  # type: ignore[no-untyped-def]
    unpacked = np.empty(EIGHT, np.int64)
    for frame in range(EIGHT):
        if at[frame] + LONGEST * count <= len(packed[frame]):
            at[frame], _ = unpack(packed[frame], at[frame], np.int64(values[frame]), unpacked, count)
        else:
            at[frame], _ = unpack_near_end(packed[frame], at[frame], np.int64(values[frame]), unpacked, count)
        if at[frame] > len(packed[frame]):
            return CUT_SHORT
        for step in range(count):
            if unpacked[step] < lowest or unpacked[step] > highest:
                return OVERFLOW
            counts[step * EIGHT + frame] = unpacked[step]
        values[frame] = unpacked[count - 1]
    return DONE


@njit(nogil=True, cache=True)
def add_one_frame(  # type: ignore[no-untyped-def]
    values, first, frame, bins, lanes, large, weight, dark, limit, signal, lost_pixels, lost_weight, lost_dark
):
    """One frame's pixels from ``first`` on, some of which are invalid or large."""
    unused = len(signal) - 1
    for step in range(len(values)):
        value, where = values[step], bins[first + step]
        if where == unused:
            continue
        if value >= 0 and value < large:
            lanes[np.int64(where) * EIGHT + frame] += np.int64(value) + (np.int64(value == 0) << ZERO_SHIFT)
        elif value >= 0 and value < limit:
            signal[where] += value
            signal[unused] += 1
        else:
            subtract_invalid(first + step, where, weight, dark, lost_pixels, lost_weight, lost_dark)


@njit(nogil=True, cache=True)
def add_bytes(counts, first, bins, lanes):  # type: ignore[no-untyped-def]
    """Counts of a byte each, all valid, (8, a multiple of 8), of the pixels from ``first`` on."""
    addresses = np.empty(EIGHT, np.uint64)
    for frame in range(EIGHT):
        addresses[frame] = counts[frame].ctypes.data
    for start in range(first, first + counts.shape[1], EIGHT):
        _add_bytes(_from(addresses, 0), _from(bins, start), _from(lanes, 0))
