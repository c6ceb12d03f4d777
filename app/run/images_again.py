"""Detector images of a run that is under way, read again to be looked at."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.errors import UserError
from latticewatch.processing.integration.geometry import Geometry

WIDEST = 700
LARGEST_COUNT = 2**31
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Picture:
    """An image for the screen, thinned to at most 700 pixels a side; all (rows, columns).

    counts: the largest under each pixel. two_theta: degrees. masked: where nothing below it enters a pattern.
    step: pixels of the detector to one of the picture, each way.
    """

    counts: Floats
    two_theta: Floats
    masked: NDArray[np.bool_]
    step: int = 1


def picture_of(counts: NDArray[Any], angles: NDArray[Any], mask: NDArray[np.bool_] | None = None) -> Picture:
    """The image (rows, columns) thinned, with its angles in degrees and its mask; True is left out."""
    step = -(-max(counts.shape) // WIDEST)
    valid = np.isfinite(counts) & (counts >= 0) & (counts < LARGEST_COUNT)
    if mask is not None:
        valid &= ~mask
    edges = [np.arange(0, size, step) for size in counts.shape]

    def largest(values: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(np.maximum.reduceat(np.maximum.reduceat(values, edges[0], axis=0), edges[1], axis=1))

    clean = np.where(valid, counts, 0).astype(np.float32)
    return Picture(largest(clean), angles[::step, ::step].astype(np.float32), ~largest(valid), step)


class ImagesAgain:
    """Reads images of a scan again. Their angles are calculated with the first; one look at a time.

    left_out: pixels (rows, columns) that the run leaves out so far.
    """

    def __init__(self, scan: Path, geometry: Geometry, left_out: Callable[[], NDArray[np.bool_]]) -> None:
        self._scan, self._geometry, self._left_out = scan, geometry, left_out
        self._angles: NDArray[Any] | None = None
        self._lock = threading.Lock()

    def look(self, name: str) -> Picture:
        """The image of the frame of this name. Slow: not for the window's thread. Raises UserError."""
        from latticewatch.processing.sources.reread_image import read_again  # slow to load: not before the window

        with self._lock:
            counts, left_out = read_again(self._scan, name), self._left_out()
            shape = (left_out.shape[0], left_out.shape[1])
            if counts.shape != shape:
                raise UserError(f"{name}: has another shape than the run's images; choose another frame")
            if self._angles is None:
                from latticewatch.processing.integration.detector import azimuthal_integrator  # slow to load: pyFAI

                integrator = azimuthal_integrator(self._geometry, shape)  # two threads must not share one
                self._angles = np.asarray(integrator.center_array(shape, unit="2th_deg"))
            return picture_of(counts, self._angles, left_out)
