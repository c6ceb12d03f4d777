"""From intensities to the 256 entries of the map's colour table."""

from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PyQt6.QtGui import QColor

from latticewatch.widgets.theme import Theme

COLOURS, HATCH, HOLE = 254, 254, 255


@dataclass(frozen=True, slots=True)
class Levels:
    """Intensities at the two ends of the colour scale."""

    low: float
    high: float


def lookup_table(theme: Theme, *, diverging: bool = False) -> NDArray[np.uint8]:
    """Cividis, or a scale with a middle, both read alike with every kind of colour vision; then a hole's: (256, 4)."""
    table = np.full((256, 4), 255, np.uint8)
    name = "CET-CBD1" if diverging else "cividis"
    table[:COLOURS] = pg.colormap.get(name).getLookupTable(nPts=COLOURS, alpha=True)
    for number, colour in ((HATCH, QColor(theme.gap)), (HOLE, QColor(theme.window))):
        table[number, :3] = colour.red(), colour.green(), colour.blue()
    return table


def indices(values: NDArray[np.float32], levels: Levels, scale: str) -> NDArray[np.uint8]:
    """Colour numbers on a ``linear``, ``sqrt`` or ``log`` scale; HOLE where the value is -inf."""
    hole = np.isneginf(values)
    span = levels.high - levels.low
    share = np.clip((values - np.float32(levels.low)) / np.float32(span), 0.0, 1.0)
    if scale == "sqrt":
        share = np.sqrt(share)
    elif scale == "log":
        share = np.log1p(share * np.float32(99.0)) / np.float32(np.log(100.0))
    image: NDArray[np.uint8] = (share * np.float32(COLOURS - 1)).astype(np.uint8)
    image[hole] = HOLE
    return image
