"""A line in which the operator writes a note; it is there only while it is needed."""

from PyQt6.QtCore import QEvent, QObject, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QWidget

from latticewatch.widgets.wording import duration


class NoteBar(QWidget):
    """Asks for the text of a mark at one time; Enter keeps it, Esc drops it."""

    note_written = pyqtSignal(float, str)

    def __init__(self) -> None:
        super().__init__()
        self._time_s = 0.0
        self._question = QLabel()
        self._question.setTextFormat(Qt.TextFormat.PlainText)
        self.text = QLineEdit()
        self.text.setPlaceholderText("what happened: sample injected, flow stopped, ... (Enter keeps it, Esc drops it)")
        self.text.setMaxLength(400)
        self.text.setAccessibleName("note")
        keep = QPushButton("Keep")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 2, 14, 2)
        layout.addWidget(self._question)
        layout.addWidget(self.text, 1)
        layout.addWidget(keep)
        self.text.installEventFilter(self)
        self.text.returnPressed.connect(self._keep)
        keep.clicked.connect(self._keep)
        self.hide()

    def ask(self, time_s: float) -> None:
        """Show the line for a mark at this time."""
        self._time_s = time_s
        self._question.setText(f"mark at {duration(time_s)}:")
        self.text.clear()
        self.show()
        self.text.setFocus()

    def eventFilter(self, a0: QObject | None, a1: QEvent | None) -> bool:
        """Esc belongs to this line while it is written in, whatever the window does with it otherwise."""
        if isinstance(a1, QKeyEvent) and a1.type() == QEvent.Type.ShortcutOverride and a1.key() == Qt.Key.Key_Escape:
            a1.accept()
            return True
        return super().eventFilter(a0, a1)

    def keyPressEvent(self, a0: QKeyEvent | None) -> None:
        """Esc drops the note."""
        if a0 is not None and a0.key() == Qt.Key.Key_Escape:
            self.hide()
            return
        super().keyPressEvent(a0)

    def _keep(self) -> None:
        self.hide()
        self.note_written.emit(self._time_s, self.text.text().strip())
