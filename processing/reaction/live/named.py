"""How a quantity that was chosen by its name is followed, so that a usual change of it is one for the hypotheses."""

import math
from dataclasses import replace

from latticewatch.processing.flow.fit import NAN
from latticewatch.processing.flow.quantity import OF_CELL, Quantity
from latticewatch.processing.reaction.live.follower import DISTANCE, LATTICE, WatchedQuantity
from latticewatch.processing.reaction.live.motion import SingleMotion

# The least strain of a cell, and the least change of an amount, that is a reaction.
LEAST_STRAIN, LEAST_AMOUNT = 3e-4, 0.02
LEAST_FRACTION = 0.005
# An edge of so many Å changes as the lattice parameters do that the hypotheses are made for.
USUAL_A = 5.0
# The first area of a peak is what others are compared with; one within so many esds of nothing is not.
CLEAR = 20.0


def followed(quantity: Quantity) -> WatchedQuantity:
    """Edges, ratios, angles and places of peaks like a lattice parameter, shares like an amount; areas and widths of
    peaks change by shares of themselves."""
    noun = f"The {quantity.label}"
    if quantity.kind == "distance":
        return replace(DISTANCE, noun=noun, named=quantity)
    if quantity.kind in OF_CELL or quantity.kind == "position":
        least = LEAST_STRAIN * USUAL_A
        return replace(LATTICE, noun=noun, moves="changes", least=least, sleeps=True, named=quantity)
    least = LEAST_FRACTION if quantity.kind == "fraction" else LEAST_AMOUNT
    return WatchedQuantity(
        noun,
        SingleMotion(),
        "changes",
        typical=0.5,
        least=least,
        amount=quantity.is_amount,
        sleeps=True,
        named=quantity,
    )


class Scale:
    """Brings the values of one quantity to the units that they are followed in."""

    def __init__(self, quantity: Quantity) -> None:
        self._quantity = quantity
        self._first_area = NAN

    def scaled(self, value: float, esd: float) -> tuple[float, float]:
        """A value and its esd as they are followed: a length as the strain of an edge of 5 Å, a volume as that of the
        edge of a cube, an angle of a cell as the way of its edge's end, a place of a peak as the strain of its planes
        (by Bragg's law); an area over the first one, a width as the half of its logarithm."""
        kind = self._quantity.kind
        if kind == "area":
            if math.isnan(self._first_area) and esd > 0.0:
                self._first_area = max(value, CLEAR * esd)
            return value / self._first_area, esd / self._first_area
        if not value > 0.0 or (kind not in OF_CELL and kind not in ("position", "fwhm")):
            return value, esd
        if kind == "position":
            half = math.radians(value) / 2.0
            return -USUAL_A * math.log(math.sin(half)), USUAL_A * math.radians(esd) / (2.0 * math.tan(half))
        if kind == "fwhm":
            return math.log(value) / 2.0, esd / (2.0 * value)
        if self._quantity.unit == "deg":
            return USUAL_A * math.radians(value), USUAL_A * math.radians(esd)
        edges = 3.0 if kind == "volume" else 1.0
        return USUAL_A * math.log(value) / edges, USUAL_A * esd / (value * edges)
