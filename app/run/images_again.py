"""Detector images of a run that is under way, read again to be looked at."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latticewatch.app.run.decisions import Inputs
from latticewatch.processing.errors import UserError
from latticewatch.processing.integration.defects import Defects

WIDEST = 700
LARGEST_COUNT = 2**31
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Picture:
    """An image for the screen, thinned to at most 700 pixels a side; all (rows, columns).

    counts: the largest under each pixel. two_theta: degrees. masked: where nothing below it enters a pattern.
    """

    counts: Floats
    two_theta: Floats
    masked: NDArray[np.bool_]


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
    return Picture(largest(clean), angles[::step, ::step].astype(np.float32), ~largest(valid))


class ImagesAgain:
    """Reads images of a scan again. What every image shares is made with the first; one look at a time.

    defects: what the run found of hot and dead pixels so far.
    """

    def __init__(
        self, scan: Path, inputs: Inputs, shape: tuple[int, int], defects: Callable[[], Defects | None]
    ) -> None:
        self._scan, self._inputs, self._shape, self._defects = scan, inputs, shape, defects
        self._fixed: tuple[NDArray[Any], NDArray[np.bool_]] | None = None
        self._lock = threading.Lock()

    def look(self, name: str) -> Picture:
        """The image of the frame of this name. Slow: not for the window's thread. Raises UserError."""
        from latticewatch.processing.sources.reread_image import read_again  # slow to load: not before the window

        with self._lock:
            counts = read_again(self._scan, name)
            if counts.shape != self._shape:
                raise UserError(f"{name}: has another shape than the run's images; choose another frame")
            angles, mask = self._fixed = self._fixed or self._shared()
            defects = self._defects()
            return picture_of(counts, angles, mask if defects is None else mask | defects.mask)

    def _shared(self) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Angles and mask. An integrator of its own: two threads must not share one."""
        from latticewatch.processing.integration.detector import (  # slow to load: pyFAI
            azimuthal_integrator,
            module_gaps,
        )
        from latticewatch.processing.integration.masks import read_mask  # slow to load: fabio

        geometry, shape = self._inputs.geometry, self._shape
        angles = azimuthal_integrator(geometry, shape).center_array(shape, unit="2th_deg")
        mask = module_gaps(geometry, shape)
        return np.asarray(angles), mask | read_mask(self._inputs.mask, shape) if self._inputs.mask else mask
