"""Phases of any crystal system that are known by their lines alone: spectators, and what foreign lines are named by."""

import math
from dataclasses import dataclass
from pathlib import Path

import gemmi

from latticewatch.processing.crystal.cif import blocks_of, check_number_of_planes, check_places, structure_of_block
from latticewatch.processing.errors import UserError
from latticewatch.processing.files.regular_file import TooLargeError, read_regular_text

LARGEST_BYTES = 4_000_000
MOST_LINES = 60
MOST_FILES = 500
# Lines this close in d are one line of a powder.
SAME_D = 2e-4
# Weaker lines, as a share of the strongest, are left out.
NEGLIGIBLE = 1e-3


@dataclass(frozen=True, slots=True)
class LinePhase:
    """d_A: plane distances in Å, descending. intensity: of each line over the strongest's, without polarization."""

    name: str
    d_A: tuple[float, ...]
    intensity: tuple[float, ...]


def read_line_phase(path: Path, wavelength_A: float, highest_deg: float, name: str = "") -> LinePhase:
    """The lines up to this 2θ of the first structure in a CIF, of any crystal system, also written in P 1.

    Raises UserError where the file cannot be read, has no cell, no atoms, an atom that cannot be, or too many lines.
    """
    try:
        text = read_regular_text(path, LARGEST_BYTES, "replace")
    except TooLargeError:
        raise UserError(f"{path}: too large for a CIF (over {LARGEST_BYTES // 1_000_000} MB)") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check cif in experiment.toml") from None
    blocks = [block for block in blocks_of(text, str(path)) if block.find_value("_cell_length_a")]
    structures = [structure_of_block(block, str(path)) for block in blocks]
    usable = [structure for structure in structures if structure.sites and structure.cell.volume > 1.0]
    if not usable:
        raise UserError(f"{path}: no cell with atoms in it; give a CIF with cell and atoms")
    check_places(usable[0], str(path))
    structure, d_min = usable[0], wavelength_A / (2.0 * math.sin(math.radians(highest_deg / 2.0)))
    group = structure.spacegroup or gemmi.SpaceGroup("P 1")
    check_number_of_planes(structure.cell.volume, group, d_min, str(path))
    return _phase(structure, group, name or path.stem, wavelength_A, d_min)


def read_library(folder: Path, wavelength_A: float, highest_deg: float) -> tuple[LinePhase, ...]:
    """Every CIF of a folder, in the order of their names. Raises UserError where one cannot be used."""
    files = sorted(folder.glob("*.cif")) if folder.is_dir() else []
    if not files:
        raise UserError(f"{folder}: no CIF files in it; give a folder of CIFs as [phases] library")
    if len(files) > MOST_FILES:
        raise UserError(f"{folder}: {len(files)} CIF files, more than {MOST_FILES}; give a folder with fewer")
    return tuple(read_line_phase(path, wavelength_A, highest_deg) for path in files)


def _phase(
    structure: gemmi.SmallStructure, group: gemmi.SpaceGroup, name: str, wavelength_A: float, d_min: float
) -> LinePhase:
    structure.setup_cell_images()
    structure.change_occupancies_to_crystallographic()
    operations = group.operations()
    calculator = gemmi.StructureFactorCalculatorX(structure.cell)
    found: list[tuple[float, float]] = []
    for plane in gemmi.make_miller_array(structure.cell, group, d_min).tolist():
        if operations.is_systematically_absent(plane):
            continue
        d = structure.cell.calculate_d(plane)
        sine = wavelength_A / (2.0 * d)
        squared = abs(complex(calculator.calculate_sf_from_small_structure(structure, plane))) ** 2
        found.append((d, _multiplicity(operations, plane) * squared / (sine * math.sin(2.0 * math.asin(sine)))))
    return _merged(name, sorted(found, reverse=True))


def _multiplicity(operations: gemmi.GroupOps, plane: list[int]) -> int:
    images = {tuple(operation.apply_to_hkl(plane)) for operation in operations.sym_ops}
    return len(images | {tuple(-index for index in image) for image in images})


def _merged(name: str, found: list[tuple[float, float]]) -> LinePhase:
    lines: list[tuple[float, float]] = []
    for d, intensity in found:
        if lines and lines[-1][0] - d < SAME_D * d:
            lines[-1] = lines[-1][0], lines[-1][1] + intensity
        else:
            lines.append((d, intensity))
    strongest = max((intensity for _, intensity in lines), default=1.0)
    clear = [(d, intensity / strongest) for d, intensity in lines if intensity > NEGLIGIBLE * strongest]
    kept = sorted(sorted(clear, key=lambda line: -line[1])[:MOST_LINES], reverse=True)
    return LinePhase(name, tuple(d for d, _ in kept), tuple(intensity for _, intensity in kept))
