"""Drawing a realistic scan at random: the ranges of everything, in one place."""

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from latticewatch.processing.simulation.realism.real_scan import (
    Before,
    Course,
    Crystal,
    Epoch,
    Event,
    ForeignLine,
    Leg,
    RealScan,
)

T = TypeVar("T")
LINES = 64
"""h² + k² + l² below this number have an intensity error of their own."""
BROMIDE = ("Br", "CsPbBr3", 5.842)
PARTNERS = {"iodide": ("I", "CsPbI3", 6.205), "chloride": ("Cl", "CsPbCl3", 5.605)}
PERIOD_S = {"iodide": 2.5, "chloride": 10.0}
FOREIGN_FWHM_DEG, FOREIGN_FIRST_DEG, FOREIGN_LAST_DEG = 0.13, 9.6, 22.7
AXIS_RATIO = 1.004
WEAK = 0.25
"""Of the amounts after mixing, where both components are in the beam before it."""


def real_scan(seed: int) -> RealScan:
    rng = np.random.default_rng([seed, 0x5EA1])
    chemistry = _one(rng, list(PARTNERS))
    frames = int(rng.integers(150, 241))
    crystals = _crystals(rng, chemistry)
    amounts = _amounts(rng)
    before = _one(rng, list(Before))
    epochs = _epochs(rng, before, crystals, amounts, frames)
    level, foreign = _foreign(rng, frames)
    return RealScan(
        seed=seed,
        chemistry=chemistry,
        before=before,
        frames=frames,
        period_s=PERIOD_S[chemistry],
        mixing_known=bool(rng.random() < 0.5),
        crystals=crystals,
        epochs=epochs,
        course=_course(rng, frames),
        foreign_level=level,
        foreign=foreign,
        events=_events(rng, frames),
        hot=_hot(rng),
        solvent=_between(rng, 0.5, 2.0),
        glass=_between(rng, 0.5, 2.0),
    )


def _crystals(rng: np.random.Generator, chemistry: str) -> tuple[Crystal, Crystal]:
    distorted = rng.random() < 0.25
    which = _one(rng, [(True, False), (False, True), (True, True)])
    off = 0.08 if rng.random() < 0.5 else 0.0

    def crystal(kind: tuple[str, str, float], longer: bool) -> Crystal:
        name, phase, edge = kind
        return Crystal(
            name=name,
            phase=phase,
            start_A=edge + 0.005 * float(rng.standard_normal()),
            user_A=edge,
            size_A=float(rng.uniform(55.0, 130.0)),
            lorentzian=float(rng.uniform(0.25, 0.55)),
            axis_ratio=AXIS_RATIO if distorted and longer else 1.0,
            intensity_errors=np.exp(off * rng.standard_normal(LINES)),
        )

    return crystal(BROMIDE, which[0]), crystal(PARTNERS[chemistry], which[1])


def _amounts(rng: np.random.Generator) -> tuple[float, float]:
    """Between 1 : .35 and 1 : 2.8, about as much in all as the usual mixture."""
    ratio = _between(rng, 0.35, 2.8)
    total = _between(rng, 1.5, 2.5)
    return total / (1.0 + ratio), total * ratio / (1.0 + ratio)


def _epochs(
    rng: np.random.Generator,
    before: Before,
    crystals: tuple[Crystal, Crystal],
    amounts: tuple[float, float],
    frames: int,
) -> tuple[Epoch, ...]:
    cells = (crystals[0].start_A, crystals[1].start_A)
    end_A = vegard(cells, amounts)
    mixing = float(rng.uniform(3.0, 20.0))
    legs = _legs(rng)
    first = {
        Before.WEAK: Epoch(0.0, cells, (WEAK * amounts[0], WEAK * amounts[1]), end_A),
        Before.FIRST_ALONE: Epoch(0.0, cells, (amounts[0], 0.0), end_A),
        Before.SOLVENT: Epoch(0.0, cells, (0.0, 0.0), end_A),
        Before.PRODUCT: Epoch(0.0, (end_A, end_A), amounts, end_A),
    }[before]
    epochs = [first, Epoch(mixing, cells, amounts, end_A, legs)]
    if rng.random() < 0.1:
        epochs.append(_second(rng, epochs[-1], cells, frames))
    return tuple(epochs)


def _second(rng: np.random.Generator, mixed: Epoch, cells: tuple[float, float], frames: int) -> Epoch:
    """Fresh samples in the place of the old one, or more of the second component into the product."""
    begin = float(rng.uniform(0.5, 0.7)) * frames
    if rng.random() < 0.5 or left_at(mixed.legs, begin - mixed.begin) > 0.02:
        return Epoch(begin, cells, mixed.amounts, mixed.end_A, mixed.legs)
    amounts = (mixed.amounts[0] + mixed.amounts[1], mixed.amounts[1] * float(rng.uniform(0.7, 1.5)))
    fresh = (mixed.end_A, cells[1])
    return Epoch(begin, fresh, amounts, vegard(fresh, amounts), _legs(rng))


