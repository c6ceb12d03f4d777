"""Two lattices without a pattern: their lines, and parameters that a fit may have."""

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.crystal.phase import read_phase
from latticewatch.processing.flow.fit import Component
from latticewatch.processing.refinement.model.lines import Layout, lines_of
from latticewatch.processing.simulation.recipes import WAVELENGTH_A

CELLS_A = (5.85, 6.2)
LINES = lines_of(
    (Component("Br", read_phase("CsPbBr3"), CELLS_A[0]), Component("I", read_phase("CsPbI3"), CELLS_A[1])),
    WAVELENGTH_A,
    5.0,
    28.0,
)


def parameters(lay: Layout, cells_A: tuple[float, float] = CELLS_A) -> NDArray[np.float64]:
    """Crystals of some 100 Å, as much of the one as of the other, which spread by nothing."""
    x = np.zeros(lay.length)
    x[:2] = cells_A
    x[lay.gaussian_width : lay.shape] = 0.12
    x[lay.shape] = 0.5
    x[lay.vegard_intensity_fraction] = 0.5
    return x
