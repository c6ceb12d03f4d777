"""One frame of a standard: read, checked against a geometry, and the accuracy that this leaves."""

import datetime
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.crystal.standard import Standard
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.accuracy import Accuracy
from latticewatch.processing.flow.frame import Frame, Image, NoResult
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.formats.decode import read_image
from latticewatch.processing.formats.image_file import Unreadable
from latticewatch.processing.integration.count_limits import largest_valid, least_valid
from latticewatch.processing.integration.detector import azimuthal_integrator, module_gaps
from latticewatch.processing.integration.geometry import Geometry
from latticewatch.processing.integration.integrate import ImageIntegrator
from latticewatch.processing.integration.masks import placed_mask, read_mask
from latticewatch.processing.refinement.single_lines.geometry_check import GeometryCheck, check_geometry

SECTORS = 8


@dataclass(frozen=True, slots=True)
class StandardFrame:
    """A frame of a standard. counts: (rows, columns), as read. masked: pixels that its file calls no data."""

    name: str
    counts: NDArray[Any]
    masked: NDArray[np.bool_]
    header: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def shape(self) -> tuple[int, int]:
        return self.counts.shape[0], self.counts.shape[1]


def read_frame(path: Path) -> StandardFrame:
    """The frame in this file. Raises UserError where it cannot be read."""
    try:
        image = read_image(path)
    except Unreadable as error:
        raise UserError(f"{path}: unreadable: {error}; give a frame of the standard") from None
    counts = np.asarray(image.counts)
    masked = np.zeros(counts.shape, bool) if image.masked is None else image.masked
    return StandardFrame(path.name, counts, masked, image.header)


def user_mask(frame: StandardFrame, mask: Path | None, geometry: Geometry) -> NDArray[np.bool_]:
    """The mask in this file as it lies on the frame as read, (rows, columns); None: nothing is masked.

    Raises UserError for one that cannot be used.
    """
    if mask is None:
        return np.zeros(frame.shape, bool)
    return placed_mask(read_mask(mask, frame.shape), geometry, None, frame.counts, mask)


def left_out(frame: StandardFrame, mask: NDArray[np.bool_], geometry: Geometry) -> NDArray[np.bool_]:
    """Pixels (rows, columns) without a count: masked, gaps, saturated, codes."""
    counts = frame.counts
    known = (counts >= least_valid(counts)) & (counts < largest_valid(counts.dtype, frame.header))
    return np.asarray(mask | frame.masked | ~known | module_gaps(geometry, frame.shape))


def check_frame(frame: StandardFrame, geometry: Geometry, mask: NDArray[np.bool_], standard: Standard) -> GeometryCheck:
    """What the rings of this frame say of a geometry. Raises UserError where no ring is where it must be."""
    content = Frame(0, frame.name, 0.0, math.nan, Image(frame.counts, frame.masked), frame.header)
    whole = ImageIntegrator(geometry, shape=frame.shape, mask=mask).integrate(content)
    if isinstance(whole, NoResult):
        raise UserError(f"{frame.name}: {whole.reason}; give a frame of the standard")
    sectors = list(_sectors(geometry, content, mask))
    return check_geometry(whole, sectors if len(sectors) >= 3 else [], standard, geometry.wavelength_A)


def accuracy_of(
    check: GeometryCheck, standard: Standard, frame: StandardFrame, poni: str, poni_sha256: str, orientation: int
) -> Accuracy:
    """What is kept of a check. poni: the name of its file."""
    return Accuracy(
        ppm=check.accuracy_ppm,
        calibrant=standard.name,
        frame=frame.name,
        poni=poni,
        poni_sha256=poni_sha256,
        orientation=orientation,
        checked=datetime.date.today(),
        rings=len(check.rings),
    )


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
