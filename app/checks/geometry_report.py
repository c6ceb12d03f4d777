"""What a frame of a standard says of a geometry, in words."""

import datetime
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.config.accuracy_file import accuracy_toml, read_accuracy
from latticewatch.processing.crystal.phase import read_phase
from latticewatch.processing.errors import UserError
from latticewatch.processing.files.write_whole import write_whole
from latticewatch.processing.flow.accuracy import Accuracy
from latticewatch.processing.flow.frame import Frame, Image, NoResult
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.formats.decode import read_image
from latticewatch.processing.formats.image_file import Unreadable
from latticewatch.processing.integration.detector import azimuthal_integrator
from latticewatch.processing.integration.geometry import Geometry, read_geometry
from latticewatch.processing.integration.integrate import ImageIntegrator
from latticewatch.processing.integration.masks import placed_mask, read_mask
from latticewatch.processing.refinement.single_lines.geometry_check import GeometryCheck, check_geometry

SECTORS = 8


def checked(
    frame: Path, calibrant: str, poni: Path, mask: Path | None, orientation: int | None
) -> tuple[GeometryCheck, Accuracy]:
    """The check and what is kept of it. Raises UserError for files that cannot be used, where no ring is found."""
    phase = read_phase(calibrant)
    geometry = read_geometry(poni, orientation)
    try:
        image = read_image(frame)
    except Unreadable as error:
        raise UserError(f"{frame}: unreadable: {error}; give a frame of the standard") from None
    content = Frame(0, frame.name, 0.0, math.nan, Image(image.counts), image.header)
    rows, columns = image.counts.shape
    static = np.zeros((rows, columns), bool)
    if mask:
        static = placed_mask(read_mask(mask, (rows, columns)), geometry, None, image.counts, mask)
    whole = ImageIntegrator(geometry, shape=(rows, columns), mask=static).integrate(content)
    if isinstance(whole, NoResult):
        raise UserError(f"{frame}: {whole.reason}; give a frame of the standard")
    sectors = list(_sectors(geometry, content, static))
    check = check_geometry(whole, sectors if len(sectors) >= 3 else [], phase, geometry.wavelength_A)
    accuracy = Accuracy(
        ppm=check.accuracy_ppm,
        calibrant=phase.name,
        frame=frame.name,
        poni=poni.name,
        poni_sha256=geometry.sha256,
        orientation=geometry.orientation,
        checked=datetime.date.today(),
        rings=len(check.rings),
    )
    return check, accuracy


def report(
    frame: Path, calibrant: str, poni: Path, mask: Path | None, orientation: int | None, out: Path | None = None
) -> Iterator[str]:
    """The check, line by line; the accuracy is kept in ``out`` where that is given. Raises UserError."""
    if out is not None and out.is_file():
        try:
            read_accuracy(out)
        except UserError:
            raise UserError(f"{out}: is no accuracy file, and is kept; choose another name for --out") from None
    check, accuracy = checked(frame, calibrant, poni, mask, orientation)
    yield from _told(check, accuracy.calibrant)
    if out is not None:
        write_whole(out, accuracy_toml(accuracy).encode())
        yield f"kept in {out}: runs with this geometry quote it"


def _sectors(geometry: Geometry, frame: Frame, static: NDArray[np.bool_]) -> Iterator[Pattern]:
    """Patterns of equal sectors round the beam, where the detector covers them."""
    shape = (static.shape[0], static.shape[1])
    azimuth = azimuthal_integrator(geometry, shape).center_array(shape, unit="chi_rad")
    number = np.floor((azimuth + math.pi) / (2.0 * math.pi) * SECTORS).astype(int) % SECTORS
    for sector in range(SECTORS):
        mask = static | (number != sector)
        if mask.all():
            continue
        pattern = ImageIntegrator(geometry, shape=shape, mask=mask, find_defects=False).integrate(frame)
        if isinstance(pattern, Pattern):
            yield pattern


def _told(check: GeometryCheck, name: str) -> Iterator[str]:
    yield f"{'hkl':>8} {'2theta/deg':>11} {'FWHM/deg':>9} {'offset/ppm':>11} {'esd/ppm':>8} {'round the ring/ppm':>19}"
    for ring in check.rings:
        hkl = "".join(map(str, ring.hkl))
        yield (
            f"{hkl:>8} {ring.two_theta_deg:11.4f} {ring.fwhm_deg:9.4f} {ring.offset_ppm:11.1f} {ring.esd_ppm:8.1f}"
            f" {_number(ring.sector_scatter_ppm):>19}"
        )
    yield f"cell of {name}: {check.lp_A:.6f} A, certified {check.reference_A:.6f} A, off by {check.offset_ppm:.0f} ppm"
    between, round_it = _number(check.ring_scatter_ppm), _number(check.sector_scatter_ppm)
    yield f"scatter from ring to ring: {between} ppm; round the rings: {round_it} ppm"
    yield f"zero shift: {_number(check.zero_shift_deg, 5)} +- {_number(check.zero_shift_esd_deg, 5)} deg"
    at_six = check.accuracy_ppm * 6e-6
    yield f"accuracy of a lattice parameter with this geometry: {check.accuracy_ppm:.0f} ppm ({at_six:.5f} A at 6 A)"


def _number(value: float, digits: int = 1) -> str:
    return "unknown" if math.isnan(value) else f"{value:.{digits}f}"
