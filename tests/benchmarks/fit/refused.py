"""python -m tests.benchmarks.fit.refused [--frames N]: CPU of frames that are refused, for one to four components.

Patterns that the model draws, with counting noise: the flux scatters by 1.5 %, the background by 10 % and by its slope.
"""

import argparse
import sys
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.crystal.phase import read_phase
from latticewatch.processing.flow.fit import Component
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.refinement.foreign.lines import ForeignLine, rows_of
from latticewatch.processing.refinement.model.lines import layout, lines_of
from latticewatch.processing.refinement.model.pattern_model import draw_pattern
from latticewatch.processing.refinement.solver.grid import chebyshev
from latticewatch.processing.refinement.tracking.tracked import TrackedRefinement
from tests.benchmarks.fit.scans import timed

Floats = NDArray[np.float64]
WAVELENGTH_A = 0.64066
GRID = np.linspace(5.0, 27.0, 640)
COUNTS = 300.0
GOOD = 12
SAMPLES = {
    1: {"CeO2": 5.411},
    2: {"CsPbBr3": 5.842, "CsPbI3": 6.205},
    3: {"CsPbBr3": 5.842, "CsPbI3": 6.205, "CeO2": 5.411},
    4: {"CsPbBr3": 5.842, "CsPbI3": 6.205, "CeO2": 5.411, "LaB6": 4.157},
}
OTHER = {"Si": 4.93, "LaB6": 3.71}
FOREIGN = tuple(ForeignLine(float(place), 0.05, 0.02) for place in (7.1, 9.9, 12.3, 14.0, 17.7, 20.3, 22.9))
# What is in the beam, in a frame: shares of the sample, of another phase, and of seven foreign lines.
KINDS: dict[str, Callable[[int], tuple[float, float, float]]] = {
    "solvent": lambda _: (0.0, 0.0, 0.0),
    "solvent, foreign lines": lambda _: (0.0, 0.0, 0.3),
    "another phase": lambda _: (0.0, 1.0, 0.0),
    "another phase grows": lambda frame: (0.0, 0.02 * frame, 0.0),
    "washed out": lambda frame: (1.0 if frame < GOOD else 0.0, 0.0, 0.0),
    "washed out, foreign lines": lambda frame: (1.0 if frame < GOOD else 0.0, 0.0, 0.3),
    "another sample": lambda frame: (1.0, 0.0, 0.0) if frame < GOOD else (0.0, 1.0, 0.0),
    "goes bad": lambda frame: (1.0, 0.02 * max(frame - GOOD, 0), 0.0),
}


def components_of(sample: dict[str, float]) -> tuple[Component, ...]:
    """The sample's phases with their start cells."""
    return tuple(Component(name, read_phase(name), cell + 0.01) for name, cell in sample.items())


def drawn(sample: dict[str, float]) -> Floats:
    """The lines of these phases, as much of each, (bins,)."""
    components = components_of(sample)
    lines = lines_of(components, WAVELENGTH_A, GRID[0], GRID[-1])
    lay = layout(len(components), len(lines.phase))
    x = np.zeros(lay.length)
    x[: len(components)], x[lay.scale] = list(sample.values()), 3.0
    x[lay.gaussian_width : lay.shape], x[lay.shape] = 0.06, 0.5
    y = np.empty(len(GRID))
    draw_pattern(x, GRID, chebyshev(GRID, GRID[0], GRID[-1]), lines, lay, y)
    return y


def patterns(count: int, kind: str, frames: int) -> Iterator[Pattern]:
    """A scan of a sample of so many components."""
    own, other = drawn(SAMPLES[count]), drawn(OTHER)
    foreign = rows_of(FOREIGN, GRID).sum(axis=0)
    rng = np.random.default_rng([count, sorted(KINDS).index(kind)])
    slope = np.linspace(-1.0, 1.0, len(GRID))
    for frame in range(frames):
        amounts = KINDS[kind](frame)
        background = 20.0 * rng.normal(1.0, 0.1) * (1.0 + rng.normal(0.0, 0.1) * slope)
        expected = amounts[0] * own + amounts[1] * other + 20.0 * amounts[2] * foreign + background
        counts = rng.poisson(expected * COUNTS * rng.normal(1.0, 0.015))
        sigma = np.sqrt(counts) / COUNTS
        yield Pattern(GRID, (counts / COUNTS).astype(np.float32), sigma.astype(np.float32))


def refused_ms(count: int, kind: str, frames: int) -> Floats:
    """Milliseconds of CPU of each frame without a number."""
    refinement = TrackedRefinement(components_of(SAMPLES[count]), WAVELENGTH_A, GRID)
    fits = [timed(refinement, pattern) for pattern in patterns(count, kind, frames)]
    return np.array([cpu_ms for fit, cpu_ms in fits if isinstance(fit, NoResult)])


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--components", type=int, nargs="*", default=list(SAMPLES))
    options = parser.parse_args()
    for count in options.components:
        refused_ms(count, "washed out", GOOD + 3)  # what is compiled is loaded
        costs = {kind: refused_ms(count, kind, options.frames) for kind in KINDS}
        costs["all"] = np.concatenate(list(costs.values()))
        for kind, cost in costs.items():
            quantiles = (
                " ".join(f"{value:7.2f}" for value in np.quantile(cost, [0.5, 0.9, 0.99, 1.0])) if len(cost) else ""
            )
            sys.stdout.write(f"{count}  {kind:26s} {len(cost):5d} refused, ms at 50, 90, 99, 100 %: {quantiles}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
