"""A first look at a scan before it is watched: do the rings lie where geometry and phases say they must?

A wrong flip or a wrong poni shows here, not after the beamtime.
"""

import math
import shlex
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from latticewatch.app.run.decisions import Inputs, gather
from latticewatch.app.run.given import Given
from latticewatch.app.run.images_again import Picture, picture_of
from latticewatch.app.run.integrating import Integrating, integrator_of, setup_of
from latticewatch.app.run.warming import is_cold, warm_up
from latticewatch.app.start.judging import NO_FRAME, ORIENTATIONS, Judgement, Level, Trial, judged
from latticewatch.app.start.run_place import RunPlace, run_place
from latticewatch.app.window.facts import reflection_lists, ticks_of
from latticewatch.processing.config.frame_selection import ALL, FrameSelection, names_in
from latticewatch.processing.config.resolve import Setup
from latticewatch.processing.errors import UserError
from latticewatch.processing.files.frame_names import HDF5_SUFFIXES
from latticewatch.processing.flow.accuracy import quoted, signs_of
from latticewatch.processing.flow.fit import Curves, Fit, Lattice
from latticewatch.processing.flow.frame import Frame, Image
from latticewatch.processing.flow.pattern import Pattern
from latticewatch.processing.flow.peak import Peak
from latticewatch.processing.flow.stages import Refinement
from latticewatch.processing.flow.wording import lattices_told, quantities_told
from latticewatch.processing.integration.detector import azimuthal_integrator, module_gaps
from latticewatch.processing.record.run_file.header import COMMAND_LINE, DEFAULT, Decision
from latticewatch.processing.refinement.choice import refinement_of
from latticewatch.processing.refinement.peaks.fits import TrackedPeaks
from latticewatch.processing.sources.hdf5.stack import HDF5Stack
from latticewatch.processing.sources.recorded_scan import RecordedSource, open_scan
from latticewatch.widgets.pattern_view import Ticks

# Frames that are looked at, from the newest back to the first, until one fits; and those that are turned every way.
FRAMES_LOOKED_AT, FRAMES_TURNED = 5, 2
CHOSEN = "chosen"


@dataclass(frozen=True, slots=True)
class Seen:
    """One frame as it was looked at. curves: None without a fit."""

    name: str
    picture: Picture
    pattern: Pattern
    curves: Curves | None
    ticks: tuple[Ticks, ...]
    setup: Setup


@dataclass(frozen=True, slots=True)
class FirstLook:
    """What the scan and its inputs are, as far as they can be told now.

    frames: how many there are. seen: of the frames that were looked at the newest that fits, else one that does not;
    None: no frame can be read yet.
    used: what the run will be made with, but for defaults. place: where it is recorded. others: series of images in
    the same file that were not looked at, each as ``PATH (n images)``. command: what is run when the state changes.
    selection: which files are frames. newest: the newest frame's file, as ``glance`` says it; empty: there is none.
    """

    judgement: Judgement
    frames: int
    seen: Seen | None
    used: tuple[Decision, ...]
    place: RunPlace
    others: tuple[str, ...] = ()
    command: str = ""
    selection: FrameSelection = ALL
    newest: str = ""


def first_look(scan: Path, given: Given, stop: threading.Event) -> FirstLook:
    """Read the inputs, and integrate and fit frames of what is there. Raises UserError for what cannot be used.

    Where ``stop`` is set meanwhile the answer is no longer wanted, and may say less.
    """
    inputs = gather(scan, given)
    if inputs.are_patterns:
        raise UserError(f"{scan}: [geometry] wavelength_A says patterns; watch them by: latticewatch watch {scan.name}")
    selection = inputs.experiment.source.given(given.recursive, given.include, given.dataset)
    used = tuple(used_of(inputs))
    command = shlex.join(inputs.experiment.alarm.on_state or ())
    if is_empty(scan, selection):
        place = run_place(scan, inputs.files, ())
        return FirstLook(NO_FRAME, 0, None, used, place, (), command, selection)
    source = open_scan(scan, period_s=1.0, selection=selection)
    others = source.others if isinstance(source, HDF5Stack) else ()
    names = source.files()[1]
    place = run_place(scan, inputs.files, names)
    found = FirstLook(NO_FRAME, source.progress().found, None, used, place, others, command, selection, names[-1])
    frames = _readable(source)
    if not frames:
        text = f"None of the {found.frames} frames can be read yet. They are looked at again when new ones come."
        return replace(found, judgement=Judgement(Level.UNKNOWN, text))
    if is_cold():
        warm_up()
    judgement, seen = _looked_at(inputs, frames, stop)
    return replace(found, judgement=judgement, seen=seen)


