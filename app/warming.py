"""Compile what a frame passes through before the first one comes: long on a fresh installation, then a second."""

from latticewatch.processing.crystal.phase import read_phase
from latticewatch.processing.frame import Gap
from latticewatch.processing.integration.warming import warm_up as warm_up_integration
from latticewatch.processing.reaction.judge import Judge
from latticewatch.processing.refinement.fit import Component
from latticewatch.processing.refinement.tracked import TrackedRefinement
from latticewatch.processing.setup import Setup
from latticewatch.processing.simulation.patterns import patterns_1d
from latticewatch.processing.simulation.recipes import WAVELENGTH_A, recipe_named

RECIPE, FRAMES = "iodide", 14


def warm_up() -> int:
    """Integrate nothing, then fit and judge a short simulated scan; how many of its frames were fitted."""
    warm_up_integration()
    recipe = recipe_named(RECIPE)
    components = tuple(Component(each.name, read_phase(each.phase), each.start_A) for each in recipe.ingredients)
    judge = Judge(Setup(recipe.name, components, WAVELENGTH_A, (14.0, 16.0)))
    refinement, fitted = None, 0
    for pattern, truth in patterns_1d(recipe, frames=FRAMES):
        refinement = refinement or TrackedRefinement(components, WAVELENGTH_A, pattern.two_theta)
        fit = refinement.refine(pattern)
        judge.judge(truth.time_s, fit)
        if not isinstance(fit, Gap):
            refinement.curves(fit.parameters)
            fitted += 1
    return fitted
