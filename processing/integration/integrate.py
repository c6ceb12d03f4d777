"""From a detector image to a pattern with its standard uncertainties."""

import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.cores import usable_cores
from latticewatch.processing.flow.frame import Frame, Image, NoResult
from latticewatch.processing.flow.packed_images import Bitshuffled, ByteOffset, PackingError
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.integration.defects import DefectFinder, Defects
from latticewatch.processing.integration.geometry import Geometry
from latticewatch.processing.integration.kernels.sums import (
    EIGHT,
    Eight,
    Sums,
    empty_eight,
    empty_sums,
    sum_bitshuffled,
    sum_byte_offset,
    sum_eight,
    sum_image,
)
from latticewatch.processing.integration.plan import FEWEST_VALID, Corrections, Plan, without
from latticewatch.processing.integration.plan_cache import cached_plan

LARGEST_COUNT = 2.0**32 - 2  # detectors mark gaps and dead pixels by 2^32 - 1 and 2^32 - 2
CUTOFF_KEYS = ("count_cutoff", "countrate_correction_count_cutoff", "saturation_value")


@dataclass(frozen=True, slots=True)
class _Job:
    """An image to sum: a count at or above ``limit`` is invalid; the pattern is multiplied by ``scale``."""

    counts: NDArray[Any] | ByteOffset | Bitshuffled
    limit: float
    scale: float


class _Workspace:
    """Where one thread sums; room for eight at once is made when it is first needed."""

    def __init__(self, length: int) -> None:
        self.sums = empty_sums(length)
        self._eight: Eight | None = None

    @property
    def eight(self) -> Eight:
        self._eight = self._eight or empty_eight(len(self.sums.signal))
        return self._eight


class ImageIntegrator:
    """Integrates the images of one scan; ``loop.Integrator``.

    Intensity is sum(counts - dark) / sum(polarization x solid angle x flat) over a bin's valid pixels, sigma
    is sqrt(sum(max(counts, 1))) over the same normalisation (pyFAI's Poisson model): a bin that counted nothing
    has a sigma of its own, never 0, and can enter a weighted fit. Bins without a valid pixel are NaN in both.
    A value that is negative, NaN, saturated (the header's Count_cutoff, else the type's largest) or a mask code
    leaves signal, variance and normalisation alike. Pixels are not split over bins: neighbouring bins would be
    correlated and sigma too small for a fit.

    normalise_by: header key (e.g. ``Flux``); patterns are scaled by its first value over the frame's own, so
    that intensities stay in counts. find_defects: look for hot and dead pixels in the first frames; what a frame
    shows is used from that frame on, so live and offline agree. plans: folder to keep the plan in for the next
    start (``plan_cache.plan_folder()``); None: it is built anew.

    threads: that share several frames which came at once; left out: two, where the machine has them. One frame
    takes one.

    Not safe for two threads at once: one integrator per thread.
    """

    def __init__(
        self,
        geometry: Geometry,
        *,
        shape: tuple[int, int],
        mask: NDArray[np.bool_] | None = None,
        dark: NDArray[np.float64] | None = None,
        flat: NDArray[np.float64] | None = None,
        polarization: float = 0.99,
        bins: int | None = None,
        normalise_by: str | None = None,
        find_defects: bool = True,
        plans: Path | None = None,
        threads: int | None = None,
    ) -> None:
        """``shape``: rows, columns of the scan's first image. Raises UserError where nothing can be integrated."""
        corrections = Corrections(mask, dark, flat, polarization)
        self._base_plan = self.plan = cached_plan(geometry, corrections, shape, bins, plans)
        self.two_theta = self.plan.two_theta
        self.two_theta.flags.writeable = False
        self._finder = DefectFinder(self.plan) if find_defects else None
        self._workspaces = [_Workspace(len(self.two_theta) + 1) for _ in range(threads or min(2, usable_cores()))]
        self._normalise_by = normalise_by
        self._first_monitor: float | None = None

    def integrate(self, frame: Frame) -> Pattern | NoResult:
        """The pattern, or why there is none. Never raises on data."""
        job = self._prepared(frame)
        return self._integrated(job) if isinstance(job, _Job) else job

    def integrate_many(self, frames: Sequence[Frame]) -> list[Pattern | NoResult]:
        """``integrate`` of each frame in turn, the same to the last bit; several at a time where it can."""
        results: list[Pattern | NoResult] = []
        while len(results) < len(frames):
            if self._looks_for_defects():
                results.append(self.integrate(frames[len(results)]))
            else:
                results += self._integrated_together([self._prepared(each) for each in frames[len(results) :]])
        return results

    def _prepared(self, frame: Frame) -> _Job | Pattern | NoResult:
        if not isinstance(frame.content, Image):
            return frame.content
        counts = frame.content.counts
        if counts.shape != self.plan.shape or counts.dtype.kind not in "biuf":
            return NoResult(f"unreadable: shape {_by(counts.shape)}, not {_by(self.plan.shape)}")
        scale = self._monitor_scale(frame.header)
        return scale if isinstance(scale, NoResult) else _Job(counts, largest_valid(counts.dtype, frame.header), scale)

    def _integrated(self, job: _Job) -> Pattern | NoResult:
        """The pattern of one frame, which may show defects."""
        if self._looks_for_defects():
            try:
                counts = np.asarray(job.counts)
            except PackingError as error:
                return NoResult(f"unreadable: {error}")
            if self._finder is not None and self._finder.observe(counts, job.limit):
                self.plan = without(self._base_plan, self._finder.defects.mask)
            if not self._looks_for_defects():
                self._base_plan = self.plan
        return self._summed(job, self._workspaces[0].sums)

    def _summed(self, job: _Job, sums: Sums) -> Pattern | NoResult:
        try:
            if isinstance(job.counts, ByteOffset):
                sum_byte_offset(self.plan, job.counts, job.limit, sums)
            elif isinstance(job.counts, Bitshuffled):
                sum_bitshuffled(self.plan, job.counts, job.limit, sums)
            else:
                sum_image(self.plan, job.counts, job.limit, sums)
        except PackingError as error:
            return NoResult(f"unreadable: {error}")
        return pattern_of(self.plan, sums, job.scale)

    def _integrated_together(self, prepared: Sequence[_Job | Pattern | NoResult]) -> list[Pattern | NoResult]:
        """Eight packed images read the plan once for all; what there is to do is shared among the threads."""
        tasks = list(_tasks([job for job in prepared if isinstance(job, _Job)]))
        done: list[list[Pattern | NoResult]] = [[] for _ in tasks]
        places = iter(range(len(tasks)))  # one for all threads: who is free takes the next

        def work(workspace: _Workspace) -> None:
            for place in places:
                done[place] = self._run(tasks[place], workspace)

        workspaces = self._workspaces[: len(tasks)]
        if len(workspaces) == 1:
            work(workspaces[0])
        elif workspaces:
            with ThreadPoolExecutor(len(workspaces)) as pool:
                list(pool.map(work, workspaces))
        patterns = (pattern for each in done for pattern in each)
        return [next(patterns) if isinstance(each, _Job) else each for each in prepared]

    def _run(self, task: Sequence[_Job], workspace: _Workspace) -> list[Pattern | NoResult]:
        packed = [job.counts for job in task if isinstance(job.counts, ByteOffset | Bitshuffled)]
        if len(packed) == EIGHT and sum_eight(self.plan, packed, [job.limit for job in task], workspace.eight):
            pairs = zip(workspace.eight.frames, task, strict=True)
            return [pattern_of(self.plan, sums, job.scale) for sums, job in pairs]
        return [self._summed(job, workspace.sums) for job in task]

    @property
    def defects(self) -> Defects | None:
        """Hot and dead pixels found so far; they are left out of the frame that showed them and all later ones."""
        return self._finder.defects if self._finder is not None else None

    @property
    def left_out(self) -> NDArray[np.bool_]:
        """Pixels (rows, columns) that are left out of every frame from now on: mask, gaps, defects."""
        return np.equal(self.plan.bins, len(self.two_theta)).reshape(self.plan.shape)

    def _looks_for_defects(self) -> bool:
        return self._finder is not None and not self._finder.defects.settled

    def _monitor_scale(self, header: Mapping[str, str]) -> float | NoResult:
        if self._normalise_by is None:
            return 1.0
        value = header_number(header, self._normalise_by)
        if value is None:
            return NoResult(f"unreadable: no header value {self._normalise_by}")
        if not value > 0.0:
            return NoResult("no beam")
        self._first_monitor = self._first_monitor or value
        return self._first_monitor / value


