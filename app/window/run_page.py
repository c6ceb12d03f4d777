"""The page of one run: map, trace and pattern, and which frame they show."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from latticewatch.app.run.segments import ForeignIn
from latticewatch.app.window.access import name_plots
from latticewatch.app.window.facts import (
    first_fitted,
    frame_caption,
    numbers_of,
    reflection_lists,
    second_opinion,
    ticks_at,
)
from latticewatch.app.window.image import FrameImage
from latticewatch.app.window.pointing import IMAGE, MAP, PATTERN, RESIDUAL, STRIP, TRACE, Pointing, Views
from latticewatch.app.window.preferences import Preferences
from latticewatch.app.window.results import Results, rests_of
from latticewatch.app.window.shown_run import ShownRun
from latticewatch.app.window.unknown_lines import Track, followed, marked
from latticewatch.app.window.view_state import Kind, RunKind, view_state
from latticewatch.processing.flow.frame import NoResult
from latticewatch.processing.flow.peak import PeakRange, peak_named
from latticewatch.processing.flow.series import Row, Snapshot
from latticewatch.processing.flow.wording import moment
from latticewatch.processing.refinement.peaks.drawing import peak_curves
from latticewatch.widgets.axes import ZoomBox, link_times, soon
from latticewatch.widgets.history import History
from latticewatch.widgets.map_view import MapReflections, MapView
from latticewatch.widgets.marks import Mark
from latticewatch.widgets.pattern_view import PatternView, Shown
from latticewatch.widgets.peak_marks import ShownPeak
from latticewatch.widgets.strip_view import StripView
from latticewatch.widgets.theme import Theme
from latticewatch.widgets.trace_view import TraceView
from latticewatch.widgets.view_bar import ViewBar

ROOM, STRIDE, MOST_AHEAD = 1.06, 0.07, 1.5
# Rows whose foreign lines are taken up in one turn.
FOREIGN_AT_ONCE = 200
RESULTS_EVERY = 25


class RunPage(QWidget):
    """Puts the views together: one time axis, one chosen frame."""

    chosen_changed = pyqtSignal()
    """Another frame is shown, or the page no longer follows the run."""

    def __init__(self, theme: Theme, run: ShownRun, history: History | None = None) -> None:
        super().__init__()
        self.run = run
        self._lines = reflection_lists(run.setup, run.series.two_theta)
        self.history = history or History(run.series.two_theta, run.setup.window_deg, run.setup.frame_period_s)
        lines = MapReflections(self._lines, run.setup.wavelength_A, run.setup.components)
        self.map = MapView(theme, self.history, lines)
        self.map.show_peak_ranges([peak.two_theta_deg for peak in run.setup.peaks])
        self.trace = TraceView(theme, self.history, run.names, run.setup.composition, run.setup.quantities)
        self.strip = StripView(theme, self.history)
        self.strip.hide()
        self.pattern = PatternView(theme, run.names, run.setup.wavelength_A)
        self.image = FrameImage(self, run, self._lines)
        self.view_bar = ViewBar(theme)
        self.chosen: int | None = None
        self._chosen_before: int | None = None
        self._pinned: int | None = None
        self._run_kind = RunKind.LIVE
        self.last_gap = ""
        self._snapshot = run.series.snapshot()
        self._drawn: tuple[Row, bool] | None = None
        self.follows = True
        self.clock = self.has_second_opinion = False
        self._wants_clock = False  # once the files tell it
        self._foreign = ForeignIn(run.settings, run.series.two_theta)
        self._tracks: tuple[Track, ...] = ()
        self._tracked = 0
        self._marks: tuple[Mark, ...] = ()
        self._drawn_marks: tuple[Mark, ...] = ()
        self.results, self.results_wanted = Results(run), False
        self._to_paint: list[Callable[[], None]] = []
        self._next = soon(self, self._paint_next)
        views = Views(self.map, self.trace, self.strip, self.pattern, self.image.panel.view)
        self.pointing = Pointing(self, theme, run, self._lines, views, self.history, self.snapshot)
        self._lay_out()
        self._connect()
        plots = {"map of angle and time": self.map.plot, "lattice parameters against time": self.trace.plot}
        plots |= {"one more value against time": self.strip.plot, "pattern": self.pattern.plot}
        name_plots({**plots, "difference of pattern and fit": self.pattern.residual})

    def _lay_out(self) -> None:
        left = QSplitter(Qt.Orientation.Vertical)
        left.setChildrenCollapsible(False)
        left.addWidget(self.map)
        left.addWidget(self.trace)
        left.addWidget(self.strip)
        left.setSizes([480, 420, 130])
        self.across = QSplitter(Qt.Orientation.Horizontal)
        self.across.addWidget(left)
        self.right = QSplitter(Qt.Orientation.Vertical)
        self.right.setChildrenCollapsible(False)
        self.right.addWidget(self.pattern)
        self.right.addWidget(self.image.panel)
        self.right.setSizes([400, 340])
        self.across.addWidget(self.right)
        self.across.setSizes([620, 380])
        for number, share in enumerate((62, 38)):
            self.across.setStretchFactor(number, share)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.view_bar)
        inner = QVBoxLayout()
        inner.setContentsMargins(8, 4, 8, 0)
        inner.addWidget(self.across)
        layout.addLayout(inner, 1)

    def _connect(self) -> None:
        self.map.bar.unit.currentTextChanged.connect(self.pattern.angles.show_unit)
        self.map.sheet.times_changed.connect(self.trace.show_times)
        trace_box = self.trace.plot.getPlotItem().getViewBox()
        trace_box.sigXRangeChanged.connect(lambda _, span: self.map.sheet.show_times(*span))
        link_times(self.trace.plot, self.strip.plot)
        for view in (self.map, self.trace):
            view.time_chosen.connect(self.choose_time)
        self.pointing.said.connect(self.view_bar.show_readout)
        self.pointing.reset_wanted.connect(self._double_click)
        self.view_bar.back_wanted.connect(self.back_to_newest)
        for moved in (self.map.sheet.moved_by_hand, trace_box.sigRangeChangedManually):
            moved.connect(self._moved_by_hand)

    def _moved_by_hand(self) -> None:
        if self.follows:
            self.follows = False
            self.chosen_changed.emit()

    def refresh(self) -> bool:
        """Take in what is new and paint it, one view in each turn of the event loop; True if anything was new."""
        self._snapshot = self.run.series.snapshot()
        told = self.results.follow(self._snapshot, self._occasion())
        if not self.history.take(self._snapshot) and not told:
            return False
        self._take_in(FOREIGN_AT_ONCE)
        self._to_paint = [self._show_frame, self._paint_trace, self._paint_map]
        self._next.start()
        return True

    def _take_in(self, foreign_at_once: int) -> None:
        """What the new rows of the history bring along."""
        if self._wants_clock and self.has_clock:
            self._wants_clock = False
            if not self.clock:
                self.toggle_clock()
        self._note_gaps()
        self._follow_foreign(foreign_at_once)

    def _occasion(self) -> tuple[int, int]:
        """Results are worked out anew with each change of state and, while somebody reads them, as the run grows; once
        it has ended they hold all of it.
        """
        every = 1 if self._run_kind is RunKind.ENDED else RESULTS_EVERY
        return len(self.history.episodes), self.history.count // every if self.results_wanted else 0

    def _paint_next(self) -> None:
        if self._to_paint:
            self._to_paint.pop()()
            self._next.start()

    def catch_up(self) -> None:
        """Take in everything that is there, however long it takes: for a picture of a finished run."""
        self._snapshot = self.run.series.snapshot()
        self.history.take(self._snapshot, budget_s=float("inf"))
        self._take_in(self.history.count)
        self.results.work_out(self._snapshot, self._occasion())
        self.repaint_run()

    def repaint_run(self) -> None:
        self._paint_map()
        self._paint_trace()
        self._show_frame()

    def _paint_map(self) -> None:
        if self.follows:
            self._follow_time()
        rests = rests_of(self.history.pauses(), self._snapshot, self.results.summary)
        for view in (self.map, self.trace):  # the trace is painted next
            view.show_pauses(rests)
        self.map.show_snapshot(self._snapshot)

    def _follow_time(self) -> None:
        """Make room ahead in strides: a range that moved with every frame would redraw both axes each time.

        The forecast is in sight once that leaves the run two thirds of the width.
        """
        start, end = self.history.timeline.span()
        row = self.newest_row()
        forecast = row.verdict.forecast if row else None
        wanted = ROOM * (end - start)
        most = MOST_AHEAD * (end - start)
        if forecast is not None and forecast.complete_s - start < most:
            wanted = min(max(wanted, ROOM * (forecast.latest_s - start)), most)
        left, right = self.map.sheet.times()
        kept = end <= right and abs(right - start - wanted) <= STRIDE * wanted
        if left != start or not kept:
            self.map.sheet.show_times(start, start + wanted)

    def _paint_trace(self) -> None:
        if self.follows:
            self.trace.fit_range()
        row = self.newest_row()
        self.trace.show_forecast(row.verdict.forecast if row else None)
        self._show_marks()
        self.trace.show_snapshot(self._snapshot)
        self.strip.paint_now()

    def show_marks(self, marks: Sequence[Mark]) -> None:
        self._marks = tuple(marks)
        self._show_marks()

    def _show_marks(self) -> None:
        mixing_s = self.history.mixing_s
        mixing = (Mark(mixing_s, "mixing"),) if math.isfinite(mixing_s) else ()
        if self._drawn_marks != (*mixing, *self._marks):
            self._drawn_marks = (*mixing, *self._marks)
            self.trace.show_marks(self._drawn_marks)

    def show_view(self, run: RunKind) -> None:
        """Say whether the page follows the run, and how to go back where it does not."""
        self._run_kind = run
        chosen = None if self.chosen is None else self._snapshot.row(self.chosen)
        state = view_state(self.newest_row(), chosen, follows=self.follows, run=run)
        self.view_bar.show_state(state.kind, state.words, state.detail, state.button)
        # On the wall everything is live, unless it is not.
        self.view_bar.setVisible(self.right.isVisibleTo(self) or state.kind is not Kind.LIVE)

    def view_named(self, name: str) -> QWidget:
        """The view that the pointer calls so."""
        views: dict[str, QWidget] = {MAP: self.map, TRACE: self.trace, STRIP: self.strip, IMAGE: self.image.panel}
        return views.get(name, self.pattern)

    def _boxes(self) -> list[ZoomBox]:
        plots = (self.map.plot, self.trace.plot, self.strip.plot, self.pattern.plot, self.pattern.residual)
        return [plot.getPlotItem().getViewBox() for plot in plots]

    def can_zoom_back(self) -> bool:
        return any(box.before for box in self._boxes())

    def zoom_back(self) -> None:
        """Undo the last move or zoom by hand."""
        moved = [box for box in self._boxes() if box.before]
        if moved:
            max(moved, key=lambda box: box.before[-1].began_s).zoom_back()

    def reset(self, view: str) -> None:
        """Everything in this view again: of map and trace the whole run, followed as it grows."""
        if view == IMAGE:
            self.image.panel.view.show_whole()
        elif view in (PATTERN, RESIDUAL):
            self.pattern.show_all()
        else:
            self.follow()
            self.chosen_changed.emit()

    def _double_click(self, view: str) -> None:
        """Everything in view again, and the frame that was shown before its first click."""
        if view in (MAP, TRACE):
            self.choose(self._chosen_before)
        self.reset(view)

    def back_to_newest(self) -> None:
        """The newest frame and the whole run, followed as it grows."""
        self.choose(None)
        if not self.follows:
            self.follow()
            self.chosen_changed.emit()

    def set_wall(self, wall: bool, scale: float = 1.0) -> None:
        """The trace alone, its type larger by ``scale``; or everything."""
        self.map.setVisible(not wall)
        self.strip.setVisible(False)
        self.right.setVisible(not wall)
        self.trace.set_scale(scale)

    def toggle_second_opinion(self) -> None:
        """Beside the fit of the whole pattern, a fit of the lines in the map's window alone, or not."""
        self.has_second_opinion = not self.has_second_opinion
        self._drawn = None
        self._show_frame()

    def toggle_strip(self) -> None:
        self.strip.setVisible(not self.strip.isVisible())
        self.strip.paint_now()

    def toggle_image(self) -> None:
        self.image.toggle(self.shown_row())

    @property
    def has_clock(self) -> bool:
        """Whether the files tell the time of day."""
        return math.isfinite(self.history.clock_zero_s)

    def prefer(self, preferences: Preferences) -> None:
        """Show angles and times as the user prefers them."""
        self.map.bar.unit.setCurrentText(preferences.angles)
        self._wants_clock = preferences.clock
        if self.clock != preferences.clock:
            self.toggle_clock()

    def toggle_clock(self) -> None:
        """The time of day under the trace, or elapsed time; elapsed where the files tell no clock."""
        self.clock = not self.clock and self.has_clock
        zero_s = self.history.clock_zero_s if self.clock else None
        for view in (self.map, self.trace, self.strip):
            view.show_clock(zero_s)

    def pin(self) -> None:
        row = self.shown_row()
        if row is not None:
            self._pin(row)

    def pin_beginning(self) -> None:
        """Keep the first patterns with a sample from mixing on and from one minute after it in sight; where mixing is
        not known, from the first frame on.
        """
        zero_s = self.history.mixing_s if math.isfinite(self.history.mixing_s) else self.history.timeline.span()[0]
        for after_s in (0.0, 60.0):
            number = first_fitted(self._snapshot, self.history.timeline.starts, zero_s + after_s)
            if number is not None:
                self._pin(self._snapshot.row(number))

    def _pin(self, row: Row) -> None:
        if row.pattern is not None:
            self._pinned = row.index
            mixing_s = self.history.mixing_s
            known = math.isfinite(mixing_s) and row.time_s >= mixing_s
            text = f"{moment(row.time_s - mixing_s)} after mixing" if known else moment(row.time_s)
            self.pattern.pin(text if math.isfinite(row.time_s) else f"frame {row.index}", row.pattern)
            self.map.show_frames(self.chosen, self._pinned)

    def shown_time_s(self) -> float:
        return float(self.history.timeline.starts[self.history.count - 1 if self.chosen is None else self.chosen])

    def snapshot(self) -> Snapshot:
        return self._snapshot

    def shown_snapshot(self) -> Snapshot:
        """The run up to the shown frame: what was known then."""
        return self._snapshot if self.chosen is None else replace(self._snapshot, count=self.chosen + 1)

    def take_over(self, before: "RunPage") -> None:
        """Stay where another page of this run was, with its pins and choices."""
        self.chosen, self._pinned, self.follows = before.chosen, before._pinned, before.follows
        # As they were: what is worked out already is not worked out again in the window's thread.
        self.results_wanted, self._run_kind = before.results_wanted, before._run_kind
        if before.run is self.run:
            self.results = before.results
        else:
            before.results.end()
        self.map.take_over(before.map)
        self.pattern.show_pins(before.pattern.pins())
        if before.pattern.logarithmic:
            self.pattern.toggle_logarithmic()
        self.strip.setVisible(not before.strip.isHidden() and before.map.isVisibleTo(before))
        self.has_second_opinion = before.has_second_opinion
        if before.clock:
            self.toggle_clock()
        self._show_frame()  # the first frame brings a range of its own
        for old, new in zip(before._boxes(), self._boxes(), strict=True):
            across, up = old.viewRange()
            new.setRange(xRange=across, yRange=up, padding=0.0, disableAutoRange=True)

    def newest_row(self) -> Row | None:
        """The newest row that is drawn; None while there is none."""
        return self._snapshot.row(self.history.count - 1) if self.history.count else None

    def shown_row(self) -> Row | None:
        """The chosen row, or the newest that is drawn."""
        return self.newest_row() if self.chosen is None else self._snapshot.row(self.chosen)

    def choose_time(self, time_s: float) -> None:
        number = self.history.timeline.row_at(time_s)
        if number is not None:
            self._chosen_before = self.chosen
            self.choose(number)

    def choose(self, number: int | None) -> None:
        """Show this row and hold it; None: the newest, from now on."""
        if number is not None:
            number = min(max(0, number), self.history.count - 1)
        self.chosen = number
        self._show_frame()
        self.chosen_changed.emit()

    def step(self, by: int) -> None:
        """This number of frames on or back from the one that is shown."""
        if self.history.count:
            self.choose((self.history.count - 1 if self.chosen is None else self.chosen) + by)

    def step_change(self, direction: int) -> bool:
        """Show the next change of state after the shown frame, or the one before it; False where there is none."""
        if not self.history.count:
            return False
        now = self.shown_time_s()
        times = [episode.declared_s for episode in self.history.episodes]
        later = [time_s for time_s in times if (time_s - now) * direction > 1e-9]
        if later:
            self.choose_time(min(later, key=lambda time_s: abs(time_s - now)))
        return bool(later)

    def follow(self) -> None:
        """All of the run in view, and on as it grows; the whole pattern fit in view."""
        self.follows = True
        self.map.fit_height()
        self.pattern.show_all()
        self.repaint_run()

    def _note_gaps(self) -> None:
        self.last_gap = ""
        if self.history.gaps:
            fit = self._snapshot.row(self.history.gaps[-1]).fit
            self.last_gap = fit.reason if isinstance(fit, NoResult) else ""

    def _follow_foreign(self, most: int) -> None:
        """Take up where foreign lines were in the next rows, at most this number of them."""
        for number in range(self._tracked, min(self._tracked + most, self.history.count)):
            row = self._snapshot.row(number)
            if not isinstance(row.fit, NoResult):
                seen = self._foreign.of(row) if row.fit.foreign_lines else {}
                self._tracks = followed(self._tracks, float(self.history.timeline.starts[number]), seen)
            self._tracked = number + 1
        self.map.show_unknown(marked(self._tracks))

    def _show_frame(self) -> None:
        row = self.shown_row()
        if row is None:
            return
        drawn = (row, self.chosen is None)
        if self._drawn is None or self._drawn[0] is not row or self._drawn[1] is not drawn[1]:
            self._drawn = drawn
            self.pattern.show_frame(self._shown(row))
            numbers = numbers_of(row, len(self.run.names), self.run.setup.composition, self.run.setup.quantities)
            self.trace.show_numbers("newest" if drawn[1] else f"frame {row.index}", numbers)
            self.image.follow(row)
        self.map.show_frames(self.chosen, self._pinned if self.pattern.pins() else None)
        held = None if self.chosen is None else float(self.history.timeline.starts[self.chosen])
        for view in (self.map, self.trace):
            view.cursor_line.show_at(held)

    def _shown(self, row: Row) -> Shown:
        caption = frame_caption(row, newest=self.chosen is None, accuracy=self.run.setup.accuracy)
        if self.has_second_opinion:
            caption += f"\n{second_opinion(self.run.setup, row)}"
        if row.pattern is None:
            return Shown(caption, None)
        peaks = self.run.at(row).setup.peaks
        followed = tuple(ShownPeak(one.name, one.two_theta_deg, _place_of(row, one)) for one in peaks)
        drawn = tuple(peak_curves(peaks, row.peaks, row.pattern))
        if isinstance(row.fit, NoResult):
            return Shown(caption, row.pattern, peaks=followed, peak_curves=drawn)
        curves = self.run.at(row).refinement.curves(row.fit.parameters)
        foreign = self._foreign.of(row).values()
        unknown = tuple((one.two_theta_deg, one.phase or "?") for one in foreign)
        ticks = ticks_at(self.run, self._lines, row)
        return Shown(caption, row.pattern, curves, ticks, unknown, followed, drawn)


def _place_of(row: Row, peak: PeakRange) -> float:
    return peak_named(row.peaks, peak.name).two_theta_deg
