"""Realistic scans as files: the images of a detector whose hot pixels nobody has masked."""

import math

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.simulation.cbf import cbf_bytes
from latticewatch.processing.simulation.detector import Detector, Pixels, pixels_of, poni_text
from latticewatch.processing.simulation.image import angle_grid, exposure, image
from latticewatch.processing.simulation.realism.frame_truth import frame_truth
from latticewatch.processing.simulation.realism.profile import expected_profile
from latticewatch.processing.simulation.realism.real_scan import RealScan
from latticewatch.processing.simulation.realism.sheets import contents_text, experiment_text, truth_header, truth_row
from latticewatch.processing.simulation.writing import EXPERIMENT, PONI, TRUTH, Drawn, Script, header_lines

CONTENTS = "truth.json"
EXPOSED = 0.98
NARROWEST_FWHM_DEG = 0.12


def real_script(scan: RealScan, detector: Detector) -> Script:
    """What is written of this scan; truth.json says what is in it as a whole."""
    pixels = pixels_of(detector, scan.seed)
    grid = angle_grid(pixels, NARROWEST_FWHM_DEG)
    prepared = exposure(pixels, grid)
    hot = _hot_pixels(scan, pixels)

    def drawn(number: int) -> Drawn:
        rng = np.random.default_rng([scan.seed, 0x1A, number])
        truth = frame_truth(scan, number)
        counts = image(expected_profile(scan, truth, grid), prepared, rng)
        for pixel, height in hot:
            counts.flat[pixel] = rng.poisson(height)
        if rng.random() < scan.course.zingers:
            counts.flat[rng.choice(np.flatnonzero(counts > 0))] += int(300.0 * 100.0 ** rng.random())
        name = f"realism{scan.seed}_0001p_{number + 1:05d}.cbf"
        header = header_lines(detector, truth.time_s, EXPOSED * scan.period_s, scan.period_s, truth.flux)
        content = cbf_bytes(counts, name.removesuffix(".cbf"), header)
        if number < scan.course.unreadable:
            content = content[: len(content) // 2]
        return Drawn(name, content, truth_row(scan, truth, name))

    sheets = {
        PONI: poni_text(detector),
        EXPERIMENT: experiment_text(scan, PONI),
        TRUTH: truth_header(scan),
        CONTENTS: contents_text(scan),
    }
    return Script(scan.frames, scan.period_s, sheets, drawn)


def _hot_pixels(scan: RealScan, pixels: Pixels) -> list[tuple[int, float]]:
    """A live pixel near each of the scan's angles."""
    good = ~(pixels.gap | pixels.dead | pixels.hot)
    angles: NDArray[np.float64] = np.where(good, pixels.two_theta, math.inf).ravel()
    return [(int(np.abs(angles - angle).argmin()), height) for angle, height in scan.hot]
