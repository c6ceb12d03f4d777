"""The cells of azimuthal sectors: each sector's patterns are refined by themselves, as those of whole frames are."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.config.resolve import Setup
from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.sector import SectorCell, name_of
from latticewatch.processing.flow.stages import Refinement


class SectorCells:
    """The refinements of the sectors of one run. Not for two threads at once."""

    def __init__(self, setup: Setup, refinement_of: Callable[[Setup, NDArray[np.float64]], Refinement]) -> None:
        """refinement_of: makes the refinement of a set-up over a grid (degrees)."""
        self._setup, self._make = setup, refinement_of
        self._refinements: dict[int, Refinement] = {}

    def fit(self, pattern: Pattern | None) -> tuple[SectorCell, ...]:
        """A cell for each component in each sector, NaN where there is none. Never raises on data."""
        parts = pattern.sectors if pattern is not None else ()
        found = []
        for number, sector in enumerate(self._setup.sectors):
            fit = self._fit(number, parts[number]) if parts else None
            for at, component in enumerate(self._setup.components):
                name = name_of(sector, component.name)
                lattice = fit.lattices[at] if fit is not None else None
                found.append(SectorCell(name, lattice.lp_A, lattice.lp_esd_A) if lattice else SectorCell(name))
        return tuple(found)

    def _fit(self, number: int, part: Pattern) -> Fit | None:
        if number not in self._refinements:
            self._refinements[number] = self._make(self._setup, part.two_theta)
        fit = self._refinements[number].refine(part)
        return fit if isinstance(fit, Fit) else None
