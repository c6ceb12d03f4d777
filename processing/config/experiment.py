"""experiment.toml: what the user says of the experiment, checked key by key."""

import math
import re
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, FiniteFloat, field_validator, model_validator

from latticewatch.processing.config.frame_selection import FrameSelection
from latticewatch.processing.files.toml_tables import Table, parse_tables, read_toml_text
from latticewatch.processing.flow.fit import Intensities
from latticewatch.processing.flow.row_fields import Crystal, Kept, columns_of

MOST_SAMPLES, MOST_PEAKS = 4, 24
SHORTEST_A, LONGEST_A = 1.0, 100.0  # cell edges
LONGEST_SCAN_S = 1e6
# What changes the start cell, in the order of crystal.cell.NAMES.
CELL_KEYS = ("lattice_parameter_A", "b_A", "c_A", "alpha_deg", "beta_deg", "gamma_deg")
# What a crystal system leaves free; the columns of all others are among those of these two.
CUBIC, TRICLINIC = ("a",), ("a", "b", "c", "alpha", "beta", "gamma")


def _ascending(value: tuple[float, float]) -> tuple[float, float]:
    if not 0.0 <= value[0] < value[1] <= 180.0:
        raise ValueError("needs two angles in ascending order between 0 and 180 degrees")
    return value


def _cell_edge(value: float) -> float:
    if not SHORTEST_A <= value <= LONGEST_A:
        units = {"nanometres": 10.0, "picometres": 0.01}
        like = [unit for unit, in_A in units.items() if SHORTEST_A <= value * in_A <= LONGEST_A]
        hint = f" (this looks like {like[0]})" if like else ""
        raise ValueError(f"{value:g} is no cell edge in angstrom, {SHORTEST_A:g} to {LONGEST_A:g}{hint}; fix it")
    return value


def _scan_time(value: float) -> float:
    if abs(value) > LONGEST_SCAN_S:
        days = abs(value) / 86_400.0
        raise ValueError(f"{value:g} s are {days:.0f} days; give seconds from the first frame, or leave the key out")
    return value


