"""Compile what a frame passes through before the first one comes: long on a fresh installation, then a moment."""

import logging
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numba
import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.config.resolve import Setup
from latticewatch.processing.crystal.phase import read_phase
from latticewatch.processing.crystal.reflections import Reflection, d_spacing, reflections, two_theta_deg
from latticewatch.processing.flow.fit import Component
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.integration.warming import warm_up as warm_up_integration
from latticewatch.processing.reaction.live.judge import Judge
from latticewatch.processing.refinement.crystals.refinement import CrystalRefinement
from latticewatch.processing.refinement.tracking.tracked import TrackedRefinement

WAVELENGTH_A, FWHM_DEG, END_A = 0.64066, 0.4, 6.031
STARTS = {"Br": ("CsPbBr3", 5.842), "I": ("CsPbI3", 6.205)}
FRAMES, PERIOD_S = 26, 2.5
AXES_A = (4.033, 4.03, 4.0)  # c of a tetragonal cell that becomes cubic
MARK = "warmed-up"
Floats = NDArray[np.float64]

log = logging.getLogger(__name__)


def is_cold() -> bool:
    """Whether the warm-up has never come to its end beside the compiled code of these sources."""
    return not _mark().exists()


def _mark() -> Path:
    return Path(str(getattr(numba.config, "CACHE_DIR"))) / MARK  # noqa: B009 — numba says nothing of its types


def warm_up() -> int:
    """Compile everything, and say so where it takes long; how many made-up frames were fitted."""
    if is_cold():
        log.warning("compiling the fit, once after an installation: about a minute; frames that come meanwhile wait")
    fitted = _fit_made_up_frames()
    with suppress(OSError):
        _mark().touch()
    return fitted


def _fit_made_up_frames() -> int:
    """Integrate nothing, then fit and judge a short made-up exchange to its end; how many frames were fitted.

    From far apart to merged: each has compiled code of its own, and none may be compiled while a run waits.
    """
    warm_up_integration()
    components = tuple(Component(name, read_phase(phase), cell) for name, (phase, cell) in STARTS.items())
    two_theta = np.linspace(4.0, 25.5, 540)
    lines = [reflections(component.phase, 1.4, component.lattice_parameter_A) for component in components]
    refinement = TrackedRefinement(components, WAVELENGTH_A, two_theta)
    judge, fitted = Judge(Setup("warm-up", components, WAVELENGTH_A, (14.0, 16.0))), 0
    for number in range(FRAMES):
        left = float(np.exp(-4.5 * max(0.0, number - 4.0) / FRAMES)) if number < FRAMES - 5 else 0.0
        fit = refinement.refine(_pattern(components, lines, two_theta, left, number))
        judge.judge(PERIOD_S * number, fit)
        if not isinstance(fit, NoResult):
            refinement.curves(fit.parameters)
            fitted += 1
    return fitted + _fit_made_up_crystals()


def _fit_made_up_crystals() -> int:
    """A first fit, one that follows it, and one of lines that merge; how many frames were fitted."""
    phase = read_phase("BaTiO3")
    component = Component("T", phase, phase.lattice_parameter_A)
    two_theta = np.linspace(4.0, 25.5, 540)
    refinement, fitted = CrystalRefinement((component,), WAVELENGTH_A, two_theta), 0
    for seed, axis_A in enumerate(AXES_A):
        cell = replace(phase.cell, c_A=axis_A)
        pattern = _pattern((component,), [reflections(phase, 1.4, cell)], two_theta, None, seed)
        fit = refinement.refine(pattern)
        if not isinstance(fit, NoResult):
            refinement.curves(fit.parameters)
            fitted += 1
    return fitted


def _pattern(
    components: tuple[Component, ...],
    lines: list[tuple[Reflection, ...]],
    two_theta: Floats,
    left: float | None,
    seed: int,
) -> Pattern:
    """The components' lines where they are, or with so much of their way to the end still left."""
    counts = np.full_like(two_theta, 2000.0)
    for component, its_lines in zip(components, lines, strict=True):
        for line in its_lines:
            cell = END_A + (left or 0.0) * (component.lattice_parameter_A - END_A)
            d = line.d_A if left is None else d_spacing(cell, line.hkl)
            offset = (two_theta - two_theta_deg(d, WAVELENGTH_A)) / FWHM_DEG
            counts += 1e-3 * line.multiplicity * line.f_squared * d**2 * np.exp(-np.log(16.0) * offset**2)
    drawn = np.random.default_rng(seed).poisson(counts).astype(np.float32)
    return Pattern(two_theta, drawn, np.sqrt(drawn))
