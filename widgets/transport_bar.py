"""Play, pause, step, speed and scrub: the bar of a replay."""

import math

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QSlider, QWidget

from latticewatch.processing.flow.wording import moment

SPEEDS = (("× 1", 1.0), ("× 5", 5.0), ("× 20", 20.0), ("× 100", 100.0), ("× 500", 500.0), ("max", math.inf))
STEPS = 1000


class TransportBar(QWidget):
    """Shows where the replay is and emits what the user wants; it knows no clock."""

    playing_wanted = pyqtSignal(bool)
    step_wanted = pyqtSignal()
    speed_wanted = pyqtSignal(float)
    time_wanted = pyqtSignal(float)
    change_wanted = pyqtSignal(int)

    def __init__(self) -> None:
        super().__init__()
        self._duration_s = 0.0
        self.play_button = QPushButton("Pause")
        self.play_button.setCheckable(False)
        self.play_button.setMinimumWidth(84)
        self.play_button.setToolTip("play or pause the replay (Space)")
        self.step_button = _button("Step", "one frame on (.)")
        self._before = _button("◂ change", "show the change of state before (Ctrl+Left)")
        self._after = _button("change ▸", "show the next change of state (Ctrl+Right)")
        self._speed = QComboBox()
        self._speed.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self._speed.setToolTip("times real time (+ and -)")
        self._speed.setAccessibleName("speed")
        self._slider = QSlider(Qt.Orientation.Horizontal)
        self._slider.setRange(0, STEPS)
        self._slider.setAccessibleName("time of the replay")
        self._slider.setToolTip("back: look at frames that were played; on: play up to there at once")
        self._time = QLabel()
        self._playing = True
        for text, value in SPEEDS:
            self._speed.addItem(text, value)
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 2, 14, 2)
        for widget in (self.play_button, self.step_button, self._before, self._after, self._speed):
            layout.addWidget(widget)
        layout.addWidget(self._slider, 1)
        layout.addWidget(self._time)

    def _connect(self) -> None:
        self.play_button.clicked.connect(self._toggle)
        self.step_button.clicked.connect(self.step_wanted)
        self._before.clicked.connect(lambda: self.change_wanted.emit(-1))
        self._after.clicked.connect(lambda: self.change_wanted.emit(1))
        self._speed.activated.connect(lambda number: self.speed_wanted.emit(float(self._speed.itemData(number))))
        self._slider.sliderMoved.connect(self._scrubbed)
        self._slider.actionTriggered.connect(lambda _: self._scrubbed(self._slider.sliderPosition()))

    def _toggle(self) -> None:
        """Shown at once: a second press before the replay has answered means the opposite."""
        self._show_playing(not self._playing)
        self.playing_wanted.emit(self._playing)

    def change_speed(self, by: int) -> None:
        speeds = sorted(float(self._speed.itemData(number)) for number in range(self._speed.count()))
        place = speeds.index(float(self._speed.currentData())) + by
        if 0 <= place < len(speeds):
            self._show_speed(speeds[place])
            self.speed_wanted.emit(speeds[place])

    def _show_playing(self, playing: bool) -> None:
        self._playing = playing
        self.play_button.setText("Pause" if playing else "Play")

    def _scrubbed(self, position: int) -> None:
        if self._duration_s > 0.0:
            self.time_wanted.emit(position / STEPS * self._duration_s)

    def show_state(self, *, playing: bool, speed: float, time_s: float, duration_s: float) -> None:
        """Where the replay is; a slider that is held stays where it is held."""
        self._duration_s = duration_s
        self._show_playing(playing)
        if not self._slider.isSliderDown() and duration_s > 0.0:
            self._slider.blockSignals(True)
            self._slider.setValue(round(STEPS * min(1.0, max(0.0, time_s / duration_s))))
            self._slider.blockSignals(False)
        self._time.setText(f"{moment(time_s)} of {moment(duration_s)}")
        self._show_speed(speed)

    def _show_speed(self, speed: float) -> None:
        number = self._speed.findData(speed)
        if number < 0:
            self._speed.addItem(f"× {speed:g}", speed)
            number = self._speed.count() - 1
        popup = self._speed.view()
        if number != self._speed.currentIndex() and not (popup and popup.isVisible()):
            self._speed.setCurrentIndex(number)


def _button(text: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    return button
