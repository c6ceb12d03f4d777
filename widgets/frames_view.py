"""The list of frames: every gap with its reason; one click shows the frame."""

from typing import Any

from PyQt6.QtCore import QAbstractTableModel, QModelIndex, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import (
    QCheckBox,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from latticewatch.processing.flow.accuracy import quoted
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.series import Row, Snapshot
from latticewatch.processing.flow.wording import moment

COLUMNS = ("frame", "time", "state", "gap, and why", "mean Lp", "file")
NOWHERE = QModelIndex()
REASON_PX, REASON_SHARE = 110, 0.6


class FramesModel(QAbstractTableModel):
    """Rows of a snapshot as they are looked at; it copies nothing. ``gaps``: numbers of the rows without an Lp."""

    def __init__(self) -> None:
        super().__init__()
        self._snapshot: Snapshot | None = None
        self._count = 0
        self._gaps: list[int] = []
        self._only_gaps = False

    def take(self, snapshot: Snapshot, count: int, gaps: list[int]) -> None:
        """Show the first ``count`` rows; only what is new is announced, and all of it where a gap was filled."""
        filled = self._snapshot is not None and self._snapshot.filled != snapshot.filled
        self._snapshot = snapshot
        if filled:
            self.beginResetModel()
            self._count, self._gaps = count, gaps[:]
            self.endResetModel()
            return
        before, after = self.rowCount(), len(gaps) if self._only_gaps else count
        if after > before:
            self.beginInsertRows(NOWHERE, before, after - 1)
        self._count, self._gaps = count, gaps[:]
        if after > before:
            self.endInsertRows()

    def only_gaps(self, only: bool) -> None:
        """Leave out frames that have a lattice parameter."""
        self.beginResetModel()
        self._only_gaps = only
        self.endResetModel()

    def number(self, line: int) -> int:
        return self._gaps[line] if self._only_gaps else line

    def rowCount(self, parent: QModelIndex = NOWHERE) -> int:
        if parent.isValid():
            return 0
        return len(self._gaps) if self._only_gaps else self._count

    def columnCount(self, parent: QModelIndex = NOWHERE) -> int:
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return COLUMNS[section]
        return None

    def data(self, index: QModelIndex, role: int = 0) -> Any:
        if self._snapshot is None or role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return None
        return _cells(self._snapshot.row(self.number(index.row())))[index.column()]


def _cells(row: Row) -> tuple[str, ...]:
    lp = "" if isinstance(row.fit, NoResult) else quoted(*row.fit.shown_lp)
    return (
        str(row.index),
        moment(row.time_s),
        row.verdict.state.value.replace("_", " "),
        row.fit.reason if isinstance(row.fit, NoResult) else "",
        lp,
        row.name,
    )


class _EndInSight(QStyledItemDelegate):
    """Of a name that is too long its end is shown, where the number is."""

    def initStyleOption(self, option: QStyleOptionViewItem | None, index: QModelIndex) -> None:
        super().initStyleOption(option, index)
        if option is not None:
            option.textElideMode = Qt.TextElideMode.ElideLeft


class FramesView(QWidget):
    """The table, and a switch that leaves only the gaps."""

    frame_chosen = pyqtSignal(int)

    def __init__(self) -> None:
        super().__init__()
        self.model = FramesModel()
        self.model.setParent(self)
        self.gaps_only = QCheckBox("gaps only")
        self.gaps_only.setToolTip("leave out frames that have a lattice parameter")
        self.gaps_only.toggled.connect(self._show_gaps)
        self.table = QTableView()
        self.table.setModel(self.model)
        self.table.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        self.table.setAlternatingRowColors(True)
        self.table.setWordWrap(False)
        self.table.setItemDelegateForColumn(COLUMNS.index("file"), _EndInSight(self.table))
        self.table.setAccessibleName("frames")
        self._size_columns()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self.gaps_only)
        layout.addWidget(self.table)
        self.table.activated.connect(self._chosen)
        self.table.clicked.connect(self._chosen)

    def _show_gaps(self, only: bool) -> None:
        self.model.only_gaps(only)
        for name in ("state", "mean Lp"):
            self.table.setColumnHidden(COLUMNS.index(name), only)

    def _size_columns(self) -> None:
        lines, names = self.table.verticalHeader(), self.table.horizontalHeader()
        if lines is not None:
            lines.hide()
            # One height for all: measuring each line would cost the length of the run.
            lines.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
            lines.setDefaultSectionSize(self.fontMetrics().height() + 6)
        if names is not None:
            names.setStretchLastSection(True)
        for column, width in enumerate((48, 74, 66, 130, 130, 60)):
            self.table.setColumnWidth(column, width)

    def resizeEvent(self, a0: QResizeEvent | None) -> None:
        """Of what is left over the reason gets more than the name, which is known by its end."""
        super().resizeEvent(a0)
        reason, names = COLUMNS.index("gap, and why"), COLUMNS.index("file")
        taken = sum(self.table.columnWidth(number) for number in range(len(COLUMNS)) if number not in (reason, names))
        viewport = self.table.viewport()
        if viewport is not None:
            self.table.setColumnWidth(reason, max(REASON_PX, round(REASON_SHARE * (viewport.width() - taken))))

    def sizeHint(self) -> QSize:
        return QSize(340, 300)

    def show_rows(self, snapshot: Snapshot, count: int, gaps: list[int]) -> None:
        """Show these rows; stays at the newest where it was at the newest."""
        bar = self.table.verticalScrollBar()
        at_end = bar is None or bar.value() >= bar.maximum() - 1
        self.model.take(snapshot, count, gaps)
        if at_end:
            self.table.scrollToBottom()

    def _chosen(self, index: QModelIndex) -> None:
        self.frame_chosen.emit(self.model.number(index.row()))
