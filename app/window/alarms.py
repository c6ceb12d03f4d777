"""Alarms in the window: a sound, a notice of the desktop, a command of the user's and a strip, until they are
acknowledged.
"""

import logging
import math
import shlex
import time
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path

from PyQt6.QtCore import QObject, QUrl
from PyQt6.QtWidgets import QApplication, QStyle, QSystemTrayIcon, QWidget

from latticewatch.app.run.state_command import Commands
from latticewatch.app.window.preferences import Preferences, Preferred
from latticewatch.processing.flow.series import Snapshot
from latticewatch.processing.flow.wording import StandingAlarm, alarms_told
from latticewatch.processing.reaction.live.alarms import NEWS, Alarm, Watch, acknowledged, after_row, at_time, is_over

REPEAT_S = 60.0

log = logging.getLogger(__name__)


class WindowAlarms:
    """Follows the rows of a live run; each alarm stands until it is acknowledged, and sounds until then.

    preferred: how alarms are given.
    """

    def __init__(self, window: QWidget, preferred: Preferred) -> None:
        self._window, self._preferred = window, preferred
        self._commands = Commands("alarm")
        self._watch = Watch()
        self._rows, self._live = 0, True
        self._raised_s: dict[Alarm, float] = {}
        self._sounded_s = -math.inf
        self._tray: QSystemTrayIcon | None = None
        self._play: Callable[[], None] | None = None

    def follow(self, snapshot: Snapshot, period_s: float, *, live: bool = True, resumed: int = 0) -> None:
        """Take in the rows that are new and, while frames are due, what the clock says where none came.

        The last rows of a run may come when it is no longer live: they ring as well. resumed: the number of
        rows that were recorded before this run was resumed: what they raise rang then.
        """
        raised: set[Alarm] = set()
        for number, row in enumerate(snapshot.rows(self._rows), start=self._rows):
            self._watch, fresh = after_row(self._watch, row, time.monotonic(), period_s)
            if number < resumed:
                self._watch = acknowledged(self._watch)
            else:
                raised |= fresh
        self._rows, self._live = snapshot.count, live
        if live:
            waits, gone = snapshot.progress.waiting > 0, math.isfinite(snapshot.progress.gone_since_s)
            self._watch, fresh = at_time(self._watch, time.monotonic(), waits=waits, gone=gone)
            raised |= fresh
        self._raised_s |= dict.fromkeys(raised, time.time())
        self._give(sorted(raised))

    def gives(self, way: str) -> bool:
        """Whether alarms are given in this way, a field of the preferences."""
        return bool(getattr(self._preferred.now, way))

    def toggle(self, way: str) -> None:
        """Give alarms in this way or not, now and in runs to come."""
        self._preferred.change(**{way: not self.gives(way)})

    def tell_command(self) -> None:
        """Say which command will be run, before it is."""
        if self._preferred.now.command:
            log.info("run for each alarm: %s", shlex.join(self._preferred.now.command))

    def try_out(self, preferences: Preferences) -> None:
        """Give an alarm that is none, in the ways of these preferences."""
        self._hand_on("test of the alarms", preferences)
        if preferences.sound:
            self._sound()

    def end(self) -> None:
        """Let the commands that still run end, for a while."""
        self._commands.wait()

    def acknowledge(self) -> None:
        if self._watch.standing:
            log.info("alarm acknowledged: %s", alarms_told(self.standing()))
        self._watch = acknowledged(self._watch)

    def standing(self) -> tuple[StandingAlarm, ...]:
        """The alarms that stand: urgent ones first, then those whose cause lasts, in the order in which they rang."""
        clock_s = time.monotonic()
        told = [
            StandingAlarm(
                str(alarm),
                self._raised_s.get(alarm, math.nan),
                # Nobody waits for a frame once the run has ended.
                over=is_over(self._watch, alarm, clock_s) or (alarm is Alarm.SILENT and not self._live),
                trouble=alarm not in NEWS,
            )
            for alarm in self._watch.standing
        ]
        return tuple(sorted(told, key=lambda one: (not one.is_urgent, one.over, one.since_s, one.words)))

    def _give(self, raised: Sequence[Alarm]) -> None:
        for alarm in raised:
            log.warning("alarm: %s", alarm)
            QApplication.alert(self._window)
            self._hand_on(alarm, self._preferred.now)
        ways, waited_s = self._preferred.now, time.monotonic() - self._sounded_s
        again = ways.repeat and bool(self._watch.standing) and waited_s >= REPEAT_S
        if ways.sound and (raised or again):
            self._sounded_s = time.monotonic()
            self._sound()

    def _hand_on(self, words: str, ways: Preferences) -> None:
        """To the desktop and to the user's command."""
        if ways.notice:
            self._notify(words)
        if ways.command:
            self._commands.start(ways.command, words, self._window.windowTitle())

    def _sound(self) -> None:
        # Only now: the sound library takes a moment to load.
        self._play = self._play or alarm_sound(self._window)
        self._play()

    def _notify(self, words: str) -> None:
        if not QSystemTrayIcon.isSystemTrayAvailable():
            return
        if self._tray is None:
            style, warning = QApplication.style(), QStyle.StandardPixmap.SP_MessageBoxWarning
            icon = style.standardIcon(warning) if style else self._window.windowIcon()
            self._tray = QSystemTrayIcon(icon, self._window)
            self._tray.show()
        self._tray.showMessage("LatticeWatch", f"{self._window.windowTitle()}: {words}")


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
