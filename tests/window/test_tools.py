"""What is opened beside a run."""

import threading
from pathlib import Path

import numpy as np
from PyQt6.QtWidgets import QApplication, QDialog
from pytestqt.qtbot import QtBot

from latticewatch.app.run.given import Given
from latticewatch.app.window.geometry_window import GeometryWindow
from latticewatch.app.window.main_window import MainWindow
from latticewatch.app.window.mask_editor import USE, MaskEditor
from latticewatch.app.window.pointing import IMAGE, MAP, Place
from latticewatch.app.window.tools import Tools
from latticewatch.app.window.view_menu import entries
from latticewatch.app.window.worker import Worker
from latticewatch.processing.simulation.cbf import cbf_bytes
from latticewatch.widgets.theme import LIGHT
from tests.window.windows import run_of


def shown(qtbot: QtBot, tools: Tools, gate: threading.Event) -> MainWindow:
    """A window on a run whose frames cannot be read any more."""
    window = MainWindow("run", theme=LIGHT, worker=Worker(run_of(3, gate), lambda *_: None), tools=tools)
    qtbot.addWidget(window)
    window.show()
    worker = window._worker
    assert worker is not None
    worker.start()
    qtbot.waitUntil(lambda: window.page is not None and window.page.shown_row() is not None, timeout=10_000)
    return window


def do(window: MainWindow, words: str) -> None:
    next(action for action in window.actions() if action.text() == words).trigger()


def opened(qtbot: QtBot, kind: type[QDialog]) -> QDialog:
    def found() -> list[QDialog]:
        return [each for each in QApplication.topLevelWidgets() if isinstance(each, kind) and each.isVisible()]

    qtbot.waitUntil(lambda: len(found()) == 1)
    return found()[0]


def test_the_tools_open_beside_a_run_and_close_with_its_window(
    qtbot: QtBot, gate: threading.Event, tmp_path: Path
) -> None:
    (tmp_path / "scan").mkdir()
    window = shown(qtbot, Tools(Given(), tmp_path / "scan"), gate)
    do(window, "Geometry by a standard …")
    assert opened(qtbot, GeometryWindow)
    do(window, "Mask …")
    editor = opened(qtbot, MaskEditor)
    assert isinstance(editor, MaskEditor)
    qtbot.waitUntil(lambda: not editor.busy())
    assert "its image is not" in editor.title.text()
    assert not window.isHidden()
    gate.set()
    window.close()
    assert not editor.isVisible()


def test_a_pixel_of_the_image_is_masked_and_offered_for_the_running_scan(
    qtbot: QtBot, gate: threading.Event, tmp_path: Path
) -> None:
    used: list[Path] = []
    counts = np.arange(600, dtype=np.int32).reshape(20, 30)
    (tmp_path / "frame.cbf").write_bytes(cbf_bytes(counts, "frame", ()))
    Tools(Given(), tmp_path).edit_mask(used.append, "frame.cbf", (3, 4))
    editor = opened(qtbot, MaskEditor)
    assert isinstance(editor, MaskEditor)
    qtbot.waitUntil(lambda: editor.mask_drawn.any())
    assert np.argwhere(editor.mask_drawn).tolist() == [[3, 4]]
    assert not editor.buttons[USE].isEnabled()
    editor.save(tmp_path / "mask.edf")
    qtbot.waitUntil(lambda: editor.buttons[USE].isEnabled())
    editor.buttons[USE].click()
    assert used == [tmp_path / "mask.edf"]
    editor.reject()


def test_the_menu_offers_it_over_the_image_alone(qtbot: QtBot, gate: threading.Event, tmp_path: Path) -> None:
    window = shown(qtbot, Tools(Given(), tmp_path), gate)
    asked: list[tuple[str, tuple[int, int] | None]] = []
    window.view_menu.edit_mask = lambda name, pixel: asked.append((name, pixel))
    assert window.page is not None
    row = window.page.shown_row()
    assert row is not None
    for view, offered in ((IMAGE, True), (MAP, False)):
        place = Place(view, pixel=(3, 4))
        lines = {each.text: each.act for each in entries(place, window.view_menu.acts(window.page, place))}
        assert ("Mask here …" in lines) is offered
    act = {
        each.text: each.act
        for each in entries(Place(IMAGE, pixel=(3, 4)), window.view_menu.acts(window.page, Place(IMAGE)))
    }
    mask_here = act["Mask here …"]
    assert mask_here is not None
    mask_here()
    assert asked == [(row.name, (3, 4))]
    gate.set()
    window.close()
