"""The settings of a running scan are changed: prepared in any thread, taken up by the run's own between two frames."""

import logging
import math
import time
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

from latticewatch.app.run.decisions import Inputs, gather
from latticewatch.app.run.given import Given
from latticewatch.app.run.integrating import Integrating, corrections_of, integrator_of, setup_of
from latticewatch.app.run.segments import Segment
from latticewatch.app.run.settings_changed import (
    changes_patterns,
    differences,
    given_again,
    made_with,
    needs_own_file,
)
from latticewatch.processing.config.resolve import Setup
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.fit import Fit
from latticewatch.processing.flow.frame import Image
from latticewatch.processing.flow.series import NAN, Row
from latticewatch.processing.flow.stages import Refinement
from latticewatch.processing.flow.wording import duration
from latticewatch.processing.integration.integrate import ImageIntegrator
from latticewatch.processing.integration.plan import Corrections
from latticewatch.processing.pipeline.loop import Pipeline, judge_recorded
from latticewatch.processing.reaction.live.judge import Judge
from latticewatch.processing.record.run_file.changes import Change, Difference, alike_segments, fits_alike
from latticewatch.processing.record.run_file.notes import MARK
from latticewatch.processing.record.run_file.writer import RunWriter
from latticewatch.processing.refinement.choice import refinement_of
from latticewatch.processing.refinement.peaks.fits import TrackedPeaks
from latticewatch.processing.refinement.sector_cells import SectorCells

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of a scan, read and checked."""

    inputs: Inputs
    setup: Setup
    corrections: Corrections


@dataclass(frozen=True, slots=True)
class Prepared:
    """A change that is ready to be taken up. integrator: None: the run's own stays."""

    settings: Settings
    what: tuple[Difference, ...]
    why: str
    is_undo: bool
    integrator: Integrating | None


