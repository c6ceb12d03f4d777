"""A table of results, and buttons that copy it."""

from collections.abc import Sequence
from html import escape

from PyQt6.QtCore import QSize, Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

FORMS = ("text", "CSV", "LaTeX")


class ResultsView(QWidget):
    """Shows what it is given; copy_wanted: one of ``FORMS``."""

    copy_wanted = pyqtSignal(str)

    def __init__(self, header: Sequence[str]) -> None:
        super().__init__()
        self._lines: tuple[tuple[str, ...], ...] = ()
        self.table = QTableWidget(0, len(header))
        self.table.setHorizontalHeaderLabels(list(header))
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setTabKeyNavigation(False)
        self.table.setAccessibleName("results of the run")
        numbers, names = self.table.verticalHeader(), self.table.horizontalHeader()
        if numbers is not None:
            numbers.hide()
            numbers.setDefaultSectionSize(self.fontMetrics().height() + 6)
        if names is not None:
            names.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            # The numbers are never cut; a long name is, and is whole in its tip.
            names.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self._note = QLabel()
        self._note.setTextFormat(Qt.TextFormat.PlainText)
        self._note.setWordWrap(True)
        row = QHBoxLayout()
        row.addWidget(QLabel("Copy as"))
        for form in FORMS:
            button = QPushButton(form)
            button.setToolTip(f"put the table into the clipboard as {form}")
            button.clicked.connect(lambda _, form=form: self.copy_wanted.emit(form))
            row.addWidget(button)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self.table, 1)
        layout.addWidget(self._note)
        layout.addLayout(row)

    def sizeHint(self) -> QSize:
        return QSize(420, 300)

    def show_lines(self, lines: Sequence[tuple[str, ...]], note: str) -> None:
        """Show these lines; one that stays the same is not touched, so that a selection stays. note: below them."""
        self._note.setText(note)
        if tuple(lines) == self._lines:
            return
        self._lines = tuple(lines)
        self.table.setRowCount(len(lines))
        for column in range(self.table.columnCount()):  # of a run without a standard all accuracies are empty
            self.table.setColumnHidden(column, not any(line[column] for line in lines))
        for number, line in enumerate(lines):
            for column, cell in enumerate(line):
                item = self.table.item(number, column)
                if item is None:
                    item = QTableWidgetItem()
                    if column:
                        item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                    self.table.setItem(number, column, item)
                item.setText(cell)
                item.setToolTip(escape(cell))
