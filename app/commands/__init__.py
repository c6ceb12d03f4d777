"""The commands of ``latticewatch``, one module each; heavy imports wait until a command runs."""

from typing import Annotated

import typer

from latticewatch.app.commands import (
    check_geometry,
    compare,
    demo,
    doctor,
    export,
    logbook,
    process,
    replay,
    simulate,
    watch,
)

app = typer.Typer(
    name="latticewatch",
    help="Watch a powder-diffraction scan while it happens: lattice parameter, pause or end.",
    epilog="First steps: latticewatch demo, then latticewatch COMMAND --help, each with an example.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"latticewatch {version('latticewatch')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which.")] = False,
) -> None:
    pass


app.command("watch", short_help="Watch a folder or stream while the detector writes.")(watch.watch)
app.command("replay", short_help="Replay a scan or run file: play, step, scrub.")(replay.replay)
app.command("process", short_help="Process recorded scans without a window.")(process.process)
app.command("compare", short_help="Overlay runs, aligned at mixing.")(compare.compare)
app.command("export", short_help="Trace, patterns, map, figure, summary of a run.")(export.export)
app.command("simulate", short_help="Write a scan with known truth.")(simulate.simulate)
app.command("check-geometry", short_help="Compare a standard's rings with its cell.")(check_geometry.check_geometry)
app.command("logbook", short_help="Post a run's picture and summary to a logbook.")(logbook.logbook)
app.command("doctor", short_help="Say what this machine has, and what is missing.")(doctor.doctor)
app.command("demo", short_help="Watch a simulated exchange, to its verdict.")(demo.demo)