def _as_list(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _for_columns(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_]+", value):
        raise ValueError("takes letters, digits and _ only: it names columns")
    return value


CellEdge = Annotated[FiniteFloat, AfterValidator(_cell_edge)]
CellAngle = Annotated[FiniteFloat, Field(gt=20.0, lt=160.0)]
Watched = Annotated[str, Field(max_length=80)]
AngleRange = Annotated[tuple[FiniteFloat, FiniteFloat], AfterValidator(_ascending)]


class About(Table):
    """[experiment]: free text and the times that the data may not tell."""

    title: str = ""
    mixing_time_s: Annotated[FiniteFloat, AfterValidator(_scan_time)] | None = None
    frame_period_s: Annotated[FiniteFloat, Field(gt=0.0), AfterValidator(_scan_time)] | None = None


class GeometryTable(Table):
    """[geometry]: files (relative to experiment.toml) and corrections; what is left out is found or default.

    wavelength_A: the frames are patterns that were integrated elsewhere.
    """

    poni: Path | None = None
    mask: Path | None = None
    mask_nonzero: Literal["bad", "good"] | None = None
    mask_orientation: Annotated[int, Field(ge=1, le=4)] | None = None
    dark: Path | None = None
    flat: Path | None = None
    background: Path | None = None
    accuracy: Path | None = None
    orientation: Annotated[int, Field(ge=1, le=4)] | None = None
    polarization: Annotated[FiniteFloat, Field(ge=-1.0, le=1.0)] = 0.99
    bins: Annotated[int, Field(ge=10, le=100_000)] | None = None
    normalise_by: str | None = None
    wavelength_A: Annotated[FiniteFloat, Field(ge=0.05, le=20.0)] | None = None

    @model_validator(mode="after")
    def _of_patterns(self) -> Self:
        if self.wavelength_A is None:
            return self
        given = [key for key in ("poni", "mask", "dark", "flat", "accuracy", "orientation", "bins", "normalise_by")
                 if getattr(self, key) is not None]  # fmt: skip
        if given:
            raise ValueError(
                f"wavelength_A says that frames are patterns, for which {given[0]} means nothing; leave one of them out"
            )
        return self


class IntegrationTable(Table):
    """[integration]: robust: whether what stands out of its ring in one frame (spots, zingers) is left out."""

    robust: Literal["auto", "on", "off"] = "auto"


class MapTable(Table):
    """[map]: the 2θ range that is drawn and the reflection it belongs to."""

    two_theta_deg: AngleRange | None = None
    reflection: tuple[int, int, int] | None = None

    @field_validator("reflection")
    @classmethod
    def _not_the_beam(cls, value: tuple[int, int, int] | None) -> tuple[int, int, int] | None:
        if value == (0, 0, 0):
            raise ValueError("(0, 0, 0) is no reflection")
        return value


class ComponentTable(Table):
    """[[component]]: one lattice of the sample."""

    name: Annotated[str, Field(max_length=32), AfterValidator(_for_columns)]
    phase: str | None = None
    cif: Path | None = None
    lattice_parameter_A: CellEdge | None = None
    b_A: CellEdge | None = None
    c_A: CellEdge | None = None
    alpha_deg: CellAngle | None = None
    beta_deg: CellAngle | None = None
    gamma_deg: CellAngle | None = None
    role: Literal["sample", "spectator", "standard"] = "sample"
    weight_fraction: Annotated[FiniteFloat, Field(gt=0.0, lt=1.0)] | None = None
    intensities: Intensities = "auto"

    @model_validator(mode="after")
    def _one_phase(self) -> Self:
        if (self.phase is None) == (self.cif is None):
            raise ValueError('needs either phase = "CsPbBr3" (shipped) or cif = "file.cif"')
        return self

    @model_validator(mode="after")
    def _what_a_role_needs(self) -> Self:
        if self.role == "spectator" and self.cif is None:
            raise ValueError('a spectator needs cif = "file.cif"')
        if self.weight_fraction is not None and self.role != "standard":
            raise ValueError('weight_fraction is that of a standard (role = "standard") in what was mixed')
        given = [key for key in CELL_KEYS if getattr(self, key) is not None]
        if self.role == "spectator" and given:
            raise ValueError(f"a spectator has the cell of its CIF; leave {given[0]} out")
        return self


class PeakTable(Table):
    """[[peak]]: a peak that is followed without a structure, somewhere between these two angles."""

    name: Annotated[str, Field(max_length=32), AfterValidator(_for_columns)]
    two_theta_deg: AngleRange


class CompositionTable(Table):
    """[composition]: Vegard's rule between these two cells, known to ± their esd."""

    first_A: CellEdge
    second_A: CellEdge
    bowing_A: FiniteFloat = 0.0
    first_esd_A: Annotated[FiniteFloat, Field(ge=0.0)] = 0.0
    second_esd_A: Annotated[FiniteFloat, Field(ge=0.0)] = 0.0

    @model_validator(mode="after")
    def _two_cells(self) -> Self:
        if math.isclose(self.first_A, self.second_A):
            raise ValueError("first_A and second_A are the same cell: no scale between them")
        return self


class SourceTable(FrameSelection):
    """[source]: which files are frames, and header values that are kept of each frame.

    header: left out: those of the first image that are numbers.
    """

    header: Annotated[tuple[str, ...], Field(max_length=16)] | None = None


class PlateauTable(Table):
    """[plateau]: tolerance is the share of the total change that "complete" may leave. end: whether the lattices of
    two components are to become one; left out: they are where both have one space group.
    """

    tolerance: Annotated[FiniteFloat, Field(gt=0.0, le=0.5)] = 0.03
    end: Literal["merge", "apart"] | None = None


class WatchTable(Table):
    """[watch]: the quantities that the verdict watches; the first one leads. Left out: as the components suggest."""

    quantity: Annotated[tuple[Watched, ...], BeforeValidator(_as_list), Field(min_length=1, max_length=6)] | None = None


class SectorsTable(Table):
    """[sectors]: azimuthal sectors whose cells are fitted too: count, all alike, or edges, azimuths in degrees."""

    count: Annotated[int, Field(ge=3, le=36)] | None = None
    edges: Annotated[tuple[FiniteFloat, ...], Field(min_length=4, max_length=37)] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.count is not None and self.edges is not None:
            raise ValueError("takes count or edges, not both")
        edges = self.edges or (0.0, 360.0)
        if any(after <= before for before, after in pairwise(edges)) or edges[-1] - edges[0] > 360.0:
            raise ValueError("edges are azimuths in ascending order, 360 degrees at most from the first to the last")
        return self


class FitTable(Table):
    """[fit]: which angles are fitted."""

    two_theta_deg: AngleRange | None = None
    exclude_two_theta_deg: Annotated[tuple[AngleRange, ...], Field(max_length=100)] = ()


class PhasesTable(Table):
    """[phases]: library is a folder of CIFs that lines of no component are named by."""

    library: Path | None = None


class AlarmTable(Table):
    """[alarm]: a command run (without a shell) when the state changes; the state is its last argument."""

    on_state: Annotated[tuple[str, ...], Field(min_length=1)] | None = None


class Experiment(Table):
    """One experiment.toml."""

    experiment: About = About()
    geometry: GeometryTable = GeometryTable()
    integration: IntegrationTable = IntegrationTable()
    map: MapTable = MapTable()
    source: SourceTable = SourceTable()
    component: Annotated[tuple[ComponentTable, ...], Field(max_length=12)] = ()
    composition: CompositionTable | None = None
    plateau: PlateauTable = PlateauTable()
    watch: WatchTable = WatchTable()
    sectors: SectorsTable = SectorsTable()
    alarm: AlarmTable = AlarmTable()
    fit: FitTable = FitTable()
    phases: PhasesTable = PhasesTable()
    peak: Annotated[tuple[PeakTable, ...], Field(max_length=MOST_PEAKS)] = ()

    @model_validator(mode="after")
    def _something_to_follow(self) -> Self:
        if not self.component and not self.peak:
            raise ValueError("needs a [[component]], or a [[peak]] where there is no structure; add one")
        if not self.component and self.composition is not None:
            raise ValueError("[composition] is that of a [[component]], and there is none; add it, or leave this out")
        if self.geometry.wavelength_A is not None and self.sectors != SectorsTable():
            raise ValueError("wavelength_A says that frames are patterns, which have no [sectors]; leave one out")
        return self

    @field_validator("peak")
    @classmethod
    def _distinct_peaks(cls, value: tuple[PeakTable, ...]) -> tuple[PeakTable, ...]:
        names = [peak.name for peak in value]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f'two peaks are called "{name}"')
        return value

    @field_validator("component")
    @classmethod
    def _distinct(cls, value: tuple[ComponentTable, ...]) -> tuple[ComponentTable, ...]:
        samples = sum(component.role == "sample" for component in value)
        if not value:
            return value
        if not 1 <= samples <= MOST_SAMPLES:
            raise ValueError(f"{samples} components of the sample; one to {MOST_SAMPLES} are needed")
        if sum(component.role == "standard" for component in value) > 1:
            raise ValueError("two components are the standard; one is the most")
        names = [component.name for component in value]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f'two components are called "{name}"')
        for free in (CUBIC, TRICLINIC):
            kept = Kept(tuple(Crystal(name, free) for name in names), composition=True)
            paths = [column.path.partition("/")[2] for column in columns_of(kept)]
            for path in paths:
                if paths.count(path) > 1:
                    raise ValueError(f'the column "{path}" would be there twice; rename the component')
        return value


def read_experiment(path: Path) -> tuple[Experiment, str]:
    """The experiment of this file and its text. Raises UserError naming the file, the line and the key."""
    text = read_toml_text(path, "an experiment file", "--experiment")
    return parse_experiment(text, str(path)), text


def parse_experiment(text: str, where: str) -> Experiment:
    """The experiment in this TOML text; ``where`` names it in errors. Raises UserError."""
    return parse_tables(Experiment, text, where)