class ScanChanges:
    """Changes of one live run.

    ``read``, ``prepare`` and ``hand`` may be called from any thread, ``recorded`` and ``asked`` from the run's alone.
    settings: in force. segments: the run's settings so far, one after the other.
    """

    def __init__(self, scan: Path, given: Given, settings: Settings, image: Image, integrator: Integrating) -> None:
        """settings, integrator: the run began with these. image: its first."""
        self.settings = settings
        self.segments: list[Segment] = []
        self._scan, self._given, self._image = scan, given, image
        self._first = self._newest = integrator
        self._writer: RunWriter | None = None
        self._recorded: tuple[Change, ...] = ()
        self._handed: Prepared | None = None

    @property
    def given(self) -> Given:
        """What finds the settings in force."""
        return given_again(self.settings.inputs.decided, self._given)

    @property
    def name(self) -> str:
        """What the scan is called."""
        return self._scan.resolve().stem or "scan"

    @property
    def recorded_in(self) -> Path | None:
        """The run file of now; None where nothing is recorded."""
        return None if self._writer is None else self._writer.path

    @property
    def integrator(self) -> Integrating:
        """The one in force."""
        return self._newest

    def resume(self, changes: Sequence[Change]) -> None:
        """The run is resumed, and had these changes: its last settings are in force. Raises UserError where their files
        are not what they were."""
        self._recorded = tuple(changes)
        if not changes:
            return
        last = changes[-1]
        settings = self.read(given_again(last.decided, self._given))
        other = made_with(last.inputs) - made_with(settings.inputs.files)
        if other:
            roles = ", ".join(sorted(role for role, _ in other))
            raise UserError(
                f"the run's settings were changed at frame {last.frame}, and the {roles} of then is another one now; "
                "restore it, or give a new --out"
            )
        if changes_patterns(differences(self.settings.inputs, settings.inputs)):
            self._newest = self._first.corrected(settings.inputs.geometry, settings.corrections)
        self.settings = replace(settings, setup=last.setup)

    def begin(self, writer: RunWriter | None, segment: Segment) -> None:
        """The run begins with this segment. writer: keeps the changes."""
        self._writer = writer
        self.segments.append(segment)

    def read(self, given: Given) -> Settings:
        """The settings that are given, checked. Slow: files are read. Raises UserError."""
        inputs = gather(self._scan, given)
        is_other = bool(needs_own_file(self.settings.inputs, inputs))
        setup = setup_of(inputs, integrator_of(inputs, self._image) if is_other else self._first)
        return Settings(
            inputs,
            replace(setup, accuracy=self.settings.setup.accuracy),
            corrections_of(inputs, self._image),
        )

    def compared(self, settings: Settings) -> tuple[Difference, ...]:
        """What would be changed by these settings."""
        before = self.settings
        what = differences(before.inputs, settings.inputs)
        if not what and settings.setup != before.setup:
            return (Difference("phases", "as they were", "with other content"),)
        return what

    def prepare(self, settings: Settings, why: str, *, is_undo: bool = False) -> Prepared:
        """The change to these settings, ready to be handed over. Slow: plans are built. Raises UserError where nothing
        is changed, or the run file cannot go on with it."""
        what = self.compared(settings)
        if not what:
            raise UserError("nothing is changed")
        if reason := needs_own_file(self.settings.inputs, settings.inputs):
            raise UserError(f"{reason}; all frames must be made again")
        integrator = None
        if changes_patterns(what):
            integrator = self._first.corrected(settings.inputs.geometry, settings.corrections)
        return Prepared(settings, what, why, is_undo, integrator)

    def hand(self, prepared: Prepared) -> None:
        """Have it taken up before the next frame. Raises UserError where one is still waiting."""
        if self._handed is not None:
            raise UserError("the change before this one is not taken up yet; try again in a moment")
        self._handed = prepared

    def recorded(self, pipeline: Pipeline, segment: int | None = None) -> Pipeline:
        """The pipeline with the settings that were recorded for this segment; of None: for the last one."""
        for change in self._recorded:
            if pipeline.segment < change.segment and (segment is None or change.segment <= segment):
                pipeline = self._entered(pipeline, change)
        return pipeline

    def asked(self, pipeline: Pipeline) -> Pipeline:
        """The pipeline that the next frame goes through. Raises RecordingStopped where the change cannot be kept."""
        prepared = self._handed
        if prepared is None:
            return pipeline
        row = _newest(pipeline)
        change = Change(
            segment=pipeline.segment + 1,
            frame=0 if row is None else row.index + 1,
            time_s=0.0 if row is None else row.time_s,
            changed_s=time.time(),
            why=prepared.why,
            what=prepared.what,
            is_undo=prepared.is_undo,
            keeps_fits=False,
            setup=prepared.settings.setup,
            experiment_toml=prepared.settings.inputs.experiment_text,
            inputs=prepared.settings.inputs.files,
            decided=prepared.settings.inputs.decided,
        )
        change = replace(change, keeps_fits=fits_alike(self.segments[-1], change))
        if self._writer is not None:
            self._writer.append_change(change)
            self._writer.append_note(change.time_s, change.label, MARK)
        if prepared.integrator is not None:
            if isinstance(prepared.integrator, ImageIntegrator) and isinstance(self._newest, ImageIntegrator):
                prepared.integrator.succeed(self._newest)
            self._newest = prepared.integrator
        self.settings, self._handed = prepared.settings, None
        log.info("from frame %d on the settings are %s", change.frame, change)
        return self._entered(pipeline, change)

    def _entered(self, pipeline: Pipeline, change: Change) -> Pipeline:
        """The pipeline with the settings of this change."""
        setup = change.setup
        known = tuple(each.change for each in self.segments if each.change is not None)
        alike = alike_segments(self.segments[0], (*known, change)) - {change.segment}
        refinement = self._refinement(pipeline, change, alike)
        self.segments.append(Segment(change.segment, setup, refinement, change.inputs, change.decided, change))
        return replace(
            pipeline,
            integrator=self._newest,
            refinement=refinement,
            judge=_judge(pipeline, setup, change, alike),
            composition=setup.composition,
            segment=change.segment,
            peaks=TrackedPeaks(setup.peaks, pipeline.series.two_theta),
            sectors=SectorCells(setup, refinement_of),
        )

    def _refinement(self, pipeline: Pipeline, change: Change, alike: Set[int]) -> Refinement:
        """The one that fits as this change says: that of now, that of the last segment which was fitted so, or a new
        one, which knows where the lattices were."""
        if change.keeps_fits:
            return pipeline.refinement
        before = [each.refinement for each in self.segments if each.number in alike]
        if before:
            return before[-1].fork()
        made = refinement_of(change.setup, pipeline.series.two_theta)
        made.remember(_cells(pipeline, self.segments[-1].setup, change.setup))
        return made


def _newest(pipeline: Pipeline) -> Row | None:
    snapshot = pipeline.series.snapshot()
    return snapshot.row(-1) if snapshot.count else None


def _judge(pipeline: Pipeline, setup: Setup, change: Change, alike: Set[int]) -> Judge:
    """One that knows the rows that were fitted as those to come; where there are none, only when mixing was: a step
    that the settings make is none of the reaction's. alike: the segments of these rows."""
    rows = pipeline.series.snapshot().rows()
    known = [row for row in rows if row.segment in alike]
    if known or not rows:
        judge = Judge(setup)
        for row in known:
            judge_recorded(judge, row)
        return judge
    mixing_s = rows[-1].verdict.mixing_s
    if setup.mixing_time_s is None and math.isfinite(mixing_s):
        setup = replace(setup, mixing_time_s=mixing_s)
    when = duration(change.time_s) or f"frame {change.frame}"
    return Judge(setup, f"Judged anew from {when} on: the settings were changed.")


def _cells(pipeline: Pipeline, before: Setup, after: Setup) -> list[float]:
    """Where each lattice was when it was last told apart; NaN where it never was. Nothing is known where a component is
    another one now: what was found before was found by a wrong start."""
    found = [NAN] * len(after.components)
    if before.components != after.components:
        return found
    for row in reversed(pipeline.series.snapshot().rows()):
        if isinstance(row.fit, Fit):
            cells = (lattice.lp_A for lattice in row.fit.lattices)
            found = [old if math.isfinite(old) else cell for old, cell in zip(found, cells, strict=True)]
        if all(map(math.isfinite, found)):
            break
    return found
