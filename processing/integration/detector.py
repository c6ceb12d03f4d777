"""From a geometry to pyFAI's integrator, with the detector of the image at hand."""

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

    return AzimuthalIntegrator(
        dist=geometry.distance_m,
        poni1=geometry.poni1_m,
        poni2=geometry.poni2_m,
        rot1=geometry.rot1_rad,
        rot2=geometry.rot2_rad,
        rot3=geometry.rot3_rad,
        wavelength=geometry.wavelength_A * 1e-10,
        detector=_detector(geometry, shape),
    )


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
    detector = ALL_DETECTORS[geometry.detector](orientation=geometry.orientation)
    if detector.max_shape != shape and not (detector.force_pixel and _binned(detector, shape)):
        raise _mismatch(geometry, detector.max_shape, shape)
    return detector


def _binned(detector: Any, shape: tuple[int, int]) -> bool:
    rows, columns = detector.max_shape
    whole = rows % shape[0] == 0 and columns % shape[1] == 0 and rows // shape[0] == columns // shape[1]
    return whole and bool(detector.guess_binning(shape))


def _mismatch(geometry: Geometry, expected: tuple[int, ...], shape: tuple[int, int]) -> UserError:
    return UserError(
        f"{geometry.source}: the geometry is of a detector with {expected[0]}x{expected[1]} pixels, "
        f"the images have {shape[0]}x{shape[1]}; give the geometry of this detector"
    )
