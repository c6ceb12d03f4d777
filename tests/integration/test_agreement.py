"""pyFAI is the judge: the same intensity and sigma to 1e-6, whatever is tilted, flipped, masked or corrected."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from latticewatch.processing.flow.frame import Frame, Image
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.integration.detector import azimuthal_integrator
from latticewatch.processing.integration.geometry import Geometry
from latticewatch.processing.integration.integrate import ImageIntegrator

SHAPE = (311, 407)
CENTRED = Geometry(0.2, 0.0267, 0.035, 0.0, 0.0, 0.0, 0.64066, 172e-6, 172e-6)
TILTED = Geometry(0.15, 0.01, 0.05, 0.21, -0.13, 0.4, 0.64066, 172e-6, 150e-6)
FLIPPED = Geometry(0.15, 0.01, 0.05, 0.21, -0.13, 0.4, 0.64066, 172e-6, 150e-6, orientation=2)
TURNED = Geometry(0.15, 0.01, 0.05, 0.21, -0.13, 0.4, 0.64066, 172e-6, 150e-6, orientation=4)
RNG = np.random.default_rng(20190710)


def counts(mean: float = 30.0, dtype: str = "int32") -> NDArray[Any]:
    return RNG.poisson(mean, SHAPE).astype(dtype)


def damaged(dtype: str) -> NDArray[Any]:
    """An image with every kind of value that must not count."""
    image = counts(dtype=dtype)
    codes: list[float] = [np.iinfo(dtype).max, np.iinfo(dtype).max - 1] if np.dtype(dtype).kind in "iu" else []
    codes += [-1, -2, -70] if np.dtype(dtype).kind in "if" else []
    codes += [np.nan, np.inf, 2.0**32 - 1] if np.dtype(dtype).kind == "f" else []
    for code in codes:
        image[RNG.random(SHAPE) < 0.01] = code
    return image


def invalid(image: NDArray[Any], limit: float) -> NDArray[np.bool_]:
    return np.asarray(~((image >= 0) & (image < limit)))


MASK = RNG.random(SHAPE) < 0.1
DARK = RNG.uniform(0, 3, SHAPE)
FLAT = RNG.uniform(0.8, 1.2, SHAPE)
FLAT[5, 5:60] = 0.0
DARK[7, 7] = np.nan

CASES: dict[str, tuple[Geometry, dict[str, Any], NDArray[Any], float]] = {
    "plain": (CENTRED, {}, counts(), 2.0**31 - 2),
    "faint": (CENTRED, {}, counts(0.05), 2.0**31 - 2),
    "bright": (CENTRED, {}, counts(300_000.0), 2.0**31 - 2),
    "tilted": (TILTED, {}, counts(), 2.0**31 - 2),
    "flipped": (FLIPPED, {}, counts(), 2.0**31 - 2),
    "turned": (TURNED, {}, counts(), 2.0**31 - 2),
    "unpolarized": (TILTED, {"polarization": 0.0}, counts(), 2.0**31 - 2),
    "few bins": (TILTED, {"bins": 40}, counts(), 2.0**31 - 2),
    "many bins": (TILTED, {"bins": 5000}, counts(), 2.0**31 - 2),
    "masked": (TILTED, {"mask": MASK}, counts(), 2.0**31 - 2),
    "dark": (TILTED, {"dark": DARK}, counts(), 2.0**31 - 2),
    "flat": (TILTED, {"flat": FLAT}, counts(), 2.0**31 - 2),
    "everything": (FLIPPED, {"mask": MASK, "dark": DARK, "flat": FLAT}, damaged("int32"), 2.0**31 - 2),
    "codes in int16": (TILTED, {}, damaged("int16"), 2.0**15 - 2),
    "codes in uint16": (TILTED, {}, damaged("uint16"), 2.0**16 - 2),
    "codes in uint32": (TILTED, {"dark": DARK}, damaged("uint32"), 2.0**32 - 2),
    "codes in float32": (TILTED, {"flat": FLAT}, damaged("float32"), 2.0**32 - 2),
    "codes in float64": (TILTED, {}, damaged("float64"), 2.0**32 - 2),
    "int64": (TILTED, {}, damaged("int64"), 2.0**32 - 2),
}


def frame(image: NDArray[Any], **header: str) -> Frame:
    return Frame(0, "x.cbf", 0.0, 0.0, Image(image), header)


def judged(geometry: Geometry, options: dict[str, Any], image: NDArray[Any], limit: float, bins: int) -> Any:
    """pyFAI's own integration: what is invalid goes in as a mask, what is corrected as pyFAI corrects it."""
    mask = invalid(image, limit)
    for name in ("mask", "dark", "flat"):
        values = options.get(name)
        if values is not None:
            mask = mask | (values if name == "mask" else ~(np.isfinite(values) & ((values > 0) | (name == "dark"))))
    static = mask & ~invalid(image, limit)
    integrator = azimuthal_integrator(geometry, SHAPE)
    return integrator.integrate1d_ng(
        np.where(mask, np.float32(-9), image).astype(np.float64),
        bins,
        mask=static,
        dummy=-9.0,
        delta_dummy=0.5,
        dark=options.get("dark"),
        flat=options.get("flat"),
        polarization_factor=options.get("polarization", 0.99),
        correctSolidAngle=True,
        error_model="poisson",
        method=("no", "csr", "cython"),
        unit="2th_deg",
    )


