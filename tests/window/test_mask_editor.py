"""Masks drawn with the mouse."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PyQt6.QtGui import QDropEvent
from PyQt6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from latticewatch.app.window.mask_editor import MaskEditor, Source
from latticewatch.processing.integration.mask_file import write_mask
from latticewatch.processing.integration.masks import read_mask
from latticewatch.processing.simulation.cbf import cbf_bytes
from latticewatch.widgets.mask_canvas import Place, Tool

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
SHAPE = (60, 80)
COUNTS = np.arange(SHAPE[0] * SHAPE[1], dtype=np.int32).reshape(SHAPE)
COUNTS[0, 0] = -1


def source(counts: np.ndarray = COUNTS) -> Source:
    return Source("frame_0001.cbf", lambda: counts)


@pytest.fixture
def editor(qtbot: QtBot, tmp_path: Path) -> Iterator[MaskEditor]:
    shown = MaskEditor(None, source(), folder=tmp_path)
    qtbot.addWidget(shown)
    shown.resize(900, 600)
    shown.show()
    qtbot.waitExposed(shown)
    ready(qtbot, shown)
    yield shown
    shown.reject()


def ready(qtbot: QtBot, editor: MaskEditor) -> None:
    qtbot.waitUntil(lambda: not editor.busy())


def at(editor: MaskEditor, place: Place) -> QPoint:
    return editor.canvas.point_at(place).toPoint()


def drag(qtbot: QtBot, editor: MaskEditor, *places: Place) -> None:
    """Press at the first place, go through the others, let go at the last."""
    viewport = editor.canvas.plot.viewport()
    assert viewport is not None
    points = [at(editor, place) for place in places]
    qtbot.mouseMove(viewport, points[0])
    qtbot.mousePress(viewport, LEFT, pos=points[0])
    for before, after in pairwise(points):
        for step in range(1, 11):
            qtbot.mouseMove(viewport, before + (after - before) * step / 10)
            qtbot.wait(5)
    qtbot.mouseRelease(viewport, LEFT, pos=points[-1])


def click(qtbot: QtBot, editor: MaskEditor, place: Place, button: Qt.MouseButton = LEFT) -> None:
    viewport = editor.canvas.plot.viewport()
    assert viewport is not None
    qtbot.mouseMove(viewport, at(editor, place))
    qtbot.mouseClick(viewport, button, pos=at(editor, place))
    qtbot.wait(10)


def press(qtbot: QtBot, editor: MaskEditor, words: str) -> None:
    qtbot.mouseClick(editor.buttons[words], LEFT)


def take(qtbot: QtBot, editor: MaskEditor, tool: Tool) -> None:
    editor.tools[tool].click()


def masked(editor: MaskEditor) -> tuple[int, int, int, int]:
    """First and last row, first and last column of what is masked."""
    rows, columns = np.nonzero(editor.mask_drawn)
    return int(rows.min()), int(rows.max()), int(columns.min()), int(columns.max())


def test_a_rectangle_is_dragged(qtbot: QtBot, editor: MaskEditor) -> None:
    drag(qtbot, editor, (10.5, 20.5), (19.5, 39.5))
    assert masked(editor) == (10, 19, 20, 39)
    assert editor.mask_drawn.sum() == 200
    assert editor.amount.text() == "200 pixels masked (4.17 %)"


def test_unmasking_and_undo(qtbot: QtBot, editor: MaskEditor) -> None:
    drag(qtbot, editor, (10.5, 20.5), (19.5, 39.5))
    editor.erase.setChecked(True)
    drag(qtbot, editor, (10.5, 20.5), (14.5, 39.5))
    assert editor.mask_drawn.sum() == 100
    press(qtbot, editor, "Undo")
    assert editor.mask_drawn.sum() == 200
    press(qtbot, editor, "Undo")
    assert not editor.mask_drawn.any()
    assert not editor.buttons["Undo"].isEnabled()
    press(qtbot, editor, "Redo")
    assert editor.mask_drawn.sum() == 200


def test_a_polygon_is_clicked_and_closed_by_the_right_button(qtbot: QtBot, editor: MaskEditor) -> None:
    take(qtbot, editor, Tool.POLYGON)
    for place in ((10.0, 10.0), (10.0, 50.0), (50.0, 10.0)):
        click(qtbot, editor, place)
        qtbot.wait(450)  # two clicks in quick succession are a double click
    assert not editor.mask_drawn.any()
    click(qtbot, editor, (50.0, 10.0), RIGHT)
    assert editor.mask_drawn[15, 15]
    assert not editor.mask_drawn[45, 45]
    assert abs(int(editor.mask_drawn.sum()) - 800) < 60


def test_a_polygon_that_is_left_for_another_tool_is_given_up(qtbot: QtBot, editor: MaskEditor) -> None:
    take(qtbot, editor, Tool.POLYGON)
    click(qtbot, editor, (10.0, 10.0))
    take(qtbot, editor, Tool.RECTANGLE)
    take(qtbot, editor, Tool.POLYGON)
    click(qtbot, editor, (10.0, 10.0), RIGHT)
    assert not editor.mask_drawn.any()


def test_the_brush_is_one_step(qtbot: QtBot, editor: MaskEditor) -> None:
    take(qtbot, editor, Tool.BRUSH)
    editor.size_box.setValue(3)
    drag(qtbot, editor, (30.5, 10.5), (30.5, 60.5), (40.5, 60.5))
    assert editor.mask_drawn[30, 10:60].all()
    assert editor.mask_drawn[31:40, 60].all()
    assert not editor.mask_drawn[33, 30]
    press(qtbot, editor, "Undo")
    assert not editor.mask_drawn.any()


def test_a_click_of_the_brush_is_a_dot(qtbot: QtBot, editor: MaskEditor) -> None:
    take(qtbot, editor, Tool.BRUSH)
    editor.size_box.setValue(1)
    click(qtbot, editor, (30.5, 10.5))
    assert np.argwhere(editor.mask_drawn).tolist() == [[30, 10]]


@pytest.mark.parametrize(
    ("least", "most", "expected"), [("", "4700", COUNTS > 4700), ("100", "", COUNTS < 100), ("1", "4798", None)]
)
def test_counts_beyond_limits_are_masked(
    qtbot: QtBot, editor: MaskEditor, least: str, most: str, expected: np.ndarray | None
) -> None:
    editor.least.setText(least)
    editor.most.setText(most)
    press(qtbot, editor, "Mask these counts")
    wanted = (COUNTS < 1) | (COUNTS > 4798) if expected is None else expected
    np.testing.assert_array_equal(editor.mask_drawn, wanted)


@pytest.mark.parametrize(("text", "words"), [("many", "must be numbers"), ("", "give a limit")])
def test_limits_that_are_none_are_told(qtbot: QtBot, editor: MaskEditor, text: str, words: str) -> None:
    editor.most.setText(text)
    press(qtbot, editor, "Mask these counts")
    assert words in editor.foot.text()
    assert not editor.mask_drawn.any()


def test_inverted_turned_cleared(qtbot: QtBot, editor: MaskEditor) -> None:
    drag(qtbot, editor, (0.5, 0.5), (9.5, 19.5))
    press(qtbot, editor, "Flip up-down")
    assert masked(editor) == (50, 59, 0, 19)
    press(qtbot, editor, "Flip left-right")
    assert masked(editor) == (50, 59, 60, 79)
    press(qtbot, editor, "Turn by 180°")
    assert masked(editor) == (0, 9, 0, 19)
    press(qtbot, editor, "Invert")
    assert editor.mask_drawn.sum() == COUNTS.size - 200
    press(qtbot, editor, "Clear")
    assert not editor.mask_drawn.any()
    for _ in range(6):
        press(qtbot, editor, "Undo")
    assert not editor.buttons["Undo"].isEnabled()


def test_saved_said_and_read_back(
    qtbot: QtBot, editor: MaskEditor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Path] = []
    editor.kept.connect(kept.append)
    assert not editor.buttons["Save …"].isEnabled()
    drag(qtbot, editor, (0.5, 0.5), (9.5, 19.5))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args, **_: (args[2], "EDF (*.edf)"))
    press(qtbot, editor, "Save …")
    ready(qtbot, editor)
    assert kept == [tmp_path / "mask.edf"]
    np.testing.assert_array_equal(read_mask(kept[0], SHAPE), editor.mask_drawn)
    assert str(kept[0]) in editor.foot.text()
    editor.save(kept[0])
    ready(qtbot, editor)
    assert "is there already, and is kept" in editor.foot.text()
    editor.save(tmp_path / "mask.npy")
    ready(qtbot, editor)
    assert "mask_orientation = 3" in editor.foot.text()


def test_a_mask_is_imported_beside_what_is_drawn(qtbot: QtBot, editor: MaskEditor, tmp_path: Path) -> None:
    other = np.zeros(SHAPE, bool)
    other[50:] = True
    write_mask(tmp_path / "other.npy", other)
    drag(qtbot, editor, (0.5, 0.5), (9.5, 19.5))
    editor.import_mask(tmp_path / "other.npy")
    ready(qtbot, editor)
    assert editor.mask_drawn.sum() == 200 + 800
    np.save(tmp_path / "small.npy", np.zeros((3, 4), np.uint8))
    editor.import_mask(tmp_path / "small.npy")
    ready(qtbot, editor)
    assert "not imported" in editor.foot.text()
    assert "3x4" in editor.foot.text()


def test_the_pixel_under_the_pointer_is_told_and_taken(qtbot: QtBot, tmp_path: Path) -> None:
    editor = MaskEditor(None, source(), pixel=(40, 70), folder=tmp_path)
    qtbot.addWidget(editor)
    editor.show()
    qtbot.waitExposed(editor)
    ready(qtbot, editor)
    assert np.argwhere(editor.mask_drawn).tolist() == [[40, 70]]
    editor.canvas.pointed.emit(40, 70)
    assert editor.pointed.text() == "row 40, column 70: 3270 counts, masked"
    press(qtbot, editor, "Undo")
    assert not editor.mask_drawn.any()
    editor.reject()


def test_it_begins_with_a_mask_and_another_frame_keeps_it(qtbot: QtBot, tmp_path: Path) -> None:
    first = np.zeros(SHAPE, bool)
    first[3, 4] = True
    write_mask(tmp_path / "mask.edf", first)
    editor = MaskEditor(None, source(), mask=tmp_path / "mask.edf")
    qtbot.addWidget(editor)
    ready(qtbot, editor)
    np.testing.assert_array_equal(editor.mask_drawn, first)
    (tmp_path / "other.cbf").write_bytes(cbf_bytes(COUNTS, "other", ()))
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "other.cbf"))])
    editor.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, LEFT, Qt.KeyboardModifier.NoModifier))
    ready(qtbot, editor)
    assert editor.title.text().startswith("other.cbf")
    np.testing.assert_array_equal(editor.mask_drawn, first)
    editor.reject()


def test_a_frame_that_cannot_be_read_is_told(qtbot: QtBot, tmp_path: Path) -> None:
    editor = MaskEditor(None, folder=tmp_path)
    qtbot.addWidget(editor)
    assert not editor.buttons["Invert"].isEnabled()
    (tmp_path / "broken.cbf").write_text("nothing")
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "broken.cbf"))])
    editor.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, LEFT, Qt.KeyboardModifier.NoModifier))
    ready(qtbot, editor)
    assert "unreadable" in editor.title.text()
    editor.import_mask(tmp_path / "broken.cbf")
    assert "choose a frame first" in editor.foot.text()
    editor.reject()
