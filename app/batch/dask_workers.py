"""Workers of a Dask cluster that is there already. What travels are plain data and functions of this module by name."""

import asyncio
import logging
import queue
import secrets
import threading
import time
import warnings
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, replace
from typing import Any

from latticewatch.app.batch.task import ENDS, Event, EventKind, Task
from latticewatch.processing.errors import UserError

CONNECT_S = 10.0
ANSWER_S = 30.0
GRACE_S = 2.0
LOUD = ("distributed", "tornado", "asyncio", "bokeh")
NO_DASK = "--scheduler needs Dask, which is not installed; install it with: pip install latticewatch[cluster]"

log = logging.getLogger(__name__)


@contextmanager
def dask_crew(address: str, most: int | None) -> Iterator["DaskCrew"]:
    """The workers of the cluster at this address; ``most``: scans handed out at a time (None: all).

    Raises UserError where Dask is not installed, the scheduler does not answer within CONNECT_S, or none of the
    workers there can be used.
    """
    try:
        from distributed import Client  # optional: dask
    except ImportError:
        raise UserError(NO_DASK) from None
    connect: Any = Client
    with ExitStack() as stack:
        stack.enter_context(_quiet())
        try:
            asyncio.run(_reach(address))
            client = stack.enter_context(connect(address, timeout=CONNECT_S, set_as_default=False))
        except (OSError, TimeoutError, ValueError, TypeError, RuntimeError) as error:
            raise UserError(f"--scheduler {address}: {_short(error)}; check that it runs and its address") from None
        crew = DaskCrew(client, most)
        stack.callback(crew.close)
        yield crew


async def _reach(address: str) -> None:
    """Asked first, for a client that cannot connect leaves its thread behind."""
    from distributed import Security  # optional: dask
    from distributed.comm import core  # optional: dask

    make: Any = Security
    connect: Any = core.connect
    connection = await connect(address, timeout=CONNECT_S, **make().get_connection_args("client"))
    await connection.close()


class DaskCrew:
    """Hands tasks to the cluster and hears of them through a topic of its own."""

    def __init__(self, client: Any, most: int | None) -> None:
        self._client = client
        self._most = most
        self._topic = f"latticewatch-{secrets.token_hex(8)}"
        self._heard: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._waiting: deque[Task] = deque()
        self._out: dict[str, tuple[Task, Any]] = {}
        self._ended_s: dict[str, float] = {}
        self._unfit: set[str] = set()
        self._said_waiting = False
        client.subscribe_topic(self._topic, self._hear)

    def check_workers(self, task: Task) -> None:
        """Say which workers cannot be used, and why. Raises UserError where none can; one that comes later is
        asked with its first task."""
        needs = (str(task.scan), str(task.out.parent))
        answers = self._client.run(_incompatibility, task.software, needs, on_error="return")
        unfit = {address: _told(answer) for address, answer in answers.items() if answer}
        if answers and len(unfit) == len(answers):
            address, why = next(iter(unfit.items()))
            raise UserError(f"--scheduler: none of its {len(answers)} workers can be used: {address} {why}")
        for address, why in unfit.items():
            self._leave_out(address, why)

    def submit(self, task: Task) -> None:
        self._waiting.append(task)

    def next_event(self, timeout_s: float) -> Event | None:
        """What happened next; None where nothing did in time. Raises UserError where the scheduler is gone."""
        self._assign()
        try:
            event = self._heard.get(timeout=timeout_s)
        except queue.Empty:
            if self._client.status not in ("running", "connecting"):
                gone = "the cluster's scheduler is gone; what is recorded is safe: start again to do the rest"
                raise UserError(gone) from None
            return self._unheard()
        return self._ended(event) if event.kind in ENDS else event

    def stop(self) -> None:
        for task in self._waiting:
            self._heard.put(Event(EventKind.STOPPED, task.name, task.attempt, "not begun"))
        self._waiting.clear()
        with suppress(Exception):
            began = set().union(*self._client.run(_set_stop, self._topic, on_error="ignore").values())
            for task, future in list(self._out.values()):
                if _key(self._topic, task) not in began:
                    future.cancel()
                    self._heard.put(Event(EventKind.STOPPED, task.name, task.attempt, "not begun"))

    def close(self) -> None:
        """Forget what is still out; the client itself is closed by whoever opened it."""
        with suppress(Exception):
            self._client.cancel([future for _, future in self._out.values()])
            self._client.unsubscribe_topic(self._topic)

    def _hear(self, event: tuple[float, dict[str, Any]]) -> None:
        fields = event[1]
        self._heard.put(Event(**{**fields, "kind": EventKind(fields["kind"])}))

    def _assign(self) -> None:
        while self._waiting and (self._most is None or len(self._out) < self._most):
            task = self._waiting.popleft()
            where: dict[str, Any] = {}
            if self._unfit:
                fit = [address for address in self._addresses() if address not in self._unfit]
                where = {"workers": fit, "allow_other_workers": False} if fit else {}
            key = _key(self._topic, task)
            future = self._client.submit(work_on_dask, task, self._topic, key=key, pure=False, retries=0, **where)
            self._out[task.name] = (task, future)
        if self._out and not self._said_waiting and self._client.status == "running" and not self._addresses():
            log.info("the cluster has no workers yet: waiting for one (Ctrl-C ends that)")
            self._said_waiting = True

    def _addresses(self) -> list[str]:
        return list(self._client.scheduler_info(n_workers=-1).get("workers", {}))

    def _unheard(self) -> Event | None:
        """A task that ended without a word of it: its worker died, or the word was lost."""
        now = time.monotonic()
        for task, future in list(self._out.values()):
            if future.status == "pending":
                self._ended_s.pop(task.name, None)
            elif now - self._ended_s.setdefault(task.name, now) >= GRACE_S or future.status == "error":
                return self._ended(_end_of(task, future))
        return None

    def _ended(self, event: Event) -> Event | None:
        task, _ = self._out.get(event.name, (None, None))
        if task is None or task.attempt != event.attempt:
            return event
        self._out.pop(event.name)
        self._ended_s.pop(event.name, None)
        if event.kind != EventKind.UNFIT:
            return event
        self._leave_out(event.worker, event.text)
        if not [address for address in self._addresses() if address not in self._unfit]:
            return replace(event, text=f"no worker that can be used: {event.worker} {event.text}")
        self._waiting.append(task)
        return None

    def _leave_out(self, address: str, why: str) -> None:
        if address not in self._unfit:
            self._unfit.add(address)
            log.warning("worker %s is not used: it %s", address, why)


