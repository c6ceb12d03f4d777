"""First frames of realistic scans: what is in the beam, and nothing else."""

import math
from pathlib import Path

from latticewatch.processing.config.experiment import parse_experiment
from latticewatch.processing.config.resolve import resolve
from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.refinement.tracking.tracked import refinement_of
from latticewatch.processing.simulation.realism.drawn import real_scan
from latticewatch.processing.simulation.realism.frame_truth import frame_truth
from latticewatch.processing.simulation.realism.sheets import experiment_text
from latticewatch.processing.simulation.recipes import WAVELENGTH_A
from tests.realistic_patterns import pilatus_bins, real_pattern


def first_fit(seed: int) -> Fit | NoResult:
    """Of the first frame."""
    scan, bins = real_scan(seed), pilatus_bins()
    text = experiment_text(scan, "geometry.poni")
    setup = resolve(parse_experiment(text, "experiment.toml"), Path(), WAVELENGTH_A, bins.two_theta)
    pattern = real_pattern(scan, frame_truth(scan, 0), bins)
    assert pattern is not None
    return refinement_of(setup, bins.two_theta).refine(pattern)


def test_foreign_lines_beside_one_lattice_are_not_taken_for_the_other_one() -> None:
    """The bromide alone, at 5.8423 Å, and seven lines of something else: the iodide is not there."""
    fit = first_fit(615)
    assert isinstance(fit, Fit)
    assert abs(fit.lattices[0].lp_A - 5.8423) < 5.0 * fit.lattices[0].lp_esd_A
    assert math.isnan(fit.lattices[1].lp_A)
    assert fit.chi2_reduced < 3.0
    assert fit.foreign_lines is not None
    assert fit.foreign_lines >= 6
