"""Lines that split because a cell is not quite cubic, in one sentence."""

import logging
import math

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.refinement.first_fit.selection import full_widths, positions
from latticewatch.processing.refinement.model.lines import Layout, Lines
from latticewatch.processing.refinement.model.pattern_model import UNIT_SPREAD
from latticewatch.processing.refinement.solver.solve import Solution

logger = logging.getLogger(__name__)
Floats = NDArray[np.float64]
# A split is told where it is so many deviations from nothing and widens a line by this share at least, in so many fits
# in a row.
SIGMAS = 5.0
LEAST_WIDENING = 0.005
IN_A_ROW = 5
# ... of patterns that are explained up to this χ² per bin. Where foreign lines are, what is not known of them looks
# like a split: there it is told only of patterns that are explained to the noise.
EXPLAINED, EXPLAINED_WITH_FOREIGN = 3.0, 1.3
# Of a component's strongest line: what is weaker than this share is not named.
STRONG = 0.05


def split_of(solution: Solution, lines: Lines, lay: Layout, names: tuple[str, ...], grid: Floats) -> dict[str, str]:
    """A sentence for each component whose lines are split, by its name. grid: (bins,) the fitted angles in degrees."""
    said: dict[str, str] = {}
    most = EXPLAINED if lay.ratio == lay.extra else EXPLAINED_WITH_FOREIGN
    splits = solution.x[lay.split : lay.split + len(names)].tolist()
    esds = [math.sqrt(max(float(solution.covariance[k, k]), 0.0)) for k in range(lay.split, lay.split + len(names))]
    clear = [split > SIGMAS * esd > 0.0 for split, esd in zip(splits, esds, strict=True)]
    if not any(clear) or solution.chi2 > most * len(solution.residual):
        return said
    centres, widths = positions(solution.x, lines), full_widths(solution.x, lines, lay)
    for phase, name in enumerate(names):
        mine = np.flatnonzero(
            (lines.phase == phase)
            & (lines.log_base > lines.log_base[lines.phase == phase].max() + math.log(STRONG))
            & (centres > grid[0])
            & (centres < grid[-1])
        )
        if not clear[phase] or len(mine) < 2:
            continue
        # FWHM of what the split adds alone, 2θ in degrees: 2 tan θ δa / a.
        lever = 2.0 * np.degrees(np.tan(np.radians(centres[mine] / 2.0))) / solution.x[phase]
        added = 2.3548 * lever * np.sqrt(splits[phase] * UNIT_SPREAD * lines.split[mine])
        wider = np.hypot(widths[mine], added) / widths[mine]
        widest, least = int(np.argmax(wider)), int(np.argmin(wider))
        ratio = float(wider[widest] / wider[least])
        if ratio > 1.0 + LEAST_WIDENING:
            said[name] = (
                f"the lines of {name} are split: {_hkl(lines.root_n[mine[widest]])} is {ratio:.2f} times as wide as "
                f"{_hkl(lines.root_n[mine[least]])} allows; the cell that is given is the mean of its edges"
            )
    return said


def said_once(now: dict[str, str], fits: dict[str, int]) -> dict[str, int]:
    """Fits in a row in which each component's lines were split, with one more; says so in the log when it is clear.

    now: sentences of this fit. fits: of those before it; what was said is not said again.
    """
    said = {name for name, count in fits.items() if count >= IN_A_ROW}
    counts = {name: min(fits.get(name, 0) + 1, IN_A_ROW) for name in {*now, *said}}
    for name in sorted(now.keys() - said):
        if counts[name] == IN_A_ROW:
            logger.warning("%s", now[name])
    return counts


def _hkl(root_n: float) -> str:
    """The plane of this √(h² + k² + l²) with the largest h, as (hkl)."""
    squares = round(float(root_n) ** 2)
    for h in range(math.isqrt(squares), 0, -1):
        for k in range(math.isqrt(squares - h * h), -1, -1):
            rest = squares - h * h - k * k
            if k <= h and math.isqrt(rest) ** 2 == rest and math.isqrt(rest) <= k:
                return f"({h}{k}{math.isqrt(rest)})"
    return "(000)"
