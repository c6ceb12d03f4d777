"""The texts beside the frames of a simulated scan: what the user would say of it, and the truth."""

import math

from latticewatch.processing.simulation.recipes import TOLERANCE, Recipe
from latticewatch.processing.simulation.truth import Truth


def experiment_text(recipe: Recipe, poni: str) -> str:
    lines = ["[experiment]", f'title = "{recipe.title}"']
    if 0.0 < recipe.mixing_s < math.inf:
        lines.append(f"mixing_time_s = {recipe.mixing_s}")
    lines += [f"frame_period_s = {recipe.frame_period_s}", "", "[geometry]", f'poni = "{poni}"', ""]
    lines += ["[map]", "reflection = [2, 1, 1]", ""]
    for ingredient in recipe.ingredients:
        lines += ["[[component]]", f'name = "{ingredient.name}"', f'phase = "{ingredient.phase}"']
        lines += [f"lattice_parameter_A = {ingredient.start_A}", ""]
    if len(recipe.ingredients) == 2:
        first, second = (ingredient.start_A for ingredient in recipe.ingredients)
        lines += ["[composition]", f"first_A = {first}", f"second_A = {second}", ""]
    return "\n".join([*lines, "[plateau]", f"tolerance = {TOLERANCE}", ""])


def truth_header(recipe: Recipe) -> str:
    names = ["frame", "file", "time_s", "state", "progress", "flux", "separation_fwhm"]
    for ingredient in recipe.ingredients:
        names += [f"lp_{ingredient.name}_A", f"weight_{ingredient.name}"]
        names += [f"fwhm_{ingredient.name}_deg", f"spread_{ingredient.name}_A"]
    return ",".join(names) + "\n"


def truth_row(number: int, name: str, truth: Truth) -> str:
    """One line of truth.csv; what is not in the beam is left empty."""
    cells = [str(number), name, f"{truth.time_s:.3f}", str(truth.state)]
    cells += [number_cell(truth.progress), number_cell(truth.flux), number_cell(truth.separation_fwhm)]
    for lattice in truth.lattices:
        values = (lattice.lp_A, lattice.weight, lattice.fwhm_deg, lattice.spread_A)
        cells += [number_cell(math.nan if math.isnan(lattice.weight) else value) for value in values]
    return ",".join(cells) + "\n"


def number_cell(value: float) -> str:
    """Empty where it is not known."""
    return "" if math.isnan(value) else f"{value:.7g}"
