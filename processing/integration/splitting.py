"""Integration with pixel splitting: pyFAI itself. For looks and for comparison, not for fits."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.integration.detector import azimuthal_integrator
from latticewatch.processing.integration.geometry import Geometry
from latticewatch.processing.integration.plan import FEWEST_VALID, Corrections, Plan, static_mask

INVALID = np.float32(-1.0)


class SplitSums:
    """pyFAI's integrator for one scan, with the plan's number of bins. Not safe for two threads at once."""

    def __init__(
        self, geometry: Geometry, corrections: Corrections, shape: tuple[int, int], splitting: str, plan: Plan
    ) -> None:
        self._integrator = azimuthal_integrator(geometry, shape)
        self._method = (splitting, "csr", "cython")
        self._corrections = corrections
        self._mask = static_mask(geometry, corrections, shape)
        self._bins = len(plan.two_theta)
        result = self._integrate(np.ones(shape, np.float32))
        self.two_theta = np.asarray(result.radial, np.float64)

    def pattern(self, plan: Plan, counts: NDArray[Any], limit: float, scale: float) -> Pattern | NoResult:
        """The pattern of this image times ``scale``; values below 0, at or above ``limit`` or NaN are invalid,
        and so is what the plan leaves out."""
        used = (plan.bins < len(plan.two_theta)).reshape(plan.shape)
        valid = (counts >= 0) & (counts < limit) & used
        share = valid.sum() / used.sum()
        if share < FEWEST_VALID:
            return NoResult(f"unreadable: only {100 * share:.0f} % of the pixels are valid")
        result = self._integrate(np.where(valid, counts, INVALID).astype(np.float32))
        factor = np.where(result.count > 0, scale, np.nan)
        return Pattern(
            self.two_theta,
            (result.intensity * factor).astype(np.float32),
            (result.sigma * factor).astype(np.float32),
        )

    def _integrate(self, counts: NDArray[np.float32]) -> Any:
        return self._integrator.integrate1d_ng(
            counts,
            self._bins,
            mask=self._mask,
            dark=self._corrections.dark,
            flat=self._corrections.flat,
            polarization_factor=self._corrections.polarization,
            correctSolidAngle=self._corrections.solid_angle,
            error_model="poisson",
            method=self._method,
            unit="2th_deg",
            dummy=INVALID,
            delta_dummy=0.5,
        )
