"""Sums by pyFAI's OpenCL kernels, on a graphics processor, for images that come unpacked.

Packed ones stay here: to unpack them alone takes longer than to sum them as they are. Nothing is taken on trust: before
the first frame both ways sum the same image, and OpenCL is used only where it is faster and the numbers are the same.
"""

import logging
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.codecs.njit import njit
from latticewatch.processing.integration.kernels.one_frame import subtract_invalid
from latticewatch.processing.integration.kernels.sums import Sums, empty, empty_sums, flattened, sum_image
from latticewatch.processing.integration.plan import Corrections, Plan, finished_plan

INVALID = np.float32(-1.0)
SumImage = Callable[[Plan, NDArray[Any], float, Sums], None]
AGREEMENT = 1e-5  # relative
REPEATS, MEAN_COUNTS = 5, 30.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Device:
    """A graphics processor; platform, number: as OpenCL counts them."""

    name: str
    platform: int
    number: int


@dataclass(frozen=True, slots=True)
class Trial:
    """One image summed both ways: milliseconds, and the largest relative difference of signal and variance."""

    device: Device
    opencl_ms: float
    here_ms: float
    difference: float

    @property
    def is_better(self) -> bool:
        """Faster, with the same numbers."""
        return self.opencl_ms < self.here_ms and self.difference <= AGREEMENT

    @property
    def conclusion(self) -> str:
        """What follows from it."""
        return "used for images that come unpacked" if self.is_better else "not used"

    def __str__(self) -> str:
        return (
            f"{self.device.name} sums an unpacked image in {self.opencl_ms:.2f} ms, the processor in "
            f"{self.here_ms:.2f} ms; largest relative difference {self.difference:.0e}"
        )


def devices(kind: str = "GPU") -> list[Device]:
    """What OpenCL finds of this kind (GPU, CPU or ALL); nothing where there is no pyopencl or no driver."""
    try:
        import pyopencl

        platforms = pyopencl.get_platforms()
    except Exception as error:  # without a driver pyopencl raises what it likes
        log.debug("no OpenCL: %s", error)
        return []
    wanted = getattr(pyopencl.device_type, kind)
    return [
        Device(device.name.strip(), place, number)
        for place, platform in enumerate(platforms)
        for number, device in enumerate(platform.get_devices())
        if device.type & wanted
    ]


class OpenCLSums:
    """``sums.sum_image`` on one device, for the pixels of a plan; later plans may leave more of them out."""

    def __init__(self, plan: Plan, device: Device) -> None:
        from pyFAI.containers import ErrorModel
        from pyFAI.opencl.azim_csr import OCL_CSR_Integrator

        used = int(plan.pixels[:-1].sum())
        indices = np.argsort(plan.bins, kind="stable")[:used].astype(np.int32)
        starts = np.concatenate([[0], np.cumsum(plan.pixels[:-1])]).astype(np.int32)
        table = (np.ones(used, np.float32), indices, starts)
        self._engine = OCL_CSR_Integrator(table, plan.bins.size, platformid=device.platform, deviceid=device.number)
        self._poisson = ErrorModel.POISSON
        self._marked = np.empty(plan.bins.size, np.float32)
        self._alone = threading.Lock()

    def sum_image(self, plan: Plan, counts: NDArray[Any], limit: float, into: Sums) -> None:
        """As ``sums.sum_image``; a count is kept in 24 bits. Raises what the driver raises."""
        empty(into)
        lost = (into.lost_pixels, into.lost_weight, into.lost_dark)
        with self._alone:
            _mark(flattened(counts), plan.bins, plan.weight, plan.dark, limit, len(plan.two_theta), self._marked, *lost)
            found = self._engine.integrate_ng(self._marked, dummy=INVALID, delta_dummy=0.5, error_model=self._poisson)
        into.signal[:-1], into.variance[:-1] = found.signal, found.variance


def tried(plan: Plan, device: Device) -> tuple[Trial, OpenCLSums]:
    """Sum one image both ways, a few times each in turn."""
    there, counts = OpenCLSums(plan, device), np.random.default_rng(1).poisson(MEAN_COUNTS, plan.shape).astype(np.int32)
    ours, theirs = (empty_sums(len(plan.two_theta) + 1) for _ in range(2))
    limit = float(np.iinfo(np.int32).max)
    here_ms, there_ms = list[float](), list[float]()
    for _ in range(REPEATS + 1):  # the first of each compiles
        here_ms.append(_timed(lambda: sum_image(plan, counts, limit, ours)))
        there_ms.append(_timed(lambda: there.sum_image(plan, counts, limit, theirs)))
    pairs = ((ours.signal, theirs.signal), (ours.variance, theirs.variance))
    difference = max(float(np.max(np.abs(one - other) / np.maximum(one, 1.0))) for one, other in pairs)
    return Trial(device, statistics.median(there_ms[1:]), statistics.median(here_ms[1:]), difference), there


def rings(shape: tuple[int, int] = (1679, 1475), bins: int = 1500) -> Plan:
    """A plan to try with: rings around the middle of a PILATUS 2M."""
    rows, columns = (np.arange(length) - 0.5 * length for length in shape)
    radius = np.hypot(rows[:, None], columns[None, :]).ravel()
    ring = (radius * (bins / (radius.max() + 1.0))).astype(np.uint16)
    return finished_plan(shape, np.linspace(1.0, 50.0, bins), ring, np.ones(ring.size, np.float32), Corrections())


def faster_sums(plan: Plan) -> SumImage:
    """``sums.sum_image``, or over OpenCL where there is a device and that is better."""
    for device in devices():
        try:
            trial, there = tried(plan, device)
        except Exception as error:  # a driver that fails costs speed, never a run
            log.warning("OpenCL on %s fails (%s): not used", device.name, error)
            continue
        log.info("OpenCL: %s: %s", trial, trial.conclusion)
        if trial.is_better:
            return with_fallback(there)
    return sum_image


def with_fallback(there: OpenCLSums) -> SumImage:
    """As it does; from the first time that it fails in the midst of a run, as it is done here."""
    failed = threading.Event()

    def sum_somewhere(plan: Plan, counts: NDArray[Any], limit: float, into: Sums) -> None:
        if not failed.is_set():
            try:
                there.sum_image(plan, counts, limit, into)
            except Exception as error:  # whatever a driver raises
                log.warning("OpenCL fails (%s): the processor goes on", error)
                failed.set()
            else:
                return
        sum_image(plan, counts, limit, into)

    return sum_somewhere


def _timed(work: Callable[[], None]) -> float:
    begin = time.perf_counter()
    work()
    return 1e3 * (time.perf_counter() - begin)


@njit(nogil=True, cache=True)
def _mark(  # type: ignore[no-untyped-def]  # pragma: no cover
    counts, bins, weight, dark, limit, unused, marked, lost_pixels, lost_weight, lost_dark
):
    """Counts as pyFAI takes them, INVALID where invalid or left out."""
    for pixel in range(len(counts)):
        where, value = bins[pixel], np.float64(counts[pixel])
        marked[pixel] = INVALID
        if where == unused:
            continue
        if value >= 0.0 and value < limit:
            marked[pixel] = value
        else:
            subtract_invalid(pixel, where, weight, dark, lost_pixels, lost_weight, lost_dark)
