"""A run built by hand: two components whose lines drift together, with gaps and a pause."""

import numpy as np

from latticewatch.processing.config.resolve import Setup
from latticewatch.processing.crystal.phase import Phase
from latticewatch.processing.crystal.reflections import d_spacing, two_theta_deg
from latticewatch.processing.flow.composition import CompositionScale, fraction_of
from latticewatch.processing.flow.fit import Component, Curves, Fit, Lattice
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.series import Progress, Row, Series
from latticewatch.processing.flow.verdict import Forecast, State, Verdict

WAVELENGTH_A = 0.64066
HKLS = ((1, 0, 0), (1, 1, 0), (1, 1, 1), (2, 0, 0), (2, 1, 0), (2, 1, 1), (2, 2, 0), (3, 0, 0), (3, 1, 0))
CIF = """data_perovskite
_cell_length_a {a}
_cell_length_b {a}
_cell_length_c {a}
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_space_group_name_H-M_alt 'P m -3 m'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Cs1 Cs 0.5 0.5 0.5
Pb1 Pb 0 0 0
Br1 {x} 0.5 0 0
"""
PERIOD_S = 2.5
END_A = 6.031


def grid(bins: int = 1500) -> np.ndarray:
    """2θ in degrees."""
    return np.linspace(4.0, 25.5, bins)


def make_setup() -> Setup:
    """Bromide and iodide."""
    cells = {"Br": (5.842, "Br"), "I": (6.205, "I")}
    components = tuple(
        Component(name, Phase(f"CsPb{x}3", a, "P m -3 m", CIF.format(a=a, x=x)), a) for name, (a, x) in cells.items()
    )
    return Setup(
        "Br/shell2 + I/shell1",
        components,
        WAVELENGTH_A,
        (14.4, 15.6),
        composition=CompositionScale(5.842, 6.205),
        frame_period_s=PERIOD_S,
    )


def cells_at(time_s: float) -> tuple[float, float]:
    """Lattice parameters of both components; the first stands still from 120 s to 160 s."""
    moving = time_s if time_s < 120 else 120 if time_s < 160 else time_s - 40
    left = np.exp(-max(0.0, moving - 10.0) / 150.0)
    return END_A - (END_A - 5.842) * left, END_A + (6.205 - END_A) * left


def profile(two_theta: np.ndarray, cell: float) -> np.ndarray:
    """The lines of one component."""
    total = np.zeros_like(two_theta)
    for number, hkl in enumerate(HKLS):
        centre = two_theta_deg(d_spacing(cell, hkl), WAVELENGTH_A)
        total += (40.0 + 25.0 * (number * 7 % 5)) / (1.0 + ((two_theta - centre) / 0.16) ** 2)
    return total


class FakeRefinement:
    """Draws what the rows were made from: the parameters are the two cells."""

    def __init__(self, two_theta: np.ndarray) -> None:
        self.two_theta = two_theta

    def refine(self, pattern: Pattern) -> Fit | NoResult:
        raise AssertionError(f"the window never fits: {pattern}")

    def curves(self, parameters: np.ndarray) -> Curves:
        components = np.stack([profile(self.two_theta, cell) for cell in parameters])
        background = 30.0 + 60.0 * np.exp(-(((self.two_theta - 9.0) / 6.0) ** 2))
        return Curves(background, components, background + components.sum(axis=0))


def verdict_at(time_s: float) -> Verdict:
    """Reacting, a pause, reacting, complete."""
    if time_s < 10.0:
        return Verdict(State.WAITING, since_s=0.0, why="two lattices, standing still")
    done = 1.0 - float(np.exp(-(time_s - 10.0) / 150.0))
    if 125.0 <= time_s < 165.0:
        return Verdict(State.PAUSED, 120.0, done, 10.0, why="Lp stands still while two lattices remain")
    if time_s > 560.0:
        return Verdict(State.COMPLETE, 548.0, 1.0, 10.0, why="what is left is under the tolerance")
    return Verdict(State.REACTING, 10.0, done, 10.0, Forecast(560.0, 500.0, 680.0), "both cells move")


def make_row(number: int, two_theta: np.ndarray, shape: FakeRefinement, rng: np.random.Generator) -> Row:
    """Row ``number``: every 47th has no beam, every 61st a refused fit."""
    time_s = PERIOD_S * number
    name, mtime = f"br_i_{number:05d}.cbf", 1_700_000_000.0 + time_s
    if number % 47 == 40:
        gap = NoResult("no beam")
        since = Verdict(State.NO_BEAM, time_s)
        return Row(number, name, time_s, mtime, None, gap, since, recorded_s=mtime + 0.1)
    cells = np.array(cells_at(time_s))
    expected = shape.curves(cells).calculated
    sigma = np.sqrt(expected).astype(np.float32)
    pattern = Pattern(two_theta, (expected + rng.normal(size=len(two_theta)) * sigma).astype(np.float32), sigma)
    verdict = verdict_at(time_s)
    if number % 61 == 50:
        gap = NoResult("fit refused: χ² 31")
        return Row(number, name, time_s, mtime, pattern, gap, verdict, recorded_s=mtime + 0.1)
    apart = abs(cells[1] - cells[0]) > 0.03
    esd = 4e-4
    measured = cells + rng.normal(size=2) * esd
    mean = float(measured.mean())
    lattices = tuple(Lattice(cell, esd, 0.5, 0.01) if apart else Lattice() for cell in measured)
    fit = Fit(lattices, 1 + apart, mean, esd / 1.4, 4.2, 1.03, 5, True, cells)
    fraction, fraction_esd = fraction_of(CompositionScale(5.842, 6.205), mean, esd)
    mean_intensity = float(pattern.intensity.mean())
    known = (mean_intensity, fraction, fraction_esd, mtime + 0.1, {"Temperature": 295.0 + 0.1 * number})
    return Row(number, name, time_s, mtime, pattern, fit, verdict, *known)


def make_series(rows: int, bins: int = 1500, seed: int = 0) -> tuple[Series, FakeRefinement]:
    """A run of that many rows."""
    two_theta = grid(bins)
    series, refinement = Series(two_theta, ("Br", "I")), FakeRefinement(two_theta)
    rng = np.random.default_rng(seed)
    for number in range(rows):
        series.append(make_row(number, two_theta, refinement, rng))
    series.report(Progress(found=rows, waiting=0, newest_mtime_s=1_700_000_000.0 + PERIOD_S * rows))
    return series, refinement
