"""Foreign lines as they are told: from recorded parameters, with d and the phase that has such a line."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.config.resolve import Setup
from latticewatch.processing.crystal.line_phase import LinePhase
from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.series import Row
from latticewatch.processing.refinement.foreign.extended import unpacked
from latticewatch.processing.refinement.foreign.finder import FWHM_OF_SIGMA, SHAPE
from latticewatch.processing.refinement.foreign.lines import TOLERANCE_DEG, ForeignLine, rows_of
from latticewatch.processing.refinement.model.lines import Layout, layout, lines_of

# A phase gives its name where this share of its stronger lines is among those that are seen.
STRONG = 0.3
SHARE_SEEN = 0.5
# In the list of a run are lines that were there in so many frames, each with this share of the most they had before:
# what a zinger leaves is followed until it is clear that it is gone.
LEAST_FRAMES = 5
LASTING = 0.25
# A line was there before the first fit where it is so many sigmas clear of a smooth background, over so many FWHM to
# either side of it; so many patterns in a row may be without it.
BACK_SIGMAS, SURROUNDINGS, FEWEST_BINS, MOST_MISSED = 3.0, 2.5, 8, 2
# One line that was fitted for two was so many times as wide as these.
PARTED = 1.25
# So many lines of spectators are fitted, with these widths before the first fit.
MOST_EXPECTED = 16
USUAL_SIGMA_DEG = 0.02
USUAL_SIGMA_BINS = 1.0


@dataclass(frozen=True, slots=True)
class Sighting:
    """A foreign line in one frame, or over a run. two_theta_deg, fwhm_deg in degrees, d_A in Å, area in the pattern's
    unit × degrees, since_s: time of the first frame with it (NaN in one frame), phase: None where nobody has it."""

    two_theta_deg: float
    d_A: float
    fwhm_deg: float
    area: float
    since_s: float = math.nan
    phase: str | None = None


@dataclass(frozen=True, slots=True)
class _Listed:
    """A line of a run as it was last seen, its width when first seen, the most area it had, and the frames in which it
    had not faded."""

    last: Sighting
    first_fwhm_deg: float
    most: float
    frames: int

    def seen_again(self, one: Sighting) -> "_Listed":
        last = replace(one, since_s=self.last.since_s, phase=one.phase or self.last.phase)
        most, frames = max(self.most, one.area), self.frames + (one.area > LASTING * self.most)
        return replace(self, last=last, most=most, frames=frames)

    def was_also(self, one: Sighting) -> bool:
        """Whether a line that is new was a part of this one, which was fitted as one line from the first on."""
        inside = abs(self.last.two_theta_deg - one.two_theta_deg) < 0.5 * self.last.fwhm_deg
        return inside and self.first_fwhm_deg > PARTED * one.fwhm_deg


class ForeignLines:
    """What the parameters of a run's fits say of foreign lines. A spectator's lines are none. They are looked for only
    where cubic lattices alone are refined."""

    def __init__(self, setup: Setup, two_theta: NDArray[np.float64]) -> None:
        self._setup, self._two_theta = setup, two_theta
        self._step_deg = float(np.median(np.diff(two_theta)))
        self._lay = bare_layout(setup, two_theta) if setup.components and setup.is_cubic else None

    def of(self, fit: Fit) -> dict[int, Sighting]:
        """The foreign lines of this fit by the number they keep while they are followed."""
        known = unpacked(fit.parameters, self._lay) if self._lay else None
        seen = {
            slot: self._sighting(line, area)
            for slot, (line, area) in (known[1] if known else {}).items()
            if area > 0.0 and line.is_ring(self._step_deg) and not expected(line, self._setup)
        }
        named = names_of([one.two_theta_deg for one in seen.values()], self._setup.library, self._setup.wavelength_A)
        return {slot: replace(one, phase=name) for (slot, one), name in zip(seen.items(), named, strict=True)}

    def over(self, rows: Iterable[Row], whole: Sequence[Row] = ()) -> list[Sighting]:
        """The foreign lines of a run in order of 2θ, as they were last seen.

        whole: the same rows with their patterns: a line is then looked for in the patterns before the first fit, when
        the sample was not yet there to be fitted. One that was there had always been there.
        """
        found: list[_Listed] = []
        followed: dict[int, int] = {}
        first = -1
        for number, row in enumerate(rows):
            if not isinstance(row.fit, Fit):
                continue
            first = number if first < 0 else first
            seen, before, was = self.of(row.fit), tuple(found), followed
            followed = {}
            for slot, one in seen.items():
                at = was.get(slot, -1)
                if at < 0 or not _followed(before[at].last, one):
                    at = next((n for n, listed in enumerate(found) if _same(listed.last, one)), len(found))
                if at == len(found):
                    whose = next((listed.last.since_s for listed in before if listed.was_also(one)), None)
                    since_s = _seen_since(one, seen.values(), whole[:first], row.time_s) if whose is None else whose
                    found.append(_Listed(replace(one, since_s=since_s), one.fwhm_deg, one.area, 1))
                else:
                    found[at] = found[at].seen_again(one)
                followed[slot] = at
        told = (listed.last for listed in found if listed.frames >= LEAST_FRAMES)
        return sorted(told, key=lambda one: one.two_theta_deg)

    def _sighting(self, line: ForeignLine, area: float) -> Sighting:
        d_A = self._setup.wavelength_A / (2.0 * math.sin(math.radians(line.two_theta / 2.0)))
        return Sighting(line.two_theta, d_A, line.fwhm_deg, area)


def bare_layout(setup: Setup, two_theta: NDArray[np.float64]) -> Layout:
    """Where the parameters of the sample and the background lie, without foreign lines."""
    lines = lines_of(setup.components, setup.wavelength_A, *setup.fit.within(two_theta))
    return layout(len(setup.components), len(lines.phase))


def spectator_lines(setup: Setup, two_theta: NDArray[np.float64]) -> tuple[ForeignLine, ...]:
    """The lines of the spectators in the fitted range, the strongest first, where their cells put them and with a usual
    width."""
    low, high = setup.fit.within(two_theta)
    lines = [
        (intensity, angle)
        for phase in setup.spectators
        for angle, intensity in zip(angles_of(phase, setup.wavelength_A), phase.intensity, strict=True)
        if low < angle < high
    ]
    sigma = max(USUAL_SIGMA_DEG, USUAL_SIGMA_BINS * float(np.median(np.diff(two_theta))))
    return tuple(ForeignLine(angle, sigma, SHAPE * sigma) for _, angle in sorted(lines, reverse=True))


def expected(line: ForeignLine, setup: Setup) -> bool:
    """Whether this is a spectator's line."""
    return any(line.lies_at(angle) for phase in setup.spectators for angle in angles_of(phase, setup.wavelength_A))


