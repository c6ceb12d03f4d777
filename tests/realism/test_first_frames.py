"""First frames of realistic scans: what is in the beam, and nothing else."""

import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from latticewatch.processing.config.experiment import parse_experiment
from latticewatch.processing.config.resolve import resolve
from latticewatch.processing.crystal.phase import read_phase
from latticewatch.processing.flow.fit import Component, Fit
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.refinement.choice import refinement_of
from latticewatch.processing.refinement.tracking.tracked import TrackedRefinement
from latticewatch.processing.simulation.realism.drawn import real_scan
from latticewatch.processing.simulation.realism.frame_truth import frame_truth
from latticewatch.processing.simulation.realism.real_scan import RealScan
from latticewatch.processing.simulation.realism.sheets import experiment_text
from latticewatch.processing.simulation.recipes import WAVELENGTH_A
from tests.realistic_patterns import Bins, pilatus_bins, real_pattern


def refinement_for(scan: RealScan, bins: Bins) -> TrackedRefinement:
    text = experiment_text(scan, "geometry.poni")
    setup = resolve(parse_experiment(text, "experiment.toml"), Path(), WAVELENGTH_A, bins.two_theta)
    return refinement_of(setup, bins.two_theta)


def first_fit(seed: int, number: int = 0, angle_off_deg: float = 0.0) -> Fit | NoResult:
    """Of this frame. angle_off_deg: error of the geometry that is given."""
    scan, bins = real_scan(seed), pilatus_bins()
    seen = Bins(bins.two_theta + angle_off_deg, bins.inside, bins.response)
    pattern = real_pattern(scan, frame_truth(scan, number), seen)
    assert pattern is not None
    return refinement_for(scan, seen).refine(pattern)


def test_foreign_lines_beside_one_lattice_are_not_taken_for_the_other_one() -> None:
    """The bromide alone, at 5.8423 Å, and seven lines of something else: the iodide is not there."""
    fit = first_fit(615)
    assert isinstance(fit, Fit)
    assert abs(fit.lattices[0].lp_A - 5.8423) < 5.0 * fit.lattices[0].lp_esd_A
    assert math.isnan(fit.lattices[1].lp_A)
    assert fit.chi2_reduced < 3.0
    assert fit.foreign_lines is not None
    assert fit.foreign_lines >= 6


@pytest.mark.parametrize(("seed", "number", "off_deg"), [(18, 19, 0.15), (8, 11, 0.15), (8, 11, -0.15), (7, 9, -0.15)])
def test_a_wrong_geometry_is_refused_and_named(seed: int, number: int, off_deg: float) -> None:
    """Cells that bend to it, and foreign lines beside the sample's own, explain the pattern in part."""
    refused = first_fit(seed, number, off_deg)
    assert isinstance(refused, NoResult)
    said = re.search(r"all lines lie (\S+) deg from where the geometry puts them; check it", refused.reason)
    assert said is not None
    assert float(said[1]) == pytest.approx(off_deg, abs=0.06)
    assert isinstance(first_fit(seed, number), Fit)


def test_any_intensities_are_no_lattice_where_the_cell_is_not_the_structures_either() -> None:
    phase = read_phase("CsPbBr3")
    near = Component("Br", phase, 1.05 * phase.lattice_parameter_A)
    assert near.free_on_need
    assert not replace(near, lattice_parameter_A=4.8).free_on_need
    assert not replace(near, intensities="structure").free_on_need


def test_parameters_are_read_by_the_layout_they_were_fitted_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines that are found in what a fit leaves are in the model of the next frame, and not in this one's."""
    scan, bins = real_scan(8), pilatus_bins()
    refinement, apart = refinement_for(scan, bins), TrackedRefinement._apart
    lengths: list[tuple[int, int]] = []

    def asked(self: TrackedRefinement, x: np.ndarray) -> bool:
        lengths.append((len(x), self._lay.length))
        return apart(self, x)

    monkeypatch.setattr(TrackedRefinement, "_apart", asked)
    counts = set()
    for number in range(11, 30):
        pattern = real_pattern(scan, frame_truth(scan, number), bins)
        if pattern is not None and isinstance(fit := refinement.refine(pattern), Fit):
            counts.add(fit.foreign_lines)
    assert len(counts) > 1
    assert all(of_fit == of_model for of_fit, of_model in lengths)
