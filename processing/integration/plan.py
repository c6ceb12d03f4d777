"""The plan of an unsplit integration: which bin each pixel belongs to, and its weight. Built by pyFAI."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.errors import UserError
from latticewatch.processing.integration.detector import azimuthal_integrator, module_gaps
from latticewatch.processing.integration.geometry import Geometry

LANES = 4  # one after the other, so that neighbours in one bin do not wait for each other's sum
MOST_BINS = 65534  # a bin number has 16 bits
FEWEST_VALID = 0.5  # of the pixels in use; fewer is no measurement


@dataclass(frozen=True, slots=True)
class Corrections:
    """What is done to every frame. Arrays have the image's shape (rows, columns).

    mask: True where a pixel is left out. dark: counts to subtract. flat: relative sensitivity, 1 is normal.
    polarization: degree of horizontal polarization of the beam, -1 to 1.
    """

    mask: NDArray[np.bool_] | None = None
    dark: NDArray[np.float64] | None = None
    flat: NDArray[np.float64] | None = None
    polarization: float = 0.99


@dataclass(frozen=True, slots=True)
class Plan:
    """Pixels in the order of the image's memory, ``n`` bins.

    two_theta: mean of each bin's pixels in degrees, (n,). bins: bin of each pixel, n where it is left out.
    slots: the same, for LANES sums side by side that take turns. weight: of each pixel (polarization x solid
    angle x flat). dark: counts to subtract in each pixel, or of length 0. The last three are sums over the pixels
    in use, (n + 1,).
    """

    shape: tuple[int, int]
    two_theta: NDArray[np.float64]
    bins: NDArray[np.uint16]
    slots: NDArray[np.uint16] | NDArray[np.uint32]
    weight: NDArray[np.float32]
    dark: NDArray[np.float32]
    pixels: NDArray[np.int64]
    total_weight: NDArray[np.float64]
    total_dark: NDArray[np.float64]


def static_mask(geometry: Geometry, corrections: Corrections, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """What is left out of every frame: the user's mask, module gaps, pixels whose dark or flat is unusable."""
    mask = module_gaps(geometry, shape)
    if corrections.mask is not None:
        mask = mask | corrections.mask
    if corrections.dark is not None:
        mask = mask | ~np.isfinite(corrections.dark)
    if corrections.flat is not None:
        mask = mask | ~(np.isfinite(corrections.flat) & (corrections.flat > 0))
    if mask.all():
        raise UserError(f"{geometry.source}: mask, gaps, dark and flat leave no pixel; check --mask and --flat")
    return mask


def default_bins(integrator: Any, two_theta: NDArray[np.float64]) -> int:
    """One bin for the angle that a pixel spans at the beam centre. two_theta: pixels in use, degrees."""
    pixel_deg = np.degrees(np.arctan2(min(integrator.pixel1, integrator.pixel2), integrator.dist))
    span = float(two_theta.max() - two_theta.min())
    return int(np.clip(np.ceil(span / pixel_deg), 10, MOST_BINS))


def pixel_two_theta(integrator: Any, shape: tuple[int, int]) -> NDArray[np.float64]:
    """2θ in degrees of each pixel's centre, (rows, columns)."""
    return np.degrees(np.asarray(integrator.center_array(shape, unit="2th_rad"), np.float64))


def build_plan(geometry: Geometry, corrections: Corrections, shape: tuple[int, int], bins: int | None = None) -> Plan:
    """pyFAI's own assignment of pixels to bins (no splitting) over the whole 2θ range in use.

    Raises UserError where the geometry is of another detector or nothing is left to integrate.
    """
    integrator = azimuthal_integrator(geometry, shape)
    mask = static_mask(geometry, corrections, shape)
    angles = pixel_two_theta(integrator, shape)
    count = bins or default_bins(integrator, angles[~mask])
    if count > MOST_BINS:
        raise UserError(f"{count} bins are more than {MOST_BINS}; ask for fewer")
    engine = integrator.setup_sparse_integrator(
        shape, count, mask=mask.astype(np.int8), unit="2th_deg", split="no", algo="CSR"
    )
    weight = integrator.polarization(shape, corrections.polarization) * integrator.solidAngleArray(shape)
    if corrections.flat is not None:
        weight = weight * corrections.flat
    bin_of_pixel = np.full(mask.size, count, np.uint16)
    bin_of_pixel[engine.indices] = np.repeat(np.arange(count, dtype=np.uint16), np.diff(engine.indptr))
    two_theta = _mean_angles(np.asarray(engine.bin_centers, np.float64) * np.degrees(1.0), angles, bin_of_pixel)
    return finished_plan(shape, two_theta, bin_of_pixel, np.ascontiguousarray(weight.ravel(), np.float32), corrections)


