"""What a source hands to the loop: one exposure, or the reason why there is none."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.flow.packed_images import Bitshuffled, ByteOffset
from latticewatch.processing.flow.pattern import Pattern


@dataclass(frozen=True, slots=True)
class NoResult:
    """Why a frame has no number: ``unreadable: ...``, ``no beam``, ``no peaks``, ``fit refused: ...``."""

    reason: str

    @property
    def is_failure(self) -> bool:
        """Whether something went wrong: not so where there is no beam or no sample."""
        return self.reason not in ("no beam", "no peaks")


@dataclass(frozen=True, slots=True)
class Image:
    """One detector image as it was read; rows by columns, in counts. ``np.asarray`` unpacks what is packed.

    masked: pixels (rows, columns) that its file calls no data, the same array for all its frames; None: none are said.
    """

    counts: NDArray[Any] | ByteOffset | Bitshuffled
    masked: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """One exposure of a scan.

    index: 0-based, in order of the scan. name: path relative to the scan's folder, printable (what cannot be
    printed is percent-escaped). time_s: from the first frame, NaN where unknown. mtime_s: the file's
    modification time since the epoch, of a stream when it arrived, NaN where there is neither. header: as read,
    keys as the detector wrote them. content: an image, a pattern already integrated (replay of a run file), or a gap.
    """

    index: int
    name: str
    time_s: float
    mtime_s: float
    content: Image | Pattern | NoResult
    header: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