def is_empty(scan: Path, selection: FrameSelection) -> bool:
    """Whether no frame is in this folder yet, and nothing that may hold some. Raises UserError where it is none."""
    if not scan.is_dir():
        return False
    try:
        names = list(names_in(scan, selection.recursive))
    except OSError as error:
        raise UserError(f"{scan}: cannot be listed ({error.strerror}); check its permissions") from None
    return not any(selection.is_frame(name) or Path(name).suffix.lower() in HDF5_SUFFIXES for name in names)


def glance(scan: Path, selection: FrameSelection) -> tuple[int, str]:
    """How many frames there are, and the newest one's file: these change when new frames come. Raises UserError."""
    if is_empty(scan, selection):
        return 0, ""
    source = open_scan(scan, period_s=1.0, selection=selection)
    return source.progress().found, source.files()[1][-1]


def _readable(source: RecordedSource) -> list[Frame]:
    """Images from the newest back to the first: those that can be read of FRAMES_LOOKED_AT evenly spaced ones."""
    places = np.linspace(source.progress().found - 1, 0, FRAMES_LOOKED_AT).round().astype(int)
    frames = source.frames_at([int(place) for place in dict.fromkeys(places.tolist())])
    return [frame for frame in frames if isinstance(frame.content, Image)]


def _looked_at(inputs: Inputs, frames: Sequence[Frame], stop: threading.Event) -> tuple[Judgement, Seen]:
    """The judgement on one of these frames: the first that fits with the chosen orientation, else with another one."""
    chosen = inputs.geometry.orientation
    own = _turned(inputs, chosen, frames[0])
    own_trials: dict[int, Trial] = {}
    for number, frame in enumerate(frames):
        own_trials[number] = own.trial(frame)
        if math.isfinite(own_trials[number].chi2):
            break
    judged_on = len(own_trials) - 1 if own.fit else 0
    if not own.setup.components:
        return _judged_by_peaks(own), own.seen(inputs, frames[judged_on])
    others = [_trier(inputs, each, frames[0]) for each in ORIENTATIONS if each != chosen]
    judgement = NO_FRAME
    for number in [judged_on] if own.fit else range(min(FRAMES_TURNED, len(frames))):
        trials = [own_trials[number], *(each(frames[number]) for each in others if not stop.is_set())]
        judgement, judged_on = judged(trials, chosen, own.cells()), number
        if any(math.isfinite(trial.chi2) for trial in trials):
            break
    return judgement, own.seen(inputs, frames[judged_on])


def _judged_by_peaks(own: "_Turned") -> Judgement:
    """A ring that is smeared by a wrong orientation is a peak as well: nothing is recommended."""
    if own.fit is None:
        return Judgement(Level.UNKNOWN, "No peak is found in its range: check two_theta_deg, geometry and orientation.")
    text = f"{own.cells()}. Peaks alone do not tell the orientation: compare the rings with the image."
    return Judgement(Level.UNKNOWN, text)


def _trier(inputs: Inputs, orientation: int, frame: Frame) -> Callable[[Frame], Trial]:
    """What fits frames with this orientation."""
    try:
        return _turned(inputs, orientation, frame).trial
    except UserError as error:
        reason = str(error)
        return lambda _: Trial(orientation, reason=reason)


