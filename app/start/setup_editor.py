"""A new set-up from phases: shipped ones, or CIF files that are chosen or dropped."""

from pathlib import Path

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QDragEnterEvent, QDropEvent
from PyQt6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QVBoxLayout,
    QWidget,
)

from latticewatch.app.start.plain_words import plain_words
from latticewatch.app.start.profiles import Choice, name_of, saved_profile
from latticewatch.app.window.path_box import dropped_on
from latticewatch.processing.crystal.phase import shipped_phases
from latticewatch.processing.errors import UserError

SAMPLE, SPECTATOR = ROLES = ("sample", "spectator")
PHASE, NAME, ROLE, START = range(4)
HEADINGS = ("phase", "name", "role", "start cell / Å")
HINT = (
    "The first sample is watched for pauses. A spectator (window, salt, capillary) is fitted and has no say; it "
    "needs a CIF. With two samples and both start cells given, the composition is reported between these two cells."
)


class SetupEditor(QDialog):
    """Asks for the components of a set-up; ``path`` is the profile that was kept, None where none was."""

    def __init__(self, parent: QWidget, cifs: tuple[Path, ...] = ()) -> None:
        super().__init__(parent)
        self.path: Path | None = None
        self._cifs = list(cifs)
        self.setWindowTitle("New set-up")
        self.setAcceptDrops(True)
        self.title = QLineEdit()
        self.title.setAccessibleName("title")
        self.title.setPlaceholderText("shown and recorded, such as: Br/shell2 + I/shell1")
        self.table = QTableWidget(0, len(HEADINGS))
        self.table.setAccessibleName("components")
        self.table.setHorizontalHeaderLabels(HEADINGS)
        header, numbers = self.table.horizontalHeader(), self.table.verticalHeader()
        if header is not None and numbers is not None:
            header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
            numbers.hide()
        self.said = QLabel(HINT)
        self.said.setWordWrap(True)
        self.said.setTextFormat(Qt.TextFormat.PlainText)
        self._lay_out()
        for path in cifs:
            self.add(path)
        if not cifs:
            self.add()

    def _lay_out(self) -> None:
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
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self.title)
        layout.addWidget(self.table, 1)
        layout.addLayout(row)
        layout.addWidget(self.said)
        layout.addWidget(self.buttons)
        self.resize(640, 360)

    def add(self, source: str | Path | None = None) -> None:
        """One more component of this phase; None: the first shipped one, to be chosen."""
        number = self.table.rowCount()
        self.table.insertRow(number)
        phases, name, role, start = QComboBox(), QLineEdit(), QComboBox(), QDoubleSpinBox()
        for shipped in shipped_phases():
            phases.addItem(shipped, shipped)
        for path in dict.fromkeys((*self._cifs, *([source] if isinstance(source, Path) else []))):
            phases.addItem(path.name, path)
            phases.setItemData(phases.count() - 1, str(path), Qt.ItemDataRole.ToolTipRole)
        if isinstance(source, Path) and source not in self._cifs:
            self._cifs.append(source)
        role.addItems(ROLES)
        start.setRange(0.0, 100.0)
        start.setDecimals(4)
        start.setSpecialValueText("as the phase has it")
        for column, widget in enumerate((phases, name, role, start)):
            widget.setAccessibleName(f"{HEADINGS[column]} {number + 1}")
            self.table.setCellWidget(number, column, widget)
        phases.currentIndexChanged.connect(lambda _: name.setText(name_of(phases.currentData())))
        phases.setCurrentIndex(max(0, phases.findData(source)) if source is not None else 0)
        name.setText(name_of(phases.currentData()))

    def remove(self) -> None:
        """Remove the chosen component, the last where none is chosen."""
        number = self.table.currentRow()
        self.table.removeRow(number if number >= 0 else self.table.rowCount() - 1)

    def choices(self) -> list[Choice]:
        found = []
        for number in range(self.table.rowCount()):
            cells = [self.table.cellWidget(number, column) for column in range(len(HEADINGS))]
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

    def dragEnterEvent(self, a0: QDragEnterEvent | None) -> None:
        if a0 is not None and dropped_on(a0):
            a0.acceptProposedAction()

    def dropEvent(self, a0: QDropEvent | None) -> None:
        """CIFs, or folders of them, become components."""
        for path in dropped_on(a0) if a0 is not None else []:
            for cif in sorted(path.glob("*.cif")) if path.is_dir() else [path]:
                self.add(cif)

    def accept(self) -> None:
        """Keep the set-up as a profile; where it is not valid the reason is said and the dialog stays."""
        try:
            if not self.choices():
                raise UserError("Add at least one phase.")
            self.path = saved_profile(self.choices(), self.title.text().strip())
        except UserError as error:
            self.said.setText(plain_words(str(error)))
            return
        super().accept()
