"""The lines of all phases of a run as flat arrays, and where everything lies in the vector of parameters."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import gemmi
import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.crystal.cell import NAMES, Cell, cubic_cell, ties
from latticewatch.processing.crystal.line_phase import LinePhase
from latticewatch.processing.crystal.phase import structure_of
from latticewatch.processing.crystal.reflections import reflections
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.fit import Component
from latticewatch.processing.refinement.model.lines import BACKGROUND_TERMS

Floats = NDArray[np.float64]
# A line that comes into range when a cell changes by this share is in the model.
REACH = 0.03
# The strongest lines of a phase are in the model: so many, by the number of phases, and none weaker than this share.
MOST_LINES = {1: 160, 2: 110, 3: 80, 4: 60, 5: 50}
MOST_OF_SPECTATOR = 24
NEGLIGIBLE = 1e-4


class Planes(NamedTuple):
    """Flat arrays over the lines of all phases; what the compiled functions read.

    phase: (lines,) which phase. hkl: (lines, 3). base: (lines,) what the structure gives without the Lorentz factor,
    scaled so that with it a phase's lines sum to 1 at its start cell. at_start: (lines,) the Lorentz factor there.
    numbers: (phases, 6) the start cells. tied: (phases, 6, 6) how the six numbers of a cell follow the parameters;
    place: (phases, 6) where these parameters are in x, -1 for none. tangent: (phases,) tan θ of a middling line.
    wavelength_A.
    """

    phase: NDArray[np.int64]
    hkl: Floats
    base: Floats
    at_start: Floats
    numbers: Floats
    tied: Floats
    place: NDArray[np.int64]
    tangent: Floats
    wavelength_A: float


class Places(NamedTuple):
    """Offsets into the vector of parameters.

    a: edges (phases), then what else the symmetry leaves free of the cells, phase by phase. shift: of all angles, in
    degrees, by cos θ and by ½ sin 4θ. scale: each phase's area. background: polynomials. What follows is tracked from
    frame to frame: width, the Gaussian's in degrees at θ = 0; strain, variance in deg² at a middling line; lorentz,
    half width in degrees at θ = 0 (phases each); relative: each line's intensity over what the structure gives.
    """

    phases: int
    lines: int
    shift: int
    scale: int
    background: int
    width: int
    strain: int
    lorentz: int
    relative: int
    length: int


@dataclass(frozen=True, slots=True)
class Phases:
    """All phases of a run: the components, then the standard, then the spectators.

    names: (phases,). free: of each the names of what its symmetry leaves free. free_cell: (phases,) whether a cell is
    refined. free_lines: (phases,) whether the structure has no say in the intensities; on_need: whether it loses it
    where they are not the structure's. mass: (components and standard,) by what the scale times
    the volume is multiplied to be a mass: Z M over the structure's scale (R. J. Hill and C. J. Howard, J. Appl. Cryst.
    20, 467 (1987)).
    """

    names: tuple[str, ...]
    components: int
    has_standard: bool
    planes: Planes
    places: Places
    free: tuple[tuple[str, ...], ...]
    free_cell: NDArray[np.bool_]
    free_lines: NDArray[np.bool_]
    on_need: NDArray[np.bool_]
    mass: Floats

    def start(self) -> Floats:
        """The parameters with the start cells and nothing in the beam."""
        x = np.zeros(self.places.length)
        for phase, numbers in enumerate(self.planes.numbers):
            for name, place in zip(NAMES, self.planes.place[phase], strict=True):
                if place >= 0:
                    x[place] = numbers[NAMES.index(name)]
        x[self.places.relative :] = 1.0
        return x


def phases_of(
    components: tuple[Component, ...],
    standard: Component | None,
    spectators: tuple[LinePhase, ...],
    wavelength_A: float,
    lowest_deg: float,
    highest_deg: float,
) -> Phases:
    """The phases of a run and their lines between these 2θ. Raises UserError for a component without any."""
    own = (*components, *((standard,) if standard else ()))
    d_max, d_min = (_d_at(angle, wavelength_A) for angle in (lowest_deg, highest_deg))
    found = [_lines_of(each, d_min, d_max, MOST_LINES[len(own)], wavelength_A) for each in own]
    found += [_lines_of_spectator(each, d_min, d_max, wavelength_A) for each in spectators]
    cells = [each.cell for each in own] + [cubic_cell(1.0)] * len(spectators)
    free = [each.phase.free for each in own] + [("a",)] * len(spectators)
    groups = [each.phase.group for each in own] + [gemmi.SpaceGroup("P m -3 m")] * len(spectators)
    count, lines = len(cells), sum(len(base) for _, base in found)
    place, tied, following = np.full((count, 6), -1, dtype=np.int64), np.zeros((count, 6, 6)), count
    for number, (names, group) in enumerate(zip(free, groups, strict=True)):
        tied[number][:, [NAMES.index(name) for name in names]] = ties(names, group)
        place[number, 0] = number
        for name in names[1:]:
            place[number, NAMES.index(name)] = following
            following += 1
    planes, mass = _flat(found, cells, wavelength_A, tied, place)
    in_cell = [_mass_of(each) for each in own]
    return Phases(
        tuple(each.name for each in own) + tuple(each.name for each in spectators),
        len(components),
        standard is not None,
        planes,
        _places(count, lines, following),
        tuple(free),
        np.arange(count) < len(components),
        np.array([each.intensities == "free" for each in own] + [True] * len(spectators)),
        np.array([each.intensities == "auto" for each in own] + [False] * len(spectators)),
        np.array(in_cell) / mass[: len(own)],
    )


def lorentz(theta: Floats) -> Floats:
    """1 / (sin²θ cosθ): the Lorentz factor of a powder."""
    return np.asarray(1.0 / (np.sin(theta) ** 2 * np.cos(theta)), dtype=np.float64)


def angles_of(x: Floats, phases: Phases) -> Floats:
    """2θ of each line in degrees, with the sample's displacement; NaN where there is none."""
    planes, places = phases.planes, phases.places
    inverse_d = np.empty(len(planes.phase))
    for number in range(places.phases):
        own = planes.phase == number
        inverse_d[own] = 1.0 / cell_of(x, number, planes).d_spacings(planes.hkl[own])
    sine = planes.wavelength_A * inverse_d / 2.0
    theta = np.arcsin(np.where(sine < 1.0, sine, np.nan))
    shift = x[places.shift] * np.cos(theta) + 0.5 * x[places.shift + 1] * np.sin(4.0 * theta)
    return np.asarray(2.0 * np.degrees(theta) + shift, dtype=np.float64)