def _turned(inputs: Inputs, orientation: int, frame: Frame) -> "_Turned":
    """Raises UserError where the inputs do not fit the image of this frame."""
    if not isinstance(frame.content, Image):
        raise TypeError("a frame without an image")
    turned = replace(inputs, geometry=replace(inputs.geometry, orientation=orientation))
    kept = orientation == inputs.geometry.orientation
    integrator = integrator_of(turned, frame.content, keep_plan=kept, normalised=False)
    return _Turned(orientation, integrator, setup_of(turned, integrator))


@dataclass(slots=True)
class _Turned:
    """Images integrated with one orientation, and the newest fit of one."""

    orientation: int
    integrator: Integrating
    setup: Setup
    fit: Fit | None = None
    refinement: Refinement | None = None
    peaks: tuple[Peak, ...] = ()

    def trial(self, frame: Frame) -> Trial:
        """The frame fitted as the first of a run would be."""
        pattern = self.integrator.integrate(frame)
        self.fit, self.refinement = None, refinement_of(self.setup, self.integrator.two_theta)
        fit = self.refinement.refine(pattern) if isinstance(pattern, Pattern) else pattern
        self.peaks = TrackedPeaks(self.setup.peaks, self.integrator.two_theta).fit(
            pattern if isinstance(pattern, Pattern) else None
        )
        if not isinstance(fit, Fit):
            return Trial(self.orientation, reason=fit.reason)
        self.fit = fit
        return Trial(self.orientation, fit.chi2_reduced)

    def cells(self) -> str:
        """The lattice parameters of the newest fit, in words; empty without one."""
        if self.fit is None:
            return ""
        accuracy = self.setup.accuracy
        names = [component.name for component in self.setup.components]
        named = quantities_told(self.setup.quantities, self.fit, self.peaks, accuracy)
        known = named or lattices_told(names, self.fit, accuracy)
        cells = ", ".join(known) or f"mean {quoted(self.fit.lp_mean_A, self.fit.lp_mean_esd_A, accuracy)}"
        return f"{cells}; {signs_of(accuracy)}; Rwp {self.fit.rwp_percent:.1f} %"

    def seen(self, inputs: Inputs, frame: Frame) -> Seen:
        """The frame as it is shown, with the newest fit. Raises UserError where it cannot be integrated."""
        pattern = self.integrator.integrate(frame)
        if not isinstance(pattern, Pattern) or not isinstance(frame.content, Image):
            raise UserError(f"{frame.name}: cannot be integrated; check mask and geometry")
        counts = np.asarray(frame.content.counts)
        shape = (counts.shape[0], counts.shape[1])
        angles = azimuthal_integrator(inputs.geometry, shape).center_array(shape, unit="2th_deg")
        drawn = self.refinement.curves(self.fit.parameters) if self.fit and self.refinement else None
        lines = reflection_lists(self.setup, self.integrator.two_theta)
        return Seen(
            name=frame.name,
            picture=picture_of(counts, angles, module_gaps(inputs.geometry, shape)),
            pattern=pattern,
            curves=drawn,
            ticks=ticks_of(self.setup, lines, self.fit or _at_start_cells(self.setup)),
            setup=self.setup,
        )


def _at_start_cells(setup: Setup) -> Fit:
    """What puts every component's lines at its start cell."""
    lattices = tuple(Lattice(component.lattice_parameter_A) for component in setup.components)
    nan = math.nan
    return Fit(lattices, len(lattices), nan, nan, nan, nan, 0, False, np.empty(0))


def used_of(inputs: Inputs) -> list[Decision]:
    """What the run will be made with, where it came from something; the components with their phases."""
    experiment = inputs.experiment
    components = [
        Decision(
            each.name,
            f"{each.phase or each.cif}"
            + (f", starts at {each.lattice_parameter_A:g} Å" if each.lattice_parameter_A else "")
            + (", spectator" if each.role == "spectator" else ""),
            "set-up",
        )
        for each in experiment.component
    ]
    told = [
        replace(each, source={COMMAND_LINE: CHOSEN, "experiment.toml": "set-up"}.get(each.source, each.source))
        for each in inputs.decided
        if (each.source != DEFAULT or each.name == "orientation") and not each.name.startswith("[[component]]")
    ]
    return [*told[:2], *components, *told[2:]]
