"""python -m tests.benchmarks.crystals [--seeds N...]: cells of every system against the Cramér-Rao bound, and cost.

The patterns are drawn without the refinement's code. The bound: cells, amounts and 12 background terms free; profile
and intensities known.
"""

import argparse
import math
import sys
import time
from dataclasses import replace

import numpy as np

from latticewatch.processing.crystal.cell import FIELDS, NAMES, Cell, with_symmetry
from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.refinement.crystals.refinement import CrystalRefinement
from tests.refinement.crystals.made_up import GAIN, GRID, WAVELENGTH_A, Floats, Lines, component_of, drawn, noisy
from tests.refinement.crystals.test_crystals import found, true_of

# Nothing was tuned on these.
SEEDS = [11, 12, 13]
FRAMES = 60
SAMPLES = [
    ("cubic",),
    ("tetragonal",),
    ("zincite",),
    ("corundum",),
    ("rhombohedral",),
    ("orthorhombic",),
    ("monoclinic",),
    ("triclinic",),
    ("alpha-Ti", "beta-Ti"),
    ("triclinic", "cubic"),
]
AREA = 400.0
TERMS = 12


def main() -> None:
    """Fit the scans and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="*", default=SEEDS)
    options = parser.parse_args()
    _write(
        "| sample | free | rms error / bound | pull | largest | refused | ms a frame |\n|---|---|---|---|---|---|---|"
    )
    for names in SAMPLES:
        errors, esds, bounds, times, refused = [], [], [], [], 0
        for seed in options.seeds:
            for error, esd, bound, cpu_ms in _scan(names, seed):
                if not len(error):
                    refused += 1
                    continue
                errors.append(error)
                esds.append(esd)
                bounds.append(bound)
                times.append(cpu_ms)
        error, esd, bound = np.array(errors), np.array(esds), np.array(bounds)
        ratio = np.sqrt(np.mean(error**2, axis=0)) / np.sqrt(np.mean(bound**2, axis=0))
        pull = np.sqrt(np.mean((error / esd) ** 2, axis=0))
        _write(
            f"| {' + '.join(names)} | {error.shape[1]} | {_list(ratio)} | {_list(pull)} | "
            f"{np.abs(error / esd).max():.1f} | {refused} | {np.median(times):.1f} |"
        )


def _scan(names: tuple[str, ...], seed: int) -> list[tuple[Floats, Floats, Floats, float]]:
    """Of each frame errors, esds and bounds of all that is free, and its CPU time in ms."""
    components = [component_of(name) for name in names]
    refinement, rng = CrystalRefinement(tuple(components), WAVELENGTH_A, GRID), np.random.default_rng(seed)
    rows, bound = [], np.empty(0)
    for frame in range(FRAMES):
        share = 0.003 * math.sin(frame / 9.0)
        crystals = [Lines(each, each.cell.scaled(1.0 + share), AREA / len(names)) for each in components]
        bound = bound_of(crystals) if frame % 20 == 0 else bound
        pattern = noisy(drawn(crystals), rng)
        start = time.process_time()
        fit = refinement.refine(pattern)
        cpu_ms = 1e3 * (time.process_time() - start)
        if not isinstance(fit, Fit):
            rows.append((np.empty(0), np.empty(0), bound, cpu_ms))
            continue
        values = np.array([pair for number, each in enumerate(components) for pair in found(fit, number, each)])
        truth = np.array([value for each in crystals for value in true_of(each.cell, each.component)])
        rows.append((values[:, 0] - truth, values[:, 1], bound, cpu_ms))
    return rows


def bound_of(crystals: list[Lines]) -> Floats:
    """Smallest standard deviation of all that is free of the cells."""
    rows = []
    for number, crystal in enumerate(crystals):
        for name, field in zip(NAMES, FIELDS, strict=True):
            if name not in crystal.component.phase.free:
                continue
            step = 1e-4
            sides = []
            for sign in (1.0, -1.0):
                moved = list(crystals)
                moved[number] = replace(crystal, cell=_moved(crystal, field, sign * step))
                sides.append(drawn(moved))
            rows.append((sides[0] - sides[1]) / (2.0 * step))
    count, flat = len(rows), drawn([])
    rows += [drawn([each]) - flat for each in crystals]
    scaled = (2.0 * GRID - GRID[0] - GRID[-1]) / (GRID[-1] - GRID[0])
    rows += list(np.polynomial.chebyshev.chebvander(scaled, TERMS - 1).T)
    jacobian = np.array(rows)
    covariance = np.linalg.inv((jacobian * (GAIN / drawn(crystals))) @ jacobian.T)
    return np.sqrt(np.diag(covariance)[:count])


def _moved(crystal: Lines, field: str, step: float) -> Cell:
    cell = replace(crystal.cell, **{field: getattr(crystal.cell, field) + step})
    return with_symmetry(cell, crystal.component.phase.group)


def _list(values: Floats) -> str:
    return ", ".join(f"{value:.2f}" for value in values)


def _write(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
