"""The image of the shown frame, read in a thread while the window stays in use."""

import threading
from collections.abc import Callable

from PyQt6.QtCore import QObject, QTimer, pyqtSignal

from latticewatch.app.run.images_again import Picture
from latticewatch.app.window.facts import ticks_at
from latticewatch.app.window.shown_run import ShownRun
from latticewatch.processing.crystal.reflections import Hkl
from latticewatch.processing.errors import UserError
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.series import Row
from latticewatch.widgets.image_view import ImagePanel

POLL_MS = 60
NOT_AT_HAND = "no images at hand: they came by a stream, or the run is shown from its run file; patterns are kept"


class ImageReader(QObject):
    """Looks at one image at a time; while it does, only the newest question is kept."""

    answered = pyqtSignal(object, object)
    """The row, and its Picture or, as text, why there is none."""

    def __init__(self, parent: QObject, look: Callable[[str], Picture]) -> None:
        super().__init__(parent)
        self._look = look
        self._wanted: Row | None = None
        self._read: Row | None = None
        self._answer: Picture | str = ""
        self._thread: threading.Thread | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._poll)

    def ask(self, row: Row) -> None:
        self._wanted = row
        if self._thread is None:
            self._begin(row)

    def _begin(self, row: Row) -> None:
        self._read = row
        self._thread = threading.Thread(target=self._run, args=(row.name,), name="image")
        self._thread.start()
        self._timer.start()

    def _run(self, name: str) -> None:
        try:
            self._answer = self._look(name)
        except UserError as error:
            self._answer = str(error)
        except Exception as error:  # whatever is wrong with one image: it is said, and the run continues
            self._answer = f"{name}: cannot be shown ({type(error).__name__}: {error}); choose another frame"

    def _poll(self) -> None:
        if self._thread is None or self._thread.is_alive():
            return
        self._thread = None
        self._timer.stop()
        row, answer = self._read, self._answer
        if self._wanted is not None and self._wanted is not row:
            self._begin(self._wanted)
        self.answered.emit(row, answer)


class FrameImage(QObject):
    """The panel of the image, and what fills it while it is open. lines: the reflections of each component."""

    def __init__(self, parent: QObject, run: ShownRun, lines: tuple[tuple[Hkl, ...], ...]) -> None:
        super().__init__(parent)
        self._run, self._lines = run, lines
        self.panel = ImagePanel()
        self.panel.hide()
        self._reader = ImageReader(self, run.look) if run.look is not None else None
        if self._reader is not None:
            self._reader.answered.connect(self._show)

    def toggle(self, row: Row | None) -> None:
        self.panel.setVisible(self.panel.isHidden())
        self.follow(row)

    def follow(self, row: Row | None) -> None:
        """This row is shown now: its image is read where images are looked at."""
        if row is None or self.panel.isHidden():
            return
        if self._reader is None:
            self.panel.say(NOT_AT_HAND)
            return
        self.panel.say_reading(row.name)
        self._reader.ask(row)

    def _show(self, row: Row, answer: Picture | str) -> None:
        if isinstance(answer, str):
            self.panel.say(answer)
            return
        words = f"image of frame {row.index}"
        if isinstance(row.fit, NoResult):
            words += f" ({row.fit.reason}: no rings)"
        ticks = ticks_at(self._run, self._lines, row)
        self.panel.show_image(words, answer.counts, answer.two_theta, answer.masked, ticks, answer.step)
