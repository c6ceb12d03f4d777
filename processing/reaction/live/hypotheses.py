"""Many hypotheses of what the coordinate does now, weighed against each other frame by frame.

Each hypothesis is one segment, rest or motion, with the time it began: a run-length posterior (Adams and MacKay 2007)
whose segments are followed by Kalman filters. At every frame new segments branch off the mixture of the old ones with a
small prior probability (the hazard), all are weighed by how well they foretold the frame, and the best are kept: work
per frame is constant. Outliers are weighed softly (probabilistic data association, Bar-Shalom 1975).
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.reaction.live.motion import Array, Motion, Pace, steady
from latticewatch.processing.reaction.live.normal import normal_cdf

NAN = float("nan")
KEPT = 48
OUTLIER_SHARE = 0.02
OUTLIER_WIDTH = 30.0
# Probability density per Å (or of an amount) of a value that is wrong altogether, whatever its esd: more than that of a
# fresh start, so that one such frame is forgotten and two that agree are believed.
OUTLIER_ANYWHERE = 0.005
REST, MOVE = 0, 1
FIRST, FROM_REST, TURNED, FRESH = 0, 1, 2, 3
# A motion that has slowed to this share of its speed rests; one that rested moves again at this share of that.
REST_SPEED = 0.25
RESUMED_SPEED = 0.2
PROVEN = 3
# A bend multiplies the speed by about this, give or take, with this share: slower, faster, turned back, back again.
BENDS = ((0.5, 0.25, 0.35), (2.0, 0.6, 0.15), (-0.6, 0.35, 0.35), (-2.0, 0.8, 0.15))
FARTHEST_A = 200.0
NEGLIGIBLE = 1e-6
BENT_WALK = 0.01


@dataclass(frozen=True, slots=True)
class Hazards:
    """Prior probabilities.

    Over the whole way (``span_A``): motion comes to rest, motion bends (changes its rate). In one frame: rest becomes
    motion, all is new.
    """

    span_A: float
    rest: float = 0.3
    bend: float = 0.3
    move: float = 0.01
    jump: float = 1e-3

    def passed(self, way_A: Array | float) -> Array:
        """Share of the whole way: what stops an exchange is a composition, as likely here as there."""
        return np.asarray(np.clip(np.abs(way_A) / self.span_A, 1e-4, 0.3))


@dataclass(frozen=True, slots=True)
class Bank:
    """The hypotheses, all arrays with first axis n.

    x, P: state and covariance (motion.py). kind: REST or MOVE. weight: posterior probability, sums to 1.
    slow: speed parameter under which this segment counts as rest (NaN: none). walk, fade: the motion's law (motion.py).
    age: frames seen by this segment. origin: what it branched off (FIRST, FROM_REST, TURNED, FRESH).
    left_s, left_y, left_rate: time, coordinate and dy/dt where the segment before was left.
    """

    x: Array
    P: Array
    kind: NDArray[np.int8]
    weight: Array
    slow: Array
    walk: Array
    fade: Array
    age: NDArray[np.int64]
    origin: NDArray[np.int8]
    left_s: Array
    left_y: Array
    left_rate: Array


@dataclass(frozen=True, slots=True)
class Branch:
    """One hypothesis just begun; the fields are those of ``Bank``, x (size,) and P (size, size)."""

    x: Array
    P: Array
    kind: int
    weight: float
    origin: int
    left_s: float
    left_y: float
    left_rate: float = NAN
    slow: float = NAN
    walk: float = 0.0
    fade: float = 0.0


def first_bank(motion: Motion, y: float, variance: float, dt: float, time_s: float, moving: float) -> Bank:
    """After the first observation: at rest, or already moving with prior probability ``moving``."""
    x, P = motion.begin(y, variance, 0.0, dt)
    still_x, still_P = np.zeros_like(x), np.zeros_like(P)
    still_x[0], still_P[0, 0] = y, variance
    rest = Branch(still_x, still_P, REST, 1.0 - moving, FIRST, time_s, y)
    return _banked([rest, *_motions(motion, y, variance, dt, moving, time_s, FIRST)])


def _motions(
    motion: Motion, y: float, variance: float, dt: float, weight: float, left_s: float, origin: int
) -> list[Branch]:
    """Motions from level y, of any speed, after each of the laws; a fresh one is steady until it has proved itself."""
    each = weight / len(motion.speed_scales)
    return [
        Branch(
            *motion.begin(y, variance, scale, dt),
            MOVE,
            each * law.share,
            origin,
            left_s,
            y,
            walk=law.walk,
            fade=law.fade,
        )
        for scale in motion.speed_scales
        for law in (motion.laws[:1] if origin == FRESH else motion.laws)
    ]


def step(
    motion: Motion, bank: Bank, time_s: float, dt: float, period: float, z: float, R: float, hazards: Hazards
) -> Bank:
    """The bank one frame later. z, R: observed coordinate and its variance; z is NaN where there is none."""
    ahead_x, ahead_P = _bounded(*motion.predict(bank.x, bank.P, _pace(bank, time_s, dt, period), dt))
    resting = bank.kind == REST
    turning = (hazards.rest + hazards.bend) * hazards.passed(ahead_x[:, 0] - bank.x[:, 0])
    leave = np.where(resting, hazards.move, turning) + hazards.jump
    ahead = replace(bank, x=ahead_x, P=ahead_P, weight=bank.weight * (1.0 - leave), age=bank.age + 1)
    if np.isnan(z):
        return ahead
    branches = _branches(motion, bank, ahead, time_s - dt, dt, period, z, R, hazards)
    return _kept(_updated(_joined(ahead, _banked(branches)), z, R))


def _pace(bank: Bank, time_s: float, dt: float, period: float) -> Pace:
    """How the rates change on the way to time_s. A motion is half a frame old at least."""
    if not bank.fade.any():
        return Pace(bank.walk, np.ones_like(bank.walk), np.ones_like(bank.walk))
    age = np.maximum(time_s - dt - bank.left_s, 0.5 * period)
    return Pace(bank.walk, (1.0 + 0.5 * dt / age) ** -bank.fade, (1.0 + dt / age) ** -bank.fade)


def _bounded(x: Array, P: Array) -> tuple[Array, Array]:
    """Hypotheses that run away while nothing is observed stay finite: no edge of a cell is so long."""
    x[:, 0] = np.clip(x[:, 0], -FARTHEST_A, FARTHEST_A)
    scale = np.minimum(1.0, FARTHEST_A**2 / np.maximum(P[:, 0, 0], 1e-12))
    return x, P * scale[:, None, None]


def _branches(
    motion: Motion,
    bank: Bank,
    ahead: Bank,
    left_s: float,
    dt: float,
    period: float,
    z: float,
    R: float,
    hazards: Hazards,
) -> list[Branch]:
    parts: list[Branch] = []
    resting, moving = bank.kind == REST, bank.kind == MOVE
    share = float(bank.weight[moving].sum())
    if share > NEGLIGIBLE:
        parts += _left_motion(mixed(bank, moving), mixed(ahead, moving), share, left_s, dt, hazards)
    share = float(bank.weight[resting].sum())
    if share > NEGLIGIBLE:
        x, P = mixed(bank, resting)
        begun = _motions(motion, float(x[0]), float(P[0, 0]), period, share * hazards.move, left_s, FROM_REST)
        slow = RESUMED_SPEED * float(bank.slow[resting][np.argmax(bank.weight[resting])])
        parts += _begun(motion, begun, dt / 2.0, slow)
    # A fresh start may be anywhere within 1 Å: its own prediction, always perfect, must not be its merit.
    return parts + _motions(motion, z, R, period, hazards.jump * math.sqrt(2.0 * R), left_s, FRESH)


def _begun(motion: Motion, branches: list[Branch], dt: float, slow: float) -> list[Branch]:
    """Motions that began at an unknown moment within the last frame: half a frame later."""
    x, P = np.array([branch.x for branch in branches]), np.array([branch.P for branch in branches])
    x, P = motion.predict(x, P, steady(len(branches)), dt)
    return [replace(branch, x=x[i], P=P[i], slow=slow) for i, branch in enumerate(branches)]


def _left_motion(
    old: tuple[Array, Array], new: tuple[Array, Array], share: float, left_s: float, dt: float, hazards: Hazards
) -> list[Branch]:
    """The motion came to rest, or changed its rate, at some moment within the last ``dt``."""
    (x, P), (x1, P1) = old, new
    way = float(x1[0] - x[0])
    middle, variance = float(x[0] + x1[0]) / 2.0, float(P[0, 0] + P1[0, 0]) / 2.0 + way**2 / 12.0
    left_y, rate, speed = float(x[0]), way / dt, float(x1[1])
    passed, slow = float(hazards.passed(way)), REST_SPEED * abs(speed)
    still_x, still_P = np.zeros_like(x), np.zeros_like(P)
    still_x[0], still_P[0, 0] = middle, variance
    parts = [Branch(still_x, still_P, REST, share * hazards.rest * passed, TURNED, left_s, left_y, rate, slow)]
    for factor, width, part in BENDS:
        bent_x, bent_P = x1.copy(), P1.copy()
        bent_P[:2, :] = bent_P[:, :2] = 0.0
        bent_x[:2] = middle, factor * speed
        bent_P[0, 0], bent_P[1, 1] = variance, (width * speed) ** 2 + P1[1, 1]
        weight = share * hazards.bend * passed * part
        parts.append(Branch(bent_x, bent_P, MOVE, weight, TURNED, left_s, left_y, rate, slow, BENT_WALK))
    return parts


def _banked(parts: list[Branch]) -> Bank:
    return Bank(
        x=np.array([part.x for part in parts]),
        P=np.array([part.P for part in parts]),
        kind=np.array([part.kind for part in parts], np.int8),
        weight=np.array([part.weight for part in parts]),
        slow=np.array([part.slow for part in parts]),
        walk=np.array([part.walk for part in parts]),
        fade=np.array([part.fade for part in parts]),
        age=np.ones(len(parts), np.int64),
        origin=np.array([part.origin for part in parts], np.int8),
        left_s=np.array([part.left_s for part in parts]),
        left_y=np.array([part.left_y for part in parts]),
        left_rate=np.array([part.left_rate for part in parts]),
    )


def _joined(first: Bank, second: Bank) -> Bank:
    return Bank(*(np.concatenate([getattr(first, name), getattr(second, name)]) for name in Bank.__slots__))


def mixed(bank: Bank, chosen: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Mean and covariance of the chosen hypotheses taken as one Gaussian."""
    w = bank.weight[chosen]
    w = w / max(w.sum(), 1e-300)
    x, P = bank.x[chosen], bank.P[chosen]
    mean = w @ x
    away = x - mean
    return mean, (w[:, None, None] * P).sum(axis=0) + (w[:, None] * away).T @ away


