"""A played scan in words, a frame a line, for whoever looks for a cause."""

import math

from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.series import Row
from latticewatch.processing.simulation.realism.frame_truth import FrameTruth
from tests.benchmarks.realism.played import Played

UNIT = 1e-4


def told(played: Played) -> str:
    """What is in the scan, then of every frame: left, separation, state; of each cell truth, error and esd (1e-4 Å)."""
    lines = ["; ".join(played.scan.ingredients())]
    lines += [_line(truth, row) for truth, row in zip(played.truths, played.rows, strict=True)]
    return "\n".join(lines) + "\n"


def _line(truth: FrameTruth, row: Row) -> str:
    rest = "rest" if truth.resting else ""
    head = f"{truth.number:4d} left {truth.left:6.3f} {rest:4s} sep {truth.separation_fwhm:5.2f} {row.verdict.state:9s}"
    if isinstance(row.fit, NoResult):
        return f"{head} {row.fit.reason}"
    cells = [
        f"{true.lp_A:.4f}*{true.amount:.2f} {_off(lattice.lp_A - true.lp_A)}({_off(lattice.lp_esd_A)})"
        for true, lattice in zip(truth.lattices, row.fit.lattices, strict=False)
    ]
    weight = row.fit.lattices[0].weight
    tail = f"mean {row.fit.lp_mean_A:.4f}({_off(row.fit.lp_mean_esd_A)}) w {weight:.3f}/{truth.lattices[0].weight:.3f}"
    return f"{head} {'  '.join(cells)}  {tail} chi2 {row.fit.chi2_reduced:.2f}"


def _off(value_A: float) -> str:
    return f"{value_A / UNIT:.1f}" if math.isfinite(value_A) else "-"
