"""The detector image of the shown frame, on demand, and what there is to say of it."""

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QLabel, QVBoxLayout, QWidget

from latticewatch.widgets.image_view import ImageView
from latticewatch.widgets.pattern_view import Ticks


class ImagePanel(QWidget):
    """An image under a line that says which frame it is, or why there is none."""

    def __init__(self) -> None:
        super().__init__()
        self._words = QLabel()
        self._words.setTextFormat(Qt.TextFormat.PlainText)
        self._words.setWordWrap(True)
        self.view = ImageView()
        self.view.setToolTip(
            "counts on a logarithmic scale; hatched: masked; rings over the lower half: the fitted cells. Wheel: zoom"
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self._words)
        layout.addWidget(self.view, 1)
        self.setMinimumHeight(160)

    def words(self) -> str:
        """The line as shown."""
        return self._words.text()

    def say(self, text: str) -> None:
        """Words in place of an image."""
        self._words.setText(text)
        self.view.clear()

    def say_reading(self, name: str) -> None:
        """The image before stays until this one is there."""
        self._words.setText(f"{name}: reading the image …")

    def show_image(
        self,
        words: str,
        counts: NDArray[np.float32],
        two_theta: NDArray[np.float32],
        masked: NDArray[np.bool_],
        ticks: tuple[Ticks, ...],
    ) -> None:
        """An image (rows, columns) with its mask, and rings at the ticks' angles."""
        self._words.setText(words)
        self.view.show_image(counts, two_theta, ticks, masked)
