"""What the warm-up compiles is all that a run needs: nothing is compiled while frames wait."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from latticewatch.app.run import warming
from tests.app.conftest import Said

SCRIPT = """
import sys
from numba.core.dispatcher import Dispatcher
from latticewatch.app.run.warming import AXES_A, FRAMES, warm_up
from latticewatch.processing.crystal.phase import read_phase
from latticewatch.processing.flow.fit import Component
from latticewatch.processing.refinement.tracking.tracked import TrackedRefinement
from tests.simulated_patterns import patterns_1d
from latticewatch.processing.simulation.recipes import WAVELENGTH_A, recipe_named

def compiled():
    rooms = [module for name, module in list(sys.modules.items()) if name.startswith("latticewatch.processing")]
    known = {each for room in rooms for each in vars(room).values() if isinstance(each, Dispatcher)}
    return {(each.__module__, each.__name__, str(signature)) for each in known for signature in each.signatures}

assert warm_up() == FRAMES + len(AXES_A)
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


@pytest.fixture
def cold(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> list[str]:
    """As after an installation; what had been said when the compiling began."""
    said: list[str] = []
    (tmp_path / "cache").mkdir()
    monkeypatch.setattr(warming, "_mark", lambda: tmp_path / "cache" / "warmed-up")
    monkeypatch.setattr(warming, "_fit_made_up_frames", lambda: said.append(caplog.text) or 26)
    return said


@pytest.mark.parametrize("words", [("process",), ("watch", "--headless", "--until-idle", 0.1)])
def test_the_first_start_says_at_once_that_it_compiles_and_later_ones_do_not(
    latticewatch: Callable[..., Said], scan: Path, cold: list[str], words: tuple[object, ...]
) -> None:
    command, *options = words
    assert latticewatch(command, scan, *options, "--out", "run.h5").status == 0
    assert "compiling the fit, once after an installation: about a minute" in cold[0]
    assert "reacting" not in cold[0]
    again = latticewatch(command, scan, *options, "--out", "again.h5")
    assert again.status == 0
    assert "compiling" not in again.err


def test_a_cache_that_cannot_be_written_stops_nothing(cold: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warming, "_mark", lambda: Path("/nowhere/at/all"))
    assert warming.warm_up() == 26
    assert warming.is_cold()
    assert cold
