"""A run is resumed where it stopped."""

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from latticewatch.app.run.fingerprint import FRAMES
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.accuracy import source_of
from latticewatch.processing.flow.stages import Source
from latticewatch.processing.integration.integrate import ImageIntegrator
from latticewatch.processing.pipeline.resumed import NewFrames
from latticewatch.processing.record.run_file.fallback import Fallback
from latticewatch.processing.record.run_file.header import InputFile, RunHeader
from latticewatch.processing.record.run_file.reader import Run, read_run, read_while_written
from latticewatch.processing.record.run_file.writer import RunWriter

log = logging.getLogger(__name__)


def resumed(
    stack: ExitStack,
    out: Path,
    header: RunHeader,
    source: Source,
    integrator: ImageIntegrator,
    fallback: Path | None = None,
) -> tuple[Run, Source, RunWriter]:
    """The run in ``out`` so far, what is new to it in ``source``, and its writer; closed with ``stack``.

    fallback: folder in which recording continues where that of ``out`` takes no more; None: it stops. Raises
    UserError where the run was made with other inputs, or is being written.
    """
    with read_run(out) as run:
        _check_same(run, header, integrator)
    writer = RunWriter.resume(out)
    with ExitStack() as closed_on_error:
        closed_on_error.enter_context(writer)
        run = stack.enter_context(read_while_written(out))
        closed_on_error.pop_all()
    stack.enter_context(writer)  # closed first: it may need the rows that the run holds
    if fallback:
        writer.use_fallback(Fallback(fallback, run.header, run.two_theta, before=run.rows))
    log.info("%s: resumed after %d frames", out, len(run.rows))
    if run.setup.accuracy != header.setup.accuracy:
        log.warning("%s: keeps the accuracy that it began with (%s)", out, source_of(run.setup.accuracy))
    return run, NewFrames(run.rows, (row.name for row in run.traced), source, integrator.integrate), writer


def made_with(inputs: Sequence[InputFile]) -> set[tuple[str, str]]:
    """Roles and digests of what decides the numbers of a run: it is resumed only with the same."""
    return {(each.role, each.sha256) for each in inputs if each.role not in ("accuracy", FRAMES)}


def _check_same(run: Run, header: RunHeader, integrator: ImageIntegrator) -> None:
    same = made_with(run.header.inputs) == made_with(header.inputs)
    if not same or not np.array_equal(run.two_theta, integrator.two_theta):
        raise UserError(f"{run.path}: was made with another geometry or experiment; give a new --out to start over")
