"""The start for people who do not type: folder, geometry, set-up; the first frame is checked at once."""

import logging
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtGui import QDragEnterEvent, QDropEvent
from PyQt6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from latticewatch.app.checks.machine import display
from latticewatch.app.run.decisions import is_run
from latticewatch.app.run.given import Given
from latticewatch.app.run.request import Request
from latticewatch.app.start.first_look import FirstLook, first_look
from latticewatch.app.start.profiles import profiles, saved_profile
from latticewatch.app.start.recent import recent, remember
from latticewatch.app.window.access import name_plots
from latticewatch.app.window.application import make_application
from latticewatch.app.window.path_box import append, dropped_on, files_box, path_in, put_first
from latticewatch.processing.crystal.phase import shipped_phases
from latticewatch.processing.errors import UserError
from latticewatch.processing.sources.pacing import Transport
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
POLL_MS, MOST_PHASES = 80, 4
STACKS = (".h5", ".hdf5", ".nxs")
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


class StartDialog(QDialog):
    """Asks for a scan and its inputs; ``start`` holds the answer once it was accepted."""

    def __init__(self, theme: Theme, look: Callable[[Path, Given], FirstLook] = first_look) -> None:
        super().__init__()
        self._theme, self._look = theme, look
        self._thread: threading.Thread | None = None
        self._asked = self._answered = 0
        self._answer: FirstLook | str = ""
        self.start: Request | None = None
        self._run_file: Path | None = None
        self.setWindowTitle("Watch a scan – LatticeWatch")
        self.setAcceptDrops(True)
        self.folder = files_box("the folder that the detector writes to")
        self.geometry_box = files_box("the .poni file; those in the folder and one above are offered")
        self.setup_box = files_box("experiment.toml, or a profile that was kept")
        self.orientation = QComboBox()
        for text, number in ORIENTATIONS:
            self.orientation.addItem(text, number)
        self.series = QComboBox()
        self.phases = [QComboBox() for _ in range(MOST_PHASES)]
        for box in self.phases:
            box.addItems(["no phase", *shipped_phases()])
        self.verdict = QLabel("Choose a folder, or drop one here; a run file that is dropped is shown again.")
        self.verdict.setTextFormat(Qt.TextFormat.PlainText)
        self.verdict.setWordWrap(True)
        self.image = ImageView()
        self._pattern: PatternView | None = None
        self._lay_out()
        self._name_boxes()
        self._offer_recent()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._poll)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.addRow("&Folder", self._with_button(self.folder, self._ask_folder))
        form.addRow("&Images", self.series)
        form.setRowVisible(self.series, False)
        self._form = form
        form.addRow(
            "&Geometry",
            self._with_button(self.geometry_box, partial(self._ask_file, "Geometry", "pyFAI geometry (*.poni)")),
        )
        form.addRow("&Orientation", self.orientation)
        form.addRow(
            "&Set-up", self._with_button(self.setup_box, partial(self._ask_file, "Set-up", "Experiment (*.toml)"))
        )
        new = QHBoxLayout()
        for box in self.phases:
            new.addWidget(box)
        keep = QPushButton("&New set-up of these")
        keep.clicked.connect(self._new_setup)
        new.addWidget(keep)
        form.addRow("Phases", new)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self._ok().setText("&Watch")
        self._ok().setEnabled(False)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.views = QSplitter(Qt.Orientation.Horizontal)
        self.views.addWidget(self.image)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(self.verdict)
        layout.addWidget(self.views, 1)
        layout.addWidget(self.buttons)
        self.resize(1100, 700)
        for box in (self.geometry_box, self.setup_box, self.orientation, self.series):
            box.activated.connect(lambda _: self.check())
        self.folder.activated.connect(lambda _: self._take_chosen_folder())

    def _name_boxes(self) -> None:
        named = {"folder": self.folder, "geometry": self.geometry_box, "set-up": self.setup_box}
        phases = {f"phase {number + 1}": box for number, box in enumerate(self.phases)}
        for name, box in {**named, "images": self.series, "orientation": self.orientation, **phases}.items():
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

    def _with_button(self, box: QComboBox, ask: Callable[[], None]) -> QWidget:
        holder = QWidget()
        layout = QHBoxLayout(holder)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(box, 1)
        button = QPushButton("…")
        button.setAccessibleName("browse")
        button.clicked.connect(lambda _: ask())
        layout.addWidget(button)
        return holder

    def _ok(self) -> QPushButton:
        button = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        if button is None:
            raise LookupError("the dialog has no OK button")
        return button

    def _take_chosen_folder(self) -> None:
        folder = path_in(self.folder)
        if folder is not None:
            self.take_folder(folder)

    def take_folder(self, folder: Path) -> None:
        """Choose this folder or stack; geometry and set-up found in it or one above are offered."""
        put_first(self.folder, [folder])
        self._offer_series(())
        within = (folder if folder.is_dir() else folder.parent).resolve()
        places = dict.fromkeys((within, within.parent))
        put_first(self.geometry_box, [path for place in places for path in sorted(place.glob("*.poni"))])
        put_first(self.setup_box, [path for place in places for path in sorted(place.glob("experiment.toml"))])
        self.check()

    def _offer_series(self, others: Sequence[str]) -> None:
        """Series of images in one HDF5 file, to choose one; the row is there only where there are several."""
        self.series.clear()
        self.series.addItem("as found", None)
        for each in others:
            self.series.addItem(each, each.rpartition(" (")[0])
        self._form.setRowVisible(self.series, bool(others))

    def take_file(self, path: Path) -> None:
        """Take what was dropped or chosen: a folder, a poni, a set-up, a run file, a stack."""
        if path.is_dir():
            self.take_folder(path)
            return
        if path.suffix in STACKS:
            self._take_stack(path)
            return
        box = {".poni": self.geometry_box, ".toml": self.setup_box}.get(path.suffix)
        if box is None:
            self.verdict.setText(f"{path.name}: give a folder, a .poni, a .toml, a run file or an HDF5 stack")
            return
        put_first(box, [path])
        self._named.add(path)
        self.check()

    def _take_stack(self, path: Path) -> None:
        if not is_run(path):
            self.take_folder(path)
            return
        self._run_file = path
        self.verdict.setText(f"{path.name} is a run file: it is shown again as it was recorded")
        self._ok().setText("&Replay")
        self._ok().setEnabled(True)

    def chosen(self) -> tuple[Path, Given] | None:
        """What is in the form; None while something is missing."""
        folder, geometry, setup = (path_in(box) for box in (self.folder, self.geometry_box, self.setup_box))
        if folder is None or geometry is None or setup is None:
            return None
        turned, dataset = self.orientation.currentData(), self.series.currentData()
        return folder, Given(geometry=geometry, experiment=setup, orientation=turned, dataset=dataset)

    def check(self) -> None:
        """Look at the first frame, in a thread; only the newest question's answer is shown."""
        chosen = self.chosen()
        self._run_file = None
        self._ok().setText("&Watch")
        self._ok().setEnabled(False)
        if chosen is None:
            names = (("a folder", self.folder), ("a .poni file", self.geometry_box), ("a set-up", self.setup_box))
            self.verdict.setText(f"still missing: {', '.join(name for name, box in names if path_in(box) is None)}")
            return
        self.verdict.setText("looking at the first frame …")
        self._asked += 1
        self._timer.start(POLL_MS)
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, args=(*chosen, self._asked), name="first look")
            self._thread.start()

    def busy(self) -> bool:
        """True while a first frame is being looked at."""
        return self._timer.isActive()

    def _run(self, folder: Path, given: Given, number: int) -> None:
        try:
            self._answer = self._look(folder, given)
        except UserError as error:
            self._answer = str(error)
        except Exception as error:  # whatever is wrong with one scan: it is said, and another can be chosen
            log.exception("the first look failed")
            self._answer = f"{folder}: internal error ({type(error).__name__}: {error}); choose another scan"
        self._answered = number

    def _poll(self) -> None:
        if self._thread is not None and self._thread.is_alive():
            return
        self._timer.stop()
        if self._answered != self._asked:
            self._asked -= 1
            self.check()
            return
        if isinstance(self._answer, str):
            self.verdict.setText(self._answer)
        else:
            self._show(self._answer)

    def _show(self, look: FirstLook) -> None:
        self.verdict.setText(f"{look.name}: {look.verdict}")
        if look.others:
            self._offer_series(look.others)
        self.image.show_image(look.picture.counts, look.picture.two_theta, look.ticks, look.picture.masked)
        if self._pattern is not None:
            self._pattern.setParent(None)
            self._pattern.deleteLater()
        names = tuple(component.name for component in look.setup.components)
        self._pattern = PatternView(self._theme, names, look.setup.wavelength_A)
        self.views.addWidget(self._pattern)
        self.views.setSizes([480, 620])
        self._pattern.show_frame(Shown(look.setup.title or look.name, look.pattern, look.curves, look.ticks))
        self._ok().setEnabled(True)

    def _ask_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Folder of the scan")
        if name:
            self.take_folder(Path(name))

    def _ask_file(self, title: str, kinds: str) -> None:
        name, _ = QFileDialog.getOpenFileName(self, title, "", kinds)
        if name:
            self.take_file(Path(name))

    def _new_setup(self) -> None:
        chosen = [box.currentText() for box in self.phases if box.currentText() in shipped_phases()]
        if not chosen:
            self.verdict.setText("choose at least one phase")
            return
        self.take_file(saved_profile(chosen))

    def dragEnterEvent(self, a0: QDragEnterEvent | None) -> None:
        if a0 is not None and dropped_on(a0):
            a0.acceptProposedAction()

    def dropEvent(self, a0: QDropEvent | None) -> None:
        for path in dropped_on(a0) if a0 is not None else []:
            self.take_file(path)

    def accept(self) -> None:
        """Start with what is in the form, or with the run file that was dropped."""
        chosen = self.chosen()
        if self._run_file is not None:
            self.start = Request(self._run_file, transport=Transport())
        elif chosen is not None:
            folder, given = chosen
            self.start = Request(folder, given, live=True, may_command=given.experiment in self._named)
            remember(folder, given)
        super().accept()

    def done(self, a0: int) -> None:
        """Wait for the look that is under way."""
        self._timer.stop()
        if self._thread is not None:
            self._thread.join()
        super().done(a0)
