"""Patterns that were integrated elsewhere, brought onto one grid: the place of an integrator in their scan."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.flow.frame import Frame, Image, NoResult
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.integration.defects import Defects
from latticewatch.processing.integration.geometry import Geometry
from latticewatch.processing.integration.plan import Corrections

Floats = NDArray[np.float64]
# A point belongs to the point of the grid that is nearer than this share of a step.
SAME_POINT = 0.02
LEAST_SHARE = 0.5


class ColumnIntegrator:
    """The grid is that of the scan's first pattern. Another one may lack some of its points; one with other points is
    refused: to move counts from point to point would correlate them."""

    defects: Defects | None = None

    def __init__(self, first: Image) -> None:
        """first: the scan's first pattern."""
        self.two_theta = np.array(np.asarray(first.counts)[0], np.float64)
        self.two_theta.flags.writeable = False

    def corrected(self, geometry: Geometry, corrections: Corrections) -> "ColumnIntegrator":
        """The same: nothing is done to patterns."""
        del geometry, corrections
        return self

    def integrate(self, frame: Frame) -> Pattern | NoResult:
        return self.integrate_many([frame])[0]

    def integrate_many(self, frames: Sequence[Frame]) -> list[Pattern | NoResult]:
        """For each frame its pattern, or why there is none."""
        return [self._placed(frame.content) if isinstance(frame.content, Image) else frame.content for frame in frames]

    def _placed(self, image: Image) -> Pattern | NoResult:
        content = np.asarray(image.counts)
        x, grid = np.asarray(content[0], np.float64), self.two_theta
        steps = np.gradient(grid)
        after = np.clip(np.searchsorted(grid, x), 1, len(grid) - 1)
        nearest = np.where(np.abs(x - grid[after - 1]) < np.abs(x - grid[after]), after - 1, after)
        if np.any(~(np.abs(x - grid[nearest]) < SAME_POINT * steps[nearest])) or len(x) < LEAST_SHARE * len(grid):
            return NoResult(f"unreadable: its {len(x)} angles are not those of the first pattern")
        values = np.full((2, len(grid)), np.nan, np.float32)
        values[:, nearest] = content[1:]
        return Pattern(grid, values[0], values[1])