def pattern_of(plan: Plan, sums: Sums, scale: float) -> Pattern | NoResult:
    """The pattern of these sums, times ``scale``; a gap where too few pixels are valid."""
    pixels = (plan.pixels - sums.lost_pixels)[:-1]
    valid, in_plan = int(pixels.sum()), int(plan.pixels[:-1].sum())
    share = valid / in_plan
    if share < FEWEST_VALID:
        return NoResult(f"unreadable: only {100 * share:.0f} % of the pixels are valid")
    weight = np.where(pixels > 0, (plan.total_weight - sums.lost_weight)[:-1], np.nan) / scale
    signal = sums.signal[:-1] - (plan.total_dark - sums.lost_dark)[:-1]
    return Pattern(
        plan.two_theta,
        (signal / weight).astype(np.float32),
        (np.sqrt(sums.variance[:-1]) / weight).astype(np.float32),
        pixels_left_out=in_plan - valid,
    )


def largest_valid(dtype: np.dtype[Any], header: Mapping[str, str]) -> float:
    """The count at which a pixel of this type is saturated or a mask code."""
    limits = [LARGEST_COUNT]
    if dtype.kind in "iu":
        limits.append(float(np.iinfo(dtype).max - 1))
    for key in CUTOFF_KEYS:
        cutoff = header_number(header, key)
        if cutoff is not None and cutoff > 0.0:
            limits.append(cutoff)
    return min(limits)


def header_number(header: Mapping[str, str], key: str) -> float | None:
    """The number that a header line gives for this key, whatever its case and unit; None without one."""
    wanted = key.lower()
    text = next((value for name, value in header.items() if name.lower() == wanted), "")
    words = str(text).replace("=", " ").split()
    try:
        number = float(words[0]) if words else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _tasks(jobs: Sequence[_Job]) -> Iterator[Sequence[_Job]]:
    """Eight jobs with one packing, or one job."""
    start = 0
    while start < len(jobs):
        eight = jobs[start : start + EIGHT]
        same_packing = {type(job.counts) for job in eight} in ({ByteOffset}, {Bitshuffled})
        size = EIGHT if len(eight) == EIGHT and same_packing else 1
        yield jobs[start : start + size]
        start += size


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(str(length) for length in shape)
