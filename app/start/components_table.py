"""The components of a set-up in a table: phase, name, role, start cell."""

from pathlib import Path

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QTableWidget,
)

from latticewatch.app.start.profiles import Choice, name_of
from latticewatch.processing.crystal.phase import shipped_phases

SAMPLE, SPECTATOR = ROLES = ("sample", "spectator")
HEADINGS = ("phase", "name", "role", "start cell / Å")
# What a new set-up begins with.
FIRST_PHASE = "CsPbBr3"


class ComponentsTable(QTableWidget):
    """changed: another phase, name, role or start cell is chosen, or there is one component more or less."""

    changed = pyqtSignal()

    def __init__(self, cifs: tuple[Path, ...] = ()) -> None:
        super().__init__(0, len(HEADINGS))
        self._cifs = list(cifs)
        self.setAccessibleName("components")
        self.setHorizontalHeaderLabels(HEADINGS)
        header, numbers = self.horizontalHeader(), self.verticalHeader()
        if header is not None and numbers is not None:
            header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
            numbers.hide()

    def buttons(self) -> QHBoxLayout:
        """A row of buttons that add and remove components."""
        row = QHBoxLayout()
        for text, act in (
            ("&Add a phase", self.add),
            ("Add a &CIF …", self._ask_cif),
            ("&Remove", self.remove),
        ):
            button = QPushButton(text)
            button.clicked.connect(lambda _, act=act: act())
            row.addWidget(button)
        row.addStretch(1)
        return row

    def add(self, source: str | Path | None = None) -> None:
        """One more component of this phase; None: the first shipped one, to be chosen."""
        self.add_choice(Choice(source if source is not None else FIRST_PHASE, ""))

    def add_choice(self, choice: Choice) -> None:
        """One more component; without a name it is called as its phase."""
        number, source = self.rowCount(), choice.source
        self.insertRow(number)
        phases, name, role, start = QComboBox(), QLineEdit(), QComboBox(), QDoubleSpinBox()
        for shipped in shipped_phases():
            phases.addItem(shipped, shipped)
        for path in dict.fromkeys((*self._cifs, *([source] if isinstance(source, Path) else []))):
            phases.addItem(path.name, path)
            phases.setItemData(phases.count() - 1, str(path), Qt.ItemDataRole.ToolTipRole)
        if isinstance(source, Path) and source not in self._cifs:
            self._cifs.append(source)
        role.addItems(ROLES)
        role.setCurrentText(SPECTATOR if choice.is_spectator else SAMPLE)
        start.setRange(0.0, 100.0)
        start.setDecimals(4)
        start.setSpecialValueText("as the phase has it")
        start.setValue(choice.start_A or 0.0)
        for column, widget in enumerate((phases, name, role, start)):
            widget.setAccessibleName(f"{HEADINGS[column]} {number + 1}")
            self.setCellWidget(number, column, widget)
        phases.setCurrentIndex(max(0, phases.findData(source)))
        name.setText(choice.name or name_of(phases.currentData()))
        phases.currentIndexChanged.connect(lambda _: name.setText(name_of(phases.currentData())))
        for signal in (phases.currentIndexChanged, name.textChanged, role.currentIndexChanged, start.valueChanged):
            signal.connect(lambda _: self.changed.emit())
        self.changed.emit()

    def remove(self) -> None:
        """Remove the chosen component, the last where none is chosen."""
        number = self.currentRow()
        self.removeRow(number if number >= 0 else self.rowCount() - 1)
        self.changed.emit()

    def choices(self) -> list[Choice]:
        found = []
        for number in range(self.rowCount()):
            cells = [self.cellWidget(number, column) for column in range(len(HEADINGS))]
            phase, name, role, start = cells
            if isinstance(phase, QComboBox) and isinstance(name, QLineEdit) and isinstance(role, QComboBox):
                cell = start.value() if isinstance(start, QDoubleSpinBox) else 0.0
                is_spectator = role.currentText() == SPECTATOR
                found.append(Choice(phase.currentData(), name.text().strip(), is_spectator, cell or None))
        return found

    def _ask_cif(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, "Phases", "", "Crystal structures (*.cif)")
        for name in names:
            self.add(Path(name))
