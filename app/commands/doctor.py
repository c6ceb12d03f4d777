"""``latticewatch doctor``: what this machine has and what is missing."""

from typing import Annotated

import typer

WarmUp = Annotated[bool, typer.Option("--warm-up", help="Compile everything now, so that no run waits for it.")]


def doctor(warm_up: WarmUp = False) -> int:
    """Say what this machine has (display, disk, versions) and what is missing, one line each.

    Example: latticewatch doctor
    """
    from latticewatch.app.checks.machine import findings  # slow to load: h5py

    for line in findings():
        typer.echo(line)
    if warm_up:
        from latticewatch.app.run.warming import warm_up as compile_all  # slow to load: numba

        typer.echo(f"self-test: {compile_all()} simulated frames fitted; everything is compiled")
    return 0
