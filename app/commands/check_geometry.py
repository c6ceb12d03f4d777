"""``latticewatch check-geometry``: how right a geometry is, by a standard's rings."""

from pathlib import Path
from typing import Annotated

import typer

from latticewatch.app.commands import options

FrameFile = Annotated[Path, typer.Argument(metavar="FRAME", help="One frame of the standard.")]
AccuracyFile = Annotated[
    Path | None, typer.Option("--out", metavar="NAME.accuracy.toml", help="Keep the accuracy in this file.")
]
Calibrant = Annotated[
    str,
    typer.Option("--calibrant", metavar="NAME", help="LaB6, CeO2, Si, another of pyFAI's calibrants, or a CIF file."),
]


def check_geometry(
    frame: FrameFile,
    calibrant: Calibrant = "LaB6",
    geometry: options.GeometryFile = None,
    mask: options.MaskFile = None,
    orientation: options.Orientation = None,
    out: AccuracyFile = None,
) -> int:
    """Integrate a standard and compare its rings with its certified cell: precision is not accuracy.

    With --out the accuracy is kept; beside the .poni it is found by itself, and every lattice parameter measured
    with that geometry is quoted with it.

    Example: latticewatch check-geometry lab6_0001.cbf --calibrant LaB6 --geometry lab6.poni --out lab6.accuracy.toml
    """
    from latticewatch.app.checks.geometry_report import report  # slow to load: pyFAI
    from latticewatch.app.run.decisions import find_only  # slow to load: numba, h5py

    poni = geometry or find_only(frame, "*.poni", "--geometry")
    for line in report(frame, calibrant, poni, mask, orientation, out):
        typer.echo(line)
    return 0
