"""When the reaction began, and from where."""

import math
from dataclasses import dataclass

from latticewatch.processing.reaction.motion import Array, Motion, steady

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Start:
    """mixing_s: seconds from the first frame. level, variance: the coordinate then, in Å and Å²."""

    mixing_s: float
    level: float
    variance: float


@dataclass(frozen=True, slots=True)
class Baseline:
    """The coordinate at rest before the reaction, in Å, and its variance."""

    level: float
    variance: float


def start_from_rest(
    motion: Motion, x: Array, time_s: float, baseline: Baseline, mixing_s: float | None, since_s: float
) -> Start:
    """Where the present motion (size,) leaves the baseline. since_s: the earliest it can be."""
    passed = motion.elapsed(x, baseline.level)
    onset = time_s - passed if math.isfinite(passed) else since_s
    found = min(max(onset, since_s), time_s)
    return Start(found if mixing_s is None else mixing_s, baseline.level, baseline.variance)


def start_in_motion(motion: Motion, x: Array, P: Array, time_s: float, mixing_s: float) -> Start:
    """The present motion (size,), (size, size) followed back to the mixing: nothing was seen at rest."""
    back_x, back_P = motion.predict(x[None], P[None], steady(1), mixing_s - time_s)
    return Start(mixing_s, float(back_x[0, 0]), float(back_P[0, 0, 0]))