def changed_plan(geometry: Geometry, corrections: Corrections, first: Plan) -> Plan:
    """The plan with other corrections over the bins of a run that began with ``first``: its columns and angles stay.

    A pixel that was in use stays in its bin; one that was not comes into the bin that holds its angle, where there is
    one. The angles are those of the pixels that were in use at first, as where defects are found in a run.
    Raises UserError where nothing is left to integrate.
    """
    integrator = azimuthal_integrator(geometry, first.shape)
    mask = static_mask(geometry, corrections, first.shape).ravel()
    angles, count = pixel_two_theta(integrator, first.shape).ravel(), len(first.two_theta)
    was_used = first.bins < count
    low, high = angles[was_used].min(), angles[was_used].max()
    place = np.floor((angles - low) / (high - low) * count)
    seen = (angles >= low) & (angles <= high)
    bins = np.where(was_used, first.bins, np.where(seen, np.clip(place, 0, count - 1), count))
    bins = np.where(mask, count, bins).astype(np.uint16)
    if not (bins < count).any():
        raise UserError(f"{geometry.source}: mask, gaps, dark and flat leave no pixel that was in use; check the mask")
    weight = integrator.polarization(first.shape, corrections.polarization) * integrator.solidAngleArray(first.shape)
    if corrections.flat is not None:
        weight = weight * corrections.flat
    return finished_plan(
        first.shape, first.two_theta, bins, np.ascontiguousarray(weight.ravel(), np.float32), corrections
    )


def finished_plan(
    shape: tuple[int, int],
    two_theta: NDArray[np.float64],
    bins: NDArray[np.uint16],
    weight: NDArray[np.float32],
    corrections: Corrections,
) -> Plan:
    """The plan with these bins and weights, and all that follows from them."""
    counts = np.zeros(0) if corrections.dark is None else np.nan_to_num(corrections.dark.ravel())
    dark = np.ascontiguousarray(counts, np.float32)
    length = len(two_theta) + 1
    return Plan(
        shape=shape,
        two_theta=two_theta,
        bins=bins,
        slots=_slots(bins, length - 1),
        weight=weight,
        dark=dark,
        pixels=np.bincount(bins, minlength=length),
        total_weight=_binned(bins, weight, length),
        total_dark=_binned(bins, dark, length),
    )


def without(plan: Plan, mask: NDArray[np.bool_]) -> Plan:
    """The same plan with these pixels (rows, columns) left out too."""
    count, length = len(plan.two_theta), len(plan.two_theta) + 1
    gone = np.flatnonzero(mask.ravel() & (plan.bins < count))
    if not gone.size:
        return plan
    bins, slots, taken = plan.bins.copy(), plan.slots.copy(), plan.bins[gone]
    bins[gone], slots[gone] = count, LANES * count + gone % LANES
    dark = plan.dark[gone] if plan.dark.size else plan.dark
    return replace(
        plan,
        bins=bins,
        slots=slots,
        pixels=plan.pixels - np.bincount(taken, minlength=length),
        total_weight=plan.total_weight - _binned(taken, plan.weight[gone], length),
        total_dark=plan.total_dark - _binned(taken, dark, length),
    )


def _mean_angles(
    centres: NDArray[np.float64], angles: NDArray[np.float64], bin_of_pixel: NDArray[np.uint16]
) -> NDArray[np.float64]:
    """Where a bin's pixels lie in the mean: they fill an unsplit bin unevenly, and to take its centre for it
    shifts a lattice parameter by up to 1e-4 Å. The centre where a bin has no pixel."""
    pixels = np.bincount(bin_of_pixel, minlength=len(centres) + 1)[:-1]
    sums = np.bincount(bin_of_pixel, angles.ravel(), len(centres) + 1)[:-1]
    means: NDArray[np.float64] = np.divide(sums, pixels, out=centres.copy(), where=pixels > 0)
    return means


def _slots(bins: NDArray[np.uint16], count: int) -> NDArray[np.uint16] | NDArray[np.uint32]:
    """One lane after the other; pixels that are left out come last of all, so that one comparison tells them."""
    kind: Any = np.uint16 if LANES * (count + 1) <= 1 << 16 else np.uint32
    lanes = np.tile(np.arange(LANES, dtype=kind), -(-bins.size // LANES))[: bins.size]
    slots: NDArray[Any] = bins + lanes * kind(count)
    np.copyto(slots, kind(LANES * count) + lanes, where=bins == count)
    return slots


def _binned(bins: NDArray[np.uint16], values: NDArray[np.float32], length: int) -> NDArray[np.float64]:
    if not values.size:
        return np.zeros(length)
    return np.bincount(bins, values, length).astype(np.float64, copy=False)
