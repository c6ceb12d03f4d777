"""What a refinement says of one pattern."""

import math
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.crystal.cell import Cell, cubic_cell, with_symmetry
from latticewatch.processing.crystal.phase import Phase

NAN = float("nan")
Intensities = Literal["structure", "free", "auto"]
# A start cell is the structure's within this share: composition, temperature, pressure.
OF_STRUCTURE = 0.1


@dataclass(frozen=True, slots=True)
class Component:
    """One lattice of the sample: its name in the trace, its phase and the start value of its edge a in Å.

    intensities: whether its lines have the intensities of the structure, any (a textured sample), or the structure's
    unless one lattice explains the lines and its intensities do not ("auto"). start: the whole start cell of a phase
    that is not cubic, None: the phase's with this edge.
    """

    name: str
    phase: Phase
    lattice_parameter_A: float
    intensities: Intensities = "auto"
    start: Cell | None = None

    @property
    def cell(self) -> Cell:
        """The start cell."""
        if self.start is not None:
            return self.start
        if self.phase.is_cubic:
            return cubic_cell(self.lattice_parameter_A)
        return with_symmetry(replace(self.phase.cell, a_A=self.lattice_parameter_A), self.phase.group)

    @property
    def free_on_need(self) -> bool:
        """Whether one lattice may have other intensities than the structure's. Where its cell is another one as well
        nothing would be left by which it is known."""
        near = abs(self.lattice_parameter_A / self.phase.lattice_parameter_A - 1.0) < OF_STRUCTURE
        return self.intensities == "auto" and near


@dataclass(frozen=True, slots=True)
class FittedCell:
    """What a crystal leaves free besides its edge a, in one frame; NaN: its symmetry fixes it, or it is not known.

    Each has its esd, and the part of that which is the model's own error; ratio and volume have the esd that the
    covariance of edges and angles gives them.
    """

    b_A: float = NAN
    b_esd_A: float = NAN
    b_model_esd_A: float = NAN
    c_A: float = NAN
    c_esd_A: float = NAN
    c_model_esd_A: float = NAN
    alpha_deg: float = NAN
    alpha_esd_deg: float = NAN
    alpha_model_esd_deg: float = NAN
    beta_deg: float = NAN
    beta_esd_deg: float = NAN
    beta_model_esd_deg: float = NAN
    gamma_deg: float = NAN
    gamma_esd_deg: float = NAN
    gamma_model_esd_deg: float = NAN
    c_over_a: float = NAN
    c_over_a_esd: float = NAN
    volume_A3: float = NAN
    volume_esd_A3: float = NAN


NOTHING_MORE = FittedCell()


@dataclass(frozen=True, slots=True)
class Lattice:
    """One component in one frame.

    lp_A, lp_esd_A: the edge a and its esd in Å, of a cubic crystal the lattice parameter; NaN where it cannot be told
    from its neighbour. lp_model_esd_A: the part of lp_esd_A that is the model's own error, NaN where not known.
    weight, weight_esd: its share (0 to 1) of the scattering of all components. cell: what else is free.
    wt, wt_esd: its share (0 to 1) of the mass of all components, NaN where a CIF does not say what is in its cell.
    """

    lp_A: float = NAN
    lp_esd_A: float = NAN
    weight: float = NAN
    weight_esd: float = NAN
    lp_model_esd_A: float = NAN
    cell: FittedCell = NOTHING_MORE
    wt: float = NAN
    wt_esd: float = NAN


@dataclass(frozen=True, slots=True)
class Fit:
    """An accepted fit of one pattern; a refused one is a ``NoResult``.

    lattices: one for each component of the experiment, in its order; none where peaks alone are followed. components:
    how many lattices the data
    tell apart. lp_mean_A: mean of the components weighted by their share of the scattering, with its esd.
    parameters: all that ``Refinement.curves`` needs to draw the fit again; its length is fixed for a run. First come
    the cells of all components in Å, also of those that are not told apart.
    foreign_lines: how many lines of no component are in the pattern, None where not known. amorphous: share (of the
    mass of the sample without its standard) that no refined crystal has, NaN where not known.
    """

    lattices: tuple[Lattice, ...]
    components: int
    lp_mean_A: float
    lp_mean_esd_A: float
    rwp_percent: float
    chi2_reduced: float
    iterations: int
    converged: bool
    parameters: NDArray[np.float64] = field(repr=False)
    foreign_lines: int | None = None
    amorphous: float = NAN
    amorphous_esd: float = NAN

    @property
    def shown_lp(self) -> tuple[float, float]:
        """The mean lattice parameter and its esd (Å); where unlike crystals have none, the edge a of the first."""
        known = math.isfinite(self.lp_mean_A) or not self.lattices
        return (self.lp_mean_A, self.lp_mean_esd_A) if known else (self.lattices[0].lp_A, self.lattices[0].lp_esd_A)

    @property
    def watched(self) -> tuple[float, float]:
        """Lattice parameter and esd (Å) of the first component; the mean's where it cannot be told apart."""
        first = self.lattices[0] if self.lattices else Lattice()
        return (self.lp_mean_A, self.lp_mean_esd_A) if math.isnan(first.lp_A) else (first.lp_A, first.lp_esd_A)


def cell_in(component: Component, lattice: Lattice, fit: Fit) -> Cell:
    """The cell of a component in a fit: what was found of it, and else its start cell; at the mean where lattices are
    not told apart."""
    found = lattice.cell
    own = (lattice.lp_A, found.b_A, found.c_A, found.alpha_deg, found.beta_deg, found.gamma_deg)
    edge = lattice.lp_A if math.isfinite(lattice.lp_A) else fit.lp_mean_A
    values = (edge if component.phase.is_cubic else own[0], *own[1:])
    start = component.cell.numbers
    cell = Cell(*(value if math.isfinite(value) else there for value, there in zip(values, start, strict=True)))
    return with_symmetry(cell, component.phase.group)


@dataclass(frozen=True, slots=True)
class Curves:
    """A fit drawn over the run's 2θ grid: float64, NaN outside the fitted range.

    background: (bins,). components: (components, bins), each without background. calculated: their sum.
    """

    background: NDArray[np.float64]
    components: NDArray[np.float64]
    calculated: NDArray[np.float64]
