"""What is known of a run's crystals before a pattern: what is tracked with its covariance, and who is there."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.refinement.crystals.planes import Phases
from latticewatch.processing.refinement.crystals.solve import Solution
from latticewatch.processing.refinement.solver.algebra import inverse
from latticewatch.processing.refinement.solver.solve import Prior

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
# Steps of what is tracked from frame to frame, as shares of the width (strain: of its square) and of the structure's
# intensity; and where something else is seen to have happened.
WIDTH_STEP, STRAIN_STEP, LINE_STEP = 0.005, 0.01, 0.003
WIDTH_LOOSE, STRAIN_LOOSE, LINE_LOOSE = 0.2, 0.3, 0.2
# Before the first pattern.
WIDTH_FIRST, STRAIN_FIRST, LORENTZ_FIRST, LINE_FIRST = 1.0, 0.4, 0.7, 0.5
LORENTZ_OF_WIDTH = 0.3
# The intensities of a phase's lines keep their mean: its amount is known by its scale.
MEAN_HELD = 1e-3


@dataclass(frozen=True, slots=True)
class State:
    """x: the parameters of the last fit. covariance: of what is tracked. present: (phases,) who has a cell of its own.
    freed: (phases,) whose intensities are not the structure's. known: the cells where they were last well known."""

    x: Floats
    covariance: Floats
    present: Flags
    freed: Flags
    known: Floats

    def free(self, phases: Phases) -> Flags:
        """(parameters,) what is refined."""
        return free_of(phases, self.present, self.freed)

    def prior(self, phases: Phases, frames: int, loose: bool) -> Prior:
        """So many frames later. loose: what is tracked may have moved by more than is usual."""
        step = _steps(self.x, phases, self.freed, loose)
        covariance = self.covariance + (1.0 if loose else min(frames, 100)) * np.diag(step**2)
        return _prior_of(self.x, covariance, phases, self.freed)


def free_of(phases: Phases, present: Flags, freed: Flags) -> Flags:
    """(parameters,) what is refined where these phases are in the beam and those have intensities of their own."""
    places, planes = phases.places, phases.planes
    free = np.zeros(places.length, dtype=np.bool_)
    for number in np.flatnonzero(phases.free_cell & present):
        free[planes.place[number][planes.place[number] >= 0]] = True
    free[places.shift : places.scale] = phases.has_standard
    free[places.scale : places.width] = True
    for offset in (places.width, places.strain, places.lorentz):
        free[offset : offset + places.phases] = present
    free[places.relative :] = (present & freed)[planes.phase]
    return free


def first_prior(x: Floats, phases: Phases, freed: Flags) -> Prior:
    """What is known of profiles and intensities before the first pattern, around these widths."""
    return _prior_of(x, _first_covariance(x, phases, freed), phases, freed)


def _first_covariance(x: Floats, phases: Phases, freed: Flags) -> Floats:
    widths = _broadness(x, phases)
    lines = np.where(freed[phases.planes.phase], LINE_FIRST, 0.0)
    deviation = np.concatenate([WIDTH_FIRST * widths, STRAIN_FIRST * widths**2, LORENTZ_FIRST * widths, lines])
    return np.diag(deviation**2)


def after(
    state: State | None,
    solution: Solution,
    phases: Phases,
    present: Flags,
    freed: Flags,
    known: Floats,
    unlearnt: Flags,
) -> State:
    """What is known after a fit. What was held in it keeps its covariance.

    unlearnt: (phases,) whose profile is as it was known before: where the lines of a cell merge, what spreads them and
    what splits them look alike, and what was taken for the one would never be taken back.
    """
    places, x = phases.places, solution.x.copy()
    tracked = slice(places.width, places.length)
    covariance = solution.covariance[tracked, tracked].copy()
    # Of what was held nothing was learnt.
    before = _first_covariance(x, phases, freed) if state is None else state.covariance
    held = ~solution.free[tracked]
    covariance[np.ix_(held, held)] = before[np.ix_(held, held)]
    if state is not None:
        profile = np.flatnonzero(np.tile(unlearnt, 3))
        x[places.width + profile] = state.x[places.width + profile]
        covariance[profile] = 0.0
        covariance[:, profile] = 0.0
        grown = state.covariance + np.diag(_steps(state.x, phases, freed, loose=False) ** 2)
        covariance[np.ix_(profile, profile)] = grown[np.ix_(profile, profile)]
    return State(x, covariance, present, freed, known)


def _steps(x: Floats, phases: Phases, freed: Flags, loose: bool) -> Floats:
    """How far what is tracked may move from one frame to the next, (tracked,)."""
    widths = _broadness(x, phases)
    size, strain, line = (WIDTH_LOOSE, STRAIN_LOOSE, LINE_LOOSE) if loose else (WIDTH_STEP, STRAIN_STEP, LINE_STEP)
    return np.concatenate([size * widths, strain * widths**2, size * widths, line * freed[phases.planes.phase]])


def _broadness(x: Floats, phases: Phases) -> Floats:
    """Gaussian width of a middling line, (phases,) in degrees."""
    places = phases.places
    size, strain = x[places.width : places.strain], x[places.strain : places.lorentz]
    return np.asarray(np.sqrt(size**2 + np.maximum(strain, 0.0)), dtype=np.float64)


def _prior_of(x: Floats, covariance: Floats, phases: Phases, freed: Flags) -> Prior:
    """The prior around x. What has no variance of its own is held where it is, and says nothing of the others."""
    places, planes = phases.places, phases.planes
    mean = x[places.width :].copy()
    open_ = np.flatnonzero(np.diag(covariance) > 0.0)
    information = np.zeros_like(covariance)
    if len(open_):
        known, fine = inverse(np.ascontiguousarray(covariance[np.ix_(open_, open_)]))
        if not fine:
            known = np.diag(1.0 / np.diag(covariance)[open_])
        information[np.ix_(open_, open_)] = known
    for number in np.flatnonzero(freed):
        share = np.where(planes.phase == number, planes.base * planes.at_start, 0.0)
        row = np.concatenate([np.zeros(places.relative - places.width), share / MEAN_HELD])
        information += np.outer(row, row)
    return Prior(mean, information)
