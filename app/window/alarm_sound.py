"""The alarm's own sound, or the system's beep where it cannot be played."""

from collections.abc import Callable
from importlib import resources
from pathlib import Path

from PyQt6.QtCore import QObject, QUrl
from PyQt6.QtWidgets import QApplication


def alarm_sound(parent: QObject) -> Callable[[], None]:
    """What sounds the alarm once. The sound lives as long as ``parent``.

    It needs the machine's sound library (libpulse0 on Debian) and a place to play to, both looked for here; without
    either it is the beep.
    """
    try:
        from PyQt6.QtMultimedia import QMediaDevices, QSoundEffect
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
