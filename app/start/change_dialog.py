"""Other settings for a scan while it is recorded: chosen in a form, shown as a list from old to new, then applied."""

import tempfile
import threading
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtGui import QDragEnterEvent, QDropEvent
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from latticewatch.app.run.changing import ScanChanges
from latticewatch.app.run.given import CORRECTIONS, Given
from latticewatch.app.run.settings_changed import needs_own_file
from latticewatch.app.start.changed_setup import (
    Range,
    Setting,
    angles_in,
    angles_told,
    another_peak,
    changed_text,
    peaks_in,
    peaks_told,
    saved_setup,
    setting_of,
)
from latticewatch.app.start.components_table import ComponentsTable
from latticewatch.app.start.judging import ORIENTATIONS
from latticewatch.app.window.made_again import Offered
from latticewatch.app.window.newest import Newest
from latticewatch.app.window.path_box import dropped_on, files_box, path_in, put_first, with_buttons
from latticewatch.app.window.plain_words import plain_words
from latticewatch.app.window.settings_change import Wanted
from latticewatch.processing.errors import UserError
from latticewatch.processing.text import printable

LOOK_MS, POLL_MS = 300, 60
DRAFT = "changed.toml"
AGAIN = ": all frames must be made again."
FROM_NOW = "The frames from the next one on are integrated, fitted and judged with this. Those before stay as they are."


@dataclass(frozen=True, slots=True)
class Draft:
    """What is in the form. given: its set-up is not written yet."""

    given: Given
    setting: Setting


@dataclass(frozen=True, slots=True)
class Compared:
    """What a draft would change, a line each; refusal: why it cannot, empty where it can."""

    what: tuple[str, ...]
    refusal: str


