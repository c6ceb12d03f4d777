"""What is under the pointer, in words: pure functions of the snapshot and the place."""

import math
from collections.abc import Sequence

import numpy as np

from latticewatch.app.window.facts import composition_told, ticks_at
from latticewatch.app.window.shown_run import ShownRun
from latticewatch.processing.crystal.reflections import Hkl
from latticewatch.processing.flow.accuracy import quoted
from latticewatch.processing.flow.composition import CompositionScale, fraction_of
from latticewatch.processing.flow.fit import Curves
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.quantity import Quantity
from latticewatch.processing.flow.series import Row
from latticewatch.processing.flow.wording import PART, lattices_told, moment, quantities_told
from latticewatch.widgets.image_view import Pixel
from latticewatch.widgets.pattern_view import Ticks

# A line further off than this is not called the one under the pointer.
NEAR_DEG = 0.15


def frame_told(row: Row) -> str:
    """``frame 18 at 45 s``."""
    return f"frame {row.index} at {moment(row.time_s)}" if math.isfinite(row.time_s) else f"frame {row.index}"


def angle_told(two_theta_deg: float, wavelength_A: float) -> str:
    """``2θ 14.620°, Q 2.496 Å⁻¹, d 2.517 Å``."""
    sine = math.sin(math.radians(0.5 * two_theta_deg))
    if not sine > 0.0:
        return f"2θ {two_theta_deg:.3f}°"
    return (
        f"2θ {two_theta_deg:.3f}°, Q {4.0 * math.pi * sine / wavelength_A:.3f} Å⁻¹, d {0.5 * wavelength_A / sine:.4f} Å"
    )


def intensity_told(pattern: Pattern | None, two_theta_deg: float) -> str:
    """``intensity 178.2 ± 0.9`` of the bin under this angle; empty where nothing was measured."""
    number = bin_at(pattern, two_theta_deg)
    if pattern is None or number is None or not math.isfinite(pattern.intensity[number]):
        return ""
    return f"intensity {quoted(float(pattern.intensity[number]), float(pattern.sigma[number]), unit='')}"


def bin_at(pattern: Pattern | None, two_theta_deg: float) -> int | None:
    """The bin that is nearest to this angle; None beyond the pattern."""
    if pattern is None or not pattern.two_theta[0] <= two_theta_deg <= pattern.two_theta[-1]:
        return None
    return int(np.argmin(np.abs(pattern.two_theta - two_theta_deg)))


def line_told(ticks: Sequence[Ticks], two_theta_deg: float) -> str:
    """``Br 211`` where a line of a component is near this angle; else empty."""
    near = [
        (abs(angle - two_theta_deg), one.name, hkl)
        for one in ticks
        for angle, hkl in zip(one.two_theta, one.hkl, strict=True)
        if abs(angle - two_theta_deg) < NEAR_DEG
    ]
    _, name, hkl = min(near, default=(0.0, "", ""))
    return f"{name} {hkl}".strip()


def map_readout(run: ShownRun, row: Row, lines: tuple[tuple[Hkl, ...], ...], two_theta_deg: float) -> str:
    ticks = ticks_at(run, lines, row)
    parts = (
        frame_told(row),
        angle_told(two_theta_deg, run.setup.wavelength_A),
        intensity_told(row.pattern, two_theta_deg) or reason_of(row),
        line_told(ticks, two_theta_deg),
    )
    return PART.join(filter(None, parts))


def pattern_readout(
    pattern: Pattern | None, curves: Curves | None, ticks: Sequence[Ticks], two_theta_deg: float, wavelength_A: float
) -> str:
    number = bin_at(pattern, two_theta_deg)
    fitted = ""
    if curves is not None and number is not None and math.isfinite(curves.calculated[number]):
        fitted = f"calculated {curves.calculated[number]:.5g}"
    parts = (
        angle_told(two_theta_deg, wavelength_A),
        intensity_told(pattern, two_theta_deg),
        fitted,
        line_told(ticks, two_theta_deg),
    )
    return PART.join(filter(None, parts))


def named_readout(row: Row, value: float, drawn: Quantity, quantities: Sequence[Quantity]) -> str:
    """What this frame's numbers are, and the value of the drawn quantity that lies under the pointer."""
    told = quantities_told(quantities, row.fit, row.peaks)
    pointed = f"pointer at {value:.5g} {drawn.unit}".rstrip()
    return PART.join(filter(None, (frame_told(row), *told, reason_of(row), pointed)))


def trace_readout(names: tuple[str, ...], row: Row, lp_A: float, scale: CompositionScale | None) -> str:
    """What this frame's numbers are, and the lattice parameter and composition that lie under the pointer."""
    told = [] if isinstance(row.fit, NoResult) else lattices_told(names, row.fit)
    pointed = f"pointer at {lp_A:.4f} Å"
    if scale is not None and (share := composition_told(fraction_of(scale, lp_A, 0.0)[0], math.nan)):
        pointed += f", {share}"
    return PART.join(filter(None, (frame_told(row), *told, reason_of(row), pointed)))


def value_readout(row: Row, name: str, value: float) -> str:
    """A value of the strip: ``frame 18 at 45 s · Flux 1.00126``."""
    return PART.join((frame_told(row), f"{name} {value:.6g}" if math.isfinite(value) else f"{name}: no value"))


def pixel_told(pixel: Pixel | None, wavelength_A: float) -> str:
    """``row 512, column 330 · 2θ 14.620°, ... · 23 counts``; empty beside the image."""
    if pixel is None:
        return ""
    counts = "left out" if pixel.masked else f"{pixel.counts:.0f} counts"
    return PART.join((f"row {pixel.row}, column {pixel.column}", angle_told(pixel.two_theta_deg, wavelength_A), counts))


def reason_of(row: Row) -> str:
    return row.fit.reason if isinstance(row.fit, NoResult) else ""
