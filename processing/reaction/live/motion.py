"""How the watched coordinate may move: towards zero at a rate (two lattices), or towards a level not yet known.

A coordinate y is followed by many hypotheses at once, each a Gaussian over a small state. State 0 is y itself and state
1 its speed parameter, which is exactly zero at rest.

Two lattices that exchange end as one: y = a₂ - a₁ falls to zero, dy/dt = -k y, state (y, k). The end needs no guess.
One lattice alone approaches a level that only the curvature tells: dy/dt = v, dv/dt = -k v, state (y, v, k).
"""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.reaction.live.normal import normal_cdf

Array = NDArray[np.float64]
TINY = 1e-300


@dataclass(frozen=True, slots=True)
class Law:
    """How the rate constant k of a motion changes, and how likely that is beforehand.

    walk: random walk of ln k while one time constant passes. fade: k falls as time^-fade since the motion began, as in
    a stretched exponential with exponent 1 - fade.
    """

    walk: float
    fade: float
    share: float


@dataclass(frozen=True, slots=True)
class Pace:
    """Changes of k of every hypothesis, (n,) each, over one step.

    walk: as in ``Law``. middle, end: factor on k half way through the step and at its end.
    """

    walk: Array
    middle: Array
    end: Array


def steady(n: int) -> Pace:
    """k stays what it is."""
    return Pace(np.zeros(n), np.ones(n), np.ones(n))


class Motion(Protocol):
    """The dynamics of one kind of coordinate. x: (n, size) means, P: (n, size, size) covariances."""

    @property
    def size(self) -> int:
        """Length of the state."""
        ...

    @property
    def speed_scales(self) -> tuple[float, ...]:
        """Speeds per frame that a motion may begin with, orders of magnitude."""
        ...

    @property
    def laws(self) -> tuple[Law, ...]:
        """How its rate may change; their shares sum to 1."""
        ...

    def predict(self, x: Array, P: Array, pace: Pace, dt: float) -> tuple[Array, Array]:
        """Means and covariances ``dt`` seconds later."""
        ...

    def begin(self, y: float, variance: float, scale: float, dt: float) -> tuple[Array, Array]:
        """A motion of unknown speed from level y, of the order of ``scale`` per frame of ``dt`` seconds."""
        ...

    def within(self, x: Array, P: Array, start: float, start_variance: float, tolerance: float) -> Array:
        """Probability (n,) that what remains is under ``tolerance`` of the total change from ``start``."""
        ...

    def rates(self, x: Array) -> Array:
        """Rate constants (n,) in 1/s."""
        ...

    def time_left(self, x: Array, start: Array, tolerance: float, fade: Array, age_s: Array) -> Array:
        """Seconds (n,) until what remains is ``tolerance`` of the total change; NaN: never.

        fade: as in ``Law``; age_s: seconds since the motion began, both (n,).
        """
        ...

    def speed_of(self, y: float, rate: float) -> float:
        """State 1 of a motion through y at dy/dt = ``rate``."""
        ...

    def elapsed(self, x: Array, level: float) -> float:
        """Seconds since y was at ``level``, were this one motion (size,) all there was. NaN: never."""
        ...

    def total(self, x: Array, start: float) -> float:
        """The total change from ``start`` to the end of this motion (size,)."""
        ...

    def remaining(self, x: Array) -> float:
        """What this motion (size,) still has before it."""
        ...


@dataclass(frozen=True, slots=True)
class PairMotion:
    """The distance between two lattices."""

    size: int = 2
    speed_scales: tuple[float, ...] = (0.3, 0.03)
    laws: tuple[Law, ...] = (Law(0.003, 0.0, 0.6), Law(0.15, 0.0, 0.2), Law(0.08, 0.25, 0.2))

    def predict(self, x: Array, P: Array, pace: Pace, dt: float) -> tuple[Array, Array]:
        """dy/dt = -k y. k is held within what one step can follow."""
        k = x[:, 1]
        decay = np.exp(np.clip(-k * pace.middle * dt, -20.0, 3.0))
        ahead = np.stack([x[:, 0] * decay, k * pace.end], axis=1)
        F = np.zeros_like(P)
        F[:, 0, 0] = decay
        F[:, 0, 1] = -dt * pace.middle * ahead[:, 0]
        F[:, 1, 1] = pace.end
        P = F @ P @ F.transpose(0, 2, 1)
        P[:, 1, 1] += pace.walk**2 * np.abs(k) ** 3 * abs(dt)
        return ahead, P

    def begin(self, y: float, variance: float, scale: float, dt: float) -> tuple[Array, Array]:
        """k unknown, of either sign."""
        return np.array([y, 0.0]), np.array([[variance, 0.0], [0.0, (scale / dt) ** 2]])

    def within(self, x: Array, P: Array, start: float, start_variance: float, tolerance: float) -> Array:
        """What remains is y itself, on either side of zero."""
        margin, spread = tolerance * abs(start), np.sqrt(P[:, 0, 0] + tolerance**2 * start_variance + TINY)
        return normal_cdf((margin - x[:, 0]) / spread) - normal_cdf((-margin - x[:, 0]) / spread)

    def speed_of(self, y: float, rate: float) -> float:
        """k = -rate / y."""
        return -rate / y if y else 0.0

    def elapsed(self, x: Array, level: float) -> float:
        """From y = level exp(-k s)."""
        ratio = level / x[0] if x[0] else 0.0
        return math.log(ratio) / x[1] if ratio > 0.0 and x[1] else math.nan

    def total(self, x: Array, start: float) -> float:  # noqa: ARG002
        """It ends at zero."""
        return abs(start)

    def remaining(self, x: Array) -> float:
        """The distance itself."""
        return abs(float(x[0]))

    def rates(self, x: Array) -> Array:
        """k."""
        return x[:, 1]

    def time_left(self, x: Array, start: Array, tolerance: float, fade: Array, age_s: Array) -> Array:
        """From y exp(-∫k ds) = tolerance * start."""
        k, ratio = x[:, 1], x[:, 0] / (tolerance * start)
        good = (k > 0.0) & (ratio > 1.0)
        plain = np.where(good, np.log(np.where(good, ratio, 2.0)) / np.where(good, k, 1.0), np.nan)
        power, age = 1.0 - fade, np.maximum(age_s, 1e-9)
        return np.where(fade > 0.0, age * ((1.0 + power * plain / age) ** (1.0 / power) - 1.0), plain)


