"""A line in which the operator writes a note; it is there only while it is needed."""

from PyQt6.QtCore import QEvent, QObject, Qt, pyqtSignal
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QWidget

from latticewatch.processing.flow.wording import duration

MARK_HINT = "what happened: sample injected, flow stopped, ... (Enter keeps it, Esc discards it)"


class NoteBar(QWidget):
    """Asks for the text of a mark at one time, or for other words; Enter keeps them, Esc discards them."""

    note_written = pyqtSignal(float, str)
    words_written = pyqtSignal(str)

    def __init__(self) -> None:
        super().__init__()
        self._time_s: float | None = None
        self._question = QLabel()
        self._question.setTextFormat(Qt.TextFormat.PlainText)
        self.text = QLineEdit()
        self.text.setMaxLength(400)
        self.text.setAccessibleName("note")
        keep = QPushButton("OK")
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
        self._ask(f"mark at {duration(time_s)}:", MARK_HINT)
        self._time_s = time_s

    def ask_words(self, question: str, hint: str) -> None:
        self._ask(question, hint)
        self._time_s = None

    def _ask(self, question: str, hint: str) -> None:
        self._question.setText(question)
        self.text.setPlaceholderText(hint)
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
        if a0 is not None and a0.key() == Qt.Key.Key_Escape:
            self.hide()
            return
        super().keyPressEvent(a0)

    def _keep(self) -> None:
        self.hide()
        text = self.text.text().strip()
        if self._time_s is None:
            self.words_written.emit(text)
        else:
            self.note_written.emit(self._time_s, text)
