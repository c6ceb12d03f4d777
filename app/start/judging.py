"""What the fits of one frame, turned every way, say of geometry and orientation: pure functions, one sentence each."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from latticewatch.processing.text import one_line

# χ² of a frame whose geometry, phases and mask are right; the samples that the tests use have .9 to 2.
FAR = 3.0
# A χ² that is this many times another one is worse, not another draw of the noise.
WORSE = 1.2
ORIENTATIONS = {1: "both ways", 2: "up-down", 3: "as read", 4: "left-right"}
"""How the image is turned, by the orientation's EXIF number."""


class Level(StrEnum):
    """How a judgement is shown. UNKNOWN: nothing is wrong, and nothing can be said."""

    GOOD = "good"
    WARNING = "warning"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Trial:
    """One frame fitted with one orientation. chi2: NaN without a fit; reason: why there is none."""

    orientation: int
    chi2: float = math.nan
    reason: str = ""

    @property
    def has_lines(self) -> bool:
        """Whether something other than background was seen, whatever became of its fit."""
        return math.isfinite(self.chi2) or self.reason not in ("no peaks", "no beam")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What to say, how loud, and the orientation that is to be taken instead (None: the one that is chosen)."""

    level: Level
    text: str
    better: int | None = None


NO_FRAME = Judgement(
    Level.UNKNOWN, "No frame is there yet. Geometry and orientation are judged when the first ones come."
)


def judged(trials: Sequence[Trial], chosen: int, cells: str = "") -> Judgement:
    """What these fits of one frame say. cells: the lattice parameters in words, where the chosen orientation fits.

    Frames of solvent alone have no lines: then nothing is recommended, since a wrong orientation makes humps of its
    rings, which may be taken for lines.
    """
    fits = sorted((trial for trial in trials if math.isfinite(trial.chi2)), key=lambda trial: trial.chi2)
    own = next((trial for trial in trials if trial.orientation == chosen), Trial(chosen, reason="not tried"))
    told = _all_told(trials)
    if not fits:
        if not all(trial.has_lines for trial in trials):
            return Judgement(
                Level.UNKNOWN,
                "Cannot be judged from this frame: it has no lines. It is looked at again when new frames come.",
            )
        reason = one_line(own.reason)
        return Judgement(
            Level.WRONG, f"Fits with no orientation ({reason}): check geometry, phases and mask, and the rings."
        )
    best = fits[0]
    far = f" χ² {_number(best.chi2)} is far above 1: compare the rings with the image, check phases and mask."
    far = far if best.chi2 > FAR else ""
    if not own.chi2 <= WORSE * best.chi2:
        now = f"χ² {_number(own.chi2)}" if math.isfinite(own.chi2) else f"no fit: {one_line(own.reason)}"
        turn = f"{best.orientation} ({ORIENTATIONS[best.orientation]})"
        text = f"Orientation {chosen} is not the best ({now}). Best is {turn}, χ² {_number(best.chi2)}.{far} {told}"
        return Judgement(Level.WRONG, text, best.orientation)
    alike = [f"{each.orientation}" for each in fits if each is not own and each.chi2 <= WORSE * own.chi2]
    if alike:
        text = f"Fits: {cells}. Orientation {', '.join(alike)} fits as well, so the flip cannot be told.{far} {told}"
        return Judgement(Level.WARNING, text)
    if far:
        return Judgement(Level.WARNING, f"Orientation {chosen} fits best of all four ({cells}), but{far} {told}")
    return Judgement(Level.GOOD, f"Fits: {cells}. {told}")


def _all_told(trials: Sequence[Trial]) -> str:
    """``χ² by orientation: 1 no fit, 2 no fit, 3 0.9, 4 6.2.``"""
    values = [
        f"{each.orientation} {_number(each.chi2) if math.isfinite(each.chi2) else 'no fit'}"
        for each in sorted(trials, key=lambda trial: trial.orientation)
    ]
    return f"χ² by orientation: {', '.join(values)}."


def _number(chi2: float) -> str:
    return f"{chi2:.1f}" if chi2 < 100.0 else f"{chi2:.0f}"
