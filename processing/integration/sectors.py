"""Patterns of azimuthal sectors: the sums of a frame once more for each of them, over its own pixels."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.sector import Sector
from latticewatch.processing.integration.detector import azimuthal_integrator
from latticewatch.processing.integration.geometry import Geometry
from latticewatch.processing.integration.plan import Plan, pixel_two_theta, without


class SectorPlans:
    """The plan of each sector, made of that of the whole frame."""

    def __init__(self, geometry: Geometry, plan: Plan, sectors: Sequence[Sector]) -> None:
        """Raises UserError where no pixel in use lies in a sector."""
        integrator = azimuthal_integrator(geometry, plan.shape)
        chi_deg = np.degrees(np.asarray(integrator.center_array(plan.shape, unit="chi_rad"), np.float64))
        self._outside = [~sector.holds(chi_deg) for sector in sectors]
        self._two_theta = pixel_two_theta(integrator, plan.shape).ravel()
        self._plan, self._parts = plan, self._divided(plan)
        for sector, part in zip(sectors, self._parts, strict=True):
            if not part.pixels[:-1].any():
                raise UserError(
                    f"[sectors]: no pixel in use lies between {sector.from_deg:g} and {sector.to_deg:g} deg of "
                    "azimuth; give other edges"
                )
        self.grids = [part.two_theta for part in self._parts]

    def of(self, plan: Plan) -> Sequence[Plan]:
        """The sectors of this plan, which uses no more pixels than the first one."""
        if plan is not self._plan:
            self._plan, self._parts = plan, self._divided(plan)
        return self._parts

    def _divided(self, plan: Plan) -> list[Plan]:
        # Where a bin's pixels lie in the mean is another angle in each sector, and stays what it was at first.
        grids = getattr(self, "grids", None)
        parts = [without(plan, outside) for outside in self._outside]
        if grids is None:
            grids = [self._mean_angles(part) for part in parts]
        return [replace(part, two_theta=grid) for part, grid in zip(parts, grids, strict=True)]

    def _mean_angles(self, part: Plan) -> NDArray[np.float64]:
        length = len(part.two_theta)
        sums = np.bincount(part.bins, weights=self._two_theta, minlength=length + 1)[:length]
        pixels = part.pixels[:length]
        return np.where(pixels > 0, sums / np.maximum(pixels, 1), part.two_theta)
