"""Exports of a run file: each asked for by a path."""

import hashlib
import logging
import os
from collections.abc import Iterable
from pathlib import Path

from latticewatch.processing.errors import UserError
from latticewatch.processing.files.regular_file import read_start
from latticewatch.processing.record.export.figures import draw_figure
from latticewatch.processing.record.export.patterns_and_map import export_map, export_patterns
from latticewatch.processing.record.export.summary import described, summarise, write_summary
from latticewatch.processing.record.export.trace import write_trace
from latticewatch.processing.record.run_file.header import LARGEST_BYTES
from latticewatch.processing.record.run_file.reader import Run, read_run

log = logging.getLogger(__name__)


def export_run(
    path: Path,
    *,
    trace: Path | None = None,
    patterns: Path | None = None,
    map_file: Path | None = None,
    figure: Path | None = None,
    screenshot: Path | None = None,
    summary: Path | None = None,
) -> list[Path]:
    """Write what is asked for; the paths written. Raises UserError for what cannot be read or written."""
    targets = [target for target in (trace, patterns, map_file, figure, summary, screenshot) if target]
    places = [os.path.realpath(target) for target in targets]
    for target, place in zip(targets, places, strict=True):
        takes_both = os.access(target, os.F_OK) and not target.is_file()  # a pipe or a device
        if places.count(place) > 1 and not takes_both:
            raise UserError(f"{target}: is named for two exports; give each its own file")
    with read_run(path) as run:
        _refuse_inputs(run, targets)
        setup = run.setup
        if trace:
            write_trace(trace, run.traced, run.kept, setup.accuracy)
        if patterns:
            export_patterns(run, patterns)
        if map_file:
            export_map(run, map_file)
        if figure:
            draw_figure(run, figure)
        if summary:
            kinetics, foreign = described(run)
            for reason in kinetics.withheld:
                log.warning("not reported: %s", reason)
            summarised = summarise(run.latest, run.traced, kinetics, run.account, foreign, run.changes, run.alike)
            write_summary(summary, summarised)
        if screenshot:
            from latticewatch.app.window.application import save_run_picture  # slow to load: Qt

            save_run_picture(run, screenshot)
    return targets


def _refuse_inputs(run: Run, targets: Iterable[Path]) -> None:
    """Raises UserError where a file that is to be written is what the run was made with, by its content."""
    kept = {each.sha256 for each in run.header.inputs}
    for target in targets:
        if target.is_file() and hashlib.sha256(read_start(target, LARGEST_BYTES)).hexdigest() in kept:
            raise UserError(f"{target}: is what the run was made with, and is kept; choose another file")
