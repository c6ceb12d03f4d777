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
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say it.")] = False,
) -> None:
    pass


app.command("watch")(watch.watch)
app.command("replay")(replay.replay)
app.command("process")(process.process)
app.command("compare")(compare.compare)
app.command("export")(export.export)
app.command("simulate")(simulate.simulate)
app.command("check-geometry")(check_geometry.check_geometry)
app.command("logbook")(logbook.logbook)
app.command("doctor")(doctor.doctor)
app.command("demo")(demo.demo)
