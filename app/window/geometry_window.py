"""Check and refine a geometry by a frame of a standard: rings over the image, ring by ring, before and after."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PyQt6.QtCore import Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QDragEnterEvent, QDropEvent, QKeySequence, QShortcut
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QScrollArea,
    QSplitter,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from latticewatch.app.run.given import Given
from latticewatch.app.window.access import name_plots
from latticewatch.app.window.geometry_words import RING_HEADER, Level, Said, place_rows, ring_rows, said_of
from latticewatch.app.window.geometry_work import Asked, Opened, Standing, free_name, opened, refined, save
from latticewatch.app.window.newest import Newest
from latticewatch.app.window.path_box import dropped_on, files_box, path_in, put_first, with_buttons
from latticewatch.app.window.placement import fitted_size
from latticewatch.app.window.plain_words import plain_words
from latticewatch.app.window.undo import Undo
from latticewatch.processing.calibration.refined import Part
from latticewatch.processing.crystal.standard import standard_names
from latticewatch.processing.text import printable
from latticewatch.widgets.image_view import ImageView
from latticewatch.widgets.theme import Theme

POLL_MS = 80
PARTS: tuple[tuple[Part, str, bool, str], ...] = (
    ("distance", "&distance", True, "from the sample to the detector"),
    ("centre", "&centre", True, "where the beam meets the detector"),
    ("tilt", "&tilt", True, "both rotations of the detector"),
    ("wavelength", "&wavelength", False, "only where the distance is known: one frame hardly tells both"),
)
ORIENTATIONS = (
    ("as the poni says", None),
    ("as read (3)", 3),
    ("up-down (2)", 2),
    ("left-right (4)", 4),
    ("both (1)", 1),
)
WELCOME = "Choose a frame of a standard and a .poni file, or drop them here."


class GeometryWindow(QDialog):
    """Asks for frame, standard and geometry; looks at them, and refines in a thread.

    kept: the path of a geometry that was saved.
    """

    kept = pyqtSignal(Path)

    def __init__(
        self, parent: QWidget | None, theme: Theme, given: Given | None = None, frame: Path | None = None
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._of: Opened | None = None
        self._now: Standing | None = None
        self._poni: Path | None = None
        self._newest = Newest("geometry")
        self.setWindowTitle("Geometry by a standard – LatticeWatch")
        self.setAcceptDrops(True)
        self.frame_box = files_box("one frame of the standard, as the detector wrote it")
        self.calibrant = QComboBox()
        self.geometry_box = files_box("the .poni file to begin with; it is kept as it is")
        self.mask_box = files_box("pixels that are left out")
        self.orientation = QComboBox()
        self.free = {part: QCheckBox(words) for part, words, _, _ in PARTS}
        self.verdict = QLabel(WELCOME)
        self.use_better = QPushButton()
        self.refine_button, self.save_button = QPushButton("&Refine"), QPushButton("&Save beside the old one")
        self.undo_button, self.redo_button = QPushButton("Undo"), QPushButton("Redo")
        self.foot = QLabel()
        self.numbers, self.rings = _table(("", "at first", "now ± esd")), _table(RING_HEADER)
        self.image = ImageView()
        self._undo = Undo(self, self.say)
        self._fill_boxes()
        self._lay_out()
        self._connect()
        self._name()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._poll)
        self._timer.start(POLL_MS)
        self._begin(given or Given(), frame)

    def _fill_boxes(self) -> None:
        self.calibrant.addItems(standard_names())
        self.calibrant.setToolTip("the standard in the beam; a CIF of a cubic phase can be chosen too")
        self.mask_box.addItem("none", None)
        for text, number in ORIENTATIONS:
            self.orientation.addItem(text, number)
        self.orientation.setToolTip("how the image lies in the geometry (EXIF number)")
        for box, text in (
            (self.frame_box, "choose or drop a frame"),
            (self.geometry_box, "choose or drop a .poni file"),
        ):
            box.setPlaceholderText(text)
            box.setCurrentIndex(-1)
        for part, _, chosen, tip in PARTS:
            self.free[part].setChecked(chosen)
            self.free[part].setToolTip(tip)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        asks = (
            ("&Frame", self.frame_box, "Frame of a standard", "All files (*)"),
            ("&Standard", self.calibrant, "Structure of a standard", "Structure (*.cif)"),
            ("&Geometry", self.geometry_box, "Geometry", "pyFAI geometry (*.poni)"),
            ("&Mask", self.mask_box, "Mask", "All files (*)"),
        )
        for label, box, title, kinds in asks:
            form.addRow(label, with_buttons(box, partial(self._ask, box, title, kinds)))
        form.addRow("&Orientation", self.orientation)
        free, acts, steps = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        free.addWidget(QLabel("Refine"))
        for box_of in self.free.values():
            free.addWidget(box_of)
        free.addStretch(1)
        for button in (self.refine_button, self.undo_button, self.redo_button):
            acts.addWidget(button)
        steps.addWidget(self.save_button)
        left, right = QWidget(), QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(form)
        column.addLayout(free)
        column.addLayout(acts)
        column.addWidget(self.numbers, 1)
        column.addLayout(steps)
        self.verdict.setTextFormat(Qt.TextFormat.PlainText)
        self.verdict.setWordWrap(True)
        self.verdict.setMargin(8)
        self.foot.setTextFormat(Qt.TextFormat.PlainText)
        self.foot.setWordWrap(True)
        self.use_better.setParent(right)
        self.use_better.hide()
        said = QHBoxLayout()
        said.addWidget(self.verdict, 1)
        said.addWidget(self.use_better)
        views = QSplitter(Qt.Orientation.Vertical)
        views.addWidget(self.image)
        views.addWidget(self.rings)
        views.setSizes([380, 220])
        views.setChildrenCollapsible(False)
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(said)
        column.addWidget(views, 1)
        scroll = QScrollArea()
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(left)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        bar = scroll.verticalScrollBar()
        scroll.setMinimumWidth(left.minimumSizeHint().width() + (bar.sizeHint().width() if bar is not None else 0))
        sides = QSplitter(Qt.Orientation.Horizontal)
        sides.addWidget(scroll)
        sides.addWidget(right)
        sides.setSizes([430, 670])
        sides.setChildrenCollapsible(False)
        close = QPushButton("&Close")
        close.clicked.connect(self.reject)
        end = QHBoxLayout()
        end.addWidget(self.foot, 1)
        end.addWidget(close)
        layout = QVBoxLayout(self)
        layout.addWidget(sides, 1)
        layout.addLayout(end)
        for button in self.findChildren(QPushButton):
            button.setAutoDefault(False)  # Enter in a box must not press the first button that there is
        self.resize(fitted_size(self, 1160, 680))

    def _connect(self) -> None:
        for box in (self.frame_box, self.calibrant, self.geometry_box, self.mask_box, self.orientation):
            box.activated.connect(lambda _: self.look())
        self.use_better.clicked.connect(lambda _: self._turn(self.use_better.property("orientation")))
        self.refine_button.clicked.connect(lambda _: self.refine())
        self.undo_button.clicked.connect(lambda _: self.undo())
        self.redo_button.clicked.connect(lambda _: self.redo())
        self.save_button.clicked.connect(lambda _: self.save())
        keys = {"Ctrl+Z": self.undo, "Ctrl+Shift+Z": self.redo, "Ctrl+S": self.save}
        for key, act in keys.items():
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.activated.connect(act)

    def _name(self) -> None:
        named: dict[str, QWidget] = {
            "frame of the standard": self.frame_box,
            "standard": self.calibrant,
            "geometry": self.geometry_box,
            "mask": self.mask_box,
            "orientation": self.orientation,
            "numbers of the geometry": self.numbers,
            "rings": self.rings,
        }
        for name, widget in named.items():
            widget.setAccessibleName(name)
        name_plots({"detector image": self.image.plot})

    def _begin(self, given: Given, frame: Path | None) -> None:
        for box, path in ((self.frame_box, frame), (self.geometry_box, given.geometry), (self.mask_box, given.mask)):
            if path is not None:
                put_first(box, [path])
        self.orientation.setCurrentIndex(max(0, self.orientation.findData(given.orientation)))
        self.look()

    def say(self, text: str) -> None:
        self.foot.setText(printable(text))

    def busy(self) -> bool:
        """True while a question is being answered."""
        return self._newest.busy()

    def take_file(self, path: Path) -> None:
        """Take what was chosen or dropped: a geometry, a structure, else a frame."""
        suffix = path.suffix.lower()
        if suffix == ".cif":
            self._take_cif(path)
        else:
            put_first(self.geometry_box if suffix == ".poni" else self.frame_box, [path])
        self.look()

    def _take_cif(self, path: Path) -> None:
        if self.calibrant.findData(path) < 0:
            self.calibrant.insertItem(0, path.name, path)
        self.calibrant.setCurrentIndex(self.calibrant.findData(path))

    def asked(self) -> Asked | None:
        """What is chosen; None while frame or geometry is missing."""
        frame, poni = path_in(self.frame_box), path_in(self.geometry_box)
        if frame is None or poni is None:
            return None
        cif = path_in(self.calibrant)
        calibrant = self.calibrant.currentText() if cif is None else str(cif)
        return Asked(frame, calibrant, poni, path_in(self.mask_box), self.orientation.currentData())

    def look(self) -> None:
        """Look at what is chosen, in a thread. Another geometry says itself how the image lies."""
        poni = path_in(self.geometry_box)
        if self._poni not in (None, poni):
            self.orientation.setCurrentIndex(0)
        self._poni = poni
        self.say("")
        asked = self.asked()
        self._of, self._now, self._undo = None, None, Undo(self, self.say)
        self._show_what_can_be_done()
        if asked is None:
            self._say(Said(Level.UNKNOWN, WELCOME))
            return
        self._say(Said(Level.UNKNOWN, "Looking at the rings …"))
        self._newest.ask(partial(opened, asked), self._opened, self._refused)

    def _opened(self, of: Opened) -> None:
        self._of = of
        self._show(of.start)

    def _refused(self, text: str) -> None:
        """What is chosen cannot be used."""
        self.image.clear()
        for table in (self.numbers, self.rings):
            table.setRowCount(0)
        self._say(Said(Level.WRONG, plain_words(text)))
        self._show_what_can_be_done()

    def parts(self) -> tuple[Part, ...]:
        """What is to be refined."""
        return tuple(part for part, box in self.free.items() if box.isChecked())

    def refine(self) -> None:
        """Refine what is ticked, from the geometry that is shown."""
        of, now, parts = self._of, self._now, self.parts()
        if of is None or now is None:
            self.say("choose a frame and a geometry first")
            return
        self.say("")
        self._say(Said(Level.UNKNOWN, "Looking for the rings, and refining …"))
        self._newest.ask(
            lambda stop: refined(of, now.geometry, parts, stop),
            lambda answer: self._undo.do(
                f"refining {', '.join(parts)}", partial(self._show, answer), partial(self._show, now)
            ),
            lambda text: self._not_refined(now, text),
        )
        self._show_what_can_be_done()

    def undo(self) -> None:
        """Back to the geometry before the last refinement."""
        self._undo.undo()
        self._show_what_can_be_done()

    def redo(self) -> None:
        """The geometry that was refined, again."""
        self._undo.redo()
        self._show_what_can_be_done()

    def _not_refined(self, now: Standing, text: str) -> None:
        self._show(now)
        self._say(Said(Level.WRONG, plain_words(text)))

    def _show(self, standing: Standing) -> None:
        of, self._now = self._of, standing
        if of is None:
            return
        picture, is_refined = standing.picture, standing.refined is not None
        self.image.show_image(picture.counts, picture.two_theta, standing.ticks, picture.masked, picture.step)
        orientation, before = standing.geometry.orientation, of.start.check
        self._say(said_of(standing.check, standing.score, of.trials, orientation, standing.refined, before))
        _fill(self.numbers, place_rows(of.start.place, standing.place))
        _fill(self.rings, ring_rows(standing.check, before if is_refined else None))
        self.rings.setColumnHidden(len(RING_HEADER) - 1, not is_refined or before is None)
        self._show_what_can_be_done()

    def _say(self, said: Said) -> None:
        ground, ink = self._theme.states[said.level]
        self.verdict.setStyleSheet(f"background: {ground}; color: {ink};")
        self.verdict.setText(printable(said.text))
        self.use_better.setVisible(said.better is not None)
        if said.better is not None:
            self.use_better.setText(f"&Use orientation {said.better}")
            self.use_better.setProperty("orientation", said.better)

    def _show_what_can_be_done(self) -> None:
        ready = self._now is not None and not self.busy()
        self.refine_button.setEnabled(ready)
        is_refined = self._now is not None and self._now.refined is not None and self._now.check is not None
        self.save_button.setEnabled(ready and is_refined)
        self.undo_button.setEnabled(ready and self._undo.can_undo())
        self.redo_button.setEnabled(ready and self._undo.can_redo())

    def _turn(self, orientation: int) -> None:
        self.orientation.setCurrentIndex(self.orientation.findData(orientation))
        self.look()

    def save(self) -> None:
        """Write the refined geometry beside the old one, with its accuracy and the report, in a thread."""
        of, now = self._of, self._now
        if of is None or now is None or now.refined is None:
            self.say("nothing to save: refine first")
            return
        self._newest.ask(lambda _: save(of, now, free_name(of.asked.poni)), self._saved, self._not_saved)

    def _saved(self, poni: Path) -> None:
        self.say(f"saved {poni}, with its accuracy and a report; {poni.parent.name} now holds several .poni files")
        self._show_what_can_be_done()
        self.kept.emit(poni)

    def _not_saved(self, text: str) -> None:
        self.say(f"not saved: {text}")
        self._show_what_can_be_done()

    def _ask(self, box: QComboBox, title: str, kinds: str) -> None:
        beside = path_in(box) or path_in(self.frame_box) or path_in(self.geometry_box)
        name, _ = QFileDialog.getOpenFileName(self, title, str(beside.parent) if beside else "", kinds)
        if not name:
            return
        if box is self.calibrant:
            self._take_cif(Path(name))
        else:
            put_first(box, [Path(name)])
        self.look()

    def _poll(self) -> None:
        was_busy = self.busy()
        self._newest.poll()
        if was_busy and not self.busy():
            self._show_what_can_be_done()

    def dragEnterEvent(self, a0: QDragEnterEvent | None) -> None:
        if a0 is not None and dropped_on(a0):
            a0.acceptProposedAction()

    def dropEvent(self, a0: QDropEvent | None) -> None:
        for path in dropped_on(a0) if a0 is not None else []:
            self.take_file(path)

    def done(self, a0: int) -> None:
        """Wait for the question that is being answered."""
        self._timer.stop()
        self._newest.end()
        super().done(a0)


def _table(header: Sequence[str]) -> QTableWidget:
    table = QTableWidget(0, len(header))
    table.setHorizontalHeaderLabels(list(header))
    table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
    table.setTabKeyNavigation(False)
    numbers, names = table.verticalHeader(), table.horizontalHeader()
    if numbers is not None:
        numbers.hide()
        numbers.setDefaultSectionSize(table.fontMetrics().height() + 6)
    if names is not None:
        names.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        names.setStretchLastSection(True)
    return table


def _fill(table: QTableWidget, lines: Sequence[tuple[str, ...]]) -> None:
    table.setRowCount(len(lines))
    for number, line in enumerate(lines):
        for column, cell in enumerate(line):
            item = QTableWidgetItem(cell)
            if column:
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            table.setItem(number, column, item)
