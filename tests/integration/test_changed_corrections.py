"""Other corrections in the middle of a run: the same bins, and every pixel in the bin that it would have had."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.frame import Frame, Image
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.integration.integrate import ImageIntegrator
from latticewatch.processing.integration.plan import Corrections, Plan, build_plan, changed_plan, without
from tests.integration.test_defects import GEOMETRY, SHAPE, scan

ARRAYS = ("two_theta", "bins", "slots", "weight", "dark", "pixels", "total_weight", "total_dark")


def masked(rows: slice, columns: slice) -> NDArray[np.bool_]:
    mask = np.zeros(SHAPE, bool)
    mask[rows, columns] = True
    return mask


def same(one: Plan, other: Plan, names: tuple[str, ...] = ARRAYS) -> None:
    """The last of the sums is of what is left out, which nobody reads."""
    for name in names:
        found, expected = getattr(one, name), getattr(other, name)
        end = -1 if name in ("pixels", "total_weight", "total_dark") else None
        np.testing.assert_allclose(found[:end], expected[:end], rtol=1e-9, atol=1e-9, err_msg=name)


def test_the_same_corrections_give_the_same_plan() -> None:
    corrections = Corrections(mask=masked(slice(100, 140), slice(50, 90)))
    first = build_plan(GEOMETRY, corrections, SHAPE)
    same(changed_plan(GEOMETRY, corrections, first), first)


def test_a_larger_mask_leaves_its_pixels_out_of_the_bins_they_were_in() -> None:
    first = build_plan(GEOMETRY, Corrections(), SHAPE)
    mask = masked(slice(100, 140), slice(50, 90))
    same(changed_plan(GEOMETRY, Corrections(mask), first), without(first, mask))


def test_a_smaller_mask_puts_its_pixels_into_the_bins_of_their_angles() -> None:
    """The mask leaves the smallest and the largest angle in use, so the whole plan has the same bins."""
    first = build_plan(GEOMETRY, Corrections(masked(slice(100, 140), slice(50, 90))), SHAPE)
    whole = build_plan(GEOMETRY, Corrections(), SHAPE)
    found = changed_plan(GEOMETRY, Corrections(), first)
    assert np.mean(found.bins == whole.bins) > 0.9999  # a pixel on a limit may fall on either side
    same(found, first, ("two_theta",))


def test_pixels_beyond_the_run_s_angles_stay_out() -> None:
    first = build_plan(GEOMETRY, Corrections(masked(slice(0, 250), slice(0, SHAPE[1]))), SHAPE)
    found = changed_plan(GEOMETRY, Corrections(), first)
    whole = build_plan(GEOMETRY, Corrections(), SHAPE)
    angle = whole.two_theta[whole.bins[np.flatnonzero(found.bins < len(first.two_theta))]]
    step = float(np.diff(first.two_theta).mean())
    assert first.two_theta[0] - step <= angle.min() <= angle.max() <= first.two_theta[-1] + step


def test_a_mask_of_everything_is_refused() -> None:
    first = build_plan(GEOMETRY, Corrections(), SHAPE)
    with pytest.raises(UserError, match="leave no pixel"):
        changed_plan(GEOMETRY, Corrections(masked(slice(None), slice(None))), first)


def patterns(integrator: ImageIntegrator, images: list[NDArray[np.int32]], **header: Any) -> list[Pattern]:
    found = [integrator.integrate(Frame(n, "x", 0.0, 0.0, Image(image), header)) for n, image in enumerate(images)]
    assert all(isinstance(each, Pattern) for each in found)
    return [each for each in found if isinstance(each, Pattern)]


def test_a_changed_integrator_knows_the_defects_and_the_first_monitor() -> None:
    known = scan(3, frames=8)
    before = ImageIntegrator(GEOMETRY, shape=SHAPE, normalise_by="Flux")
    patterns(before, known.frames[:6], Flux="2.0")
    mask = masked(slice(100, 140), slice(50, 90))
    after = before.corrected(GEOMETRY, Corrections(mask))
    after.succeed(before)
    assert before.defects is not None
    assert after.defects is not None
    np.testing.assert_array_equal(after.defects.mask, before.defects.mask)
    np.testing.assert_array_equal(after.left_out, before.left_out | mask)
    (one,), (other,) = patterns(before, known.frames[6:7], Flux="1.0"), patterns(after, known.frames[6:7], Flux="1.0")
    np.testing.assert_array_equal(one.two_theta, other.two_theta)
    far = before.plan.pixels[:-1] == after.plan.pixels[:-1]  # bins without a pixel of the new mask
    assert far.sum() > 50
    np.testing.assert_array_equal(one.intensity[far], other.intensity[far])
