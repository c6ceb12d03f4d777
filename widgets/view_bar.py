"""The bar over the page: whether it is live or looks back, and one button that goes back."""

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

from latticewatch.widgets.elided import ElidedLabel
from latticewatch.widgets.theme import Theme


class ViewBar(QWidget):
    """A word in bold, what is shown, and the way back; quiet while the page is live, coloured while it is not."""

    back_wanted = pyqtSignal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._kind = ""
        self._word, self._detail, self.button = QLabel(), ElidedLabel(), QPushButton()
        self._readout = ElidedLabel()
        self._readout.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._readout.setAccessibleName("what is under the pointer")
        font = self._word.font()
        font.setBold(True)
        self._word.setFont(font)
        self.button.setToolTip("show the newest frame and the whole run, and follow as it grows (N, then F)")
        self.button.clicked.connect(self.back_wanted)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 2, 8, 2)
        layout.setSpacing(12)
        layout.addWidget(self._word)
        layout.addWidget(self._detail, 2)
        layout.addWidget(self._readout, 3)
        layout.addWidget(self.button)
        # As high with the button as without: nothing must jump when one looks back.
        self.setFixedHeight(self.button.sizeHint().height() + 4)
        self.setAutoFillBackground(True)
        self.setAccessibleName("what is shown")

    def show_state(self, kind: str, words: str, detail: str, button: str) -> None:
        """kind: ``live``, ``back`` or ``held``. button: what the button says; empty hides it."""
        self._word.setText(words)
        self._detail.setText(detail)
        self.button.setText(button)
        self.button.setVisible(bool(button))
        if kind != self._kind:
            self._kind = kind
            ground, ink = self._theme.views[kind]
            palette = self.palette()
            palette.setColor(palette.ColorRole.Window, QColor(ground))
            palette.setColor(palette.ColorRole.WindowText, QColor(ink))
            self.setPalette(palette)

    def show_readout(self, text: str) -> None:
        """What is under the pointer."""
        self._readout.setText(text)

    def readout(self) -> str:
        return self._readout.text()

    def words(self) -> str:
        return f"{self._word.text()} {self._detail.text()}".strip()
