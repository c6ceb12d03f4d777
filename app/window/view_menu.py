"""The menu of the right button: what can be done with the place under the pointer, and with the view."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PyQt6.QtCore import QPoint
from PyQt6.QtWidgets import QApplication, QFileDialog, QMenu, QWidget

from latticewatch.app.window.pointing import IMAGE, MAP, PATTERN, STRIP, TRACE, Place
from latticewatch.app.window.run_page import RunPage
from latticewatch.app.window.saving import Saver
from latticewatch.app.window.screenshot import png_bytes
from latticewatch.app.window.settings_change import SettingsChange
from latticewatch.app.window.shown_run import ShownRun
from latticewatch.processing.files.write_whole import write_whole
from latticewatch.processing.flow.series import Row, Snapshot
from latticewatch.processing.record.export.trace import write_trace
from latticewatch.processing.refinement.peaks.ranges import range_around

Act = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the menu. act: None where it cannot be done now. apart: a line stands over it."""

    text: str
    act: Act | None
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Acts:
    """What the menu can do. Each of those of the place is handed a time in seconds or the place's words."""

    copy: Callable[[str], object]
    show: Callable[[float], object]
    mark: Callable[[float], object]
    copy_pattern: Act | None
    save_pattern: Act | None
    save_trace: Act
    save_view: Act
    zoom_back: Act | None
    show_all: Act
    edit_mask: Callable[[tuple[int, int] | None], object] | None = None
    follow_peak: Callable[[float], object] | None = None


def entries(place: Place, acts: Acts) -> list[Entry]:
    """The menu at this place."""
    at_s = place.time_s
    found = [Entry("Copy what is here", partial(acts.copy, place.said) if place.said else None)]
    if place.view in (MAP, TRACE, STRIP) and at_s is not None:
        found.append(Entry("Show this frame", partial(acts.show, at_s)))
        found.append(Entry("Mark here …", partial(acts.mark, at_s)))
    if place.view == IMAGE and acts.edit_mask is not None:
        found.append(Entry("Mask here …", partial(acts.edit_mask, place.pixel)))
    if place.view == PATTERN and place.two_theta_deg is not None:
        act = None if acts.follow_peak is None else partial(acts.follow_peak, place.two_theta_deg)
        found.append(Entry("Follow this peak …", act))
    if place.view != IMAGE:
        found += [
            Entry("Copy the shown pattern", acts.copy_pattern, apart=True),
            Entry("Save the shown pattern …", acts.save_pattern),
            Entry("Save the trace …", acts.save_trace),
        ]
    return [
        *found,
        Entry("Save this view as a picture …", acts.save_view),
        Entry("Zoom back", acts.zoom_back, apart=True),
        Entry("Show everything", acts.show_all),
    ]


def menu_of(parent: QWidget, lines: Sequence[Entry]) -> QMenu:
    """A menu of these entries; it is deleted when it closes."""
    menu = QMenu(parent)
    for entry in lines:
        if entry.apart:
            menu.addSeparator()
        action = menu.addAction(entry.text)
        if action is None:
            continue
        action.setEnabled(entry.act is not None)
        if entry.act is not None:
            action.triggered.connect(partial(_do, entry.act))
    menu.aboutToHide.connect(menu.deleteLater)
    return menu


def _do(act: Act, checked: bool = False) -> None:
    del checked
    act()


class ViewMenu:
    """Opens that menu over a page. mark: asks for a note at a time. run_file: what is saved is called after it, beside
    it; where there is none, in the user's own folder. edit_mask: opens the mask editor on the frame of a name,
    at a pixel. change: of the settings of the run that is shown.
    """

    def __init__(
        self, window: QWidget, saver: Saver, mark: Callable[[float], object], run_file: Callable[[], Path | None]
    ) -> None:
        self._window, self._saver, self._mark, self._run_file = window, saver, mark, run_file
        self.change: SettingsChange | None = None
        self.edit_mask: Callable[[str, tuple[int, int] | None], object] | None = None

    def open(self, page: RunPage, place: Place, at: QPoint) -> None:
        menu_of(self._window, entries(place, self.acts(page, place))).popup(at)

    def acts(self, page: RunPage, place: Place) -> Acts:
        """What can be done with this place of the page."""
        run, shown = page.run, page.shown_row()
        row = shown if shown is not None and shown.pattern is not None else None
        snapshot, view = page.snapshot(), page.view_named(place.view)
        return Acts(
            copy=_copy,
            show=page.choose_time,
            mark=self._mark,
            copy_pattern=None if row is None else partial(_copy_pattern, run, row),
            save_pattern=None if row is None else partial(self._save, "xye", partial(_write_pattern, run, row)),
            save_trace=partial(self._save, "csv", partial(_write_trace, run, snapshot)),
            save_view=partial(self._save_picture, view),
            zoom_back=page.zoom_back if page.can_zoom_back() else None,
            show_all=partial(page.reset, place.view),
            follow_peak=partial(self._follow, row) if self.change is not None and self.change.can_ask else None,
            edit_mask=None if shown is None or self.edit_mask is None else partial(self.edit_mask, shown.name),
        )

    def _follow(self, row: Row | None, two_theta_deg: float) -> None:
        """Ask for a change of the settings by which the peak at this angle is followed."""
        around = range_around(row.pattern, two_theta_deg) if row is not None and row.pattern is not None else None
        if around is not None and self.change is not None:
            self.change.ask(peak=around)

    def _save(self, ending: str, write: Callable[[Path], object]) -> None:
        """Ask where to, and write in a thread."""
        beside = self._run_file() or Path.home() / "latticewatch"
        offered = beside.with_suffix(f".{ending}")
        name, _ = QFileDialog.getSaveFileName(self._window, "Save", str(offered), f"*.{ending}")
        if name:
            path = Path(name)
            self._saver.save(path if path.suffix else path.with_suffix(f".{ending}"), write)

    def _save_picture(self, view: QWidget) -> None:
        data = png_bytes(view.grab().toImage())
        self._save("png", lambda path: write_whole(path, data))


def _copy(text: str) -> None:
    clipboard = QApplication.clipboard()
    if clipboard is not None:
        clipboard.setText(text)


def _copy_pattern(run: ShownRun, row: Row) -> None:
    _copy(_pattern_text(run, row))


def _write_pattern(run: ShownRun, row: Row, path: Path) -> None:
    write_whole(path, _pattern_text(run, row).encode())


def _pattern_text(run: ShownRun, row: Row) -> str:
    from latticewatch.processing.record.export.patterns_and_map import pattern_text  # slow to load: h5py, codecs

    return pattern_text(row, run.setup.accuracy)


def _write_trace(run: ShownRun, snapshot: Snapshot, path: Path) -> None:
    write_trace(path, snapshot.rows(), run.kept, run.setup.accuracy)
