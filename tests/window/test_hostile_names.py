"""Names from files and people are shown as they are: no markup is obeyed, no control character gets through."""

from dataclasses import replace
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QLabel, QListWidget, QTableView, QWidget
from pytestqt.qtbot import QtBot

from latticewatch.app.window.main_window import MainWindow
from latticewatch.app.window.shown_run import ShownRun
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.series import Series
from latticewatch.processing.text import printable
from latticewatch.widgets.compare_view import CompareView
from latticewatch.widgets.marks import Mark
from latticewatch.widgets.theme import LIGHT
from tests.widgets.test_compare_view import run_of
from tests.window.synthetic import make_series, make_setup

HOSTILE = '<b>bold</b><img src="/etc/passwd">\nsecond line\x1b[31m\x07\u202etxt'


def hostile_window(qtbot: QtBot) -> MainWindow:
    series, refinement = make_series(20, bins=600)
    spoiled = Series(series.two_theta, ("Br", "I"))
    for row in series.snapshot().rows():
        name = printable(f"{HOSTILE}_{row.index:04d}.cbf")
        fit = NoResult(f"unreadable: {printable(HOSTILE)}") if row.index % 3 else row.fit
        spoiled.append(replace(row, name=name, fit=fit, header={"<i>Flux</i>": 1.0 + row.index}))
    window = MainWindow(HOSTILE)
    qtbot.addWidget(window)
    out = Path("folder") / f"{HOSTILE}.h5"
    window.show_run(
        ShownRun(replace(make_setup(), title=HOSTILE), spoiled, refinement, out), [Mark(3.0, "<b>bold</b>")]
    )
    window.resize(1280, 720)
    window.show()
    window.catch_up()
    return window


def rich(widget: QWidget) -> list[str]:
    """Texts of this widget and those in it that Qt would take for markup that we did not write."""
    found = []
    for label in widget.findChildren(QLabel):
        may_be = label.textFormat() != Qt.TextFormat.PlainText
        if may_be and Qt.mightBeRichText(label.text()) and ("<b>bold" in label.text() or "<i>Flux" in label.text()):
            found.append(label.text())
    for one in [widget, *widget.findChildren(QWidget)]:
        tip = one.toolTip()
        if "<b>bold" in tip or "<i>Flux" in tip:
            found.append(tip)
    return found


def test_the_window_shows_names_as_they_are(qtbot: QtBot) -> None:
    window = hostile_window(qtbot)
    assert rich(window) == []
    labels = [label.text() for label in window.findChildren(QLabel) if label.textFormat() == Qt.TextFormat.PlainText]
    assert any("<b>bold" in text for text in labels)  # shown, letter by letter


def test_no_control_character_is_shown(qtbot: QtBot) -> None:
    window = hostile_window(qtbot)
    texts = [label.text() for label in window.findChildren(QLabel)]
    for table in window.findChildren(QTableView):
        model = table.model()
        cells = (model.index(row, column) for row in range(model.rowCount()) for column in range(model.columnCount()))
        texts += [str(model.data(cell) or "") for cell in cells]
    texts += [one.item(place).text() for one in window.findChildren(QListWidget) for place in range(one.count())]
    texts.append(window.windowTitle())
    bad = [text for text in texts if any(not each.isprintable() for each in text.replace("\n", ""))]
    assert not bad, [ascii(text) for text in bad]


@pytest.mark.parametrize("label", [HOSTILE, "a & b"])
def test_tips_of_compared_runs_are_no_markup(qtbot: QtBot, label: str) -> None:
    view = CompareView(LIGHT)
    qtbot.addWidget(view)
    view.add_run(run_of(label, 10.0))
    item = view.list.item(0)
    assert item is not None
    assert "<b>" not in item.toolTip()
