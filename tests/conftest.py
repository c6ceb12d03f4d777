"""What every test runs under: no display, nobody's settings, and nothing left running behind it."""

import gc
import os
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from PyQt6.QtCore import QObject
    from PyQt6.QtWidgets import QWidget

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the program does

ENDING_S = 2.0


def pytest_xvfb_disable() -> bool:
    """An X server of its own for each worker only where its windows are asked for: ``QT_QPA_PLATFORM=xcb``."""
    return os.environ["QT_QPA_PLATFORM"] != "xcb"


@pytest.fixture(autouse=True, scope="session")
def own_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The person's own settings, state and logs are neither read nor written."""
    folder = tmp_path_factory.mktemp("person")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"):
            patch.setenv(name, str(folder / name.lower()))
        yield


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    """Fails a test that leaves a thread running."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + ENDING_S
    left = [thread for thread in threading.enumerate() if thread not in before and _is_ours(thread)]
    for thread in left:
        thread.join(max(0.0, deadline - time.monotonic()))
    names = [thread.name for thread in left if thread.is_alive()]
    assert not names, f"threads left running: {', '.join(names)}"


def _is_ours(thread: threading.Thread) -> bool:
    # A dummy stands for a thread that Qt or C started, for ever; running QThreads are looked for below.
    return not isinstance(thread, threading._DummyThread)


@pytest.fixture(autouse=True)
def no_qt_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test with Qt that leaves a timer or thread running, or a top-level widget alive."""
    if not {"qapp", "qtbot"} & set(request.fixturenames):
        yield
        return
    request.getfixturevalue("qapp")
    before = _running() + _top_level()  # kept, so that no newcomer takes an old one's identity
    # Qt objects must not be collected while another one is built, nor by a worker's thread: both end in a crash.
    gc.collect()
    gc.disable()
    yield
    gc.enable()
    known = {id(thing) for thing in before}
    left = [thing for thing in _settled(known) if id(thing) not in known]
    assert not left, f"left behind: {', '.join(_described(thing) for thing in left)}"


def _settled(known: set[int]) -> "list[QObject]":
    """What is there once Qt has deleted what it was told to, and threads asked to quit have had their time."""
    from PyQt6.QtCore import QCoreApplication, QEvent

    deadline = time.monotonic() + ENDING_S
    while True:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        gc.collect()
        things = _running() + _top_level()
        if all(id(thing) in known for thing in things) or time.monotonic() > deadline:
            return things
        QCoreApplication.processEvents()
        time.sleep(0.02)


def _running() -> "list[QObject]":
    from PyQt6 import sip
    from PyQt6.QtCore import QThread, QTimer

    # issubclass of the type: isinstance would wake lazy objects of other libraries.
    candidates = [thing for thing in gc.get_objects() if issubclass(type(thing), QTimer | QThread)]
    alive = [thing for thing in candidates if not sip.isdeleted(thing)]
    return [thing for thing in alive if _runs(thing)]


def _runs(thing: "QObject") -> bool:
    from PyQt6.QtCore import QThread, QTimer

    if isinstance(thing, QTimer):
        return thing.isActive()
    return isinstance(thing, QThread) and thing is not QThread.currentThread() and thing.isRunning()


def _top_level() -> "list[QWidget]":
    from PyQt6.QtWidgets import QApplication

    return [widget for widget in QApplication.topLevelWidgets() if widget.parent() is None]


def _described(thing: "QObject") -> str:
    name = thing.objectName() or getattr(thing, "text", lambda: "")()
    return f"{type(thing).__name__} {name!r}" if name else type(thing).__name__
