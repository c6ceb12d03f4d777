"""``latticewatch check-geometry``: how right a geometry is, by a standard's rings."""

from pathlib import Path
from typing import Annotated

import typer

from latticewatch.app import options

FrameFile = Annotated[Path, typer.Argument(metavar="FRAME", help="One frame of the standard.")]
Calibrant = Annotated[str, typer.Option("--calibrant", metavar="NAME", help="LaB6, CeO2, Si, or a CIF file.")]


def check_geometry(
    frame: FrameFile,
    calibrant: Calibrant = "LaB6",
    geometry: options.GeometryFile = None,
    mask: options.MaskFile = None,
    orientation: options.Orientation = None,
) -> int:
    """Integrate a standard and compare its rings with its certified cell: precision is not accuracy.

    Example: latticewatch check-geometry lab6_0001.cbf --calibrant LaB6 --geometry lab6.poni
    """
    from latticewatch.app.geometry_report import report
    from latticewatch.app.inputs import find_only

    for line in report(frame, calibrant, geometry or find_only(frame, "*.poni", "--geometry"), mask, orientation):
        typer.echo(line)
    return 0
