"""experiment.toml: what the user says of the experiment, checked key by key."""

import difflib
import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    ValidationError,
    field_validator,
    model_validator,
)

from latticewatch.processing.errors import UserError

LARGEST_BYTES = 1_000_000
CellEdge = Annotated[FiniteFloat, Field(ge=1.0, le=100.0)]
Key = str | int


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class About(_Table):
    """[experiment]: free text and the times that the data may not tell."""

    title: str = ""
    mixing_time_s: FiniteFloat | None = None
    frame_period_s: Annotated[FiniteFloat, Field(gt=0.0)] | None = None


class GeometryTable(_Table):
    """[geometry]: files (relative to experiment.toml) and corrections; what is left out is found or default."""

    poni: Path | None = None
    mask: Path | None = None
    dark: Path | None = None
    flat: Path | None = None
    orientation: Annotated[int, Field(ge=1, le=4)] | None = None
    polarization: Annotated[FiniteFloat, Field(ge=-1.0, le=1.0)] = 0.99
    bins: Annotated[int, Field(ge=10, le=100_000)] | None = None
    normalise_by: str | None = None


class MapTable(_Table):
    """[map]: the 2θ range that is drawn and the reflection it belongs to."""

    two_theta_deg: tuple[FiniteFloat, FiniteFloat] | None = None
    reflection: tuple[int, int, int] | None = None

    @field_validator("two_theta_deg")
    @classmethod
    def _ascending(cls, value: tuple[float, float] | None) -> tuple[float, float] | None:
        if value is not None and not 0.0 <= value[0] < value[1] <= 180.0:
            raise ValueError("needs two angles in ascending order between 0 and 180 degrees")
        return value

    @field_validator("reflection")
    @classmethod
    def _not_the_beam(cls, value: tuple[int, int, int] | None) -> tuple[int, int, int] | None:
        if value == (0, 0, 0):
            raise ValueError("(0, 0, 0) is no reflection")
        return value


class ComponentTable(_Table):
    """[[component]]: one lattice of the sample."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$", max_length=32)]
    phase: str | None = None
    cif: Path | None = None
    lattice_parameter_A: CellEdge | None = None

    @model_validator(mode="after")
    def _one_phase(self) -> Self:
        if (self.phase is None) == (self.cif is None):
            raise ValueError('needs either phase = "CsPbBr3" (shipped) or cif = "file.cif"')
        return self


class CompositionTable(_Table):
    """[composition]: Vegard's rule between these two cells."""

    first_A: CellEdge
    second_A: CellEdge
    bowing_A: FiniteFloat = 0.0

    @model_validator(mode="after")
    def _two_cells(self) -> Self:
        if math.isclose(self.first_A, self.second_A):
            raise ValueError("first_A and second_A are the same cell: no scale between them")
        return self


class PlateauTable(_Table):
    """[plateau]: tolerance is the share of the total change that "complete" may leave."""

    tolerance: Annotated[FiniteFloat, Field(gt=0.0, le=0.5)] = 0.03


class AlarmTable(_Table):
    """[alarm]: a command run (without a shell) when the state changes; the state is its last argument."""

    on_state: Annotated[tuple[str, ...], Field(min_length=1)] | None = None


class Experiment(_Table):
    """One experiment.toml."""

    experiment: About = About()
    geometry: GeometryTable = GeometryTable()
    map: MapTable = MapTable()
    component: Annotated[tuple[ComponentTable, ...], Field(min_length=1, max_length=4)]
    composition: CompositionTable | None = None
    plateau: PlateauTable = PlateauTable()
    alarm: AlarmTable = AlarmTable()

    @field_validator("component")
    @classmethod
    def _distinct(cls, value: tuple[ComponentTable, ...]) -> tuple[ComponentTable, ...]:
        names = [component.name for component in value]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f'two components are called "{name}"')
        return value


def read_experiment(path: Path) -> tuple[Experiment, str]:
    """The experiment of this file and its text. Raises UserError naming the file, the line and the key."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise UserError(f"{path}: too large for an experiment file; give a TOML file of under 1 MB")
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{path}: not a text file; give a TOML file in UTF-8") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check --experiment") from None
    return parse_experiment(text, str(path)), text


def parse_experiment(text: str, where: str) -> Experiment:
    """The experiment in this TOML text; ``where`` names it in errors. Raises UserError."""
    try:
        return Experiment.model_validate(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UserError(f"{where}: not valid TOML: {error or 'nested too deeply'}; mend that line") from None
    except ValidationError as error:
        raise UserError(_explain(error, text, where)) from None


def _explain(error: ValidationError, text: str, where: str) -> str:
    first = error.errors(include_url=False)[0]
    keys = first["loc"]
    line = _line_of(text, keys)
    place = f"{where}, line {line}" if line else where
    name = _spelled(keys)
    if first["type"] == "extra_forbidden":
        known = list(_known_keys(keys))
        near = difflib.get_close_matches(str(keys[-1]), known, n=1, cutoff=0.0)
        return f"{place}: unknown key {name}; the nearest known key is {near[0]} (of {', '.join(known)})"
    if first["type"] == "missing":
        return f"{place}: {name} is missing; add it"
    reason = first["msg"].removeprefix("Value error, ")
    return f"{place}: {name}: {reason[:1].lower()}{reason[1:]}"


def _spelled(keys: tuple[Key, ...]) -> str:
    words = [f"[{key + 1}]" if isinstance(key, int) else f".{key}" for key in keys]
    return ascii("".join(words).lstrip(".") or "the experiment").strip("'\"")


def _known_keys(keys: tuple[Key, ...]) -> Iterator[str]:
    tables: Mapping[str, Any] = {name: field.annotation for name, field in Experiment.model_fields.items()}
    if len(keys) < 2:
        yield from tables
        return
    model = ComponentTable if keys[0] == "component" else tables[str(keys[0])]
    if keys[0] == "composition":
        model = CompositionTable
    yield from model.model_fields


def _line_of(text: str, keys: tuple[Key, ...]) -> int | None:
    """The line on which the table of these keys begins, or the key itself where it is written out."""
    named = [key for key in keys if isinstance(key, str)]
    numbers = [key for key in keys if isinstance(key, int)]
    if not named:
        return None
    seen, found, inside = -1, None, len(named) == 1
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[{1,2}\s*([^\]]+?)\s*\]{1,2}", line)
        if header:
            seen += header[1] == named[0]
            inside = header[1] == named[0] and seen == (numbers[0] if numbers else 0)
            found = number if inside and found is None else found
        elif inside and len(named) > 1 and re.match(rf"\s*[\"']?{re.escape(named[1])}[\"']?\s*[=.]", line):
            return number
        elif found is None and re.match(rf"\s*{re.escape(named[0])}\s*[=.]", line):
            found = number
    return found
