"""From tasks to what became of them: what is lost is tried again, a few times and not at once."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from latticewatch.app.batch.task import ENDS, Event, EventKind, Task

ATTEMPTS = 3
FIRST_WAIT_S, GROWTH = 1.0, 4.0
POLL_S = 0.1


class Crew(Protocol):
    """Those who work on tasks."""

    def submit(self, task: Task) -> None:
        """Have this done as soon as a worker is free."""

    def next_event(self, timeout_s: float) -> Event | None:
        """What happened next; None where nothing did in time."""

    def stop(self) -> None:
        """End in order: what has not begun will not, what runs records what it has."""

    def close(self) -> None:
        """Let go of every worker."""


@dataclass(slots=True)
class _State:
    open: dict[str, Task]
    ends: dict[str, Event] = field(default_factory=dict)
    again: list[tuple[float, Task]] = field(default_factory=list)
    begun: set[tuple[str, int]] = field(default_factory=set)


def drive(tasks: Sequence[Task], crew: Crew, tell: Callable[[Event], None], stop: threading.Event) -> dict[str, Event]:
    """Have all tasks done; the last event of each. Everything that happens is told.

    A task whose worker was lost, or that failed by no fault of its input, is tried again after 1 s and then 4 s. With
    ``stop`` those that run end in order and the others are not begun.
    """
    state = _State({task.name: task for task in tasks})
    for task in tasks:
        crew.submit(task)
    stopping = False
    while state.open:
        if stop.is_set() and not stopping:
            stopping = True
            crew.stop()
            for _, task in state.again:
                _end(Event(EventKind.STOPPED, task.name, task.attempt, "not tried again"), state, tell)
            state.again.clear()
        now = time.monotonic()
        for due in [each for each in state.again if each[0] <= now]:
            state.again.remove(due)
            crew.submit(due[1])
        event = crew.next_event(POLL_S)
        if event is not None:
            _take(event, state, tell, stopping)
    return state.ends


def _take(event: Event, state: _State, tell: Callable[[Event], None], stopping: bool) -> None:
    task = state.open.get(event.name)
    if task is None or event.attempt != task.attempt:
        return  # of an attempt that was given up
    if event.kind not in ENDS:
        if event.kind == EventKind.BEGAN and (event.name, event.attempt) in state.begun:
            tell(replace(event, kind=EventKind.AGAIN, text=f"its worker was lost; taken up again by {event.worker}"))
        state.begun |= {(event.name, event.attempt)} if event.kind == EventKind.BEGAN else set()
        tell(event)
        return
    if event.kind != EventKind.LOST or task.attempt >= ATTEMPTS or stopping:
        _end(event, state, tell)
        return
    wait_s = FIRST_WAIT_S * GROWTH ** (task.attempt - 1)
    text = f"{event.text}; attempt {task.attempt + 1} of {ATTEMPTS} in {wait_s:.0f} s"
    tell(replace(event, kind=EventKind.AGAIN, text=text))
    state.open[task.name] = replace(task, attempt=task.attempt + 1)
    state.again.append((time.monotonic() + wait_s, state.open[task.name]))


def _end(event: Event, state: _State, tell: Callable[[Event], None]) -> None:
    state.ends[event.name] = event
    del state.open[event.name]
    tell(event)
