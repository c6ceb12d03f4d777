"""The start for people who do not type: folder, geometry, set-up; frames that are there are checked at once."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtGui import QDragEnterEvent, QDropEvent
from PyQt6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from latticewatch.app.checks.machine import display
from latticewatch.app.run.decisions import candidates, is_run
from latticewatch.app.run.given import Given
from latticewatch.app.run.outcome_line import counted
from latticewatch.app.run.request import Request
from latticewatch.app.run.warming import is_cold
from latticewatch.app.start.first_look import FirstLook, first_look, glance
from latticewatch.app.start.form import ScanForm
from latticewatch.app.start.judging import Judgement, Level
from latticewatch.app.start.recent import Recalled, recalled, remember
from latticewatch.app.start.run_file_box import RunFileBox
from latticewatch.app.start.setup_editor import SetupEditor
from latticewatch.app.start.stream_look import StreamLook, stream_look
from latticewatch.app.window.access import name_plots
from latticewatch.app.window.application import closed_by_signals, make_application
from latticewatch.app.window.geometry_window import GeometryWindow
from latticewatch.app.window.mask_editor import MaskEditor, scan_source
from latticewatch.app.window.newest import Newest
from latticewatch.app.window.path_box import dropped_on, put_first, with_buttons
from latticewatch.app.window.placement import fitted_size
from latticewatch.app.window.plain_words import plain_words
from latticewatch.app.window.preferences import Preferred, preferences_path, read_preferences, theme_of
from latticewatch.app.window.preferences_dialog import ask_for_preferences
from latticewatch.processing.config.frame_selection import ALL, FrameSelection, impossible
from latticewatch.processing.errors import UserError
from latticewatch.processing.files.frame_names import HDF5_SUFFIXES
from latticewatch.processing.sources.pacing import Transport
from latticewatch.processing.sources.streams.address import StreamAddress
from latticewatch.processing.text import printable
from latticewatch.widgets.image_view import ImageView
from latticewatch.widgets.pattern_view import PatternView, Shown
from latticewatch.widgets.theme import Theme, applied_theme, apply_theme

POLL_MS, GLANCE_MS = 80, 2000
GROUND = {Level.GOOD: "complete", Level.WARNING: "paused", Level.WRONG: "no_beam", Level.UNKNOWN: "waiting"}
COMPILING = "Compiling the fit, once after an installation: about a minute. Then the frames are looked at."
WELCOME = "Choose a folder, or drop one here; it may be empty. Or name a stream. A run file dropped here is replayed."
log = logging.getLogger(__name__)


def ask_for_scan(*, headless: bool) -> Request | None:
    """What the user chose in the start dialog; None where it was closed. Raises UserError without a display."""
    if headless or not display():
        raise UserError("watch: no FOLDER given and no display for the start dialog; name the folder to watch")
    application = make_application()
    apply_theme(application, theme_of(read_preferences(preferences_path())))
    dialog = StartDialog(applied_theme())
    with closed_by_signals():
        dialog.exec()
    return dialog.start


@dataclass(frozen=True, slots=True)
class Surveyed:
    """What lies in a folder and one above, and what was chosen for it before. is_stack: it is a file of many frames."""

    scan: Path
    is_stack: bool = False
    ponis: tuple[Path, ...] = ()
    setups: tuple[Path, ...] = ()
    before: Recalled | None = None


def survey(folder: Path) -> Surveyed:
    """Geometries and set-ups in this folder or one above. Of an HDF5 file in its folder; another file stands for its
    folder.
    """
    is_stack = not folder.is_dir() and folder.suffix.lower() in HDF5_SUFFIXES
    scan = folder if folder.is_dir() or is_stack else folder.parent
    ponis, setups = (tuple(candidates(scan, pattern)) for pattern in ("*.poni", "experiment.toml"))
    return Surveyed(scan, is_stack, ponis, setups, recalled(scan))


class StartDialog(QDialog):
    """Asks for a scan and its inputs; ``start`` holds the answer once it was accepted.

    The scan's folder and its frames are looked at in a thread, also those that come while the dialog is open. What was
    chosen before and the profiles, in the user's own folders, are read at once.
    """

    def __init__(self, theme: Theme, look: Callable[..., FirstLook] = first_look) -> None:
        super().__init__()
        self._theme, self._look = theme, look
        self.start: Request | None = None
        self._scan: Path | None = None
        self._is_stack = False
        self._run_file: Path | None = None
        self._shown: FirstLook | None = None
        self._frames: tuple[int, str] = (0, "")
        self._selection: FrameSelection = ALL
        self._glanced_s, self._answers = 0.0, True
        self._address: StreamAddress | None = None
        self._after: Given | None = None
        self._stream_after = ""
        self._newest = Newest("first look")
        self.setWindowTitle("Watch a scan – LatticeWatch")
        self.setAcceptDrops(True)
        self.form, self.run_box = ScanForm(), RunFileBox()
        self.verdict = QLabel(WELCOME)
        self.verdict.setTextFormat(Qt.TextFormat.PlainText)
        self.verdict.setWordWrap(True)
        self.verdict.setMargin(8)
        self.use_better = QPushButton()
        self.use_better.hide()
        self.used = QPlainTextEdit()
        self.used.setReadOnly(True)
        self.used.setAccessibleName("what will be used")
        self.image = ImageView()
        self._pattern: PatternView | None = None
        self._lay_out()
        name_plots({"detector image": self.image.plot})
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._poll)
        self._timer.start(POLL_MS)

    def _lay_out(self) -> None:
        """The form and what will be used on the left; the judgement, the image and its pattern on the right."""
        self._run_row = with_buttons(self.run_box, self.run_box.ask)
        self.form.rows.insertRow(6, "&Run file", self._run_row)
        self.form.folder_chosen.connect(self.take_folder)
        self.form.stream_named.connect(self.take_stream)
        self.form.changed.connect(self.check)
        self.form.new_wanted.connect(self.new_setup)
        self.form.geometry_wanted.connect(self.check_geometry)
        self.form.mask_wanted.connect(self.edit_mask)
        self.use_better.clicked.connect(lambda _: self.form.turn(self.use_better.property("orientation")))
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self._ok().setText("&Watch")
        self._ok().setEnabled(False)
        preferences = self.buttons.addButton("&Preferences …", QDialogButtonBox.ButtonRole.ActionRole)
        if preferences is not None:
            preferences.clicked.connect(lambda _: self.ask_preferences())
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        left, right = QWidget(), QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.form)
        column.addWidget(QLabel("What will be used"))
        column.addWidget(self.used, 1)
        scroll = QScrollArea()
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(left)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        bar = scroll.verticalScrollBar()
        scroll.setMinimumWidth(left.minimumSizeHint().width() + (bar.sizeHint().width() if bar is not None else 0))
        self.views = QSplitter(Qt.Orientation.Vertical)
        self.views.addWidget(self.image)
        said = QHBoxLayout()
        said.addWidget(self.verdict, 1)
        said.addWidget(self.use_better)
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(said)
        column.addWidget(self.views, 1)
        sides = QSplitter(Qt.Orientation.Horizontal)
        sides.addWidget(scroll)
        sides.addWidget(right)
        sides.setSizes([440, 660])
        sides.setChildrenCollapsible(False)
        layout = QVBoxLayout(self)
        layout.addWidget(sides, 1)
        layout.addWidget(self.buttons)
        self.resize(fitted_size(self, 1100, 680))

    def _ok(self) -> QPushButton:
        button = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        if button is None:
            raise LookupError("the dialog has no OK button")
        return button

    def take_folder(self, folder: Path) -> None:
        """Choose this folder or stack. What was shown and found of another one goes; what it has is offered."""
        put_first(self.form.folder, [folder])
        if folder != self._scan:
            self._forget_scan()
        self._scan, self._is_stack = folder, False
        self._say(Judgement(Level.UNKNOWN, "Looking into the folder …"))
        self._newest.ask(lambda _: survey(folder), self._surveyed, self._refused)

    def begin_after(
        self, inputs: Given, *, trusted: bool, find: Callable[[], Path | None] | None, stream: str = ""
    ) -> None:
        """Offer another scan's inputs, and its stream, for this one. trusted: the command of its set-up may be run.

        find: the folder to begin with, None where the user has to choose; it is asked in a thread. None: the scan was
        a stream without a folder.
        """
        self._after, self._stream_after = inputs, stream
        if trusted and inputs.experiment is not None:
            self.form.trust(inputs.experiment)
        if find is None:
            self.form.offer((), (), None, inputs)
            self.form.name_stream(stream)
            self.take_stream()
            return
        self._say(Judgement(Level.UNKNOWN, "Looking for the next folder …"))
        self._newest.ask(lambda _: find(), self._begin_in, self._refused)

    def _begin_in(self, folder: Path | None) -> None:
        if folder is None:
            text = "No newer folder lies beside this scan. Choose the next one, or drop it here."
            self._say(Judgement(Level.UNKNOWN, text))
        else:
            self.take_folder(folder)

    def _forget_scan(self) -> None:
        self.form.forget(first=self._scan is None and self._run_file is None)
        self._run_file, self._shown, self._frames, self._selection = None, None, (0, ""), ALL
        self.run_box.forget()
        self.used.clear()
        self._clear_views()

    def _surveyed(self, found: Surveyed) -> None:
        if found.scan != self._scan:
            self._scan = found.scan
            put_first(self.form.folder, [found.scan])
        self._is_stack = found.is_stack
        self.form.rows.setRowVisible(self._run_row, not found.is_stack)  # a replay is not recorded
        before = found.before
        self.form.offer(found.ponis, found.setups, before.given if before is not None else None, self._after)
        if not self.form.names_stream():
            self.form.name_stream(before.stream if before is not None else self._stream_after)
        self.check()

    def take_file(self, path: Path) -> None:
        """Take what was dropped or chosen: a folder, a poni, a set-up, a CIF, a run file, a stack, a frame."""
        kinds = {".poni": self.form.geometry_box, ".toml": self.form.setup_box}
        if path.suffix.lower() in HDF5_SUFFIXES:
            self._newest.ask(lambda _: is_run(path), partial(self._take_stack, path), self._refused)
        elif path.suffix == ".cif":
            self.new_setup((path,))
        elif path.suffix in kinds:
            self.form.take(kinds[path.suffix], path)
        else:
            self.take_folder(path)

    def _take_stack(self, path: Path, is_recorded: bool) -> None:
        if not is_recorded:
            self.take_folder(path)
            return
        self._forget_scan()
        self._scan, self._run_file = None, path
        self._say(Judgement(Level.GOOD, f"{path.name} is a run file: it is shown again as it was recorded."))
        self._ok().setText("&Replay")
        self._ok().setEnabled(True)

    def take_stream(self) -> None:
        """Another stream is named, or none any more; with a folder chosen, that fills what it loses."""
        self._run_file = None
        self.check()

    def chosen(self) -> tuple[Path | None, Given] | None:
        """What is in the form; None while the set-up, or folder and stream, are missing. Without a geometry it is
        looked for.
        """
        given, from_somewhere = self.form.given(), self._scan is not None or self.form.stream_text()
        return (self._scan, given) if from_somewhere and given.experiment is not None else None

    def _missing(self) -> str:
        """What is still to be chosen, or why what is chosen cannot be; empty: nothing."""
        given = self.form.given()
        source = self._scan or self.form.stream_text() or None
        named = (("a folder or a stream", source), ("a .poni file", given.geometry), ("a set-up", given.experiment))
        if self.chosen() is None:
            return f"Still missing: {', '.join(name for name, it in named if it is None)}."
        reason = impossible(given.include) if given.include else ""
        return f"Names: {given.include} {reason}" if reason else ""

    def check(self, *, quietly: bool = False) -> None:
        """Look at the frames, in a thread. quietly: what was said stays until there is an answer."""
        chosen, missing = self.chosen(), self._missing()
        if self._scan is None and self._run_file is not None:
            return
        if chosen is None or missing:
            self._refused(missing)
            return
        if not quietly:
            self._ok().setText("&Replay" if self._is_stack else "&Watch")
            self._ok().setEnabled(False)
            self._say(Judgement(Level.UNKNOWN, COMPILING if is_cold() else "Looking at the frames …"))
        (scan, given), text = chosen, self.form.stream_text()
        if text:
            self._newest.ask(
                lambda stop: stream_look(text, scan, given, stop, self._look), self._show_stream, self._refused
            )
        elif scan is not None:
            self._newest.ask(lambda stop: self._look(scan, given, stop), self._show, self._refused)

    def busy(self) -> bool:
        """True while a question is being answered."""
        return self._newest.busy()

    def _poll(self) -> None:
        self._newest.poll()
        now_s = time.monotonic()
        if self._newest.busy() or now_s - self._glanced_s < GLANCE_MS / 1000.0:
            return
        scan, selection = self._scan, self._selection
        if scan is None and not self._answers:
            self.check(quietly=True)
        elif scan is not None:
            self._glanced_s = now_s
            self._newest.ask(lambda _: glance(scan, selection), self._glanced, lambda _: None)

    def _glanced(self, frames: tuple[int, str]) -> None:
        """New frames are looked at until one of them is judged well; then they are only counted."""
        if frames == self._frames:
            return
        self._frames = frames
        if self._shown is None or self._shown.judgement.level is not Level.GOOD:
            self.check(quietly=True)
        else:
            self._say_frames(frames[0])

    def _refused(self, text: str) -> None:
        """Nothing can be started with what is chosen."""
        self._shown, self._answers = None, True
        self._ok().setEnabled(False)
        self._clear_views()
        self._say(Judgement(Level.WRONG if not text.startswith("Still") else Level.UNKNOWN, plain_words(text)))

    def _say(self, judgement: Judgement) -> None:
        ground, ink = self._theme.states[GROUND[judgement.level]]
        self.verdict.setStyleSheet(f"background: {ground}; color: {ink};")
        self.verdict.setText(plain_words(judgement.text))
        self.use_better.setVisible(judgement.better is not None)
        if judgement.better is not None:
            self.use_better.setText(f"&Use orientation {judgement.better}")
            self.use_better.setProperty("orientation", judgement.better)

    def _show_stream(self, seen: StreamLook) -> None:
        self._show(seen.look)
        self._address, self._answers = seen.address, seen.answers

    def _show(self, look: FirstLook) -> None:
        self._address, self._answers = None, True
        self._shown, self._selection = look, look.selection
        self._frames, self._glanced_s = (look.frames, look.newest), time.monotonic()
        if look.others:
            self.form.offer_series(look.others)
        self.run_box.offer(look.place)
        self._say_frames(look.frames)
        if look.seen is None:
            self._clear_views()
        else:
            picture = look.seen.picture
            self.image.show_image(picture.counts, picture.two_theta, look.seen.ticks, picture.masked)
            self._show_pattern(look)
        self._ok().setEnabled(True)

    def _say_frames(self, frames: int) -> None:
        look = self._shown
        if look is None:
            return
        where = f"{look.seen.name} of {counted(frames, 'frame')}. " if look.seen is not None else ""
        self._say(Judgement(look.judgement.level, f"{where}{look.judgement.text}", look.judgement.better))
        lines = [f"{each.name}: {printable(each.value)} ({each.source})" for each in look.used if each.value != "none"]
        if look.command:
            told = look.command if self.form.may_command() else "nothing: the set-up was found, not chosen"
            lines.append(f"run when the state changes: {printable(told)}")
        self.used.setPlainText("\n".join(lines))

    def _clear_views(self) -> None:
        if self._pattern is not None:
            self._pattern.setParent(None)
            self._pattern.deleteLater()
            self._pattern = None
        self.image.clear()

    def _show_pattern(self, look: FirstLook) -> None:
        seen = look.seen
        if seen is None:
            return
        if self._pattern is not None:
            self._pattern.setParent(None)
            self._pattern.deleteLater()
        names = tuple(component.name for component in seen.setup.components)
        self._pattern = PatternView(self._theme, names, seen.setup.wavelength_A)
        self.views.addWidget(self._pattern)
        self.views.setSizes([300, 300])
        self._pattern.show_frame(Shown(seen.setup.title or seen.name, seen.pattern, seen.curves, seen.ticks))

    def ask_preferences(self) -> None:
        """Ask for them; the folder of new runs holds at once, the rest in the windows to come."""
        preferred = Preferred(preferences_path())
        chosen = ask_for_preferences(self, preferred.now)
        if chosen is not None:
            preferred.take(chosen)
            self.check()

    def new_setup(self, cifs: tuple[Path, ...] = ()) -> None:
        """Ask for phases and keep a set-up of them."""
        editor = SetupEditor(self, cifs)
        editor.exec()
        if editor.path is not None:
            self.form.take(self.form.setup_box, editor.path)
        editor.deleteLater()

    def check_geometry(self) -> None:
        """Check the chosen geometry by a standard; what is refined and saved is chosen then."""
        window = GeometryWindow(self, self._theme, self.form.given())
        window.kept.connect(self.form.take_geometry)
        window.exec()
        window.deleteLater()

    def edit_mask(self) -> None:
        """Draw a mask on the frame that is shown; what is saved is chosen then."""
        scan, seen = self._scan, self._shown.seen if self._shown is not None else None
        source = scan_source(scan, seen.name) if scan is not None and seen is not None else None
        folder = scan.absolute().parent if scan is not None else None
        editor = MaskEditor(self, source, mask=self.form.given().mask, folder=folder)
        editor.kept.connect(partial(self.form.take, self.form.corrections["mask"]))
        editor.exec()
        editor.deleteLater()

    def dragEnterEvent(self, a0: QDragEnterEvent | None) -> None:
        if a0 is not None and dropped_on(a0):
            a0.acceptProposedAction()

    def dropEvent(self, a0: QDropEvent | None) -> None:
        for path in dropped_on(a0) if a0 is not None else []:
            self.take_file(path)

    def accept(self) -> None:
        """Start with what is in the form, or with the run file that was dropped. A stack is there already: a replay."""
        if self.form.tell_stream():  # another address is written there, which was not looked at
            return
        chosen = self.chosen()
        if self._run_file is not None:
            self.start = Request(self._run_file, transport=Transport())
        elif chosen is not None and self._is_stack and self._address is None:
            self.start = Request(*chosen, transport=Transport())
            remember(*chosen)
        elif chosen is not None:
            folder, given = chosen
            if given.geometry is None and self._shown is not None:  # it is looked for where the program was started
                named = next(each.value for each in self._shown.used if each.name == "geometry")
                given = replace(given, geometry=Path(named))
            out, resume = self.run_box.choice() or (None, False)
            may = self.form.may_command()
            self.start = Request(folder, given, self._address, live=True, may_command=may, out=out, resume=resume)
            remember(folder, given, out, str(self._address or ""))
        super().accept()

    def done(self, a0: int) -> None:
        """Wait for the question that is being answered."""
        self._timer.stop()
        self._newest.end()
        super().done(a0)
