"""What the warm-up compiles is all that a run needs: nothing is compiled while frames wait."""

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys
from latticewatch.app.run.warming import FRAMES, warm_up
from latticewatch.processing.crystal.phase import read_phase
from latticewatch.processing.flow.fit import Component
from latticewatch.processing.refinement.tracking.tracked import TrackedRefinement
from tests.simulated_patterns import patterns_1d
from latticewatch.processing.simulation.recipes import WAVELENGTH_A, recipe_named

def compiled():
    rooms = [module for name, module in list(sys.modules.items()) if name.startswith("latticewatch.processing")]
    known = {each for room in rooms for each in vars(room).values() if hasattr(each, "signatures")}
    return {(each.__module__, each.__name__, str(signature)) for each in known for signature in each.signatures}

assert warm_up() == FRAMES
warm = compiled()
assert warm
recipe = recipe_named("iodide-bare")
components = tuple(Component(each.name, read_phase(each.phase), each.start_A) for each in recipe.ingredients)
refinement = None
for pattern, _ in patterns_1d(recipe, frames=80):
    refinement = refinement or TrackedRefinement(components, WAVELENGTH_A, pattern.two_theta)
    refinement.refine(pattern)
late = compiled() - warm
assert not late, late
"""


def test_a_run_compiles_nothing_that_the_warm_up_did_not() -> None:
    checkout = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=checkout, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
