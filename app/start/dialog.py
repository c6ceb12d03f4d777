"""The start for people who do not type: folder, geometry, set-up; frames that are there are checked at once."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtGui import QDragEnterEvent, QDropEvent
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from latticewatch.app.checks.machine import display
from latticewatch.app.run.decisions import is_run
from latticewatch.app.run.given import Given
from latticewatch.app.run.outcome_line import counted
from latticewatch.app.run.request import Request
from latticewatch.app.start.first_look import FirstLook, first_look, glance
from latticewatch.app.start.judging import Judgement, Level
from latticewatch.app.start.newest import Newest
from latticewatch.app.start.plain_words import plain_words
from latticewatch.app.start.profiles import profiles
from latticewatch.app.start.recent import Recalled, recalled, recent, remember
from latticewatch.app.start.run_place import RunPlace
from latticewatch.app.start.setup_editor import SetupEditor
from latticewatch.app.window.access import name_plots
from latticewatch.app.window.application import make_application
from latticewatch.app.window.path_box import append, dropped_on, files_box, path_in, put_first
from latticewatch.app.window.placement import fitted_size
from latticewatch.processing.config.frame_selection import ALL, FrameSelection, impossible
from latticewatch.processing.errors import UserError
from latticewatch.processing.sources.pacing import Transport
from latticewatch.processing.text import printable
from latticewatch.widgets.image_view import ImageView
from latticewatch.widgets.pattern_view import PatternView, Shown
from latticewatch.widgets.theme import LIGHT, Theme, apply_theme

ORIENTATIONS = (
    ("as the poni says", None),
    ("as read (3)", 3),
    ("up-down (2)", 2),
    ("left-right (4)", 4),
    ("both (1)", 1),
)
# The files that correct an image, and the key of ``Given`` that each is.
CORRECTIONS = ("mask", "dark", "flat", "background")
POLL_MS, GLANCE_MS = 80, 2000
STACKS = (".h5", ".hdf5", ".nxs")
GROUND = {Level.GOOD: "complete", Level.WARNING: "paused", Level.WRONG: "no_beam", Level.UNKNOWN: "waiting"}
WELCOME = "Choose a folder, or drop one here; it may be empty. A run file that is dropped is shown again."
log = logging.getLogger(__name__)


def ask_for_scan(*, headless: bool) -> Request | None:
    """What the user chose in the start dialog; None where it was closed. Raises UserError without a display."""
    if headless or not display():
        raise UserError("watch: no FOLDER given and no display for the start dialog; name the folder to watch")
    application = make_application()
    apply_theme(application, LIGHT)
    dialog = StartDialog(LIGHT)
    dialog.exec()
    return dialog.start


@dataclass(frozen=True, slots=True)
class Surveyed:
    """What lies in a folder and one above, and what was chosen for it before."""

    scan: Path
    ponis: tuple[Path, ...] = ()
    setups: tuple[Path, ...] = ()
    before: Recalled | None = None


def survey(folder: Path) -> Surveyed:
    """Geometries and set-ups in this folder or one above. Of an HDF5 file in its folder; another file stands for its
    folder.
    """
    if not folder.is_dir() and folder.suffix not in STACKS:
        folder = folder.parent
    within = (folder if folder.is_dir() else folder.parent).resolve()
    found = [
        tuple(path for place in dict.fromkeys((within, within.parent)) for path in sorted(place.glob(pattern)))
        for pattern in ("*.poni", "experiment.toml")
    ]
    return Surveyed(folder, found[0], found[1], recalled(folder))


class StartDialog(QDialog):
    """Asks for a scan and its inputs; ``start`` holds the answer once it was accepted.

    What it asks of the disk it asks in a thread. Frames that come while it is open are looked at too.
    """

    def __init__(self, theme: Theme, look: Callable[..., FirstLook] = first_look) -> None:
        super().__init__()
        self._theme, self._look = theme, look
        self.start: Request | None = None
        self._scan: Path | None = None
        self._run_file: Path | None = None
        self._shown: FirstLook | None = None
        self._frames: tuple[int, str] = (0, "")
        self._selection: FrameSelection = ALL
        self._by_hand: set[QComboBox] = set()
        self._newest = Newest("first look")
        self.setWindowTitle("Watch a scan – LatticeWatch")
        self.setAcceptDrops(True)
        self._make_boxes()
        self.verdict = QLabel(WELCOME)
        self.verdict.setTextFormat(Qt.TextFormat.PlainText)
        self.verdict.setWordWrap(True)
        self.verdict.setMargin(8)
        self.use_better = QPushButton()
        self.use_better.hide()
        self.use_better.clicked.connect(self._take_better)
        self.used = QPlainTextEdit()
        self.used.setReadOnly(True)
        self.image = ImageView()
        self._pattern: PatternView | None = None
        self._lay_out()
        self._name_boxes()
        self._offer_recent()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._poll)
        self._timer.start(POLL_MS)
        self._glanced_s = 0.0

    def _make_boxes(self) -> None:
        self.folder = files_box("the folder that the detector writes to")
        self.geometry_box = files_box("the .poni file; the only one in the folder or one above is taken")
        self.setup_box = files_box("experiment.toml, or a profile that was kept")
        self.corrections = {name: files_box(f"left out: the {name} that the set-up names") for name in CORRECTIONS}
        for box in self.corrections.values():
            box.addItem("as the set-up says", None)
        self.folder.setPlaceholderText("choose or drop a folder")
        self.geometry_box.setPlaceholderText("choose or drop a .poni file")
        self.setup_box.setPlaceholderText("choose experiment.toml, or New")
        self.orientation = QComboBox()
        for text, number in ORIENTATIONS:
            self.orientation.addItem(text, number)
        self.series = QComboBox()
        self.recursive = QCheckBox("sub-folders too")
        self.include = QLineEdit()
        self.include.setPlaceholderText("all frames; or a pattern such as br_*.cbf")
        self.run_box = QComboBox()
        self.run_box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.run_box.setToolTip("where the run is recorded")
        self.run_box.setPlaceholderText("beside the folder")

    def _lay_out(self) -> None:
        form = self._form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("&Folder", self._with_button(self.folder, self._ask_folder))
        form.addRow("&Images", self.series)
        form.setRowVisible(self.series, False)
        poni = partial(self._ask_file, self.geometry_box, "Geometry", "pyFAI geometry (*.poni)")
        form.addRow("&Geometry", self._with_button(self.geometry_box, poni))
        form.addRow("&Orientation", self.orientation)
        new = QPushButton("&New …")
        new.setToolTip("make a set-up of phases")
        new.clicked.connect(lambda _: self.new_setup())
        toml = partial(self._ask_file, self.setup_box, "Set-up", "Experiment (*.toml)")
        form.addRow("&Set-up", self._with_button(self.setup_box, toml, new))
        form.addRow("&Run file", self._with_button(self.run_box, self._ask_run_file))
        self.more = QPushButton("Mask, dark, flat, background, which &files …")
        self.more.setCheckable(True)
        self.more.toggled.connect(self._show_more)
        form.addRow(self.more)
        self._rarer: list[QWidget] = [self.recursive]
        form.addRow("", self.recursive)
        self._rarer.append(self.include)
        form.addRow("Na&mes", self.include)
        for name, box in self.corrections.items():
            row = self._with_button(box, partial(self._ask_file, box, name.capitalize(), "All files (*)"))
            self._rarer.append(row)
            form.addRow(name.capitalize(), row)
        self._show_more(False)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self._ok().setText("&Watch")
        self._ok().setEnabled(False)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self._lay_out_sides(form)
        for box in (self.geometry_box, self.setup_box, self.orientation, self.series, *self.corrections.values()):
            box.activated.connect(lambda _, box=box: self._changed(box))
        self.folder.activated.connect(lambda _: self._take_chosen_folder())
        self.recursive.toggled.connect(lambda _: self.check())
        self.include.editingFinished.connect(self.check)
        self.run_box.currentIndexChanged.connect(lambda _: self._say_run_file())

    def _lay_out_sides(self, form: QFormLayout) -> None:
        """The form and what will be used on the left; the judgement, the image and its pattern on the right."""
        left, right = QWidget(), QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(form)
        column.addWidget(QLabel("What will be used"))
        column.addWidget(self.used, 1)
        scroll = QScrollArea()
        scroll.setWidget(left)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
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
        layout = QVBoxLayout(self)
        layout.addWidget(sides, 1)
        layout.addWidget(self.buttons)
        self.resize(fitted_size(self, 1100, 680))

    def _name_boxes(self) -> None:
        named: dict[str, QWidget] = {
            "folder": self.folder,
            "images": self.series,
            "geometry": self.geometry_box,
            "orientation": self.orientation,
            "set-up": self.setup_box,
            "run file": self.run_box,
            "sub-folders": self.recursive,
            "names": self.include,
            "what will be used": self.used,
            **self.corrections,
        }
        for name, box in named.items():
            box.setAccessibleName(name)
        self.orientation.setToolTip("how the image lies in the geometry (EXIF number); seen by the rings over it")
        name_plots({"detector image": self.image.plot})

    def _offer_recent(self) -> None:
        """What was chosen before; nothing of it is chosen yet."""
        known = recent()
        for kind, box in (("folder", self.folder), ("geometry", self.geometry_box), ("setup", self.setup_box)):
            put_first(box, known[kind])
        append(self.setup_box, profiles())
        self._named = set(profiles())  # and what the user drops or picks: its commands may be run
        for box in (self.folder, self.geometry_box, self.setup_box):
            box.setCurrentIndex(-1)

    def _with_button(self, box: QComboBox, ask: Callable[[], None], *more: QWidget) -> QWidget:
        holder = QWidget()
        layout = QHBoxLayout(holder)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(box, 1)
        button = QPushButton("…")
        button.setAccessibleName("browse")
        button.setFixedWidth(32)
        button.clicked.connect(lambda _: ask())
        for each in (button, *more):
            layout.addWidget(each)
        return holder

    def _show_more(self, shown: bool) -> None:
        for row in self._rarer:
            self._form.setRowVisible(row, shown)

    def _ok(self) -> QPushButton:
        button = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        if button is None:
            raise LookupError("the dialog has no OK button")
        return button

    # What is chosen

    def _take_chosen_folder(self) -> None:
        folder = path_in(self.folder)
        if folder is not None:
            self.take_folder(folder)

    def take_folder(self, folder: Path) -> None:
        """Choose this folder or stack. What was shown and found of another one goes; what it has is offered."""
        put_first(self.folder, [folder])
        if folder != self._scan:
            self._forget_scan()
        self._scan = folder
        self._say(Judgement(Level.UNKNOWN, "Looking into the folder …"))
        self._newest.ask(lambda _: survey(folder), self._surveyed, self._refused)

    def _forget_scan(self) -> None:
        """Nothing of another folder's stays: no picture, no geometry, no set-up, but what was chosen by hand before."""
        first = self._scan is None
        for box in (self.geometry_box, self.setup_box):
            if not (first and box in self._by_hand):
                box.setCurrentIndex(-1)
        self._by_hand = self._by_hand if first else set()
        for box in (self.orientation, *self.corrections.values()):
            if not (first and box in self._by_hand):
                box.setCurrentIndex(max(0, box.findData(None)))
        self._offer_series(())
        self._run_file, self._shown, self._frames, self._selection = None, None, (0, ""), ALL
        self.run_box.clear()
        self.used.clear()
        self._clear_views()

    def _surveyed(self, found: Surveyed) -> None:
        """Take what was chosen for this folder before, else what is found where there is only one."""
        if found.scan != self._scan:
            self._scan = found.scan
            put_first(self.folder, [found.scan])
        before = found.before.given if found.before is not None else Given()
        for box, there, kept in (
            (self.geometry_box, found.ponis, before.geometry),
            (self.setup_box, found.setups, before.experiment),
        ):
            chosen, by_hand = path_in(box), box in self._by_hand
            put_first(box, list(there))
            wanted = chosen if by_hand else kept or (there[0] if len(there) == 1 else None)
            if wanted is not None:
                put_first(box, [wanted])
            else:
                box.setCurrentIndex(-1)
        if found.before is not None:
            self._recall(before)
        self.check()

    def _recall(self, before: Given) -> None:
        """What else was chosen for this folder the last time."""
        self.orientation.setCurrentIndex(max(0, self.orientation.findData(before.orientation)))
        self.recursive.setChecked(bool(before.recursive))
        self.include.setText(before.include or "")
        for name, box in self.corrections.items():
            path = getattr(before, name)
            if path is not None:
                put_first(box, [path])
        if before.dataset:
            self._offer_series((f"{before.dataset} (as before)",))
            self.series.setCurrentIndex(1)
        rare = (before.recursive, before.include, *(getattr(before, name) for name in CORRECTIONS))
        self.more.setChecked(any(rare))

    def _offer_series(self, others: Sequence[str]) -> None:
        """Series of images in one HDF5 file, to choose one; the row is there only where there are several."""
        self.series.clear()
        self.series.addItem("as found", None)
        for each in others:
            self.series.addItem(each, each.rpartition(" (")[0])
        self._form.setRowVisible(self.series, bool(others))

    def take_file(self, path: Path) -> None:
        """Take what was dropped or chosen: a folder, a poni, a set-up, a CIF, a run file, a stack."""
        kinds = {".poni": self.geometry_box, ".toml": self.setup_box}
        if path.suffix in STACKS:
            self._newest.ask(lambda _: is_run(path), partial(self._take_stack, path), self._refused)
        elif path.suffix == ".cif":
            self.new_setup((path,))
        elif path.suffix in kinds:
            self._take(kinds[path.suffix], path)
        else:
            self.take_folder(path)

    def _take(self, box: QComboBox, path: Path) -> None:
        put_first(box, [path])
        self._named.add(path)
        self._changed(box)

    def _changed(self, box: QComboBox) -> None:
        self._by_hand.add(box)
        self.check()

    def _take_stack(self, path: Path, is_recorded: bool) -> None:
        if not is_recorded:
            self.take_folder(path)
            return
        self._forget_scan()
        self._scan, self._run_file = None, path
        self._say(Judgement(Level.GOOD, f"{path.name} is a run file: it is shown again as it was recorded."))
        self._ok().setText("&Replay")
        self._ok().setEnabled(True)

    def chosen(self) -> tuple[Path, Given] | None:
        """What is in the form; None while folder or set-up is missing. Without a geometry it is looked for."""
        setup = path_in(self.setup_box)
        if self._scan is None or setup is None:
            return None
        corrections = {name: path_in(box) for name, box in self.corrections.items()}
        return self._scan, Given(
            geometry=path_in(self.geometry_box),
            experiment=setup,
            orientation=self.orientation.currentData(),
            recursive=True if self.recursive.isChecked() else None,
            include=self.include.text().strip() or None,
            dataset=self.series.currentData(),
            **corrections,
        )

    # What is asked and answered

    def check(self, *, quietly: bool = False) -> None:
        """Look at the frames, in a thread. quietly: what was said stays until there is an answer."""
        if self._scan is None and self._run_file is not None:
            return
        chosen = self.chosen()
        if chosen is None:
            missing = [
                name for name, it in (("a folder", self._scan), ("a set-up", path_in(self.setup_box))) if it is None
            ]
            if self._scan is not None and path_in(self.geometry_box) is None:
                missing.insert(0, "a .poni file")
            self._refused(f"Still missing: {', '.join(missing)}.")
            return
        reason = impossible(chosen[1].include) if chosen[1].include else ""
        if reason:
            self._refused(f"Names: {chosen[1].include} {reason}")
            return
        if not quietly:
            self._ok().setText("&Watch")
            self._ok().setEnabled(False)
            self._say(Judgement(Level.UNKNOWN, "Looking at the frames …"))
        self._newest.ask(lambda stop: self._look(*chosen, stop), self._show, self._refused)

    def busy(self) -> bool:
        """True while a question is being answered."""
        return self._newest.busy()

    def _poll(self) -> None:
        self._newest.poll()
        now_s = time.monotonic()
        if not self._newest.busy() and self._scan is not None and now_s - self._glanced_s > GLANCE_MS / 1000.0:
            scan, selection = self._scan, self._selection
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
        self._shown = None
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

    def _take_better(self) -> None:
        number = self.orientation.findData(self.use_better.property("orientation"))
        self.orientation.setCurrentIndex(number)
        self._changed(self.orientation)

    def _show(self, look: FirstLook) -> None:
        self._shown, self._selection = look, look.selection
        self._glanced_s = time.monotonic()
        if look.others:
            self._offer_series(look.others)
        self._offer_places(look.place)
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
            chosen = self.chosen()
            may = chosen is not None and chosen[1].experiment in self._named
            told = look.command if may else "nothing: the set-up was found in the folder, not chosen"
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

    # Where it is recorded

    def _offer_places(self, place: RunPlace) -> None:
        """A new run file, and the earlier one to be continued where that is possible; a choice that was made stays."""
        kept = self.run_box.currentData() if self.run_box in self._by_hand else None
        self.run_box.blockSignals(True)
        self.run_box.clear()
        earlier = place.earlier
        if earlier is not None and not earlier.why_not:
            ended = time.strftime("%d %b %H:%M", time.localtime(earlier.ended_s)) if earlier.ended_s > 0 else ""
            frames = f"{counted(earlier.frames, 'frame')}{f', until {ended}' if ended else ''}"
            self._offer_run(f"continue {earlier.path.name} ({frames})", earlier.path, resume=True)
        self._offer_run(f"new: {place.new}", place.new, resume=False)
        self.run_box.setCurrentIndex(0)  # not by itself: the box has a placeholder
        if kept is not None:
            number = next((n for n in range(self.run_box.count()) if self.run_box.itemData(n) == kept), -1)
            if number < 0:
                self._offer_run(f"new: {kept[0]}", kept[0], resume=False)
                number = self.run_box.count() - 1
            self.run_box.setCurrentIndex(number)
        self.run_box.blockSignals(False)
        self._say_run_file(earlier.why_not if earlier is not None else "", earlier.path.name if earlier else "")

    def _offer_run(self, text: str, path: Path, *, resume: bool) -> None:
        self.run_box.addItem(text, (path, resume))
        self.run_box.setItemData(self.run_box.count() - 1, str(path), Qt.ItemDataRole.ToolTipRole)

    def _say_run_file(self, why_not: str = "", earlier: str = "") -> None:
        data = self.run_box.currentData()
        told = f"{earlier} is there and cannot be continued: {plain_words(why_not)}\n" if why_not else ""
        self.run_box.setToolTip(f"{told}{data[0]}" if data else "where the run is recorded")

    def _ask_run_file(self) -> None:
        data: Any = self.run_box.currentData()
        beside = str(data[0]) if data else ""
        name, _ = QFileDialog.getSaveFileName(self, "Run file", beside, "Run files (*.h5)")
        if name:
            self.take_run_file(Path(name))

    def take_run_file(self, path: Path) -> None:
        """Record there, in a new file."""
        self._by_hand.add(self.run_box)
        self._offer_run(f"new: {path}", path, resume=False)
        self.run_box.setCurrentIndex(self.run_box.count() - 1)

    # Asking for files

    def _ask_folder(self) -> None:
        beside = str(self._scan.parent) if self._scan is not None else ""
        name = QFileDialog.getExistingDirectory(self, "Folder of the scan", beside)
        if name:
            self.take_folder(Path(name))

    def _ask_file(self, box: QComboBox, title: str, kinds: str) -> None:
        beside = path_in(box) or self._scan
        name, _ = QFileDialog.getOpenFileName(self, title, str(beside) if beside else "", kinds)
        if name:
            self._take(box, Path(name))

    def new_setup(self, cifs: tuple[Path, ...] = ()) -> None:
        """Ask for phases and keep a set-up of them."""
        editor = SetupEditor(self, cifs)
        editor.exec()
        if editor.path is not None:
            self._take(self.setup_box, editor.path)
        editor.deleteLater()

    def dragEnterEvent(self, a0: QDragEnterEvent | None) -> None:
        if a0 is not None and dropped_on(a0):
            a0.acceptProposedAction()

    def dropEvent(self, a0: QDropEvent | None) -> None:
        for path in dropped_on(a0) if a0 is not None else []:
            self.take_file(path)

    # The end

    def accept(self) -> None:
        """Start with what is in the form, or with the run file that was dropped."""
        chosen = self.chosen()
        if self._run_file is not None:
            self.start = Request(self._run_file, transport=Transport())
        elif chosen is not None:
            folder, given = chosen
            out, resume = self.run_box.currentData() or (None, False)
            may = given.experiment in self._named
            self.start = Request(folder, given, live=True, may_command=may, out=out, resume=resume)
            remember(folder, given, out)
        super().accept()

    def done(self, a0: int) -> None:
        """Wait for the question that is being answered."""
        self._timer.stop()
        self._newest.end()
        super().done(a0)