class ChangeDialog(QDialog):
    """wanted: the settings that were chosen; None until then. again: how all frames can be made again.

    mask: chosen at first, in place of the one in force. peak: where one more is followed at first, degrees.
    """

    def __init__(
        self,
        parent: QWidget,
        changes: ScanChanges,
        again: Offered,
        mask: Path | None = None,
        peak: Range | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Change this scan – LatticeWatch")
        self.setAcceptDrops(True)
        self.wanted: Wanted | None = None
        self._changes, self._now = changes, changes.settings.inputs
        self._compared: Compared | None = None
        self._newest = Newest("other settings")
        setting = setting_of(self._now.experiment, self._now.folder)
        self.components = ComponentsTable(
            tuple(each.source for each in setting.components if isinstance(each.source, Path))
        )
        for choice in setting.components:
            self.components.add_choice(choice)
        self.left_out = QLineEdit(angles_told(setting.left_out))
        self.left_out.setPlaceholderText("nothing; or ranges in degrees, such as 9.5-9.8, 12-12.4")
        peaks = setting.peaks if peak is None else another_peak(setting.peaks, peak)
        self.peaks = QLineEdit(peaks_told(peaks))
        self.peaks.setPlaceholderText("none; or names and ranges in degrees, such as p211 14.2-15.7")
        self.tolerance = QDoubleSpinBox()
        self.tolerance.setRange(0.1, 50.0)
        self.tolerance.setSuffix(" % of the change")
        self.tolerance.setValue(100.0 * setting.tolerance)
        self.geometry_box = files_box("the .poni file")
        if not self._now.are_patterns:
            put_first(self.geometry_box, [Path(self._now.geometry.source).resolve()])
        self.orientation = QComboBox()
        self.orientation.addItem(f"as now ({self._now.geometry.orientation})", None)
        for number, text in ORIENTATIONS.items():
            self.orientation.addItem(f"{text} ({number})", number)
        self.corrections = {name: files_box(f"the {name}; none: nothing is done") for name in CORRECTIONS}
        for name, box in self.corrections.items():
            box.addItem("none", None)
            path: Path | None = getattr(self._now, name)
            if path is not None:
                put_first(box, [path.resolve()])
        if mask is not None:
            put_first(self.corrections["mask"], [mask])
        self.why = QLineEdit()
        self.why.setPlaceholderText("kept with the change, such as: the wrong cell")
        self.list = QPlainTextEdit()
        self.list.setReadOnly(True)
        self.list.setTabChangesFocus(True)
        self.said = QLabel(FROM_NOW)
        self.said.setWordWrap(True)
        self.said.setTextFormat(Qt.TextFormat.PlainText)
        self.from_now = QCheckBox("&From the next frame on, in this run file")
        self.from_now.setChecked(True)
        self._from_patterns = again.from_patterns
        of_which = "the frames so far again, from their patterns" if again.from_patterns else "A&ll frames again"
        self.again = QCheckBox(f"{of_which[:1].upper()}{of_which[1:]}, in a run file of their own")
        self.again.setEnabled(not again.why_not)
        self.again.setToolTip(again.why_not or "made beside this run, which is recorded on")
        self._lay_out()
        self._look_soon = QTimer(self)
        self._look_soon.setSingleShot(True)
        self._look_soon.timeout.connect(self.look)
        self._poll = QTimer(self)
        self._poll.timeout.connect(self._newest.poll)
        self._poll.start(POLL_MS)
        self._connect()
        self.look()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("&Left out of the fit", self.left_out)
        form.addRow("&Peaks without a structure", self.peaks)
        form.addRow("C&omplete leaves", self.tolerance)
        for name, box in {"geometry": self.geometry_box, **self.corrections}.items():
            kinds = "pyFAI geometry (*.poni)" if name == "geometry" else "All files (*)"
            form.addRow(name.capitalize(), with_buttons(box, partial(self._ask_file, box, name.capitalize(), kinds)))
        form.addRow("O&rientation", self.orientation)
        form.addRow("&Why", self.why)
        named: dict[str, QWidget] = {
            "left out": self.left_out,
            "peaks without a structure": self.peaks,
            "tolerance": self.tolerance,
            "geometry": self.geometry_box,
            "orientation": self.orientation,
            "why": self.why,
            "what will change": self.list,
            **self.corrections,
        }
        for name, widget in named.items():
            widget.setAccessibleName(name)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Apply | QDialogButtonBox.StandardButton.Cancel)
        self.apply = self.buttons.button(QDialogButtonBox.StandardButton.Apply)
        self.buttons.rejected.connect(self.reject)
        left, right = QVBoxLayout(), QVBoxLayout()
        left.addWidget(QLabel("Components"))
        left.addWidget(self.components, 1)
        left.addLayout(self.components.buttons())
        left.addLayout(form)
        right.addWidget(QLabel("What will change"))
        right.addWidget(self.list, 1)
        right.addWidget(self.said)
        right.addWidget(self.from_now)
        right.addWidget(self.again)
        sides = QHBoxLayout()
        sides.addLayout(left, 3)
        sides.addLayout(right, 2)
        layout = QVBoxLayout(self)
        layout.addLayout(sides, 1)
        layout.addWidget(self.buttons)
        self.resize(980, 560)

    def _connect(self) -> None:
        def later() -> None:
            self._enable(None)
            self._look_soon.start(LOOK_MS)

        self.components.changed.connect(later)
        for text in (self.left_out, self.peaks):
            text.textChanged.connect(lambda _: later())
        self.tolerance.valueChanged.connect(lambda _: later())
        for box in (self.geometry_box, self.orientation, *self.corrections.values()):
            box.currentIndexChanged.connect(lambda _: later())
        for choice in (self.from_now, self.again):
            choice.toggled.connect(lambda _: self._enable(self._compared))
        if self.apply is not None:
            self.apply.clicked.connect(lambda _: self.accept())

    def draft(self) -> Draft:
        """What is in the form. Raises UserError for ranges that are none."""
        given = replace(
            self._changes.given,
            geometry=path_in(self.geometry_box),
            mask=path_in(self.corrections["mask"]),
            dark=path_in(self.corrections["dark"]),
            flat=path_in(self.corrections["flat"]),
            background=path_in(self.corrections["background"]),
        )
        turned = self.orientation.currentData()
        if turned is not None:
            given = replace(given, orientation=turned)
        left_out = angles_in(self.left_out.text())
        tolerance = round(self.tolerance.value() / 100.0, 6)
        setting = Setting(tuple(self.components.choices()), left_out, tolerance, peaks_in(self.peaks.text()))
        return Draft(given, setting)

    def look(self) -> None:
        """Compare what is in the form with the settings in force, in a thread."""
        self._enable(None)
        try:
            draft = self.draft()
        except UserError as error:
            self._refused(str(error))
            return
        self._newest.ask(partial(self._compare, draft), self._show, self._refused)

    def _compare(self, draft: Draft, stop: threading.Event) -> Compared:
        del stop
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / DRAFT
            path.write_text(self._text(draft), encoding="utf-8")
            try:
                settings = self._changes.read(replace(draft.given, experiment=path))
            except UserError as error:
                raise UserError(str(error).replace(str(path), "the set-up")) from None
        what = self._changes.compared(settings)
        return Compared(tuple(map(str, what)), needs_own_file(self._now, settings.inputs) if what else "")

    def _text(self, draft: Draft) -> str:
        return changed_text(self._now.experiment_text, self._now.folder, draft.setting)

    def _show(self, compared: Compared) -> None:
        self.list.setPlainText("\n".join(map(printable, compared.what)) or "nothing")
        self.said.setText(f"{compared.refusal}{AGAIN}" if compared.refusal else FROM_NOW)
        self.from_now.setEnabled(not compared.refusal)
        if compared.refusal and compared.what:
            self.from_now.setChecked(False)
            self.again.setChecked(self.again.isEnabled() and not self._from_patterns)
        elif not self.again.isChecked():
            self.from_now.setChecked(True)
        self._enable(compared)

    def _refused(self, text: str) -> None:
        self.list.setPlainText("")
        self.said.setText(plain_words(text))
        self._enable(None)

    def _enable(self, compared: Compared | None) -> None:
        self._compared = compared
        if self.apply is not None:
            is_chosen = self.from_now.isChecked() or (self.again.isChecked() and not self._from_patterns)
            self.apply.setEnabled(compared is not None and bool(compared.what) and is_chosen)

    def _ask_file(self, box: QComboBox, title: str, kinds: str) -> None:
        beside = path_in(box) or Path(self._now.geometry.source)
        name, _ = QFileDialog.getOpenFileName(self, title, str(beside), kinds)
        if name:
            put_first(box, [Path(name)])

    def dragEnterEvent(self, a0: QDragEnterEvent | None) -> None:
        if a0 is not None and dropped_on(a0):
            a0.acceptProposedAction()

    def dropEvent(self, a0: QDropEvent | None) -> None:
        """CIFs become components, a .poni the geometry, any other file the mask."""
        for path in dropped_on(a0) if a0 is not None else []:
            if path.suffix == ".cif":
                self.components.add(path)
            else:
                put_first(self.geometry_box if path.suffix == ".poni" else self.corrections["mask"], [path])

    def accept(self) -> None:
        """Keep the set-up among the profiles; where it cannot be kept that is said, and nothing is changed."""
        compared = self._compared
        if compared is None or self.apply is None or not self.apply.isEnabled():
            return
        try:
            draft = self.draft()
            path = saved_setup(self._text(draft), f"{self._changes.name}_changed")
        except UserError as error:
            self._refused(str(error))
            return
        given, why = replace(draft.given, experiment=path), self.why.text().strip()
        self.wanted = Wanted(given, why, compared.what, self.from_now.isChecked(), self.again.isChecked())
        super().accept()

    def done(self, a0: int) -> None:
        """Wait for what is being compared."""
        self._look_soon.stop()
        self._poll.stop()
        self._newest.end()
        super().done(a0)


def ask_change(
    parent: QWidget, changes: ScanChanges, again: Offered, mask: Path | None = None, peak: Range | None = None
) -> Wanted | None:
    """Ask for other settings of this scan; None: they stay. again: how all frames can be made again.

    mask: the one that is chosen at first. peak: where one more is followed at first, degrees.
    """
    dialog = ChangeDialog(parent, changes, again, mask, peak)
    dialog.exec()
    dialog.deleteLater()
    return dialog.wanted
