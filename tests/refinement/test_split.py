"""Lines that one longer edge splits are said to be split; lines of a cubic cell never are."""

import logging
from pathlib import Path

import numpy as np
import pytest

from latticewatch.processing.config.experiment import parse_experiment
from latticewatch.processing.config.resolve import resolve
from latticewatch.processing.refinement.choice import refinement_of as of_setup
from latticewatch.processing.refinement.model.lines import layout
from latticewatch.processing.refinement.solver.solve import Solution
from latticewatch.processing.refinement.tracking.split import split_of
from latticewatch.processing.simulation.realism.drawn import real_scan
from latticewatch.processing.simulation.realism.frame_truth import frame_truth
from latticewatch.processing.simulation.realism.sheets import experiment_text
from latticewatch.processing.simulation.recipes import WAVELENGTH_A, recipe_named
from latticewatch.processing.simulation.scan import exposed, frame_generator
from tests.benchmarks.fit.scans import refinement_of
from tests.realistic_patterns import pilatus_bins, real_pattern
from tests.refinement.made_up import LINES, parameters
from tests.simulated_patterns import binning, noisy_pattern

GRID = np.linspace(5.0, 28.0, 500)
LAY = layout(2, len(LINES.phase))


def solution_with(split: float, esd: float, chi2: float = 1.0) -> Solution:
    x, covariance = parameters(LAY), np.eye(LAY.length)
    x[LAY.split], covariance[LAY.split, LAY.split] = split, esd**2
    return Solution(
        x, 0.5, covariance, chi2 * len(GRID), 5, True, 1.0, np.zeros(len(GRID)), np.zeros(0), np.zeros((0, 0))
    )


def test_a_clear_split_is_told_with_the_lines_that_show_it() -> None:
    # 2500 e-6 Å²: the planes of (h00) spread by .05 Å, as lines of .1 Å FWHM do about by themselves.
    said = split_of(solution_with(2500.0, 100.0), LINES, LAY, ("Br", "I"), GRID)
    assert list(said) == ["Br"]
    assert said["Br"].startswith("the lines of Br are split: (")
    assert "as wide as (111) allows" in said["Br"]
    ratio = float(said["Br"].split(" is ")[1].split(" times")[0])
    assert 1.05 < ratio < 2.0


@pytest.mark.parametrize(
    ("split", "esd", "chi2"),
    [(2500.0, 600.0, 1.0), (-2500.0, 100.0, 1.0), (2.0, 0.1, 1.0), (2500.0, 100.0, 4.0), (0.0, 0.0, 1.0)],
)
def test_what_may_be_something_else_is_not_told(split: float, esd: float, chi2: float) -> None:
    assert split_of(solution_with(split, esd, chi2), LINES, LAY, ("Br", "I"), GRID) == {}


def test_the_one_of_two_lattices_that_is_not_cubic_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """Realistic patterns: one edge of the chloride is .4 % longer, and the cells of both spread."""
    scan, bins = real_scan(0), pilatus_bins()
    setup = resolve(
        parse_experiment(experiment_text(scan, "geometry.poni"), "test"), Path(), WAVELENGTH_A, bins.two_theta
    )
    refinement = of_setup(setup, bins.two_theta)
    for number in range(40):
        pattern = real_pattern(scan, frame_truth(scan, number), bins)
        if pattern is not None:
            refinement.refine(pattern)
    told = [record.getMessage() for record in caplog.records if "are split" in record.getMessage()]
    assert len(told) == 1
    assert told[0].startswith("the lines of Cl are split: (310) is 1.0")


def test_cubic_cells_are_never_said_to_be_split(caplog: pytest.LogCaptureFixture) -> None:
    recipe, bins = recipe_named("iodide"), binning()
    refinement = refinement_of(recipe, bins.two_theta)
    with caplog.at_level(logging.INFO):
        for number in range(5, 45):
            truth = exposed(recipe, number, frame_generator(3, number))
            refinement.refine(noisy_pattern(truth, bins, frame_generator(4, number)))
    assert "split" not in caplog.text
