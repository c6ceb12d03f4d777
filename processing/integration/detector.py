"""From a geometry to pyFAI's integrator, with the detector of the image at hand."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.errors import UserError
from latticewatch.processing.integration.geometry import Geometry

PIXEL_TOLERANCE = 1e-3


def azimuthal_integrator(geometry: Geometry, shape: tuple[int, int]) -> Any:
    """pyFAI's AzimuthalIntegrator for images of ``shape`` (rows, columns).

    It keeps state between calls: use one per thread. Raises UserError where the geometry belongs to a
    detector of another shape.
    """
    from pyFAI.integrator.azimuthal import AzimuthalIntegrator  # slow to load: pyFAI

    integrator = AzimuthalIntegrator(
        dist=geometry.distance_m,
        poni1=geometry.poni1_m,
        poni2=geometry.poni2_m,
        rot1=geometry.rot1_rad,
        rot2=geometry.rot2_rad,
        rot3=geometry.rot3_rad,
        wavelength=geometry.wavelength_A * 1e-10,
        detector=_detector(geometry, shape),
    )
    if geometry.parallax is not None:
        integrator.enable_parallax(True, *geometry.parallax)
        if integrator.parallax is None:  # pyFAI only logs that it knows nothing of the material
            raise UserError(
                f"{geometry.source}: pyFAI does not know {geometry.parallax[0]}, the sensor's material, at this "
                "wavelength; correct it, or calibrate without parallax"
            )
    return integrator


def module_gaps(geometry: Geometry, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels (rows, columns) between the modules of the detector, True where there is no sensor.

    Without a name in the geometry the detector is recognised by its pixel size and shape; where several
    models share them, only what is a gap in all of them counts.
    """
    if geometry.detector is not None:
        mask = _detector(geometry, shape).mask
        return np.zeros(shape, bool) if mask is None else np.asarray(mask, bool)
    gaps: NDArray[np.bool_] | None = None
    for model in _models(geometry, shape):
        mask = model().mask
        if mask is None or mask.shape != shape:
            return np.zeros(shape, bool)
        gaps = np.asarray(mask, bool) if gaps is None else gaps & np.asarray(mask, bool)
    return np.zeros(shape, bool) if gaps is None else gaps


def _models(geometry: Geometry, shape: tuple[int, int]) -> set[Any]:
    from pyFAI.detectors import ALL_DETECTORS  # slow to load: pyFAI

    pixels = (geometry.pixel1_m, geometry.pixel2_m)
    same_shape = (model for model in ALL_DETECTORS.values() if getattr(model, "MAX_SHAPE", None) == shape)
    return {
        model
        for model in same_shape
        if np.allclose((model().pixel1 or 0, model().pixel2 or 0), pixels, rtol=PIXEL_TOLERANCE, atol=0)
    }


def _detector(geometry: Geometry, shape: tuple[int, int]) -> Any:
    from pyFAI.detectors import ALL_DETECTORS, Detector  # slow to load: pyFAI

    if geometry.shape is not None and geometry.shape != shape:
        raise _mismatch(geometry, geometry.shape, shape)
    if geometry.detector is None:
        return Detector(geometry.pixel1_m, geometry.pixel2_m, max_shape=shape, orientation=geometry.orientation)
    model = ALL_DETECTORS[geometry.detector]
    stated: dict[str, float] = {}
    if geometry.pixels_stated and model.force_pixel:
        stated = {"pixel1": geometry.pixel1_m, "pixel2": geometry.pixel2_m}
    detector = model(orientation=geometry.orientation, **stated)
    expected = tuple(detector.shape)  # as it is now: looking for a readout sets the detector to it
    if expected != shape and not _is_read_out_as(detector, shape, bool(stated)):
        raise _mismatch(geometry, expected, shape)
    return detector


def _is_read_out_as(detector: Any, shape: tuple[int, int], pixels_stated: bool) -> bool:
    """Set the detector to the readout that gives images of this shape: binned, or a scan of another size.

    Where the geometry states the pixel size, a binning must cover the same area, and a scan have the same pixels.
    """
    before, pixel_m = detector.max_shape, detector.pixel1
    if not detector.force_pixel or not detector.guess_binning(shape):
        return False
    if hasattr(detector, "VALID_SIZE"):  # an image plate: the scanned area has a size of its own
        same_area = math.isclose(before[0] * pixel_m, shape[0] * detector.pixel1, rel_tol=PIXEL_TOLERANCE)
        same_pixels = math.isclose(pixel_m, detector.pixel1, rel_tol=PIXEL_TOLERANCE)
        return same_area or same_pixels or not pixels_stated
    binning = before[0] // shape[0]
    return bool(shape == (before[0] // binning, before[1] // binning))


def _mismatch(geometry: Geometry, expected: tuple[int, ...], shape: tuple[int, int]) -> UserError:
    return UserError(
        f"{geometry.source}: the geometry is of a detector with {expected[0]}x{expected[1]} pixels, "
        f"the images have {shape[0]}x{shape[1]}; give the geometry of this detector"
    )
