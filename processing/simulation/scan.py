"""A scan with known truth, written as a beamline writes it."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from latticewatch.processing.errors import UserError
from latticewatch.processing.simulation.cbf import cbf_bytes
from latticewatch.processing.simulation.crystals.recipes import CRYSTAL_RECIPES
from latticewatch.processing.simulation.crystals.script import crystal_script
from latticewatch.processing.simulation.detector import Detector, detector_named, pixels_of, poni_text
from latticewatch.processing.simulation.image import angle_grid, exposure, image
from latticewatch.processing.simulation.powder import expected_pattern
from latticewatch.processing.simulation.realism.drawn import real_scan
from latticewatch.processing.simulation.realism.script import real_script
from latticewatch.processing.simulation.recipes import Recipe, recipe_named
from latticewatch.processing.simulation.sheets import experiment_text, truth_header, truth_row
from latticewatch.processing.simulation.truth import Truth, expected
from latticewatch.processing.simulation.writing import (
    EXPERIMENT,
    PONI,
    TRUTH,
    Drawn,
    Script,
    begin,
    header_lines,
    write_frames,
)

REALISM = "realism"
FLUX_JITTER = 0.01


def write_scan(
    recipe: Recipe | str,
    folder: Path,
    *,
    frames: int | None = None,
    seed: int = 0,
    detector: str = "pilatus2m",
    speed: float | None = None,
    first: int = 0,
    stop: threading.Event | None = None,
    on_frame: Callable[[Path], None] | None = None,
) -> int:
    """Write a recipe's frames with geometry.poni, experiment.toml and truth.csv; the number of frames written.

    recipe: ``realism`` is another scan with every seed. frames: how many, the recipe's where left out. speed: times
    the real pace, as fast as it goes where left out. first: number of the first frame; from 1 on, a scan begun before
    is continued. stop: ends the scan early. on_frame: told of every file once it has its final name. The same seed
    writes the same bytes.
    Raises UserError for an unknown recipe or detector, a folder that holds a scan, and a disk that refuses.
    """
    place = detector_named(detector)
    if recipe == REALISM:
        script = real_script(real_scan(seed), place)
    elif recipe in CRYSTAL_RECIPES:
        script = crystal_script(CRYSTAL_RECIPES[str(recipe)], place, seed)
    else:
        script = _ideal_script(recipe if isinstance(recipe, Recipe) else recipe_named(recipe), place, seed)
    numbers = range(first, first + (max(script.frames - first, 0) if frames is None else frames))
    pace_s = None if speed is None else script.period_s / speed
    try:
        begin(folder, script.sheets, continued=first > 0)
        return write_frames(folder, script, numbers, pace_s, stop or threading.Event(), on_frame)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror}); give a folder on a disk with room") from None


def frame_name(recipe: Recipe, number: int) -> str:
    return f"{recipe.name}_0001p_{number + 1:05d}.cbf"


def _ideal_script(recipe: Recipe, detector: Detector, seed: int) -> Script:
    times = np.linspace(0.0, recipe.frames * recipe.frame_period_s, 9)
    truths = [expected(recipe, float(time_s)) for time_s in times]
    pixels = pixels_of(detector, seed)
    grid = angle_grid(pixels, min(lattice.fwhm_deg for truth in truths for lattice in truth.lattices))
    prepared = exposure(pixels, grid)

    def drawn(number: int) -> Drawn:
        rng = frame_generator(seed, number)
        truth = exposed(recipe, number, rng)
        name = frame_name(recipe, number)
        header = header_lines(detector, truth.time_s, recipe.exposure_s, recipe.frame_period_s, truth.flux)
        counts = image(expected_pattern(truth, grid), prepared, rng)
        return Drawn(name, cbf_bytes(counts, name.removesuffix(".cbf"), header), truth_row(number, name, truth))

    sheets = {PONI: poni_text(detector), EXPERIMENT: experiment_text(recipe, PONI), TRUTH: truth_header(recipe)}
    return Script(recipe.frames, recipe.frame_period_s, sheets, drawn)


def exposed(recipe: Recipe, number: int, rng: np.random.Generator) -> Truth:
    """The truth of frame ``number``, with the jitter of the beam that its generator draws."""
    truth = expected(recipe, number * recipe.frame_period_s)
    return replace(truth, flux=truth.flux * float(np.exp(FLUX_JITTER * rng.standard_normal())))


def frame_generator(seed: int, number: int) -> np.random.Generator:
    """The random numbers of one frame, whichever frames are written before it."""
    return np.random.default_rng([seed, number])
