"""``latticewatch export``: what goes into the logbook and the paper."""

from pathlib import Path
from typing import Annotated

import typer

from latticewatch.processing.errors import UserError

Run = Annotated[Path, typer.Argument(metavar="RUN", help="A run file.")]


def _file(flag: str, metavar: str, text: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(flag, metavar=metavar, help=text)
    return option


def export(
    run: Run,
    trace: Annotated[Path | None, _file("--trace", "FILE.csv", "Every frame: Lp, esd, state, reason.")] = None,
    patterns: Annotated[Path | None, _file("--patterns", "FOLDER", "Each pattern as .xye.")] = None,
    map_file: Annotated[Path | None, _file("--map", "FILE", "2θ-time map: .npz, .csv, .h5, .png, .svg.")] = None,
    figure: Annotated[Path | None, _file("--figure", "FILE.pdf", "Figure: .pdf, .svg or .png.")] = None,
    screenshot: Annotated[Path | None, _file("--screenshot", "FILE.png", "Picture of the window.")] = None,
    summary: Annotated[Path | None, _file("--summary", "FILE.json", "Pauses, completion, rates.")] = None,
) -> int:
    """Export what a run file holds.

    Example: latticewatch export br_i_003.h5 --trace lp.csv --summary summary.json --figure lp.pdf
    """
    if not any((trace, patterns, map_file, figure, screenshot, summary)):
        raise UserError(f"{run}: nothing to export; name at least one of --trace, --patterns, --map, --figure, ...")
    from latticewatch.app.commands.exports import export_run  # slow to load: matplotlib

    written = export_run(
        run,
        trace=trace,
        patterns=patterns,
        map_file=map_file,
        figure=figure,
        screenshot=screenshot,
        summary=summary,
    )
    for path in written:
        typer.echo(path)
    return 0
