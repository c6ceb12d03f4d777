"""Simulated scans, whose hot and dead pixels are known, through the path that the program takes."""

import threading
from pathlib import Path

import numpy as np
import pytest

from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.integration.geometry import read_geometry
from latticewatch.processing.integration.integrate import ImageIntegrator
from latticewatch.processing.simulation.detector import detector_named, pixels_of
from latticewatch.processing.simulation.scan import write_scan
from latticewatch.processing.sources.folder.recorded import RecordedFolder


@pytest.mark.parametrize(
    ("recipe", "detector", "seed"),
    [("iodide", "pilatus300k", 1), ("standard", "pilatus300k", 2), ("chloride", "pilatus2m", 3)],
)
def test_the_broken_pixels_of_a_scan_are_found(tmp_path: Path, recipe: str, detector: str, seed: int) -> None:
    write_scan(recipe, tmp_path, frames=6, seed=seed, detector=detector)
    known = pixels_of(detector_named(detector), seed)
    shape = detector_named(detector).shape
    integrator = ImageIntegrator(read_geometry(tmp_path / "geometry.poni"), shape=shape)
    for frame in RecordedFolder(tmp_path).frames(threading.Event()):
        assert isinstance(integrator.integrate(frame), Pattern)
    defects = integrator.defects
    assert defects is not None
    assert defects.settled
    np.testing.assert_array_equal(defects.mask, known.hot | known.dead)
    assert (defects.hot, defects.dead) == (known.hot.sum(), known.dead.sum())
