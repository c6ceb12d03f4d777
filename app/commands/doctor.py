"""``latticewatch doctor``: what this machine has and what is missing."""

import typer


def doctor() -> int:
    """Say what this machine has (display, OpenCL, disk, versions) and what is missing, one line each.

    Example: latticewatch doctor
    """
    from latticewatch.app.machine import findings

    for line in findings():
        typer.echo(line)
    return 0
