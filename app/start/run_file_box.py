"""Where a run is recorded: a new file, or the earlier run of the folder to be continued."""

import math
import time
from pathlib import Path

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QComboBox, QFileDialog

from latticewatch.app.run.outcome_line import counted
from latticewatch.app.start.run_place import EarlierRun, RunPlace
from latticewatch.app.window.plain_words import plain_words
from latticewatch.processing.text import local_time

TIP = "where the run is recorded"
Choice = tuple[Path, bool]
"""A run file, and whether it is there to be continued."""


class RunFileBox(QComboBox):
    """Run files to choose from; ``choice`` is the one that is chosen, None while none is known."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setToolTip(TIP)
        self.setPlaceholderText("beside the folder")
        self.setAccessibleName("run file")
        self._taken: Choice | None = None
        self._told = ""
        self.activated.connect(lambda _: self._keep())
        self.currentIndexChanged.connect(lambda _: self._tell())

    def choice(self) -> Choice | None:
        data = self.currentData()
        return data if isinstance(data, tuple) else None

    def forget(self) -> None:
        self._taken, self._told = None, ""
        self.clear()

    def offer(self, place: RunPlace) -> None:
        """The earlier run where it can be continued, and a new file; a choice that was made stays."""
        self.clear()
        self._told = ""
        earlier = place.earlier
        if earlier is not None and not earlier.why_not:
            self._add(f"continue {earlier.path.name} ({_told(earlier)})", (earlier.path, True))
        elif earlier is not None:
            self._told = f"{earlier.path.name} is there and cannot be continued: {plain_words(earlier.why_not)}\n"
        self._add(f"new: {place.new}", (place.new, False))
        self.setCurrentIndex(0)  # not by itself: the box has a placeholder
        if self._taken is not None:
            number = self._number_of(self._taken)
            if number < 0 and not self._taken[1]:
                self._add(f"new: {self._taken[0]}", self._taken)
                number = self.count() - 1
            self.setCurrentIndex(max(0, number))
        self._tell()

    def take(self, path: Path) -> None:
        """Record there, in a new file."""
        self._add(f"new: {path}", (path, False))
        self.setCurrentIndex(self.count() - 1)
        self._keep()

    def ask(self) -> None:
        """Ask for another file."""
        choice = self.choice()
        name, _ = QFileDialog.getSaveFileName(self, "Run file", str(choice[0]) if choice else "", "Run files (*.h5)")
        if name:
            self.take(Path(name))

    def _number_of(self, choice: Choice) -> int:
        return next((number for number in range(self.count()) if self.itemData(number) == choice), -1)

    def _add(self, text: str, choice: Choice) -> None:
        self.addItem(text, choice)
        self.setItemData(self.count() - 1, str(choice[0]), Qt.ItemDataRole.ToolTipRole)

    def _keep(self) -> None:
        self._taken = self.choice()

    def _tell(self) -> None:
        choice = self.choice()
        self.setToolTip(f"{self._told}{choice[0]}" if choice else TIP)


def _told(earlier: EarlierRun) -> str:
    """``120 frames, until 28 Nov 03:12``; the date only where it is not today, no time where none is known."""
    frames = counted(earlier.frames, "frame")
    if not math.isfinite(earlier.ended_s):
        return frames
    is_today = local_time("%x", earlier.ended_s) == time.strftime("%x")
    return f"{frames}, until {local_time('%H:%M' if is_today else '%d %b %H:%M', earlier.ended_s)}"
