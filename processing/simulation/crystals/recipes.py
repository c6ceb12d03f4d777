"""The recipes of crystals: what is in the beam at which time."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from latticewatch.processing.crystal.cell import Cell
from latticewatch.processing.crystal.phase import read_phase
from latticewatch.processing.flow.verdict import State
from latticewatch.processing.simulation.kinetics import FOREVER, Stretch, moment
from latticewatch.processing.simulation.recipes import TOLERANCE

# BaTiO3 in degrees C: where it becomes cubic on heating and tetragonal on cooling, and how far it is heated.
HEATED_AT, COOLED_AT, ROOM, HOTTEST, PER_SECOND = 124.0, 116.0, 25.0, 150.0, 0.125
EXPANSION = 1.2e-5  # per degree


@dataclass(frozen=True, slots=True)
class Crystal:
    """One crystal of a recipe. size_A: diameter of its grains for Scherrer's formula."""

    name: str
    phase: str
    size_A: float
    role: Literal["sample", "standard"] = "sample"


@dataclass(frozen=True, slots=True)
class Present:
    """What is in the beam at one time.

    cells, masses: of each crystal (relative). along: displacement of the sample along the beam, as a share of the
    distance. progress: 0 to 1.
    """

    cells: tuple[Cell, ...]
    masses: tuple[float, ...]
    state: State
    progress: float
    along: float = 0.0


@dataclass(frozen=True, slots=True)
class CrystalRecipe:
    """A scan to be simulated. at: what is in the beam at a time in seconds from the first frame."""

    name: str
    title: str
    crystals: tuple[Crystal, ...]
    watch: tuple[str, ...]
    at: Callable[[float], Present]
    frames: int
    frame_period_s: float
    mixing_s: float
    reflection: tuple[int, int, int]


LAYERED = (Stretch(300.0, 0.45, 250.0), Stretch(200.0, 0.45), Stretch(FOREVER, 1.0, 220.0))


def _state(since_s: float, progress: float, *, resting: bool) -> State:
    if since_s < 0.0:
        return State.WAITING
    if 1.0 - progress <= TOLERANCE:
        return State.COMPLETE
    return State.PAUSED if resting else State.REACTING


def layered(time_s: float) -> Present:
    """Lithium leaves LiCoO2: the layers move apart, rest, and move on."""
    since_s = time_s - 50.0
    now = moment(LAYERED, since_s)
    own = read_phase("LiCoO2").cell
    edge = own.a_A - 0.006 * now.progress
    cell = replace(own, a_A=edge, b_A=edge, c_A=own.c_A + 0.34 * now.progress)
    return Present((cell,), (1.0,), _state(since_s, now.progress, resting=now.resting), now.progress)


def tetragonal_cubic(time_s: float) -> Present:
    """BaTiO3 heated through its transition and cooled again; it comes back some degrees later than it went."""
    top_s = (HOTTEST - ROOM) / PER_SECOND
    heating = time_s < top_s
    temperature = ROOM + PER_SECOND * (time_s if heating else 2.0 * top_s - time_s)
    becomes = HEATED_AT if heating else COOLED_AT
    # The strain jumps to nothing at the transition, from half of what it is when cold.
    left = max(0.0, becomes - temperature) / (becomes - ROOM)
    strain = 0.0098 * (0.5 + 0.5 * math.sqrt(left)) if temperature < becomes else 0.0
    edge = 4.0076 * (1.0 + EXPANSION * (temperature - ROOM))
    cell = Cell(edge * (1.0 - strain / 3.0), edge * (1.0 - strain / 3.0), edge * (1.0 + 2.0 * strain / 3.0))
    progress = 1.0 - strain / 0.0098
    return Present((cell,), (1.0,), State.REACTING if time_s > 0.0 else State.WAITING, progress)


def transformation(time_s: float) -> Present:
    """Alpha titanium becomes beta by the law of Avrami, n = 2.5."""
    since_s = time_s - 60.0
    progress = 1.0 - math.exp(-((max(since_s, 0.0) / 320.0) ** 2.5))
    cells = (read_phase("alpha-Ti").cell, read_phase("beta-Ti").cell)
    return Present(cells, (1.0 - progress, progress), _state(since_s, progress, resting=False), progress)


def standard_drift(time_s: float) -> Present:
    """Ceria beside corundum; the sample wanders along the beam while the ceria expands to a new cell."""
    since_s = time_s - 50.0
    progress = 1.0 - math.exp(-max(since_s, 0.0) / 200.0)
    ceria, corundum = read_phase("CeO2").cell, read_phase("Al2O3").cell
    along = 2e-3 * math.sin(time_s / 180.0)
    state = _state(since_s, progress, resting=False)
    return Present((ceria.scaled(1.0 + 2e-3 * progress), corundum), (1.0, 1.5), state, progress, along)


CRYSTAL_RECIPES: Mapping[str, CrystalRecipe] = MappingProxyType(
    {
        recipe.name: recipe
        for recipe in (
            CrystalRecipe(
                "layered",
                "LiCoO2, charged",
                (Crystal("LCO", "LiCoO2", 400.0),),
                ("LCO.c", "LCO.c/a"),
                layered,
                frames=280,
                frame_period_s=5.0,
                mixing_s=50.0,
                reflection=(0, 0, 3),
            ),
            CrystalRecipe(
                "tetragonal-cubic",
                "BaTiO3, heated and cooled",
                (Crystal("BTO", "BaTiO3", 300.0),),
                ("BTO.c/a", "BTO.volume"),
                tetragonal_cubic,
                frames=200,
                frame_period_s=10.0,
                mixing_s=0.0,
                reflection=(0, 0, 2),
            ),
            CrystalRecipe(
                "transformation",
                "alpha to beta titanium",
                (Crystal("alpha", "alpha-Ti", 250.0), Crystal("beta", "beta-Ti", 350.0)),
                ("beta.wt", "alpha.wt"),
                transformation,
                frames=200,
                frame_period_s=5.0,
                mixing_s=60.0,
                reflection=(1, 0, 1),
            ),
            CrystalRecipe(
                "standard-drift",
                "CeO2 with corundum",
                (Crystal("CeO2", "CeO2", 400.0), Crystal("corundum", "Al2O3", 800.0, "standard")),
                ("CeO2.lp",),
                standard_drift,
                frames=200,
                frame_period_s=5.0,
                mixing_s=50.0,
                reflection=(1, 1, 1),
            ),
        )
    }
)
