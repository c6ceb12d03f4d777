"""One experiment, resolved: what the stages and the views need to know, with every default filled in."""

import itertools
import logging
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.config.experiment import CELL_KEYS, ComponentTable, Experiment, FitTable, PeakTable
from latticewatch.processing.config.fit_range import EVERYWHERE, FitRange
from latticewatch.processing.crystal.cell import FIELDS, NAMES, Cell, cubic_cell, with_symmetry
from latticewatch.processing.crystal.line_phase import LinePhase, read_library, read_line_phase
from latticewatch.processing.crystal.phase import Phase, read_phase
from latticewatch.processing.crystal.reflections import reflections, two_theta_deg
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.accuracy import Accuracy
from latticewatch.processing.flow.composition import CompositionScale
from latticewatch.processing.flow.empty_cell import EmptyCell
from latticewatch.processing.flow.fit import Component
from latticewatch.processing.flow.peak import PeakRange
from latticewatch.processing.flow.quantity import Quantity, quantity_named, usual_of_peaks, usual_quantities
from latticewatch.processing.flow.row_fields import Kept
from latticewatch.processing.flow.sector import Sector, even_sectors, name_of, sectors_between
from latticewatch.processing.text import one_line

USUAL_CHANGE = 0.1  # of a cell by composition, temperature and pressure; more is likely another phase or a slip
REACH = 0.02  # how far, as a share, a cell may be from its start when its lines are looked for in the fitted range

FEWEST_PEAK_BINS = 12
# Of a run without a lattice.
NO_REFLECTION = (0, 0, 0)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Setup:
    """What is watched and how it is judged.

    components: the first is the one whose pauses are watched; none where peaks alone are followed. window_deg: 2θ
    range of the map. reflection: the line the map is drawn around. mixing_time_s: seconds from the first frame,
    None: found from the data. tolerance: of the total change, what "complete" may leave. end: whether the lattices
    of the first two components are to become one ("merge") or not ("apart"). accuracy: of the geometry, None:
    nobody has checked it on a standard. fit: which angles are fitted. spectators: phases that are in the beam and
    have no say. library: phases that foreign lines are named by. background: the empty cell's pattern. watch: the
    quantities that the user chose; the first one leads the verdict. standard: a phase with a certified cell that
    tells how the sample is displaced; standard_weight: its share of the mass of all that was mixed. peaks: followed
    without a structure. sectors: azimuthal ones whose cells are fitted too.
    """

    title: str
    components: tuple[Component, ...]
    wavelength_A: float
    window_deg: tuple[float, float]
    reflection: tuple[int, int, int] = (2, 1, 1)
    composition: CompositionScale | None = None
    mixing_time_s: float | None = None
    frame_period_s: float | None = None
    tolerance: float = 0.03
    end: Literal["merge", "apart"] = "merge"
    accuracy: Accuracy | None = None
    fit: FitRange = EVERYWHERE
    spectators: tuple[LinePhase, ...] = ()
    library: tuple[LinePhase, ...] = ()
    background: EmptyCell | None = None
    standard: Component | None = None
    standard_weight: float | None = None
    watch: tuple[Quantity, ...] = ()
    peaks: tuple[PeakRange, ...] = ()
    sectors: tuple[Sector, ...] = ()

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """What is watched by name; none where all is cubic and nobody chose: then lattice parameters are."""
        if not self.components:
            return self.watch or usual_of_peaks([peak.name for peak in self.peaks])
        if self.watch or all(component.phase.is_cubic for component in self.components):
            return self.watch
        return usual_quantities(self.components)

    @property
    def is_cubic(self) -> bool:
        """Whether only cubic lattices are refined, and no standard: these may exchange and meet."""
        return self.standard is None and all(component.phase.is_cubic for component in self.components)

    @property
    def kept(self) -> Kept:
        """What decides the columns of the trace."""
        peaks = tuple(peak.name for peak in self.peaks)
        names = [component.name for component in self.components]
        sectors = tuple(name_of(sector, name) for sector in self.sectors for name in names)
        kept = Kept.of(self.components, self.composition is not None, peaks, sectors)
        return replace(kept, amorphous=self.standard_weight is not None)