def work_on_dask(task: Task, topic: str) -> dict[str, Any]:
    """On a worker: the task from beginning to end. Returns its last event."""
    from distributed import get_worker  # optional: dask

    from latticewatch.app.batch.worker import logs_told, work  # slow to load: on the cluster

    worker = get_worker()
    stop = _stops(worker).setdefault(_key(topic, task), threading.Event())

    def tell(event: Event) -> None:
        worker.log_event(topic, _plain(event))

    one_at_a_time = worker.__dict__.setdefault("latticewatch_lock", threading.Lock())
    try:
        # What is logged belongs to the scan at work, so a process works on one, however many threads it has.
        with one_at_a_time, logs_told(task, tell):
            end = work(task, tell, stop, worker.address)
    finally:
        _stops(worker).pop(_key(topic, task), None)
    tell(end)
    return _plain(end)


def _incompatibility(software: tuple[tuple[str, str], ...], folders: tuple[str, ...]) -> str:
    from latticewatch.app.batch.worker import incompatibility  # slow to load: on the cluster

    return incompatibility(software, folders)


def _set_stop(topic: str, dask_worker: Any) -> set[str]:
    """On a worker: have the tasks of this topic end; their keys."""
    running = {key: stop for key, stop in dict(_stops(dask_worker)).items() if key.startswith(topic)}
    for stop in running.values():
        stop.set()
    return set(running)


def _stops(worker: Any) -> dict[str, threading.Event]:
    """What tasks on this worker listen to; it lives and dies with the worker."""
    stops: dict[str, threading.Event] = worker.__dict__.setdefault("latticewatch_stops", {})
    return stops


def _key(topic: str, task: Task) -> str:
    return f"{topic}-{task.attempt}-{task.name}"


def _plain(event: Event) -> dict[str, Any]:
    return {**asdict(event), "kind": str(event.kind)}


def _end_of(task: Task, future: Any) -> Event:
    if future.status == "finished":
        fields = future.result(timeout=ANSWER_S)
        return Event(**{**fields, "kind": EventKind(fields["kind"])})
    if future.status == "error":
        return Event(EventKind.LOST, task.name, task.attempt, _told(future.exception(timeout=ANSWER_S)))
    return Event(EventKind.LOST, task.name, task.attempt, f"the cluster released it ({future.status})")


def _told(answer: str | BaseException) -> str:
    """What a worker's answer, or an exception on the cluster, says of it."""
    if isinstance(answer, str):
        return answer
    if "No module named" in str(answer):  # Dask may wrap it
        return f"has no latticewatch ({_short(answer)}): install the same version there"
    if type(answer).__name__ == "KilledWorker":
        return "the workers that took it died, one after the other: have they enough memory?"
    return f"failed ({type(answer).__name__}: {_short(answer)})"


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


@contextmanager
def _quiet() -> Iterator[None]:
    """What Dask logs and warns of goes to the log file; stderr is for the user."""
    loggers = [logging.getLogger(name) for name in (*LOUD, "distributed.client", "tornado.application")]
    before = [(each, each.handlers[:], each.propagate) for each in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for each in loggers:
            each.handlers, each.propagate = [], True
        try:
            yield
        finally:
            for each, handlers, propagate in before:
                each.handlers, each.propagate = handlers, propagate
