"""Scans of crystals as files; truth.csv has the columns of the trace."""

import numpy as np

from latticewatch.processing.crystal.cell import FIELDS, NAMES
from latticewatch.processing.crystal.phase import read_phase
from latticewatch.processing.simulation.cbf import cbf_bytes
from latticewatch.processing.simulation.crystals.pattern import INSTRUMENT_FWHM_DEG, expected_pattern, shares_of
from latticewatch.processing.simulation.crystals.recipes import CrystalRecipe, Present
from latticewatch.processing.simulation.detector import Detector, pixels_of, poni_text
from latticewatch.processing.simulation.image import angle_grid, exposure, image
from latticewatch.processing.simulation.recipes import TOLERANCE
from latticewatch.processing.simulation.sheets import number_cell
from latticewatch.processing.simulation.writing import EXPERIMENT, PONI, TRUTH, Drawn, Script, header_lines

EXPOSED, FLUX_JITTER = 0.96, 0.01


def crystal_script(recipe: CrystalRecipe, detector: Detector, seed: int) -> Script:
    """What is written of this recipe."""
    pixels = pixels_of(detector, seed)
    grid = angle_grid(pixels, INSTRUMENT_FWHM_DEG)
    prepared = exposure(pixels, grid)

    def drawn(number: int) -> Drawn:
        rng = np.random.default_rng([seed, number])
        time_s = number * recipe.frame_period_s
        now, flux = recipe.at(time_s), float(np.exp(FLUX_JITTER * rng.standard_normal()))
        name = f"{recipe.name}_0001p_{number + 1:05d}.cbf"
        header = header_lines(detector, time_s, EXPOSED * recipe.frame_period_s, recipe.frame_period_s, flux)
        counts = image(flux * expected_pattern(recipe, now, grid), prepared, rng)
        content = cbf_bytes(counts, name.removesuffix(".cbf"), header)
        return Drawn(name, content, _truth_row(recipe, number, name, now, flux))

    sheets = {PONI: poni_text(detector), EXPERIMENT: _experiment_text(recipe), TRUTH: _truth_header(recipe)}
    return Script(recipe.frames, recipe.frame_period_s, sheets, drawn)


def _experiment_text(recipe: CrystalRecipe) -> str:
    lines = ["[experiment]", f'title = "{recipe.title}"']
    if recipe.mixing_s > 0.0:
        lines.append(f"mixing_time_s = {recipe.mixing_s}")
    lines += [f"frame_period_s = {recipe.frame_period_s}", "", "[geometry]", f'poni = "{PONI}"', ""]
    lines += ["[map]", f"reflection = {list(recipe.reflection)}", ""]
    for crystal in recipe.crystals:
        lines += ["[[component]]", f'name = "{crystal.name}"', f'phase = "{crystal.phase}"']
        lines += ['role = "standard"', ""] if crystal.role == "standard" else [""]
    quantities = ", ".join(f'"{name}"' for name in recipe.watch)
    lines += ["[watch]", f"quantity = [{quantities}]", "", "[plateau]", f"tolerance = {TOLERANCE}", ""]
    return "\n".join(lines)


def _truth_header(recipe: CrystalRecipe) -> str:
    names = ["frame", "file", "time_s", "state", "progress", "flux", "along"]
    for crystal in recipe.crystals:
        if crystal.role == "sample":
            free = read_phase(crystal.phase).free
            if free == ("a",):
                names.append(f"lp_{crystal.name}_A")
            else:
                names += [_column(name, crystal.name) for name in free]
                names += [f"c_over_a_{crystal.name}"] if {"a", "c"} <= set(free) else []
                names.append(f"volume_{crystal.name}_A3")
            names.append(f"wt_{crystal.name}")
    return ",".join(names) + "\n"


def _column(name: str, crystal: str) -> str:
    stem, unit = FIELDS[NAMES.index(name)].rsplit("_", 1)
    return f"{stem}_{crystal}_{unit}"


def _truth_row(recipe: CrystalRecipe, number: int, name: str, now: Present, flux: float) -> str:
    cells = [str(number), name, f"{number * recipe.frame_period_s:.3f}", str(now.state)]
    cells += [number_cell(now.progress), number_cell(flux), number_cell(now.along)]
    for at, share in zip(_samples(recipe), shares_of(recipe, now), strict=True):
        free, cell = read_phase(recipe.crystals[at].phase).free, now.cells[at]
        values = [cell.numbers[NAMES.index(one)] for one in free]
        if free != ("a",):
            values += [cell.c_A / cell.a_A] if {"a", "c"} <= set(free) else []
            values.append(cell.volume_A3)
        # What is not in the beam has no cell.
        there = now.masses[at] > 0.0
        cells += [number_cell(value) if there else "" for value in values] + [number_cell(share)]
    return ",".join(cells) + "\n"


def _samples(recipe: CrystalRecipe) -> list[int]:
    return [number for number, crystal in enumerate(recipe.crystals) if crystal.role == "sample"]
