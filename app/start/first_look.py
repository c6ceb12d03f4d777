"""A first look at a scan before it is watched: do the rings lie where geometry and phases say they must?

A wrong flip or a wrong poni shows here, not after the beamtime.
"""

import itertools
import math
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from latticewatch.app.run.decisions import Inputs, gather
from latticewatch.app.run.given import Given
from latticewatch.app.run.images_again import Picture, picture_of
from latticewatch.app.run.open_session import integrator_of, setup_of
from latticewatch.app.window.facts import reflection_lists, ticks_of
from latticewatch.processing.config.resolve import Setup
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.accuracy import quoted, signs_of
from latticewatch.processing.flow.fit import Curves, Fit, Lattice
from latticewatch.processing.flow.frame import Frame, Image, NoResult
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.wording import lattices_told
from latticewatch.processing.integration.detector import azimuthal_integrator, module_gaps
from latticewatch.processing.refinement.tracking.tracked import refinement_of
from latticewatch.processing.sources.first_image import peek_first_image
from latticewatch.processing.sources.hdf5.stack import HDF5Stack
from latticewatch.processing.sources.recorded_scan import open_scan
from latticewatch.widgets.pattern_view import Ticks

ORIENTATIONS = (2, 4, 1, 3)
FRAMES_LOOKED_AT = 20


@dataclass(frozen=True, slots=True)
class FirstLook:
    """The first frame that can be fitted, else the first image.

    curves: None without a fit. verdict: one sentence for the user. others: series of images in the same file that were
    not looked at, each as ``PATH (n images)``.
    """

    name: str
    picture: Picture
    pattern: Pattern
    curves: Curves | None
    ticks: tuple[Ticks, ...]
    setup: Setup
    verdict: str
    others: tuple[str, ...] = ()


def first_look(scan: Path, given: Given) -> FirstLook:
    """Read the inputs and the first frames, integrate and fit. Raises UserError for what cannot be used."""
    inputs = gather(scan, given)
    selection = inputs.experiment.source.given(given.recursive, given.include, given.dataset)
    source = open_scan(scan, period_s=1.0, selection=selection)
    peeked = peek_first_image(source, str(scan), threading.Event())
    if peeked is None:
        raise UserError(f"{scan}: no image in it yet; give a scan with at least one frame")
    integrator = integrator_of(inputs, peeked.image)
    setup = setup_of(inputs, integrator)
    refinement = refinement_of(setup, integrator.two_theta)
    looked: tuple[Any, Pattern, Fit | NoResult] | None = None
    for frame in itertools.islice(peeked.frames(threading.Event()), FRAMES_LOOKED_AT):
        pattern = integrator.integrate(frame)
        if isinstance(frame.content, Image) and isinstance(pattern, Pattern):
            fit = refinement.refine(pattern)
            looked = (frame, pattern, fit) if looked is None or isinstance(fit, Fit) else looked
            if isinstance(fit, Fit):
                break
    if looked is None:
        raise UserError(f"{scan}: none of its first frames can be integrated; check mask and geometry")
    frame, pattern, fit = looked
    angles = azimuthal_integrator(inputs.geometry, peeked.shape).center_array(peeked.shape, unit="2th_deg")
    picture = picture_of(np.asarray(frame.content.counts), angles, module_gaps(inputs.geometry, peeked.shape))
    curves = refinement.curves(fit.parameters) if isinstance(fit, Fit) else None
    return FirstLook(
        name=frame.name,
        picture=picture,
        pattern=pattern,
        curves=curves,
        ticks=ticks_of(setup, reflection_lists(setup, integrator.two_theta), _placed(setup, fit)),
        setup=setup,
        verdict=_verdict(setup, fit) if isinstance(fit, Fit) else _refusal(inputs, setup, frame, fit),
        others=source.others if isinstance(source, HDF5Stack) else (),
    )


def _refusal(inputs: Inputs, setup: Setup, frame: Frame, gap: NoResult) -> str:
    """Why there is no number, and which orientation would give one."""
    told = f"no lattice parameter: {gap.reason}."
    fitting = [n for n in ORIENTATIONS if n != inputs.geometry.orientation and _fits_turned(inputs, setup, frame, n)]
    if fitting:
        return f"{told} It fits with orientation {fitting[0]}: choose that."
    return f"{told} Compare the rings with the image before you trust the geometry."


def _fits_turned(inputs: Inputs, setup: Setup, frame: Frame, orientation: int) -> bool:
    turned = replace(inputs, geometry=replace(inputs.geometry, orientation=orientation))
    if not isinstance(frame.content, Image):
        return False
    try:
        integrator = integrator_of(turned, frame.content, keep_plan=False)
    except UserError:
        return False
    pattern = integrator.integrate(frame)
    refinement = refinement_of(setup, integrator.two_theta)
    return isinstance(pattern, Pattern) and isinstance(refinement.refine(pattern), Fit)


def _placed(setup: Setup, fit: Fit | NoResult) -> Fit:
    """The fit, or one that puts every component at its start cell."""
    if isinstance(fit, Fit):
        return fit
    lattices = tuple(Lattice(component.lattice_parameter_A) for component in setup.components)
    nan = math.nan
    return Fit(lattices, len(lattices), nan, nan, nan, nan, 0, False, np.empty(0))


def _verdict(setup: Setup, fit: Fit) -> str:
    known = lattices_told([component.name for component in setup.components], fit, setup.accuracy)
    cells = ", ".join(known) or f"mean {quoted(fit.lp_mean_A, fit.lp_mean_esd_A, setup.accuracy)}"
    return f"fits: {cells}; Rwp {fit.rwp_percent:.1f} %, χ² {fit.chi2_reduced:.2f}; {signs_of(setup.accuracy)}"
