"""What is said of two phases that stay two, of one that fades, and of names that were exchanged at mixing."""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from latticewatch.processing.config.experiment import parse_experiment
from latticewatch.processing.config.resolve import Setup, resolve
from latticewatch.processing.crystal.phase import Phase
from latticewatch.processing.crystal.reflections import reflections, two_theta_deg
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.series import Row
from latticewatch.processing.flow.verdict import State
from latticewatch.processing.reaction.afterwards.kinetics import describe
from latticewatch.processing.reaction.live.judge import Judge
from latticewatch.processing.refinement.tracking.tracked import TrackedRefinement
from tests.app.conftest import Said
from tests.field.conftest import Process
from tests.sample_data import sample

WAVELENGTH_A = 0.64066
TWO_THETA = np.linspace(5.0, 30.0, 1000)
PERIOD_S, BEGIN_S, TAU_S, FRAMES = 10.0, 100.0, 70.0, 50
FWHM_SIGMA_DEG, COUNTS, BACKGROUND, GAIN = 0.05, 4000.0, 60.0, 30.0
CELLS_A = (5.4117, 4.1568)
PHASES = """
[[component]]
name = "ceria"
phase = "CeO2"
[[component]]
name = "boride"
phase = "LaB6"
"""


def setup_of(more: str = "") -> Setup:
    """Two structures that cannot become one."""
    return resolve(parse_experiment(PHASES + more, "test"), Path(), WAVELENGTH_A, TWO_THETA)


def lines_of(phase: Phase, cell_A: float, amount: float) -> np.ndarray:
    """Gaussian lines of kinematic intensity; ``amount`` scales all of them."""
    d_min = WAVELENGTH_A / (2.0 * math.sin(math.radians(TWO_THETA[-1] / 2.0 + 1.0)))
    found = [(two_theta_deg(line.d_A, WAVELENGTH_A), line) for line in reflections(phase, d_min, cell_A)]
    angles = np.array([angle for angle, _ in found])
    areas = np.array([line.multiplicity * line.f_squared for _, line in found])
    areas = areas / np.sin(np.radians(angles / 2.0)) ** 2
    shapes = np.exp(-0.5 * ((TWO_THETA - angles[:, None]) / FWHM_SIGMA_DEG) ** 2)
    return np.asarray(COUNTS * amount * (areas / areas.sum()) @ shapes / (FWHM_SIGMA_DEG * math.sqrt(2.0 * math.pi)))


def watched(setup: Setup, of: Callable[[float], tuple[float, float, float]]) -> list[Row]:
    """Simulated, fitted and judged. of: both cells, in parts of themselves, and the amount of the first at a time."""
    rng = np.random.default_rng(6)
    judge, refinement = Judge(setup), TrackedRefinement(setup.components, WAVELENGTH_A, TWO_THETA)
    rows = []
    for number in range(FRAMES):
        time_s = number * PERIOD_S
        *strains, amount = of(float(-math.expm1(-max(time_s - BEGIN_S, 0.0) / TAU_S)))
        expected = np.full(TWO_THETA.shape, BACKGROUND)
        shares = (amount, 1.0 - amount)
        for component, cell_A, strain, share in zip(setup.components, CELLS_A, strains, shares, strict=True):
            expected += lines_of(component.phase, cell_A * (1.0 + strain), share)
        counts = rng.poisson(GAIN * expected)
        pattern = Pattern(TWO_THETA, (counts / GAIN).astype(np.float32), (np.sqrt(counts) / GAIN).astype(np.float32))
        fit = refinement.refine(pattern)
        rows.append(Row(number, f"{number}", time_s, math.nan, None, fit, judge.judge(time_s, fit)))
    return rows


def states(rows: Sequence[str]) -> list[str]:
    """One after the other, each once."""
    return [str(state) for i, state in enumerate(rows) if not i or state != rows[i - 1]]


CASES: dict[str, Callable[[float], tuple[float, float, float]]] = {
    "transformed": lambda done: (0.0, 0.0, 0.04 + 0.92 * done),
    "transformed back": lambda done: (0.0, 0.0, 0.96 - 0.92 * done),
    "one moves": lambda done: (0.004 * done, 0.0, 0.5),
    "the other moves": lambda done: (0.0, 0.004 * done, 0.5),
    "heated": lambda done: (0.008 * done, 0.008 * done, 0.5),
}


@pytest.mark.parametrize("case", CASES)
def test_what_two_phases_do_is_a_reaction(case: str) -> None:
    setup = setup_of()
    assert setup.end == "apart"
    rows = watched(setup, CASES[case])
    assert states([row.verdict.state for row in rows]) == ["waiting", "reacting", "complete"]
    kinetics = describe(setup, rows)
    (rate,) = kinetics.rates
    assert rate.rate_constant_per_s == pytest.approx(1.0 / TAU_S, rel=0.05)
    assert kinetics.half_time_s == pytest.approx(TAU_S * math.log(2.0), rel=0.05)
    assert kinetics.pauses == ()
    assert ("weight_ceria" in rate.model) == case.startswith("transformed")
    progress = [row.verdict.progress for row in rows if row.verdict.state is State.COMPLETE]
    assert progress[0] > 0.95


def test_the_user_may_say_what_two_lattices_do() -> None:
    assert setup_of('[plateau]\nend = "merge"\n').end == "merge"
    alike = PHASES.replace("CeO2", "CsPbBr3").replace("LaB6", "CsPbI3")
    merging = resolve(parse_experiment(alike, "test"), Path(), WAVELENGTH_A, TWO_THETA)
    assert merging.end == "merge"


def test_two_lattices_that_are_heated_react(process: Process, latticewatch: Callable[..., Said]) -> None:
    folder = sample("field/two-phases-verdict/heated")
    _, rows = process("two-phases-verdict/heated/f", geometry=folder / "g.poni", experiment=folder / "experiment.toml")
    # Thirty of its sixty frames: 15 % is left.
    assert states([row["state"] for row in rows]) == ["waiting", "reacting"]
    assert next(row["frame"] for row in rows if row["state"] == "reacting") <= 15
    assert latticewatch("export", "run.h5", "--summary", "summary.json").status == 0
    summary = json.loads(Path("summary.json").read_text(encoding="utf-8"))
    assert summary["mixing_s"] == pytest.approx(100.0, abs=10.0)
    # The cells grow by .8 % in all, and 15.2 % of that is left after 190 s.
    assert [rate["rate_constant_per_s"] for rate in summary["rates"]] == pytest.approx([0.01], rel=0.02)
    assert summary["complete"] is None


def test_a_component_that_fades_is_no_reaction(process: Process) -> None:
    folder = sample("field/fading-component")
    _, rows = process("fading-component/f", geometry=folder / "g.poni")
    assert {row["state"] for row in rows} == {"waiting"}


def test_names_exchanged_at_mixing_are_no_progress(process: Process) -> None:
    folder = sample("field/swapped-at-mixing")
    _, rows = process("swapped-at-mixing/frames", experiment=folder / "experiment.toml")
    assert states([row["state"] for row in rows]) == ["waiting", "reacting"]
