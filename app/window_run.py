"""The page of one run: map, trace and pattern, and which frame they show."""

from collections.abc import Callable
from dataclasses import dataclass

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from latticewatch.app.window_facts import frame_caption, reflection_lists, ticks_of, values_of
from latticewatch.processing.frame import Gap
from latticewatch.processing.refinement.fit import Refinement
from latticewatch.processing.series import Row, Series, Snapshot
from latticewatch.processing.setup import Setup
from latticewatch.widgets.axes import soon
from latticewatch.widgets.history import History
from latticewatch.widgets.map_view import Lines, MapView
from latticewatch.widgets.pattern_view import PatternView, Shown
from latticewatch.widgets.theme import Theme
from latticewatch.widgets.trace_view import TraceView

ROOM, MOST_ROOM = 1.06, 1.13


@dataclass(frozen=True, slots=True)
class ShownRun:
    """What a page needs of a run."""

    setup: Setup
    series: Series
    refinement: Refinement

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the components."""
        return self.series.component_names


class RunPage(QWidget):
    """Puts the views together: one time axis, one chosen frame."""

    chosen_changed = pyqtSignal()

    def __init__(self, theme: Theme, run: ShownRun) -> None:
        super().__init__()
        self._run = run
        self._lines = reflection_lists(run.setup, run.series.two_theta)
        self.history = History(run.series.two_theta, run.setup.window_deg, run.setup.frame_period_s)
        lines = Lines(run.setup.reflection, run.setup.wavelength_A)
        self.map = MapView(theme, self.history, lines, len(run.names))
        self.trace = TraceView(theme, self.history, run.names, run.setup.composition)
        self.pattern = PatternView(theme, run.names, run.setup.wavelength_A)
        self.chosen: int | None = None
        self.last_gap = ""
        self._snapshot = run.series.snapshot()
        self._drawn: tuple[Row, bool] | None = None
        self._following = True
        self._to_paint: list[Callable[[], None]] = []
        self._next = soon(self, self._paint_next)
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        left = QSplitter(Qt.Orientation.Vertical)
        left.addWidget(self.map)
        left.addWidget(self.trace)
        left.setSizes([520, 480])
        self.across = QSplitter(Qt.Orientation.Horizontal)
        self.across.addWidget(left)
        self.across.addWidget(self.pattern)
        self.across.setSizes([620, 380])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 6, 8, 0)
        layout.addWidget(self.across)

    def _connect(self) -> None:
        self.map.bar.unit.currentTextChanged.connect(self.pattern.angles.show_unit)
        self.trace.plot.setXLink(self.map.plot)
        for view in (self.map, self.trace):
            view.time_chosen.connect(self.choose_time)
            view.plot.getPlotItem().getViewBox().sigRangeChangedManually.connect(self._moved_by_hand)

    def _moved_by_hand(self) -> None:
        self._following = False

    def refresh(self) -> bool:
        """Take in what is new and paint it, one view in each turn of the event loop; True if anything was new."""
        self._snapshot = self._run.series.snapshot()
        if not self.history.take(self._snapshot):
            return False
        self._note_gaps()
        self._to_paint = [self._show_frame, self._paint_trace, self._paint_map]
        self._next.start()
        return True

    def _paint_next(self) -> None:
        if self._to_paint:
            self._to_paint.pop()()
            self._next.start()

    def catch_up(self) -> None:
        """Take in everything that is there, however long it takes: for a picture of a finished run."""
        self._snapshot = self._run.series.snapshot()
        self.history.take(self._snapshot, budget_s=float("inf"))
        self._note_gaps()
        self.repaint_run()

    def repaint_run(self) -> None:
        """Paint map, trace and pattern as they stand."""
        self._paint_map()
        self._paint_trace()
        self._show_frame()

    def _paint_map(self) -> None:
        if self._following:
            self._follow_time()
        self.map.show_snapshot(self._snapshot)

    def _follow_time(self) -> None:
        """Make room ahead in strides: a range that moved with every frame would redraw both axes each time."""
        start, end = self.history.timeline.span()
        left, right = self.map.plot.getPlotItem().getViewBox().viewRange()[0]
        if left != start or not end <= right <= start + MOST_ROOM * (end - start):
            self.map.plot.setXRange(start, start + ROOM * (end - start), padding=0.0)

    def _paint_trace(self) -> None:
        if self._following:
            self.trace.fit_range()
        self.trace.show_snapshot(self._snapshot)

    def snapshot(self) -> Snapshot:
        """The snapshot that is shown."""
        return self._snapshot

    def newest_row(self) -> Row | None:
        """The newest row that is drawn; None while there is none."""
        return self._snapshot.row(self.history.count - 1) if self.history.count else None

    def shown_row(self) -> Row | None:
        """The chosen row, or the newest that is drawn."""
        return self.newest_row() if self.chosen is None else self._snapshot.row(self.chosen)

    def choose_time(self, time_s: float) -> None:
        """Show the frame nearest to this time."""
        number = self.history.timeline.row_at(time_s)
        if number is not None:
            self.choose(number)

    def choose(self, number: int | None) -> None:
        """Show this row and hold it; None: the newest, from now on."""
        if number is not None:
            number = min(max(0, number), self.history.count - 1)
        self.chosen = number
        self._show_frame()
        self.chosen_changed.emit()

    def step(self, by: int) -> None:
        """So many frames on or back from the one that is shown."""
        if self.history.count:
            self.choose((self.history.count - 1 if self.chosen is None else self.chosen) + by)

    def step_change(self, direction: int) -> None:
        """The next change of state after the shown frame, or the one before it."""
        row = self.shown_row()
        if row is None:
            return
        now = float(self.history.timeline.starts[self.history.count - 1 if self.chosen is None else self.chosen])
        times = [episode.declared_s for episode in self.history.episodes]
        later = [time_s for time_s in times if (time_s - now) * direction > 1e-9]
        if later:
            self.choose_time(min(later, key=lambda time_s: abs(time_s - now)))

    def follow(self) -> None:
        """All of the run in view, and on as it grows; the whole pattern fit in view."""
        self._following = True
        self.map.fit_height()
        self.pattern.show_all()
        self.repaint_run()

    def _note_gaps(self) -> None:
        newest = self._snapshot.rows(max(0, self.history.count - 200))
        reasons = [row.fit.reason for row in newest if isinstance(row.fit, Gap)]
        self.last_gap = reasons[-1] if reasons else self.last_gap

    def _show_frame(self) -> None:
        row = self.shown_row()
        if row is None:
            return
        drawn = (row, self.chosen is None)
        if self._drawn is None or self._drawn[0] is not row or self._drawn[1] is not drawn[1]:
            self._drawn = drawn
            self.pattern.show_frame(self._shown(row))
            self.trace.show_values(values_of(row, len(self._run.names)))
        held = None if self.chosen is None else float(self.history.timeline.starts[self.chosen])
        for view in (self.map, self.trace):
            view.cursor_line.show_at(held)

    def _shown(self, row: Row) -> Shown:
        caption = frame_caption(row, newest=self.chosen is None)
        if isinstance(row.fit, Gap) or row.pattern is None:
            return Shown(caption, row.pattern)
        curves = self._run.refinement.curves(row.fit.parameters)
        return Shown(caption, row.pattern, curves, ticks_of(self._run.setup, self._lines, row.fit))
