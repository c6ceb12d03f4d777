"""What the fits of several frames leave unexplained at the same angle."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# The mean runs over about so many frames.
MEMORY = 12.0
# A look costs a little, so it is taken every so many frames; after one that found nothing it waits longer.
EVERY = 3
LONGEST_WAIT = 48
# Widths, in bins, and sigmas of the first look.
BOXES = (2, 4, 8)
STANDS_OUT = 5.0


@dataclass(frozen=True, slots=True)
class Residuals:
    """mean: (bins,) of the residuals in units of the noise, over ``frames`` of them. wait: frames until the next
    look, waited: how many the last one was put off."""

    mean: Floats = field(default_factory=lambda: np.zeros(0))
    frames: float = 0.0
    wait: int = EVERY
    waited: int = EVERY

    def joined(self, residual: Floats) -> "Residuals":
        """With one more frame."""
        if len(residual) != len(self.mean):
            return Residuals(residual, 1.0, self.wait - 1, self.waited)
        frames = min(self.frames + 1.0, MEMORY)
        return Residuals(self.mean + (residual - self.mean) / frames, frames, self.wait - 1, self.waited)

    def stand_out(self) -> bool:
        """Whether there may be a line in it, at a first look."""
        total = np.cumsum(np.concatenate([[0.0], self.mean]))
        return any(
            float(np.max(total[width:] - total[:-width])) * (self.frames / width) ** 0.5 > STANDS_OUT
            for width in BOXES
            if width < len(total)
        )

    def looked(self, *, closely: bool) -> "Residuals":
        """After a look that found nothing; closely: with all that is known of the model."""
        waited = min(2 * self.waited, LONGEST_WAIT) if closely else EVERY
        return replace(self, wait=waited, waited=waited)

    def anew(self) -> "Residuals":
        """From now on the model is another one."""
        return Residuals(np.zeros_like(self.mean))
