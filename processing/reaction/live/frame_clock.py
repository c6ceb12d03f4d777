"""The times of the frames, made fit for inference: known, and ever advancing."""

import math
from dataclasses import dataclass, replace

NAN = float("nan")
# A frame whose time does not advance comes this share of a period later: order is what is certain.
LEAST_STEP = 1e-3
# No detector is faster: a shorter period is the rounding of time stamps.
SHORTEST_S = 1e-6
# A time so many periods ahead is believed when the next frame's is too: a wrong time stamp would stop the clock.
FAR = 20.0


@dataclass(frozen=True, slots=True)
class Clock:
    """Time of the newest frame and the usual time between frames, in s; NaN: not known yet.

    stamp_s: the newest time stamp that was believed. doubted_s: the newest one, where it is too far ahead to be
    believed; else NaN. behind_s: the newest one, where it lies before an earlier one; else NaN. set_back_s: what is
    added to time stamps since a clock was set back. unknown: frames since ``stamp_s`` whose time was not known.
    """

    time_s: float = NAN
    period_s: float = NAN
    stamp_s: float = NAN
    doubted_s: float = NAN
    behind_s: float = NAN
    set_back_s: float = 0.0
    unknown: int = 0

    @property
    def usual_s(self) -> float:
        """The period, or one second before it is known."""
        return self.period_s if self.period_s > 0.0 else 1.0


def ticked(clock: Clock, time_s: float) -> Clock:
    """The clock at the next frame, whose own time may be unknown (NaN), stand still, go back or leap ahead."""
    if math.isnan(clock.time_s):
        known = math.isfinite(time_s)
        return Clock(time_s if known else 0.0, clock.period_s, time_s if known else NAN)
    if not math.isfinite(time_s) or time_s == clock.stamp_s:
        return replace(clock, time_s=clock.time_s + clock.usual_s, unknown=clock.unknown + 1)
    if time_s < clock.stamp_s:
        if not time_s > clock.behind_s:
            # One frame behind is late, and tells nothing of the period: that would shrink to nothing.
            return replace(clock, time_s=clock.time_s + LEAST_STEP * clock.usual_s, behind_s=time_s)
        clock = replace(clock, set_back_s=clock.time_s - clock.behind_s)
    passed = time_s + clock.set_back_s - clock.time_s
    each_s = (time_s - clock.stamp_s) / (clock.unknown + 1)
    if clock.unknown and math.isnan(clock.period_s) and passed < LEAST_STEP and each_s > SHORTEST_S:
        # What was counted for the frames without a time was too long: now their period is known.
        passed = each_s
        clock = replace(clock, period_s=passed, set_back_s=clock.time_s + passed - time_s)
    if passed > FAR * clock.period_s and not time_s >= clock.doubted_s:
        return replace(clock, time_s=clock.time_s + clock.usual_s, doubted_s=time_s)
    clock = replace(clock, stamp_s=time_s, doubted_s=NAN, behind_s=NAN, unknown=0)
    if passed < LEAST_STEP * clock.usual_s:
        return replace(clock, time_s=clock.time_s + LEAST_STEP * clock.usual_s)
    period = passed if math.isnan(clock.period_s) else clock.period_s
    period += 0.1 * (min(passed, 3.0 * period) - period)
    return replace(clock, time_s=clock.time_s + passed, period_s=period)
