"""Every test of the window starts in the light theme."""

import threading

import pytest
from PyQt6.QtWidgets import QApplication

from latticewatch.widgets.theme import LIGHT, apply_theme


@pytest.fixture(autouse=True)
def theme(qapp: QApplication) -> None:
    apply_theme(qapp, LIGHT)


@pytest.fixture
def gate() -> threading.Event:
    return threading.Event()
