"""From a detector image to a pattern with its standard uncertainties."""

import copy
import itertools
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.cores import usable_cores
from latticewatch.processing.flow.frame import Frame, Image, NoResult
from latticewatch.processing.flow.packed_images import Bitshuffled, ByteOffset, PackingError
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.sector import Sector
from latticewatch.processing.integration.count_limits import header_number, largest_valid, least_valid
from latticewatch.processing.integration.defects import FRAMES, DefectFinder, Defects
from latticewatch.processing.integration.geometry import Geometry
from latticewatch.processing.integration.kernels.sums import (
    EIGHT,
    LARGE,
    Eight,
    Sums,
    empty_eight,
    empty_sums,
    flattened,
    sum_bitshuffled,
    sum_byte_offset,
    sum_eight,
    sum_image,
)
from latticewatch.processing.integration.outliers import Outliers, Rings, leave_out
from latticewatch.processing.integration.plan import FEWEST_VALID, Corrections, Plan, changed_plan, without
from latticewatch.processing.integration.plan_cache import cached_plan
from latticewatch.processing.integration.robust_mean import Mode, RobustMean
from latticewatch.processing.integration.sectors import SectorPlans

LIGHT = 0.05  # counts per pixel


@dataclass(frozen=True, slots=True)
class _Job:
    """An image to sum: a count below ``lowest``, or from ``limit`` on, is invalid; the pattern is times ``scale``."""

    counts: NDArray[Any] | ByteOffset | Bitshuffled
    lowest: float
    limit: float
    scale: float


