"""``latticewatch process``: no window, as fast as it goes."""

from pathlib import Path
from typing import Annotated

import typer

from latticewatch.app.commands import options
from latticewatch.app.run.given import Given
from latticewatch.processing.errors import UserError

Scans = Annotated[
    list[Path] | None, typer.Argument(metavar="SCAN...", help="Folders of frames, HDF5 stacks or run files.")
]
Out = Annotated[
    Path | None, typer.Option("--out", metavar="RUN.h5", help="Run file to write; for several scans: a folder.")
]
Tree = Annotated[Path | None, typer.Option("--tree", metavar="FOLDER", help="All scans in this folder and below it.")]
Scheduler = Annotated[
    str | None, typer.Option("--scheduler", metavar="ADDRESS", help="On a Dask cluster: tcp://HOST:8786.")
]
Summary = Annotated[
    Path | None, typer.Option("--summary", metavar="FILE.csv", help="One line per scan: frames, pauses, end, status.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


@options.with_inputs
def process(
    scans: Scans = None,
    tree: Tree = None,
    out: Out = None,
    resume: options.Resume = False,
    json: options.Json = False,
    workers: options.Workers = None,
    scheduler: Scheduler = None,
    summary: Summary = None,
    dry_run: DryRun = False,
    *,
    given: Given,
) -> int:
    """Process recorded scans without a window: the same loop and the same numbers as live.

    Example: latticewatch process scans/br_i_003 --geometry lab6.poni --out br_i_003.h5

    All scans of a beamtime: latticewatch process --tree beamtime --out runs --summary beamtime.csv
    """
    if bool(scans) == (tree is not None):
        raise UserError("process: name the scans, or the folder that holds them with --tree FOLDER")
    many = tree is not None or scheduler is not None or summary is not None or dry_run
    if scans and len(scans) == 1 and not many:
        from latticewatch.app.run.decisions import decide  # slow to load: numba, h5py
        from latticewatch.app.run.headless import run_headless  # slow to load: readers of all formats
        from latticewatch.app.run.request import Request  # slow to load: numba, h5py

        return run_headless(decide(Request(scans[0], given, out=out, resume=resume)), as_json=json)
    from latticewatch.app.batch.command import BatchRequest, process_many  # slow to load: readers of all formats

    asked = BatchRequest(given, tuple(scans or ()), tree, out, workers, scheduler, summary, json, dry_run)
    return process_many(asked)