def names_of(places: list[float], library: tuple[LinePhase, ...], wavelength_A: float) -> list[str | None]:
    """For each of these 2θ the phase that explains it: the one with the most lines among them, and enough of its own
    strong ones."""
    names: list[str | None] = [None] * len(places)
    fitting = []
    for phase in library:
        mine = [n for n, place in enumerate(places) if _has(phase, place, wavelength_A)]
        if mine and _mostly_seen(phase, places, wavelength_A):
            fitting.append((len(mine), phase.name, mine))
    for _, name, mine in sorted(fitting):
        for n in mine:
            names[n] = name
    return names


def angles_of(phase: LinePhase, wavelength_A: float) -> list[float]:
    """2θ of a phase's lines in degrees."""
    return [2.0 * math.degrees(math.asin(min(wavelength_A / (2.0 * d), 1.0))) for d in phase.d_A]


def _seen_since(one: Sighting, seen: Iterable[Sighting], rows: Sequence[Row], since_s: float) -> float:
    """The time of the first of these rows in whose pattern the line is, back from the last one without a break.

    seen: all lines of the fit, this one too: its neighbours may have been there as well.
    """
    reach = SURROUNDINGS * one.fwhm_deg
    others = [
        line for line in seen if line is not one and abs(line.two_theta_deg - one.two_theta_deg) < reach + line.fwhm_deg
    ]
    missed = 0
    for row in reversed(rows):
        if missed > MOST_MISSED:
            break
        if row.pattern is None:
            continue
        stands = _stands_out(one, others, row.pattern)
        since_s, missed = (row.time_s, 0) if stands else (since_s, missed + 1)
    return since_s


def _stands_out(one: Sighting, others: list[Sighting], pattern: Pattern) -> bool:
    """Whether a pattern has this line on a smooth background beside the others, with no less than LASTING of its
    area."""
    near = np.abs(pattern.two_theta - one.two_theta_deg) < SURROUNDINGS * one.fwhm_deg
    near &= np.isfinite(pattern.intensity) & (pattern.sigma > 0.0)
    if np.count_nonzero(near) < FEWEST_BINS:
        return False
    grid, weight = pattern.two_theta[near], 1.0 / pattern.sigma[near].astype(np.float64)
    lines = rows_of(tuple(_line(each) for each in (one, *others)), grid)
    away = (grid - one.two_theta_deg) / one.fwhm_deg
    design = np.concatenate([lines, np.vander(away, 3).T]) * weight
    inner = np.linalg.pinv(design @ design.T, hermitian=True)
    area, esd = float((inner @ (design @ (pattern.intensity[near] * weight)))[0]), math.sqrt(max(inner[0, 0], 0.0))
    return area > max(BACK_SIGMAS * esd, LASTING * one.area)


def _line(one: Sighting) -> ForeignLine:
    sigma = one.fwhm_deg / FWHM_OF_SIGMA
    return ForeignLine(one.two_theta_deg, sigma, SHAPE * sigma)


def _mostly_seen(phase: LinePhase, places: list[float], wavelength_A: float) -> bool:
    """Whether its strong lines in the range of those that are seen are mostly among them."""
    low, high = min(places) - TOLERANCE_DEG, max(places) + TOLERANCE_DEG
    angles = zip(angles_of(phase, wavelength_A), phase.intensity, strict=True)
    strong = [angle for angle, intensity in angles if intensity > STRONG and low <= angle <= high]
    seen = sum(any(abs(angle - place) < TOLERANCE_DEG for place in places) for angle in strong)
    return bool(strong) and seen >= SHARE_SEEN * len(strong)


def _has(phase: LinePhase, place: float, wavelength_A: float) -> bool:
    return any(abs(angle - place) < TOLERANCE_DEG for angle in angles_of(phase, wavelength_A))


def _followed(before: Sighting, now: Sighting) -> bool:
    """Whether a line that kept its number is still the same: it may have moved by less than a width."""
    return abs(before.two_theta_deg - now.two_theta_deg) < max(TOLERANCE_DEG, before.fwhm_deg)


def _same(one: Sighting, other: Sighting) -> bool:
    return abs(one.two_theta_deg - other.two_theta_deg) < max(TOLERANCE_DEG, 0.5 * min(one.fwhm_deg, other.fwhm_deg))
