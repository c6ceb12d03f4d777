"""Runs to record: rows as the loop makes them, with every kind of gap."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.config.resolve import Setup
from latticewatch.processing.crystal.phase import read_phase
from latticewatch.processing.flow.composition import CompositionScale
from latticewatch.processing.flow.fit import Component, Fit, Lattice
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.row_fields import Kept
from latticewatch.processing.flow.series import NAN, Row
from latticewatch.processing.flow.verdict import Forecast, State, Verdict
from latticewatch.processing.record.run_file.header import InputFile, RunHeader
from latticewatch.processing.record.run_file.writer import RunWriter

NAMES = ("Br", "I")
BINS = 400
GAPS = {3: "unreadable: cut short", 4: "no beam", 7: "no peaks", 8: "fit refused: did not converge"}


def two_theta(bins: int = BINS) -> NDArray[np.float64]:
    return np.linspace(5.0, 25.5, bins)


def setup() -> Setup:
    components = tuple(
        Component(name, read_phase(phase), cell)
        for name, phase, cell in (("Br", "CsPbBr3", 5.842), ("I", "CsPbI3", 6.205))
    )
    return Setup(
        title="Br/shell2 + I/shell1",
        components=components,
        wavelength_A=0.64066,
        window_deg=(14.5, 15.7),
        composition=CompositionScale(5.842, 6.205, 0.012),
        mixing_time_s=10.0,
    )


def kept(composition: bool = False) -> Kept:
    """What the columns of these runs' trace follow from."""
    return replace(setup().kept, composition=composition)


def header() -> RunHeader:
    return RunHeader(
        setup=setup(),
        experiment_toml='[experiment]\ntitle = "Br/shell2 + I/shell1"\n',
        inputs=(
            InputFile("poni", "geometry.poni", "ab" * 32, "Distance: 0.25\n"),
            InputFile("mask", "mask.npz", "cd" * 32),
        ),
        software={"latticewatch": "0.1.0"},
        title="Br/shell2 + I/shell1",
        started_s=1_700_000_000.25,
        header_names=("Temperature", "Flux"),
    )


def row(number: int, grid: NDArray[np.float64]) -> Row:
    """Row ``number`` of a made-up run, the same each time it is asked for; ten in a cycle, four of them gaps."""
    random = np.random.default_rng(number)
    kind = number % 10
    fit: Fit | NoResult = NoResult(GAPS[kind]) if kind in GAPS else _fit(random, merged=kind > 4)
    bins = len(grid)
    pattern = None
    if kind not in (3,):
        counts = random.gamma(50.0, 2.0, bins).astype(np.float32)
        counts[: bins // 40] = np.nan
        pattern = Pattern(grid, counts, np.sqrt(counts))
    return Row(
        index=number,
        name=f"scan_{number:04d}p.cbf",
        time_s=2.5 * number,
        mtime_s=1_700_000_000.0 + 2.5 * number,
        pattern=pattern,
        fit=fit,
        verdict=_verdict(number, kind),
        intensity=NAN if pattern is None else float(np.nanmean(pattern.intensity)),
        fraction=NAN if isinstance(fit, NoResult) else random.uniform(-0.05, 1.05),
        fraction_esd=NAN if isinstance(fit, NoResult) else random.uniform(1e-4, 1e-2),
        header={} if pattern is None else {"Temperature": 295.0 + 0.1 * kind, **({"Flux": 2e10} if kind > 2 else {})},
    )


def _fit(random: np.random.Generator, merged: bool) -> Fit:
    known = Lattice(random.normal(5.9, 0.01), random.uniform(1e-5, 1e-3), random.uniform(0.3, 0.7), 0.003)
    return Fit(
        lattices=(known, Lattice() if merged else known),
        components=1 if merged else 2,
        lp_mean_A=random.normal(6.03, 0.01),
        lp_mean_esd_A=random.uniform(1e-5, 1e-3),
        rwp_percent=random.uniform(1.0, 9.0),
        chi2_reduced=random.uniform(0.9, 1.3),
        iterations=int(random.integers(2, 9)),
        converged=True,
        parameters=random.normal(size=37),
    )


def _verdict(number: int, kind: int) -> Verdict:
    if number < 4:
        return Verdict(State.WAITING, why="nothing to see yet")
    state = State.NO_BEAM if kind == 4 else State.PAUSED if number // 20 % 3 == 1 else State.REACTING
    forecast = Forecast(800.0, 700.0, 950.5) if kind == 6 else None
    return Verdict(state, 2.5 * number - 5.0, min(1.0, number / 300), 10.0, forecast, "slope is 3 sigma from rest")


def rows(count: int, bins: int = BINS) -> list[Row]:
    grid = two_theta(bins)
    return [row(number, grid) for number in range(count)]


def write_run(path: Path, count: int) -> list[Row]:
    """A closed run of so many rows; the rows as the recorder gave them back."""
    with RunWriter(path, header(), two_theta()) as writer:
        writer.append_note(12.0, "pumps started")
        return writer.append_many(rows(count))
