"""The main views as pictures, against small references.

A picture is thinned to 160 x 90 grey pixels, so that a font's hinting does not count but a view that is missing,
moved or empty does. Tolerance: mean difference of 4 and 98th percentile of 40, of 255 grey levels.
To make the references anew: LATTICEWATCH_NEW_REFERENCES=1, and look at them.
"""

import os
from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QFont, QFontDatabase, QImage
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from latticewatch.app.window.main_window import MainWindow
from latticewatch.app.window.shown_run import ShownRun
from latticewatch.widgets.theme import DARK, LIGHT, Theme, apply_theme
from tests.window.synthetic import make_series, make_setup

REFERENCES = Path(__file__).parent / "reference"
MEAN, MOST = 4.0, 40.0


def choose(window: MainWindow) -> None:
    """An older frame with a mark."""
    assert window.page is not None
    window.page.choose(20)
    window.marks.add(30.0, "flow stopped")


def whole(window: MainWindow) -> None:
    """The whole pattern in the map, the strip under the trace."""
    assert window.page is not None
    window.page.map.toggle_whole()
    window.page.toggle_strip()


def flipped(window: MainWindow) -> None:
    """Time downward in the map, two patterns pinned."""
    assert window.page is not None
    window.page.map.flip()
    window.page.pin_beginning()


def gaps(window: MainWindow) -> None:
    """The list of frames without a number."""
    window.docks.toggle_frames()
    window.docks.frames.gaps_only.setChecked(True)


CASES: dict[str, tuple[Theme, Callable[[MainWindow], None]]] = {
    "light": (LIGHT, lambda _: None),
    "dark": (DARK, choose),
    "wall": (LIGHT, MainWindow.toggle_wall),
    "whole": (LIGHT, whole),
    "flipped": (DARK, flipped),
    "gaps": (LIGHT, gaps),
}


@pytest.fixture
def plain_font(qapp: QApplication) -> None:
    """The font that matplotlib brings, so that every machine draws the same letters."""
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"):
        QFontDatabase.addApplicationFont(str(fonts / name))
    qapp.setFont(QFont("DejaVu Sans", 10))


def grey(picture: QImage) -> np.ndarray:
    """(90, 160) grey levels."""
    mode = (Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)
    small = picture.scaled(160, 90, *mode).convertToFormat(QImage.Format.Format_Grayscale8)
    bits = small.constBits()
    assert bits is not None
    bits.setsize(small.sizeInBytes())
    return np.frombuffer(bytes(bits), np.uint8).reshape(90, small.bytesPerLine())[:, :160].astype(float)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.skipif(os.environ.get("QT_QPA_PLATFORM") != "offscreen", reason="references were drawn offscreen")
def test_the_window_looks_as_it_did(name: str, qtbot: QtBot, qapp: QApplication, plain_font: None) -> None:
    theme, act = CASES[name]
    apply_theme(qapp, theme)
    series, refinement = make_series(120, bins=900)
    window = MainWindow("visual", theme=theme)
    qtbot.addWidget(window)
    window.show_run(ShownRun(make_setup(), series, refinement, Path("run.h5")))
    window.resize(1280, 720)
    window.lay_out_unseen()
    window.catch_up()
    act(window)
    window.resize(1280, 720)
    window.status.hide()  # it has a clock
    window.catch_up()
    picture = window.grab().toImage()
    if os.environ.get("LATTICEWATCH_NEW_REFERENCES"):
        picture.scaled(160, 90, transformMode=Qt.TransformationMode.SmoothTransformation).save(
            str(REFERENCES / f"{name}.png")
        )
    difference = np.abs(grey(picture) - grey(QImage(str(REFERENCES / f"{name}.png"))))
    assert difference.mean() < MEAN
    assert np.percentile(difference, 98) < MOST


def test_the_tolerance_sees_a_view_that_is_gone(plain_font: None) -> None:
    light = grey(QImage(str(REFERENCES / "light.png")))
    without_map = light.copy()
    without_map[12:45, 10:90] = light[60, 100]
    assert np.percentile(np.abs(without_map - light), 98) > MOST
    assert np.abs(grey(QImage(str(REFERENCES / "whole.png"))) - light).mean() > MEAN