def _updated(bank: Bank, z: float, R: float) -> Bank:
    """Bayes' rule with an observation that is, with a small probability, an outlier."""
    residual = z - bank.x[:, 0]
    S = bank.P[:, 0, 0] + R
    wide = bank.P[:, 0, 0] + R * OUTLIER_WIDTH**2
    good = (1.0 - OUTLIER_SHARE) * np.exp(-0.5 * residual**2 / S) / np.sqrt(S)
    bad = OUTLIER_SHARE * np.exp(-0.5 * residual**2 / wide) / np.sqrt(wide) + OUTLIER_ANYWHERE
    r = good / (good + bad)
    gain = bank.P[:, :, 0] / S[:, None]
    x = bank.x + gain * (r * residual)[:, None]
    outer = gain[:, :, None] * gain[:, None, :]
    P = bank.P - outer * (r * S - r * (1.0 - r) * residual**2)[:, None, None]
    weight = bank.weight * (good + bad)
    return replace(bank, x=x, P=P, weight=weight / weight.sum())


def _kept(bank: Bank) -> Bank:
    if len(bank.weight) <= KEPT:
        return bank
    best = np.sort(np.argpartition(bank.weight, -KEPT)[-KEPT:])
    weight = bank.weight[best]
    kept = Bank(*(getattr(bank, name)[best] for name in Bank.__slots__))
    return replace(kept, weight=weight / weight.sum())


def rest_probability(bank: Bank) -> Array:
    """For each hypothesis (n,): probability that its speed is that of rest."""
    spread = np.sqrt(bank.P[:, 1, 1]) + 1e-300
    slow = normal_cdf((bank.slow - bank.x[:, 1]) / spread) - normal_cdf((-bank.slow - bank.x[:, 1]) / spread)
    return np.where(bank.kind == REST, 1.0, np.where(np.isnan(bank.slow), 0.0, slow))


def reweighed(bank: Bank, likelihood: Array) -> Bank:
    """The bank after evidence that is no value of y: likelihood (n,)."""
    weight = bank.weight * likelihood
    return replace(bank, weight=weight / weight.sum())


def proven(bank: Bank) -> Array:
    """Weights (n,) without segments too young to have been tested by the data; their sum is 1."""
    weight = np.where(bank.age >= PROVEN, bank.weight, 0.0)
    total = float(weight.sum())
    return weight / total if total > 0.0 else bank.weight
