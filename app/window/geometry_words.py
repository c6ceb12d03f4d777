"""What the window on a geometry says: functions of what the rings say, without a widget."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from latticewatch.processing.calibration.refined import Place, Refined, Value
from latticewatch.processing.flow.accuracy import digits_of
from latticewatch.processing.refinement.single_lines.geometry_check import GeometryCheck, Ring

WELL = 0.4  # a score below this: much that is bright lies on no ring
BETTER = 1.5
TURNS = {1: "both ways", 2: "up-down", 3: "as read", 4: "left-right"}
NAMES = {
    "distance_mm": ("distance", "mm"),
    "row": ("beam centre, row", "pixels"),
    "column": ("beam centre, column", "pixels"),
    "rot1_deg": ("tilt rot1", "°"),
    "rot2_deg": ("tilt rot2", "°"),
    "wavelength_A": ("wavelength", "Å"),
}
RING_HEADER = (
    "hkl",
    "expected / °",
    "measured / °",
    "offset / ppm",
    "esd / ppm",
    "round the ring / ppm",
    "before / ppm",
)


class Level(StrEnum):
    """How it is shown."""

    GOOD = "complete"
    WARNING = "paused"
    WRONG = "no_beam"
    UNKNOWN = "waiting"


@dataclass(frozen=True, slots=True)
class Trial:
    """One orientation of a geometry. score: how well the rings meet what is bright; is_seen: well enough to be no
    chance. centre_mm: how far the beam centre has to go for that; None: not looked for, or not found.
    """

    orientation: int
    score: float
    is_seen: bool
    centre_mm: float | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What to say, how loud, and the orientation that is to be taken instead (None: the one that is chosen)."""

    level: Level
    text: str
    better: int | None = None


def said_of(
    check: GeometryCheck | None,
    score: float,
    trials: Sequence[Trial],
    orientation: int,
    refined: Refined | None = None,
    before: GeometryCheck | None = None,
) -> Said:
    """What a geometry is worth. trials, before: of the geometry as it was given. refined: None of that one itself."""
    best = max(trials, key=lambda trial: trial.score)
    own = next((trial for trial in trials if trial.orientation == orientation), best)
    if refined is None and best.is_seen and best.score > BETTER * own.score:
        text = (
            f"The rings lie where this poni puts them in orientation {best.orientation} ({TURNS[best.orientation]}), "
            f"not in {orientation} ({TURNS[orientation]})."
        )
        return Said(Level.WRONG, text, best.orientation)
    if check is None:
        return _lost(trials, orientation)
    at_six = check.accuracy_ppm * 6e-6
    rings = f"{len(check.rings)} ring{'' if len(check.rings) == 1 else 's'}"
    was = "" if refined is None or before is None else f"; before: {before.accuracy_ppm:.0f} ppm"
    text = (
        f"{rings} measured, off by {check.offset_ppm:.0f} ppm. Accuracy of a lattice parameter with this geometry: "
        f"{check.accuracy_ppm:.0f} ppm ({at_six:.5f} Å at 6 Å{was})."
    )
    if refined is not None:
        text += f" Refined by {refined.points} points on {refined.rings} rings, {refined.rms_px:.2f} pixels off them."
    if score < WELL:
        return Said(Level.WARNING, f"{text} Much that is bright lies on no ring: check calibrant and mask, or refine.")
    return Said(Level.GOOD, text)


def _lost(trials: Sequence[Trial], orientation: int) -> Said:
    """No ring is where it must be, in any orientation."""
    reached = [(trial.centre_mm, trial) for trial in trials if trial.centre_mm is not None]
    if not reached:
        text = (
            "The rings are not near where this poni puts them, whatever the orientation: check the standard, the "
            "wavelength and the mask."
        )
        return Said(Level.WRONG, text)
    told = ", ".join(f"{trial.orientation} by {far:.1f} mm" for far, trial in sorted(reached, key=lambda one: one[0]))
    text = (
        "The rings are not where this poni puts them, whatever the orientation. Refine finds them: the beam centre "
        f"then moves in orientation {told}. All of these will fit, as in a mirror; chosen is {orientation}."
    )
    return Said(Level.WRONG, text)


def value_told(value: Value) -> str:
    """``230.13 ± 0.04``; without an esd the number alone."""
    known = math.isfinite(value.esd)
    digits = digits_of(value.esd, unknown=4)
    return f"{value.value:.{digits}f} ± {value.esd:.{digits}f}" if known else f"{value.value:.4f}"


def place_rows(start: Place, now: Place) -> list[tuple[str, str, str]]:
    """Name with its unit, at first, now with esd: of each number of a geometry."""
    return [
        (f"{name} / {unit}", value_told(getattr(start, key)), value_told(getattr(now, key)))
        for key, (name, unit) in NAMES.items()
    ]


def place_lines(start: Place, now: Place) -> list[str]:
    """The same as lines of a report."""
    return [f"{name:>28}: {first} -> {then}" for name, first, then in place_rows(start, now)]


def ring_rows(now: GeometryCheck | None, before: GeometryCheck | None) -> list[tuple[str, ...]]:
    """A line for each ring, as RING_HEADER names them. before: empty where the ring was not seen then."""
    earlier = {(ring.hkl, round(ring.expected_deg, 2)): ring for ring in (before.rings if before is not None else ())}
    return [
        (
            *_ring(ring),
            _ppm(earlier[key].offset_ppm) if (key := (ring.hkl, round(ring.expected_deg, 2))) in earlier else "",
        )
        for ring in (now.rings if now is not None else ())
    ]


def _ring(ring: Ring) -> tuple[str, ...]:
    scatter = _ppm(ring.sector_scatter_ppm)
    angles = (f"{ring.expected_deg:.4f}", f"{ring.two_theta_deg:.4f}")
    return (ring.hkl, *angles, _ppm(ring.offset_ppm), f"{ring.esd_ppm:.1f}", scatter)


def _ppm(value: float) -> str:
    return "unknown" if math.isnan(value) else f"{value:.0f}"