@dataclass(frozen=True, slots=True)
class SingleMotion:
    """One lattice parameter."""

    size: int = 3
    speed_scales: tuple[float, ...] = (0.03, 0.003)
    laws: tuple[Law, ...] = (Law(0.003, 0.0, 0.7), Law(0.1, 0.0, 0.3))

    def predict(self, x: Array, P: Array, pace: Pace, dt: float) -> tuple[Array, Array]:
        """dy/dt = v, dv/dt = -k v, integrated exactly."""
        v, k = x[:, 1], np.clip(x[:, 2] * dt, -3.0, 20.0)
        decay = np.exp(-k)
        small = np.abs(k) < 1e-4
        safe = np.where(small, 1.0, k)
        lasting = np.where(small, 1.0 - k / 2.0, (1.0 - decay) / safe) * dt
        slope = np.where(small, -0.5 + k / 3.0, (decay * (1.0 + k) - 1.0) / safe**2) * dt * dt
        ahead = np.stack([x[:, 0] + v * lasting, v * decay, x[:, 2]], axis=1)
        F = np.zeros_like(P)
        F[:, 0, 0] = F[:, 2, 2] = 1.0
        F[:, 0, 1], F[:, 0, 2] = lasting, v * slope
        F[:, 1, 1], F[:, 1, 2] = decay, -dt * ahead[:, 1]
        P = F @ P @ F.transpose(0, 2, 1)
        P[:, 2, 2] += pace.walk**2 * np.abs(x[:, 2]) ** 3 * abs(dt)
        return ahead, P

    def begin(self, y: float, variance: float, scale: float, dt: float) -> tuple[Array, Array]:
        """v unknown, of either sign; k unknown but seldom negative."""
        return np.array([y, 0.0, 0.05 / dt]), np.diag([variance, (scale / dt) ** 2, (0.15 / dt) ** 2])

    def within(self, x: Array, P: Array, start: float, start_variance: float, tolerance: float) -> Array:
        """What remains is v / k; being under c = tolerance / (1 - tolerance) of what is done means |v| < c k."""
        sign = np.sign(x[:, 0] - start)
        share = tolerance / (1.0 - tolerance)
        c = share * np.abs(x[:, 0] - start)
        margin = c * x[:, 2] - sign * x[:, 1]
        spread = c**2 * P[:, 2, 2] + P[:, 1, 1] - 2.0 * sign * c * P[:, 1, 2]
        spread += (share * x[:, 2]) ** 2 * (start_variance + P[:, 0, 0])
        return normal_cdf(margin / np.sqrt(np.maximum(spread, TINY)))

    def speed_of(self, y: float, rate: float) -> float:  # noqa: ARG002
        """v is the rate itself."""
        return rate

    def elapsed(self, x: Array, level: float) -> float:
        """From y - level = v (exp(k s) - 1) / k."""
        if not x[1]:
            return math.nan
        plain = float((x[0] - level) / x[1])
        grown = 1.0 + x[2] * plain
        return math.log(grown) / float(x[2]) if grown > 0.0 and abs(x[2] * plain) > 1e-6 else plain

    def total(self, x: Array, start: float) -> float:
        """To where the curvature points."""
        return abs(float(x[0] - start + x[1] / x[2])) if x[2] > 0.0 else math.nan

    def remaining(self, x: Array) -> float:
        """v / k."""
        return abs(float(x[1] / x[2])) if x[2] > 0.0 else math.nan

    def rates(self, x: Array) -> Array:
        """k."""
        return x[:, 2]

    def time_left(self, x: Array, start: Array, tolerance: float, fade: Array, age_s: Array) -> Array:  # noqa: ARG002
        """From v exp(-k s) / k = tolerance * total; such a motion does not fade."""
        k, good = x[:, 2], x[:, 2] > 0.0
        k = np.where(good, k, 1.0)
        total = np.abs(x[:, 0] - start + x[:, 1] / k)
        left = np.abs(x[:, 1]) / (k * tolerance * np.maximum(total, TINY))
        return np.where(good & (left > 0.0), np.log(np.where(left > 0.0, left, 1.0)) / k, np.nan)
