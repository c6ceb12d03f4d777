"""One to four components of several space groups, on patterns that the model itself draws."""

import numpy as np
import pytest

from latticewatch.processing.crystal.phase import read_phase
from latticewatch.processing.flow.fit import Component, Fit
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.refinement.model.lines import layout, lines_of
from latticewatch.processing.refinement.model.pattern_model import calculate
from latticewatch.processing.refinement.solver.grid import chebyshev
from latticewatch.processing.refinement.tracking.tracked import TrackedRefinement

WAVELENGTH_A = 0.64066
GRID = np.linspace(5.0, 27.0, 1100)
PIXELS = 300.0
CASES = {
    "one": (["CeO2"], [5.411], [5.420], 0.03),
    "two": (["CeO2", "LaB6"], [5.411, 4.157], [5.415, 4.150], 0.03),
    "three": (["CeO2", "LaB6", "Si"], [5.411, 4.157, 5.431], [5.405, 4.150, 5.440], 0.03),
    "four": (["CsPbBr3", "CsPbI3", "CeO2", "LaB6"], [5.842, 6.205, 5.411, 4.157], [5.86, 6.19, 5.42, 4.16], 0.05),
}


def counted(
    components: tuple[Component, ...], cells: list[float], size: float, seed: int, less: tuple[int, float] = (1, 0.0)
) -> Pattern:
    """less: a component, not the first one, and ln of the factor on what there is of it."""
    lines = lines_of(components, WAVELENGTH_A, GRID[0], GRID[-1])
    lay = layout(len(components), len(lines.phase))
    x = np.zeros(lay.length)
    x[: len(cells)], x[lay.scale], x[lay.background] = cells, 3.0, 20.0
    x[lay.ratio : lay.intensity_correction] = [-0.3, 0.2, -0.5][: len(cells) - 1]
    x[lay.ratio + less[0] - 1] += less[1]
    x[lay.gaussian_width : lay.shape], x[lay.shape] = size, 0.5
    expected, jacobian = np.empty(len(GRID)), np.empty((lay.length, len(GRID)))
    calculate(x, GRID, chebyshev(GRID, GRID[0], GRID[-1]), lines, lay, expected, jacobian)
    counts = np.random.default_rng(seed).poisson(expected * PIXELS)
    sigma = np.sqrt(counts) / PIXELS
    return Pattern(GRID, (counts / PIXELS).astype(np.float32), sigma.astype(np.float32))


@pytest.mark.parametrize("name", CASES)
def test_several_components(name: str) -> None:
    phases, starts, cells, size = CASES[name]
    components = tuple(
        Component(f"{phase}_{number}", read_phase(phase), start)
        for number, (phase, start) in enumerate(zip(phases, starts, strict=True))
    )
    refinement = TrackedRefinement(components, WAVELENGTH_A, GRID)
    for seed in range(4):
        fit = refinement.refine(counted(components, cells, size, seed))
        assert isinstance(fit, Fit)
        assert fit.components == len(cells)
        for lattice, cell in zip(fit.lattices, cells, strict=True):
            assert abs(lattice.lp_A - cell) < 4.5 * lattice.lp_esd_A
            assert lattice.lp_esd_A < 40e-4
        assert sum(lattice.weight for lattice in fit.lattices) == pytest.approx(1.0)


@pytest.mark.parametrize(("name", "fading"), [("three", 2), ("three", 1), ("four", 3)])
def test_one_of_several_fades_is_absent_and_comes_back(name: str, fading: int) -> None:
    """It takes no cell from the others, whose cells are told all the while, nor bends the mean. Where nothing is left
    of it some fits do not settle, and it is back three frames after it came back at the latest."""
    phases, starts, cells, size = CASES[name]
    components = tuple(
        Component(f"{phase}_{number}", read_phase(phase), start)
        for number, (phase, start) in enumerate(zip(phases, starts, strict=True))
    )
    refinement = TrackedRefinement(components, WAVELENGTH_A, GRID)
    pulls, told, unsettled = [], [], 0
    for frame in range(28):
        less = -0.5 * max(frame - 3, 0) if frame < 14 else (-30.0 if frame < 22 else 0.0)
        fit = refinement.refine(counted(components, cells, size, frame, (fading, less)))
        if frame >= 14 and fit == NoResult("fit refused: it did not converge"):
            told.append(False)
            unsettled += 1
            continue
        assert isinstance(fit, Fit)
        told.append(bool(np.isfinite(fit.lattices[fading].lp_A)))
        others = [number for number in range(len(cells)) if number != fading]
        pulls += [(fit.lattices[n].lp_A - cells[n]) / fit.lattices[n].lp_esd_A for n in others]
        if not told[-1]:
            weights = np.array([fit.lattices[n].weight for n in others])
            mean = weights @ [fit.lattices[n].lp_A for n in others] / weights.sum()
            assert abs(fit.lp_mean_A - mean) < 1e-9
            assert fit.components == len(others)
    assert unsettled <= 4
    assert all(told[:6])
    assert not any(told[14:22])
    assert all(told[25:])
    assert 0.7 < np.sqrt(np.mean(np.square(pulls))) < 1.4
