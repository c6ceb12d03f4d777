"""Between the transport bar and the replay's clock."""

import math
import time

from latticewatch.app.window.run_page import RunPage
from latticewatch.processing.flow.series import Row
from latticewatch.processing.flow.verdict import State
from latticewatch.processing.sources.pacing import Transport
from latticewatch.widgets.transport_bar import TransportBar


class ReplayControl:
    """A replay under the user's hand: forward steers the clock, back only the frame that is shown."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self._page: RunPage | None = None
        self._state: State | None = None
        self._from: State | None = None
        self._episodes = 0
        self._walk: tuple[float, float] | None = None

    def show_page(self, page: RunPage) -> None:
        self._page = page

    def connect(self, bar: TransportBar) -> None:
        bar.playing_wanted.connect(self.play)
        bar.step_wanted.connect(self.step)
        bar.speed_wanted.connect(self.set_speed)
        bar.time_wanted.connect(self.go_to)
        bar.change_wanted.connect(self.to_change)

    def play(self, wanted: bool) -> None:
        """On from the frame that is shown, or pause; what was played already is walked through again."""
        self._walk = None
        if wanted and self._page is not None and self._page.chosen is not None:
            self._walk = time.monotonic(), self._page.shown_time_s()
        elif wanted:
            self.transport.play()
        else:
            self.transport.pause()

    def step(self) -> None:
        """One frame on from the one that is shown, then pause."""
        page, self._walk = self._page, None
        if page is None or page.chosen is None:
            self.transport.step()
        else:
            self.transport.pause()
            page.choose(page.chosen + 1 if page.chosen + 1 < page.history.count else None)

    def set_speed(self, speed: float) -> None:
        """Times real time, from now on."""
        self.transport.set_speed(speed)
        if self._walk is not None and self._page is not None:
            self._walk = time.monotonic(), self._page.shown_time_s()

    def go_to(self, time_s: float) -> None:
        """Show this time; what was not played yet is played at once."""
        page, self._walk = self._page, None
        if page is None:
            return
        if time_s <= page.history.timeline.span()[1]:
            page.choose_time(time_s)
        else:
            page.choose(None)
            self.transport.seek(time_s)

    def to_change(self, direction: int) -> None:
        """Show the change of state before or after; one that was not played yet is played up to, then it pauses."""
        page, self._walk = self._page, None
        if page is None or page.step_change(direction) or direction < 0 or self._state is None:
            return
        page.choose(None)
        self._episodes = len(page.history.episodes)
        self._from = self._state
        self.transport.play()
        self.transport.seek(math.inf)

    def on_row(self, row: Row) -> None:
        """In the loop's thread, with each row: the change that was waited for stops the clock."""
        self._state = row.verdict.state
        if self._from is not None and self._state is not self._from:
            self._from = None
            self.transport.pause()

    def arrive(self) -> None:
        """In the window's thread, again and again: walk on through what was played, or show the change that was
        played up to; frames read ahead may lie behind it."""
        page = self._page
        if self._walk is not None and page is not None:
            self._walk_on(page, *self._walk)
        if self._episodes and page is not None and len(page.history.episodes) > self._episodes:
            declared_s = page.history.episodes[self._episodes].declared_s
            self._episodes = 0
            page.choose_time(declared_s)

    def _walk_on(self, page: RunPage, began: float, from_s: float) -> None:
        time_s = from_s + (time.monotonic() - began) * self.transport.snapshot().speed
        if page.chosen is None or time_s >= float(page.history.timeline.starts[-1]):
            self._walk = None
            page.choose(None)
            self.transport.play()
        else:
            page.choose_time(time_s)

    def show(self, bar: TransportBar) -> None:
        """Where the replay is: the shown frame's time, of the whole scan's as far as it is known."""
        page = self._page
        if page is None or not page.history.timeline.count:
            return
        state, timeline, snapshot = self.transport.snapshot(), page.history.timeline, page.snapshot()
        number = timeline.count - 1 if page.chosen is None else page.chosen
        begin_s, played_s = float(timeline.starts[0]), float(timeline.starts[-1])
        left = max(0, snapshot.progress.found - snapshot.count)
        bar.show_state(
            playing=state.playing or state.seeking or self._walk is not None,
            speed=state.speed,
            time_s=float(timeline.starts[number]),
            duration_s=max(played_s - begin_s, 0.0) + begin_s + left * timeline.period_s,
        )