@dataclass(frozen=True, slots=True)
class _Summed:
    """A pattern and what its sums say of the frame: whether there is light in it, whether a pixel was large."""

    pattern: Pattern | NoResult
    is_lit: bool = False
    has_large: bool = False


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
    A value that is NaN, saturated (the header's Count_cutoff, else the type's largest) or a mask code leaves signal,
    variance and normalisation alike; so does a negative one, unless it is a value of an image of floats. Pixels are
    not split over bins: neighbouring bins would be correlated and sigma too small for a fit.

    normalise_by: header key (e.g. ``Flux``); patterns are scaled by its first value over the frame's own, so
    that intensities stay in counts. find_defects: look for hot and dead pixels, in the first frames with light and
    whenever something stands out; what a frame shows is used from that frame on, so live and offline agree.
    plans: folder to keep the plan in for the next start (``plan_cache.plan_folder()``); None: it is built anew.

    robust: leave out what stands out of its ring in one frame (spots, zingers): ``off``; ``on``, in every frame;
    ``auto``, where a pixel is brighter than any ring was: frames without one are summed as ever, to the last bit.

    threads: that share several frames which came at once; left out: two, where the machine has them. One frame
    takes one. sectors: of which patterns are made too, from the same counts; each costs a frame's sums once more, and
    frames are then summed one by one.

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
        robust: Mode = "off",
        plans: Path | None = None,
        threads: int | None = None,
        sectors: Sequence[Sector] = (),
    ) -> None:
        """``shape``: rows, columns of the scan's first image. Raises UserError where nothing can be integrated."""
        corrections = Corrections(mask, dark, flat, polarization)
        self._first_plan = self._base_plan = self.plan = cached_plan(geometry, corrections, shape, bins, plans)
        self.two_theta = self.plan.two_theta
        self.two_theta.flags.writeable = False
        self._finder = DefectFinder(self.plan) if find_defects else None
        self._workspaces = [_Workspace(len(self.two_theta) + 1) for _ in range(threads or min(2, usable_cores()))]
        self._normalise_by, self._robust = normalise_by, RobustMean(robust)
        self._first_monitor: float | None = None
        self._file_mask: NDArray[np.bool_] | None = None
        self._sectors = SectorPlans(geometry, self.plan, sectors) if sectors else None
        self._rings: Rings | None = None
        self._looks, self._looks_at_first = 0, find_defects or robust != "off"
        self._last_was_lit = True

    def corrected(self, geometry: Geometry, corrections: Corrections) -> "ImageIntegrator":
        """One that has other corrections over the same bins and has seen no frame yet.

        geometry: the scan's own. Raises UserError where nothing is left to integrate. Slow: the plan is built; this one
        may be used by another thread meanwhile.
        """
        made = copy.copy(self)
        made._base_plan = made.plan = changed_plan(geometry, corrections, self._first_plan)
        made._sectors = copy.copy(self._sectors)
        made._workspaces = [_Workspace(len(self.two_theta) + 1) for _ in self._workspaces]
        made._robust = RobustMean(self._robust.mode)
        made._rings = made._file_mask = None
        made._looks = 0
        return made

    def succeed(self, before: "ImageIntegrator") -> None:
        """Go on where ``before`` stopped: in its units, without the defects that it found. Between two frames."""
        self._first_monitor = before._first_monitor
        if before._finder is not None:
            self._finder = before._finder.over(self._base_plan)
            self._base_plan = self.plan = without(self._base_plan, self._finder.defects.mask)

    def integrate(self, frame: Frame) -> Pattern | NoResult:
        """The pattern, or why there is none. Never raises on data."""
        return self.integrate_many([frame])[0]

    def integrate_many(self, frames: Sequence[Frame]) -> list[Pattern | NoResult]:
        """``integrate`` of each frame in turn, the same to the last bit; several at a time where it can."""
        results: list[Pattern | NoResult] = []
        while len(results) < len(frames):
            results += self._next(frames[len(results) :])
        return results

    def _next(self, frames: Sequence[Frame]) -> list[Pattern | NoResult]:
        """Patterns of the first of these frames, up to one that changes how the following are summed."""
        self._use_mask_of(frames[0])
        first_looks = self._looks_at_first and self._looks < FRAMES and self._last_was_lit
        alone = self._robust.looks_at_every_frame or first_looks
        together = list(itertools.takewhile(self._has_the_mask, frames[:1] if alone else frames))
        prepared = [self._prepared(frame) for frame in together]
        plan, level, results = self.plan, self._robust.level, list[Pattern | NoResult]()
        for job, summed in zip(prepared, self._summed_together(prepared), strict=True):
            self._last_was_lit = summed.is_lit
            if not isinstance(job, _Job) or not self._must_look(summed):
                results.append(summed.pattern)
                continue
            results.append(self._looked_at(job))
            if self.plan is not plan or self._robust.level != level:
                break
        return results

    def _use_mask_of(self, frame: Frame) -> None:
        """Leave out what the frame's file calls no data."""
        if self._has_the_mask(frame) or not isinstance(frame.content, Image) or frame.content.masked is None:
            return
        self._file_mask = frame.content.masked
        if self._file_mask.shape == self.plan.shape:
            self._base_plan = without(self._base_plan, self._file_mask)
            self.plan = without(self.plan, self._file_mask)

    def _has_the_mask(self, frame: Frame) -> bool:
        masked = frame.content.masked if isinstance(frame.content, Image) else None
        if masked is None or masked is self._file_mask:
            return True
        return self._file_mask is not None and np.array_equal(masked, self._file_mask)  # that of another file

    def _prepared(self, frame: Frame) -> _Job | Pattern | NoResult:
        if not isinstance(frame.content, Image):
            return frame.content
        counts = frame.content.counts
        if counts.shape != self.plan.shape or counts.dtype.kind not in "biuf":
            return NoResult(f"unreadable: shape {_by(counts.shape)}, not {_by(self.plan.shape)}")
        scale = self._monitor_scale(frame.header)
        if isinstance(scale, NoResult):
            return scale
        return _Job(counts, least_valid(counts), largest_valid(counts.dtype, frame.header), scale)

    def _must_look(self, summed: _Summed) -> bool:
        """Whether this frame may show defects or outliers."""
        if not summed.is_lit:
            return False
        if self._looks < FRAMES:
            return self._looks_at_first
        return self._robust.looks_at_every_frame or (summed.has_large and self._robust.level < LARGE)

    def _looked_at(self, job: _Job) -> Pattern | NoResult:
        """The pattern of a frame that may show defects or outliers, without them."""
        flat = flattened(np.asarray(job.counts))
        self._rings = self._rings or Rings(self._base_plan)
        levels = self._rings.look(self._base_plan, flat, job.lowest, job.limit)
        self._looks += 1
        if self._finder is not None and self._finder.observe(levels):
            self.plan = without(self._base_plan, self._finder.defects.mask)
            if self._finder.defects.settled:
                self._base_plan = self.plan
        levels.values[self.plan.bins == len(self.two_theta)] = np.nan
        outliers = self._robust.outliers(levels, self.plan, flat)
        sums = self._workspaces[0].sums
        self._sum(job, sums)
        leave_out(sums, outliers, self.plan, flat)
        if self._looks >= FRAMES and not self._robust.looks_at_every_frame:
            self._rings = None
        return self._with_sectors(self._pattern(sums, job, len(outliers.pixels)).pattern, job, sums, outliers)

    def _sum(self, job: _Job, sums: Sums, plan: Plan | None = None) -> None:
        """The sums after this plan, left out: that of the whole frame. Raises PackingError."""
        large, plan = self._robust.level, plan or self.plan
        if isinstance(job.counts, ByteOffset):
            sum_byte_offset(plan, job.counts, job.limit, sums, large)
        elif isinstance(job.counts, Bitshuffled):
            sum_bitshuffled(plan, job.counts, job.limit, sums, large)
        else:
            sum_image(plan, job.counts, job.limit, sums, large, job.lowest)

    def _summed_alone(self, job: _Job, sums: Sums) -> _Summed:
        try:
            self._sum(job, sums)
        except PackingError as error:
            return _Summed(NoResult(f"unreadable: {error}"))
        summed = self._pattern(sums, job)
        return replace(summed, pattern=self._with_sectors(summed.pattern, job, sums))

    def _with_sectors(
        self, pattern: Pattern | NoResult, job: _Job, sums: Sums, outliers: Outliers | None = None
    ) -> Pattern | NoResult:
        """With the patterns of the sectors; in one without enough valid pixels all bins are NaN."""
        if self._sectors is None or isinstance(pattern, NoResult):
            return pattern
        found, counts = [], replace(job, counts=np.asarray(job.counts))
        for plan in self._sectors.of(self.plan):
            self._sum(counts, sums, plan)
            if outliers is not None:
                leave_out(sums, outliers, plan, flattened(np.asarray(counts.counts)))
            part = pattern_of(plan, sums, job.scale, None)
            nothing = np.full(len(plan.two_theta), np.nan, np.float32)
            found.append(part if isinstance(part, Pattern) else Pattern(plan.two_theta, nothing, nothing))
        return replace(pattern, sectors=tuple(found))

    def _pattern(self, sums: Sums, job: _Job, left_out: int = 0) -> _Summed:
        told = None if self._robust.mode == "off" else left_out
        pixels = self.plan.pixels[:-1].sum() - sums.lost_pixels[:-1].sum()
        light = sums.signal[:-1].sum() - (self.plan.total_dark - sums.lost_dark)[:-1].sum()
        return _Summed(
            pattern_of(self.plan, sums, job.scale, told), bool(light > LIGHT * pixels), bool(sums.signal[-1] > 0)
        )

    def _summed_together(self, prepared: Sequence[_Job | Pattern | NoResult]) -> list[_Summed]:
        """Eight packed images read the plan once for all; what there is to do is shared among the threads."""
        tasks = list(_tasks([job for job in prepared if isinstance(job, _Job)]))
        done: list[list[_Summed]] = [[] for _ in tasks]
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
        summed = (one for each in done for one in each)
        return [next(summed) if isinstance(each, _Job) else _Summed(each) for each in prepared]

    def _run(self, task: Sequence[_Job], workspace: _Workspace) -> list[_Summed]:
        packed = [job.counts for job in task if isinstance(job.counts, ByteOffset | Bitshuffled)]
        limits, large = [job.limit for job in task], self._robust.level
        if (
            self._sectors is None
            and len(packed) == EIGHT
            and sum_eight(self.plan, packed, limits, workspace.eight, large)
        ):
            pairs = zip(workspace.eight.frames, task, strict=True)
            return [self._pattern(sums, job) for sums, job in pairs]
        return [self._summed_alone(job, workspace.sums) for job in task]

    @property
    def defects(self) -> Defects | None:
        """Hot and dead pixels found so far; they are left out of the frame that showed them and all later ones."""
        return self._finder.defects if self._finder is not None else None

    @property
    def left_out(self) -> NDArray[np.bool_]:
        """Pixels (rows, columns) that are left out of every frame from now on: mask, gaps, defects."""
        return np.equal(self.plan.bins, len(self.two_theta)).reshape(self.plan.shape)

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


def pattern_of(plan: Plan, sums: Sums, scale: float, left_out: int | None) -> Pattern | NoResult:
    """The pattern of these sums, times ``scale``, without so many outliers; why there is none if too few are valid."""
    pixels = (plan.pixels - sums.lost_pixels)[:-1]
    share = pixels.sum() / plan.pixels[:-1].sum()
    if share < FEWEST_VALID:
        return NoResult(f"unreadable: only {100 * share:.0f} % of the pixels are valid")
    weight = np.where(pixels > 0, (plan.total_weight - sums.lost_weight)[:-1], np.nan) / scale
    signal = sums.signal[:-1] - (plan.total_dark - sums.lost_dark)[:-1]
    return Pattern(
        plan.two_theta,
        (signal / weight).astype(np.float32),
        (np.sqrt(sums.variance[:-1]) / weight).astype(np.float32),
        pixels_left_out=left_out,
    )


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
