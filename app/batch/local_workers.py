"""Workers on this machine: processes of their own, so that one that dies takes nothing along."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from latticewatch.app.batch.task import ENDS, Event, EventKind, Task

# Scans are what is worked on side by side: threads inside them would take each other's cores.
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
ENDING_S = 60.0


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    pipe: Connection
    task: Task | None = None


@dataclass(slots=True)
class LocalCrew:
    """Processes, started when there is something to do, at most ``workers`` at a time."""

    workers: int
    _waiting: deque[Task] = field(default_factory=deque)
    _crew: list[_Worker] = field(default_factory=list)
    _events: deque[Event] = field(default_factory=deque)

    def submit(self, task: Task) -> None:
        self._waiting.append(task)

    def next_event(self, timeout_s: float) -> Event | None:
        self._assign()
        if not self._events:
            self._gather(timeout_s)
        return self._events.popleft() if self._events else None

    def stop(self) -> None:
        while self._waiting:
            task = self._waiting.popleft()
            self._events.append(Event(EventKind.STOPPED, task.name, task.attempt, "not begun"))
        for worker in self._crew:
            worker.process.terminate()

    def close(self) -> None:
        """End every process; those still at work are killed: what they recorded is safe."""
        for worker in self._crew:
            with suppress(OSError):
                worker.pipe.send(None)
        for worker in self._crew:
            if worker.task is not None:
                worker.process.kill()
            worker.process.join(ENDING_S)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.pipe.close()
        self._crew.clear()

    def _assign(self) -> None:
        while self._waiting:
            worker = next((each for each in self._crew if each.task is None), None)
            if worker is None and len(self._crew) < self.workers:
                worker = _started()
                self._crew.append(worker)
            if worker is None:
                return
            worker.task = self._waiting.popleft()
            # A worker that has died meanwhile is noticed when it is listened to.
            with suppress(OSError):
                worker.pipe.send(worker.task)

    def _gather(self, timeout_s: float) -> None:
        ready = wait([worker.pipe for worker in self._crew], timeout_s)
        for worker in [each for each in self._crew if each.pipe in ready]:
            try:
                event: Event = worker.pipe.recv()
            except (EOFError, OSError):
                self._bury(worker)
                continue
            self._events.append(event)
            if event.kind in ENDS:
                worker.task = None

    def _bury(self, worker: _Worker) -> None:
        self._crew.remove(worker)
        worker.process.join()
        worker.pipe.close()
        if worker.task is not None:
            text = f"its worker died ({_cause(worker.process.exitcode)})"
            self._events.append(Event(EventKind.LOST, worker.task.name, worker.task.attempt, text))


def _cause(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        with suppress(ValueError):
            return signal.Signals(-exit_code).name
    return f"exit status {exit_code}"


def _started() -> _Worker:
    # spawn: a forked OpenMP or HDF5 may hang
    context = multiprocessing.get_context("spawn")
    ours, its = context.Pipe()
    process = context.Process(target=serve, args=(its,))
    with _one_thread_each():
        process.start()
    its.close()
    return _Worker(process, ours)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def serve(pipe: Connection) -> None:
    """A worker's life: task after task until it is told to end, or its command is gone."""
    stop = threading.Event()

    def on_signal(*_: object) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    with suppress(EOFError, OSError), pipe:
        while (task := pipe.recv()) is not None:
            _serve_one(pipe, task, stop)


def _serve_one(pipe: Connection, task: Task, stop: threading.Event) -> None:
    from latticewatch.app.batch.worker import logs_told, work  # slow to load: in the worker's process

    sending = threading.Lock()  # what is logged may come from the thread that reads ahead

    def tell(event: Event) -> None:
        try:
            with sending:
                pipe.send(event)
        except OSError:
            stop.set()  # the command is gone: end in order

    with logs_told(task, tell):
        end = work(task, tell, stop, f"process {os.getpid()}")
    pipe.send(end)
