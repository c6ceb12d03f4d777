"""Crystalline phases of any system: read from CIF, shipped or the user's."""

import difflib
import logging
import math
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

import gemmi

from latticewatch.processing.crystal.cell import Cell, cubic_cell, fits_symmetry, free_parameters, with_symmetry
from latticewatch.processing.crystal.cif import SYMBOL, blocks_of, check_places, structure_of_block
from latticewatch.processing.errors import UserError
from latticewatch.processing.files.regular_file import TooLargeError, read_regular_text

log = logging.getLogger(__name__)

LARGEST_BYTES = 4_000_000
SHORTEST_A, LONGEST_A = 1.0, 100.0


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase.

    lattice_parameter_A: the edge a in Å as the CIF has it. space_group: Hermann-Mauguin symbol; of a rhombohedral
    group with the axes that it is written in (:H or :R). cif_text: the block it was read from, so that a run file
    stands alone. free: edges and angles that its symmetry leaves free, of ``a``, ``b``, ``c``, ``alpha``, ``beta``,
    ``gamma``. axes: the whole cell, None for a cubic one.
    """

    name: str
    lattice_parameter_A: float
    space_group: str
    cif_text: str = field(repr=False)
    free: tuple[str, ...] = ("a",)
    axes: Cell | None = None

    @property
    def is_cubic(self) -> bool:
        return self.free == ("a",)

    @property
    def cell(self) -> Cell:
        """The cell as the CIF has it."""
        return self.axes or cubic_cell(self.lattice_parameter_A)

    @property
    def group(self) -> gemmi.SpaceGroup:
        return gemmi.SpaceGroup(self.space_group)


def shipped_phases() -> tuple[str, ...]:
    """Names of the phases that come with the program, in alphabetical order."""
    folder = resources.files("latticewatch.resources") / "phases"
    return tuple(sorted(entry.name.removesuffix(".cif") for entry in folder.iterdir() if entry.name.endswith(".cif")))


def read_phase(source: str | Path) -> Phase:
    """The shipped phase of this name, or the phase of this CIF file.

    A string without a folder and without ``.cif`` is a name. Raises UserError for an unknown name, and for a
    file that is missing, too large, not a CIF, or that has no cell or no symmetry that can be.
    """
    if isinstance(source, str) and not ("/" in source or "\\" in source or source.lower().endswith(".cif")):
        return _shipped(source)
    path = Path(source)
    try:
        text = read_regular_text(path, LARGEST_BYTES, "replace")
    except TooLargeError:
        raise _too_large(str(path)) from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check cif in experiment.toml") from None
    return parse_phase(text, path.stem, str(path))


def parse_phase(cif_text: str, name: str, where: str = "") -> Phase:
    """The first block of this CIF text that has a cell and atoms; ``where`` names the file in errors.

    Raises UserError where there is none, where its symmetry is not known, or its cell is not of that symmetry.
    """
    where = where or f"CIF of {name}"
    block, several = _block(cif_text, where)
    structure = structure_of_block(block, where)
    group = structure.spacegroup
    if group is None:
        raise UserError(f"{where}: no space group that is known; add {SYMBOL} to the CIF")
    cell = _cell(structure.cell, group, where)
    _check_atoms(structure, where)
    if group.number == 1:
        log.warning("%s: written in P 1 and no symmetry is found in its atoms; all six of its cell are free", where)
    text = _text_of(block) if several else cif_text
    symbol = f"{group.hm}:{group.ext}" if group.ext in ("H", "R") else group.hm
    free = free_parameters(group)
    return Phase(name, cell.a_A, symbol, text, free, None if free == ("a",) else cell)


def structure_of(phase: Phase, cell: Cell | float | None = None) -> gemmi.SmallStructure:
    """The atoms of a phase, with the cell replaced where one is given; the edge (Å) alone for a cubic phase.

    Occupancies are crystallographic: an atom on a special position counts once, as structure factors need it.
    """
    where = f"CIF of {phase.name}"
    structure = structure_of_block(_block(phase.cif_text, where)[0], where)
    cell = cubic_cell(cell) if isinstance(cell, float) else cell or phase.cell
    structure.cell.set(*cell.numbers)
    structure.setup_cell_images()
    structure.change_occupancies_to_crystallographic()
    return structure


def _shipped(name: str) -> Phase:
    known = shipped_phases()
    if name not in known:
        by_lower = {one.lower(): one for one in known}
        near = [by_lower[one] for one in difflib.get_close_matches(name.lower(), by_lower, n=2, cutoff=0.5)]
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise UserError(f'no shipped phase {name!a}; {hint}shipped are {", ".join(known)}; or give cif = "file.cif"')
    entry = resources.files("latticewatch.resources") / "phases" / f"{name}.cif"
    return parse_phase(entry.read_text(encoding="utf-8"), name, f"{name}.cif")


def _block(cif_text: str, where: str) -> tuple[gemmi.cif.Block, bool]:
    """The first block with a cell and atoms (else with a cell), and whether there are others."""
    if len(cif_text) > LARGEST_BYTES:
        raise _too_large(where)
    blocks = blocks_of(cif_text, where)
    with_cell = [block for block in blocks if block.find_value("_cell_length_a")]
    if not with_cell:
        raise UserError(f"{where}: no cell (_cell_length_a) in it; give a CIF with cell and atoms")
    complete = [block for block in with_cell if block.find_values("_atom_site_fract_x")]
    if not math.isfinite(gemmi.cif.as_number(with_cell[0].find_value("_cell_length_a"))):
        raise UserError(f"{where}: _cell_length_a is not a number; fix it")
    if not complete:
        raise UserError(f"{where}: no atoms (_atom_site_fract_x) in it; give a CIF with cell and atoms")
    if len(blocks) > 1:
        log.warning("%s: %d data blocks; the structure is taken from data_%s", where, len(blocks), complete[0].name)
    return complete[0], len(blocks) > 1


def _too_large(where: str) -> UserError:
    return UserError(f"{where}: too large for a CIF (over {LARGEST_BYTES // 1_000_000} MB); give the structure alone")


def _cell(cell: gemmi.UnitCell, group: gemmi.SpaceGroup, where: str) -> Cell:
    """The cell of a structure, exactly of its symmetry. Raises UserError where it cannot be, or is not of it."""
    found = Cell(cell.a, cell.b, cell.c, cell.alpha, cell.beta, cell.gamma)
    for axis, edge in zip("abc", found.numbers, strict=False):
        if not (math.isfinite(edge) and SHORTEST_A <= edge <= LONGEST_A):
            raise UserError(f"{where}: cell edge {edge:g} is not between 1 and 100 angstrom; fix _cell_length_{axis}")
    if not (found.is_possible and fits_symmetry(found, group)):
        raise UserError(
            f"{where}: cell {cell.a:g} {cell.b:g} {cell.c:g} angstrom, {cell.alpha:g} {cell.beta:g} {cell.gamma:g} deg "
            f"does not fit a {group.crystal_system_str()} space group ({group.hm}); fix the CIF"
        )
    return with_symmetry(found, group)


def _check_atoms(structure: gemmi.SmallStructure, where: str) -> None:
    for site in structure.sites:
        if site.element.atomic_number == 0:
            raise UserError(f"{where}: atom {site.label!a} is of no known element; fix _atom_site_type_symbol")
    check_places(structure, where)
    if not any(site.occ > 0.0 for site in structure.sites):
        raise UserError(f"{where}: no atoms with positions in it; give a CIF with cell and atoms")


def _text_of(block: gemmi.cif.Block) -> str:
    document = gemmi.cif.Document()
    document.add_copied_block(block)
    return document.as_string()
