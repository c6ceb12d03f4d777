"""How accurate lattice parameters are: what a standard said of the geometry, and how it is quoted."""

import datetime
import math
from dataclasses import dataclass

PPM = 1e6
ESD_ALONE = "± esd; accuracy not determined"


@dataclass(frozen=True, slots=True)
class Accuracy:
    """What a standard said of one geometry.

    ppm: what a lattice parameter can be off by, in parts per million, whatever its esd. calibrant: the standard.
    frame, poni: names of its frame and of the geometry. poni_sha256, orientation: the geometry it holds for.
    checked: date of the check. rings: how many the check rests on.
    """

    ppm: float
    calibrant: str
    frame: str
    poni: str
    poni_sha256: str
    orientation: int
    checked: datetime.date
    rings: int

    def of(self, lp_A: float) -> float:
        """The accuracy of a lattice parameter of this size, in Å."""
        return lp_A * self.ppm / PPM

    def holds_for(self, poni_sha256: str, orientation: int) -> bool:
        """Whether this is the geometry that was checked."""
        return (self.poni_sha256, self.orientation) == (poni_sha256, orientation)


def source_of(accuracy: Accuracy | None) -> str:
    """``163 ppm by CeO2, checked 2026-11-24``, or that nobody knows."""
    if accuracy is None:
        return "not determined"
    few = " by one ring" if accuracy.rings == 1 else ""
    return f"{accuracy.ppm:.3g} ppm by {accuracy.calibrant}, checked {accuracy.checked.isoformat()}{few}"


def signs_of(accuracy: Accuracy | None) -> str:
    """What the signs after a lattice parameter mean."""
    return ESD_ALONE if accuracy is None else f"± esd ± accuracy, {source_of(accuracy)}"


def quoted(lp_A: float, esd_A: float, accuracy: Accuracy | None = None, unit: str = "Å") -> str:
    """``5.86710 ± 0.00004 ± 0.00096 Å``: value, esd, accuracy, as many digits as the esd bears.

    ``5.86710 ± 0.00004 Å`` where the accuracy is not known; an em dash where the value is not. What the signs mean
    is said by ``signs_of``. unit: of another quantity; empty: of a number.

    >>> quoted(5.867103, 0.000042)
    '5.86710 ± 0.00004 Å'
    >>> quoted(46.21, 0.34, unit="%")
    '46.2 ± 0.3 %'
    >>> quoted(float("nan"), 0.0)
    '—'
    """
    if not math.isfinite(lp_A):
        return "—"
    digits = digits_of(esd_A)
    precise = (
        f"{lp_A:.{digits}f} ± {esd_A:.{digits}f}" if math.isfinite(esd_A) and esd_A > 0.0 else f"{lp_A:.{digits}f}"
    )
    known = precise if accuracy is None else f"{precise} ± {accuracy.of(lp_A):.{digits}f}"
    return f"{known} {unit}".rstrip()


def digits_of(esd: float, unknown: int = 4, most: int = 6) -> int:
    """Decimals that show an esd with one digit, with two where it begins with 1. unknown: where it is not known."""
    if not (math.isfinite(esd) and esd > 0.0):
        return unknown
    place = -math.floor(math.log10(esd))
    return min(most, max(1, place + (esd * 10.0**place < 2.0)))
