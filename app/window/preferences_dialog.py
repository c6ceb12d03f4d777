"""The dialog of the preferences."""

import shlex
from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from latticewatch.app.window.preferences import SIZES, Preferences, command_of
from latticewatch.processing.errors import UserError
from latticewatch.widgets.map_bar import UNITS

BESIDE = "beside the scan's folder"


class PreferencesDialog(QDialog):
    """Asks for preferences; ``chosen`` holds them once they were accepted.

    try_out: gives an alarm in these ways; None: there is no button for it.
    """

    def __init__(
        self, parent: QWidget | None, before: Preferences, try_out: Callable[[Preferences], object] | None = None
    ) -> None:
        super().__init__(parent)
        self.chosen: Preferences | None = None
        self.setWindowTitle("Preferences – LatticeWatch")
        self.dark = _check("dark windows", before.dark)
        self.size_box = QComboBox()
        for size in SIZES:
            self.size_box.addItem(f"{100.0 * size:.0f} %", size)
        self.size_box.setCurrentIndex(SIZES.index(before.size))
        self.size_box.setToolTip("of letters, lines and windows, from the next start on")
        self.angles = QComboBox()
        self.angles.addItems(UNITS)
        self.angles.setCurrentText(before.angles)
        self.clock = _check("time of day, where the files tell it", before.clock)
        self.runs = QLineEdit(str(before.runs or ""))
        self.runs.setPlaceholderText(BESIDE)
        self.sound = _check("a sound", before.sound)
        self.repeat = _check("again every minute until seen", before.repeat)
        self.notice = _check("a notice of the desktop", before.notice)
        self.command = QLineEdit(shlex.join(before.command))
        self.command.setPlaceholderText("none")
        self.command.setToolTip(
            "run as you, without a shell, for each alarm; the alarm and the window's title are its last arguments"
        )
        self.said = QLabel()
        self.said.setTextFormat(Qt.TextFormat.PlainText)
        self.said.setWordWrap(True)
        named: dict[str, QWidget] = {
            "size": self.size_box,
            "angles": self.angles,
            "run folder": self.runs,
            "command for each alarm": self.command,
        }
        for name, box in named.items():
            box.setAccessibleName(name)
        self._lay_out(try_out)

    def _lay_out(self, try_out: Callable[[Preferences], object] | None) -> None:
        browse = QPushButton("…")
        browse.setAccessibleName("browse")
        browse.setFixedWidth(32)
        browse.clicked.connect(lambda _: self._ask_folder())
        folder = QHBoxLayout()
        folder.addWidget(self.runs, 1)
        folder.addWidget(browse)
        windows = QFormLayout()
        windows.addRow("Theme", self.dark)
        windows.addRow("&Size", self.size_box)
        windows.addRow("&Angles", self.angles)
        windows.addRow("Times", self.clock)
        runs = QFormLayout()
        runs.addRow("Folder of new runs", folder)
        alarms = QFormLayout()
        for box in (self.sound, self.repeat, self.notice):
            alarms.addRow(box)
        alarms.addRow("&Command", self.command)
        if try_out is not None:
            button = QPushButton("&Try it")
            button.setToolTip("give an alarm in these ways now")
            button.clicked.connect(lambda _: self._with_read(try_out))
            alarms.addRow(button)
        kinds = QDialogButtonBox.StandardButton
        buttons = QDialogButtonBox(kinds.Ok | kinds.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        for title, form in (("Windows", windows), ("Recording", runs), ("Alarms", alarms)):
            group = QGroupBox(title)
            group.setLayout(form)
            layout.addWidget(group)
        layout.addWidget(self.said)
        layout.addWidget(buttons)
        self.setMinimumWidth(460)

    def preferences(self) -> Preferences:
        """What is in the form. Raises UserError for a folder or a command that cannot be."""
        text = self.runs.text().strip()
        runs = Path(text).expanduser() if text else None
        if runs is not None and not runs.is_absolute():
            raise UserError(f"folder of new runs: {text} is no whole path; choose a folder")
        return Preferences(
            dark=self.dark.isChecked(),
            size=self.size_box.currentData(),
            angles=self.angles.currentText(),
            clock=self.clock.isChecked(),
            runs=runs,
            sound=self.sound.isChecked(),
            repeat=self.repeat.isChecked(),
            notice=self.notice.isChecked(),
            command=command_of(self.command.text()),
        )

    def accept(self) -> None:
        self._with_read(self._keep)

    def _keep(self, preferences: Preferences) -> None:
        self.chosen = preferences
        super().accept()

    def _with_read(self, act: Callable[[Preferences], object]) -> None:
        """Do this with what is in the form; what cannot be is said."""
        self.said.clear()
        try:
            act(self.preferences())
        except UserError as error:
            self.said.setText(str(error))

    def _ask_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Folder of new runs", self.runs.text())
        if name:
            self.runs.setText(name)


def ask_for_preferences(
    parent: QWidget, before: Preferences, try_out: Callable[[Preferences], object] | None = None
) -> Preferences | None:
    """What the user chose; None: the dialog was closed."""
    dialog = PreferencesDialog(parent, before, try_out)
    dialog.exec()
    dialog.deleteLater()
    return dialog.chosen


def _check(text: str, is_on: bool) -> QCheckBox:
    box = QCheckBox(text)
    box.setChecked(is_on)
    return box