def _legs(rng: np.random.Generator) -> tuple[Leg, ...]:
    tau = _between(rng, 6.0, 60.0)
    beta = float(rng.uniform(0.6, 0.95)) if rng.random() < 0.4 else 1.0
    first = Leg(0.0, 1.0, tau, beta)
    if rng.random() < 0.5:
        return (first,)
    left = float(rng.uniform(0.35, 0.85))
    begin = tau * (-math.log(left)) ** (1.0 / beta)
    end = begin + float(rng.uniform(5.0, 21.0))
    return first, Leg(begin, left, math.inf), Leg(end, left, tau * float(rng.uniform(1.0, 2.0)))


def _course(rng: np.random.Generator, frames: int) -> Course:
    def sometimes(chance: float, value: float) -> float:
        return value if rng.random() < chance else 0.0

    return Course(
        spread_A=_one(rng, [0.0, 0.006, 0.012]),
        spread_law=int(rng.integers(3)),
        fade=sometimes(0.3, 0.15),
        flushed=int(rng.uniform(0.75, 0.95) * frames) if rng.random() < 0.05 else -1,
        warming=sometimes(0.15, float(rng.uniform(-6e-4, 6e-4))),
        absorption=sometimes(0.2, float(rng.uniform(-0.25, 0.25))),
        texture=sometimes(0.1, float(rng.uniform(0.02, 0.06))),
        zingers=sometimes(0.15, 0.05),
        unreadable=int(rng.integers(1, 4)) if rng.random() < 0.1 else 0,
    )


def _foreign(rng: np.random.Generator, frames: int) -> tuple[float, tuple[ForeignLine, ...]]:
    level = _one(rng, [0.0, 0.01, 0.03])
    kind = _one(rng, ["steady"] * 7 + ["in mid-scan"] * 2 + ["broad"])
    count = 7 if kind == "steady" else int(rng.integers(2, 8))
    since = int(rng.uniform(0.2, 0.7) * frames) if kind == "in mid-scan" else 0
    lines = []
    for _ in range(count):
        angle = float(rng.uniform(FOREIGN_FIRST_DEG, FOREIGN_LAST_DEG))
        broad = kind == "broad"
        fwhm = float(rng.uniform(0.5, 1.2)) if broad else FOREIGN_FWHM_DEG
        lines.append(ForeignLine(angle, level * (fwhm / FOREIGN_FWHM_DEG) ** 0.5, fwhm, since))
    return (level, tuple(lines)) if level else (0.0, ())


def _events(rng: np.random.Generator, frames: int) -> tuple[Event, ...]:
    events = []
    for chance, most, lengths, factor, bubble in (
        (0.3, 2, (3, 18), 0.0, False),
        (0.3, 3, (1, 5), 0.7, False),
        (0.15, 2, (1, 7), 0.3, True),
    ):
        for _ in range(int(rng.integers(1, most + 1)) if rng.random() < chance else 0):
            first = int(rng.integers(2, frames - 20))
            events.append(Event(first, first + int(rng.integers(*lengths)) - 1, factor, bubble))
    return tuple(events)


def _hot(rng: np.random.Generator) -> tuple[tuple[float, float], ...]:
    """Mostly none: those that never rest are found and masked before a pattern is made."""
    count = int(rng.integers(1, 4)) if rng.random() < 0.08 else 0
    return tuple((float(rng.uniform(6.0, 24.0)), _between(rng, 500.0, 50_000.0)) for _ in range(count))


def vegard(cells: tuple[float, float], amounts: tuple[float, float]) -> float:
    """The cell edge of the mixed crystal that both become when no anion is lost."""
    return (cells[0] * amounts[0] + cells[1] * amounts[1]) / (amounts[0] + amounts[1])


def left_at(legs: tuple[Leg, ...], frame: float) -> float:
    """What is left of the change, 1 to 0, so many frames after mixing."""
    leg = [leg for leg in legs if leg.begin <= frame][-1]
    return leg.left if math.isinf(leg.tau) else leg.left * math.exp(-(((frame - leg.begin) / leg.tau) ** leg.beta))


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    """Evenly in the logarithm."""
    return float(math.exp(rng.uniform(math.log(low), math.log(high))))


def _one(rng: np.random.Generator, choices: Sequence[T]) -> T:
    return choices[int(rng.integers(len(choices)))]
