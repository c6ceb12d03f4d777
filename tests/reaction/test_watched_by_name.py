"""Quantities that are watched by their names: each is followed for itself, the first one makes the state."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from latticewatch.processing.config.resolve import Setup
from latticewatch.processing.crystal.phase import read_phase
from latticewatch.processing.flow.fit import Component, Fit, FittedCell, Lattice
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.peak import Peak
from latticewatch.processing.flow.quantity import quantity_named
from latticewatch.processing.flow.series import Row
from latticewatch.processing.flow.verdict import State
from latticewatch.processing.reaction.afterwards.kinetics import describe
from latticewatch.processing.reaction.live.judge import Judge

PERIOD_S, C_ESD, A_ESD = 2.5, 1e-3, 1e-4
BEGINS, RESTS, RESUMES = 20, 70, 100
LAYERED = Component("L", replace(read_phase("CsPbBr3"), free=("a", "c")), 2.816)


def done(frame: int) -> float:
    """The share that is done: it begins, pauses at 86 %, and goes on."""
    if frame < BEGINS:
        return 0.0
    if frame < RESUMES:
        return 1.0 - math.exp(-(min(frame, RESTS) - BEGINS) / 25.0)
    return 1.0 - math.exp(-2.0 - (frame - RESUMES) / 20.0)


def rows_of(setup: Setup, frames: int = 240) -> list[Row]:
    """c grows by .25 Å, a does not move."""
    random, judge = np.random.default_rng(7), Judge(setup)
    rows = []
    for frame in range(frames):
        c, a = 14.05 + 0.25 * done(frame) + random.normal(0.0, C_ESD), 2.816 + random.normal(0.0, A_ESD)
        cell = FittedCell(c_A=c, c_esd_A=C_ESD, c_over_a=c / a, c_over_a_esd=4e-4)
        lattice = Lattice(a, A_ESD, 1.0, 0.01, cell=cell)
        fit = Fit((lattice,), 1, a, A_ESD, 5.0, 1.0, 3, converged=True, parameters=np.zeros(1))
        rows.append(Row(frame, f"{frame}", PERIOD_S * frame, math.nan, None, fit, judge.judge(PERIOD_S * frame, fit)))
    return rows


def setup_of(*watched: str) -> Setup:
    quantities = tuple(quantity_named(text, (LAYERED,), composition=False) for text in watched)
    return Setup("", (LAYERED,), 0.64, (5.0, 6.0), watch=quantities)


@pytest.mark.parametrize("watched", [(), ("c",), ("c/a", "a")])
def test_start_pause_and_end_of_an_edge_are_seen(watched: Sequence[str]) -> None:
    setup = setup_of(*watched)
    rows = rows_of(setup)
    kinetics = describe(setup, rows)
    assert kinetics.mixing_s == pytest.approx(PERIOD_S * BEGINS, abs=3.0 * PERIOD_S)
    assert [round(pause.start_s) for pause in kinetics.pauses] == [pytest.approx(PERIOD_S * RESTS, abs=4.0 * PERIOD_S)]
    assert kinetics.pauses[0].end_s == pytest.approx(PERIOD_S * RESUMES, abs=4.0 * PERIOD_S)
    assert kinetics.complete is not None
    assert not any(row.verdict.state is State.COMPLETE for row in rows[:RESUMES])


def test_numbers_are_told_of_the_quantity_that_leads() -> None:
    setup = setup_of("c")
    kinetics = describe(setup, rows_of(setup))
    assert kinetics.watched is not None
    assert (kinetics.watched.column, kinetics.watched.unit) == ("c_L", "Å")
    assert kinetics.watched.start == pytest.approx(14.05, abs=4.0 * kinetics.watched.start_esd)
    assert kinetics.watched.end == pytest.approx(14.30, abs=0.003)
    assert kinetics.pauses[0].value == pytest.approx(14.05 + 0.25 * done(RESTS), abs=1e-3)
    assert kinetics.pauses[0].lp_A == pytest.approx(2.816, abs=1e-4)


def test_the_first_one_leads_and_the_others_are_told_beside_it() -> None:
    rows = rows_of(setup_of("a", "c", "c/a"), 130)
    assert all(row.verdict.state is State.WAITING for row in rows)
    assert rows[0].verdict.others == "edge c: waiting; ratio c/a: waiting"
    assert rows[50].verdict.others.startswith("edge c: reacting")
    assert "edge c: paused" in rows[95].verdict.others


@pytest.mark.parametrize("edge", [12.0, 40.0])
def test_a_long_edge_of_a_cubic_cell_is_followed(edge: float) -> None:
    setup = Setup("", (replace(LAYERED, phase=read_phase("CsPbBr3"), lattice_parameter_A=edge),), 0.64, (5.0, 6.0))
    random, judge = np.random.default_rng(3), Judge(setup)
    states = []
    for frame in range(60):
        a = edge + 0.1 * done(frame) + random.normal(0.0, A_ESD)
        fit = Fit((Lattice(a, A_ESD, 1.0, 0.01),), 1, a, A_ESD, 5.0, 1.0, 3, converged=True, parameters=np.zeros(1))
        states.append(judge.judge(PERIOD_S * frame, fit).state)
    assert states[BEGINS - 1] is State.WAITING
    assert states[-1] is State.REACTING


@pytest.mark.parametrize(
    ("kind", "first", "change", "esd"), [("position", 15.4, -0.3, 2e-4), ("area", 80.0, -70.0, 0.5)]
)
@pytest.mark.parametrize("is_refused", [False, True])
def test_a_peak_is_followed_also_where_no_lattice_is_fitted(
    kind: str, first: float, change: float, esd: float, is_refused: bool
) -> None:
    quantity = quantity_named(f"peak:P.{kind}", (LAYERED,), composition=False, peaks=("P",))
    judge = Judge(Setup("", (LAYERED,), 0.64, (5.0, 6.0), watch=(quantity,)))
    fit: Fit | NoResult = NoResult("fit refused: bad")
    if not is_refused:
        fit = Fit((Lattice(2.8, A_ESD),), 1, 2.8, A_ESD, 5.0, 1.0, 3, converged=True, parameters=np.zeros(1))
    random, verdicts = np.random.default_rng(5), []
    for frame in range(240):
        value = first + change * done(frame) + random.normal(0.0, esd)
        place = {"two_theta_deg": value, "two_theta_esd_deg": esd} if kind == "position" else {"two_theta_deg": 15.4}
        area = {"area": value, "area_esd": esd} if kind == "area" else {}
        verdicts.append(judge.judge(PERIOD_S * frame, fit, (Peak("P", **place, **area),)))
    states = [verdict.state for verdict in verdicts]
    assert states[BEGINS - 1] is State.WAITING
    assert states[RESTS - 10] is State.REACTING
    assert states[RESUMES - 1] is State.PAUSED
    assert verdicts[RESUMES - 1].since_s == pytest.approx(PERIOD_S * RESTS, abs=4.0 * PERIOD_S)
    assert states[-1] is State.COMPLETE


@pytest.mark.parametrize("watched", [(), ("c/a",)])
def test_what_jumps_back_from_its_end_is_called_back(watched: tuple[str, ...]) -> None:
    """As through a transition of first order on cooling: at the new level it rests, and has nothing left either."""
    setup = setup_of(*watched)
    if not watched:
        setup = replace(setup, components=(replace(LAYERED, phase=read_phase("CsPbBr3"), lattice_parameter_A=5.8),))
    random, judge, states, said = np.random.default_rng(11), Judge(setup), [], ""
    for frame in range(150):
        ratio = 5.0 + (0.05 * (1.0 - math.exp(-max(frame - 10, 0) / 12.0)) if frame < 110 else 0.02)
        a = (ratio if not watched else 2.8) + random.normal(0.0, 4e-4)
        cell = FittedCell(c_over_a=ratio + random.normal(0.0, 4e-4), c_over_a_esd=4e-4)
        fit = Fit((Lattice(a, 4e-4, 1.0, 0.01, cell=cell),), 1, a, 4e-4, 5.0, 1.0, 3, True, np.zeros(1))
        verdict = judge.judge(PERIOD_S * frame, fit)
        states.append(verdict.state)
        said = verdict.why if frame == 114 else said
    assert states[105] is State.COMPLETE
    assert State.REACTING in states[110:114]
    assert said.startswith("Was called complete at ")


def test_the_progress_of_an_amount_knows_that_it_goes_no_further_than_all() -> None:
    """Half way through a transformation after Avrami, which still gains speed, no end is seen: but all is all."""
    components = (LAYERED, replace(LAYERED, name="B", phase=read_phase("CsPbBr3")))
    watch = (quantity_named("B.weight", components, composition=False),)
    judge, random = Judge(Setup("", components, 0.64, (5.0, 6.0), watch=watch)), np.random.default_rng(2)
    for frame in range(80):
        share = 1.0 - math.exp(-((max(frame - 10, 0) / 70.0) ** 2.5)) + random.normal(0.0, 3e-3)
        lattices = Lattice(2.8, A_ESD, 1.0 - share, 3e-3), Lattice(5.8, A_ESD, share, 3e-3)
        fit = Fit(lattices, 2, math.nan, math.nan, 5.0, 1.0, 3, True, np.zeros(2))
        verdict = judge.judge(PERIOD_S * frame, fit)
        if verdict.state is State.REACTING and frame > 40:
            assert verdict.progress > share - 0.1
