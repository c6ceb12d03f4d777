"""Simulated lattice parameters of two lattices that exchange, with the truth beside them.

Physics of the paper's two mixtures: the distance between the lattices falls as their exchange goes on, q from 1 to 0,
with rate dq/dt = -k(t) q; k is zero in a pause, negative where the reaction turns back.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.config.resolve import Setup
from latticewatch.processing.crystal.phase import read_phase
from latticewatch.processing.flow.fit import Component, Fit, FittedCell, Lattice
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.quantity import quantity_named
from latticewatch.processing.flow.verdict import NAN

TOLERANCE = 0.03
# Families in which a quantity is watched by its name; a usual axis ratio, and how far an amount goes.
WATCHED = {"ratio": "c/a", "amount": "weight", "transformation": "weight"}
RATIO, CHANGE = 1.6, 0.8


@dataclass(frozen=True)
class Mixture:
    """Cells in Å: start of the watched lattice, of its partner, end; least separation that a fit tells apart."""

    name: str
    first_A: float
    second_A: float
    end_A: float
    least_A: float
    period_s: float
    tau_s: tuple[float, float]


IODIDE = Mixture("iodide", 5.842, 6.205, 6.031, 0.0103, 2.5, (12.0, 60.0))
CHLORIDE = Mixture("chloride", 5.842, 5.605, 5.706, 0.0093, 10.0, (150.0, 1200.0))


@dataclass(frozen=True)
class Stretch:
    """A piece of the rate: until q has reached ``until`` (or for ``lasts_s``), at rate k, stretched by beta."""

    k: float
    until: float = NAN
    lasts_s: float = NAN
    beta: float = 1.0


@dataclass(frozen=True)
class Trace:
    """One run: what the judge is given, and the truth. pauses: (start, end, slope before it in Å/s)."""

    family: str
    mixture: Mixture
    setup: Setup
    times_s: NDArray[np.float64]
    fits: list[Fit | NoResult]
    q: NDArray[np.float64]
    mixing_s: float
    sigma_A: float
    pauses: list[tuple[float, float, float]]
    complete_s: float
    tau_s: float
    settled_s: float


def frames_needed(slope: float, period: float, sigma: float) -> int:
    """Frames of rest that a straight line tells from ``slope`` (Å/s) at 5 sigma, at least four."""
    n = 4
    while abs(slope) * period * math.sqrt(n * (n * n - 1) / 12.0) < 5.0 * sigma:
        n += 1
    return n


def q_of(
    stretches: list[Stretch], times: NDArray[np.float64], mixing: float
) -> tuple[NDArray[np.float64], list[float]]:
    """q at these times, and the time each stretch began (one more at the end)."""
    q, begun = np.ones_like(times), [mixing]
    level = 1.0
    for stretch in stretches:
        start = begun[-1]
        inside = times >= start
        passed = times[inside] - start
        shape = (stretch.k * passed) ** stretch.beta if stretch.beta != 1.0 else stretch.k * passed
        q[inside] = level * np.exp(-shape)
        if math.isfinite(stretch.lasts_s):
            lasts = stretch.lasts_s
        elif math.isfinite(stretch.until):
            lasts = math.log(level / stretch.until) ** (1.0 / stretch.beta) / stretch.k
        else:
            return q, [*begun, math.inf]
        x = stretch.k * lasts
        level *= math.exp(-(x**stretch.beta if stretch.beta != 1.0 else x))
        begun.append(start + lasts)
    return q, begun


def make(family: str, rng: np.random.Generator) -> Trace:
    """A random trace of this family."""
    mixture = IODIDE if rng.random() < 0.5 else CHLORIDE
    sigma = 10.0 ** rng.uniform(math.log10(3e-4), math.log10(3e-3))
    tau = math.exp(rng.uniform(*np.log(mixture.tau_s)))
    stretches, pauses_at, slopes = FAMILIES[family](rng, mixture, tau, sigma)
    return _trace(family, rng, mixture, sigma, stretches, pauses_at, slopes)


def _trace(
    family: str,
    rng: np.random.Generator,
    mixture: Mixture,
    sigma: float,
    stretches: list[Stretch],
    pauses_at: list[int],
    slopes: list[float],
) -> Trace:
    period = mixture.period_s
    lead = int(rng.integers(1, 8))
    mixing = (lead - rng.uniform()) * period
    _, begun = q_of(stretches, np.array([mixing]), mixing)
    rate = next(s.k for s in reversed(stretches) if s.k > 0.0)
    last = begun[-2] if math.isinf(begun[-1]) else begun[-1]
    end = last + (4.8 / rate if math.isinf(begun[-1]) and stretches[-1].k > 0.0 else 60.0 * period)
    if stretches[-1].beta != 1.0:
        end = last + 4.8 ** (1.0 / stretches[-1].beta) / rate
    if stretches[-1].beta > 1.0:  # it is over at once: only what comes after shows that
        end += 40.0 * period
    times = _times(family, rng, period, end)
    q, begun = q_of(stretches, times, mixing)
    fine = np.linspace(0.0, end, 20_001)
    q_fine, _ = q_of(stretches, fine, mixing)
    over = np.flatnonzero(q_fine > TOLERANCE)[-1]
    complete = _crossed(fine, q_fine, over) if over < len(fine) - 1 else math.inf
    tau = math.inf
    if math.isfinite(complete):
        at = min(over, len(fine) - 20)
        slope = -(math.log(q_fine[at + 10]) - math.log(q_fine[at])) / (fine[at + 10] - fine[at])
        tau = 1.0 / slope
    pauses = [(begun[i], min(begun[i + 1], end), slope) for i, slope in zip(pauses_at, slopes, strict=True)]
    settled = begun[len(stretches) - 1]
    fits = _fits(family, rng, mixture, sigma, times, q, mixing)
    dumped = [t for t, fit in zip(times, fits, strict=True) if isinstance(fit, NoResult) and fit.reason == "no beam"]
    return Trace(
        family=family,
        mixture=mixture,
        setup=_setup(family, mixture, float(mixing) if rng.random() < 0.5 else None),
        times_s=times,
        fits=fits,
        q=q,
        mixing_s=float(mixing),
        sigma_A=sigma,
        pauses=pauses,
        complete_s=float(complete),
        tau_s=float(tau),
        settled_s=max([float(settled), *dumped[-1:]]),
    )


def _crossed(fine: NDArray[np.float64], q: NDArray[np.float64], over: np.intp) -> float:
    """When q falls under the tolerance, between the last point over it and the next."""
    return float(np.interp(TOLERANCE, q[[over + 1, over]], fine[[over + 1, over]]))


def _times(family: str, rng: np.random.Generator, period: float, end: float) -> NDArray[np.float64]:
    if family != "uneven":
        return np.arange(0.0, end, period) + rng.normal(0.0, 0.002 * period, len(np.arange(0.0, end, period)))
    steps = period * np.exp(rng.normal(0.0, 0.4, int(3 * end / period) + 10))
    steps[rng.random(len(steps)) < 0.05] *= 5.0
    steps[len(steps) // int(rng.integers(4, 12)) :] *= rng.choice([0.5, 1.0, 2.0])
    times = np.cumsum(steps, dtype=np.float64) - steps[0]
    return np.asarray(times[times < end])


def _fits(
    family: str,
    rng: np.random.Generator,
    mixture: Mixture,
    sigma: float,
    times: NDArray[np.float64],
    q: NDArray[np.float64],
    mixing: float,
) -> list[Fit | NoResult]:
    first = mixture.end_A + (mixture.first_A - mixture.end_A) * q
    second = mixture.end_A + (mixture.second_A - mixture.end_A) * q
    if family == "slow drift":
        drift = rng.normal(0.0, 2e-3) * (times - mixing) / (times[-1] - mixing)
        first, second = first + drift, second + drift
    esd = sigma * np.exp(rng.normal(0.0, 0.1, (len(times), 2)))
    if family == "changing esd":
        apart = np.abs(first - second) / mixture.least_A
        esd *= (1.0 + 2.0 * np.exp(-apart / 5.0))[:, None] * np.where(rng.random(len(times)) < 0.1, 2.0, 1.0)[:, None]
    noise = esd * rng.normal(size=esd.shape)
    if family == "outliers":
        hit = rng.random(len(times)) < 0.03
        noise[hit] += rng.choice([-1, 1], (hit.sum(), 2)) * sigma * 10 ** rng.uniform(0.7, 1.7, (hit.sum(), 2))
    mean = 0.5 * (first + second) + sigma * rng.normal(size=len(times))
    unseen = rng.random() < 0.7
    fits: list[Fit | NoResult] = []
    dumps = _dumps(family, rng, len(times))
    merged_at = mixture.least_A * np.exp(rng.normal(0.0, 0.1, len(times)))
    for i in range(len(times)):
        told = bool(abs(first[i] - second[i]) > merged_at[i]) and family != "single"
        lattices = [Lattice(first[i] + noise[i, 0], esd[i, 0], 0.5, 0.01)]
        lattices.append(Lattice(second[i] + noise[i, 1], esd[i, 1], 0.5, 0.01))
        if family == "single":
            lattices = lattices[:1]
        elif not told:
            lattices = [Lattice(), Lattice()]
        m = lattices[0].lp_A if family == "single" else mean[i]
        if family in WATCHED:
            lattices = list(_by_name(family, mixture, first[i] + noise[i, 0], float(esd[i, 0])))
        fit = Fit(tuple(lattices), 1 + told, m, sigma, 5.0, 1.0, 3, True, np.zeros(0))
        hidden = unseen and times[i] < mixing
        fits.append(NoResult("no peaks") if hidden else NoResult("no beam") if dumps[i] else fit)
    return fits


def _by_name(family: str, mixture: Mixture, value_A: float, esd_A: float) -> tuple[Lattice, ...]:
    """Lattices whose axis ratio, or share, goes the way that the watched lattice goes, with as much noise; the lattice
    itself stands still."""
    if family == "ratio":
        cell = FittedCell(c_over_a=RATIO * value_A / mixture.first_A, c_over_a_esd=RATIO * esd_A / mixture.first_A)
        return (Lattice(mixture.first_A, esd_A, 1.0, 0.01, cell=cell),)
    scale = CHANGE / (mixture.end_A - mixture.first_A)
    share = 0.05 + scale * (value_A - mixture.first_A)
    lattices = ((mixture.first_A, share), (mixture.second_A, 1.0 - share))
    return tuple(Lattice(edge, esd_A, weight, abs(scale) * esd_A) for edge, weight in lattices)


def _dumps(family: str, rng: np.random.Generator, count: int) -> NDArray[np.bool_]:
    dumps = np.zeros(count, bool)
    if family == "beam dumps":
        for _ in range(int(rng.integers(1, 4))):
            begin = int(rng.integers(5, count))
            dumps[begin : begin + int(rng.integers(3, max(5, count // 6)))] = True
    return dumps


def _setup(family: str, mixture: Mixture, mixing: float | None) -> Setup:
    phase = read_phase("CsPbBr3")
    if family == "ratio":
        phase = replace(phase, free=("a", "c"))
    pair = Component("Br", phase, mixture.first_A), Component("X", phase, mixture.second_A)
    components = pair[: 1 if family in ("single", "ratio") else 2]
    watch = [quantity_named(WATCHED[family], components, composition=False)] if family in WATCHED else []
    return Setup(
        title=family,
        components=components,
        watch=tuple(watch),
        wavelength_A=0.64066,
        window_deg=(14.0, 16.0),
        mixing_time_s=mixing,
        tolerance=TOLERANCE,
    )


Plans = tuple[list[Stretch], list[int], list[float]]


def _bare(rng: np.random.Generator, mixture: Mixture, tau: float, sigma: float) -> Plans:
    return [Stretch(1.0 / tau)], [], []


def _stretched(rng: np.random.Generator, mixture: Mixture, tau: float, sigma: float) -> Plans:
    return [Stretch(1.0 / tau, beta=rng.uniform(0.6, 0.9))], [], []


def _avrami(rng: np.random.Generator, mixture: Mixture, tau: float, sigma: float) -> Plans:
    return [Stretch(0.5 / tau, beta=rng.uniform(1.5, 3.5))], [], []


def _rests(count: int, last: bool) -> Callable[[np.random.Generator, Mixture, float, float], Plans]:
    """``count`` pauses on the way; with ``last`` the last one never ends."""

    def plan(rng: np.random.Generator, mixture: Mixture, tau: float, sigma: float) -> Plans:
        k, level, total = 1.0 / tau, 1.0, abs(mixture.end_A - mixture.first_A)
        stretches, at, slopes, needed = [], [], [], []
        for number in range(count):
            # At least five frames of motion before a pause: there must be a slope to rest against.
            level *= min(rng.uniform(0.55, 0.87), math.exp(-5.5 * mixture.period_s * k))
            stretches.append(Stretch(k, until=level))
            n = frames_needed(total * level * k, mixture.period_s, sigma)
            lasts = (n + 1 + rng.exponential(2.0 * n)) * mixture.period_s
            at.append(len(stretches))
            needed.append(n)
            slopes.append(total * level * k)
            stretches.append(Stretch(0.0, lasts_s=math.inf if last and number == count - 1 else lasts))
            k /= rng.uniform(1.0, 3.0)
        if last:
            stretches[-1] = replace(stretches[-1], lasts_s=(80 + 3 * needed[-1]) * mixture.period_s)
            return stretches, at, slopes
        return [*stretches, Stretch(k)], at, slopes

    return plan


def _reversal(rng: np.random.Generator, mixture: Mixture, tau: float, sigma: float) -> Plans:
    k = 1.0 / tau
    back = rng.uniform(0.3, 0.8)
    turned = [Stretch(k, until=rng.uniform(0.1, 0.5)), Stretch(-back * k, lasts_s=rng.uniform(0.4, 1.0) * tau)]
    return [*turned, Stretch(k)], [], []


def _either(rng: np.random.Generator, mixture: Mixture, tau: float, sigma: float) -> Plans:
    return FAMILIES["paused" if rng.random() < 0.5 else "bare"](rng, mixture, tau, sigma)


FAMILIES: dict[str, Callable[[np.random.Generator, Mixture, float, float], Plans]] = {
    "bare": _bare,
    "paused": _rests(1, last=False),
    "double pause": _rests(2, last=False),
    "slow drift": _bare,
    "unfinished": _rests(1, last=True),
    "reversal": _reversal,
    "beam dumps": _bare,
    "outliers": _either,
    "uneven": _either,
    "changing esd": _either,
    "stretched": _stretched,
    "single": _bare,
    "ratio": _either,
    "amount": _either,
    "transformation": _avrami,
}
# The families that were asked for; the others show what else there is.
ASKED = tuple(family for family in FAMILIES if family not in ("stretched", "single", *WATCHED))


def slow(frames: int) -> Trace:
    """An exchange too slow to end within so many frames."""
    rng = np.random.default_rng(5)
    end = frames * IODIDE.period_s
    trace = _trace("bare", rng, IODIDE, 1e-3, [Stretch(0.3 / end, until=math.exp(-0.3))], [], [])
    return replace(trace, times_s=trace.times_s[:frames], fits=trace.fits[:frames])
