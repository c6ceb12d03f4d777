"""Structures in CIFs as other programs write them: what is spelled in their own way is understood, what they leave out
is completed where the symmetry says it, and asked about where it does not."""

import math
import re
import warnings
from collections import defaultdict

import gemmi
import numpy as np

from latticewatch.processing.errors import UserError

SYMBOL = "_space_group_name_H-M_alt"
# How the ICSD marks the first (S) and the second origin (Z) of a space group; S also where there is one alone.
ICSD_ORIGIN = re.compile(r"\s*([SZ])$")
ORIGIN_OF_SUFFIX = {"S": "1", "Z": "2"}
EDGES, ANGLES = ("_cell_length_a", "_cell_length_b", "_cell_length_c"), ("alpha", "beta", "gamma")
# Which edges are those of a, by crystal system.
AS_A = {"cubic": (1, 2), "tetragonal": (1,), "hexagonal": (1,), "trigonal": (1,)}
# Atoms written in P 1 are those of a higher symmetry where they lie this near to its places, in Å.
SYMMETRIC_A = 0.01
ELEMENT_AND_COUNT = re.compile(r"([A-Z][a-z]?)([0-9.]*)")
SAME_COUNT = 0.02
FULL = 1.05  # refined occupancies may be a little above 1
# Of a phase, without those that its symmetry makes alike: more are no pattern that can be told apart, and take minutes.
MOST_PLANES = 30_000


def blocks_of(cif_text: str, where: str) -> list[gemmi.cif.Block]:
    """The data blocks of a CIF. Raises UserError where the text is none; where: the file it names."""
    # CIF 1.1 has no letters beyond ASCII; where they stand all the same (names, titles) nothing is read.
    text = cif_text.encode("ascii", "replace").decode("ascii")
    try:
        return list(gemmi.cif.read_string(text))
    except (ValueError, RuntimeError) as error:
        raise UserError(
            f"{where}: not a CIF ({' '.join(str(error).split())[:200]}); give a CIF with cell and atoms"
        ) from None


def structure_of_block(block: gemmi.cif.Block, where: str) -> gemmi.SmallStructure:
    """Cell, space group and atoms of a block. A full cell written in P 1 gets the symmetry that its atoms have; the
    space group is None where it is not known.

    The group is taken from the operations, the Hall symbol, the Hermann-Mauguin symbol and the number, in that order.
    Raises UserError where the symbol leaves the origin open and the formula does not decide, where a cell lacks edges
    or angles, and where none has those of this one.
    """
    try:
        structure = gemmi.make_small_structure_from_block(block)
    except (ValueError, RuntimeError) as error:  # an angle of 0
        why = " ".join(str(error).split())
        raise UserError(f"{where}: no structure can be made of it ({why}); fix the CIF") from None
    structure.determine_and_set_spacegroup("SH")
    group: gemmi.SpaceGroup | None = structure.spacegroup or _group_by_name(structure, block, where)
    structure.spacegroup = group
    _complete_cell(structure, block, where)
    return _with_its_symmetry(structure) if group is not None and group.number == 1 else structure


def _group_by_name(structure: gemmi.SmallStructure, block: gemmi.cif.Block, where: str) -> gemmi.SpaceGroup | None:
    symbol = " ".join(structure.spacegroup_hm.split())
    marked = ICSD_ORIGIN.search(symbol)
    stem = symbol[: marked.start()] if marked else symbol
    origin = ORIGIN_OF_SUFFIX[marked[1]] if marked else _value(block, "_space_group_IT_coordinate_system_code")
    if origin and ":" not in stem:
        with_origin = gemmi.find_spacegroup_by_name(f"{stem}:{origin}")
        if with_origin is not None:
            return with_origin
    group = gemmi.find_spacegroup_by_name(stem) if stem else None
    if group is None and structure.spacegroup_number:
        group = gemmi.find_spacegroup_by_number(structure.spacegroup_number)
    if group is None or ":" in stem or group.ext not in ("1", "2"):
        return group
    return _by_formula(structure, block, group.hm, where)


def _by_formula(structure: gemmi.SmallStructure, block: gemmi.cif.Block, symbol: str, where: str) -> gemmi.SpaceGroup:
    """Of a group's two origins the one that gives the cell the atoms of its formula."""
    formula = _value(block, "_chemical_formula_sum").strip("'\"")
    units = gemmi.cif.as_number(_value(block, "_cell_formula_units_Z") or "?")
    wanted = {name: units * gemmi.cif.as_number(count or "1") for name, count in ELEMENT_AND_COUNT.findall(formula)}
    fitting = []
    for origin in "12":
        group = gemmi.SpaceGroup(f"{symbol}:{origin}")
        structure.spacegroup = group
        structure.setup_cell_images()
        there: dict[str, float] = defaultdict(float)
        for site in structure.get_all_unit_cell_sites():
            there[site.element.name] += site.occ
        if there.keys() == wanted.keys() and all(
            math.isclose(there[name], count, rel_tol=SAME_COUNT) for name, count in wanted.items()
        ):
            fitting.append(group)
    if len(fitting) == 1:
        return fitting[0]
    raise UserError(
        f"{where}: {symbol} has two origins and the CIF does not say which; write '{symbol}:1' or, with the origin "
        f"at the centre of symmetry, '{symbol}:2' as {SYMBOL}"
    )


