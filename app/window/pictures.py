"""Pictures of the window: beside the run file, into the clipboard and, by a key, into the logbook."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from latticewatch.app.window.facts import facts_of
from latticewatch.app.window.screenshot import save_picture, screenshot_path
from latticewatch.processing.errors import UserError

if TYPE_CHECKING:
    from latticewatch.app.window.main_window import MainWindow


class Pictures:
    """Takes them of one window."""

    def __init__(self, window: "MainWindow") -> None:
        self._window = window

    def shoot(self) -> None:
        """A picture beside the run file, its facts as JSON beside it, and the picture in the clipboard."""
        run = self._window.shown_run
        beside = (run.out or run.seen_in) if run else None
        path = screenshot_path(beside.with_suffix("") if beside else Path("latticewatch"))
        try:
            self.save(path)
        except UserError as error:
            self._window.say(str(error))
            return
        self._window.say(f"saved {path.name}, and in the clipboard")

    def save(self, path: Path) -> None:
        """Picture of the window with its facts as a caption, as PNG text and as JSON. Raises UserError."""
        save_picture(self._window, self.facts(), path)

    def facts(self) -> Mapping[str, str]:
        """What the window shows, in words."""
        window = self._window
        row = window.page.shown_row() if window.page else None
        return facts_of(window.title, window.banner.words(), window.shown_run, row)
