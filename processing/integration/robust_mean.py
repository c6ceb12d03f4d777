"""Which pixels of a frame the mean over its rings leaves out, and in which frames they are looked for."""

import logging
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.integration.kernels.sums import LARGE
from latticewatch.processing.integration.outliers import Outliers, RingLevels, find_outliers
from latticewatch.processing.integration.plan import Plan

LEAST_LEVEL = 256.0  # counts; a single pixel that counts less moves no mean
LEVEL_MARGIN = 1.5  # times the brightest pixel that belongs to a ring
FEWEST_SPOTS = 3  # in a frame;
SPOTTY_FRAMES = 5  # as many such frames, and every frame is looked at
NONE = np.zeros(0, np.int64)
NOTHING = Outliers(NONE, NONE, 0, on_rings=False)
Mode = Literal["auto", "on", "off"]

log = logging.getLogger(__name__)


class RobustMean:
    """What is left out of the frames of one scan, looked at in order.

    level: counts; a frame without a pixel that is brighter need not be looked at. It rises with the brightest pixel
    that is left in. Not known before the first look: then LARGE. A sample whose rings are made of grains keeps all that
    stands out: what is a spot of something else cannot be told there.
    """

    def __init__(self, mode: Mode) -> None:
        self.mode = mode
        self.level = LARGE
        self._known = self._has_grains = False
        self._spotty_frames = 0

    @property
    def looks_at_every_frame(self) -> bool:
        """The user says so, or frames were spotty."""
        return self.mode == "on" or self._spotty_frames >= SPOTTY_FRAMES

    def outliers(self, levels: RingLevels, plan: Plan, flat: NDArray[Any]) -> Outliers:
        """What is to be left out of this frame, whose counts are ``flat``."""
        found = find_outliers(levels, plan)
        if self.mode == "auto" and found.on_rings and not self._has_grains:
            log.info('bright grains on the rings are kept; [integration] robust = "on" leaves them out')
            self._has_grains = True
        kept = self.mode == "off" or (self.mode == "auto" and self._has_grains)
        used = np.isfinite(levels.values)
        if not kept and found.pixels.size:
            used[found.all_pixels] = False
        level = max(LEAST_LEVEL, LEVEL_MARGIN * float(flat[used].max(initial=0)))
        self.level, self._known = max(self.level, level) if self._known else level, True
        if kept or (self.mode == "auto" and float(flat[found.pixels].max(initial=0)) < level):
            return NOTHING
        self._spotty_frames += found.spots >= FEWEST_SPOTS
        return found
