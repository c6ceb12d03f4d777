"""``latticewatch process``: no window, as fast as it goes."""

from pathlib import Path
from typing import Annotated

import typer

from latticewatch.app import options
from latticewatch.app.options import Given

Scans = Annotated[list[Path], typer.Argument(metavar="SCAN...", help="Folders of frames, HDF5 stacks or run files.")]


def process(
    scans: Scans,
    geometry: options.GeometryFile = None,
    experiment: options.ExperimentFile = None,
    mask: options.MaskFile = None,
    dark: options.DarkFile = None,
    flat: options.FlatFile = None,
    orientation: options.Orientation = None,
    recursive: options.Recursive = None,
    include: options.Include = None,
    out: options.OutFile = None,
    resume: options.Resume = False,
    json: options.Json = False,
    workers: options.Workers = 1,
    verbose: options.Verbose = False,
) -> int:
    """Process recorded scans without a window: the same loop and the same numbers as live.

    Example: latticewatch process scans/br_i_003 --geometry lab6.poni --out br_i_003.h5
    """
    del verbose
    from latticewatch.app.scans import process_scans

    given = Given(geometry, experiment, mask, dark, flat, orientation, recursive, include)
    return process_scans(scans, given, out, resume=resume, as_json=json, workers=workers)
