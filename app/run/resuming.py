"""A run is resumed where it stopped."""

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np

from latticewatch.app.run.fingerprint import FRAMES
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.accuracy import Accuracy, source_of
from latticewatch.processing.flow.series import Row
from latticewatch.processing.flow.stages import Source
from latticewatch.processing.integration.integrate import ImageIntegrator
from latticewatch.processing.pipeline.resumed import Resumed
from latticewatch.processing.record.run_file.fallback import Elsewhere
from latticewatch.processing.record.run_file.header import RunHeader
from latticewatch.processing.record.run_file.reader import Run, read_run
from latticewatch.processing.record.run_file.writer import RunWriter

log = logging.getLogger(__name__)


class Resuming:
    """The recorder of a run that is resumed: the first rows are in the file already and are not written again.

    accuracy: the one the run began with, which stands in its file.
    """

    def __init__(self, writer: RunWriter, recorded_s: Sequence[float], accuracy: Accuracy | None) -> None:
        self.writer = writer
        self.accuracy = accuracy
        self._recorded_s = list(recorded_s)

    def append_many(self, rows: Sequence[Row]) -> list[Row]:
        """The rows with their ``recorded_s``, of then or of now."""
        old = [replace(row, recorded_s=then) for row, then in zip(rows, self._recorded_s, strict=False)]
        del self._recorded_s[: len(old)]
        return old + self.writer.append_many(rows[len(old) :])


def resumed(
    stack: ExitStack,
    out: Path,
    header: RunHeader,
    source: Source,
    integrator: ImageIntegrator,
    fallback: Path | None = None,
) -> tuple[Source, Resuming]:
    """The source and the recorder that resume ``out``, both closed with ``stack``.

    fallback: folder in which the recording goes on where that of ``out`` takes no more; None: it stops. Raises
    UserError where it was made with other inputs, or is being written.
    """
    with read_run(out) as run:
        _check_same(run, header, integrator)
    writer = RunWriter.resume(out)
    with ExitStack() as closed_on_error:
        closed_on_error.enter_context(writer)
        run = stack.enter_context(read_run(out))
        closed_on_error.pop_all()
    stack.enter_context(writer)  # closed first: it may need the rows that the run holds
    if fallback:
        writer.may_go_on(Elsewhere(fallback, run.header, run.two_theta, before=run.rows))
    log.info("%s: resumed after %d frames", out, len(run.rows))
    began_with = run.setup.accuracy
    if began_with != header.setup.accuracy:
        log.warning("%s: keeps the accuracy that it began with (%s)", out, source_of(began_with))
    recorded_s = [row.recorded_s for row in run.traced for _ in range(2 if row.filled else 1)]
    recorder = Resuming(writer, recorded_s, began_with)
    return Resumed(run.rows, source, integrator.integrate), recorder


def _check_same(run: Run, header: RunHeader, integrator: ImageIntegrator) -> None:
    made_with, given = (
        {(each.role, each.sha256) for each in one.inputs if each.role not in ("accuracy", FRAMES)}
        for one in (run.header, header)
    )
    if made_with != given or not np.array_equal(run.two_theta, integrator.two_theta):
        raise UserError(f"{run.path}: was made with another geometry or experiment; give a new --out to start over")
