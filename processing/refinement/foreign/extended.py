"""The fit's window and layout with foreign lines in them, and their place at the end of the recorded parameters."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.refinement.foreign.lines import ForeignLine, rows_of
from latticewatch.processing.refinement.model.lines import Layout, layout
from latticewatch.processing.refinement.solver.grid import Window

Floats = NDArray[np.float64]
# A run's parameters hold so many foreign lines; place, sigma, gamma and area of each, zero where there is none.
MOST_FOREIGN = 24
NUMBERS = 4


@dataclass(frozen=True, slots=True)
class Extended:
    """A model with foreign lines. lay and window: with one extra row for each line.

    slots: which of the MOST_FOREIGN places among the parameters is a line's, for as long as it is followed.
    """

    lines: tuple[ForeignLine, ...]
    slots: tuple[int, ...]
    lay: Layout
    window: Window

    def moved_to(self, lines: tuple[ForeignLine, ...]) -> "Extended":
        """The same lines at other places or with other widths."""
        return replace(self, lines=lines, window=_with_rows(self.window, self.lay, lines))

    def joined(self, fresh: tuple[ForeignLine, ...]) -> "Extended":
        """With these lines after the others, as far as there is room."""
        free = [slot for slot in range(MOST_FOREIGN) if slot not in self.slots][: len(fresh)]
        return self._made((*self.lines, *fresh[: len(free)]), (*self.slots, *free))

    def without(self, retired: tuple[int, ...]) -> "Extended":
        """Without the lines of these numbers."""
        stay = [number for number in range(len(self.lines)) if number not in retired]
        return self._made(tuple(self.lines[n] for n in stay), tuple(self.slots[n] for n in stay))

    def _made(self, lines: tuple[ForeignLine, ...], slots: tuple[int, ...]) -> "Extended":
        lay = layout(self.lay.components, self.lay.lines, len(lines))
        return Extended(lines, slots, lay, _with_rows(self.window, self.lay, lines))


def not_extended(window: Window, lay: Layout) -> Extended:
    """The model without foreign lines."""
    return Extended((), (), lay, window)


def packed(x: Floats, model: Extended) -> Floats:
    """The parameters as they are recorded: those of the sample and the background, then the foreign lines."""
    lay = model.lay
    places = np.zeros((MOST_FOREIGN, NUMBERS))
    areas = x[lay.extra : lay.ratio].tolist()
    for slot, line, area in zip(model.slots, model.lines, areas, strict=True):
        places[slot] = line.two_theta, line.sigma, line.gamma, area
    return np.concatenate([x[: lay.extra], x[lay.ratio :], places.ravel()])


def unpacked(parameters: Floats, lay: Layout) -> tuple[Floats, dict[int, tuple[ForeignLine, float]]] | None:
    """The parameters of the sample and the background, and the foreign lines with their areas by slot.

    lay: without foreign lines. Version 0.1 recorded no foreign lines, and for each component neither a Lorentzian share
    nor a free variance nor a split of its own: they are 0. None for parameters of a model with other lines.
    """
    parameters = parameters[: np.flatnonzero(np.isfinite(parameters)).max(initial=-1) + 1]  # filled up where resumed
    if len(parameters) == lay.length - 3 * lay.components + 1:
        ahead, behind = parameters[: lay.shape_difference], parameters[lay.shape_difference :]
        of_variance = behind[: 2 * lay.components]
        return np.concatenate(
            [ahead, np.zeros(lay.components - 1), of_variance, np.zeros(2 * lay.components), behind[len(of_variance) :]]
        ), {}
    if len(parameters) != lay.length + MOST_FOREIGN * NUMBERS:
        return None
    places = parameters[lay.length :]
    rows = places.reshape(-1, NUMBERS).tolist()
    found = {
        slot: (ForeignLine(two_theta, sigma, gamma), area)
        for slot, (two_theta, sigma, gamma, area) in enumerate(rows)
        if sigma > 0.0
    }
    return parameters[: lay.length], found


def _with_rows(window: Window, lay: Layout, lines: tuple[ForeignLine, ...]) -> Window:
    background = window.basis[: lay.extra - lay.background]
    basis = np.ascontiguousarray(np.concatenate([background, rows_of(lines, window.grid)]))
    return replace(window, basis=basis)