def check(pattern: object, judge: Any, tolerance: float) -> None:
    assert isinstance(pattern, Pattern)
    assert pattern.intensity.dtype == pattern.sigma.dtype == np.float32
    filled = judge.count > 0
    np.testing.assert_array_equal(np.isfinite(pattern.intensity), filled)
    np.testing.assert_array_equal(np.isfinite(pattern.sigma), filled)
    assert np.all(np.abs(pattern.two_theta - judge.radial) <= 0.5 * np.diff(judge.radial)[0] * (1 + 1e-6))
    np.testing.assert_allclose(pattern.sigma[filled], judge.sigma[filled], rtol=tolerance)
    # Where dark and counts cancel, a difference far below counting noise is float32's rounding inside pyFAI.
    allowed = tolerance * np.maximum(np.abs(judge.intensity[filled]), judge.sigma[filled])
    assert np.all(np.abs(pattern.intensity[filled] - judge.intensity[filled]) <= allowed)


@pytest.mark.parametrize("case", CASES)
def test_agrees_with_pyfai(case: str) -> None:
    geometry, options, image, limit = CASES[case]
    integrator = ImageIntegrator(geometry, shape=SHAPE, find_defects=False, **options)
    pattern = integrator.integrate(frame(image))
    check(pattern, judged(geometry, options, image, limit, len(integrator.two_theta)), 1e-6)


def test_a_bins_angle_is_the_mean_of_its_pixels() -> None:
    integrator = ImageIntegrator(TILTED, shape=SHAPE, find_defects=False)
    engine = azimuthal_integrator(TILTED, SHAPE)
    angles = np.degrees(engine.center_array(SHAPE, unit="2th_rad"))
    means = engine.integrate1d_ng(
        angles,
        len(integrator.two_theta),
        polarization_factor=None,
        correctSolidAngle=False,
        method=("no", "csr", "cython"),
        unit="2th_deg",
    )
    filled = means.count > 0
    np.testing.assert_allclose(integrator.two_theta[filled], means.intensity[filled], rtol=1e-6)


def test_byte_order_and_memory_order_do_not_matter() -> None:
    image = counts()
    integrator = ImageIntegrator(TILTED, shape=SHAPE, find_defects=False)
    expected = integrator.integrate(frame(image))
    assert isinstance(expected, Pattern)
    for same in (image.astype(">i4"), np.asfortranarray(image), image.astype(np.uint32), image.astype(np.float64)):
        pattern = integrator.integrate(frame(same))
        assert isinstance(pattern, Pattern)
        np.testing.assert_array_equal(pattern.intensity, expected.intensity)
        np.testing.assert_array_equal(pattern.sigma, expected.sigma)


def test_sigma_is_the_scatter_of_repeated_frames() -> None:
    integrator = ImageIntegrator(CENTRED, shape=SHAPE, find_defects=False)
    patterns = [integrator.integrate(frame(counts(20.0))) for _ in range(60)]
    assert all(isinstance(pattern, Pattern) for pattern in patterns)
    intensity = np.array([p.intensity for p in patterns if isinstance(p, Pattern)])
    sigma = np.array([p.sigma for p in patterns if isinstance(p, Pattern)])
    pulls = (intensity - intensity.mean(0)) / sigma
    assert pulls.std(ddof=0) * np.sqrt(60 / 59) == pytest.approx(1.0, abs=0.03)
