"""The accuracy of a geometry as a file beside its .poni."""

import datetime
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import tomlkit
from pydantic import Field, FiniteFloat

from latticewatch.processing.files.toml_tables import Table, parse_tables, read_toml_text
from latticewatch.processing.flow.accuracy import PPM, Accuracy

SUFFIX = ".accuracy.toml"
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(max_length=255)]


class _File(Table):
    accuracy_ppm: Annotated[FiniteFloat, Field(gt=0.0, le=PPM)]
    calibrant: Name
    frame: Name
    poni: Name
    poni_sha256: Sha256
    orientation: Annotated[int, Field(ge=1, le=4)]
    checked: datetime.date
    rings: Annotated[int, Field(ge=1, le=1000)]


def read_accuracy(path: Path) -> Accuracy:
    """What ``check-geometry --out`` wrote. Raises UserError naming the file, the line and the key."""
    text = read_toml_text(path, "an accuracy file", "[geometry] accuracy")
    found = parse_tables(_File, text, str(path))
    return Accuracy(found.accuracy_ppm, **found.model_dump(exclude={"accuracy_ppm"}))


def accuracy_toml(accuracy: Accuracy) -> str:
    """The accuracy as ``read_accuracy`` reads it."""
    document = tomlkit.document()
    document.add(tomlkit.comment("What a standard said of a geometry (latticewatch check-geometry --out)."))
    values = asdict(accuracy)
    document.update({"accuracy_ppm": round(values.pop("ppm"), 2), **values})
    return tomlkit.dumps(document)
