"""The command line: one command a module; errors and exit statuses are settled here, once.

The commands import what is heavy when they run, so that ``--help`` answers at once.
"""

import gc
import logging
import sys
from importlib.metadata import version as version_of
from typing import Annotated

import typer
from typer.exceptions import TyperException

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
from latticewatch.app.exit_status import DONE, INTERNAL_ERROR, INTERRUPTED, UNUSABLE
from latticewatch.app.log import log_path, start_logging
from latticewatch.app.output import flush_outputs, secure_outputs, write_line
from latticewatch.processing.errors import UserError
from latticewatch.processing.text import printable

log = logging.getLogger("latticewatch")

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
        typer.echo(f"latticewatch {version_of('latticewatch')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
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


def main() -> None:
    secure_outputs()
    status = run(sys.argv[1:])
    flush_outputs()
    gc.freeze()  # what is alive ends with the process: to search it for cycles takes a fifth of a second
    sys.exit(status)


def run(arguments: list[str]) -> int:
    """Run one command line; the exit status of the contract."""
    start_logging(verbose=any(word in ("-v", "--verbose") for word in arguments))
    command_line = typer.main.get_command(app)
    try:
        status = command_line.main(arguments or ["--help"], prog_name="latticewatch", standalone_mode=False)
    except UserError as error:
        return _complain(str(error), UNUSABLE)
    except TyperException as error:
        context: typer.Context | None = getattr(error, "ctx", None)
        message = error.format_message().rstrip(".")
        return _complain(f"{message}; see {context.command_path} --help" if context else message, UNUSABLE)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        return DONE
    except Exception as error:
        log.error("unexpected error", exc_info=True)
        what = f"{type(error).__name__}: {error}"
        return _complain(f"internal error ({what}); the traceback is in {log_path()}", INTERNAL_ERROR)
    return status if isinstance(status, int) else DONE


def _complain(message: str, status: int) -> int:
    write_line(f"latticewatch: {printable(message)}", sys.stderr)
    return status
