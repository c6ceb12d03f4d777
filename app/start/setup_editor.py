"""A new set-up from phases: shipped ones, or CIF files that are chosen or dropped."""

from pathlib import Path

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QDragEnterEvent, QDropEvent
from PyQt6.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from latticewatch.app.start.components_table import ComponentsTable
from latticewatch.app.start.profiles import Choice, saved_profile
from latticewatch.app.window.path_box import dropped_on
from latticewatch.app.window.plain_words import plain_words
from latticewatch.processing.errors import UserError

PHASE, NAME, ROLE, START = range(4)
HINT = (
    "The first sample is watched for pauses. A spectator (window, salt, capillary) is fitted and has no say; it "
    "needs a CIF. With two samples and both start cells given, the composition is reported between these two cells."
)


class SetupEditor(QDialog):
    """Asks for the components of a set-up; ``path`` is the profile that was kept, None where none was."""

    def __init__(self, parent: QWidget, cifs: tuple[Path, ...] = ()) -> None:
        super().__init__(parent)
        self.path: Path | None = None
        self.setWindowTitle("New set-up")
        self.setAcceptDrops(True)
        self.title = QLineEdit()
        self.title.setAccessibleName("title")
        self.title.setPlaceholderText("shown and recorded, such as: Br/shell2 + I/shell1")
        self.table = ComponentsTable(cifs)
        self.said = QLabel(HINT)
        self.said.setWordWrap(True)
        self.said.setTextFormat(Qt.TextFormat.PlainText)
        self._lay_out()
        for path in cifs:
            self.add(path)
        if not cifs:
            self.add()

    def _lay_out(self) -> None:
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        heading = QFormLayout()
        heading.addRow("&Title", self.title)
        layout.addLayout(heading)
        layout.addWidget(self.table, 1)
        layout.addLayout(self.table.buttons())
        layout.addWidget(self.said)
        layout.addWidget(self.buttons)
        self.resize(640, 360)

    def add(self, source: str | Path | None = None) -> None:
        """One more component of this phase; None: the first shipped one, to be chosen."""
        self.table.add(source)

    def remove(self) -> None:
        """Remove the chosen component, the last where none is chosen."""
        self.table.remove()

    def choices(self) -> list[Choice]:
        return self.table.choices()

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
