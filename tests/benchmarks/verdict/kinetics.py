"""python -m tests.benchmarks.verdict.kinetics [--scans N] [--jobs N]: is the kinetics' esd its error?

Random scans whose patterns are simulated, fitted and judged, so that the errors are those of real fits: neighbouring
ones alike, more so where the lines merge. A pull is (told - true) / esd; their root mean square should be 1.
"""

import argparse
import math
import multiprocessing
import sys
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from latticewatch.processing.config.resolve import Setup
from latticewatch.processing.crystal.phase import read_phase
from latticewatch.processing.flow.fit import Component
from latticewatch.processing.flow.series import Row
from latticewatch.processing.reaction.afterwards.kinetics import Kinetics, describe
from latticewatch.processing.reaction.live.judge import Judge
from latticewatch.processing.refinement.tracking.tracked import TrackedRefinement
from latticewatch.processing.simulation.kinetics import FOREVER, Stretch, rests, time_of
from latticewatch.processing.simulation.recipes import CHLORIDE, IODIDE, WAVELENGTH_A, Recipe
from tests.simulated_patterns import patterns_1d

NINETY = 1.645
MOST_FRAMES = 400
Told = tuple[str, float, float]
"""Name of a quantity, its error and its esd."""


def main() -> None:
    """Simulate, fit, judge and describe N scans; write one line for every quantity."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scans", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    pulls: dict[str, list[tuple[float, float]]] = defaultdict(list)
    with ProcessPoolExecutor(options.jobs, multiprocessing.get_context("spawn")) as pool:
        work = [(options.seed, number) for number in range(options.scans)]
        for told in pool.map(compared, work):
            for name, error, esd in told:
                pulls[name].append((error, esd))
    sys.stdout.write(f"{'':26s}{'n':>6s}{'unknown':>9s}{'esd':>11s}{'error':>11s}{'pull':>7s}{'in 90 %':>9s}\n")
    for name, pairs in sorted(pulls.items()):
        sys.stdout.write(_line(name, np.array(pairs)))


def _line(name: str, pairs: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> str:
    known = pairs[np.isfinite(pairs).all(axis=1) & (pairs[:, 1] > 0.0)]
    error, esd = known[:, 0], known[:, 1]
    pull = error / esd
    inside = 100.0 * float((np.abs(pull) < NINETY).mean())
    rms = [math.sqrt(float((x**2).mean())) for x in (error, pull)]
    unknown = len(pairs) - len(known)
    return f"{name:26s}{len(known):6d}{unknown:9d}{np.median(esd):11.2e}{rms[0]:11.2e}{rms[1]:7.2f}{inside:9.0f}\n"


def compared(work: tuple[int, int]) -> list[Told]:
    """Error and esd of every quantity of the scan of this seed and number."""
    rng = np.random.default_rng(work)
    recipe = random_recipe(rng)
    given = bool(rng.random() < 0.5)
    setup = _setup(recipe, recipe.mixing_s if given else None)
    rows, truths = _rows(recipe, setup, int(rng.integers(1 << 30)))
    return list(_errors(recipe, given, describe(setup, rows), truths))


def random_recipe(rng: np.random.Generator) -> Recipe:
    """An exchange of random speed, with or without a pause, at a random intensity."""
    chloride, paused = bool(rng.random() < 0.5), bool(rng.random() < 0.6)
    period, taus = (10.0, (150.0, 1200.0)) if chloride else (2.5, (15.0, 150.0))
    tau = math.exp(rng.uniform(*np.log(taus)))
    stretches = [*_to_a_pause(rng, tau, period)] if paused else []
    last = tau * rng.uniform(1.0, 2.0) if paused else tau
    begun = sum(stretch.duration_s for stretch in stretches)
    mixing = 4.0 * period + rng.uniform() * period
    return Recipe(
        name="random",
        title="random",
        ingredients=CHLORIDE if chloride else IODIDE,
        stretches=(*stretches, Stretch(FOREVER, 1.0, last)),
        frames=min(int((mixing + begun + 5.0 * last) / period) + 10, MOST_FRAMES),
        frame_period_s=period,
        exposure_s=0.96 * period,
        mixing_s=mixing,
        strength=10.0 ** rng.uniform(-1.0, 0.0),
    )


def _to_a_pause(rng: np.random.Generator, tau: float, period: float) -> Iterator[Stretch]:
    """Motion towards the end, or towards a level of its own, and a rest."""
    asymptote = 1.0 if rng.random() < 0.5 else rng.uniform(0.3, 0.8)
    share = max(rng.uniform(0.3, 0.6), -math.expm1(-6.0 * period / tau))
    yield Stretch(-tau * math.log1p(-share), asymptote * share, tau)
    yield Stretch(period * (6.0 + rng.exponential(12.0)), asymptote * share)


def _setup(recipe: Recipe, mixing_s: float | None) -> Setup:
    components = tuple(Component(each.name, read_phase(each.phase), each.start_A) for each in recipe.ingredients)
    return Setup(recipe.title, components, WAVELENGTH_A, (14.0, 16.0), mixing_time_s=mixing_s)


def _rows(recipe: Recipe, setup: Setup, seed: int) -> tuple[list[Row], list[float]]:
    """The rows of the scan, and what the mean of its lattices really was."""
    rows: list[Row] = []
    truths: list[float] = []
    judge, refinement = Judge(setup), None
    for number, (pattern, truth) in enumerate(patterns_1d(recipe, seed)):
        refinement = refinement or TrackedRefinement(setup.components, setup.wavelength_A, pattern.two_theta)
        fit = refinement.refine(pattern)
        rows.append(Row(number, "", truth.time_s, math.nan, None, fit, judge.judge(truth.time_s, fit)))
        truths.append(sum(lattice.weight * lattice.lp_A for lattice in truth.lattices))
    return rows, truths


def _errors(recipe: Recipe, given: bool, told: Kinetics, truths: list[float]) -> Iterator[Told]:
    motions = [stretch for stretch in recipe.stretches if math.isfinite(stretch.tau_s)]
    rest = [(start + recipe.mixing_s, end + recipe.mixing_s, share) for start, end, share in rests(recipe.stretches)]
    if len(told.rates) != len(motions) or len(told.pauses) != len(rest):
        yield "stretches", math.nan, math.nan
        return
    first = recipe.ingredients[0]
    for rate, motion in zip(told.rates, motions, strict=True):
        which = "before the pause" if math.isfinite(motion.duration_s) else "last stretch"
        # The rate constant of a law means something for that law alone.
        error = math.log(rate.rate_constant_per_s * motion.tau_s) if rate.model == _law(motion) else math.nan
        yield f"ln k, {which}", error, rate.esd / rate.rate_constant_per_s
    for pause, (start, end, share) in zip(told.pauses, rest, strict=True):
        yield "pause Lp (Å)", pause.lp_A - first.start_A - share * (first.end_A - first.start_A), pause.lp_esd_A
        yield "pause start (s)", pause.start_s - start, pause.start_esd_s
        yield "pause end (s)", pause.end_s - end, pause.end_esd_s
    how = "given" if given else "found"
    yield f"start Lp, mixing {how} (Å)", told.lp_start_A - first.start_A, told.lp_start_esd_A
    half = time_of(recipe.stretches, 0.5)
    yield f"half time, mixing {how} (s)", told.half_time_s - half, told.half_time_esd_s
    if told.complete is not None:
        times = recipe.frame_period_s * np.arange(recipe.frames)
        late = times >= (told.complete.declared_s + times[-1]) / 2.0
        yield "end Lp (Å)", told.lp_end_A - float(np.mean(np.array(truths)[late])), told.lp_end_esd_A
    for reached in told.reached:
        at = time_of(recipe.stretches, reached.share) + recipe.mixing_s
        yield f"{reached.share:.0%} reached, {how} (s)", reached.at_s - at, reached.esd_s


def _law(motion: Stretch) -> str:
    asymptote = (
        motion.end if math.isinf(motion.duration_s) else motion.end / -math.expm1(-motion.duration_s / motion.tau_s)
    )
    return "exponential" if math.isclose(asymptote, 1.0) else "exponential to a level"


if __name__ == "__main__":
    main()
