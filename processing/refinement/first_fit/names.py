"""Which lattice is which component: from the user's cells, and from where the lattices were when last seen.

Intensities may decide only what both of these leave open: they are off by ten per cent in any real sample, and two
isostructural phases differ by little more.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from latticewatch.processing.refinement.model.lines import Lines

Floats = NDArray[np.float64]
# Start cells that differ by less (Å) may be the wrong way round: they may be off by so much from tabulated ones.
OPEN_A = 0.1
# Two phases may be taken for each other where this share of the scattering of either lies on lines of the other.
ON_LINES_OF_OTHER = 0.8


class Names(NamedTuple):
    """Where each component is expected, and how two that may be taken for each other lie.

    cells: (components,) in Å. order: (components, components), the sign of cell q less cell p where it is known,
    else 0. exchangeable: (components, components), whether one may be taken for the other.
    """

    cells: Floats
    order: Floats
    exchangeable: NDArray[np.bool_]


def names_of(lines: Lines, last_A: Floats) -> Names:
    """last_A: where each lattice was when last told apart, (components,) in Å, NaN for never."""
    seen = np.isfinite(last_A)
    cells = np.where(seen, last_A, lines.cell)
    both_seen = seen[:, None] & seen[None, :]
    difference = cells[None, :] - cells[:, None]
    exchangeable = _exchangeable(lines)
    given = lines.cell[None, :] - lines.cell[:, None]
    # Lattices that exchange come together and do not pass each other: the user's order holds for the whole run.
    order = np.where(np.abs(given) > OPEN_A, np.sign(given), np.where(both_seen, np.sign(difference), 0.0))
    return Names(cells, np.where(exchangeable, order, 0.0), exchangeable)


def in_order(cells: Floats, names: Names, margin_A: float = 0.0) -> bool:
    """Whether these cells lie as is known, or are the wrong way round by less than the margin."""
    difference = cells[None, :] - cells[:, None]
    return not bool((names.order * difference < -margin_A).any())


def put_in_order(cells: tuple[float, ...], names: Names) -> tuple[float, ...]:
    """These cells with those exchanged that are the wrong way round."""
    new = list(cells)
    for q in range(len(new)):
        for p in range(q):
            if names.order[p, q] * (new[q] - new[p]) < 0.0:
                new[p], new[q] = new[q], new[p]
    return tuple(new)


def nearest_of_two(cell_A: float, names: Names) -> int:
    """Which of two exchangeable components a single lattice is by its cell, -1 where that is open."""
    if not names.exchangeable[0, 1]:
        return -1
    away = np.abs(names.cells - cell_A)
    nearest = int(np.argmin(away))
    return nearest if away[nearest] < OPEN_A < away[1 - nearest] - away[nearest] else -1


def _exchangeable(lines: Lines) -> NDArray[np.bool_]:
    squares = np.rint(lines.root_n**2).astype(np.int64)
    share = np.exp(lines.log_base)
    count = len(lines.cell)
    on_other = np.ones((count, count))
    for p in range(count):
        mine = lines.phase == p
        for q in range(count):
            others = squares[lines.phase == q]
            on_other[p, q] = float(share[mine & np.isin(squares, others)].sum())
    either: NDArray[np.bool_] = (on_other > ON_LINES_OF_OTHER) & (on_other.T > ON_LINES_OF_OTHER)
    return either & ~np.eye(count, dtype=np.bool_)
