"""All frames of a scan that is being recorded made again, in a process and a run file of their own: the recording goes
on undisturbed, whatever becomes of this one."""

import logging
import multiprocessing
import os
import signal
import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from latticewatch.app.run.request import Request
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.series import Row

NICENESS = 10
ENDING_S = 30.0


class AllAgain:
    """done: rows that are recorded so far. error: why it ended, in one line; empty while all is well. is_over: the
    process has ended."""

    def __init__(self, request: Request, out: Path) -> None:
        """request: a live run that is recorded in ``out``; it ends when it is stopped, or as the request says. Raises
        UserError where no process can be started."""
        self.out = out
        self.done = 0
        self.error = ""
        self.is_over = False
        context = multiprocessing.get_context("spawn")  # a forked OpenMP or HDF5 may hang
        self._pipe, its = context.Pipe()
        self._process = context.Process(target=serve, args=(its, request), name="all again")
        try:
            self._process.start()
        except OSError as error:
            self._pipe.close()
            raise UserError(
                f"all frames cannot be made again: no process can be started ({error.strerror}); end other programs"
            ) from None
        finally:
            its.close()

    def poll(self) -> None:
        """Take up what the process told since the last call."""
        try:
            while not self.is_over and self._pipe.poll():
                told = self._pipe.recv()
                if isinstance(told, str):
                    self.error = told
                else:
                    self.done = told
        except (EOFError, OSError):
            self.is_over = True
            self._process.join()
            if self._process.exitcode and not self.error:
                self.error = f"its process ended with status {self._process.exitcode}"

    def stop(self) -> None:
        """Have it end in order: what it has recorded is kept, and can be resumed."""
        if self._process.is_alive():
            self._process.terminate()

    def end(self) -> None:
        """Stop it and wait for its end; one that does not answer is killed, and loses nothing that it recorded."""
        self.stop()
        self._process.join(ENDING_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self.poll()
        self._pipe.close()


def serve(pipe: Connection, request: Request) -> None:
    """The life of the process: the run of this request, told row by row; it ends with who started it."""
    with suppress(OSError):
        os.nice(NICENESS)  # the recording comes first
    from latticewatch.app.run.decisions import decide  # slow to load: in the process's own time
    from latticewatch.app.run.open_session import run_session  # slow to load: in the process's own time

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    ours = logging.getLogger("latticewatch")
    ours.setLevel(logging.INFO)
    ours.addHandler(logging.NullHandler())  # its run file keeps the log
    ours.propagate = False
    threading.Thread(target=_wait_for_its_end, args=(pipe, stop), daemon=True, name="window").start()
    done = 0

    def on_row(_: Row) -> None:
        nonlocal done
        done += 1
        try:
            pipe.send(done)
        except OSError:
            stop.set()

    with suppress(OSError), pipe:
        try:
            run_session(decide(request), stop, lambda _: None, on_row)
        except UserError as error:
            pipe.send(str(error))
        except Exception as error:
            pipe.send(f"internal error ({type(error).__name__}: {error})")
            raise


def _wait_for_its_end(pipe: Connection, stop: threading.Event) -> None:
    """The window is gone, however it went: end in order, also where no frame comes."""
    with suppress(EOFError, OSError):
        pipe.recv()
    stop.set()