def resolve(
    experiment: Experiment,
    folder: Path,
    wavelength_A: float,
    two_theta: NDArray[np.float64],
    accuracy: Accuracy | None = None,
    background: EmptyCell | None = None,
) -> Setup:
    """Fill in every default: phases read, start cells, the map's reflection and window.

    folder: what paths to CIF files are relative to. two_theta: (bins,) the run's grid in degrees.
    Raises UserError for phases that cannot be used, for components that nothing tells apart, for a [fit] that leaves
    out all lines of a component, and for a map window the detector does not see.
    """
    seen = (float(two_theta[0]), float(two_theta[-1]))
    components = tuple(_component(table, folder) for table in experiment.component if table.role == "sample")
    standards = [_component(table, folder) for table in experiment.component if table.role == "standard"]
    _check_told_apart(components)
    fit = _fit_range(experiment, seen)
    if experiment.fit != FitTable():
        for component in (*components, *standards):
            _check_fitted(component, fit, wavelength_A, two_theta)
    groups = {component.phase.space_group for component in components[:2]}
    alike = [each.cell for each in components if each.phase.space_group == components[0].phase.space_group]
    scale, library = experiment.composition, experiment.phases.library
    ends = (
        [cubic_cell(edge) for edge in (scale.first_A, scale.second_A)] if scale and components[0].phase.is_cubic else []
    )
    if components:
        reflection = experiment.map.reflection or _reflection(components[0], wavelength_A, seen)
        window = experiment.map.two_theta_deg or _window(reflection, [*alike, *ends], wavelength_A)
    else:
        reflection, window = NO_REFLECTION, experiment.map.two_theta_deg or _all_peaks(experiment)
    if window[1] <= seen[0] or window[0] >= seen[1]:
        raise UserError(
            f"map window {window[0]:.2f} to {window[1]:.2f} deg lies outside what the detector sees "
            f"({seen[0]:.2f} to {seen[1]:.2f} deg); fix [map] two_theta_deg or the geometry"
        )
    return Setup(
        title=experiment.experiment.title,
        components=components,
        wavelength_A=wavelength_A,
        window_deg=(max(window[0], seen[0]), min(window[1], seen[1])),
        reflection=reflection,
        composition=CompositionScale(**scale.model_dump()) if scale else None,
        mixing_time_s=experiment.experiment.mixing_time_s,
        frame_period_s=experiment.experiment.frame_period_s,
        tolerance=experiment.plateau.tolerance,
        end=experiment.plateau.end or ("merge" if len(groups) == 1 else "apart"),
        accuracy=accuracy,
        fit=fit,
        spectators=tuple(
            _spectator(table.name, folder / table.cif, wavelength_A, seen)
            for table in experiment.component
            if table.role == "spectator" and table.cif
        ),
        library=read_library(folder / library, wavelength_A, seen[1]) if library else (),
        background=background,
        watch=_watched(experiment, components),
        standard=standards[0] if standards else None,
        standard_weight=next((each.weight_fraction for each in experiment.component if each.weight_fraction), None),
        peaks=tuple(_peak(table, two_theta) for table in experiment.peak),
        sectors=sectors_in(experiment),
    )


def _peak(table: PeakTable, two_theta: NDArray[np.float64]) -> PeakRange:
    low, high = table.two_theta_deg
    seen = (float(two_theta[0]), float(two_theta[-1]))
    if low < seen[0] or high > seen[1]:
        raise UserError(
            f"peak {table.name}: two_theta_deg {low:g} to {high:g} deg is not all within what the detector sees "
            f"({seen[0]:.2f} to {seen[1]:.2f} deg); fix it or the geometry"
        )
    bins = int(np.count_nonzero((two_theta >= low) & (two_theta <= high)))
    if bins < FEWEST_PEAK_BINS:
        raise UserError(
            f"peak {table.name}: two_theta_deg {low:g} to {high:g} deg holds {bins} bins of the pattern, and a peak on "
            f"its background takes at least {FEWEST_PEAK_BINS}; widen it"
        )
    return PeakRange(table.name, table.two_theta_deg)


def _fit_range(experiment: Experiment, seen: tuple[float, float]) -> FitRange:
    fit = experiment.fit
    low, high = fit.two_theta_deg or seen
    if low >= seen[1] or high <= seen[0]:
        raise UserError(
            f"[fit] two_theta_deg {low:g} to {high:g} deg lies outside what the detector sees "
            f"({seen[0]:.2f} to {seen[1]:.2f} deg); fix it or the geometry"
        )
    return FitRange(fit.two_theta_deg, fit.exclude_two_theta_deg)


def sectors_in(experiment: Experiment) -> tuple[Sector, ...]:
    """The azimuthal sectors that are asked for."""
    table = experiment.sectors
    return even_sectors(table.count) if table.count else sectors_between(table.edges or ())


def _watched(experiment: Experiment, components: tuple[Component, ...]) -> tuple[Quantity, ...]:
    composition, peaks = experiment.composition is not None, [peak.name for peak in experiment.peak]
    watched: dict[str, tuple[str, Quantity]] = {}  # by column: a quantity may have two names
    for text in experiment.watch.quantity or ():
        try:
            quantity = quantity_named(text, components, composition=composition, peaks=peaks)
        except ValueError as error:
            raise UserError(f"[watch] quantity {one_line(str(error))}") from None
        if quantity.column in watched:
            raise UserError(f'[watch] quantity "{text}": is there already, as "{watched[quantity.column][0]}"')
        watched[quantity.column] = text, quantity
    return tuple(quantity for _, quantity in watched.values())


