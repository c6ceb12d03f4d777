"""The pictures of docs/when-not-to-trust.md: one misfit each, simulated, and what the program made of it.

PYTHONPATH=. python docs/misfit_figures.py, in the checkout's root. The numbers under each picture are the program's.
"""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latticewatch.processing.config.experiment import parse_experiment
from latticewatch.processing.config.resolve import Setup, resolve
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.series import Row
from latticewatch.processing.refinement.choice import refinement_of
from latticewatch.processing.simulation.realism.drawn import LINES, vegard
from latticewatch.processing.simulation.realism.real_scan import (
    Before,
    Course,
    Crystal,
    Epoch,
    ForeignLine,
    Leg,
    RealScan,
)
from latticewatch.processing.simulation.realism.sheets import experiment_text
from latticewatch.processing.simulation.recipes import WAVELENGTH_A
from tests.benchmarks.realism.played import play
from tests.realistic_patterns import Bins, pilatus_bins

OUT = Path(__file__).with_name("figures") / "misfits.png"
FRAMES = 24
CELLS = 5.842, 6.205
BEGIN = 4.0
SIGNS = 80  # in a line under a picture


@dataclass(frozen=True)
class Case:
    """title: what is in the beam. scan: simulated. frame: the one that is shown. angle_off_deg: error of the geometry
    that the program is given."""

    title: str
    scan: RealScan
    frame: int = FRAMES - 1
    angle_off_deg: float = 0.0


def main() -> None:
    """One panel a case: a pattern with its fit, what is left in standard deviations, and what is said."""
    mpl.rcParams.update({"font.size": 8, "axes.linewidth": 0.7})
    figure = Figure(figsize=(11.0, 13.0), dpi=110, layout="constrained")
    panels = cases()
    outer = figure.subfigures(math.ceil(len(panels) / 2), 2, squeeze=False)
    for part, case in zip(outer.ravel().tolist(), panels, strict=False):
        pattern_axes, rest_axes = part.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        draw(pattern_axes, rest_axes, case)
    figure.savefig(OUT)


def cases() -> Sequence[Case]:
    """What is looked at; the first one has nothing wrong."""
    good = _scan()
    rng = np.random.default_rng(3)
    sharp = tuple(ForeignLine(float(angle), 0.03, 0.13) for angle in (9.9, 11.55, 13.4, 14.6, 16.9, 19.2, 21.8))
    strong = tuple(ForeignLine(float(angle), 0.6, 0.13) for angle in np.sort(rng.uniform(9.0, 23.0, 18)))
    bromide, iodide = good.crystals
    textured = np.exp(0.6 * rng.standard_normal(LINES))
    return (
        Case("nothing wrong", good),
        Case("seven weak lines of something else", replace(good, foreign=sharp, foreign_level=0.03)),
        Case("a broad line of something else", replace(good, foreign=(ForeignLine(15.2, 0.15, 0.9),))),
        Case("another phase, as strong as the sample", replace(good, foreign=strong)),
        Case("one edge of Br .4 % longer", replace(good, crystals=(replace(bromide, axis_ratio=1.004), iodide))),
        Case("texture: intensities off by a factor of 1.8", _with_intensities(good, textured)),
        Case("lattices that have nearly become one", _scan(left=0.12)),
        Case("solvent alone", _scan(amounts=(0.0, 0.0))),
        Case("pixels that glow, before they are known", replace(good, hot=((11.0, 9e4), (14.9, 6e4), (18.3, 3e4))), 9),
        Case("angles off by .15 deg", good, angle_off_deg=0.15),
    )


