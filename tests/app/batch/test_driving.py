"""What is lost is tried again, a few times; what cannot be used is not."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from latticewatch.app.batch import driving
from latticewatch.app.batch.driving import drive
from latticewatch.app.batch.task import Event, EventKind, Task
from latticewatch.app.run.given import Given


@dataclass
class FakeCrew:
    """Answers each task as it is told to."""

    answer: Callable[[Task], EventKind]
    submitted: list[tuple[str, int]] = field(default_factory=list)
    events: deque[Event] = field(default_factory=deque)

    def submit(self, task: Task) -> None:
        self.submitted.append((task.name, task.attempt))
        self.events.append(Event(EventKind.BEGAN, task.name, task.attempt))
        self.events.append(Event(self.answer(task), task.name, task.attempt, "why"))

    def next_event(self, timeout_s: float) -> Event | None:
        del timeout_s
        return self.events.popleft() if self.events else None

    def stop(self) -> None:
        self.events.clear()
        self.events += [Event(EventKind.STOPPED, name, attempt) for name, attempt in self.submitted[-1:]]

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting between attempts."""
    monkeypatch.setattr(driving, "FIRST_WAIT_S", 0.0)


def task(name: str) -> Task:
    return Task(name, Path(name), Given(), Path(f"{name}.h5"))


def driven(crew: FakeCrew, *names: str) -> tuple[dict[str, EventKind], list[Event]]:
    told: list[Event] = []
    ends = drive([task(name) for name in names], crew, told.append, threading.Event())
    return {name: event.kind for name, event in ends.items()}, told


def test_what_is_lost_is_tried_again_three_times_in_all() -> None:
    crew = FakeCrew(lambda task: EventKind.LOST if task.name == "a" else EventKind.DONE)
    ends, told = driven(crew, "a", "b")
    assert ends == {"a": EventKind.LOST, "b": EventKind.DONE}
    assert crew.submitted == [("a", 1), ("b", 1), ("a", 2), ("a", 3)]
    again = [event.text for event in told if event.kind == EventKind.AGAIN]
    assert again == ["why; attempt 2 of 3 in 0 s", "why; attempt 3 of 3 in 0 s"]


def test_what_is_lost_once_is_done_in_the_end() -> None:
    crew = FakeCrew(lambda task: EventKind.LOST if task.attempt == 1 else EventKind.DONE)
    assert driven(crew, "a")[0] == {"a": EventKind.DONE}


def test_bad_input_is_not_tried_again() -> None:
    crew = FakeCrew(lambda _: EventKind.UNUSABLE)
    assert driven(crew, "a")[0] == {"a": EventKind.UNUSABLE}
    assert crew.submitted == [("a", 1)]


def test_a_late_word_of_an_earlier_attempt_does_not_count() -> None:
    crew = FakeCrew(lambda task: EventKind.LOST if task.attempt == 1 else EventKind.DONE)
    crew.events.append(Event(EventKind.DONE, "a", 7, "of nothing"))
    ends, told = driven(crew, "a")
    assert ends == {"a": EventKind.DONE}
    assert all(event.text != "of nothing" for event in told)


def test_a_scan_taken_up_by_another_worker_is_said() -> None:
    crew = FakeCrew(lambda _: EventKind.DONE)
    crew.events.append(Event(EventKind.BEGAN, "a", 1, worker="one"))
    assert [event.text for event in driven(crew, "a")[1] if event.kind == EventKind.AGAIN] == [
        "its worker was lost; taken up again by "
    ]


def test_a_stop_ends_what_waits_for_another_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driving, "FIRST_WAIT_S", 1e6)
    stop = threading.Event()
    crew = FakeCrew(lambda _: EventKind.LOST)

    def tell(event: Event) -> None:
        if event.kind == EventKind.AGAIN:
            stop.set()

    ends = drive([task("a")], crew, tell, stop)
    assert ends["a"].kind == EventKind.STOPPED
