"""For those who use the keyboard or a reader: what Tab goes through, in which order, and what each thing is called."""

from collections.abc import Iterable, Mapping
from itertools import pairwise

import pyqtgraph as pg
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QAbstractScrollArea, QWidget


def name_plots(plots: Mapping[str, pg.PlotWidget]) -> None:
    """Give these plots their names, and let Tab pass them by: in a plot it is the window's keys that act."""
    for name, plot in plots.items():
        plot.setAccessibleName(name)
        plot.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        viewport = plot.viewport()
        if viewport is not None:
            viewport.setFocusPolicy(Qt.FocusPolicy.NoFocus)


def order_tabs(parts: Iterable[QWidget]) -> None:
    """Let Tab go through these parts of a window in this order, within each as it was built."""
    shown = list(parts)
    every = (each for part in shown for each in (part, *part.findChildren(QWidget)))
    # The list that a box unfolds is a window of its own.
    stops = [each for each in every if stops_tab(each) and each.window() is shown[0].window()]
    for before, after in pairwise(stops):
        QWidget.setTabOrder(before, after)


def stops_tab(widget: QWidget) -> bool:
    """Whether Tab stops here; the inside of a scrolled view is not a stop of its own."""
    inside = isinstance(widget.parent(), QAbstractScrollArea)
    return bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus) and widget.focusProxy() is None and not inside
