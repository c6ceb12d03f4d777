"""Colours and fonts of the window: two themes, readable with every kind of colour vision."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyqtgraph as pg
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor, QFont, QFontDatabase, QFontMetrics, QGuiApplication, QPalette
from PyQt6.QtWidgets import QApplication, QWidget

LETTERS = "aÅθχσ²±–…"
FONT_FILES = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSansMono.ttf")


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours by use.

    base, field: ground of plots, and of inputs and lists. components: one per component, in the experiment's order
    (Okabe-Ito, shaded to the ground). states: ground and ink of the banner. views: the same of the bar over the page.
    """

    name: str
    window: str
    base: str
    field: str
    text: str
    faint: str
    grid: str
    highlight: str
    components: tuple[str, ...]
    pins: tuple[str, ...]
    mean: str
    data: str
    calculated: str
    difference: str
    gap: str
    pause: str
    states: dict[str, tuple[str, str]]
    views: dict[str, tuple[str, str]]


LIGHT = Theme(
    name="light",
    window="#f3f4f6",
    base="#ffffff",
    field="#ffffff",
    text="#16191d",
    faint="#5b636e",
    grid="#c9ced6",
    highlight="#1f6fb2",
    components=("#0072b2", "#c1440e", "#007a5a", "#9b4f86"),
    pins=("#b58900", "#7a6ff0", "#2aa198", "#d33682"),
    mean="#16191d",
    data="#4a5058",
    calculated="#111111",
    difference="#6b7280",
    gap="#b3261e",
    pause="#8a9099",
    states={
        "waiting": ("#e4e7eb", "#30363d"),
        "reacting": ("#cfe4f7", "#0b3c63"),
        "paused": ("#ffe3a3", "#4f3700"),
        "complete": ("#c9ead6", "#0c4426"),
        "no_beam": ("#f6cfcb", "#6d120b"),
        "silent": ("#f6cfcb", "#6d120b"),
        "error": ("#8f1d14", "#ffffff"),
    },
    views={"live": ("#f3f4f6", "#0c4426"), "back": ("#ffd166", "#3d2a00"), "held": ("#e9e2ff", "#37216b")},
)
DARK = Theme(
    name="dark",
    window="#1b1e23",
    base="#121417",
    field="#2b3038",
    text="#e8eaed",
    faint="#a3abb6",
    grid="#3a4049",
    highlight="#4a9fe0",
    components=("#56b4e9", "#f08a4b", "#2fbf95", "#d79bc6"),
    pins=("#e6c34a", "#a79cff", "#5fd3c6", "#f27fb8"),
    mean="#f2f3f5",
    data="#aab1bb",
    calculated="#f2f3f5",
    difference="#8f98a5",
    gap="#ff7a70",
    pause="#9aa3af",
    states={
        "waiting": ("#2b3038", "#d5d9df"),
        "reacting": ("#12395a", "#cde6fb"),
        "paused": ("#5c4300", "#ffe7ad"),
        "complete": ("#11472b", "#c6f0d7"),
        "no_beam": ("#5e1710", "#ffd5d0"),
        "silent": ("#5e1710", "#ffd5d0"),
        "error": ("#b3261e", "#ffffff"),
    },
    views={"live": ("#1b1e23", "#9fdcb8"), "back": ("#7a5600", "#ffe7ad"), "held": ("#3b2d66", "#e2d9ff")},
)


def apply_theme(application: QApplication, theme: Theme) -> None:
    """Fusion with this palette, and plots in the same colours. Windows built later take it over."""
    application.setStyle("Fusion")
    application.setPalette(_palette(theme))
    pg.setConfigOptions(
        imageAxisOrder="row-major", antialias=True, background=theme.base, foreground=theme.text, useNumba=False
    )


def applied_theme() -> Theme:
    """The theme whose palette the application has; light where it has neither."""
    window = QApplication.palette().color(QPalette.ColorRole.Window)
    return DARK if window == QColor(DARK.window) else LIGHT


def ensure_font(application: QApplication) -> None:
    """Where the system has no font, as on a bare machine, or one without our letters: those that matplotlib brings.

    Without any font Qt still lists families, and draws a box for every letter.
    """
    metrics = QFontMetrics(application.font())
    if not all(metrics.inFontUcs4(ord(letter)) for letter in LETTERS):
        import matplotlib  # slow to load: matplotlib, and seldom needed

        folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
        for name in FONT_FILES:
            QFontDatabase.addApplicationFont(str(folder / name))
        application.setFont(QFont("DejaVu Sans", 10))


def _palette(theme: Theme) -> QPalette:
    role = QPalette.ColorRole
    palette = QPalette()
    colours = {
        role.Window: theme.window,
        role.WindowText: theme.text,
        role.Base: theme.field,
        role.AlternateBase: theme.window,
        role.Light: theme.grid,
        role.Midlight: theme.grid,
        role.Mid: theme.faint,
        role.Text: theme.text,
        role.Button: theme.window,
        role.ButtonText: theme.text,
        role.ToolTipBase: theme.base,
        role.ToolTipText: theme.text,
        role.PlaceholderText: theme.faint,
        role.Highlight: theme.highlight,
        role.HighlightedText: "#ffffff",
        role.Link: theme.highlight,
    }
    for which, colour in colours.items():
        palette.setColor(which, QColor(colour))
    for which in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, which, QColor(theme.faint))
    return palette


def faded(colour: str, alpha: int) -> QColor:
    """The colour with this opacity, 0 to 255."""
    result = QColor(colour)
    result.setAlpha(alpha)
    return result


def line(colour: QColor | str, width: float, style: Qt.PenStyle = Qt.PenStyle.SolidLine) -> Any:
    """A pen as wide on a screen of many dots as on any other: the plots count in the screen's own pixels."""
    application = QGuiApplication.instance()
    dots = application.devicePixelRatio() if isinstance(application, QGuiApplication) else 1.0
    return pg.mkPen(colour, width=width * dots, style=style)


def mono(widget: QWidget) -> QFont:
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    font.setPointSizeF(widget.font().pointSizeF())
    return font