def draw(axes: Axes, rest_axes: Axes, case: Case) -> None:
    """The case played, one frame of it drawn."""
    bins = pilatus_bins()
    seen = Bins(bins.two_theta + case.angle_off_deg, bins.inside, bins.response)
    row = play(case.scan, seen).rows[case.frame]
    if row.pattern is None:
        raise ValueError(f"{case.title}: frame {case.frame} has no pattern")
    two_theta, intensity = row.pattern.two_theta, row.pattern.intensity
    axes.plot(two_theta, intensity, ".", markersize=1.2, color="0.3")
    axes.set_title(case.title, loc="left", fontweight="bold")
    if not isinstance(row.fit, NoResult):
        setup = _setup(case.scan, seen)
        curves = refinement_of(setup, two_theta).curves(row.fit.parameters)
        axes.plot(two_theta, curves.calculated, color="#c0392b", linewidth=0.8)
        axes.plot(two_theta, curves.background, color="#2980b9", linewidth=0.6)
        rest_axes.plot(two_theta, (intensity - curves.calculated) / row.pattern.sigma, color="0.3", linewidth=0.5)
    rest_axes.set(ylim=(-8, 8), xlim=(8, 24))
    rest_axes.set_xlabel(_said(row, case.scan), loc="left")
    axes.set_ylabel("counts")
    rest_axes.set_ylabel("σ")
    top = float(np.nanpercentile(intensity[(two_theta > 8) & (two_theta < 24)], 99.7))
    axes.set(ylim=(0, 1.25 * top), xlim=(8, 24))


def _said(row: Row, scan: RealScan) -> str:
    if isinstance(row.fit, NoResult):
        return textwrap.fill(f"no number: {row.fit.reason}", SIGNS)
    fit, parts = row.fit, []
    for crystal, lattice in zip(scan.crystals, fit.lattices, strict=True):
        if not math.isnan(lattice.lp_A):
            esds = f"± {lattice.lp_esd_A:.5f} Å, of misfit {lattice.lp_model_esd_A:.5f}"
            parts.append(f"{crystal.name} {lattice.lp_A:.5f} {esds}")
    if not parts:
        parts.append(f"mean {fit.lp_mean_A:.5f} ± {fit.lp_mean_esd_A:.5f} Å")
    return (
        f"{'; '.join(parts)}\nχ² {fit.chi2_reduced:.2f}, Rwp {fit.rwp_percent:.1f} %, foreign lines {fit.foreign_lines}"
    )


def _setup(scan: RealScan, bins: Bins) -> Setup:
    text = experiment_text(scan, "geometry.poni")
    return resolve(parse_experiment(text, "experiment.toml"), Path(), WAVELENGTH_A, bins.two_theta)


def _scan(left: float = 0.55, amounts: tuple[float, float] = (1.0, 1.0)) -> RealScan:
    """Both components mixed at frame 4, at rest with so much of the change left."""
    end_A = vegard(CELLS, (1.0, 1.0))
    crystals = tuple(
        Crystal(name, phase, cell, cell, size, 0.4, 1.0, np.ones(LINES))
        for name, phase, cell, size in (("Br", "CsPbBr3", CELLS[0], 90.0), ("I", "CsPbI3", CELLS[1], 80.0))
    )
    legs = Leg(0.0, 1.0, 8.0), Leg(8.0 * -math.log(left), left, math.inf)
    epochs = Epoch(0.0, CELLS, amounts, end_A), Epoch(BEGIN, CELLS, amounts, end_A, legs)
    return RealScan(
        seed=7,
        chemistry="iodide",
        before=Before.WEAK,
        frames=FRAMES,
        period_s=2.5,
        mixing_known=True,
        crystals=(crystals[0], crystals[1]),
        epochs=epochs,
        course=Course(),
        foreign_level=0.0,
        foreign=(),
        events=(),
        hot=(),
        solvent=1.0,
        glass=1.0,
    )


def _with_intensities(scan: RealScan, factors: np.ndarray[tuple[int], np.dtype[np.float64]]) -> RealScan:
    first, second = scan.crystals
    return replace(
        scan, crystals=(replace(first, intensity_errors=factors), replace(second, intensity_errors=factors[::-1]))
    )


if __name__ == "__main__":
    main()
