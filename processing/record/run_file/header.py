"""What a run file says of its run before the first row: set-up, inputs, software."""

import dataclasses
import hashlib
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from latticewatch.processing.config.resolve import Setup
from latticewatch.processing.crystal.phase import parse_phase
from latticewatch.processing.errors import UserError
from latticewatch.processing.files.regular_file import open_regular
from latticewatch.processing.flow.row_fields import Column, Kept, columns_of

LARGEST_BYTES = 2_000_000_000
LARGEST_TEXT_BYTES = 4_000_000
PACKAGES = ("latticewatch", "numpy", "scipy", "numba", "h5py", "pyFAI", "fabio", "gemmi")


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file the run was made with. role: ``poni``, ``experiment``, ``mask``, ``dark``, ``flat``, ``cif``.

    name: without its folder. text: its content, None where it is not text.
    """

    role: str
    name: str
    sha256: str
    text: str | None = None


COMMAND_LINE, EXPERIMENT, FOUND, DEFAULT = "command line", "experiment.toml", "found", "default"


@dataclass(frozen=True, slots=True)
class Decision:
    """One thing that was decided before the first frame. source: one of the four above."""

    name: str
    value: str
    source: str

    def __str__(self) -> str:
        return f"{self.name}: {self.value} ({self.source})"


@dataclass(frozen=True, slots=True)
class RunHeader:
    """Everything that is fixed for a run.

    started_s: clock at its start, seconds since the epoch. header_names: numbers kept of each frame's header.
    decided: what the run was put together from; none in files of 0.1.
    """

    setup: Setup
    experiment_toml: str
    inputs: tuple[InputFile, ...]
    software: Mapping[str, str]
    title: str
    started_s: float
    header_names: tuple[str, ...] = ()
    decided: tuple[Decision, ...] = ()

    @property
    def component_names(self) -> tuple[str, ...]:
        return tuple(component.name for component in self.setup.components)

    @property
    def columns(self) -> tuple[Column, ...]:
        return columns_of(self.kept)

    @property
    def kept(self) -> Kept:
        return dataclasses.replace(self.setup.kept, header_names=self.header_names)


def input_file(role: str, path: Path) -> InputFile:
    """This file with its hash, and its text where it is a text of under 4 MB. Raises UserError."""
    try:
        with open_regular(path) as handle:
            if os.fstat(handle.fileno()).st_size > LARGEST_BYTES:
                raise UserError(f"{path}: larger than any {role}; give another file")
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
            handle.seek(0)
            content = handle.read(LARGEST_TEXT_BYTES + 1)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the {role}") from None
    return InputFile(role, path.name, digest, _as_text(content) if len(content) <= LARGEST_TEXT_BYTES else None)


def software_versions() -> dict[str, str]:
    """Name to version of what computes the numbers, this machine's Python and system included."""
    versions = {"python": platform.python_version(), "system": f"{sys.platform} {platform.machine()}"}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "unknown"
    return versions


def header_to_json(header: RunHeader) -> str:
    """The header as JSON; floats come back bit for bit."""
    return TypeAdapter(RunHeader).dump_json(header).decode()


def header_from_json(text: str | bytes, where: str) -> RunHeader:
    """The header in this JSON. Its phases are parsed anew from their CIF text, as any CIF would be.

    Raises UserError naming ``where`` if it is not the header of a run.
    """
    try:
        header = TypeAdapter(RunHeader).validate_json(text)
    except ValidationError as error:
        key = ".".join(str(part) for part in error.errors()[0]["loc"]) or "all of it"
        raise UserError(f"{where}: the run's header is damaged ({key}); give an intact run file") from None
    return dataclasses.replace(header, setup=with_parsed_phases(header.setup, where))


def with_parsed_phases(setup: Setup, where: str) -> Setup:
    """The set-up with its phases parsed anew from their CIF text, as any CIF would be. Raises UserError."""
    components = tuple(
        dataclasses.replace(component, phase=parse_phase(component.phase.cif_text, component.phase.name, where))
        for component in setup.components
    )
    if not components and not setup.peaks:
        raise UserError(f"{where}: the run's header names neither component nor peak; give an intact run file")
    return dataclasses.replace(setup, components=components)


def _as_text(content: bytes) -> str | None:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text
