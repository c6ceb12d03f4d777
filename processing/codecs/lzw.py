"""The LZW of TIFF, compiled: codes of 9 to 12 bits, the highest bit first (TIFF 6.0, section 13)."""

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.codecs.njit import njit

CLEAR, END, FIRST, MOST = 256, 257, 258, 4096


def unpack_lzw(packed: NDArray[np.uint8], size: int) -> NDArray[np.uint8] | None:
    """Exactly ``size`` bytes, unpacked; None where it is broken or holds fewer."""
    out = np.empty(size, np.uint8)
    return out if _unpack(packed, out) else None


@njit(nogil=True, cache=True)
def _unpack(packed, out):  # type: ignore[no-untyped-def]
    """An entry is a piece of what was written: where it begins, and its length."""
    begins, lengths = np.zeros(MOST, np.int64), np.zeros(MOST, np.int64)
    bit, width, known, done, last = 0, 9, FIRST, 0, -1
    while done < len(out):
        if bit + width > 8 * len(packed):
            return False
        code = np.int64(0)
        for place in range(bit, bit + width):
            code = code << 1 | (np.int64(packed[place >> 3]) >> (7 - (place & 7)) & 1)
        bit += width
        if code == END:
            return False
        if code == CLEAR:
            width, known, last = 9, FIRST, -1
            continue
        begin = done
        if code < CLEAR:
            out[done] = code
            done += 1
        else:
            if last < 0 or code > known or code >= MOST:
                return False
            # The entry that is being made: the last one, and its first byte again.
            source, length = (last, begin - last + 1) if code == known else (begins[code], lengths[code])
            for step in range(min(length, len(out) - done)):
                out[done + step] = out[source + step]
            done += min(length, len(out) - done)
        if last >= 0 and known < MOST:
            begins[known], lengths[known] = last, begin - last + 1
            known += 1
        width = 9 if known < 511 else 10 if known < 1023 else 11 if known < 2047 else 12
        last = begin
    return True
