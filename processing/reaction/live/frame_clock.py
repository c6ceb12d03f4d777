"""The times of the frames, made fit for inference: known, and ever advancing."""

import math
from dataclasses import dataclass

NAN = float("nan")
# A frame whose time does not advance comes this share of a period later: order is what is certain.
LEAST_STEP = 1e-3
# A time so many periods ahead is believed when the next frame's is too: a wrong time stamp would stop the clock.
FAR = 20.0


@dataclass(frozen=True, slots=True)
class Clock:
    """Time of the newest frame and the usual time between frames, in s; NaN: not known yet.

    doubted_s: what the newest frame's time stamp said, where that is too far ahead to be believed; else NaN.
    """

    time_s: float = NAN
    period_s: float = NAN
    doubted_s: float = NAN

    @property
    def usual_s(self) -> float:
        """The period, or one second before it is known."""
        return self.period_s if self.period_s > 0.0 else 1.0


def ticked(clock: Clock, time_s: float) -> Clock:
    """The clock at the next frame, whose own time may be unknown (NaN) or behind."""
    if math.isnan(clock.time_s):
        return Clock(time_s if math.isfinite(time_s) else 0.0, clock.period_s)
    passed = time_s - clock.time_s if math.isfinite(time_s) else clock.usual_s
    if not math.isfinite(time_s) or passed < LEAST_STEP * clock.usual_s:
        # Late frames, and times that are not known, tell nothing of the period: it would shrink to nothing.
        return Clock(clock.time_s + max(passed, LEAST_STEP * clock.usual_s), clock.period_s)
    if passed > FAR * clock.period_s and not time_s >= clock.doubted_s:
        return Clock(clock.time_s + clock.usual_s, clock.period_s, time_s)
    period = passed if math.isnan(clock.period_s) else clock.period_s
    return Clock(clock.time_s + passed, period + 0.1 * (min(passed, 3.0 * period) - period))
