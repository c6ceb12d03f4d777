"""Counters at the foot of the window: nothing is lost without being seen here."""

import time
from dataclasses import dataclass

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QWidget

from latticewatch.widgets.elided import ElidedLabel

MESSAGE_S = 10.0


@dataclass(frozen=True, slots=True)
class Status:
    """found = recorded + waiting: frames; gaps: those recorded without a number. missing: numbers of the series that
    nobody saw. recorded: None where nothing is. last_gap: reason of the newest gap; failing: the newest frame has no
    number although there is beam and sample. lag: how far the numbers are behind, in words, and lag_s in seconds.
    """

    found: int = 0
    recorded: int | None = 0
    waiting: int = 0
    gaps: int = 0
    missing: int = 0
    last_gap: str = ""
    failing: bool = False
    lag: str = ""
    lag_s: float = 0.0
    clock: str = ""
    place: str = ""


# The tip of the place is its whole text.
TIPS = {
    "found": "frames that the detector has written so far",
    "recorded": "frames that are safely in the run file, those without a number among them",
    "waiting": "frames found that are not processed yet",
    "gaps": "frames that are recorded without a number, with the reason of the newest",
    "lag": "from the detector's file to its row; while frames wait, since the first of them was due",
    "clock": "time of day",
}


class StatusStrip(QWidget):
    """One line of counters."""

    def __init__(self) -> None:
        super().__init__()
        self._said_until_s = 0.0
        elided = {"gaps": ElidedLabel(ends=True), "place": ElidedLabel()}
        self._labels = {name: _field(elided.get(name) or QLabel(), name) for name in (*TIPS, "place")}
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 3, 14, 4)
        layout.setSpacing(22)
        for name in ("found", "recorded", "gaps", "waiting", "lag"):
            layout.addWidget(self._labels[name], 1 if name == "gaps" else 0)
        self._labels["place"].setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        layout.addWidget(self._labels["place"], 2)  # what the window says must be read beside a long reason of a gap
        layout.addWidget(self._labels["clock"])

    def show_status(self, status: Status) -> None:
        """Show these counters. Bold: something is to be done, which is not so before the sample or without beam."""
        missing = f" ({status.missing} missing)" if status.missing else ""
        self._set("found", f"found {status.found}{missing}")
        self._set("recorded", "" if status.recorded is None else f"recorded {status.recorded}")
        self._set("waiting", f"waiting {status.waiting}", strong=status.waiting > 1)
        reason = f" (last: {shortened(status.last_gap, 40)})" if status.last_gap else ""
        gaps, known = self._labels["gaps"], f"{'gaps' if status.recorded is None else 'of them gaps'} {status.gaps}"
        self._set("gaps", f"{known}{reason}", strong=status.failing)
        width = gaps.fontMetrics().horizontalAdvance
        gaps.setMinimumWidth(width(f"{known} …" if reason else known) + 2)
        gaps.setMaximumWidth(width(gaps.text()) + 2)
        gaps.setToolTip(f"{TIPS['gaps']}\n{gaps.text()}")
        self._set("lag", status.lag or "lag —", strong=status.lag_s > 10.0)
        if time.monotonic() > self._said_until_s:
            self._set("place", status.place)
        self._set("clock", status.clock)

    def say(self, text: str) -> None:
        self._said_until_s = time.monotonic() + MESSAGE_S
        self._set("place", text, strong=True)

    def text(self, name: str) -> str:
        return self._labels[name].text()

    def is_strong(self, name: str) -> bool:
        """Whether this counter is bold: something is to be done."""
        return self._labels[name].font().bold()

    def _set(self, name: str, text: str, *, strong: bool = False) -> None:
        label = self._labels[name]
        if label.text() != text:
            label.setText(text)
        font = label.font()
        if font.bold() is not strong:
            font.setBold(strong)
            label.setFont(font)


def _field(label: QLabel, name: str) -> QLabel:
    label.setTextFormat(Qt.TextFormat.PlainText)
    if name in TIPS:
        label.setToolTip(TIPS[name])
    label.setAccessibleName(name)
    label.setObjectName(name)
    return label


def shortened(text: str, most: int) -> str:
    """The text with its middle left out where it is longer than ``most`` characters."""
    if len(text) <= most:
        return text
    head = (most - 1) // 3
    return f"{text[:head]}…{text[head + 1 - most :]}"