def cell_of(x: Floats, phase: int, planes: Planes) -> Cell:
    """The cell of a phase."""
    place = planes.place[phase]
    values = np.where(place >= 0, x[place], 0.0)
    fixed = np.where(planes.tied[phase].any(axis=1), 0.0, planes.numbers[phase])
    return Cell(*(planes.tied[phase] @ values + fixed).tolist())


def _places(phases: int, lines: int, shift: int) -> Places:
    scale = shift + 2
    background = scale + phases
    width = background + BACKGROUND_TERMS
    relative = width + 3 * phases
    return Places(
        phases,
        lines,
        shift,
        scale,
        background,
        width,
        width + phases,
        width + 2 * phases,
        relative,
        relative + lines,
    )


def _flat(
    found: list[tuple[Floats, Floats]], cells: list[Cell], wavelength_A: float, tied: Floats, place: NDArray[np.int64]
) -> tuple[Planes, Floats]:
    """The lines of all phases, and what each phase's base was divided by."""
    bases, starts, sums, tangents = [], [], [], []
    for (hkl, base), cell in zip(found, cells, strict=True):
        theta = np.arcsin(np.minimum(wavelength_A / (2.0 * cell.d_spacings(hkl)), 0.9999))
        factor = lorentz(theta)
        total = float(base @ factor)
        bases.append(base / total)
        starts.append(factor)
        sums.append(total)
        tangents.append(float(np.average(np.tan(theta), weights=base * factor)))
    planes = Planes(
        np.repeat(np.arange(len(found)), [len(base) for _, base in found]),
        np.ascontiguousarray(np.concatenate([hkl for hkl, _ in found]), dtype=np.float64),
        np.concatenate(bases),
        np.concatenate(starts),
        np.array([cell.numbers for cell in cells]),
        tied,
        place,
        np.array(tangents),
        float(wavelength_A),
    )
    return planes, np.array(sums)


def _d_at(two_theta: float, wavelength_A: float) -> float:
    return wavelength_A / (2.0 * math.sin(math.radians(min(max(two_theta, 1e-3), 179.0) / 2.0)))


def _lines_of(
    component: Component, d_min: float, d_max: float, most: int, wavelength_A: float
) -> tuple[Floats, Floats]:
    lines = [
        line
        for line in reflections(component.phase, max(d_min / (1.0 + REACH), 0.501 * wavelength_A), component.cell)
        if line.d_A <= d_max * (1.0 + REACH)
    ]
    if not lines:
        raise UserError(
            f"component {component.name}: none of its reflections falls on the detector; "
            f"check the geometry, the wavelength and its cell"
        )
    return _strongest(
        np.array([line.hkl for line in lines], dtype=np.float64),
        np.array([line.multiplicity * line.f_squared for line in lines]),
        np.array([line.d_A for line in lines]),
        most,
        wavelength_A,
    )


def _lines_of_spectator(phase: LinePhase, d_min: float, d_max: float, wavelength_A: float) -> tuple[Floats, Floats]:
    """Lines at fixed places, as those of a cubic cell of 1 Å with h = 1 / d."""
    d = np.array(phase.d_A)
    inside = (d >= d_min) & (d <= d_max)
    d, intensity = d[inside], np.array(phase.intensity)[inside]
    hkl = np.stack([1.0 / d, np.zeros(len(d)), np.zeros(len(d))], axis=1)
    base = intensity / lorentz(np.arcsin(wavelength_A / (2.0 * d)))
    return _strongest(hkl, base, d, MOST_OF_SPECTATOR, wavelength_A)


def _strongest(hkl: Floats, base: Floats, d: Floats, most: int, wavelength_A: float) -> tuple[Floats, Floats]:
    strength = base * lorentz(np.arcsin(np.minimum(wavelength_A / (2.0 * d), 0.9999)))
    order = np.argsort(-strength, kind="stable")[:most]
    kept = np.sort(order[strength[order] > NEGLIGIBLE * strength[order[0]]])
    return hkl[kept], base[kept]


def _mass_of(component: Component) -> float:
    """Mass of what is in one cell, in g/mol."""
    structure = structure_of(component.phase, component.cell)
    images = len(list(component.phase.group.operations()))
    return images * float(sum(site.occ * site.element.weight for site in structure.sites)) or math.nan
