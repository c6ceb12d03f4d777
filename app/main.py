"""The command line: one command a module; errors and exit statuses are settled here, once."""

import gc
import logging
import sys

import typer
from typer.exceptions import TyperException

from latticewatch.app import commands
from latticewatch.app.exit_status import DONE, INTERRUPTED, OUR_ERROR, UNUSABLE
from latticewatch.app.log import log_path, start_logging
from latticewatch.processing.errors import UserError
from latticewatch.processing.text import printable

log = logging.getLogger("latticewatch")


def main() -> None:
    """Entry point of the ``latticewatch`` command."""
    status = run(sys.argv[1:])
    gc.freeze()  # what is alive ends with the process: to search it for cycles takes a fifth of a second
    sys.exit(status)


def run(arguments: list[str]) -> int:
    """Run one command line; the exit status of the contract."""
    start_logging(verbose=any(word in ("-v", "--verbose") for word in arguments))
    command_line = typer.main.get_command(commands.app)
    try:
        status = command_line.main(arguments or ["--help"], prog_name="latticewatch", standalone_mode=False)
    except (UserError, TyperException) as error:
        return _complain(_message(error), UNUSABLE)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        return DONE
    except Exception as error:
        log.error("unexpected error", exc_info=True)
        what = f"{type(error).__name__}: {error}"
        return _complain(f"an error of our own ({what}); the traceback is in {log_path()}", OUR_ERROR)
    return status if isinstance(status, int) else DONE


def _message(error: UserError | TyperException) -> str:
    if isinstance(error, UserError):
        return str(error)
    context: typer.Context | None = getattr(error, "ctx", None)
    message = error.format_message().rstrip(".")
    return f"{message}; see {context.command_path} --help" if context else message


def _complain(message: str, status: int) -> int:
    sys.stderr.write(f"latticewatch: {printable(message)}\n")
    return status
