"""The recipes: what is mixed, how it reacts and how it is measured.

Cells, times and pauses follow A. Loiudice et al., J. Am. Chem. Soc. 2019, 10.1021/jacs.9b02061.
"""

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from latticewatch.processing.errors import UserError
from latticewatch.processing.simulation.kinetics import FOREVER, Stretch

WAVELENGTH_A = 0.64066
TOLERANCE = 0.03
NEVER = math.inf
# Recipes of other kinds, which are drawn elsewhere.
OTHERS = ("layered", "tetragonal-cubic", "transformation", "standard-drift", "realism")


@dataclass(frozen=True, slots=True)
class Ingredient:
    """One lattice of the mixture.

    start_A: cell edge of the pure phase at mixing. end_A: at the end of the exchange. size_A: diameter of the
    crystals for Scherrer's formula. amount: formula units, relative. rate_spread: relative standard deviation
    of the exchange rate from crystal to crystal, which spreads the composition while it lasts.
    """

    name: str
    phase: str
    start_A: float
    end_A: float
    size_A: float
    amount: float
    rate_spread: float = 0.25


@dataclass(frozen=True, slots=True)
class Recipe:
    """A scan to be simulated.

    mixing_s: from the first frame to injection; before it, and for ever where infinite, only solvent is in the
    beam. beam_off_s: start and end of a beam dump. strength: scales the scattering of the crystals.
    intensities_follow: |F|² moves with composition (as it does) or stays what it was at the start.
    """

    name: str
    title: str
    ingredients: tuple[Ingredient, ...]
    stretches: tuple[Stretch, ...]
    frames: int
    frame_period_s: float = 2.5
    exposure_s: float = 2.4
    mixing_s: float = 10.0
    beam_off_s: tuple[float, float] | None = None
    strength: float = 1.0
    instrument_fwhm_deg: float = 0.05
    intensities_follow: bool = True

    def __post_init__(self) -> None:
        if not 1 <= len(self.ingredients) <= 2:
            raise ValueError("a recipe mixes one or two ingredients")


def recipe_named(name: str) -> Recipe:
    """The recipe of this name. Raises UserError naming the nearest ones."""
    if name in RECIPES:
        return RECIPES[name]
    near = difflib.get_close_matches(name.lower(), (*RECIPES, *OTHERS), n=2, cutoff=0.4)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise UserError(f"no recipe {name!a}; {hint}recipes are {', '.join((*RECIPES, *OTHERS))}")


def _exchange(bromide_end_A: float, other: Ingredient) -> tuple[Ingredient, Ingredient]:
    """CsPbBr3 and its partner; amounts so that both reach one cell and no anion is lost (Vegard's rule)."""
    bromide = Ingredient("Br", "CsPbBr3", 5.842, bromide_end_A, size_A=75.0, amount=1.0)
    moved = abs(bromide.end_A - bromide.start_A) / abs(other.end_A - other.start_A)
    return bromide, replace(other, amount=moved)


IODIDE = _exchange(6.031, Ingredient("I", "CsPbI3", 6.205, 6.031, size_A=85.0, amount=1.0))
CHLORIDE = _exchange(5.706, Ingredient("Cl", "CsPbCl3", 5.605, 5.706, size_A=85.0, amount=1.0))
IODIDE_PAUSE = (5.867 - 5.842) / (6.031 - 5.842)
CHLORIDE_PAUSE = (5.768 - 5.842) / (5.706 - 5.842)
# 2.9e-3 Å/s falling to 1.5e-3 before the pause, 0.8e-3 after it, 3 % left after 12.3 min.
SHELLED_IODIDE = (
    Stretch(12.0, IODIDE_PAUSE, 18.0),
    Stretch(10.0, IODIDE_PAUSE),
    Stretch(FOREVER, 1.0, 213.0),
)
# 0.6e-4 Å/s, a pause of two minutes after 20 min, 3 % left after 70 min.
SHELLED_CHLORIDE = (
    Stretch(1200.0, CHLORIDE_PAUSE, 16500.0),
    Stretch(120.0, CHLORIDE_PAUSE),
    Stretch(FOREVER, 1.0, 1058.4),
)
BARE_IODIDE = (Stretch(FOREVER, 1.0, 17.1),)
SLOW_IODIDE = (*SHELLED_IODIDE[:2], Stretch(FOREVER, 1.0, 600.0))
STALLED_IODIDE = (*SHELLED_IODIDE[:2], Stretch(150.0, 0.55, 120.0), Stretch(FOREVER, 0.55))

_IODIDE = Recipe("iodide", "Br/shell2 + I/shell1", IODIDE, SHELLED_IODIDE, frames=360)
_BARE = Recipe("iodide-bare", "Br bare + I bare", IODIDE, BARE_IODIDE, frames=120)
_CHLORIDE = Recipe(
    "chloride", "Br/shell2 + Cl", CHLORIDE, SHELLED_CHLORIDE, frames=480, frame_period_s=10.0, exposure_s=9.9
)
_LAB6 = Ingredient("LaB6", "LaB6", 4.156826, 4.156826, size_A=3000.0, amount=1.0, rate_spread=0.0)


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        recipe.name: recipe
        for recipe in (
            _IODIDE,
            _BARE,
            _CHLORIDE,
            replace(_IODIDE, name="unfinished", title="Br/shell4 + I/shell4", stretches=SLOW_IODIDE, frames=200),
            replace(_IODIDE, name="stalled", title="Br/shell4 + I, starved", stretches=STALLED_IODIDE, frames=200),
            replace(_IODIDE, name="beam-dump", beam_off_s=(250.0, 312.5)),
            Recipe("standard", "LaB6 SRM 660c", (_LAB6,), (), frames=20, mixing_s=0.0, strength=0.5),
            replace(_IODIDE, name="solvent", title="octane alone", mixing_s=NEVER, frames=200),
            *(
                replace(each, name=f"{each.name}-constant", intensities_follow=False)
                for each in (_IODIDE, _BARE, _CHLORIDE)
            ),
        )
    }
)
