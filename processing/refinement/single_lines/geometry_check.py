"""How right the geometry is: a standard's rings against its certified cell, ring by ring and round the ring."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.crystal.reflections import two_theta_deg
from latticewatch.processing.crystal.standard import Standard, StandardLine
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.refinement.single_lines.single_lines import Line, fit_lines

Floats = NDArray[np.float64]
# A ring is looked for this far (relative) from where it belongs; closer ones than twice that are not told apart.
REACH = 0.004
WINDOW_BINS = 12
LEAST_SIGMAS = 10.0
FEWEST_SECTORS = 3
PPM = 1e6


@dataclass(frozen=True, slots=True)
class Ring:
    """One ring: where it is, and by how much (ppm of its d spacing) it is off the certified value, with its esd.

    expected_deg: where the certified value puts it. sector_scatter_ppm: standard deviation of the offset round the
    ring, NaN for fewer than three sectors.
    """

    hkl: str
    expected_deg: float
    two_theta_deg: float
    fwhm_deg: float
    offset_ppm: float
    esd_ppm: float
    sector_scatter_ppm: float


@dataclass(frozen=True, slots=True)
class GeometryCheck:
    """What a standard says of a geometry.

    lp_A: mean cell over the rings, reference_A: the certified one; both NaN of a standard that is not cubic.
    offset_ppm: mean offset of the rings, which for a cubic cell is the difference of these two. ring_scatter_ppm:
    standard deviation over the rings (NaN for one). zero_shift_deg with its esd: the constant shift of 2θ that the
    rings ask for beside a change of scale, NaN for fewer than three rings. sector_scatter_ppm: root mean square of
    the rings'. accuracy_ppm: what a lattice parameter measured with this geometry can be off by: offset with its
    esd, scatter over the rings and scatter round them, added in quadrature.
    """

    rings: tuple[Ring, ...]
    lp_A: float
    reference_A: float
    offset_ppm: float
    ring_scatter_ppm: float
    zero_shift_deg: float
    zero_shift_esd_deg: float
    sector_scatter_ppm: float
    accuracy_ppm: float


def check_geometry(
    pattern: Pattern, sectors: Sequence[Pattern], standard: Standard, wavelength_A: float
) -> GeometryCheck:
    """Compare the rings of a standard with its certified plane distances.

    sectors: patterns of azimuthal sectors of the same frame, none or at least three. Raises UserError where no
    ring of the standard is found.
    """
    rings = tuple(
        ring
        for line, centre in _lines(pattern, standard, wavelength_A)
        if (ring := _ring(pattern, sectors, line, centre, wavelength_A))
    )
    if not rings:
        raise UserError(
            f"no ring of {standard} where this geometry puts it, within {100 * REACH:.1f} %; check the frame, the "
            "calibrant, the geometry and its orientation"
        )
    return _summed_up(rings, standard.cell_A)


def _lines(pattern: Pattern, standard: Standard, wavelength_A: float) -> list[tuple[StandardLine, float]]:
    """The lines on the detector that have no neighbour within reach, each with its 2θ."""
    low, high = float(pattern.two_theta[0]), float(pattern.two_theta[-1])
    found = [(line, two_theta_deg(line.d_A, wavelength_A)) for line in standard.lines]
    half = [_half_window(pattern, centre) for _, centre in found]
    return [
        (line, centre)
        for k, (line, centre) in enumerate(found)
        if low + half[k] < centre < high - half[k]
        and all(abs(centre - other) > 1.5 * half[k] for j, (_, other) in enumerate(found) if j != k)
    ]


def _half_window(pattern: Pattern, centre: float) -> float:
    step = float(np.median(np.diff(pattern.two_theta)))
    return max(REACH * centre, WINDOW_BINS * step)


def _ring(
    pattern: Pattern, sectors: Sequence[Pattern], expected: StandardLine, centre: float, wavelength_A: float
) -> Ring | None:
    line = _line(pattern, centre)
    if line is None:
        return None

    def ppm(found: Line) -> float:
        d_A = wavelength_A / (2.0 * math.sin(math.radians(found.two_theta_deg / 2.0)))
        return PPM * (d_A / expected.d_A - 1.0)

    round_it = [ppm(found) for sector in sectors if (found := _line(sector, line.two_theta_deg)) is not None]
    slope = PPM * math.radians(1.0) / (2.0 * math.tan(math.radians(line.two_theta_deg / 2.0)))
    return Ring(
        hkl=expected.hkl,
        expected_deg=centre,
        two_theta_deg=line.two_theta_deg,
        fwhm_deg=line.fwhm_deg,
        offset_ppm=ppm(line),
        esd_ppm=slope * line.esd_deg,
        sector_scatter_ppm=float(np.std(round_it, ddof=1)) if len(round_it) >= FEWEST_SECTORS else math.nan,
    )


def _line(pattern: Pattern, centre: float) -> Line | None:
    """The line in the window around this angle, None where there is no clear one."""
    half = _half_window(pattern, centre)
    inside = np.abs(pattern.two_theta - centre) <= half
    x, y, sigma = (
        values[inside].astype(np.float64) for values in (pattern.two_theta, pattern.intensity, pattern.sigma)
    )
    known = np.isfinite(y) & np.isfinite(sigma)
    if np.count_nonzero(known) < WINDOW_BINS:
        return None
    top = float(x[known][np.argmax(y[known])])
    step = float(np.median(np.diff(pattern.two_theta)))
    fit = fit_lines(x, y, sigma, [top], 3.0 * step)
    if fit is None:
        return None
    line = fit.lines[0]
    clear = (
        line.area > LEAST_SIGMAS * line.area_esd and line.fwhm_deg < half and abs(line.two_theta_deg - centre) < half
    )
    return line if clear else None


def _summed_up(rings: tuple[Ring, ...], reference_A: float) -> GeometryCheck:
    offsets = np.array([ring.offset_ppm for ring in rings])
    esds = np.array([ring.esd_ppm for ring in rings])
    # Rings differ by more than their esds say: the mean is weighted by esd and scatter together.
    scatter = float(np.std(offsets, ddof=1)) if len(rings) > 1 else math.nan
    weight = 1.0 / (esds**2 + np.nan_to_num(scatter) ** 2 + 1e-6)
    mean, mean_esd = float(np.sum(weight * offsets) / np.sum(weight)), float(1.0 / np.sqrt(np.sum(weight)))
    around = np.array([ring.sector_scatter_ppm for ring in rings])
    known = around[np.isfinite(around)]
    sector = float(np.sqrt(np.mean(known**2))) if len(known) else math.nan
    zero, zero_esd = _zero_shift(rings, offsets, weight)
    return GeometryCheck(
        rings=rings,
        lp_A=reference_A * (1.0 + mean / PPM),
        reference_A=reference_A,
        offset_ppm=mean,
        ring_scatter_ppm=scatter,
        zero_shift_deg=zero,
        zero_shift_esd_deg=zero_esd,
        sector_scatter_ppm=sector,
        accuracy_ppm=float(np.linalg.norm(np.nan_to_num([mean, mean_esd, scatter, sector]))),
    )


def _zero_shift(rings: tuple[Ring, ...], offsets: Floats, weight: Floats) -> tuple[float, float]:
    """2θ shift z of offset = scale - z · 1e6 / (2 tan θ), by weighted least squares, with its esd."""
    if len(rings) < 3:
        return math.nan, math.nan
    tangent = np.tan(np.radians([ring.two_theta_deg / 2.0 for ring in rings]))
    design = np.stack([np.ones(len(rings)), -PPM * math.radians(1.0) / (2.0 * tangent)], axis=1)
    matrix = np.linalg.inv((design * weight[:, None]).T @ design)
    found = matrix @ (design.T @ (weight * offsets))
    return float(found[1]), float(math.sqrt(matrix[1, 1]))