def _component(table: ComponentTable, folder: Path) -> Component:
    phase = read_phase(folder / table.cif if table.cif else str(table.phase))
    cell = _start_cell(table, phase)
    for name, start, own in zip(NAMES[:3], cell.numbers, phase.cell.numbers, strict=False):
        if name in phase.free and abs(start / own - 1.0) > USUAL_CHANGE:
            key = CELL_KEYS[NAMES.index(name)]
            log.warning(
                "component %s: starts at %g angstrom, and %s has %g; check %s",
                *(table.name, start, phase.name, own, key),
            )
    return Component(table.name, phase, cell.a_A, table.intensities, None if phase.is_cubic else cell)


def _start_cell(table: ComponentTable, phase: Phase) -> Cell:
    """The phase's cell with what the experiment says of it. Raises UserError for what its symmetry does not leave free,
    and for angles that cannot be."""
    given = {}
    for name, key, field in zip(NAMES, CELL_KEYS, FIELDS, strict=True):
        value = getattr(table, key)
        if value is None:
            continue
        if name not in phase.free:
            raise UserError(
                f"component {table.name}: {key} is fixed by the symmetry of {phase.name} ({phase.space_group}); "
                f"leave it out"
            )
        given[field] = value
    cell = replace(phase.cell, **given)
    cell = with_symmetry(cell, phase.group) if given else cell
    if not cell.is_possible:
        raise UserError(f"component {table.name}: no cell has these angles; fix alpha_deg, beta_deg and gamma_deg")
    return cell


def _spectator(name: str, cif: Path, wavelength_A: float, seen: tuple[float, float]) -> LinePhase:
    phase = read_line_phase(cif, wavelength_A, seen[1], name)
    if not any(two_theta_deg(d_A, wavelength_A) > seen[0] for d_A in phase.d_A):
        raise UserError(
            f"spectator {name}: none of its lines falls on the detector ({seen[0]:.2f} to {seen[1]:.2f} deg); "
            f"check the cell in {cif} and the geometry"
        )
    return phase


def _check_told_apart(components: tuple[Component, ...]) -> None:
    """Raises UserError where neither cell nor structure says which lattice has which name."""
    for first, second in itertools.combinations(components, 2):
        same_cell = all(map(math.isclose, first.cell.numbers, second.cell.numbers))
        if same_cell and first.phase.cif_text == second.phase.cif_text:
            raise UserError(
                f"components {first.name} and {second.name} have one phase and start at one cell, "
                f"{first.lattice_parameter_A:g} angstrom: nothing tells them apart; give each its lattice_parameter_A"
            )


def _check_fitted(component: Component, fit: FitRange, wavelength_A: float, two_theta: NDArray[np.float64]) -> None:
    """Raises UserError where [fit] leaves out all lines of this component, wherever its cell may go."""
    fitted = two_theta[fit.fitted(two_theta)]
    d_min = wavelength_A / (2.0 * math.sin(math.radians(float(two_theta[-1]) / 2.0)))
    for line in reflections(component.phase, d_min, component.cell):
        low, high = (float(two_theta_deg(line.d_A * change, wavelength_A)) for change in (1.0 + REACH, 1.0 - REACH))
        if np.any((fitted >= low) & (fitted <= high)):
            return
    raise UserError(
        f"component {component.name}: [fit] leaves out all of its lines; widen two_theta_deg or leave out less by "
        "exclude_two_theta_deg"
    )


def _reflection(component: Component, wavelength_A: float, seen: tuple[float, float]) -> tuple[int, int, int]:
    """(211), the line of the paper, where the phase has it and the detector sees it; else the strongest seen."""
    d_min = wavelength_A / (2.0 * math.sin(math.radians(seen[1] / 2.0)))
    lines = [
        line
        for line in reflections(component.phase, d_min, component.cell)
        if two_theta_deg(line.d_A, wavelength_A) > seen[0]
    ]
    if not lines:
        raise UserError(
            f"component {component.name}: none of its reflections falls on the detector "
            f"({seen[0]:.2f} to {seen[1]:.2f} deg); check the geometry, the wavelength and lattice_parameter_A"
        )
    strongest = max(lines, key=lambda line: line.multiplicity * line.f_squared)
    return next((line.hkl for line in lines if line.hkl == (2, 1, 1)), strongest.hkl)


def _all_peaks(experiment: Experiment) -> tuple[float, float]:
    """From the lowest angle of all ranges of peaks to the highest."""
    ranges = [peak.two_theta_deg for peak in experiment.peak]
    return min(low for low, _ in ranges), max(high for _, high in ranges)


def _window(reflection: tuple[int, int, int], cells: list[Cell], wavelength_A: float) -> tuple[float, float]:
    """Where this reflection lies for all these cells, with a margin for the width of the lines."""
    angles = [float(two_theta_deg(cell.d_spacing(reflection), wavelength_A)) for cell in cells]
    margin = max(0.25, 0.25 * (max(angles) - min(angles)))
    return min(angles) - margin, max(angles) + margin
