"""Catastrophes of a played scan, by the seven definitions of docs/realism.md, and what else is counted."""

import math
from dataclasses import dataclass, field

from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.series import Row
from latticewatch.processing.flow.verdict import State
from latticewatch.processing.simulation.realism.frame_truth import FrameTruth
from latticewatch.processing.simulation.realism.real_scan import RealScan
from latticewatch.processing.simulation.recipes import TOLERANCE
from tests.benchmarks.realism.foreign import Foreign, foreign_of
from tests.benchmarks.realism.pauses import missed_and_false
from tests.benchmarks.realism.played import Played

KINDS = ("wrong", "swapped", "early", "ghost", "missed end", "refused", "pause")
WRONG_A, WRONG_ESDS = 30e-4, 5.0
APART_FWHM = 0.5
# Of the formula units after mixing: less than the first is not in the beam, more than the second is there to be seen.
ABSENT, VISIBLE = 1e-4, 0.05
NOTICED_FRAMES = 5
REFUSED_SHARE = 0.05
LAST_FRAMES = 8
# A mean over lattices that are called one may be off by this share of what they are apart: their weights are unknown.
WEIGHT_UNKNOWN = 0.15
CLASSES = (("resolved", 1.0), ("overlap", 0.5), ("merging", 0.2), ("merged", 0.06), ("one", -1.0))


@dataclass(frozen=True)
class Catastrophe:
    """What went wrong first in a frame, and in how many frames."""

    kind: str
    frame: int
    frames: int
    what: str


@dataclass(frozen=True)
class Outcome:
    """One scan. pulls: class of separation, error in Å and esd in Å of every accepted cell that is in the beam."""

    seed: int
    ingredients: list[str]
    groups: list[str]
    distorted: bool
    frames: int
    catastrophes: list[Catastrophe]
    pulls: list[tuple[str, float, float]] = field(repr=False)
    foreign: Foreign
    odd_kinetics: int

    @property
    def good(self) -> bool:
        """Whether it has no catastrophe."""
        return not self.catastrophes


def outcome_of(played: Played) -> Outcome:
    """Compare what was said with the truth."""
    scan, pairs = played.scan, list(zip(played.truths, played.rows, strict=True))
    found: dict[str, list[tuple[int, str]]] = {kind: [] for kind in KINDS}
    pulls: list[tuple[str, float, float]] = []
    for truth, row in pairs:
        for kind, what in _of_fit(truth, row.fit, scan):
            found[kind].append((truth.number, what))
        if isinstance(row.fit, Fit):
            pulls += _pulls(truth, row.fit, scan)
        if row.verdict.state is State.COMPLETE and _early(truth, scan):
            found["early"].append((truth.number, f"complete with {truth.left:.0%} left"))
    found["missed end"] += _missed_end(pairs, scan)
    found["refused"] += _refused(pairs, scan)
    found["pause"] += missed_and_false(scan, pairs, lambda truth: _seen(truth, scan))
    return Outcome(
        seed=scan.seed,
        ingredients=scan.ingredients(),
        groups=groups_of(scan),
        distorted=scan.distorted,
        frames=scan.frames,
        catastrophes=[Catastrophe(kind, hits[0][0], len(hits), hits[0][1]) for kind, hits in found.items() if hits],
        pulls=pulls,
        foreign=foreign_of(scan, played, lambda truth: _seen(truth, scan)),
        odd_kinetics=_odd_kinetics(played),
    )


def groups_of(scan: RealScan) -> list[str]:
    """The recipes that this scan counts for."""
    course = scan.course
    off = len(set(scan.crystals[0].intensity_errors.tolist())) > 1
    named = {
        scan.chemistry: True,
        f"before: {scan.before}": True,
        "no foreign lines": not scan.foreign,
        f"foreign lines {scan.foreign_level:.0%}": bool(scan.foreign),
        "foreign lines, broad": any(line.fwhm_deg > 0.3 for line in scan.foreign),
        "foreign lines, in mid-scan": any(line.since for line in scan.foreign),
        f"spread of cells {course.spread_A:g} Å": True,
        "intensities as the structures": not off,
        "intensities 8 % off": off,
        "not quite cubic": scan.distorted,
        "second injection": len(scan.epochs) > 2,
        "texture, zingers, hot pixels": bool(course.texture or course.zingers or scan.hot),
        "dumps": any(event.factor == 0.0 for event in scan.events),
    }
    return [name for name, there in named.items() if there]


def class_of(separation_fwhm: float) -> str:
    """How far the two (211) lines are apart, in words."""
    return next(name for name, least in CLASSES if separation_fwhm > least)


def _seen(truth: FrameTruth, scan: RealScan) -> bool:
    """Whether the sample is there to be seen in this frame."""
    total = sum(scan.epochs[1].amounts)
    readable = truth.number >= scan.course.unreadable
    return readable and truth.flux > 0.0 and sum(one.amount for one in truth.lattices) > VISIBLE * total


def _there(truth: FrameTruth, scan: RealScan) -> list[bool]:
    total = sum(scan.epochs[1].amounts)
    return [truth.flux > 0.0 and lattice.amount > ABSENT * total for lattice in truth.lattices]


