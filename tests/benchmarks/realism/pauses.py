"""Pauses that were missed, and those that were none."""

import math
from collections.abc import Callable

from latticewatch.processing.flow.series import Row
from latticewatch.processing.flow.verdict import State
from latticewatch.processing.simulation.realism.frame_truth import FrameTruth
from latticewatch.processing.simulation.realism.real_scan import RealScan
from latticewatch.processing.simulation.recipes import TOLERANCE

# What a distance of two lattices is known to, in overlap: a pause that this does not show is not asked for.
SIGMA_A, SIGMAS = 10e-4, 5.0
FEWEST_MOVING, FEWEST_RESTING = 4, 4
SLACK_FRAMES = 2
CALLED_AFTER, HELD_AFTER = 3, 12
"""A pause over as soon as it can be known may be called just after it, and held until motion has shown itself."""


def missed_and_false(
    scan: RealScan, pairs: list[tuple[FrameTruth, Row]], seen: Callable[[FrameTruth], bool]
) -> list[tuple[int, str]]:
    """Frame and words of each."""
    pauses = _pauses([truth for truth, _ in pairs])
    paused = [row.verdict.state is State.PAUSED for _, row in pairs]
    said = []
    for first, last in pauses:
        if _asked_for(scan, [truth for truth, _ in pairs], seen, first, last) and not any(
            paused[first : last + CALLED_AFTER + 1]
        ):
            said.append((first, f"missed the pause of frames {first} to {last}"))
    for at in (number for number, now in enumerate(paused) if now):
        truth = pairs[at][0]
        held = any(first <= at <= last + HELD_AFTER for first, last in pauses)
        begun = paused[at - 1] if at else False
        called = begun or any(first <= at <= last + CALLED_AFTER for first, last in pauses)
        if not (held and called) and not truth.left < TOLERANCE:
            left = "before mixing" if math.isnan(truth.left) else f"{truth.left:.0%} left"
            said.append((at, f"paused, {left}, " + ("the pause is over" if held or pauses else "there is no pause")))
    return said


def _pauses(truths: list[FrameTruth]) -> list[tuple[int, int]]:
    """First and last frame of every true pause."""
    found: list[tuple[int, int]] = []
    for truth in truths:
        if truth.resting and found and found[-1][1] == truth.number - 1:
            found[-1] = (found[-1][0], truth.number)
        elif truth.resting:
            found.append((truth.number, truth.number))
    return found


def _asked_for(
    scan: RealScan, truths: list[FrameTruth], seen: Callable[[FrameTruth], bool], first: int, last: int
) -> bool:
    """Whether enough frames of motion and of rest are there to tell them apart."""
    epoch = [epoch for epoch in scan.epochs if epoch.begin <= first][-1]
    moving = [truth for truth in truths[math.ceil(epoch.begin) : first] if seen(truth)]
    resting = [truth for truth in truths[first : last + 1] if seen(truth)]
    if len(moving) < FEWEST_MOVING or len(resting) < FEWEST_RESTING + SLACK_FRAMES:
        return False
    change = abs(epoch.cells_A[1] - epoch.cells_A[0])
    slope = change * (moving[-2].left - moving[-1].left) / max(moving[-1].number - moving[-2].number, 1)
    n = len(resting) - SLACK_FRAMES
    return slope * math.sqrt(n * (n * n - 1) / 12.0) > SIGMAS * SIGMA_A
