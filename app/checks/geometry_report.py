"""What a frame of a standard says of a geometry, in words."""

import math
from collections.abc import Iterator
from pathlib import Path

from latticewatch.processing.calibration.check import accuracy_of, check_frame, read_frame, user_mask
from latticewatch.processing.config.accuracy_file import accuracy_toml, read_accuracy
from latticewatch.processing.crystal.standard import read_standard
from latticewatch.processing.errors import UserError
from latticewatch.processing.files.write_whole import write_whole
from latticewatch.processing.integration.geometry import read_geometry
from latticewatch.processing.refinement.single_lines.geometry_check import GeometryCheck


def report(
    frame: Path, calibrant: str, poni: Path, mask: Path | None, orientation: int | None, out: Path | None = None
) -> Iterator[str]:
    """The check, line by line; the accuracy is kept in ``out`` where that is given. Raises UserError."""
    if out is not None and out.is_file() and not _is_accuracy(out):
        raise UserError(f"{out}: is no accuracy file, and is kept; choose another name for --out")
    geometry = read_geometry(poni, orientation)
    standard = read_standard(calibrant, geometry.wavelength_A)
    seen = read_frame(frame)
    check = check_frame(seen, geometry, user_mask(seen, mask, geometry), standard)
    yield from lines_of(check, standard.name)
    if out is not None:
        accuracy = accuracy_of(check, standard, seen, poni.name, geometry.sha256, geometry.orientation)
        write_whole(out, accuracy_toml(accuracy).encode(), _is_accuracy)
        yield f"kept in {out}: runs with this geometry quote it"


def _is_accuracy(path: Path) -> bool:
    try:
        read_accuracy(path)
    except UserError:
        return False
    return True


def lines_of(check: GeometryCheck, name: str) -> Iterator[str]:
    """The check of a standard of this name, line by line."""
    yield f"{'hkl':>8} {'2theta/deg':>11} {'FWHM/deg':>9} {'offset/ppm':>11} {'esd/ppm':>8} {'round the ring/ppm':>19}"
    for ring in check.rings:
        yield (
            f"{ring.hkl:>8} {ring.two_theta_deg:11.4f} {ring.fwhm_deg:9.4f} {ring.offset_ppm:11.1f} {ring.esd_ppm:8.1f}"
            f" {_number(ring.sector_scatter_ppm):>19}"
        )
    yield offset_told(check, name)
    between, round_it = _number(check.ring_scatter_ppm), _number(check.sector_scatter_ppm)
    yield f"scatter from ring to ring: {between} ppm; round the rings: {round_it} ppm"
    yield f"zero shift: {_number(check.zero_shift_deg, 5)} +- {_number(check.zero_shift_esd_deg, 5)} deg"
    yield accuracy_told(check)


def offset_told(check: GeometryCheck, name: str) -> str:
    """How far the rings are off, in one line."""
    if math.isnan(check.lp_A):
        return f"d spacings of {name}: off by {check.offset_ppm:.0f} ppm"
    return f"cell of {name}: {check.lp_A:.6f} A, certified {check.reference_A:.6f} A, off by {check.offset_ppm:.0f} ppm"


def accuracy_told(check: GeometryCheck) -> str:
    """The accuracy that this geometry leaves, in one line."""
    at_six = check.accuracy_ppm * 6e-6
    return f"accuracy of a lattice parameter with this geometry: {check.accuracy_ppm:.0f} ppm ({at_six:.5f} A at 6 A)"


def _number(value: float, digits: int = 1) -> str:
    return "unknown" if math.isnan(value) else f"{value:.{digits}f}"
