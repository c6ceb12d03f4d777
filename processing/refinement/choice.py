"""Which refinement a run has."""

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.config.resolve import Setup
from latticewatch.processing.flow.stages import Refinement
from latticewatch.processing.refinement.crystals.refinement import CrystalRefinement
from latticewatch.processing.refinement.foreign.sightings import spectator_lines
from latticewatch.processing.refinement.tracking.peaks_alone import PeaksAlone
from latticewatch.processing.refinement.tracking.tracked import TrackedRefinement


def refinement_of(setup: Setup, two_theta: NDArray[np.float64]) -> Refinement:
    """The refinement of a run of this set-up: lattices that exchange where all are cubic, else crystals of any system;
    peaks alone where there is no component.

    two_theta: (bins,) the run's grid in degrees.
    """
    if not setup.components:
        return PeaksAlone(setup.peaks, two_theta)
    if setup.is_cubic:
        expected = spectator_lines(setup, two_theta)
        return TrackedRefinement(setup.components, setup.wavelength_A, two_theta, setup.fit, expected, setup.background)
    return CrystalRefinement(
        setup.components,
        setup.wavelength_A,
        two_theta,
        setup.fit,
        setup.standard,
        setup.spectators,
        setup.background,
        setup.standard_weight,
    )
