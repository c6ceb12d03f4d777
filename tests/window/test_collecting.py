"""While the window is open, only its thread collects garbage."""

import gc
import threading
from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from latticewatch.app.window.collecting import collect_due, collected_in_this_thread


@pytest.fixture
def collecting() -> Iterator[None]:
    """Collection as a program has it, which Qt tests are without."""
    gc.enable()
    yield
    gc.disable()


class Knot:
    """Garbage that only a collection finds; notes the thread that did."""

    def __init__(self, seen: list[threading.Thread]) -> None:
        self.me, self.seen = self, seen

    def __del__(self) -> None:
        self.seen.append(threading.current_thread())


@pytest.mark.usefixtures("collecting")
def test_a_workers_garbage_is_collected_by_the_window(qtbot: QtBot) -> None:
    seen: list[threading.Thread] = []

    def work() -> None:
        for _ in range(5 * gc.get_threshold()[0]):
            Knot(seen)

    with collected_in_this_thread():
        worker = threading.Thread(target=work)
        worker.start()
        worker.join()
        assert not seen
        qtbot.waitUntil(lambda: bool(seen))
    assert set(seen) == {threading.main_thread()}
    assert gc.isenabled()


@pytest.mark.usefixtures("collecting")
def test_what_has_survived_is_not_looked_at_again(qtbot: QtBot) -> None:
    del qtbot
    with collected_in_this_thread():
        kept = [[number] for number in range(2 * gc.get_threshold()[0])]
        for _ in range(200):
            kept += [[number] for number in range(2 * gc.get_threshold()[0])]
            collect_due()
        frozen = gc.get_freeze_count()
        assert frozen > 10_000
    assert gc.get_freeze_count() == 0
    assert kept
