"""What the fits of several frames leave unexplained at the same angle."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.refinement.model.lines import BACKGROUND_TERMS

Floats = NDArray[np.float64]
# How the noise compares with the sigmas is the mean over so many frames.
NOISE_FRAMES = 30
# The mean runs over about so many frames.
MEMORY = 12.0
# A close look is costly: after one that found nothing the next one waits, longer each time, but not where so many
# times as much stands out as then.
EVERY = 3
LONGEST_WAIT = 48
GROWN = 1.3
# Widths, in bins, and sigmas of the first look.
BOXES = (2, 4, 8)
STANDS_OUT = 5.0


@dataclass(frozen=True, slots=True)
class Residuals:
    """mean: (bins,) of the residuals in units of the noise, over ``frames`` of them. wait: frames until the next
    look, waited: how many the last one was put off. passed: how much stood out when a close look found no line."""

    mean: Floats = field(default_factory=lambda: np.zeros(0))
    frames: float = 0.0
    wait: int = EVERY
    waited: int = EVERY
    passed: float = STANDS_OUT

    def joined(self, residual: Floats) -> "Residuals":
        """With one more frame."""
        if len(residual) != len(self.mean):
            return replace(self, mean=residual, frames=1.0, wait=self.wait - 1)
        frames = min(self.frames + 1.0, MEMORY)
        return replace(self, mean=self.mean + (residual - self.mean) / frames, frames=frames, wait=self.wait - 1)

    def stands_out(self) -> float:
        """Sigmas of what stands out most, at a first look."""
        total = np.cumsum(np.concatenate([[0.0], self.mean]))
        widths = [width for width in BOXES if width < len(total)]
        sums = [float(np.max(total[width:] - total[:-width])) / width**0.5 for width in widths]
        return float(np.sqrt(self.frames)) * max(sums, default=0.0)

    def due(self, sigmas: float) -> bool:
        """Whether a close look is due where so much stands out."""
        return sigmas > self.passed * GROWN or (sigmas > STANDS_OUT and self.wait <= 0)

    def looked(self, sigmas: float) -> "Residuals":
        """After a close look that found nothing in what stood out by so many sigmas."""
        waited = min(2 * self.waited, LONGEST_WAIT)
        return replace(self, wait=waited, waited=waited, passed=max(sigmas, STANDS_OUT))

    def anew(self) -> "Residuals":
        """From now on the model is another one."""
        return Residuals(np.zeros_like(self.mean))


def noise_after(noise: float, frames: int, old: Floats | None, residual: Floats, components: int) -> tuple[float, int]:
    """How the noise compares with the sigmas, and from how many frames, with one more frame: from what changes between
    two frames, not from steady misfit. old, residual: (bins,) what the fits left, in the pattern's own sigmas."""
    if old is None or len(old) != len(residual):
        return noise, frames
    free = len(residual) - BACKGROUND_TERMS - components - 1
    change = residual - old
    found = 0.5 * float(change @ change) / free
    frames = min(frames + 1, NOISE_FRAMES)
    return noise + (found - noise) / (frames + 1), frames
