"""Exports of a run file: each asked for by a path."""

import logging
from collections.abc import Callable
from pathlib import Path

from latticewatch.processing.reaction.afterwards.kinetics import describe
from latticewatch.processing.record.export.figures import draw_figure
from latticewatch.processing.record.export.patterns_and_map import export_map, export_patterns
from latticewatch.processing.record.export.summary import summarise, write_summary
from latticewatch.processing.record.export.trace import write_trace
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
    asked: tuple[tuple[Path | None, Callable[[Run, Path], object]], ...] = (
        (trace, _trace),
        (patterns, export_patterns),
        (map_file, export_map),
        (figure, draw_figure),
        (summary, _summary),
        (screenshot, _screenshot),
    )
    with read_run(path) as run:
        for target, write in asked:
            if target:
                write(run, target)
    return [target for target, _ in asked if target]


def _trace(run: Run, target: Path) -> None:
    setup = run.setup
    write_trace(target, run.traced, run.header.component_names, setup.composition is not None, setup.accuracy)


def _summary(run: Run, target: Path) -> None:
    kinetics = describe(run.setup, run.traced)
    for reason in kinetics.withheld:
        log.warning("not told: %s", reason)
    write_summary(target, summarise(run.header, run.traced, kinetics, run.account))


def _screenshot(run: Run, target: Path) -> None:
    from latticewatch.app.window.application import save_run_picture  # slow to load: Qt

    save_run_picture(run, target)
