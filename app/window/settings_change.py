"""The user changes the settings of the run that is shown: asked for in a dialog, prepared in a thread, undone."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PyQt6.QtWidgets import QWidget

from latticewatch.app.run.changing import Prepared, ScanChanges, Settings
from latticewatch.app.run.given import Given
from latticewatch.app.window.keys import Command
from latticewatch.app.window.made_again import MadeAgain, Offered
from latticewatch.app.window.undo import Undo
from latticewatch.processing.errors import UserError
from latticewatch.processing.record.run_file.changes import Change
from latticewatch.processing.text import one_line

log = logging.getLogger(__name__)

NOT_LIVE = "settings can be changed while a scan is recorded, from its first image on"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The settings that the user wants, and why. what: each that is another one, in words. from_now: from the next
    frame on. again: for all frames, in a run file of their own."""

    given: Given
    why: str
    what: tuple[str, ...]
    from_now: bool = True
    again: bool = False


Ask = Callable[..., Wanted | None]
"""Asks the user for other settings; None: there are none. With the window, the changes so far, how all frames can be
made again, and where something is to be chosen at first, ``mask=`` its path, ``peak=`` the angles of one more."""


class SettingsChange:
    """Changes of one run. again: makes all frames again; None: nothing does. say: one line to the user. mark: sets a
    mark at the newest frame, with this text."""

    def __init__(
        self,
        window: QWidget,
        ask: Ask | None,
        again: MadeAgain | None,
        undo: Undo,
        say: Callable[[str], object],
        mark: Callable[[str], object],
    ) -> None:
        self._window, self._ask, self._again = window, ask, again
        self._undo, self._say, self._mark = undo, say, mark
        self._changes: ScanChanges | None = None
        self._thread: threading.Thread | None = None
        self._ready: Callable[[], object] | None = None
        self._is_over = False
        self._shown = 1

    def begin(self, changes: ScanChanges | None) -> None:
        """This run is shown; None: its settings cannot be changed."""
        self._changes, self._shown = changes, 1

    def commands(self, menu: str) -> list[Command]:
        """What the menu offers; nothing where nobody can be asked."""
        if self._ask is None:
            return []
        return [Command(menu, "Change this scan …", ("Ctrl+T",), self.ask, "next", can=lambda: self._can())]

    @property
    def can_ask(self) -> bool:
        return self._ask is not None and self._can()

    def ask(self, mask: Path | None = None, peak: tuple[float, float] | None = None) -> None:
        """Ask for other settings and change to them. mask: the one that is chosen at first. peak: angles in degrees
        between which one more is followed at first."""
        if self._ask is None or self._changes is None or not self._can():
            self._say(NOT_LIVE if self._thread is None else "the change before this one is still being prepared")
            return
        changes = self._changes
        offered = Offered("no frame is being recorded") if self._again is None else self._again.offered
        chosen = {"mask": mask, "peak": peak}
        wanted = self._ask(self._window, changes, offered, **{key: each for key, each in chosen.items() if each})
        if wanted is None or self._is_over:
            return
        if wanted.again and self._again is not None:
            remark = "; ".join(wanted.what) + (f" ({wanted.why})" if wanted.why else "")
            try:
                out = self._again.begin(wanted.given, remark)
            except UserError as error:
                self._say(str(error))
                return
            self._mark(f"all frames again in {out.name}: {wanted.why or remark}")
        if wanted.from_now:
            self._prepare(changes, wanted.given, wanted.why, self._first)

    def follow(self, count: int) -> list[Change]:
        """Hand over what is prepared; to be called again and again from the window's thread. The changes that the run
        has taken up since the last call. count: its rows."""
        if self._again is not None and (said := self._again.follow(count, has_ended=self._changes is None)):
            self._say(said)
        if self._thread is not None and not self._thread.is_alive():
            self._thread = None
            if self._ready is not None and not self._is_over:
                self._ready()
        taken_up = [] if self._changes is None else self._changes.segments[self._shown :]
        self._shown += len(taken_up)
        if taken_up and self._again is not None and self._changes is not None:
            try:
                self._again.take(self._changes)
            except UserError as error:
                self._say(str(error))
        return [each.change for each in taken_up if each.change is not None]

    def end(self) -> None:
        """The window closes: nothing is changed any more."""
        self._is_over = True
        if self._again is not None:
            self._again.end()
        if self._thread is not None:
            self._thread.join()

    def _can(self) -> bool:
        return self._changes is not None and self._thread is None and not self._is_over

    def _prepare(
        self,
        changes: ScanChanges,
        settings: Given | Settings,
        why: str,
        then: Callable[[ScanChanges, Prepared], object],
        *,
        is_undo: bool = False,
    ) -> None:
        if not self._can():
            self._say(NOT_LIVE)
            return
        self._say("preparing the change of the settings …")
        self._ready = None

        def work() -> None:
            try:
                read = changes.read(settings) if isinstance(settings, Given) else settings
                prepared = changes.prepare(read, why, is_undo=is_undo)
            except UserError as error:
                self._ready = partial(self._refused, error)
            except Exception as error:  # whatever it is: it is said, and the run continues as it was
                log.exception("the change of the settings could not be prepared")
                told = one_line(f"internal error ({type(error).__name__}: {error}); the log has details")
                self._ready = partial(self._refused, UserError(told))
            else:
                self._ready = partial(then, changes, prepared)

        self._thread = threading.Thread(target=work, name="change")
        self._thread.start()

    def _first(self, changes: ScanChanges, prepared: Prepared) -> None:
        """The change is made for the first time: it can be undone from now on."""
        before, done = changes.settings, [False]

        def act() -> None:
            if done[0]:
                self._prepare(changes, prepared.settings, prepared.why, self._hand)
            else:
                done[0] = True
                self._hand(changes, prepared)

        def undo() -> None:
            self._prepare(changes, before, prepared.why, self._hand, is_undo=True)

        self._undo.do(f"change of the settings ({prepared.what[0]}{', …' if prepared.what[1:] else ''})", act, undo)

    def _hand(self, changes: ScanChanges, prepared: Prepared) -> None:
        try:
            changes.hand(prepared)
        except UserError as error:
            self._refused(error)

    def _refused(self, error: UserError) -> None:
        if self._again is not None:
            self._again.give_up_waiting()
        self._say(f"not changed: {error}")