def _complete_cell(structure: gemmi.SmallStructure, block: gemmi.cif.Block, where: str) -> None:
    """Edges and angles that are left out, where the crystal system says them."""
    group = structure.spacegroup
    system = "" if group is None or group.ext == "R" else group.crystal_system_str()
    edges = [_number(block, tag) for tag in EDGES]
    for at in AS_A.get(system, ()):
        if math.isnan(edges[at]):
            edges[at] = edges[0]
    right = system in ("cubic", "tetragonal", "orthorhombic")
    usual = (90.0, 90.0, 90.0 if right else 120.0) if right or system in ("hexagonal", "trigonal") else (math.nan,) * 3
    angles = [_number(block, f"_cell_angle_{name}") for name in ANGLES]
    angles = [there if math.isnan(angle) else angle for angle, there in zip(angles, usual, strict=True)]
    for value, tag in zip((*edges, *angles), (*EDGES, *(f"_cell_angle_{name}" for name in ANGLES)), strict=True):
        if math.isnan(value):
            raise UserError(f"{where}: {tag} is missing or not a number; fix it")
    # gemmi keeps another cell where an angle is 0, and takes the sine of any number.
    if not _make_a_corner(angles):
        told = " ".join(f"{value:g}" for value in angles)
        raise UserError(f"{where}: no cell has angles of {told} deg; fix _cell_angle_alpha, _beta and _gamma")
    structure.cell.set(*edges, *angles)


def _make_a_corner(angles: list[float]) -> bool:
    """Whether three edges can stand at these angles (deg): none is as large as the other two together, and all three
    are less than a full turn."""
    return min(angles) > 0.0 and sum(angles) < 360.0 and 2.0 * max(angles) < sum(angles)


def _with_its_symmetry(structure: gemmi.SmallStructure) -> gemmi.SmallStructure:
    """The same crystal in the conventional cell of the symmetry that its atoms have; as it is where they have none."""
    import spglib  # slow to load: .2 s, for CIFs in P 1 alone

    sites = list(structure.sites)
    places = np.array([site.fract.tolist() for site in sites], dtype=np.float64)
    if not sites or not np.isfinite(places).all() or structure.cell.volume < 1.0:
        return structure
    kinds: dict[tuple[str, float, float], int] = {}
    types = [kinds.setdefault((s.element.name, round(s.occ, 3), round(s.u_iso, 4)), len(kinds)) for s in sites]
    axes = np.array(structure.cell.orth.mat.tolist()).T.tolist()
    with warnings.catch_warnings():
        # Before version 3 atoms that lie too close are an answer of None and a warning that this will be an error.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            found = spglib.get_symmetry_dataset((axes, places.tolist(), types), SYMMETRIC_A)
            if found is None or found.number == 1:
                return structure
            conventional = found.std_lattice.tolist(), found.std_positions.tolist(), found.std_types.tolist()
            again = spglib.get_symmetry_dataset(conventional, SYMMETRIC_A)
        except spglib.SpglibError:
            return structure
    if again is None:
        return structure
    new = gemmi.SmallStructure()
    new.name = structure.name
    edges = np.linalg.norm(found.std_lattice, axis=1)
    a, b, c = found.std_lattice / edges[:, np.newaxis]
    new.cell = gemmi.UnitCell(*edges, *np.degrees(np.arccos([b @ c, a @ c, a @ b])).round(6))
    new.spacegroup = gemmi.find_spacegroup_by_ops(gemmi.symops_from_hall(found.hall))
    for at in np.unique(again.equivalent_atoms).tolist():
        site = sites[types.index(int(found.std_types[at]))].clone()
        site.fract = gemmi.Fractional(*found.std_positions[at])
        new.add_site(site)
    return new


def check_places(structure: gemmi.SmallStructure, where: str) -> None:
    """Raises UserError where an atom has no place, or is there more often than can be."""
    for site in structure.sites:
        if not all(math.isfinite(value) for value in (*site.fract.tolist(), site.occ)):
            raise UserError(f"{where}: atom {site.label!a} has no position; fix _atom_site_fract_x, _y, _z")
        if not 0.0 <= site.occ <= FULL:
            raise UserError(
                f"{where}: atom {site.label!a} has an occupancy of {site.occ:g}; fix _atom_site_occupancy (0 to 1)"
            )


def check_number_of_planes(volume_A3: float, group: gemmi.SpaceGroup, d_min_A: float, where: str) -> None:
    """Raises UserError where a cell has more planes of at least this distance than can be worked on. They are the
    points of the reciprocal lattice within a sphere."""
    sphere = 4.0 / 3.0 * math.pi * volume_A3 / d_min_A**3
    planes = sphere / (2 * len(group.operations().sym_ops))
    if not planes <= MOST_PLANES:
        raise UserError(
            f"{where}: some {planes:.0g} lines of more than {d_min_A:.2f} angstrom, in a cell of {volume_A3:.4g} cubic "
            "angstrom, are more than a pattern tells apart; check the cell in the CIF"
        )


def _value(block: gemmi.cif.Block, tag: str) -> str:
    value = block.find_value(tag)
    return value if value and value not in ("?", ".") else ""


def _number(block: gemmi.cif.Block, tag: str) -> float:
    return gemmi.cif.as_number(block.find_value(tag) or "?")
