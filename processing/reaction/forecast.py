"""When the remaining change will be under the tolerance."""

import math

from latticewatch.processing.reaction.motion import Array, Motion
from latticewatch.processing.reaction.start import Start
from latticewatch.processing.reaction.verdict import Forecast

Z90 = 1.6449
WIDEST = 0.5


def forecast_of(
    motion: Motion, x: Array, P: Array, walk: float, time_s: float, start: Start, tolerance: float
) -> Forecast | None:
    """From the present motion (size,), (size, size). None where the data do not bear one."""
    left = _time_left(motion, x, start.level, tolerance)
    if not (math.isfinite(left) and left > 0.0):
        return None
    variance = 0.0
    gradient = []
    for axis in range(motion.size):
        nudge = 1e-3 * math.sqrt(P[axis, axis]) + 1e-15
        moved = x.copy()
        moved[axis] += nudge
        gradient.append((_time_left(motion, moved, start.level, tolerance) - left) / nudge)
    variance = sum(gradient[i] * P[i, j] * gradient[j] for i in range(motion.size) for j in range(motion.size))
    nudge = 1e-3 * math.sqrt(start.variance) + 1e-15
    by_start = (_time_left(motion, x, start.level + nudge, tolerance) - left) / nudge
    variance += by_start**2 * start.variance
    variance += left**2 * walk**2 * motion.rate(x) * left / 3.0
    if not (
        variance > 0.0 and motion.rate(x) > 0.0 and math.sqrt(variance) < WIDEST * left + 1.0 / motion.rate(x) * 0.3
    ):
        return None
    spread = min(Z90 * math.sqrt(variance) / left, 20.0)
    return Forecast(time_s + left, time_s + left * math.exp(-spread), time_s + left * math.exp(spread))


def _time_left(motion: Motion, x: Array, start: float, tolerance: float) -> float:
    rate, total = motion.rate(x), motion.total(x, start)
    if not (rate > 0.0 and total > 0.0 and motion.remaining(x) > 0.0):
        return math.nan
    return math.log(motion.remaining(x) / (tolerance * total)) / rate