def _of_fit(truth: FrameTruth, fit: Fit | NoResult, scan: RealScan) -> list[tuple[str, str]]:
    if isinstance(fit, NoResult):
        return []
    there = _there(truth, scan)
    if not any(there):
        return [("ghost", f"a fit of nothing, mean {fit.lp_mean_A:.4f} Å")]
    said = []
    for which, lattice in enumerate(fit.lattices[:2]):
        if not math.isfinite(lattice.lp_A):
            continue
        name = scan.crystals[which].name
        if not there[which]:
            said.append(("ghost", f"{name} {lattice.lp_A:.4f}({lattice.lp_esd_A:.4f}) Å is not there"))
        elif all(there) and _swapped(truth, which, lattice.lp_A):
            said.append(("swapped", f"{name} {lattice.lp_A:.4f} Å is {truth.lattices[which].lp_A:.4f}"))
        elif _wrong(lattice.lp_A, lattice.lp_esd_A, *_allowed(truth, which)):
            true = truth.lattices[which].lp_A
            said.append(("wrong", f"{name} {lattice.lp_A:.4f}({lattice.lp_esd_A:.4f}) Å is {true:.4f}"))
    if not any(math.isfinite(lattice.lp_A) for lattice in fit.lattices[:2]):
        true, slack = _mean(truth, there)
        if _wrong(fit.lp_mean_A, fit.lp_mean_esd_A, true, slack):
            said.append(("wrong", f"mean {fit.lp_mean_A:.4f}({fit.lp_mean_esd_A:.4f}) Å is {true:.4f}"))
    return said


def _swapped(truth: FrameTruth, which: int, lp_A: float) -> bool:
    own, other = truth.lattices[which].lp_A, truth.lattices[1 - which].lp_A
    return truth.separation_fwhm > APART_FWHM and abs(lp_A - other) < abs(lp_A - own)


def _allowed(truth: FrameTruth, which: int) -> tuple[float, float]:
    """The true cell and what a number may be off by, Å: more where the cell is not quite cubic."""
    lattice = truth.lattices[which]
    return lattice.lp_A, WRONG_A + lattice.edges_A / 4.0


def _wrong(lp_A: float, esd_A: float, true_A: float, slack_A: float) -> bool:
    """An esd that is no number excuses nothing."""
    off = abs(lp_A - true_A)
    return off > slack_A and not (math.isfinite(esd_A) and off <= WRONG_ESDS * esd_A)


def _mean(truth: FrameTruth, there: list[bool]) -> tuple[float, float]:
    if not all(there):
        return _allowed(truth, there.index(True))
    first, second = truth.lattices
    edges = max(first.edges_A, second.edges_A) / 4.0
    mean = first.weight * first.lp_A + second.weight * second.lp_A
    return mean, WRONG_A + edges + WEIGHT_UNKNOWN * abs(first.lp_A - second.lp_A)


def _pulls(truth: FrameTruth, fit: Fit, scan: RealScan) -> list[tuple[str, float, float]]:
    there = _there(truth, scan)
    name = class_of(truth.separation_fwhm) if all(there) else "one"
    found = [
        (name, lattice.lp_A - truth.lattices[which].lp_A, lattice.lp_esd_A)
        for which, lattice in enumerate(fit.lattices[:2])
        if there[which] and math.isfinite(lattice.lp_A)
    ]
    if not found and all(there) and name == "one":
        found = [(name, fit.lp_mean_A - _mean(truth, there)[0], fit.lp_mean_esd_A)]
    return found


def _early(truth: FrameTruth, scan: RealScan) -> bool:
    """Complete while nothing has reacted, or while more than twice the tolerance is left; a later injection may be
    noticed some frames after it."""
    later = [epoch.begin for epoch in scan.epochs[2:]]
    if any(begin <= truth.number < begin + NOTICED_FRAMES for begin in later):
        return False
    return math.isnan(truth.left) or truth.left > 2.0 * TOLERANCE


def _missed_end(pairs: list[tuple[FrameTruth, Row]], scan: RealScan) -> list[tuple[int, str]]:
    last = pairs[-LAST_FRAMES:]
    if not all(_seen(truth, scan) and truth.left < 0.5 * TOLERANCE for truth, _ in last):
        return []
    state = last[-1][1].verdict.state
    since = next(truth.number for truth, _ in pairs if truth.left < 0.5 * TOLERANCE)
    return [] if state is State.COMPLETE else [(since, f"{state} at the end, {last[-1][0].left:.1%} left")]


def _refused(pairs: list[tuple[FrameTruth, Row]], scan: RealScan) -> list[tuple[int, str]]:
    seen = [(truth, row) for truth, row in pairs if _seen(truth, scan)]
    hits = [(truth.number, row.fit.reason) for truth, row in seen if isinstance(row.fit, NoResult)]
    return hits if len(hits) > REFUSED_SHARE * len(seen) else []


def _odd_kinetics(played: Played) -> int:
    """Pauses that end before they start, half times longer than the scan by an order."""
    kinetics, lasted = played.kinetics, played.scan.frames * played.scan.period_s
    backwards = sum(bool(pause.end_s < pause.start_s) for pause in kinetics.pauses)
    return backwards + bool(kinetics.half_time_s > 10.0 * lasted)
