"""Counters at the foot of the window: nothing is lost without being seen here."""

import time
from dataclasses import dataclass

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QHBoxLayout, QLabel, QWidget

from latticewatch.processing.flow.wording import duration

MESSAGE_S = 10.0
NOTHING_TO_DO = ("no beam", "no peaks")


@dataclass(frozen=True, slots=True)
class Status:
    """found = recorded + waiting + gaps: frames. missing: numbers of the series that nobody saw.

    last_gap: reason of the newest gap. lag_s: age of the newest number.
    """

    found: int = 0
    recorded: int = 0
    waiting: int = 0
    gaps: int = 0
    missing: int = 0
    last_gap: str = ""
    lag_s: float = float("nan")
    clock: str = ""
    place: str = ""


TIPS = {
    "found": "frames that the detector has written so far",
    "recorded": "frames with a number that are safely in the run file; with waiting and gaps they add up to found",
    "waiting": "frames found that are not processed yet",
    "gaps": "frames without a number, with the reason of the newest",
    "lag": "how long the newest processed frame took from the detector's file to this window",
    "place": "where this run is recorded",
    "clock": "time of day",
}


class StatusStrip(QWidget):
    """One line of counters."""

    def __init__(self) -> None:
        super().__init__()
        self._said_until_s = 0.0
        self._labels = {name: _field(tip, name) for name, tip in TIPS.items()}
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 3, 14, 4)
        layout.setSpacing(22)
        for name in ("found", "recorded", "waiting", "gaps", "lag"):
            layout.addWidget(self._labels[name])
        layout.addStretch(1)
        layout.addWidget(self._labels["place"])
        layout.addWidget(self._labels["clock"])

    def show_status(self, status: Status) -> None:
        """Show these counters. Bold: something is to be done, which is not so before the sample or without beam."""
        missing = f" ({status.missing} missing)" if status.missing else ""
        self._set("found", f"found {status.found}{missing}")
        self._set("recorded", f"recorded {status.recorded}")
        self._set("waiting", f"waiting {status.waiting}", strong=status.waiting > 1)
        reason = f" (last: {shortened(status.last_gap, 60)})" if status.last_gap else ""
        self._set(
            "gaps", f"gaps {status.gaps}{reason}", strong=status.gaps > 0 and status.last_gap not in NOTHING_TO_DO
        )
        self._set("lag", f"lag {duration(status.lag_s) or '—'}", strong=status.lag_s > 10.0)
        if time.monotonic() > self._said_until_s:
            self._set("place", shortened(status.place, 48))
        self._set("clock", status.clock)

    def say(self, text: str) -> None:
        self._said_until_s = time.monotonic() + MESSAGE_S
        self._set("place", shortened(text, 90), strong=True)

    def text(self, name: str) -> str:
        return self._labels[name].text()

    def _set(self, name: str, text: str, *, strong: bool = False) -> None:
        label = self._labels[name]
        if label.text() == text:
            return
        label.setText(text)
        font = label.font()
        font.setBold(strong)
        label.setFont(font)


def _field(tip: str, name: str) -> QLabel:
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setToolTip(tip)
    label.setAccessibleName(name)
    return label


def shortened(text: str, most: int) -> str:
    """The text with its middle left out where it is longer than ``most`` characters."""
    if len(text) <= most:
        return text
    head = (most - 1) // 3
    return f"{text[:head]}…{text[head + 1 - most :]}"
