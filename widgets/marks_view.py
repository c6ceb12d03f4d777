"""The list of marks: one click shows the frame, typing changes the text, Delete takes a mark away."""

from collections.abc import Sequence

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from latticewatch.processing.flow.wording import moment
from latticewatch.widgets.marks import Mark


class MarksView(QTableWidget):
    """Time and text of each mark; it changes nothing itself but says what is wanted."""

    mark_chosen = pyqtSignal(float)
    removal_wanted = pyqtSignal(object)
    change_wanted = pyqtSignal(object, str)

    def __init__(self) -> None:
        super().__init__(0, 2)
        self._marks: tuple[Mark, ...] = ()
        self.setHorizontalHeaderLabels(["time", "mark"])
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setAccessibleName("marks")
        self.setToolTip("Enter or a double click changes the text, Delete deletes the mark, Ctrl+Z undoes it")
        self.setTabKeyNavigation(False)
        lines, names = self.verticalHeader(), self.horizontalHeader()
        if lines is not None:
            lines.hide()
        if names is not None:
            names.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
            names.setStretchLastSection(True)
        self.itemChanged.connect(self._changed)
        self.itemSelectionChanged.connect(self._chosen)

    def sizeHint(self) -> QSize:
        return QSize(340, 180)

    def show_marks(self, marks: Sequence[Mark]) -> None:
        """Show these marks, in order of time; the line that was chosen stays chosen."""
        if tuple(marks) == self._marks:
            return
        self._marks = tuple(marks)
        line = self.currentRow()
        self.blockSignals(True)
        self.setRowCount(len(marks))
        for number, mark in enumerate(marks):
            when = QTableWidgetItem(moment(mark.time_s))
            when.setFlags(when.flags() & ~Qt.ItemFlag.ItemIsEditable)
            self.setItem(number, 0, when)
            self.setItem(number, 1, QTableWidgetItem(mark.text))
        if 0 <= line < len(marks):
            self.setCurrentCell(line, 1)
        self.blockSignals(False)

    def keyPressEvent(self, e: QKeyEvent | None) -> None:
        number = self.currentRow()
        if e is None or not 0 <= number < len(self._marks):
            super().keyPressEvent(e)
        elif e.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.removal_wanted.emit(self._marks[number])
        elif e.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            # The key that ends an edit comes here too: Qt would say "edit: editing failed".
            if self.state() != QAbstractItemView.State.EditingState:
                self.editItem(self.item(number, 1))
        else:
            super().keyPressEvent(e)

    def _changed(self, item: QTableWidgetItem) -> None:
        number = item.row()
        if item.column() == 1 and number < len(self._marks):
            mark, text = self._marks[number], item.text().strip()
            if not text:
                item.setText(mark.text)
            elif text != mark.text:
                self.change_wanted.emit(mark, text)

    def _chosen(self) -> None:
        if 0 <= self.currentRow() < len(self._marks):
            self.mark_chosen.emit(self._marks[self.currentRow()].time_s)
