"""Alarms in the window: a sound, a notice of the desktop where there is one, and words until they are acknowledged."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path

from PyQt6.QtCore import QObject, QUrl
from PyQt6.QtWidgets import QApplication, QStyle, QSystemTrayIcon, QWidget

from latticewatch.processing.flow.series import Snapshot
from latticewatch.processing.reaction.live.alarms import Alarm, Watch, acknowledged, after_row, at_time, is_over

log = logging.getLogger(__name__)


class WindowAlarms:
    """Follows the rows of a live run; each alarm sounds once, and stands until it is acknowledged."""

    def __init__(self, window: QWidget) -> None:
        self._window = window
        self._watch = Watch()
        self._rows = 0
        self._tray: QSystemTrayIcon | None = None
        self._play: Callable[[], None] | None = None

    def follow(self, snapshot: Snapshot, period_s: float, *, live: bool = True, resumed: int = 0) -> None:
        """Take in the rows that are new and, while frames are due, what the clock says where none came.

        The last rows of a run may come when it is no longer live: they ring as well. resumed: so many rows were
        recorded before this run was resumed: what they raise rang then.
        """
        raised: set[Alarm] = set()
        for number, row in enumerate(snapshot.rows(self._rows), start=self._rows):
            self._watch, fresh = after_row(self._watch, row, time.monotonic(), period_s)
            if number < resumed:
                self._watch = acknowledged(self._watch)
            else:
                raised |= fresh
        self._rows = snapshot.count
        if live:
            waits, gone = snapshot.progress.waiting > 0, math.isfinite(snapshot.progress.gone_since_s)
            self._watch, fresh = at_time(self._watch, time.monotonic(), waits=waits, gone=gone)
            raised |= fresh
        self._sound(sorted(raised))

    def acknowledge(self) -> None:
        if self._watch.standing:
            log.info("alarm acknowledged: %s", self.words())
        self._watch = acknowledged(self._watch)

    def words(self) -> str:
        """The alarms that stand, and whether their cause is over; empty where none does."""
        clock_s = time.monotonic()
        told = sorted((is_over(self._watch, alarm, clock_s), alarm) for alarm in self._watch.standing)
        return ", ".join(f"{alarm} (over)" if over else alarm for over, alarm in told)

    def _sound(self, raised: Sequence[Alarm]) -> None:
        for alarm in raised:
            log.warning("alarm: %s", alarm)
            QApplication.alert(self._window)
            self._notify(alarm)
        if raised:
            # Only now: the sound library takes a moment to load.
            self._play = self._play or alarm_sound(self._window)
            self._play()

    def _notify(self, alarm: Alarm) -> None:
        if not QSystemTrayIcon.isSystemTrayAvailable():
            return
        if self._tray is None:
            style, warning = QApplication.style(), QStyle.StandardPixmap.SP_MessageBoxWarning
            icon = style.standardIcon(warning) if style else self._window.windowIcon()
            self._tray = QSystemTrayIcon(icon, self._window)
            self._tray.show()
        self._tray.showMessage("LatticeWatch", f"{self._window.windowTitle()}: {alarm}")


def alarm_sound(parent: QObject) -> Callable[[], None]:
    """What sounds the alarm once. The sound lives as long as ``parent``.

    It needs the machine's sound library (libpulse0 on Debian) and a place to play to, both looked for here; without
    either it is the beep.
    """
    try:
        from PyQt6.QtMultimedia import (  # slow to load: Qt Multimedia, absent without libpulse0
            QMediaDevices,
            QSoundEffect,
        )
    except ImportError:
        return QApplication.beep
    effect = QSoundEffect(parent)
    place = Path(str(resources.files("latticewatch.resources") / "sounds" / "alarm.wav"))

    def sound() -> None:
        if not QMediaDevices.audioOutputs():
            QApplication.beep()
            return
        if effect.source().isEmpty():
            # Not earlier: without a place to play to the library complains aloud.
            effect.setSource(QUrl.fromLocalFile(str(place)))
        if effect.status() is QSoundEffect.Status.Error:
            QApplication.beep()
        else:
            effect.play()

    return sound
