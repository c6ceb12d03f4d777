"""A run is resumed where it stopped."""

import logging
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from latticewatch.app.run.changing import ScanChanges
from latticewatch.app.run.integrating import Integrating
from latticewatch.app.run.settings_changed import made_with
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.accuracy import source_of
from latticewatch.processing.flow.stages import Source
from latticewatch.processing.pipeline.resumed import NewFrames
from latticewatch.processing.record.run_file.fallback import Fallback
from latticewatch.processing.record.run_file.header import RunHeader
from latticewatch.processing.record.run_file.reader import Run, read_run, read_while_written
from latticewatch.processing.record.run_file.writer import RunWriter

log = logging.getLogger(__name__)


def resumed(
    stack: ExitStack,
    out: Path,
    header: RunHeader,
    source: Source,
    changes: ScanChanges,
    fallback: Path | None = None,
) -> tuple[Run, Source, RunWriter]:
    """The run in ``out`` so far, what is new to it in ``source``, and its writer; closed with ``stack``.

    changes: of a run that begins with these inputs; those of the recorded run are taken up. fallback: folder in which
    recording continues where that of ``out`` takes no more; None: it stops. Raises UserError where the run was made
    with other inputs, or is being written.
    """
    with read_run(out) as run:
        _check_same(run, header, changes.integrator)
        changes.resume(run.changes)
    writer = RunWriter.resume(out)
    with ExitStack() as closed_on_error:
        closed_on_error.enter_context(writer)
        run = stack.enter_context(read_while_written(out))
        closed_on_error.pop_all()
    stack.enter_context(writer)  # closed first: it may need the rows that the run holds
    if fallback:
        elsewhere = Fallback(fallback, run.header, run.two_theta, before=run.rows, changes=list(run.changes))
        writer.use_fallback(elsewhere)
    log.info("%s: resumed after %d frames", out, len(run.rows))
    if run.setup.accuracy != header.setup.accuracy:
        log.warning("%s: keeps the accuracy that it began with (%s)", out, source_of(run.setup.accuracy))
    return run, NewFrames(run.rows, (row.name for row in run.traced), source, changes.integrator.integrate), writer


def _check_same(run: Run, header: RunHeader, integrator: Integrating) -> None:
    same = made_with(run.header.inputs) == made_with(header.inputs)
    if not same and run.changes and made_with(run.latest.inputs) == made_with(header.inputs):
        raise UserError(
            f"{run.path}: was changed to these settings at frame {run.changes[-1].frame}; resume it with those that it "
            "began with: the change is kept in it"
        )
    if not same or not np.array_equal(run.two_theta, integrator.two_theta):
        raise UserError(f"{run.path}: was made with another geometry or experiment; give a new --out to start over")
