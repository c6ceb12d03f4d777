"""The list of marks takes a new text without a word from Qt."""

from typing import Any

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from latticewatch.widgets.marks import Mark
from latticewatch.widgets.marks_view import MarksView


def test_enter_begins_and_ends_an_edit(qtbot: QtBot, qtlog: Any) -> None:
    view = MarksView()
    qtbot.addWidget(view)
    view.show_marks([Mark(1.0, "pumps"), Mark(2.0, "valve")])
    view.show()
    view.setCurrentCell(1, 0)
    wanted = []
    view.change_wanted.connect(lambda mark, text: wanted.append((mark, text)))
    qtbot.keyClick(view, Qt.Key.Key_Return)
    editor = view.findChild(QLineEdit)
    assert editor is not None
    editor.selectAll()
    qtbot.keyClicks(editor, "valve open")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(wanted))
    assert wanted == [(Mark(2.0, "valve"), "valve open")]
    assert [record.message for record in qtlog.records] == []
