"""A run as it is compared with others: its watched lattice against time, and what may be put on the axes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.flow.accuracy import Accuracy
from latticewatch.processing.flow.composition import CompositionScale, fraction_of
from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.flow.series import NAN
from latticewatch.processing.reaction.afterwards.kinetics import Kinetics, describe
from latticewatch.processing.record.run_file.reader import Run

Array = NDArray[np.float64]

LATTICE, COMPOSITION, PROGRESS = QUANTITIES = ("lattice parameter", "composition", "progress")
MIXING, FIRST_FRAME, HALF = ZEROS = ("mixing", "first frame", "half the change")
AXES = {LATTICE: "lattice parameter / Å", COMPOSITION: "fraction", PROGRESS: "share of the change"}
TIMES = {MIXING: "time since mixing", FIRST_FRAME: "time since first frame", HALF: "time from half the change"}


@dataclass(frozen=True, slots=True)
class Curve:
    """A lattice parameter against time: seconds, Å, Å; all (n,)."""

    times_s: Array
    lp_A: Array
    lp_esd_A: Array


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """One run: its watched lattice parameter against seconds from the first frame, NaN in gaps.

    title, file: what it is called, and the name of its run file. scale: the composition's; None: none is given.
    mixing_s: NaN where not known.
    """

    title: str
    file: str
    curve: Curve
    kinetics: Kinetics
    mixing_s: float
    scale: CompositionScale | None = None
    accuracy: Accuracy | None = None

    @property
    def label(self) -> str:
        stem = self.file.removesuffix(".h5")
        return f"{self.title}, {stem}" if self.title else stem

    @property
    def pauses(self) -> tuple[tuple[float, float], ...]:
        """Start and end in seconds from the first frame."""
        return tuple((pause.start_s, end_or_last(pause.end_s, self.curve.times_s)) for pause in self.kinetics.pauses)

    def zero_s(self, alignment: str) -> float:
        """The time that becomes 0, in seconds from the first frame; NaN where it is not known."""
        half_s = self.mixing_s + self.kinetics.half_time_s
        return {MIXING: self.mixing_s, FIRST_FRAME: 0.0, HALF: half_s}[alignment]

    def values(self, quantity: str) -> tuple[Array, Array]:
        """This quantity of the watched lattice and its esd, (n,) each; NaN where not known.

        A share of the change needs the end of the change: of a run that is not complete none is known.
        """
        curve, kinetics = self.curve, self.kinetics
        if quantity == LATTICE:
            return curve.lp_A, curve.lp_esd_A
        if quantity == COMPOSITION:
            return _fractions(self.scale, curve)
        change = kinetics.lp_end_A - kinetics.lp_start_A if kinetics.complete is not None else NAN
        if not change:
            change = NAN
        return (curve.lp_A - kinetics.lp_start_A) / change, curve.lp_esd_A / abs(change)

    def why_not_drawn(self, quantity: str, alignment: str) -> str:
        """Why this run cannot be drawn so; empty: it can."""
        if not np.isfinite(self.curve.lp_A).any():
            return "no lattice parameter"
        if not math.isfinite(self.zero_s(alignment)):
            return {MIXING: "mixing not known", HALF: "half time not known"}[alignment]
        if np.isfinite(self.values(quantity)[0]).any():
            return ""
        return "no composition scale" if quantity == COMPOSITION else "not complete, so its whole change is not known"


def compared(run: Run) -> ComparedRun:
    kinetics = describe(run.setup, run.traced_alike)
    return ComparedRun(
        title=run.header.title,
        file=run.path.name,
        curve=watched_curve(run),
        kinetics=kinetics,
        mixing_s=mixing_of(run, kinetics),
        scale=run.setup.composition,
        accuracy=run.setup.accuracy,
    )


def watched_curve(run: Run) -> Curve:
    """The first component, and the mean where it cannot be told from its neighbour; NaN in gaps."""
    values = [row.fit.watched if isinstance(row.fit, Fit) else (NAN, NAN) for row in run.traced]
    table = np.array(values, float).reshape(-1, 2)
    return Curve(np.array([row.time_s for row in run.traced], float), table[:, 0], table[:, 1])


def mixing_of(run: Run, kinetics: Kinetics) -> float:
    """Seconds from the first frame: as the user gave it, else as found from the data, else NaN."""
    given = run.setup.mixing_time_s
    return kinetics.mixing_s if given is None else given


def end_or_last(end_s: float, times_s: Array) -> float:
    """The end of a pause, or the last of these times where it lasts."""
    return end_s if math.isfinite(end_s) else float(times_s[-1]) if len(times_s) else NAN


def short_labels(runs: Sequence[ComparedRun]) -> list[str]:
    """The runs' titles; with the file's name where several runs have the same one."""
    titles = [run.title or run.file.removesuffix(".h5") for run in runs]
    return [run.label if titles.count(title) > 1 else title for title, run in zip(titles, runs, strict=True)]


def _fractions(scale: CompositionScale | None, curve: Curve) -> tuple[Array, Array]:
    if scale is None:
        return np.full_like(curve.lp_A, NAN), np.full_like(curve.lp_A, NAN)
    pairs = [fraction_of(scale, lp, esd) for lp, esd in zip(curve.lp_A, curve.lp_esd_A, strict=True)]
    fractions, esds = np.array(pairs, float).reshape(-1, 2).T
    return fractions, esds
