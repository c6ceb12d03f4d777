"""Whether there is beam, by the mean of a pattern."""

import math
from dataclasses import dataclass

import numpy as np

from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.refinement.tracking.fit_quality import middle

DARK_FRACTION = 0.05
REMEMBERED = 50


@dataclass(frozen=True, slots=True)
class Light:
    """means: of the last patterns that were not dark."""

    means: tuple[float, ...] = ()

    def joined(self, pattern: Pattern) -> "Light | None":
        """With one more pattern; None where it is dark."""
        mean = float(pattern.intensity.mean(dtype=np.float64))
        if not math.isfinite(mean):
            known = np.isfinite(pattern.intensity)
            mean = float(pattern.intensity[known].mean(dtype=np.float64)) if known.any() else 0.0
        if not mean > 0.0 or (self.means and mean < DARK_FRACTION * middle(self.means)):
            return None
        return Light((*self.means, mean)[-REMEMBERED:])
