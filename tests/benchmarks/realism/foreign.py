"""Foreign lines: seen, where and since when; and those that are none."""

from collections.abc import Callable
from dataclasses import dataclass

from latticewatch.processing.simulation.realism.frame_truth import FrameTruth
from latticewatch.processing.simulation.realism.real_scan import ForeignLine, RealScan
from tests.benchmarks.realism.played import Played

NEAR_DEG, WITHIN_FRAMES = 0.02, 5
BROAD_DEG = 0.3
# Lines nearer than this share of their width are one line to five frames (at 1 % of the area, χ² is worse by 1 or 2 a
# frame where one line is fitted to two): either counts as seen where their mean is.
ONE_OF_WIDTH = 0.5


@dataclass(frozen=True)
class Foreign:
    """Sharp lines that are in the scan: how many, how many listed where they are, of these how many in time; and
    listed lines that are none. told: the program lists foreign lines at all."""

    told: bool
    lines: int
    found: int
    in_time: int
    false: int


def foreign_of(scan: RealScan, played: Played, seen: Callable[[FrameTruth], bool]) -> Foreign:
    """Compare the summary's list with what is in the scan."""
    listed = played.summary.get("foreign_lines")
    sharp = [line for line in scan.foreign if line.fwhm_deg < BROAD_DEG]
    if listed is None:
        return Foreign(False, len(sharp), 0, 0, 0)
    found = in_time = 0
    for line in sharp:
        places = (line.two_theta_deg, _mean_of_near(line, sharp))
        near = [one for one in listed if any(abs(one["two_theta_deg"] - place) <= NEAR_DEG for place in places)]
        visible = [truth.number for truth in played.truths if truth.number >= line.since and truth.flux > 0.0]
        due = visible[min(WITHIN_FRAMES, len(visible) - 1)] * scan.period_s
        found += bool(near)
        in_time += any((one.get("since_s") or 0.0) <= due for one in near)
    false = [
        one
        for one in listed
        if all(
            abs(one["two_theta_deg"] - line.two_theta_deg) > max(3 * NEAR_DEG, line.fwhm_deg) for line in scan.foreign
        )
    ]
    return Foreign(True, len(sharp), found, in_time, len(false))


def _mean_of_near(line: ForeignLine, others: list[ForeignLine]) -> float:
    """The mean place of this line and those that cannot be told from it, degrees."""
    reach = ONE_OF_WIDTH * line.fwhm_deg
    near = [one.two_theta_deg for one in others if abs(one.two_theta_deg - line.two_theta_deg) < reach]
    return sum(near) / len(near)
