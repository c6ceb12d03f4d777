"""``latticewatch compare``: runs overlaid, aligned at mixing."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from latticewatch.processing.errors import UserError

Runs = Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run files.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="FILE", help=".pdf, .svg, .png or .csv. Default: a window.")]


def compare(runs: Runs, out: Out = None) -> int:
    """Overlay the lattice parameter of several runs, aligned at mixing.

    Example: latticewatch compare bare.h5 shell1.h5 shell2.h5 --out overlay.pdf
    """
    if out is None:
        from latticewatch.app.checks.machine import display  # slow to load: pydantic
        from latticewatch.app.window.compare_window import show_compare  # slow to load: Qt

        if not display():
            raise UserError("compare: no display for its window; name a file with --out overlay.pdf")
        return show_compare(runs)
    from latticewatch.processing.record.export.compared import compared  # slow to load: h5py
    from latticewatch.processing.record.export.figures import compare_runs  # slow to load: matplotlib
    from latticewatch.processing.record.run_file.reader import read_run  # slow to load: h5py

    with ExitStack() as stack:
        compare_runs([compared(stack.enter_context(read_run(path))) for path in runs], out)
    typer.echo(out)
    return 0
