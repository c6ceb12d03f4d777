"""When the reaction began, and from where."""

import math
from dataclasses import dataclass

import numpy as np

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Start:
    """mixing_s: seconds from the first frame. level, variance: the coordinate then, in Å and Å²."""

    mixing_s: float
    level: float
    variance: float


def start_of(
    mixing_s: float | None, early: list[tuple[float, float, float]], period: float, empty_before: bool
) -> Start:
    """From the first frames (time, coordinate, variance). Raises nothing; needs at least one frame."""
    times, z, R = (np.array(column) for column in zip(*early, strict=True))
    first = times[0] - (period / 2.0 if empty_before else 0.0)
    at = first if mixing_s is None else min(mixing_s, float(times[0]))
    degree = min(len(times) - 1, 2)
    design = np.vander(times - at, degree + 1, increasing=True) / np.sqrt(R)[:, None]
    solution, *_ = np.linalg.lstsq(design, z / np.sqrt(R), rcond=None)
    covariance = np.linalg.pinv(design.T @ design)
    level, variance = float(solution[0]), float(covariance[0, 0])
    return Start(float(at), level if math.isfinite(level) else float(z[0]), variance)
