"""The form of the start dialog: folder, geometry, set-up, and what is asked for more rarely."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QLineEdit,
    QPushButton,
    QWidget,
)

from latticewatch.app.run.given import CORRECTIONS, Given
from latticewatch.app.start.judging import ORIENTATIONS
from latticewatch.app.start.profiles import profiles
from latticewatch.app.start.recent import recent, streams
from latticewatch.app.window.path_box import append, files_box, path_in, put_first, with_buttons

# The files that correct an image, and the key of ``Given`` that each is.


class ScanForm(QWidget):
    """What is chosen of a scan's inputs.

    folder_chosen: another folder or file. stream_named: another stream, or none any more. changed: anything else.
    new_wanted: a new set-up is to be made. geometry_wanted: the geometry is to be checked by a standard.
    mask_wanted: a mask is to be drawn.
    """

    folder_chosen = pyqtSignal(Path)
    stream_named = pyqtSignal()
    changed = pyqtSignal()
    new_wanted = pyqtSignal()
    geometry_wanted = pyqtSignal()
    mask_wanted = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self._by_hand: set[QWidget] = set()
        self.folder = files_box("the folder that the detector writes to")
        self.stream = QComboBox()
        self.stream.setEditable(True)
        self.stream.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.stream.setCompleter(None)  # it would write the end of another address behind a port
        self.stream.setToolTip("address of a detector that sends its images; the folder then fills what is lost")
        self._told_stream = ""
        self.geometry_box = files_box("the .poni file; the only one in the folder or one above is taken")
        self.setup_box = files_box("experiment.toml, or a profile that was kept")
        self.corrections = {name: files_box(f"left out: the {name} that the set-up names") for name in CORRECTIONS}
        for box in self.corrections.values():
            box.addItem("as the set-up says", None)
        self.folder.setPlaceholderText("choose or drop a folder")
        self.geometry_box.setPlaceholderText("choose or drop a .poni file")
        self.setup_box.setPlaceholderText("choose experiment.toml, or New")
        self.orientation = QComboBox()
        self.orientation.addItem("as the poni says", None)
        for number in (3, 2, 4, 1):
            self.orientation.addItem(f"{ORIENTATIONS[number]} ({number})", number)
        self.orientation.setToolTip("how the image lies in the geometry (EXIF number); seen by the rings over it")
        self.series = QComboBox()
        self.recursive = QCheckBox("sub-folders too")
        self.include = QLineEdit()
        self.include.setPlaceholderText("all frames; or a pattern such as br_*.cbf")
        self.more = QPushButton("Mask, dark, flat, background, which &files …")
        self.more.setCheckable(True)
        self._lay_out()
        self._name_boxes()
        self._offer_recent()

    def _lay_out(self) -> None:
        form = self.rows = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("&Folder", with_buttons(self.folder, self._ask_folder))
        form.addRow("S&tream", self.stream)
        form.addRow("&Images", self.series)
        form.setRowVisible(self.series, False)
        poni = partial(self._ask_file, self.geometry_box, "Geometry", "pyFAI geometry (*.poni)")
        by_standard = QPushButton("&Check …")
        by_standard.setToolTip("check and refine the geometry by a frame of a standard")
        by_standard.clicked.connect(lambda _: self.geometry_wanted.emit())
        form.addRow("&Geometry", with_buttons(self.geometry_box, poni, by_standard))
        form.addRow("&Orientation", self.orientation)
        new = QPushButton("&New …")
        new.setToolTip("make a set-up of phases")
        new.clicked.connect(lambda _: self.new_wanted.emit())
        toml = partial(self._ask_file, self.setup_box, "Set-up", "Experiment (*.toml)")
        form.addRow("&Set-up", with_buttons(self.setup_box, toml, new))
        form.addRow(self.more)
        rarer: list[QWidget] = [self.recursive, self.include]
        form.addRow("", self.recursive)
        form.addRow("Na&mes", self.include)
        for name, box in self.corrections.items():
            ask = partial(self._ask_file, box, name.capitalize(), "All files (*)")
            row = with_buttons(box, ask, *([self._mask_button()] if name == "mask" else []))
            rarer.append(row)
            form.addRow(name.capitalize(), row)

        def show_more(shown: bool) -> None:
            for row in rarer:
                form.setRowVisible(row, shown)

        show_more(False)
        self.more.toggled.connect(show_more)
        for box in (self.geometry_box, self.setup_box, self.orientation, self.series, *self.corrections.values()):
            box.activated.connect(lambda _, box=box: self._choose(box))
        self.folder.activated.connect(lambda _: self._tell_folder())
        line = self.stream.lineEdit()
        if line is not None:
            line.setPlaceholderText("none; or tcp://HOST:PORT, pva://PV:NAME")
            line.editingFinished.connect(self.tell_stream)
        self.stream.activated.connect(lambda _: self.tell_stream())
        self.recursive.toggled.connect(lambda _: self.changed.emit())
        self.include.editingFinished.connect(self.changed.emit)

    def _mask_button(self) -> QPushButton:
        button = QPushButton("&Edit …")
        button.setToolTip("draw a mask on the frame that is shown")
        button.clicked.connect(lambda _: self.mask_wanted.emit())
        return button

    def _name_boxes(self) -> None:
        named: dict[str, QWidget] = {
            "folder": self.folder,
            "stream": self.stream,
            "images": self.series,
            "geometry": self.geometry_box,
            "orientation": self.orientation,
            "set-up": self.setup_box,
            "sub-folders": self.recursive,
            "names": self.include,
            "more": self.more,
            **self.corrections,
        }
        for name, box in named.items():
            box.setAccessibleName(name)

    def _offer_recent(self) -> None:
        """What was chosen before; nothing of it is chosen yet."""
        known = recent()
        for kind, box in (("folder", self.folder), ("geometry", self.geometry_box), ("setup", self.setup_box)):
            put_first(box, known[kind])
        self.stream.addItems(streams())
        self.stream.setCurrentIndex(-1)
        append(self.setup_box, profiles())
        self._named = set(profiles())  # and what the user drops or picks: its commands may be run
        for box in (self.folder, self.geometry_box, self.setup_box):
            box.setCurrentIndex(-1)

    def given(self) -> Given:
        """What is chosen; None of it: it is looked for."""
        corrections = {name: path_in(box) for name, box in self.corrections.items()}
        return Given(
            geometry=path_in(self.geometry_box),
            experiment=path_in(self.setup_box),
            orientation=self.orientation.currentData(),
            recursive=True if self.recursive.isChecked() else None,
            include=self.include.text().strip() or None,
            dataset=self.series.currentData(),
            **corrections,
        )

    def may_command(self) -> bool:
        """Whether the set-up is a profile or was picked by hand, so that its command may be run."""
        return path_in(self.setup_box) in self._named

    def take(self, box: QComboBox, path: Path) -> None:
        """Choose this file, as picked by hand."""
        put_first(box, [path])
        self._named.add(path)
        self._choose(box)

    def turn(self, orientation: int) -> None:
        """Choose this orientation, as picked by hand."""
        self.orientation.setCurrentIndex(self.orientation.findData(orientation))
        self._choose(self.orientation)

    def take_geometry(self, poni: Path) -> None:
        """Choose a geometry that says itself how the images lie in it."""
        self.orientation.setCurrentIndex(self.orientation.findData(None))
        self.take(self.geometry_box, poni)

    def _choose(self, box: QWidget) -> None:
        self._by_hand.add(box)
        self.changed.emit()

    def forget(self, *, first: bool) -> None:
        """Nothing of another folder's stays. first: no folder was chosen before: what was picked by hand stays."""
        kept = self._by_hand if first else set()
        self.blockSignals(True)
        for box in (self.geometry_box, self.setup_box):
            if box not in kept:
                box.setCurrentIndex(-1)
        for box in (self.orientation, *self.corrections.values()):
            if box not in kept:
                box.setCurrentIndex(max(0, box.findData(None)))
        if not first:
            self.recursive.setChecked(False)
            self.include.clear()
        if self.stream not in kept:
            self.name_stream("")
        self._by_hand = set(kept)
        self.offer_series(())
        self.blockSignals(False)

    def offer(
        self, ponis: Sequence[Path], setups: Sequence[Path], before: Given | None, after: Given | None = None
    ) -> None:
        """Take what was chosen for this folder before, else what is found where there is only one.

        after: inputs of the scan before this one, taken where nothing else is there.
        """
        kept, other = before or Given(), after or Given()
        for box, there, last, then in (
            (self.geometry_box, ponis, kept.geometry, other.geometry),
            (self.setup_box, setups, kept.experiment, other.experiment),
        ):
            chosen = path_in(box) if box in self._by_hand else None
            put_first(box, list(there))
            wanted = chosen or last or (there[0] if len(there) == 1 else None) or then
            put_first(box, [wanted] if wanted is not None else [])
            if wanted is None:
                box.setCurrentIndex(-1)
        if before is not None or after is not None:
            self._recall(before or other)

    def trust(self, setup: Path) -> None:
        """The command of this set-up may be run."""
        self._named.add(setup)

    def _recall(self, before: Given) -> None:
        """What else was chosen for this folder the last time, or for the scan before it."""
        self.blockSignals(True)
        self.orientation.setCurrentIndex(max(0, self.orientation.findData(before.orientation)))
        self.recursive.setChecked(bool(before.recursive))
        self.include.setText(before.include or "")
        for name, box in self.corrections.items():
            path = getattr(before, name)
            if path is not None:
                put_first(box, [path])
        if before.dataset:
            self.offer_series((f"{before.dataset} (as before)",))
            self.series.setCurrentIndex(1)
        rare = (before.recursive, before.include, *(getattr(before, name) for name in CORRECTIONS))
        self.more.setChecked(any(rare))
        self.blockSignals(False)

    def offer_series(self, others: Sequence[str]) -> None:
        """Series of images in one HDF5 file, to choose one; the row is there only where there are several."""
        self.series.clear()
        self.series.addItem("as found", None)
        for each in others:
            self.series.addItem(each, each.rpartition(" (")[0])
        self.rows.setRowVisible(self.series, bool(others))

    def stream_text(self) -> str:
        """The address that is written there; empty: the scan is a folder alone."""
        return self.stream.currentText().strip()

    def name_stream(self, text: str) -> None:
        """Write this address there, as recalled."""
        self._told_stream = text
        self.stream.setEditText(text)

    def tell_stream(self) -> bool:
        """Whether another address is written there than was told; it is told now."""
        if self.stream_text() == self._told_stream:
            return False
        self._told_stream = self.stream_text()
        self._by_hand.add(self.stream)
        self.stream_named.emit()
        return True

    def names_stream(self) -> bool:
        """Whether the address was written or chosen by hand."""
        return self.stream in self._by_hand

    def _tell_folder(self) -> None:
        folder = path_in(self.folder)
        if folder is not None:
            self.folder_chosen.emit(folder)

    def _ask_folder(self) -> None:
        before = path_in(self.folder)
        name = QFileDialog.getExistingDirectory(self, "Folder of the scan", str(before.parent) if before else "")
        if name:
            self.folder_chosen.emit(Path(name))

    def _ask_file(self, box: QComboBox, title: str, kinds: str) -> None:
        beside = path_in(box) or path_in(self.folder)
        name, _ = QFileDialog.getOpenFileName(self, title, str(beside) if beside else "", kinds)
        if name:
            self.take(box, Path(name))
